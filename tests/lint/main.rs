//! Lints: what they find, what they leave alone, and what their fixes do.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod fixes;
mod pages;

/// The codes of what is found in a text, without data, in order.
fn codes(text: &str) -> Vec<&'static str> {
    let set = betrace::RuleSet::from_text("rules.yaml", text);
    assert_eq!(set.errors(), 0, "{}", set.render(false));
    let found = betrace::lint::lint(&set, None);
    found.iter().map(|finding| finding.diagnostic.code).collect()
}

/// A file of one rule.
fn rule(condition: &str) -> String {
    format!("rules:\n  - id: one\n    severity: low\n    condition: |\n      {condition}\n")
}
