//! Tests of rules: files with traces and what rules say of them.
//!
//! [`rules::test_files`] finds files, [`TestFile::load`] reads one with the rules that it is for, and
//! [`TestFile::run`] runs its tests on every engine.

mod file;
mod model;
mod otlp;
mod read;
mod run;

pub use model::{Case, Excuse, TestFile, Verdict};
pub use rules::test_files;
pub use run::{Answer, ENGINES, Failure, Outcome, RunError};
