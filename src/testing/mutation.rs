//! Whether tests tell rules from their mutants.

use std::collections::BTreeMap;

use rules::Rule;

use super::model::TestFile;
use super::mutants::mutants;
use super::run::{RunError, Verdicts};
use crate::program::EngineChoice;
use crate::span::Span;

/// A mutant and whether a test told it from its rule.
#[derive(Clone, Debug)]
pub struct MutantOutcome {
    /// The rule, by its place in the file's rules.
    pub rule: usize,
    /// What was changed.
    pub change: String,
    /// Whether some test has another verdict.
    pub killed: bool,
}

impl TestFile {
    /// Runs all mutants of the rules that the tests `chosen` by their place among the cases are for,
    /// each on the traces of its rule's tests.
    ///
    /// # Errors
    /// Rules or traces that cannot be run, and rules of which there are too many mutants.
    pub fn mutate(&self, chosen: &[usize]) -> Result<Vec<MutantOutcome>, RunError> {
        let mut traces: BTreeMap<usize, Vec<&[Span]>> = BTreeMap::new();
        for case in chosen.iter().map(|&case| &self.cases[case]) {
            traces.entry(case.rule).or_default().push(&self.traces[case.trace]);
        }
        let mut outcomes = Vec::new();
        for (number, traces) in traces {
            let rule = &self.rules.rules[number];
            let mutants = mutants(&rule.statement)
                .ok_or_else(|| RunError::TooManyMutants { rule: rule.id.clone() })?;
            let statements = mutants.iter().map(|mutant| &mutant.statement);
            // The rule itself has the first place.
            let rules = [&rule.statement].into_iter().chain(statements).map(|statement| {
                let mut mutant = Rule { statement: statement.clone(), ..rule.clone() };
                mutant.signal.context.clear();
                mutant
            });
            let engine = EngineChoice::Columns;
            let found = Verdicts::of(rules.enumerate(), &traces, engine, &|_, _| false)?;
            for (place, mutant) in mutants.into_iter().enumerate() {
                let mut traces = 0..traces.len();
                let differs = |trace| found.verdict(place + 1, trace) != found.verdict(0, trace);
                let killed = traces.any(differs);
                outcomes.push(MutantOutcome { rule: number, change: mutant.change, killed });
            }
        }
        Ok(outcomes)
    }
}
