//! Applies fixes to the files of a set, and makes sure that nothing else changes.

use compiler::{Edit, Fix, without_literal_patterns};
use rules::{Rule, RuleSet};

use super::{Finding, lint};

/// How often a file is looked at anew: fixes can make room for others.
const ROUNDS: usize = 8;

/// A file after its fixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The new text.
    pub text: String,
    /// How many fixes there were.
    pub fixes: usize,
}

/// Applies all fixes to one file of a set: those that change no rule's meaning, on any data, and with
/// `all` the others, too. None where there is nothing to fix.
///
/// A fix that would change more than it should is left out.
pub fn fixed(set: &RuleSet, file: usize, all: bool) -> Option<Fixed> {
    let name = &set.files[file].name;
    let mut done = Fixed { text: set.files[file].text.clone(), fixes: 0 };
    for _ in 0..ROUNDS {
        let now = RuleSet::from_text(name, &done.text);
        let findings = lint(&now, None);
        let fixes: Vec<&Finding> = findings
            .iter()
            .filter(|one| one.diagnostic.fix.as_ref().is_some_and(|fix| all || fix.exact))
            .collect();
        // A file whose rules stand in other files too is fixed as if it stood alone.
        let Some((text, count)) = applied(&now, &fixes) else { break };
        done.text = text;
        done.fixes += count;
    }
    (done.fixes > 0).then_some(done)
}

/// The text with as many of the fixes as can be applied together, and how many that are.
fn applied(set: &RuleSet, findings: &[&Finding]) -> Option<(String, usize)> {
    let mut good: Vec<&Finding> = Vec::new();
    let mut text = None;
    let together = apart(findings);
    if let Some(whole) = attempt(set, &together) {
        return (!together.is_empty()).then_some((whole, together.len()));
    }
    for finding in together {
        good.push(finding);
        match attempt(set, &good) {
            Some(changed) => text = Some(changed),
            None => {
                good.pop();
            }
        }
    }
    text.map(|text| (text, good.len()))
}

/// Those of the findings whose edits do not overlap with edits of one before.
fn apart<'f>(findings: &[&'f Finding]) -> Vec<&'f Finding> {
    let mut taken: Vec<&Edit> = Vec::new();
    let mut apart: Vec<&Finding> = Vec::new();
    for &finding in findings {
        let edits = edits(finding);
        let overlaps = |edit: &Edit| {
            let (own, taken) = (&edit.span, &taken);
            taken.iter().any(|other| own.start < other.span.end && other.span.start < own.end)
        };
        let same = |edit: &Edit| taken.iter().any(|other| other.span == edit.span);
        if !edits.iter().any(|edit| overlaps(edit) || same(edit)) {
            taken.extend(edits);
            apart.push(finding);
        }
    }
    apart
}

fn edits(finding: &Finding) -> &[Edit] {
    finding.diagnostic.fix.as_ref().map_or(&[], |fix| &fix.edits)
}

/// The text with these fixes, if it is still the same set but for what they may change.
fn attempt(set: &RuleSet, findings: &[&Finding]) -> Option<String> {
    let file = set.files.first()?;
    let all: Vec<Edit> = findings.iter().flat_map(|finding| edits(finding)).cloned().collect();
    let text = Edit::apply(&file.text, &all)?;
    let after = RuleSet::from_text(&file.name, &text);
    let may_change = |rule: &Rule| {
        let own = findings.iter().filter(|finding| finding.rule.as_deref() == Some(&rule.id));
        own.filter_map(|finding| finding.diagnostic.fix.as_deref()).any(|fix: &Fix| !fix.exact)
    };
    let same = after.errors() == set.errors()
        && after.rules.len() == set.rules.len()
        && after.alerts.len() == set.alerts.len()
        && set.rules.iter().zip(&after.rules).all(|(a, b)| same(a, b, may_change(a)));
    same.then_some(text)
}

/// Whether two rules are the same, but for how they are written and, with `may_change`, for what they
/// ask and show.
fn same(a: &Rule, b: &Rule, may_change: bool) -> bool {
    let [asks, asked] = [a, b].map(|rule| without_literal_patterns(&rule.statement));
    let meaning = asks == asked && a.signal == b.signal;
    (meaning || may_change)
        && (&a.id, &a.name, &a.description, a.severity)
            == (&b.id, &b.name, &b.description, b.severity)
        && (&a.labels, &a.annotations) == (&b.labels, &b.annotations)
        && (&a.runbook_url, &a.owner, a.enabled) == (&b.runbook_url, &b.owner, b.enabled)
        && (&a.signal.kind, &a.signal.message) == (&b.signal.kind, &b.signal.message)
}
