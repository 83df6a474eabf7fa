//! What a rule means and on what data: [`Module`] + [`Segment`] → [`Engine`] → [`Mask`]s.
//!
//! The narrow waist of the project. Rules arrive here as a module (predicates over one span, atoms
//! and formulas over one trace), traces as segments (columns, shredded by operation); an engine
//! turns both into masks over traces. The [`Interpreter`] is the meaning; every other engine must
//! agree with it bit for bit.

mod engine;
pub mod interpret;
mod mask;
pub mod module;
mod moves;
mod number;
mod schema;
pub mod segment;
pub mod text;
pub mod value;
pub mod verify;

pub use engine::{Answer, Engine, Interpreter};
pub use mask::Mask;
pub use module::Module;
pub use number::{Number, canonical_integer, whole};
pub use schema::{Reads, Schema};
pub use segment::{Fault, Segment};
pub use value::{Datum, Type, Value};
