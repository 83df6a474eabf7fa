//! Lints: what they find, what they leave alone, and what their fixes do.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod fixes;
mod pages;

use betrace::RuleSet;
use betrace::lint::lint;

#[test]
fn there_is_nothing_to_say_of_the_library() {
    let set = RuleSet::from_paths([concat!(env!("CARGO_MANIFEST_DIR"), "/rules")]).unwrap();
    assert!(set.rules.len() > 150, "{} rules", set.rules.len());
    let found = lint(&set, None);
    let found = found.iter().map(|one| (one.rule.as_deref(), &one.diagnostic.title));
    assert_eq!(found.collect::<Vec<_>>(), []);
}

#[test]
fn only_the_rule_that_allows_a_lint_is_spared() {
    let guessed = "severity: low\n    condition: trace.has(a)\n";
    let allow = "    annotations: { lint.allow: 'polarity-guessed, no-such-lint' }\n";
    let two = format!("rules:\n  - id: a\n    {guessed}{allow}  - id: b\n    {guessed}");
    let set = RuleSet::from_text("rules.yaml", &two);
    assert_eq!(set.diagnostics().count(), 1, "{}", set.render(false));
    // The two say the same, which neither allows.
    assert_eq!(codes(&two), ["unused-allowance", "duplicate-rule", "polarity-guessed"]);
    let found = lint(&set, None);
    assert_eq!(found[2].rule.as_deref(), Some("b"));
}

/// The codes of what is found in a text, without data, in order.
fn codes(text: &str) -> Vec<&'static str> {
    let set = RuleSet::from_text("rules.yaml", text);
    assert_eq!(set.errors(), 0, "{}", set.render(false));
    let found = lint(&set, None);
    found.iter().map(|finding| finding.diagnostic.code).collect()
}

/// A file of one rule.
fn rule(condition: &str) -> String {
    format!("rules:\n  - id: one\n    severity: low\n    condition: |\n      {condition}\n")
}
