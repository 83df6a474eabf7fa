//! Rule text: whatever it is, reading does not panic; what is read prints as a text that reads back
//! as the same statement without errors, and lowers to a sound module.

use std::time::{Duration, Instant};

use betrace_fuzz::campaign::campaign;
use betrace_fuzz::{Bytes, mutate, statement, texts};
use compiler::ast::Value;
use compiler::{
    Key, ParamValue, Params, Parsed, Placement, ReadOptions, RuleSource, Severity, Statement,
    lower, optimise, parse_rule, render,
};

/// The stack that reading a rule must be content with.
const SMALL_STACK: usize = 256 << 10;

#[test]
fn any_text_is_read_or_refused() {
    let rules = texts::rules();
    assert!(rules.len() > 20, "the documents hold rules");
    on_small_stack(move || {
        campaign("rule-text", 2_000, |bytes| {
            let text = match bytes.below(4) {
                0 => String::from_utf8_lossy(&mutate::noise(bytes)).into_owned(),
                1 => {
                    let rule = statement::statement(bytes).to_string();
                    mutate::text(bytes, &rule, &texts::RULE_TOKENS)
                }
                _ => {
                    let rule = &rules[bytes.below(rules.len())];
                    mutate::text(bytes, rule, &texts::RULE_TOKENS)
                }
            };
            check(&text);
        });
    });
}

#[test]
fn statements_print_read_and_lower() {
    on_small_stack(|| campaign("statements", 1_000, check_statement));
}

#[test]
fn patterns_compile_soon_or_are_refused() {
    const PIECES: [&str; 30] = [
        "a",
        "(",
        ")",
        "(?:",
        "(?i)",
        "[",
        "]",
        "[^",
        "\\pL",
        "\\w",
        "\\d",
        "\\b",
        ".",
        "*",
        "+",
        "?",
        "{100}",
        "{1000}",
        "{5,}",
        "{0,300}",
        "|",
        "^",
        "$",
        "&&",
        "[[:alpha:]]",
        "\\x{10FFFF}",
        "é",
        "(?P<n>",
        "{2}",
        "-",
    ];
    campaign("patterns", 400, |bytes| {
        let pattern: String =
            (0..1 + bytes.below(30)).map(|_| *bytes.pick::<&str>(&PIECES)).collect();
        let quoted = serde_json::to_string(&pattern).expect("text is JSON");
        let started = Instant::now();
        read(&format!("never {{ a.where(b matches {quoted}) }}"));
        assert!(started.elapsed() < Duration::from_secs(10), "{:?} {pattern}", started.elapsed());
    });
}

#[test]
fn any_text_of_a_fuzzer_is_read_or_refused() {
    bolero::check!().with_iterations(200).for_each(|input: &[u8]| {
        check(&String::from_utf8_lossy(input));
        check_statement(&mut Bytes::new(input));
    });
}

#[test]
fn the_documents_rules_are_read() {
    for rule in texts::rules() {
        check(&rule);
    }
}

fn check(text: &str) {
    let ways = [
        (Key::Condition, false),
        (Key::Condition, true),
        (Key::Invariant, false),
        (Key::Violation, true),
    ];
    let five = Value::from_plain_scalar("5");
    let params = Params::from([
        ("max_pool_size".to_owned(), ParamValue::One(five.clone())),
        ("x".to_owned(), ParamValue::List(vec![five, Value::Text("EUR".to_owned())])),
    ]);
    for (key, has_signal) in ways {
        let options = ReadOptions { key, has_signal, params: &params, description: Some("never") };
        let parsed = parse_rule(text, &options);
        let errors = parsed.diagnostics.iter().any(|message| message.severity == Severity::Error);
        assert_eq!(parsed.statement.is_none(), errors, "{text:?}");
        for label in parsed.diagnostics.iter().flat_map(|message| &message.labels) {
            let span = &label.span;
            assert!(span.start <= span.end && span.end <= text.len(), "{span:?} in {text:?}");
        }
        let shown = render(&parsed.diagnostics, "rule", text, &Placement::identity(), false);
        let raw = shown.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(raw, None, "{text:?} is shown as {shown:?}");
        if let Some(statement) = parsed.statement {
            let canonical = statement.to_string();
            let again = read(&canonical);
            assert_eq!(again.statement.as_ref(), Some(&statement), "{text:?}: {canonical}");
            check_lowering(&statement);
        }
    }
}

fn check_statement(bytes: &mut Bytes<'_>) {
    let statement = statement::statement(bytes);
    let text = statement.to_string();
    let parsed = read(&text);
    assert_eq!(parsed.statement.as_ref(), Some(&statement), "{text}: {:?}", parsed.diagnostics);
    // That a guard hides a span is said of a meaning, not of a spelling.
    let unexpected = parsed.diagnostics.iter().find(|message| message.code != "guard-hides-span");
    assert_eq!(unexpected, None, "{text}");
    check_lowering(&statement);
}

fn check_lowering(statement: &Statement) {
    let rule = |id| RuleSource {
        id,
        severity: ir::module::Severity::Low,
        signal_type: None,
        message: "",
        statement,
        context: &[],
    };
    let module = lower([rule("one")], None).expect("statements of texts can be lowered");
    ir::verify::verify(&module).unwrap_or_else(|invalid| panic!("{invalid}: {statement}"));
    assert_eq!(ir::text::parse(&module.to_string()).as_ref(), Ok(&module), "{statement}");
    let twice = lower([rule("one"), rule("two")], None).expect("as before");
    assert_eq!(twice.atoms, module.atoms, "equal rules share all they ask: {statement}");
    let small = optimise(module);
    ir::verify::verify(&small).unwrap_or_else(|invalid| panic!("{invalid}: {statement}"));
}

/// Reads a text as canonical ones are read.
fn read(text: &str) -> Parsed {
    let (key, params) = (Key::Condition, Params::new());
    parse_rule(text, &ReadOptions { key, has_signal: false, params: &params, description: None })
}

fn on_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(SMALL_STACK).spawn(work);
    if let Err(panic) = thread.expect("a thread starts").join() {
        std::panic::resume_unwind(panic);
    }
}
