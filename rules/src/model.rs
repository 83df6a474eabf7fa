//! What a rule file says, checked: rules and alerts.

use std::collections::BTreeMap;
use std::ops::Range;

use compiler::{Params, Statement, WordReading};
use ir::module::Severity;

/// One rule of a file.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Stable id, unique in the set.
    pub id: String,
    /// Human-readable name; the id if the file gives none.
    pub name: String,
    /// What the rule is for.
    pub description: Option<String>,
    /// How grave a violation is.
    pub severity: Severity,
    /// What the rule says, in canonical form.
    pub statement: Statement,
    /// How each bare word of its text was read.
    pub words: Vec<WordReading>,
    /// Its parameters.
    pub params: Params,
    /// What a signal of it carries.
    pub signal: SignalSpec,
    /// Labels to select by.
    pub labels: BTreeMap<String, String>,
    /// Notes for people and other tools.
    pub annotations: BTreeMap<String, String>,
    /// Where a runbook for it lies.
    pub runbook_url: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Whether it runs.
    pub enabled: bool,
    /// Where it came from.
    pub source: Place,
}

/// The `signal:` block of a rule.
#[derive(Clone, Debug, Default)]
pub struct SignalSpec {
    /// A type for machines, such as `PAYMENT_IDEMPOTENCY_VIOLATION`.
    pub kind: Option<String>,
    /// What a signal says; the rule's name if absent.
    pub message: Option<String>,
    /// Keys whose values a signal carries.
    pub context: Vec<String>,
}

/// An entry of `alerts:`: whom to tell of a rule's violations.
#[derive(Clone, Debug)]
pub struct Alert {
    /// The rule.
    pub rule_id: String,
    /// Tell only of this severity.
    pub severity: Option<Severity>,
    /// How, such as `pagerduty`.
    pub notification: Option<String>,
    /// Where to: kind (`slack`, `email`, …) and address.
    pub channels: Vec<(String, String)>,
    /// Where it came from.
    pub source: Place,
}

/// A place in a file of the set.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Number of the file in the set.
    pub file: usize,
    /// Bytes of the file.
    pub span: Range<usize>,
}
