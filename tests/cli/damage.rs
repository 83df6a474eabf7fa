//! Corpora that are damaged at rest, or cut while a replay has them mapped: the rest is judged, what
//! is not is named, and the program ends by itself.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Instant;

use betrace::{Folder, Ingest, IngestOptions, SegmentSize};
use serde_json::Value;

use crate::sandbox::{OMNICART, Outcome, Sandbox, text, trace_files};

/// Replays the corpus `name`.
const REPLAY: [&str; 6] = ["replay", "--rules", OMNICART, "--format", "json", "--corpus"];

/// A sandbox with a corpus of segments of so many traces, none of them split.
fn sandbox(traces: u32, segment: usize) -> Sandbox {
    let sandbox = Sandbox::with_workload(traces, 4, 11);
    ingest(&sandbox.path("corpus"), &trace_files(&sandbox), segment);
    sandbox
}

fn ingest(corpus: &Path, files: &[PathBuf], traces: usize) {
    let options = IngestOptions {
        segments: SegmentSize { traces, rows: 1 << 20 },
        ..IngestOptions::default()
    };
    let writer = Folder::new(corpus).write().expect("nobody else writes");
    let mut ingest = Ingest::new(writer, options);
    ingest.read(files).expect("there is room");
    ingest.finish().expect("there is room");
}

/// The files of a corpus with this ending, in order.
fn files(corpus: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(corpus.join("segments")).expect("it was written");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|own| own == ending)).collect();
    paths.sort();
    paths
}

/// Rules and counts of a report: what must be the same for the same data.
fn answer(out: &str) -> Value {
    let mut report: Value = serde_json::from_str(out).expect("a report");
    let done = report["completeness"].as_object_mut().expect("it is there");
    for changing in ["seconds", "decoder", "unread", "unread_count"] {
        done.remove(changing);
    }
    report
}

fn copy(sandbox: &Sandbox, from: &str, to: &str) -> PathBuf {
    let (from, to) = (sandbox.path(from), sandbox.path(to));
    fs::create_dir_all(to.join("segments")).expect("there is room");
    for name in ["MANIFEST", "MANIFEST.previous"] {
        fs::copy(from.join(name), to.join(name)).expect("there is room");
    }
    for ending in ["seg", "split"] {
        for path in files(&from, ending) {
            // Not a copy of the file's permissions: it is to be changed.
            let bytes = fs::read(&path).expect("it was written");
            let name = path.file_name().expect("it is a file");
            fs::write(to.join("segments").join(name), bytes).expect("there is room");
        }
    }
    to
}

fn replay(sandbox: &Sandbox, corpus: &Path) -> Outcome {
    sandbox.run(&[&REPLAY[..], &[text(corpus)]].concat())
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("our files have names")
}

#[test]
fn a_damaged_segment_is_named_and_the_others_are_judged() {
    let sandbox = sandbox(600, 100);
    let whole = answer(&replay(&sandbox, &sandbox.path("corpus")).expect_code(0).out);
    let missing = copy(&sandbox, "corpus", "missing");
    let victim = files(&missing, "seg")[2].clone();
    fs::remove_file(&victim).expect("it is there");
    let outcome = replay(&sandbox, &missing).expect_code(3);
    assert!(outcome.err.contains("its ") && outcome.err.contains("traces were not judged"));
    let without = answer(&outcome.out);
    let traces = |report: &Value| report["completeness"]["traces"].as_u64().expect("a number");
    assert!(traces(&without) < traces(&whole) && traces(&without) > traces(&whole) / 2);
    let judged = without["rules"][0]["traces"].as_u64();
    assert!(judged.is_none_or(|judged| judged == traces(&without)), "{judged:?}");
    let bytes = fs::read(files(&sandbox.path("corpus"), "seg")[2].as_path()).expect("it is there");
    let flipped = |at: usize| {
        let mut flipped = bytes.clone();
        flipped[at] ^= 4;
        flipped
    };
    let later = [&bytes[..8], &[2], &bytes[9..]].concat();
    let damages =
        [vec![], vec![0], bytes[..bytes.len() / 2].to_vec(), flipped(bytes.len() - 60), later];
    for damage in damages {
        fs::write(&victim, damage).expect("there is room");
        let outcome = replay(&sandbox, &missing).expect_code(3);
        assert_eq!(answer(&outcome.out), without);
        assert!(outcome.err.contains(name(&victim)), "{}", outcome.err);
    }
    fs::write(&victim, &bytes).expect("there is room");
    assert_eq!(answer(&replay(&sandbox, &missing).expect_code(0).out), whole);
}

#[test]
fn a_split_trace_is_judged_only_if_all_its_pieces_can_be_read() {
    let sandbox = Sandbox::with_workload(300, 4, 11);
    // Lines in turn: the spans of a trace are in both halves.
    let lines: String = trace_files(&sandbox).iter().map(|path| sandbox.read(text(path))).collect();
    for half in 0..2 {
        let part: String = lines.split_inclusive('\n').skip(half).step_by(2).collect();
        sandbox.write(&format!("{half}.jsonl"), part);
        ingest(&sandbox.path("corpus"), &[sandbox.path(&format!("{half}.jsonl"))], 1 << 16);
    }
    let [first, second] = &files(&sandbox.path("corpus"), "seg")[..] else {
        panic!("two segments were expected")
    };
    assert_eq!(files(&sandbox.path("corpus"), "split").len(), 1, "there are split traces");
    let (first, second) = (name(first).to_owned(), name(second).to_owned());
    for lost in [first, second] {
        let corpus = copy(&sandbox, "corpus", &format!("without-{lost}"));
        fs::write(corpus.join("segments").join(&lost), "nothing").expect("there is room");
        let outcome = replay(&sandbox, &corpus).expect_code(3);
        assert!(outcome.err.contains(&lost), "{}", outcome.err);
        let report = answer(&outcome.out);
        // A trace of which half the spans are lost may only seem to violate a rule, so none is
        // judged: those that are lie in one segment alone.
        let whole = answer(&replay(&sandbox, &sandbox.path("corpus")).expect_code(0).out);
        let rules = |report: &Value| report["rules"].as_array().expect("rules").clone();
        for (part, all) in rules(&report).iter().zip(rules(&whole)) {
            let violated = |rule: &Value| rule["violated"].as_u64().expect("a number");
            assert!(violated(part) <= violated(&all), "{part} of {all}");
        }
    }
}

#[test]
fn without_its_newest_manifest_a_corpus_is_the_one_before_until_that_is_decided() {
    let sandbox = sandbox(200, 100);
    let torn = copy(&sandbox, "corpus", "torn");
    let manifest = torn.join("MANIFEST");
    let run = |args: &[&str]| sandbox.run(&[args, &["--corpus", text(&torn)]].concat());
    for (name, content) in [("empty.jsonl", ""), ("blank.jsonl", "\n")] {
        sandbox.write(name, content);
        run(&["ingest", name]).expect_code(0);
    }
    fs::write(&manifest, "{").expect("there is room");
    for args in [["corpus", "stat"], ["corpus", "export"], ["corpus", "compact"]] {
        let outcome = run(&args).expect_code(3);
        assert!(outcome.err.contains("the manifest is cut off"), "{outcome:?}");
    }
    let verified = run(&["corpus", "verify"]).expect_code(3);
    assert!(verified.out.contains("MANIFEST: the manifest is cut off"), "{verified:?}");
    assert!(verified.out.contains("remove the file"), "{verified:?}");
    let before = run(&["corpus", "export"]).out;
    fs::remove_file(&manifest).expect("it is the test's");
    run(&["corpus", "stat"]).expect_code(3);
    // Nothing new is read, and still there is a manifest again.
    let ingested = run(&["ingest", "empty.jsonl"]).expect_code(0);
    assert!(ingested.out.contains("everything was in the corpus already"), "{ingested:?}");
    run(&["corpus", "verify"]).expect_code(0);
    assert_eq!(run(&["corpus", "export"]).expect_code(0).out, before);
}

#[test]
fn damage_to_manifests_and_lists_of_split_traces_is_named() {
    let sandbox = sandbox(200, 100);
    let torn = copy(&sandbox, "corpus", "torn");
    let manifest = fs::read(torn.join("MANIFEST")).expect("it was written");
    for end in [0, 1, manifest.len() / 2, manifest.len() - 1] {
        fs::write(torn.join("MANIFEST"), &manifest[..end]).expect("there is room");
        let outcome = replay(&sandbox, &torn).expect_code(3);
        assert!(outcome.err.contains("MANIFEST: the manifest is cut off"), "{}", outcome.err);
    }
    fs::write(torn.join("MANIFEST.previous"), "").expect("there is room");
    let outcome = replay(&sandbox, &torn).expect_code(3);
    assert!(outcome.err.contains("MANIFEST: the manifest is cut off"), "{}", outcome.err);
    fs::write(torn.join("MANIFEST"), manifest).expect("there is room");
    replay(&sandbox, &torn).expect_code(0);
    // The same file twice, but for its last line: every trace of it is split.
    let file = trace_files(&sandbox)[0].clone();
    let doubled = sandbox.read(text(&file)).replacen("\"traceId\"", " \"traceId\"", 1);
    sandbox.write("again.jsonl", doubled);
    ingest(&sandbox.path("corpus"), &[sandbox.path("again.jsonl")], 100);
    let split = files(&sandbox.path("corpus"), "split").pop().expect("traces are split");
    let bytes = fs::read(&split).expect("it was written");
    fs::remove_file(&split).expect("it is the test's");
    let outcome = replay(&sandbox, &sandbox.path("corpus")).expect_code(3);
    assert!(outcome.err.contains(name(&split)), "{}", outcome.err);
    for at in [0, 8, 20, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        fs::write(&split, changed).expect("there is room");
        let outcome = replay(&sandbox, &sandbox.path("corpus")).expect_code(3);
        assert!(outcome.err.contains(name(&split)), "{}", outcome.err);
    }
}

/// How many times a file is cut under a replay: some, or what the environment says.
fn cuts() -> u32 {
    let asked = std::env::var("BETRACE_CUTS").ok().and_then(|cuts| cuts.parse().ok());
    asked.unwrap_or(24)
}

#[test]
fn a_file_that_is_cut_under_a_running_replay_is_named() {
    let sandbox = sandbox(3000, 1000);
    let started = Instant::now();
    let whole = answer(&replay(&sandbox, &sandbox.path("corpus")).expect_code(0).out);
    let lasts = started.elapsed();
    let segments = files(&sandbox.path("corpus"), "seg").len();
    let without: Vec<Value> = (0..segments)
        .map(|number| {
            let corpus = copy(&sandbox, "corpus", &format!("without-{number}"));
            fs::remove_file(&files(&corpus, "seg")[number]).expect("it is there");
            answer(&replay(&sandbox, &corpus).expect_code(3).out)
        })
        .collect();
    let (mut noticed, cuts) = (0, cuts());
    for cut in 0..cuts {
        let corpus = copy(&sandbox, "corpus", "cut");
        let number = cut as usize % segments;
        let victim = files(&corpus, "seg")[number].clone();
        let length = fs::metadata(&victim).expect("it is there").len();
        // Moments and ends are dealt independently of each other.
        let end = length * u64::from(cut * 7 % 31) / 31;
        let child = start(&sandbox, &corpus);
        sleep(lasts * (cut * 13 % 29) / 29);
        let file = OpenOptions::new().write(true).open(&victim).expect("it may be written");
        file.set_len(end).expect("it may be cut");
        let outcome = ended(child);
        match outcome.code {
            Some(0) => assert_eq!(answer(&outcome.out), whole, "cut {cut} came too late"),
            Some(3) => {
                noticed += 1;
                assert!(outcome.err.contains(name(&victim)), "cut {cut}: {}", outcome.err);
                assert_eq!(answer(&outcome.out), without[number], "cut {cut}");
            }
            other => panic!("cut {cut} ended with {other:?}: {}", outcome.err),
        }
    }
    println!("{noticed} of {cuts} cuts came before the end");
    assert!(noticed > 0);
}

fn start(sandbox: &Sandbox, corpus: &Path) -> Child {
    let args = [&REPLAY[..], &[text(corpus)]].concat();
    let mut command = sandbox.command(env!("CARGO_BIN_EXE_betrace"), &args);
    command.stdin(Stdio::null()).spawn().expect("the program starts")
}

fn ended(mut child: Child) -> Outcome {
    let read = |from: &mut dyn Read| {
        let mut text = String::new();
        from.read_to_string(&mut text).expect("the program prints UTF-8");
        text
    };
    // The report is longer than what a pipe holds, what else is said is not.
    let out = read(child.stdout.as_mut().expect("it is piped"));
    let err = read(child.stderr.as_mut().expect("it is piped"));
    let status = child.wait().expect("it ends");
    assert_eq!(status.signal(), None, "ended by a signal: {err}");
    Outcome { code: status.code(), out, err }
}
