//! Traces from text, rules from calls, and a replay of one over the other.

mod rules;
mod traces;

use std::convert::Infallible;
use std::num::NonZeroUsize;

use betrace_runtime::{Options, RuleReport, Signal, TimeRange, replay};
use ir::{Interpreter, Module};
pub use rules::{Rules, at_least, at_most, equal};
pub use traces::{BASE, DAY, MS, segments};

/// Replays over segments of `per_segment` traces each.
pub fn run_with(
    module: &Module,
    traces: &str,
    per_segment: usize,
    options: &Options,
) -> (Vec<RuleReport>, Vec<Signal>) {
    ir::verify::verify(module).unwrap();
    let next = |number| Ok::<_, Infallible>(segments(traces, per_segment).into_iter().nth(number));
    let mut signals = Vec::new();
    let outcome = replay(module, &Interpreter, options, &next, &mut |signal| {
        signals.push(signal);
        Ok(())
    });
    (outcome.unwrap().reports, signals)
}

/// Replays over one segment.
pub fn run(module: &Module, traces: &str) -> (Vec<RuleReport>, Vec<Signal>) {
    run_with(module, traces, usize::MAX, &Options::default())
}

/// The only signal of a replay, as JSON.
pub fn only_signal(module: &Module, traces: &str) -> serde_json::Value {
    let (_, signals) = run(module, traces);
    assert_eq!(signals.len(), 1, "{signals:?}");
    serde_json::to_value(&signals[0]).unwrap()
}

/// Span ids of the only signal, in the short form that the notation has.
pub fn witness(module: &Module, traces: &str) -> String {
    let signal = only_signal(module, traces);
    let ids = signal["span_ids"].as_array().unwrap().iter();
    let short = ids.map(|id| id.as_str().unwrap().trim_start_matches('0').to_owned());
    short.collect::<Vec<_>>().join(" ")
}

pub fn options(threads: usize, range: TimeRange) -> Options {
    Options { threads: NonZeroUsize::new(threads).unwrap(), range, ..Options::default() }
}
