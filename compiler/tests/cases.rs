//! Rule texts with what is expected of them, in text files beside each other.
//!
//! A file of `tests/cases` holds cases between lines of `====`: options (`@invariant`,
//! `@violation`, `@signal`, `@description …`, `@param name = value`, `@param name = [a, b]`), the
//! rule text, a line `----`, and the expectation: the canonical form behind `= `, then messages.
//! In files named `lint-*` stands what [`lint`] says, too. Files named `messages*` expect messages as people see them, the others one line each; files
//! named `lowering*` expect the module. With
//! `BLESS=1` in the environment the expectations are written anew; read the difference.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, too")]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use betrace_compiler::ast::Value;
use betrace_compiler::{
    Key, ParamValue, Params, Placement, Position, ReadOptions, RuleSource, Statement, lint, lower,
    parse_rule, render,
};
use ir::module::Severity;

#[test]
fn cases_come_out_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let mut failures = String::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        let mut blessed = Vec::new();
        for case in text.split("\n====\n") {
            let (input, expected) =
                case.split_once("\n----").expect("a case has a line of four dashes");
            let got = outcome(input, name);
            if got.trim() != expected.trim() {
                writeln!(
                    failures,
                    "{}\n{input}\n---- expected\n{expected}\n---- got\n{got}",
                    file.display()
                )
                .unwrap();
            }
            blessed.push(format!("{}\n----\n{}", input.trim_end(), got.trim_end()));
        }
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&file, blessed.join("\n====\n") + "\n").unwrap();
        }
    }
    assert!(failures.is_empty() || std::env::var_os("BLESS").is_some(), "{failures}");
}

fn outcome(input: &str, file: &str) -> String {
    let mut params = Params::new();
    let (mut key, mut has_signal, mut description) = (Key::Condition, false, None);
    let mut text = input;
    while let Some(rest) = text.strip_prefix('@') {
        let (option, after) = rest.split_once('\n').unwrap_or((rest, ""));
        text = after;
        match option.split_once(' ').unwrap_or((option, "")) {
            ("invariant", _) => key = Key::Invariant,
            ("violation", _) => key = Key::Violation,
            ("signal", _) => has_signal = true,
            ("description", words) => description = Some(words),
            ("param", binding) => {
                let (name, value) = binding.split_once(" = ").unwrap();
                params.insert(name.to_owned(), param(value));
            }
            other => panic!("unknown option {other:?}"),
        }
    }
    let options = ReadOptions { key, has_signal, params: &params, description };
    let parsed = parse_rule(text, &options);
    let errors = parsed
        .diagnostics
        .iter()
        .any(|message| message.severity == betrace_compiler::Severity::Error);
    assert_eq!(errors, parsed.statement.is_none(), "{text}");
    let mut out = String::new();
    if let Some(statement) = &parsed.statement {
        let canonical = statement.to_string();
        writeln!(out, "= {canonical}").unwrap();
        let nothing = Params::new();
        let plain = ReadOptions {
            key: Key::Condition,
            has_signal: true,
            params: &nothing,
            description: None,
        };
        assert_eq!(
            parse_rule(&canonical, &plain).statement.as_ref(),
            Some(statement),
            "{canonical}"
        );
    }
    if file.starts_with("lowering") {
        return module(parsed.statement.as_ref().expect("rules that are lowered have no errors"));
    }
    if file.starts_with("messages") {
        out += &render(&parsed.diagnostics, "rule", text, &Placement::identity(), false);
        return out;
    }
    let mut messages = parsed.diagnostics;
    if let Some(statement) = parsed.statement.filter(|_| file.starts_with("lint-")) {
        messages.extend(lint(&statement, &parsed.places, &(0..text.len())));
    }
    for message in &messages {
        let Position { line, column } = Position::of(text, message.start());
        writeln!(out, "{line}:{column} {}: {}", message.code, message.title).unwrap();
    }
    out
}

fn module(statement: &Statement) -> String {
    let context = ["order_id".to_owned(), "resource.service.name".to_owned()];
    let severity = Severity::High;
    let signal_type = Some("TOO_MUCH");
    let message = "said";
    let rule =
        RuleSource { id: "rule", severity, signal_type, message, statement, context: &context };
    let module = lower([rule], Some("span.tenant")).unwrap();
    ir::verify::verify(&module).unwrap();
    module.to_string()
}

fn param(value: &str) -> ParamValue {
    match value.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
        Some(list) => ParamValue::List(list.split(", ").map(Value::from_plain_scalar).collect()),
        None => ParamValue::One(Value::from_plain_scalar(value)),
    }
}
