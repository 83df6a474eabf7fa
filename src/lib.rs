//! Checks invariants over OpenTelemetry traces: [`RuleSet`] → [`Program`] → [`Replay`] → [`Report`].
//!
//! Rules are loaded and checked once, compiled once, and shared by any number of threads. A replay
//! takes spans from files, from OTLP JSON in memory or one by one, in any order, and gives exact
//! verdicts: a [`Signal`] for every violation with its evidence, a [`RuleReport`] for every rule,
//! and a statement of [`Completeness`] that says what was read and what was not.
//!
//! ```
//! use betrace::{CompileOptions, Program, Replay, ReplayOptions, RuleSet};
//!
//! let rules = RuleSet::from_text("rules.yaml", "
//! rules:
//!   - id: charge-needs-reservation
//!     severity: critical
//!     invariant: trace.has(payment.charge) and trace.has(inventory.reserve)
//! ");
//! assert_eq!(rules.errors(), 0);
//! let program = Program::compile(&rules, &CompileOptions::default())?;
//! let mut replay = Replay::new(&program, ReplayOptions::default());
//! replay.push_otlp("request", br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{
//!     "traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174",
//!     "name":"payment.charge","startTimeUnixNano":"1","endTimeUnixNano":"2"}]}]}]}"#)?;
//! let mut signals = Vec::new();
//! let report = replay.finish(&mut |signal| Ok(signals.push(signal)))?;
//! assert_eq!(report.rules[0].violated, 1);
//! assert_eq!(signals[0].missing, ["trace.has(inventory.reserve)"]);
//! assert_eq!(report.completeness.spans, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! There is no global state, nothing is printed, and no input makes it panic.

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod completeness;
mod corpus;
pub mod diff;
pub mod explain;
pub mod lint;
pub mod notation;
mod outlook;
mod program;
pub mod recorded;
mod replay;
mod span;
mod survey;
pub mod testing;

pub use compiler::{LeftToLoops, Limit};
pub use completeness::{Completeness, Malformed, Note};
pub use corpora::build::SegmentSize;
pub use corpora::corpus::{
    AttributeStat, Compacted, CorpusError, Dropped, Erased, Extent, Folder, GenerateError, Ingest,
    IngestOptions, IngestReport, OperationStat, Problem, Pruned, Snapshot, Stat, Verified, Writer,
    generate as generate_corpus, guard_maps,
};
pub use corpora::generate;
pub use corpora::otlp::Recognition;
pub use corpus::Corpus;
pub use ir::module::Severity;
pub use ir::{Module, Value};
pub use outlook::{Outlook, PassedOver, Touched};
pub use program::{CompileError, CompileOptions, EngineChoice, Program};
pub use replay::{Replay, ReplayError, ReplayOptions, Report};
pub use rules::{LoadError, Rule, RuleSet};
pub use runtime::{Context, DayReport, Moment, RangeError, RuleReport, Signal, rfc3339};
pub use span::{Kind, Span, Status};
pub use survey::Sighting;
