//! Rules, with what reports and signals need of them.

use super::{FieldId, FormulaId, OperationId};

/// How grave a violation is, gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// `critical`
    Critical,
    /// `high`
    High,
    /// `medium`
    Medium,
    /// `low`
    Low,
    /// `info`
    Info,
}

impl Severity {
    /// All severities, gravest first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Info => "info",
        }
    }

    /// The severity that `name` is the word for.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

/// One rule: violated by a trace on which `when` holds, and some `always` clause does not or some
/// `never` clause does.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Stable id, unique in the module.
    pub id: Box<str>,
    /// How grave a violation is.
    pub severity: Severity,
    /// Hash of everything that decides a verdict, in lower-case hex.
    pub hash: Box<str>,
    /// What kind of event a signal is, for machines, such as `PAYMENT_IDEMPOTENCY_VIOLATION`.
    pub signal_type: Option<Box<str>>,
    /// What a signal says, as the rule's author put it; the rule's name otherwise.
    pub message: Box<str>,
    /// What must hold for the rule to apply; without it, it applies to every trace.
    pub when: Option<FormulaId>,
    /// What must all hold, term by term.
    pub always: Vec<Clause>,
    /// What must not hold, alternative by alternative.
    pub never: Vec<Clause>,
    /// The operations that it names: a trace with a span of one of them exercises the rule.
    pub operations: Vec<OperationId>,
    /// The values that a signal carries, by name.
    pub context: Vec<(Box<str>, FieldId)>,
}

/// A part of `always` or `never` with its canonical text.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// What it means.
    pub formula: FormulaId,
    /// What it says.
    pub text: Box<str>,
}
