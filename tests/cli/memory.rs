//! The bound of memory that the program promises: a fixed part that does not grow, and beside it 64
//! bytes a trace, 64 bytes a span of a named operation, and the distinct text of named attributes.
//!
//! The fixed part would hide much of what grows, so two sizes are compared.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::corpus::corpus;
use crate::sandbox::{DAY_1, OMNICART, Sandbox, line};

/// What is allowed whatever the data is.
const FIXED: u64 = 300 << 20;

/// How far the fixed parts of two runs may differ: blocks in flight, segments being judged, which a
/// small run does not fill, and the spare pages of the allocator.
const NOISE: u64 = 32 << 20;

const SKIPPED: &str = "skipped: this system does not tell a process's peak of memory";

#[test]
fn memory_grows_by_no_more_than_its_bound() {
    if !is_told() {
        println!("{SKIPPED}");
        return;
    }
    let peaks = [20_000, 100_000].map(|traces| {
        let sandbox = Sandbox::with_workload(traces, 5, 9);
        let truth: serde_json::Value =
            serde_json::from_str(&sandbox.read("data/.truth.json")).expect("JSON");
        let count = |key: &str| truth[key].as_u64().expect("a number");
        let args = ["--rules", OMNICART, "--threads", "2", "data"];
        // Half of the spans are named, a fingerprint of the others takes less, and every trace
        // brings some texts of its own.
        (64 * (count("traces") + count("spans")), peak(&sandbox, &args))
    });
    expect_slope(peaks);
}

#[test]
fn a_document_of_nothing_takes_no_more_than_its_tape() {
    if !is_told() {
        println!("{SKIPPED}");
        return;
    }
    const BYTES: usize = 8 << 20;
    let around = |inside: &str, before: &str, after: &str| {
        let many = vec![inside; BYTES / (inside.len() + 1)].join(",");
        format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{before}{many}{after}]}}]}}\n")
    };
    for document in [around("{\"spans\":[]}", "", ""), around("{}", "{\"spans\":[", "]}")] {
        let sandbox = Sandbox::new();
        sandbox.write("t.jsonl", &document);
        let args = ["--rules", OMNICART, "--threads", "1", "t.jsonl"];
        let (peak, code) = peak_and_code(&sandbox, &args);
        assert_eq!(code, Some(3), "there is no span in it");
        assert!(peak < FIXED, "{} MiB for {} MiB", peak >> 20, document.len() >> 20);
    }
}

#[test]
fn memory_grows_by_no_more_where_traces_are_dense_and_all_violate() {
    if !is_told() {
        println!("{SKIPPED}");
        return;
    }
    const SPANS: u64 = 1_000;
    let peaks = [50, 200].map(|traces| {
        let sandbox = Sandbox::new();
        let context = "signal: {context: [n, none]}";
        let rule = format!("{{id: a, severity: low, violation: trace.has(x), {context}}}");
        sandbox.write("r.yaml", format!("rules: [{rule}]"));
        let span = |id: u64| line(id % traces + 1, id + 1, "x", DAY_1 + id, &json!({"n": id % 9}));
        sandbox.write("t.jsonl", (0..traces * SPANS).map(span).collect::<String>());
        let args = ["--rules", "r.yaml", "--threads", "2", "t.jsonl"];
        (64 * (traces + traces * SPANS), peak(&sandbox, &args))
    });
    expect_slope(peaks);
}

#[test]
fn a_large_document_is_not_kept() {
    if !is_told() {
        println!("{SKIPPED}");
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("r.yaml", "rules: [{id: a, severity: low, violation: trace.has(x)}]");
    let peaks = [1, 8].map(|count: usize| {
        let zeros = "0,".repeat(500_000);
        let document = format!("{{\"resourceSpans\":[],\"other\":[{zeros}0]}}\n");
        let span = line(1, 1, "x", DAY_1, &json!({}));
        sandbox.write("t.jsonl", document.repeat(count) + &span);
        // Each thread needs room for one.
        (0, peak(&sandbox, &["--rules", "r.yaml", "--threads", "1", "t.jsonl"]))
    });
    expect_slope(peaks);
}

#[test]
fn an_ingest_keeps_to_its_memory_and_a_replay_of_the_corpus_needs_no_more_for_more() {
    if !is_told() {
        println!("{SKIPPED}");
        return;
    }
    // What an ingest holds beside its spans: blocks, a segment on its way to the disk.
    const BESIDE: u64 = 96 << 20;
    const MEMORY: u64 = 24 << 20;
    let peaks = [6_000, 18_000].map(|traces| {
        let sandbox = Sandbox::with_workload(traces, 5, 9);
        let memory = format!("{}MiB", MEMORY >> 20);
        let args = ["ingest", "--corpus", "corpus", "--threads", "2", "--memory", &memory, "data"];
        let (ingest, code) = peak_of(&sandbox, &args);
        assert_eq!(code, Some(0));
        assert!(ingest < MEMORY + BESIDE, "{ingest} bytes to ingest {traces} traces");
        corpus(&sandbox, "compact", &[]).expect_code(0);
        let args = ["--rules", OMNICART, "--threads", "2", "--corpus", "corpus"];
        (0, peak(&sandbox, &args))
    });
    expect_slope(peaks);
}

/// Fails unless the peaks, each with what is allowed beside the fixed part, are in bounds and grow
/// no more than allowed.
#[track_caller]
fn expect_slope([(less, small), (more, large)]: [(u64, u64); 2]) {
    assert!(small > 1 << 20, "the peak was never seen");
    assert!(large < FIXED + more, "{large} bytes at most, {more} allowed beside {FIXED}");
    let (grown, allowed) = (large.saturating_sub(small), more - less + NOISE);
    assert!(grown < allowed, "{small} bytes became {large}: {grown} more, {allowed} allowed");
}

/// Whether the system tells a process's peak of memory.
fn is_told() -> bool {
    Path::new("/proc/self/status").exists()
}

/// The peak of resident memory of a replay that finds nothing wrong, in bytes.
fn peak(sandbox: &Sandbox, args: &[&str]) -> u64 {
    let (peak, code) = peak_and_code(sandbox, args);
    assert_eq!(code, Some(0));
    peak
}

/// The peak of resident memory of a replay, in bytes, and its exit code.
fn peak_and_code(sandbox: &Sandbox, args: &[&str]) -> (u64, Option<i32>) {
    peak_of(sandbox, &[&["replay", "--format", "json"], args].concat())
}

/// The peak of resident memory of any verb, in bytes, and its exit code.
fn peak_of(sandbox: &Sandbox, args: &[&str]) -> (u64, Option<i32>) {
    let mut child =
        sandbox.command(env!("CARGO_BIN_EXE_betrace"), args).spawn().expect("the program starts");
    let mut peak = 0;
    while child.try_wait().expect("it can be asked").is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
        peak = peak.max(status.ok().as_deref().and_then(high_water).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(1));
    }
    (peak, child.wait().expect("it ended").code())
}

/// The peak of resident memory, in bytes.
fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}
