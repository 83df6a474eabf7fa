//! The layout of rule files: each of `layouts/` is a rule file, a line `=====`, and its layout;
//! `BLESS=1 cargo test` rewrites the layouts. And every file of the library keeps its meaning.

use std::fs;
use std::path::{Path, PathBuf};

use betrace_rules::{FormatError, RuleSet, format, is_test_file};

const RULER: &str = "=====\n";

#[test]
fn every_file_gets_its_layout() {
    let mut wrong = Vec::new();
    let paths = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layouts"), "txt");
    assert!(paths.len() >= 3, "the cases are there");
    for path in paths {
        let case = fs::read_to_string(&path).expect("the case is text");
        let (source, expected) = case.split_once(RULER).unwrap_or((&case, ""));
        let canonical = path.ends_with("canonical.txt");
        let found = format(source, canonical).expect("it has a layout");
        let twice = format(&found, canonical).expect("so has its layout");
        assert!(twice == found, "{path:?}: {found}\n{twice}");
        assert_eq!(meaning(&found), meaning(source), "{path:?}");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, format!("{source}{RULER}{found}")).expect("the case can be written");
        } else if found != expected {
            wrong.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_library_keeps_its_meaning_in_any_layout() {
    let paths = files(Path::new(env!("CARGO_MANIFEST_DIR")), "yaml");
    let paths: Vec<_> = paths.iter().filter(|path| !is_test_file(path)).collect();
    assert!(paths.len() > 10, "the library is there");
    for path in paths {
        let source = fs::read_to_string(path).expect("a text file");
        for canonical in [false, true] {
            for text in [&source, &mangled(&source)] {
                let once = format(text, canonical).expect("it has a layout");
                let (kept, own) = (meaning(&once), meaning(&source));
                let other = kept.iter().zip(&own).find(|(a, b)| a != b);
                assert!(other.is_none() && kept.len() == own.len(), "{path:?}: {other:?}");
                let twice = format(&once, canonical).expect("so has its layout");
                assert!(once == twice, "{path:?}: {once}\n{twice}");
                let long = once.lines().find(|line| line.contains("and") && line.len() > 400);
                assert_eq!(long, None, "{path:?}");
            }
        }
    }
}

#[test]
fn what_is_wrong_has_no_layout() {
    assert!(matches!(format("rules:\n- id: a\n", false), Err(FormatError::Errors(2))));
    assert!(matches!(format("rules: [", false), Err(FormatError::Errors(1))));
}

/// The source written otherwise: further in, conditions on one line, with line ends of other systems.
fn mangled(source: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut in_condition = false;
    for line in source.lines() {
        let indent = line.len() - line.trim_start().len();
        match in_condition && indent > 4 {
            true => {
                let last = lines.last_mut().expect("the line of its key");
                let spread = line.trim().replace('(', "( ").replace(" and ", "   and ");
                // What is in quotes stays.
                *last += &format!("  {}", if line.contains('"') { line } else { &spread });
            }
            false if line == "    condition: |" => {
                lines.push("         condition: |\r\n          ".into());
            }
            false if indent >= 2 => lines.push(format!("     {line}")),
            false => lines.push(line.to_owned()),
        }
        in_condition = line == "    condition: |" || in_condition && indent > 4;
    }
    lines.join("\r\n")
}

/// All that a file says.
fn meaning(source: &str) -> Vec<String> {
    let set = RuleSet::from_text("file.yaml", source);
    assert_eq!(set.errors(), 0, "{}\n{source}", set.render(false));
    let rules = set.rules.iter().map(|rule| {
        format!(
            "{} {} {:?} {:?} {} {:?} {:?} {:?} {:?} {:?} {:?} {}",
            rule.id,
            rule.name,
            rule.description,
            rule.severity,
            rule.statement,
            rule.params,
            rule.signal,
            rule.labels,
            rule.annotations,
            rule.runbook_url,
            rule.owner,
            rule.enabled
        )
    });
    let alerts = set.alerts.iter().map(|alert| format!("{} {:?}", alert.rule_id, alert.channels));
    rules.chain(alerts).collect()
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name();
    let paths = entries.into_iter().map(|entry| entry.expect("an entry").into_path());
    paths.filter(|path| path.extension().is_some_and(|own| own == ending)).collect()
}
