//! What is said beside the results of a replay.

use compiler::printable;

use super::console::Console;
use super::exit::Failure;
use super::traces::failure;
use crate::{Corpus, LeftToLoops, Program, Report, RuleReport, Sighting, rfc3339};

/// Says that machine code is refused where it would have run the rules.
pub fn refusal(program: &Program, console: &mut Console) {
    if let Some(refusal) = program.jit_refusal() {
        console
            .note(&format!("note: no machine code ({refusal}); loops over columns run the rules"));
    }
}

/// Says that loops ran rules for which machine code was asked.
pub fn left_to_loops(program: &Program, console: &mut Console) {
    if let [LeftToLoops { rule, why }, others @ ..] = &*program.left_to_loops() {
        let others = match others.len() {
            0 => String::new(),
            1 => " and 1 more rule".to_owned(),
            others => format!(" and {others} more rules"),
        };
        console.note(&format!("warning: loops over columns ran part of `{rule}`{others}: {why}"));
    }
}

/// Of each rule that no trace of a corpus exercised, its operations and when they were last seen; nothing
/// of a corpus without traces.
///
/// # Errors
/// A segment that was not made to hold what the rules read.
pub fn unexercised<'r>(
    program: &Program,
    corpus: &Corpus,
    report: &'r Report,
) -> Result<Vec<(&'r str, Vec<Sighting>)>, Failure> {
    let rules = program.module().rules.iter().zip(&report.rules);
    let rules = rules.filter(|(_, report)| report.exercised == 0 && report.traces > 0);
    let sightings = |(rule, report): (_, &'r RuleReport)| {
        Ok((&*report.id, corpus.sightings(program, rule).map_err(failure)?))
    };
    rules.map(sightings).collect()
}

/// Says when the operations of those rules were last seen.
pub fn sightings(unexercised: &[(&str, Vec<Sighting>)], console: &mut Console) {
    for (rule, sightings) in unexercised {
        for Sighting { operation, last, nearest } in sightings {
            let seen = match (last, &nearest[..]) {
                (Some(last), _) => format!("was last seen in a trace of {}", rfc3339(*last)),
                (None, []) => "was never seen".to_owned(),
                (None, names) => format!("was never seen; names like it: {}", names.join(", ")),
            };
            let (operation, seen) = (printable(operation), printable(&seen));
            console.note(&format!("note: no trace exercised {rule}: {operation} {seen}"));
        }
    }
}
