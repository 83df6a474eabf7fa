//! The rules of the product's documents: a table in `tests/documents` of every distinct text with
//! what it means, and a walk over the documents that finds texts the table lacks.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cases::{check, load, shows_every_verdict};

#[test]
fn rules_of_the_documents_mean_what_the_table_says() {
    check(&load("documents"));
}

#[test]
fn every_verdict_that_a_rule_admits_is_shown() {
    for case in load("documents").iter().flat_map(|(_, cases)| cases) {
        assert!(shows_every_verdict(case), "{}", case.place);
    }
}

#[test]
fn every_rule_text_of_the_documents_is_in_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/documents");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: {} is absent", folder.display());
        return;
    };
    let files = load("documents");
    let cases = files.iter().flat_map(|(_, cases)| cases);
    let table: Vec<(String, bool)> =
        cases.map(|case| (one_line(&case.rule), case.has_signal)).collect();
    let mut found = BTreeMap::new();
    for entry in entries {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for rule in rule_texts(&text) {
            found.entry(rule).or_insert_with(|| path.clone());
        }
    }
    assert!(found.len() >= 70, "only {} texts were found: the walk is blind", found.len());
    let missing: Vec<_> = found.iter().filter(|(rule, _)| !table.contains(rule)).collect();
    assert!(missing.is_empty(), "not in the table: {missing:#?}");
}

#[test]
fn the_walk_finds_rules_in_every_dress() {
    let document = "prose trace.has(a) and trace.has(b)` in a sentence\n\
        ```javascript\n// one\ntrace.has(c).where(x > 1) // remark\n  and not trace.has(d)\n\
        \n// two\nnot trace.has(e)\n```\n\
        ```yaml\nrules:\n  - id: r\n    condition: |\n      trace.count(f)\n        > 5\n    signal:\n```\n\
        ```\nwhen { g }\nalways { h }\n```\n";
    let found = rule_texts(document);
    let expected = [
        ("trace.has(a) and trace.has(b)", false),
        ("trace.has(c).where(x > 1) and not trace.has(d)", false),
        ("not trace.has(e)", false),
        ("trace.count(f) > 5", true),
        ("when { g } always { h }", false),
    ];
    assert_eq!(found, expected.map(|(rule, signal)| (rule.to_owned(), signal)));
}

/// Every text of a document that looks like a rule, on one line each, and whether it stands in a
/// block that has `signal:`.
fn rule_texts(document: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    for (number, part) in document.split("```").enumerate() {
        let fenced = number % 2 == 1;
        let has_signal = fenced && part.lines().any(|line| line.trim() == "signal:");
        let mut rule = String::new();
        for line in part.lines().chain([""]) {
            let code = line.split("//").next().unwrap_or_default().trim();
            if continues(code) && !rule.is_empty() {
                rule = format!("{rule} {code}");
                continue;
            }
            if !rule.is_empty() {
                found.push((one_line(&rule), has_signal));
            }
            rule = beginning(code).to_owned();
        }
    }
    found
}

/// Whether a line goes on with the rule above it.
fn continues(code: &str) -> bool {
    let joins = ["and ", "or ", "always {", "never {", ">", "<", "==", "!=", ".", ")"];
    joins.iter().any(|join| code.starts_with(join))
}

/// The rule that begins on a line, or nothing.
fn beginning(code: &str) -> &str {
    let starts = ["not trace.", "trace.has(", "trace.count", "when {", "always {", "never {"];
    let at = starts.iter().filter_map(|start| code.find(start)).min();
    at.map_or("", |at| code[at..].split('`').next().unwrap_or_default())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
