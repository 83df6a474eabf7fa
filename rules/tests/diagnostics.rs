//! What is said of rule files: each `files/NAME.yaml` has its diagnostics beside it in
//! `files/NAME.txt`. `BLESS=1 cargo test` rewrites the expectations.

use std::fs;
use std::path::Path;

use betrace_rules::RuleSet;

#[test]
fn every_file_gets_its_diagnostics() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    names.sort();
    assert!(names.len() >= 5, "the files are there");
    let mut wrong = Vec::new();
    for path in names {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("the file is text");
        let set = RuleSet::from_text(&name, &text);
        let ids: Vec<_> = set.rules.iter().map(|rule| rule.id.as_str()).collect();
        let shown = format!(
            "rules: {}\nalerts: {}\n\n{}\n",
            ids.join(" "),
            set.alerts.len(),
            set.render(false)
        );
        let expected = path.with_extension("txt");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected, &shown).expect("the expectation can be written");
        } else if fs::read_to_string(&expected).unwrap_or_default() != shown {
            wrong.push(format!("{name}:\n{shown}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
