//! What tests leave out: verdicts that no test of a rule expects, and parts of its condition that were
//! never true or never false.

use std::path::{Path, PathBuf};

use compiler::LowerError;
use hashbrown::HashMap;
use ir::Fault;

use super::model::{Case, TestFile, Verdict};
use crate::explain::{Explainer, Part};
use crate::span::Span;

/// What the tests of some files cover, rule by rule.
#[derive(Debug, Default)]
pub struct Coverage {
    /// The rules, in the order of their files.
    pub rules: Vec<RuleCoverage>,
    /// Place in `rules`, by file and id: several files may test one rule.
    places: HashMap<(PathBuf, String), usize>,
}

/// What tests cover of one rule.
#[derive(Clone, Debug)]
pub struct RuleCoverage {
    /// The rule's id.
    pub id: String,
    /// Verdicts that the rule can come to, and whether a test expects each.
    pub verdicts: Vec<(Verdict, bool)>,
    /// The parts of its condition without its clauses, which are the parts below them.
    pub parts: Vec<PartCoverage>,
}

/// Whether a part was seen true and seen false.
#[derive(Clone, Debug)]
pub struct PartCoverage {
    /// The part.
    pub part: Part,
    /// Whether it was true of some trace or span.
    pub was_true: bool,
    /// Whether it was false of one.
    pub was_false: bool,
}

/// Why coverage cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum CoverageError {
    /// A statement that no rule text gave.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// A trace that does not hold what a rule reads.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Coverage {
    /// Adds the rules of a file, and what its tests `chosen` by their place among the cases cover.
    ///
    /// # Errors
    /// Never for rules and traces of a file that was loaded.
    pub fn add(&mut self, file: &TestFile, chosen: &[usize]) -> Result<(), CoverageError> {
        let mut cases: HashMap<usize, Vec<&Case>> = HashMap::new();
        for case in chosen.iter().map(|&case| &file.cases[case]) {
            cases.entry(case.rule).or_default().push(case);
        }
        for (number, rule) in file.rules.rules.iter().enumerate() {
            let explainer = Explainer::new(rule)?;
            let path = Path::new(&file.rules.files[rule.source.file].name);
            let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            let next = self.rules.len();
            let place = *self.places.entry((path, rule.id.clone())).or_insert(next);
            if place == next {
                let has_when = rule.statement.when.is_some();
                self.rules.push(RuleCoverage::none(&rule.id, has_when, explainer.parts()));
            }
            let cases = cases.get(&number).map(Vec::as_slice).unwrap_or_default();
            let traces: Vec<&[Span]> =
                cases.iter().map(|case| file.traces[case.trace].as_slice()).collect();
            self.rules[place].see(cases, &explainer, &traces)?;
        }
        Ok(())
    }

    /// How many things are covered, of how many: each verdict of each rule, and each part of its
    /// condition as true and as false.
    pub fn totals(&self) -> (u64, u64) {
        self.rules
            .iter()
            .flat_map(RuleCoverage::things)
            .fold((0, 0), |(covered, all), is| (covered + u64::from(is), all + 1))
    }
}

impl RuleCoverage {
    fn none(id: &str, has_when: bool, parts: &[Part]) -> Self {
        let verdicts = Verdict::ALL.into_iter();
        let verdicts = verdicts.filter(|verdict| has_when || *verdict != Verdict::NotApplicable);
        let part =
            |part: &Part| PartCoverage { part: part.clone(), was_true: false, was_false: false };
        Self {
            id: id.to_owned(),
            verdicts: verdicts.map(|verdict| (verdict, false)).collect(),
            parts: parts.iter().filter(|part| !part.kind.is_clause()).map(part).collect(),
        }
    }

    fn see(
        &mut self,
        cases: &[&Case],
        explainer: &Explainer,
        traces: &[&[Span]],
    ) -> Result<(), Fault> {
        if cases.is_empty() {
            return Ok(());
        }
        for (verdict, seen) in &mut self.verdicts {
            *seen |= cases.iter().any(|case| case.verdict == *verdict);
        }
        let looked = explainer.look(traces);
        for trace in 0..traces.len() {
            let values = explainer.explain(&looked, trace)?;
            let values = explainer.parts().iter().zip(&values);
            let values = values.filter(|(part, _)| !part.kind.is_clause());
            for (covered, (_, value)) in self.parts.iter_mut().zip(values) {
                covered.was_true |= value.is_ever(true);
                covered.was_false |= value.is_ever(false);
            }
        }
        Ok(())
    }

    /// Whether each of the things is covered that tests of the rule should cover.
    pub fn things(&self) -> impl Iterator<Item = bool> {
        let verdicts = self.verdicts.iter().map(|(_, seen)| *seen);
        verdicts.chain(self.parts.iter().flat_map(|part| [part.was_true, part.was_false]))
    }
}
