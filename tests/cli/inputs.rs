//! What a corpus knows of its inputs: nothing is read twice that is there, and nothing is forgotten
//! that could not be read.

use std::fs;

use serde_json::{Value, json};

use crate::corpus::export;
use crate::sandbox::{DAY_1, OMNICART, Outcome, Sandbox, line};

fn lines(traces: std::ops::Range<u64>) -> String {
    traces.map(|trace| line(trace, trace, "op", DAY_1 + trace, &json!({}))).collect()
}

fn ingest(sandbox: &Sandbox, args: &[&str], input: &str) -> Outcome {
    let args = [&["ingest", "--corpus", "corpus", "--format", "json"], args].concat();
    sandbox.run_with_input(&args, input.as_bytes())
}

/// Inputs that were known, inputs that were read on, and spans that were added.
fn counts(sandbox: &Sandbox, args: &[&str], input: &str) -> [u64; 3] {
    let outcome = ingest(sandbox, args, input).expect_code(0);
    let report: Value = serde_json::from_str(&outcome.out).expect("a report");
    ["known", "resumed", "spans"].map(|count| report[count].as_u64().expect("a number"))
}

/// What a replay says that the corpus lacks.
fn unread(sandbox: &Sandbox) -> Vec<String> {
    let report = sandbox.json(&["--rules", OMNICART, "--corpus", "corpus"]);
    let notes = report["completeness"]["unread"].as_array().expect("a list").clone();
    notes.iter().map(|note| note["input"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn inputs_that_are_missing_are_said_by_every_replay_until_they_are_read() {
    let sandbox = Sandbox::new();
    sandbox.write("in/a.jsonl", lines(1..3));
    let named = ["in", "missing.jsonl", "no/*.jsonl", "empty"];
    fs::create_dir(sandbox.path("empty")).expect("there is room");
    ingest(&sandbox, &named, "").expect_code(3);
    assert_eq!(unread(&sandbox), ["empty", "missing.jsonl", "no/*.jsonl"]);
    // What is read of another input is no news of these.
    assert_eq!(counts(&sandbox, &["in"], ""), [1, 0, 0]);
    sandbox.write("missing.jsonl", lines(3..4));
    assert_eq!(counts(&sandbox, &["missing.jsonl"], ""), [0, 0, 1]);
    assert_eq!(unread(&sandbox), ["empty", "no/*.jsonl"]);
    sandbox.write("no/b.jsonl", lines(4..5));
    sandbox.write("empty/c.jsonl", lines(5..6));
    assert_eq!(counts(&sandbox, &named, ""), [2, 0, 2]);
    assert_eq!(unread(&sandbox), [""; 0]);
}

#[test]
fn all_that_is_missing_is_kept_however_much_it_is() {
    let sandbox = Sandbox::new();
    let names: Vec<String> = (10..40).map(|number| format!("{number}.jsonl")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    ingest(&sandbox, &names, "").expect_code(3);
    let report = sandbox.json(&["--rules", OMNICART, "--corpus", "corpus"]);
    assert_eq!(report["completeness"]["unread_count"], 30, "{report}");
}

#[test]
fn an_input_that_grew_stays_known_as_it_was() {
    let sandbox = Sandbox::new();
    let log = |traces| sandbox.write("log.jsonl", lines(1..traces));
    let read = || counts(&sandbox, &["log.jsonl"], "");
    log(4);
    assert_eq!(read(), [0, 0, 3]);
    log(6);
    assert_eq!(read(), [0, 1, 2]);
    // A copy of before.
    log(4);
    assert_eq!(read(), [1, 0, 0]);
    // It grows from there in another way.
    sandbox.write("log.jsonl", lines(1..4) + &lines(20..22));
    assert_eq!(read(), [0, 1, 2]);
    for traces in [6, 4] {
        log(traces);
        assert_eq!(read(), [1, 0, 0], "{traces}");
    }
    // Of many ends the last ones are known.
    for traces in 7..40 {
        log(traces);
        assert_eq!(read(), [0, 1, 1], "{traces}");
    }
    log(36);
    assert_eq!(read(), [1, 0, 0]);
    let manifest = sandbox.read("corpus/MANIFEST");
    let manifest: Value =
        serde_json::from_str(manifest.lines().next().expect("a line")).expect("JSON");
    assert!(manifest["inputs"].as_array().is_some_and(|inputs| inputs.len() <= 11), "{manifest}");
    assert_eq!(export(&sandbox).lines().count(), 38);
}

#[test]
fn standard_input_is_not_added_twice() {
    let sandbox = Sandbox::new();
    let text = lines(1..5);
    assert_eq!(counts(&sandbox, &["-"], &text), [0, 0, 4]);
    let manifest = sandbox.read("corpus/MANIFEST");
    assert_eq!(counts(&sandbox, &["-"], &text), [1, 0, 0]);
    assert_eq!(sandbox.read("corpus/MANIFEST"), manifest, "nothing was committed");
    // Nor what a file had before, while what came beside it is.
    sandbox.write("a.jsonl", lines(5..8));
    sandbox.write("b.jsonl", lines(8..9));
    assert_eq!(counts(&sandbox, &["a.jsonl"], ""), [0, 0, 3]);
    assert_eq!(counts(&sandbox, &["b.jsonl", "-"], &lines(5..8)), [1, 0, 1]);
    assert_eq!(counts(&sandbox, &["-"], &lines(5..7)), [0, 0, 2], "a part is not known");
    let cut = &text[..text.len() - 9];
    ingest(&sandbox, &["-"], cut).expect_code(3);
    assert_eq!(counts(&sandbox, &["-"], cut), [1, 0, 0]);
    assert_eq!(export(&sandbox).lines().count(), 8);
}
