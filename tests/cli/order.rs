//! Nothing depends on how the spans are fed: the order of lines and files, compression, the number
//! of threads, the engine.

use std::fs;
use std::io::Write;

use serde_json::Value;

use crate::sandbox::{OMNICART, Outcome, Sandbox, text, trace_files};

/// Keys of the statement of completeness that depend on how spans are cut into files and handed to
/// threads.
const FEEDING: [&str; 7] =
    ["seconds", "decoder", "bytes", "files", "documents", "skipped", "skipped_count"];

#[test]
fn any_way_to_feed_the_same_spans_gives_the_same() {
    let sandbox = Sandbox::with_workload(1_200, 3, 5);
    let files = trace_files(&sandbox);
    let names: Vec<&str> = files.iter().map(|path| text(path)).collect();
    let whole: Vec<u8> = files.iter().flat_map(|path| fs::read(path).expect("a file")).collect();
    sandbox.write("whole.jsonl", &whole);
    sandbox.write("shuffled.jsonl", shuffled(&whole));
    sandbox.write("gzip/whole.jsonl.gz", gzip(&whole));
    let zstd = zstd::encode_all(&whole[..], 1).expect("zstd");
    sandbox.write("zstd/whole.jsonl.zst", zstd);
    let pretty: String = String::from_utf8_lossy(&whole)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|document| serde_json::to_string_pretty(&document).expect("JSON"))
        .collect();
    sandbox.write("pretty.json", pretty);

    let backwards: Vec<&str> = names.iter().rev().copied().collect();
    let reference = both(&sandbox, &["data"], b"");
    let ways: [(&str, &[&str], &[u8]); 14] = [
        ("files backwards", &backwards, b""),
        ("a glob", &["data/*.jsonl"], b""),
        ("one file", &["whole.jsonl"], b""),
        ("shuffled lines", &["shuffled.jsonl"], b""),
        ("gzip", &["gzip"], b""),
        ("zstd", &["zstd/whole.jsonl.zst"], b""),
        ("pretty-printed documents, one after another", &["pretty.json"], b""),
        ("standard input", &["-"], &whole),
        ("one thread", &["data", "--threads", "1"], b""),
        ("two threads", &["data", "--threads", "2"], b""),
        ("four threads", &["shuffled.jsonl", "--threads", "4"], b""),
        ("code", &["data", "--engine", "jit"], b""),
        ("columns", &["data", "--engine", "columns"], b""),
        ("the interpreter", &["data", "--engine", "interpreter"], b""),
    ];
    for (way, args, input) in ways {
        let found = both(&sandbox, args, input);
        assert_eq!(found.0, reference.0, "the report by {way}");
        assert!(found.1 == reference.1, "the signals by {way}");
    }
    assert!(reference.1.lines().count() > 5, "too few signals to tell anything");
}

#[test]
fn what_is_fed_twice_counts_once() {
    let sandbox = Sandbox::with_workload(600, 3, 5);
    let once = sandbox.json(&["--rules", OMNICART, "data/*.jsonl"]);
    fs::create_dir(sandbox.path("copy")).expect("a folder");
    for file in trace_files(&sandbox) {
        let name = file.file_name().expect("a name");
        fs::copy(&file, sandbox.path("copy").join(name)).expect("a copy");
    }
    let twice = sandbox.json(&["--rules", OMNICART, "data/*.jsonl", "copy"]);
    assert_eq!(twice["rules"], once["rules"]);
    let count = |report: &Value, key: &str| report["completeness"][key].as_u64().expect("a number");
    assert_eq!(count(&twice, "spans"), count(&once, "spans"));
    assert_eq!(count(&twice, "traces"), count(&once, "traces"));
    let again = count(&once, "spans") + 2 * count(&once, "duplicates");
    assert_eq!(count(&twice, "duplicates"), again);
}

#[test]
fn a_file_named_twice_is_read_once() {
    let sandbox = Sandbox::with_workload(300, 2, 5);
    let once = sandbox.json(&["--rules", OMNICART, "data"]);
    let twice = sandbox.json(&["--rules", OMNICART, "data", "data/*.jsonl"]);
    assert_eq!(twice["rules"], once["rules"]);
    assert_eq!(twice["completeness"]["duplicates"], once["completeness"]["duplicates"]);
    assert_eq!(twice["completeness"]["files"], once["completeness"]["files"]);
}

/// The report without what depends on how spans are cut into files, and the signals.
fn both(sandbox: &Sandbox, args: &[&str], input: &[u8]) -> (Value, String) {
    let options = ["replay", "--rules", OMNICART, "--group-by", "service.version"];
    let output = ["--format", "json", "--signals", "signals.jsonl"];
    let outcome = sandbox.run_with_input(&[&options[..], &output, args].concat(), input);
    let Outcome { out, .. } = outcome.expect_code(0);
    let mut report: Value = serde_json::from_str(&out).expect("JSON");
    let completeness = report["completeness"].as_object_mut().expect("a map");
    for key in FEEDING {
        assert!(completeness.remove(key).is_some(), "{key}");
    }
    (report, sandbox.read("signals.jsonl"))
}

/// The lines in another order, the same in every run.
fn shuffled(text: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let mut state = 88_172_645_463_325_252_u64;
    for at in (1..lines.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        lines.swap(at, (state % (at as u64 + 1)) as usize);
    }
    lines.concat()
}

/// Two gzip members, one after another.
fn gzip(text: &[u8]) -> Vec<u8> {
    let (one, two) = text.split_at(text.len() / 2);
    let member = |part: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(part).expect("memory");
        encoder.finish().expect("memory")
    };
    [member(one), member(two)].concat()
}
