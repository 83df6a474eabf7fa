//! Whether tests tell rules from their mutants.

use hashbrown::{HashMap, HashSet};
use rules::Rule;

use super::model::TestFile;
use super::mutants::mutants;
use super::run::{RunError, Verdicts};
use crate::program::EngineChoice;

/// Mutants that are run at a time, with the rules that say where they apply: a bound on memory, as
/// each of them is judged on every trace.
const AT_ONCE: usize = 2_000;

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
    /// Runs all mutants of the rules that the tests `chosen` by their place among the cases are for.
    ///
    /// # Errors
    /// Rules or traces that cannot be run.
    pub fn mutate(&self, chosen: &[usize]) -> Result<Vec<MutantOutcome>, RunError> {
        let mut traces: HashMap<usize, HashSet<usize>> = HashMap::new();
        for case in chosen.iter().map(|&case| &self.cases[case]) {
            traces.entry(case.rule).or_default().insert(case.trace);
        }
        let rules = self.rules.rules.iter().enumerate();
        let tested: Vec<(usize, &Rule)> =
            rules.filter(|(number, _)| traces.contains_key(number)).collect();
        let engine = EngineChoice::Columns;
        let verdicts = |rules: Vec<(usize, Rule)>| {
            Verdicts::of(rules.into_iter(), &self.traces, 0..self.traces.len(), engine)
        };
        let mut mutated = Vec::new();
        for &(number, rule) in &tested {
            for mutant in mutants(&rule.statement) {
                let rule = Rule { statement: mutant.statement, ..bare(rule) };
                mutated.push((number, mutant.change, rule));
            }
        }
        let own = verdicts(tested.iter().map(|&(number, rule)| (number, bare(rule))).collect())?;
        let mut outcomes = Vec::new();
        for some in mutated.chunks(AT_ONCE) {
            let rules = some.iter().enumerate().map(|(place, (_, _, rule))| (place, rule.clone()));
            let found = verdicts(rules.collect())?;
            for (place, (rule, change, _)) in some.iter().enumerate() {
                let differs =
                    |&trace: &usize| found.verdict(place, trace) != own.verdict(*rule, trace);
                let killed = traces[rule].iter().any(differs);
                outcomes.push(MutantOutcome { rule: *rule, change: change.clone(), killed });
            }
        }
        Ok(outcomes)
    }
}

/// A rule without what no verdict needs.
fn bare(rule: &Rule) -> Rule {
    let mut rule = rule.clone();
    rule.signal.context.clear();
    rule
}
