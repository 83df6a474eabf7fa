//! Parameters that nothing uses.

use compiler::{Diagnostic, Edit, Fix, Span, WordMeaning};
use rules::{Entry, Rule};

/// The parameters of a rule that its text does not name.
pub(super) fn unused(rule: &Rule, file: &str) -> Vec<Diagnostic> {
    let is_used = |name: &str| {
        let mut words = rule.words.iter();
        words.any(|word| word.meaning == WordMeaning::Parameter && word.word == name)
    };
    let params = &rule.written.params;
    let unused = params.iter().enumerate().filter(|(_, (name, _))| !is_used(name));
    let unused: Vec<usize> = unused.map(|(place, _)| place).collect();
    let all = rule.written.all_params.as_ref().filter(|_| unused.len() == params.len());
    let findings = unused.iter().map(|&place| {
        let (name, entry) = &params[place];
        let goes = all.map_or_else(|| alone(rule, place, file), |all| lines(all, file));
        let edits = goes.map(|span| vec![Edit { span, text: String::new() }]);
        let title = format!("the rule's text does not use the parameter `{name}`");
        Diagnostic::warning("unused-param", title, entry.key.clone())
            .help("use it, or leave it out")
            .fix(edits.map(|edits| Fix { edits, exact: true }))
    });
    findings.collect()
}

/// The bytes to take out so that a parameter is gone and others stay.
fn alone(rule: &Rule, place: usize, file: &str) -> Option<Span> {
    let params = &rule.written.params;
    let (_, entry) = &params[place];
    let in_braces =
        rule.written.all_params.as_ref().is_some_and(|all| {
            file.get(all.value.clone()).is_some_and(|text| text.starts_with('{'))
        });
    if !in_braces {
        return lines(entry, file);
    }
    let next = params.get(place + 1).map(|(_, next)| entry.key.start..next.key.start);
    let before = || {
        let (_, before) = &params[place.checked_sub(1)?];
        Some(before.value.end..entry.value.end)
    };
    next.or_else(before)
}

/// The lines of an entry, if nothing else stands on them.
fn lines(entry: &Entry, file: &str) -> Option<Span> {
    let start = file[..entry.key.start].rfind('\n').map_or(0, |at| at + 1);
    let alone = file[start..entry.key.start].chars().all(|c| c == ' ');
    let last = file[..entry.value.end].trim_end().len().max(entry.key.end);
    let end = file[last..].find('\n').map_or(file.len(), |at| last + at + 1);
    let rest = file[last..end].trim();
    (alone && (rest.is_empty() || rest.starts_with('#'))).then_some(start..end)
}
