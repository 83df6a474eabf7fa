//! What holds at the edges of rule text: limits on both sides of each, deep and endless texts on a
//! small stack, characters that hide what is written. Random texts are tried by the fuzz targets.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, too")]

use std::time::{Duration, Instant};

use betrace_compiler::{
    Diagnostic, Key, Malformed, ParamValue, Params, Parsed, Placement, ReadOptions, RuleSource,
    Statement, ast, limits, lower, parse_rule, render,
};

/// The stack that reading a rule must be content with.
const SMALL_STACK: usize = 256 * 1024;

#[test]
fn statements_that_no_text_makes_are_refused_by_lowering() {
    use ast::{AttributeRef, Condition, Operand, Operator, Predicate, Scope, Subject, Value};
    let problem = |operator, operand| {
        let mut statement = Statement::default();
        let key = AttributeRef { scope: Scope::Any, key: "k".to_owned() };
        let test = Predicate::Test { subject: Subject::Attribute(key), operator, operand };
        let filter = Some(statement.add_predicate(test));
        let operation = ast::OperationName::Exact("a".to_owned());
        statement.never = Some(statement.add_condition(Condition::Has { operation, filter }));
        lower([rule(&statement)], None).unwrap_err().problem
    };
    let text = |text: &str| Operand::Value(Value::Text(text.to_owned()));
    assert!(matches!(problem(Operator::Matches, text("(")), Malformed::Pattern(_)));
    assert!(matches!(problem(Operator::In, text("x")), Malformed::Operand(_)));
    assert!(matches!(problem(Operator::In, Operand::List(Vec::new())), Malformed::Operand(_)));
}

#[test]
fn deep_and_endless_texts_are_refused_quickly_on_a_small_stack() {
    for unit in [
        "(",
        "not ",
        "when {",
        "never { a.where(",
        "a and (",
        "a or not (",
        "[",
        "{",
        "\"",
        ".where(",
        "a.",
        "-",
        "=",
        "count(",
    ] {
        for bytes in [limits::RULE_TEXT_BYTES, 1_000_000 * unit.len()] {
            let text = unit.repeat(bytes / unit.len());
            let start = Instant::now();
            let parsed = on_small_stack(move || read(&text));
            assert!(has_errors(&parsed), "{unit}");
            // A guard against time that grows as the square, not a measurement.
            assert!(start.elapsed() < Duration::from_secs(10), "{unit}: {:?}", start.elapsed());
        }
    }
}

#[test]
fn the_deepest_allowed_nesting_is_read_checked_printed_and_dropped_on_a_small_stack() {
    on_small_stack(|| {
        let deep = |levels: usize, open: &str, close: &str| {
            format!("never {{ {}a{} }}", open.repeat(levels), close.repeat(levels))
        };
        for (open, close, per_unit) in
            [("(", ")", 1), ("not ", "", 1), ("b or (c and ", ")", 1), ("b or not (c and ", ")", 2)]
        {
            let most = limits::NESTING / per_unit;
            let text = deep(most, open, close);
            let statement = read(&text).statement.expect("at the limit");
            assert_eq!(read(&statement.to_string()).statement.as_ref(), Some(&statement));
            drop(statement.clone());
            assert_eq!(codes(&read(&deep(most + 1, open, close))), ["nesting-too-deep"], "{open}");
        }
        let junctions = "a or a and (".repeat(limits::NESTING);
        let tests = "b or b and (".repeat(limits::NESTING - 1);
        for deepest in [
            format!("never {{ {junctions}a or a and trace:rootName != x{} }}", ")".repeat(64)),
            format!("never {{ a.where({tests}b or b and c != x{}) }}", ")".repeat(63)),
        ] {
            let statement = read(&deepest).statement.expect("at the limit");
            assert_eq!(read(&statement.to_string()).statement.as_ref(), Some(&statement));
            let module = lower([rule(&statement)], None).unwrap();
            assert_eq!(ir::verify::verify(&module), Ok(()));
        }
        let inside = |levels: usize| {
            format!("never {{ a.where({}b{}) }}", "not (".repeat(levels), ")".repeat(levels))
        };
        assert!(read(&inside(31)).statement.is_some());
        assert_eq!(codes(&read(&inside(32))), ["nesting-too-deep"]);
    });
}

#[test]
fn rule_text_is_limited() {
    let rule = "never { a }";
    let filled = |bytes: usize| format!("{rule}{}", " ".repeat(bytes - rule.len()));
    assert!(read(&filled(limits::RULE_TEXT_BYTES)).statement.is_some());
    assert_eq!(codes(&read(&filled(limits::RULE_TEXT_BYTES + 1))), ["rule-too-long"]);
}

#[test]
fn comparisons_are_limited() {
    let rule = |n: usize| format!("never {{ a.where({}) }}", vec!["b"; n].join(" or "));
    assert!(read(&rule(limits::COMPARISONS)).statement.is_some());
    assert_eq!(codes(&read(&rule(limits::COMPARISONS + 1))), ["too-many-comparisons"]);
}

#[test]
fn operations_are_limited() {
    let rule = |n: usize| {
        let names: Vec<String> = (0..n).map(|at| format!("op_{at} or op_{at}")).collect();
        format!("never {{ {} }}", names.join(" or "))
    };
    assert!(read(&rule(limits::OPERATIONS)).statement.is_some());
    assert_eq!(codes(&read(&rule(limits::OPERATIONS + 1))), ["too-many-operations"]);
}

#[test]
fn lists_are_limited_in_text_and_in_parameters() {
    let rule = |n: usize| format!("never {{ a.where(b in [{}]) }}", vec!["1"; n].join(","));
    assert!(read(&rule(limits::LIST_VALUES)).statement.is_some());
    assert_eq!(codes(&read(&rule(limits::LIST_VALUES + 1))), ["list-too-long"]);
    let with_param = |n: usize| {
        let list = ParamValue::List(vec![ast::Value::Bool(true); n]);
        let params = Params::from([("many".to_owned(), list)]);
        read_as("never { a.where(b in many) }", Key::Condition, &params)
    };
    assert!(with_param(limits::LIST_VALUES).statement.is_some());
    assert_eq!(codes(&with_param(limits::LIST_VALUES + 1)), ["list-too-long"]);
    assert_eq!(codes(&with_param(0)), ["empty-list"]);
}

#[test]
fn patterns_are_limited() {
    let rule = |pattern: &str| format!("never {{ a.where(b matches \"{pattern}\") }}");
    assert!(read(&rule(&"a".repeat(limits::PATTERN_BYTES))).statement.is_some());
    assert_eq!(codes(&read(&rule(&"a".repeat(limits::PATTERN_BYTES + 1)))), ["pattern-too-long"]);
    assert_eq!(codes(&read(&rule("(?:a{100}){100}"))), ["pattern-too-large"]);
    let fits = |times: &u32| {
        let pattern = format!("x{{{times}}}");
        regex::RegexBuilder::new(&pattern).size_limit(256 << 10).build().is_ok()
    };
    let most = (1..10_000).rev().step_by(10).find(fits).unwrap();
    let first = (most..).find(|times| !fits(times)).unwrap();
    assert!(read(&rule(&format!("x{{{}}}", first - 1))).statement.is_some());
    assert_eq!(codes(&read(&rule(&format!("x{{{first}}}")))), ["pattern-too-large"]);
    let nested = |levels: usize| rule(&format!("{}a{}", "(".repeat(levels), ")".repeat(levels)));
    assert!(read(&nested(40)).statement.is_some());
    assert_eq!(codes(&read(&nested(60))), ["pattern-invalid"]);
}

#[test]
fn messages_of_one_rule_are_limited() {
    let text = format!("never {{ {} }}", "a.where(b == 5x) and ".repeat(2_000));
    let parsed = read(&text);
    assert_eq!(parsed.diagnostics.len(), limits::DIAGNOSTICS_PER_RULE + 1);
    assert_eq!(parsed.diagnostics.last().unwrap().code, "too-many-errors");
    let start = Instant::now();
    render(&parsed.diagnostics, "rule", &text, &Placement::identity(), false);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn line_ends_and_a_byte_order_mark_change_nothing() {
    let plain = read("when { a }\nalways { b } // c\nnever { d }").statement;
    assert!(plain.is_some());
    assert_eq!(read("\u{feff}when { a }\r\nalways { b } // c\r\nnever { d }").statement, plain);
}

#[test]
fn characters_that_hide_what_is_written_are_refused_everywhere() {
    for bad in ['\u{0}', '\u{1b}', '\u{85}', '\u{202e}', '\u{2066}', '\u{200f}', '\u{feff}'] {
        for text in [
            format!("never {{ pay{bad}ment }}"),
            format!("never {{ \"pay{bad}ment\" }}"),
            format!("never {{ a }} // {bad}"),
            format!("never {{ a.where(b matches \"{bad}\") }}"),
        ] {
            let parsed = read(&text);
            assert!(
                codes(&parsed).iter().all(|code| *code == "invisible-character"),
                "{text:?} {:?}",
                codes(&parsed)
            );
            assert!(has_errors(&parsed));
            let shown = shown(&parsed, &text);
            assert!(!shown.contains(bad), "{shown:?}");
        }
    }
    let params =
        Params::from([("p".to_owned(), ParamValue::One(ast::Value::Text("\u{1b}[31m".into())))]);
    assert_eq!(
        codes(&read_as("never { a.where(b == p) }", Key::Condition, &params)),
        ["invisible-character"]
    );
}

#[test]
fn messages_point_into_the_file_that_holds_the_rule() {
    let file =
        "rules:\n  - id: x\n    condition: |\n      never { a.where(b == 5x) and\n        c ! }\n";
    let text = "never { a.where(b == 5x) and\n  c ! }\n";
    let first = file.find("never").unwrap();
    let second = file.find("  c ! ").unwrap();
    let placement = Placement::new(vec![(0, first), (text.find("  c").unwrap(), second)]);
    let shown = render(&read(text).diagnostics, "rules.yaml", file, &placement, false);
    assert!(shown.contains("rules.yaml:4:28") && shown.contains("4 |       never"), "{shown}");
    assert!(shown.contains("rules.yaml:5:11"), "{shown}");
    let outside = Diagnostic::error("x", "beyond the end", 900..901);
    assert!(
        render(&[outside], "a\u{1b}b", "short", &Placement::identity(), true).contains("a\\u{1b}b")
    );
}

fn on_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(SMALL_STACK).spawn(work).unwrap().join().unwrap()
}

fn rule(statement: &Statement) -> RuleSource<'_> {
    let severity = ir::module::Severity::Low;
    RuleSource { id: "r", severity, signal_type: None, message: "", statement, context: &[] }
}

fn read(text: &str) -> Parsed {
    read_as(text, Key::Condition, &Params::new())
}

fn read_as(text: &str, key: Key, params: &Params) -> Parsed {
    parse_rule(text, &ReadOptions { key, has_signal: false, params, description: None })
}

fn has_errors(parsed: &Parsed) -> bool {
    parsed.diagnostics.iter().any(|message| message.severity == betrace_compiler::Severity::Error)
}

fn codes(parsed: &Parsed) -> Vec<&'static str> {
    parsed.diagnostics.iter().map(|message| message.code).collect()
}

fn shown(parsed: &Parsed, text: &str) -> String {
    render(&parsed.diagnostics, "rule", text, &Placement::identity(), false)
}
