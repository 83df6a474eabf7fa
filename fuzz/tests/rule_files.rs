//! Rule files: whatever YAML they hold, loading does not panic, every message lies inside the file,
//! and what is shown of it has nothing in it that a terminal obeys.

use betrace_fuzz::campaign::campaign;
use betrace_fuzz::{Bytes, mutate, statement, texts};
use rules::RuleSet;

#[test]
fn any_rule_file_is_read_or_refused() {
    let files = texts::rule_files();
    assert!(files.len() > 4, "there are files");
    campaign("rule-files", 600, |bytes| {
        let file: &String = bytes.pick(&files);
        let text = match bytes.below(5) {
            0 => String::from_utf8_lossy(&mutate::noise(bytes)).into_owned(),
            1 => String::from_utf8_lossy(&mutate::bytes(bytes, file.as_bytes())).into_owned(),
            2 => mutate::text(bytes, file, &texts::RULE_TOKENS),
            _ => mutate::text(bytes, file, &texts::YAML_TOKENS),
        };
        check(&text);
    });
}

#[test]
fn rules_keep_their_meaning_in_a_file() {
    campaign("rules-in-files", 300, |bytes| {
        let rule = statement::statement(bytes);
        let quoted = serde_json::to_string(&rule.to_string()).expect("text is JSON");
        let file = format!("rules:\n  - id: one\n    severity: low\n    condition: {quoted}\n");
        let set = check(&file);
        assert_eq!(set.rules.len(), 1, "{file}{}", set.render(false));
        assert_eq!(set.rules[0].statement, rule, "{file}");
        check(&mutate::text(bytes, &file, &texts::YAML_TOKENS));
    });
}

#[test]
fn any_rule_file_of_a_fuzzer_is_read_or_refused() {
    let files = texts::rule_files();
    bolero::check!().with_iterations(200).for_each(|input: &[u8]| {
        check(&String::from_utf8_lossy(input));
        let mut bytes = Bytes::new(input);
        let file: &String = bytes.pick(&files);
        check(&mutate::text(&mut bytes, file, &texts::YAML_TOKENS));
    });
}

fn check(text: &str) -> RuleSet {
    let set = RuleSet::from_text("rules.yaml", text);
    for (file, diagnostic) in set.diagnostics() {
        assert!(!diagnostic.labels.is_empty(), "{diagnostic:?}");
        for label in &diagnostic.labels {
            let span = &label.span;
            let inside = span.start <= span.end && span.end <= file.text.len();
            assert!(inside, "{diagnostic:?} of a file of {} bytes: {text:?}", file.text.len());
        }
        RuleSet::position(file, diagnostic);
    }
    let shown = set.render(false);
    let raw = shown.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(raw, None, "{text:?} is shown as {shown:?}");
    set.render(true);
    set
}
