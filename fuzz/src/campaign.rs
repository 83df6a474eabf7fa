//! Runs a fuzz target: a few thousand inputs from fixed seeds as an ordinary test, or as many as a
//! given time allows from fresh ones.
//!
//! `BETRACE_FUZZ_SECONDS` or `BETRACE_FUZZ_INPUTS` asks for the long form. `BETRACE_FUZZ_SEED` names
//! the first seed; a finding is tried again by its own. Either way one line says how it went:
//! `rule-text: 3000 inputs tried, 0 findings, seed 0`. So does one after every 10,000 inputs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::bytes::Bytes;

/// Findings after which a campaign ends.
const ENOUGH: usize = 8;
/// Inputs between two lines of a long run.
const SAID_EVERY: u64 = 10_000;

/// Tries a target on the inputs of `least` seeds, and on more while there is time. A finding is an
/// input on which `check` panics.
///
/// # Panics
/// If there are findings, at the end.
pub fn campaign(target: &str, least: u64, check: impl Fn(&mut Bytes<'_>)) {
    let (seconds, inputs) = (number("BETRACE_FUZZ_SECONDS"), number("BETRACE_FUZZ_INPUTS"));
    let fresh = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(1, |now| now.as_nanos() as u64 >> 10)
    };
    let first =
        number("BETRACE_FUZZ_SEED").unwrap_or_else(|| seconds.or(inputs).map_or(0, |_| fresh()));
    let (started, time) = (Instant::now(), Duration::from_secs(seconds.unwrap_or(0)));
    let least = inputs.unwrap_or(if seconds.is_some() { 1 } else { least });
    let mut tried = 0;
    let mut findings = Vec::new();
    while (tried < least || started.elapsed() < time) && findings.len() < ENOUGH {
        let seed = first.wrapping_add(tried);
        let input = AssertUnwindSafe(|| check(&mut Bytes::seeded(seed)));
        if catch_unwind(input).is_err() {
            findings.push(seed);
        }
        tried += 1;
        if tried.is_multiple_of(SAID_EVERY) {
            say(target, tried, findings.len(), first);
        }
    }
    if !tried.is_multiple_of(SAID_EVERY) {
        say(target, tried, findings.len(), first);
    }
    assert!(findings.is_empty(), "{target} fails for BETRACE_FUZZ_SEED in {findings:?}");
}

#[expect(clippy::print_stdout, reason = "the outcome of a campaign is for people and scripts")]
fn say(target: &str, tried: u64, findings: usize, first: u64) {
    println!("{target}: {tried} inputs tried, {findings} findings, seed {first}");
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
