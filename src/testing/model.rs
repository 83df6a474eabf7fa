//! What a file of rule tests says, checked.

use std::ops::Range;

use compiler::Diagnostic;
use rules::RuleSet;

use crate::span::Span;

/// What a rule says of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The rule applies, and the trace breaks it.
    Violated,
    /// The rule applies, and the trace keeps it.
    Passed,
    /// The rule's `when` does not hold.
    NotApplicable,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 3] = [Self::Violated, Self::Passed, Self::NotApplicable];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Violated => "violated",
            Self::Passed => "passed",
            Self::NotApplicable => "not-applicable",
        }
    }

    /// The verdict that `name` is the word for.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.name() == name)
    }
}

/// A file of rule tests, with the rules that it tests.
#[derive(Debug)]
pub struct TestFile {
    /// Its path.
    pub name: String,
    /// What it holds.
    pub text: String,
    /// Errors; places are bytes of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The rules that it tests, and others of their files.
    pub rules: RuleSet,
    /// The traces of its tests.
    pub traces: Vec<Vec<Span>>,
    /// What its tests expect: one for each rule and test.
    pub cases: Vec<Case>,
    /// Mutants that no test need tell from their rules.
    pub excuses: Vec<Excuse>,
}

/// What a test expects of one rule.
#[derive(Clone, Debug)]
pub struct Case {
    /// The test's name.
    pub name: String,
    /// The rule, by its place in the file's rules.
    pub rule: usize,
    /// The trace, by its place in the file's traces.
    pub trace: usize,
    /// The verdict.
    pub verdict: Verdict,
    /// The ids of all witness spans, by start.
    pub witness: Option<Vec<u64>>,
    /// The context of the signal: names with their values, in canonical text.
    pub context: Option<Vec<(String, Vec<String>)>>,
    /// Bytes of the file where the test's name stands.
    pub place: Range<usize>,
}

/// A mutant that survives for a good reason.
#[derive(Clone, Debug)]
pub struct Excuse {
    /// The rule's id.
    pub rule: String,
    /// What the mutant changes, as reports name it.
    pub mutant: String,
    /// Why no trace can tell it from the rule, or none need.
    pub why: String,
    /// Bytes of the file where it stands.
    pub place: Range<usize>,
}
