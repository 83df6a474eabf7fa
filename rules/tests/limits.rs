//! Limits of rule files and sets, on both sides of each, and files full of errors in little time.

use std::fmt::Write;
use std::fs::File;
use std::time::{Duration, Instant};

use betrace_rules::{FILE_BYTES, LoadError, RuleSet, yaml};
use compiler::limits;

#[test]
fn rules_of_a_set_are_limited() {
    let set = set_of(limits::RULES_PER_SET, |_| "violation: a".to_owned());
    assert_eq!((set.rules.len(), codes(&set)), (limits::RULES_PER_SET, vec![]));
    let set = set_of(limits::RULES_PER_SET + 1, |_| "violation: a".to_owned());
    assert_eq!((set.rules.len(), codes(&set)), (limits::RULES_PER_SET, vec!["too-many-rules"]));
}

#[test]
fn the_bytes_of_a_file_are_limited() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rules.yaml");
    let file = File::create(&path).expect("a file");
    file.set_len(FILE_BYTES + 1).expect("a sparse file");
    let error = RuleSet::from_paths([&path]).expect_err("too large");
    assert!(
        matches!(&error, LoadError::TooLarge { bytes, .. } if *bytes == FILE_BYTES + 1),
        "{error}"
    );
    // What is inside is no YAML, so a file at the limit is read and found empty of rules.
    file.set_len(FILE_BYTES).expect("a sparse file");
    let set = RuleSet::from_paths([&path]).expect("at the limit");
    assert_eq!((set.rules.len(), set.errors()), (0, 1));
}

#[test]
fn the_nesting_of_yaml_is_limited() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(yaml::Yaml::parse(&nested(yaml::DEPTH)).is_ok());
    let error = yaml::Yaml::parse(&nested(yaml::DEPTH + 1)).expect_err("one too deep");
    assert!(error.title.contains("nest more than 32 deep"), "{}", error.title);
}

#[test]
fn context_keys_of_a_rule_are_limited() {
    let with_keys = |keys: usize| {
        let keys: Vec<String> = (0..keys).map(|key| format!("key{key}")).collect();
        set_of(1, |_| format!("violation: a, signal: {{context: [{}]}}", keys.join(", ")))
    };
    let set = with_keys(limits::CONTEXT_KEYS);
    assert_eq!(set.rules[0].signal.context.len(), limits::CONTEXT_KEYS);
    let set = with_keys(100 * limits::CONTEXT_KEYS);
    assert_eq!((set.rules.len(), codes(&set)), (0, vec!["too-many-context-keys"]));
}

#[test]
fn the_patterns_of_a_set_are_limited_together() {
    let large = |number: usize| format!("violation: 'a.where(b matches \"x{{4000}}{number}\")'");
    let size = ir::module::Pattern::new("x{4000}0").expect("a pattern").size();
    assert_eq!(size, limits::PATTERN_PROGRAM_BYTES, "so that few of them fill a set");
    let most = limits::PATTERN_PROGRAM_BYTES_PER_SET / size;
    let set = set_of(most, large);
    assert_eq!((set.rules.len(), codes(&set)), (most, vec![]));
    // What has been refused takes no room, and what is there already takes none again.
    let set = set_of(most + 3, |number| match number {
        number if number < most => large(number),
        number if number < most + 2 => large(number),
        _ => large(0),
    });
    assert_eq!((set.rules.len(), codes(&set)), (most + 1, vec!["patterns-too-large"; 2]));
}

#[test]
fn messages_of_a_file_are_limited_and_warnings_hide_no_errors() {
    let most = limits::DIAGNOSTICS_PER_FILE;
    let set = RuleSet::from_text("r.yaml", &format!("{}\n", alerts(most)));
    assert_eq!(codes(&set).len(), most);
    let wrong = "rules:\n  - { id: a, severity: low, violation: 'a.where(b >)' }\n";
    let set = RuleSet::from_text("r.yaml", &format!("{wrong}{}", alerts(most + 5)));
    let found = codes(&set);
    assert_eq!(found.len(), 1 + most + 1);
    assert_eq!((set.errors(), found[most + 1]), (1, "too-many-warnings"));
}

#[test]
fn time_grows_with_the_file_and_not_with_its_square() {
    let started = Instant::now();
    let wrong = set_of(20_000, |_| "violation: 'a.where(b >)'".to_owned());
    assert_eq!(wrong.errors(), limits::DIAGNOSTICS_PER_FILE + 1);
    assert!(wrong.render(false).contains("[too-many-errors]"));
    let same = "rules:\n".to_owned() + &"  - {id: a, severity: low, violation: a}\n".repeat(20_000);
    let same = RuleSet::from_text("r.yaml", &same);
    assert_eq!((same.rules.len(), same.errors()), (1, limits::DIAGNOSTICS_PER_FILE + 1));
    let rules = rules(9_999, |_| "violation: a".to_owned());
    let alerted = RuleSet::from_text("r.yaml", &format!("{rules}{}", alerts(20_000)));
    assert_eq!((alerted.alerts.len(), alerted.errors()), (20_000, 0));
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

fn set_of(count: usize, text: impl Fn(usize) -> String) -> RuleSet {
    RuleSet::from_text("r.yaml", &rules(count, text))
}

fn rules(count: usize, text: impl Fn(usize) -> String) -> String {
    let mut yaml = "rules:\n".to_owned();
    for number in 0..count {
        writeln!(yaml, "  - {{id: rule-{number}, severity: low, {}}}", text(number))
            .expect("a String takes every write");
    }
    yaml
}

/// Alerts about a rule that is not there.
fn alerts(count: usize) -> String {
    format!("alerts:\n{}", "  - {rule_id: absent}\n".repeat(count))
}

fn codes(set: &RuleSet) -> Vec<&'static str> {
    set.diagnostics().map(|(_, diagnostic)| diagnostic.code).collect()
}
