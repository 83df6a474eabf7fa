//! What was read and what was not.

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, line};

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("r.yaml", "rules: [{id: a, severity: high, violation: trace.has(x)}]");
    sandbox
}

fn completeness(sandbox: &Sandbox, inputs: &[&str]) -> Value {
    sandbox.json(&[&["--rules", "r.yaml"], inputs].concat())["completeness"].clone()
}

#[test]
fn a_bad_line_loses_only_itself() {
    let sandbox = sandbox();
    let spans: String =
        (1..=3).map(|n| line(n, n, "x", n, &json!({})) + "{\"resourceSpans\": what}\n").collect();
    sandbox.write("t.jsonl", spans + "{\"resourceSpans\":[{\"scopeSp");
    let outcome = sandbox.run(&["replay", "--rules", "r.yaml", "t.jsonl"]).expect_code(3);
    assert!(outcome.out.contains("3 spans in 3 traces"), "{}", outcome.out);
    assert!(outcome.out.contains("(t.jsonl:2 (byte "), "{}", outcome.out);
    assert!(!outcome.out.contains("Complete:"), "{}", outcome.out);
    let done = completeness(&sandbox, &["t.jsonl"]);
    let malformed: u64 =
        done["malformed"].as_object().expect("a map").values().filter_map(Value::as_u64).sum();
    assert_eq!((malformed, &done["spans"]), (4, &json!(3)), "{done}");
}

#[test]
fn an_input_that_is_not_there_is_unread_and_the_rest_is_checked() {
    let sandbox = sandbox();
    sandbox.write("t.jsonl", line(1, 1, "x", 1, &json!({})));
    let args = ["replay", "--rules", "r.yaml", "--format", "json", "t.jsonl", "nowhere.jsonl"];
    let outcome = sandbox.run(&args).expect_code(3);
    let report: Value = serde_json::from_str(&outcome.out).expect("JSON");
    assert_eq!(report["rules"][0]["violated"], 1);
    assert_eq!(report["completeness"]["unread"][0]["input"], "nowhere.jsonl");
    assert!(outcome.err.contains("Unread nowhere.jsonl"), "{}", outcome.err);
}

#[test]
fn an_empty_input_is_complete() {
    let sandbox = sandbox();
    sandbox.write("empty.jsonl", "");
    let outcome = sandbox.run(&["replay", "--rules", "r.yaml", "empty.jsonl"]).expect_code(0);
    assert!(outcome.out.contains("Read 0 spans in 0 traces from 0 documents of 1 file"));
    let outcome = sandbox.run(&["replay", "--rules", "r.yaml", "-"]).expect_code(0);
    assert!(outcome.out.contains("Complete: everything that was there was read."));
}

#[test]
fn other_signals_and_hidden_files_are_said() {
    let sandbox = sandbox();
    sandbox.write("data/t.jsonl", line(1, 1, "x", 1, &json!({})) + "{\"resourceLogs\":[{}]}\n");
    sandbox.write("data/.hidden.jsonl", line(2, 2, "x", 1, &json!({})));
    let done = completeness(&sandbox, &["data"]);
    assert_eq!(done["spans"], 1);
    assert_eq!(done["other_signals"].as_object().expect("a map").len(), 1, "{done}");
    assert_eq!(done["skipped"], json!([{"input": "data/.hidden.jsonl", "why": "hidden"}]));
}

#[test]
fn a_file_skipped_for_its_name_is_not_passed_off_as_read() {
    let sandbox = sandbox();
    sandbox.write("data/t.log", line(1, 1, "x", 1, &json!({})));
    sandbox.write("data/t.jsonl", line(2, 2, "x", 1, &json!({})));
    let outcome = sandbox.run(&["replay", "--rules", "r.yaml", "data"]).expect_code(0);
    assert!(!outcome.out.contains("Complete"), "{}", outcome.out);
    assert!(outcome.out.contains("Skipped data/t.log: not a trace file by its name; name the"));
    let named = completeness(&sandbox, &["data/t.log"]);
    assert_eq!((&named["spans"], &named["skipped"]), (&json!(1), &json!([])));

    // Hidden ones before it do not hide it, and alone they leave the reading complete.
    (0..20).for_each(|n| sandbox.write(&format!("data/.{n}"), ""));
    let outcome = sandbox.run(&["replay", "--rules", "r.yaml", "data"]).expect_code(0);
    assert!(!outcome.out.contains("Complete"), "{}", outcome.out);
    std::fs::remove_file(sandbox.path("data/t.log")).expect("it is there");
    let outcome = sandbox.run(&["replay", "--rules", "r.yaml", "data"]).expect_code(0);
    assert!(outcome.out.contains("Complete: everything was read but what was skipped."));
}

#[test]
fn an_input_without_a_trace_file_is_unread() {
    let sandbox = sandbox();
    sandbox.write("logs/t.log", line(1, 1, "x", 1, &json!({})));
    std::fs::create_dir(sandbox.path("empty")).expect("a folder");
    for folder in ["logs", "empty"] {
        let outcome = sandbox.run(&["replay", "--rules", "r.yaml", folder]).expect_code(3);
        let said = format!("Unread {folder}: no trace file in it");
        assert!(outcome.out.contains(&said) && !outcome.out.contains("Complete"), "{outcome:?}");
    }
}

#[test]
fn what_is_not_otlp_is_no_clean_result() {
    const JAEGER: &str = "{\"data\":[{\"traceID\":\"1\",\"spans\":[{\"operationName\":\"x\"}]}]}\n";
    const LOGS: &str = "{\"resourceLogs\":[{}]}\n";
    let sandbox = sandbox();
    sandbox.write("jaeger.json", JAEGER.repeat(2));
    sandbox.write("logs.json", LOGS);
    sandbox.write("mixed.json", line(1, 1, "y", 1, &json!({})) + JAEGER);
    let replay = |file: &str, code: i32| {
        let outcome = sandbox.run(&["replay", "--rules", "r.yaml", file]).expect_code(code);
        assert!(!outcome.out.contains("Complete"), "{}", outcome.out);
        let done = completeness(&sandbox, &[file]);
        assert_eq!(done["malformed"], json!({}), "it is well-formed");
        (outcome.out, done["empty"].clone())
    };
    let (out, empty) = replay("jaeger.json", 3);
    assert!(
        out.contains("No span was found in what was read\n2 documents hold no OTLP\n"),
        "{out}"
    );
    assert_eq!(empty, 2);
    let (out, empty) = replay("logs.json", 3);
    assert!(out.contains("No span was found"), "{out}");
    assert_eq!(empty, 0);
    let (out, empty) = replay("mixed.json", 0);
    assert!(out.contains("\n1 document holds no OTLP\n") && !out.contains("No span"), "{out}");
    assert_eq!(empty, 1);
}

#[test]
fn counts_go_on_where_lists_end() {
    let sandbox = sandbox();
    sandbox.write("data/t.jsonl", line(1, 1, "x", 1, &json!({})));
    (0..20).for_each(|n| sandbox.write(&format!("data/.{n}"), ""));
    let missing: Vec<_> = (0..18).map(|n| format!("missing-{n}")).collect();
    let inputs: Vec<&str> = missing.iter().map(String::as_str).chain(["data"]).collect();
    let done = completeness(&sandbox, &inputs);
    let list = |key: &str| done[key].as_array().expect("a list").len();
    assert_eq!((list("unread"), list("skipped")), (16, 16));
    assert_eq!((&done["unread_count"], &done["skipped_count"]), (&json!(18), &json!(20)));
}

#[test]
fn a_cut_gzip_is_truncated() {
    use std::io::Write;
    let sandbox = sandbox();
    let text: String = (1..500).map(|n| line(n, n, "x", n, &json!({"n": n}))).collect();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).expect("memory");
    let whole = encoder.finish().expect("memory");
    sandbox.write("t.jsonl.gz", &whole[..whole.len() / 2]);
    sandbox.run(&["replay", "--rules", "r.yaml", "t.jsonl.gz"]).expect_code(3);
    let done = completeness(&sandbox, &["t.jsonl.gz"]);
    assert_eq!(done["malformed"]["truncated"], 1, "{done}");
    let spans = done["spans"].as_u64().expect("a number");
    assert!((1..499).contains(&spans), "what was before the cut is read: {spans}");
}
