//! What is said of rule files: each of `cases/` is a rule file, a line `=====`, and what is found
//! in it. `BLESS=1 cargo test` rewrites the expectations.

use std::fs;
use std::path::Path;

use betrace_rules::RuleSet;

const RULER: &str = "=====\n";

#[test]
fn every_file_gets_its_diagnostics() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 6, "the cases are there");
    let mut wrong = Vec::new();
    for path in paths {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let case = fs::read_to_string(&path).expect("the case is text");
        let (source, expected) = case.split_once(RULER).unwrap_or((&case, ""));
        let found = findings(&format!("{name}.yaml"), source);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, format!("{source}{RULER}{found}")).expect("the case can be written");
        } else if found != expected {
            wrong.push(format!("{name}:\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rules and alerts that are right, then the diagnostics.
fn findings(name: &str, source: &str) -> String {
    let set = RuleSet::from_text(name, source);
    let ids: Vec<_> = set.rules.iter().map(|rule| rule.id.as_str()).collect();
    format!("rules: {}\nalerts: {}\n\n{}\n", ids.join(" "), set.alerts.len(), set.render(false))
}
