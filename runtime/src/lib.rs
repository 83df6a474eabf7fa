//! From a module and segments to verdicts: segments → masks → folded rules → witnesses →
//! [`Signal`]s, in order, and a [`RuleReport`] a rule.
//!
//! [`replay`] runs it all on several threads; what it delivers is the same for any number of them.

mod context;
mod fold;
mod found;
mod held;
mod judge;
mod order;
mod plan;
mod range;
mod replay;
mod report;
mod signal;
mod witness;

pub use context::{Context, ContextEntry, ContextValue, VALUE_LIMIT};
pub use range::{Moment, RangeError, TimeRange, date_of, day_number};
pub use replay::{Error, Options, Outcome, Segments, replay};
pub use report::{DayReport, EXAMPLE_LIMIT, RuleReport};
pub use signal::{SIGNAL_SCHEMA, Signal, rfc3339};
pub use witness::SPAN_LIMIT;
