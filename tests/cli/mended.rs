//! Corpora of which something is lost: new data still comes in, and there is a way on that keeps the
//! loss in what every replay says.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::corpus::{corpus, export, files, report, small, stat};
use crate::sandbox::{DAY_1, Outcome, Sandbox, line};

const RULES: &str =
    "rules: [{id: both, severity: low, violation: trace.has(first) and trace.has(second)}]";

/// Two ingests; trace 2 lies in both.
fn two() -> Sandbox {
    let sandbox = small(&[
        &(line(1, 1, "first", DAY_1, &json!({})) + &line(2, 2, "first", DAY_1, &json!({}))),
        &(line(2, 22, "second", DAY_1 + 5, &json!({})) + &line(3, 3, "second", DAY_1, &json!({}))),
    ]);
    sandbox.write("rules.yaml", RULES);
    sandbox
}

fn replay(sandbox: &Sandbox) -> Outcome {
    sandbox.run(&["replay", "--rules", "rules.yaml", "--corpus", "corpus", "--format", "json"])
}

/// Traces that were judged, and violations.
fn judged(outcome: &Outcome) -> [u64; 2] {
    let report: Value = serde_json::from_str(&outcome.out).expect("a report");
    let number = |value: &Value| value.as_u64().expect("a number");
    [number(&report["completeness"]["traces"]), number(&report["rules"][0]["violated"])]
}

fn ingest(sandbox: &Sandbox, name: &str, text: &str) -> Outcome {
    sandbox.write(name, text);
    sandbox.run(&["ingest", "--corpus", "corpus", name])
}

fn path(sandbox: &Sandbox, ending: &str) -> PathBuf {
    let name = files(sandbox).into_iter().rfind(|name| name.ends_with(ending));
    sandbox.path("corpus/segments").join(name.expect("there is one"))
}

/// Puts other bytes in the place of a sealed file's.
fn put(path: &PathBuf, bytes: &[u8]) {
    fs::remove_file(path).expect("it can go");
    fs::write(path, bytes).expect("it can be written");
}

#[test]
fn ingest_goes_on_without_a_lost_segment_and_meets_it_once_it_is_back() {
    let sandbox = two();
    assert_eq!(judged(&replay(&sandbox).expect_code(0)), [3, 1]);
    let first = path(&sandbox, "0.seg");
    let away = sandbox.path("away");
    fs::rename(&first, &away).expect("it can go");
    // Trace 1 is in the lost segment, too.
    let more =
        line(1, 11, "second", DAY_1 + 7, &json!({})) + &line(4, 4, "first", DAY_1, &json!({}));
    let read = ingest(&sandbox, "more.jsonl", &more).expect_code(3);
    assert!(
        read.out.contains("Read 2 spans") && read.out.contains("read on without it"),
        "{read:?}"
    );
    let without = replay(&sandbox).expect_code(3);
    assert!(without.err.contains("its 2 traces were not judged"), "{without:?}");
    assert_eq!(judged(&without), [3, 0]);
    for verb in ["compact", "export", "stat"] {
        let refused = corpus(&sandbox, verb, &[]).expect_code(3);
        assert!(refused.err.contains("betrace corpus verify --drop"), "{refused:?}");
    }
    // Back again, it is as if it had never been away, at once and after the next ingest.
    fs::rename(&away, &first).expect("it can come back");
    assert_eq!(judged(&replay(&sandbox).expect_code(0)), [4, 2]);
    let unmet = |sandbox: &Sandbox| sandbox.read("corpus/MANIFEST").contains("\"unmet\"");
    assert!(unmet(&sandbox));
    ingest(&sandbox, "last.jsonl", &line(5, 5, "first", DAY_1, &json!({}))).expect_code(0);
    assert!(!unmet(&sandbox));
    assert_eq!(judged(&replay(&sandbox).expect_code(0)), [5, 2]);
    corpus(&sandbox, "verify", &[]).expect_code(0);
}

#[test]
fn a_corpus_goes_on_without_what_is_damaged_and_says_so_ever_after() {
    let sandbox = two();
    let damaged = path(&sandbox, "0.seg");
    let mut bytes = fs::read(&damaged).expect("a segment");
    bytes.truncate(bytes.len() / 2);
    put(&damaged, &bytes);
    let found = corpus(&sandbox, "verify", &[]).expect_code(3);
    assert!(found.out.contains("Checked 1 segment,"), "{found:?}");
    assert!(found.out.contains("betrace corpus verify --drop"), "{found:?}");
    let done = corpus(&sandbox, "verify", &["--drop"]).expect_code(3);
    for said in [
        "2 traces and 2 spans of 2024-10-26 to 2024-10-26 are lost",
        "1 of the traces have",
        "quarantine",
    ] {
        assert!(done.out.contains(said), "{said}: {done:?}");
    }
    let kept = sandbox.path("corpus/quarantine").join(damaged.file_name().expect("a name"));
    assert_eq!(fs::read(kept).expect("it is kept"), bytes);
    let whole = corpus(&sandbox, "verify", &["--drop"]).expect_code(0);
    assert!(whole.out.contains("Whole"), "{whole:?}");
    // Every verb works again, and every replay says what is lost, also after compaction.
    ingest(&sandbox, "more.jsonl", &line(4, 4, "first", DAY_1, &json!({}))).expect_code(0);
    assert_eq!(stat(&sandbox)["traces"], 3);
    for _ in 0..2 {
        let replayed = replay(&sandbox).expect_code(3);
        assert!(replayed.err.contains("dropped with 2 traces, 2 spans"), "{replayed:?}");
        assert_eq!(judged(&replayed), [3, 0]);
        corpus(&sandbox, "compact", &[]).expect_code(0);
    }
    assert_eq!(export(&sandbox).lines().count(), 3);
    let erased = corpus(&sandbox, "erase", &["user=anna"]).expect_code(0);
    assert!(erased.err.contains("corpus/quarantine holds damaged segments"), "{erased:?}");
}

#[test]
fn a_list_of_split_traces_that_cannot_be_read_is_worked_out_anew() {
    let sandbox = two();
    let list = path(&sandbox, ".split");
    let bytes = fs::read(&list).expect("a list");
    put(&list, b"nonsense");
    let replayed = replay(&sandbox).expect_code(3);
    assert!(replayed.err.contains("worked out from the segments"), "{replayed:?}");
    assert_eq!(judged(&replayed), [3, 1]);
    assert_eq!(stat(&sandbox)["splits"], 1);
    let found = corpus(&sandbox, "verify", &[]).expect_code(3);
    assert!(found.out.contains("verify --drop"), "{found:?}");
    corpus(&sandbox, "verify", &["--drop"]).expect_code(3);
    corpus(&sandbox, "verify", &[]).expect_code(0);
    assert_eq!(judged(&replay(&sandbox).expect_code(0)), [3, 1]);
    // One of a later format is no damage.
    let list = path(&sandbox, ".split");
    put(&list, &[b"BTSPLIT2", &bytes[8..]].concat());
    let newer = replay(&sandbox).expect_code(3);
    assert!(newer.err.contains("format 2 is newer") && newer.out.is_empty(), "{newer:?}");
    corpus(&sandbox, "verify", &["--drop"]).expect_code(3);
    assert!(fs::read(&list).expect("it is there").starts_with(b"BTSPLIT2"), "it was kept");
}

#[test]
fn a_segment_of_a_later_format_is_named_once_and_never_dropped() {
    let sandbox = two();
    let later = path(&sandbox, "0.seg");
    let mut bytes = fs::read(&later).expect("a segment");
    bytes[8] = 2;
    put(&later, &bytes);
    let name = later.file_name().and_then(|name| name.to_str()).expect("UTF-8");
    let replayed = replay(&sandbox).expect_code(3);
    let said = replayed.err.lines().find(|line| line.contains(name)).expect("it is named");
    assert_eq!(said.matches(name).count(), 1, "{said}");
    let verified = corpus(&sandbox, "verify", &["--drop"]).expect_code(3);
    assert_eq!(verified.out.matches(name).count(), 1, "{verified:?}");
    assert!(verified.out.contains("\n  use a newer BeTrace\n"), "{verified:?}");
    assert!(later.exists() && !sandbox.path("corpus/quarantine").exists());
}

#[test]
fn more_segments_than_files_may_be_open_are_verified() {
    let sandbox = Sandbox::new();
    for trace in 1..40 {
        let name = format!("{trace}.jsonl");
        ingest(&sandbox, &name, &line(trace, trace, "op", DAY_1, &json!({}))).expect_code(0);
    }
    let script = "ulimit -n 24; exec \"$0\" corpus verify --corpus corpus";
    let mut shell = sandbox.command("/bin/sh", &["-c", script, env!("CARGO_BIN_EXE_betrace")]);
    let output = shell.stdin(Stdio::null()).output().expect("a shell");
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.contains("Checked 39 segments") && out.contains("Whole"), "{output:?}");
}

#[test]
fn a_folder_that_cannot_be_a_corpus_is_refused_with_what_to_do() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "");
    sandbox.write("in.jsonl", line(1, 1, "op", DAY_1, &json!({})));
    for (folder, said) in [
        ("", "the path of the corpus is empty; name the folder"),
        ("file", "file: is not a folder; name the folder of a corpus"),
        ("/proc/none", "/proc/none: the folder cannot be made: "),
    ] {
        let refused = sandbox.run(&["ingest", "--corpus", folder, "in.jsonl"]).expect_code(2);
        assert!(refused.err.contains(said), "{refused:?}");
    }
    for folder in ["", "file"] {
        for verb in ["stat", "compact"] {
            let refused = sandbox.run(&["corpus", verb, "--corpus", folder]).expect_code(2);
            assert!(refused.err.contains("name the folder of a corpus"), "{refused:?}");
        }
    }
    let names = fs::read_dir(sandbox.path(".")).expect("a folder").count();
    assert_eq!(names, 2, "nothing was made");
}

#[test]
fn pruning_everything_has_to_be_meant() {
    let sandbox = two();
    let refused = corpus(&sandbox, "prune", &["--before", "2030-01-01"]).expect_code(2);
    assert!(refused.err.contains("everything, 4 spans in 3 traces"), "{refused:?}");
    assert!(refused.err.contains("--all"), "{refused:?}");
    assert_eq!(stat(&sandbox)["traces"], 3);
    let done = report(&sandbox, "prune", &["--before", "2030-01-01", "--all"]);
    assert_eq!((&done["traces"], &done["spans"]), (&json!(3), &json!(4)), "{done}");
    assert_eq!(stat(&sandbox)["traces"], 0);
}
