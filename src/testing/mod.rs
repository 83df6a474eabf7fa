//! Tests of rules: files with traces and what rules say of them.
//!
//! [`test_files`] finds files, [`TestFile::load`] reads one with the rules that it is for, and
//! [`TestFile::run`] runs its tests on every engine. [`Coverage`] says what tests leave out, and
//! [`TestFile::mutate`] which changes of the rules they would not notice.

mod coverage;
mod file;
mod model;
mod mutants;
mod mutation;
mod read;
mod run;
mod steps;

pub use coverage::{Coverage, CoverageError, PartCoverage, RuleCoverage};
pub use model::{Case, Excuse, TestFile, Verdict};
pub use mutants::{Mutant, mutants};
pub use mutation::MutantOutcome;
pub use rules::test_files;
pub use run::{Answer, ENGINES, Failure, Outcome, RunError, jit_refusal};
