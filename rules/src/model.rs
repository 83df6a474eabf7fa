//! What a rule file says, checked: rules and alerts.

use std::collections::BTreeMap;
use std::ops::Range;

use compiler::{Params, Places, Statement, WordReading};
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
    /// Where its parts stand.
    pub written: Written,
    /// Codes of warnings that its annotation [`ALLOW`] silenced when it was read.
    pub silenced: Vec<&'static str>,
}

/// The annotation that names, separated by commas, the warnings that a rule means to live with.
pub const ALLOW: &str = "lint.allow";

impl Rule {
    /// The codes that its annotation [`ALLOW`] names.
    pub fn allowed(&self) -> impl Iterator<Item = &str> {
        allowed(&self.annotations)
    }
}

/// The codes that the annotation [`ALLOW`] names.
pub(crate) fn allowed(annotations: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    let codes = annotations.get(ALLOW).map(String::as_str).unwrap_or_default();
    codes.split(',').map(str::trim).filter(|code| !code.is_empty())
}

/// Where the parts of a rule stand, in bytes of its file.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// The whole rule.
    pub rule: Range<usize>,
    /// Its condition, as the YAML has it.
    pub text: Range<usize>,
    /// The parts of its condition.
    pub parts: Places,
    /// Its parameters, by name.
    pub params: Vec<(String, Entry)>,
    /// Its `params:`.
    pub all_params: Option<Entry>,
    /// The keys of its context.
    pub context: Vec<Range<usize>>,
    /// Its `signal:`.
    pub signal: Option<Entry>,
    /// Its annotation [`ALLOW`].
    pub allow: Option<Entry>,
}

/// Where an entry of a map stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: Range<usize>,
    /// Its value.
    pub value: Range<usize>,
}

/// The `signal:` block of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
