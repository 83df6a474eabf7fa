//! What reaches a terminal: no raw control characters, color only where it is wanted, and quiet
//! where that is asked for.

use std::io::Read;

use serde_json::json;

use crate::sandbox::{OMNICART, Sandbox, line};

/// Clears the screen, rings, sets the clipboard, breaks the line, turns the writing direction.
const HOSTILE: &str = "\u{1b}[2J\u{7}\u{1b}]52;c;aGk=\u{7}\n\r\u{202e}\u{9b}31m\u{0}";

#[test]
fn names_and_values_of_traces_cannot_speak_to_a_terminal() {
    let sandbox = Sandbox::new();
    let rule =
        "rules: [{id: a, severity: low, violation: trace.has(\"x*\"), signal: {context: [v]}}]";
    sandbox.write("r.yaml", rule);
    let name = format!("x{HOSTILE}");
    sandbox.write("t.jsonl", line(1, 1, &name, 1, &json!({"v": HOSTILE, "group": HOSTILE})));
    let base = ["replay", "--rules", "r.yaml", "t.jsonl"];
    for format in ["table", "json", "jsonl"] {
        let args = [&base[..], &["--format", format, "--group-by", "group"]].concat();
        let outcome = sandbox.run(&args).expect_code(0);
        harmless(&outcome.out);
        harmless(&outcome.err);
        assert!(!outcome.out.is_empty());
    }
}

#[test]
fn rules_paths_and_arguments_cannot_speak_to_a_terminal() {
    let sandbox = Sandbox::new();
    let name = "a\u{1b}[2J\u{7}.jsonl";
    sandbox.write(name, "{broken");
    sandbox.write("\u{1b}[2J.yaml", "rules: [{id: \"a\\e[2J\", condition: \"\\e[31m \\a\"}]");
    for args in [
        &["replay", "--rules", OMNICART, name][..],
        &["replay", "--rules", OMNICART, "--rule", "\u{1b}[2J", name],
        &["replay", "--rules", OMNICART, name, "--from", "\u{1b}[2J"],
        &["replay", "--rules", OMNICART, name, "--format", "\u{1b}[2J"],
        &["replay", "--rules", OMNICART, name, "--signals", "no/\u{1b}[2J"],
        &["replay", "--rules", OMNICART, name, "--config", "\u{1b}[2J"],
        &["replay", "--rules", "\u{1b}[2J.yaml", name],
        &["check", "\u{1b}[2J.yaml"],
        &["check", "no\u{1b}[2J.yaml"],
        &["explain", "\u{1b}[2J"],
        &["explain", "trace.has(\"\u{1b}[2J\")", "--ir"],
        &["generate", "g\u{1b}[2J", "--traces", "1", "--days", "1"],
        &["\u{1b}[2J"],
    ] {
        let outcome = sandbox.run(args);
        assert!(outcome.code.is_some(), "{outcome:?}");
        assert!(!outcome.err.contains("panicked"), "{outcome:?}");
        harmless(&outcome.out);
        harmless(&outcome.err);
    }
}

#[test]
fn a_module_cannot_speak_to_a_terminal() {
    let sandbox = Sandbox::new();
    let text = "\"m\\u009b31m\\u202e\\uFEFF\"";
    let rule = format!(
        "{{id: a, severity: low, name: {text}, violation: trace.has(x), signal: {{message: {text}}}}}"
    );
    sandbox.write("r.yaml", format!("rules: [{rule}]"));
    let out = sandbox.run(&["explain", "a", "--rules", "r.yaml", "--ir"]).expect_code(0).out;
    harmless(&out);
    let module = out.split("\nmodule\n").nth(1).expect("the module is printed");
    assert!(module.contains(r"m\u{9b}31m\u{202e}\u{feff}"), "{module}");
}

#[test]
fn color_is_for_who_asks() {
    let mut sandbox = Sandbox::new();
    sandbox.write("r.yaml", "rules: [{id: a, severity: low, condition: trace.has(}]");
    let colored = |sandbox: &Sandbox, args: &[&str]| {
        sandbox.run(&[&["check", "r.yaml"], args].concat()).expect_code(2).err.contains('\u{1b}')
    };
    assert!(!colored(&sandbox, &[]), "a pipe gets no color");
    assert!(!colored(&sandbox, &["--color", "never"]));
    assert!(colored(&sandbox, &["--color", "always"]));
    sandbox.environment.push(("NO_COLOR", "1".to_owned()));
    assert!(!colored(&sandbox, &["--color", "auto"]));
    assert!(colored(&sandbox, &["--color", "always"]), "a flag goes before the environment");
}

#[test]
fn quiet_leaves_out_notes_but_no_errors() {
    let sandbox = Sandbox::with_workload(50, 1, 1);
    let args = ["replay", "--rules", OMNICART, "--format", "json", "data", "nowhere"];
    let loud = sandbox.run(&args).expect_code(3);
    assert!(loud.err.contains("note: Unread nowhere"), "{}", loud.err);
    assert_eq!(sandbox.run(&[&args[..], &["--quiet"]].concat()).expect_code(3).err, "");
    let wrong = sandbox.run(&["replay", "--quiet", "data"]).expect_code(2);
    assert!(wrong.err.contains("no rules are named"), "{}", wrong.err);
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let sandbox = Sandbox::with_workload(2_000, 2, 1);
    for format in ["table", "json", "jsonl", "csv"] {
        let args = ["replay", "--rules", OMNICART, "--format", format, "data"];
        let args = [&args[..], &["--signals", "signals.jsonl"]].concat();
        let mut child = sandbox
            .command(env!("CARGO_BIN_EXE_betrace"), &args)
            .spawn()
            .expect("the program starts");
        drop(child.stdout.take());
        let mut err = String::new();
        let mut stderr = child.stderr.take().expect("it is piped");
        stderr.read_to_string(&mut err).expect("UTF-8");
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(0), "{format}: {err}");
        assert!(!err.contains("panicked") && !err.contains("error"), "{format}: {err}");
        let whole = sandbox.run(&["replay", "--rules", OMNICART, "--format", "jsonl", "data"]).out;
        assert!(sandbox.read("signals.jsonl") == whole, "{format}: --signals is cut");
    }
}

#[test]
fn a_limit_writes_the_first_signals_and_counts_all() {
    let sandbox = Sandbox::with_workload(1_500, 4, 3);
    let all = sandbox.run(&["replay", "--rules", OMNICART, "--format", "jsonl", "data"]).out;
    let args = ["replay", "--rules", OMNICART, "--format", "jsonl", "--limit", "3", "data"];
    let some = sandbox.run(&args).expect_code(0);
    let first: String = all.split_inclusive('\n').take(3).collect();
    assert_eq!(some.out, first);
    let left = all.lines().count() - 3;
    assert!(some.err.contains(&format!("--limit left {left} signals unwritten")), "{}", some.err);
}

/// Nothing but text and line ends.
#[track_caller]
fn harmless(text: &str) {
    let bad = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}'));
    assert!(!text.contains(bad), "{text:?}");
}
