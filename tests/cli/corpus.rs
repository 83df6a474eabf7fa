//! What looks after a corpus: each verb over the sample and over small data made for it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::sandbox::{DAY_1, OMNICART, Outcome, Sandbox, line};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/omnicart");

/// The sample in a corpus, read in three ingests: every line in one of them, so that traces are split.
fn sample() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut parts = [const { String::new() }; 3];
    let mut files: Vec<PathBuf> = fs::read_dir(SAMPLE)
        .expect("the sample")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    for path in files {
        let text = zstd::decode_all(fs::File::open(path).expect("a file")).expect("it is whole");
        let text = String::from_utf8(text).expect("UTF-8");
        for (number, line) in text.lines().enumerate() {
            parts[number % 3].push_str(&format!("{line}\n"));
        }
    }
    for (number, part) in parts.iter().enumerate() {
        let name = format!("{number}.jsonl");
        sandbox.write(&name, part);
        sandbox.run(&["ingest", "--corpus", "corpus", &name]).expect_code(0);
    }
    sandbox
}

/// A corpus of these lines, each text an ingest.
pub fn small(ingests: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    for (number, lines) in ingests.iter().enumerate() {
        let name = format!("{number}.jsonl");
        sandbox.write(&name, lines);
        sandbox.run(&["ingest", "--corpus", "corpus", &name]).expect_code(0);
    }
    sandbox
}

/// Runs a verb.
pub fn corpus(sandbox: &Sandbox, verb: &str, args: &[&str]) -> Outcome {
    sandbox.run(&[&["corpus", verb, "--corpus", "corpus"], args].concat())
}

/// The JSON report of a verb that ends well.
pub fn report(sandbox: &Sandbox, verb: &str, args: &[&str]) -> Value {
    let outcome = corpus(sandbox, verb, &[args, &["--format", "json"]].concat()).expect_code(0);
    serde_json::from_str(&outcome.out).unwrap_or_else(|error| panic!("{error}\n{outcome:?}"))
}

/// What lies in the corpus.
pub fn stat(sandbox: &Sandbox) -> Value {
    report(sandbox, "stat", &[])
}

/// The corpus as lines.
pub fn export(sandbox: &Sandbox) -> String {
    corpus(sandbox, "export", &[]).expect_code(0).out
}

/// Report and signals of a replay, without how long it took.
fn replay(sandbox: &Sandbox, folder: &str) -> (Value, String) {
    let common = ["--rules", OMNICART, "--corpus", folder];
    let mut report = sandbox.json(&common);
    report["completeness"]["seconds"].take();
    let signals = sandbox.run(&[&["replay", "--format", "jsonl"], &common[..]].concat());
    (report, signals.expect_code(0).out)
}

/// Names of the segments' files.
pub fn files(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path("corpus/segments")).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

fn segment(sandbox: &Sandbox, number: usize) -> PathBuf {
    let names = files(sandbox);
    let segments: Vec<_> = names.iter().filter(|name| name.ends_with(".seg")).collect();
    sandbox.path("corpus/segments").join(segments[number])
}

/// Changes bytes of a sealed file.
fn damage(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("a file");
    change(&mut bytes);
    fs::remove_file(path).expect("it can go");
    fs::write(path, bytes).expect("it can be written");
}

#[test]
fn compaction_heals_and_merges_and_no_replay_can_tell() {
    let sandbox = sample();
    let before = (replay(&sandbox, "corpus"), export(&sandbox));
    let counts = stat(&sandbox);
    assert!(counts["splits"].as_u64() > Some(1000), "{counts}");
    assert_eq!(counts["segments"], 3);
    assert_eq!((&counts["traces"], &counts["spans"]), (&json!(1800), &json!(17309)));

    let done = report(&sandbox, "compact", &[]);
    assert_eq!((&done["segments_before"], &done["segments"]), (&json!(3), &json!(1)), "{done}");
    assert_eq!(done["healed"], counts["splits"]);
    assert_eq!(files(&sandbox).len(), 1, "files of before are gone");
    assert_eq!((replay(&sandbox, "corpus"), export(&sandbox)), before);
    let after = stat(&sandbox);
    assert_eq!(after["splits"], 0);
    for same in ["traces", "spans", "rootless", "orphaned", "orphans", "days", "operations"] {
        assert_eq!(after[same], counts[same], "{same}");
    }
    let values = |stat: &Value, key: &str| stat["attributes"][key]["values"].clone();
    assert_eq!(values(&after, "order_id"), values(&counts, "order_id"));
    corpus(&sandbox, "verify", &[]).expect_code(0);

    // Once more there is nothing to do, and what was read stays known.
    let again = report(&sandbox, "compact", &[]);
    assert_eq!((&again["healed"], &again["segments"]), (&json!(0), &json!(1)));
    let known = sandbox.run(&["ingest", "--corpus", "corpus", "0.jsonl"]).expect_code(0);
    assert!(known.out.contains("everything was in the corpus already"), "{known:?}");
}

#[test]
fn little_memory_makes_more_segments_and_the_same_traces() {
    let sandbox = sample();
    let before = (replay(&sandbox, "corpus"), export(&sandbox));
    let done = report(&sandbox, "compact", &["--memory", "2MB"]);
    assert!(done["segments"].as_u64() > Some(1), "{done}");
    assert_eq!((replay(&sandbox, "corpus"), export(&sandbox)), before);
    assert_eq!(stat(&sandbox)["splits"], 0);
}

#[test]
fn compaction_that_is_stopped_leaves_the_corpus_of_before_or_after() {
    let sandbox = sample();
    let before = export(&sandbox);
    let whole = std::time::Instant::now();
    report(&sandbox, "stat", &[]);
    let step = whole.elapsed() / 2;
    for stopped in 0..6 {
        let args = ["corpus", "compact", "--corpus", "corpus"];
        let mut child =
            sandbox.command(env!("CARGO_BIN_EXE_betrace"), &args).spawn().expect("it starts");
        std::thread::sleep(step * stopped);
        child.kill().expect("it can be stopped");
        child.wait().expect("it ends");
        corpus(&sandbox, "verify", &[]).expect_code(0);
        assert_eq!(export(&sandbox), before, "stopped at {stopped}");
    }
    corpus(&sandbox, "compact", &[]).expect_code(0);
    assert_eq!((export(&sandbox), files(&sandbox).len()), (before, 1));
}

#[test]
fn what_is_exported_ingests_to_the_same_corpus() {
    let sandbox = sample();
    let done = corpus(&sandbox, "export", &["--to", "all.jsonl"]).expect_code(0);
    assert!(done.err.contains("1,800 traces") && done.out.is_empty(), "{done:?}");
    let all = sandbox.read("all.jsonl");
    assert_eq!(all.lines().count(), 1800);
    assert_eq!(export(&sandbox), all);
    assert!(!sandbox.path("all.jsonl.part").exists());
    sandbox.run(&["ingest", "--corpus", "other", "all.jsonl"]).expect_code(0);
    let other = sandbox.run(&["corpus", "export", "--corpus", "other"]).expect_code(0);
    assert_eq!(other.out, all);
    let [one, two] = ["corpus", "other"].map(|folder| replay(&sandbox, folder));
    assert_eq!((one.0["rules"].clone(), one.1), (two.0["rules"].clone(), two.1));
}

#[test]
fn everything_that_spans_bear_is_exported() {
    let span = json!({
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
        "parentSpanId": "eee19b7ec3c1b173", "name": "a \"b\"\n", "kind": 3,
        "startTimeUnixNano": "18446744073709551614", "endTimeUnixNano": "7",
        "attributes": [
            {"key": "", "value": {"stringValue": "no key"}},
            {"key": "double", "value": {"doubleValue": 1e300}},
            {"key": "list", "value": {"arrayValue": {"values": [{"intValue": "5"}, {}]}}},
            {"key": "map", "value": {"kvlistValue": {"values": [
                {"key": "in", "value": {"doubleValue": 2.0}}, {"key": "raw", "value": {"bytesValue": "AQI="}}]}}},
            {"key": "map.hidden", "value": {}},
            {"key": "nan", "value": {"doubleValue": "NaN"}},
            {"key": "raw", "value": {"bytesValue": "AQI="}},
            {"key": "yes", "value": {"boolValue": true}},
        ],
        "status": {"code": 2, "message": "bad"}, "flags": 257, "traceState": "a=b",
        "events": [{"timeUnixNano": "8", "name": "e", "attributes": [{"key": "k", "value": {"intValue": "1"}}]}],
        "links": [{"traceId": "5b8efff798038103d269b633813fc60d", "spanId": "eee19b7ec3c1b175"}],
        "droppedEventsCount": 4, "later": {"fields": [1, null, {"endTimeUnixNano": "5"}]},
    });
    let document = json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}],
                     "droppedAttributesCount": 2, "entityRefs": [{"type": "}\"{"}]},
        "schemaUrl": "https://example.org/1",
        "scopeSpans": [{
            "scope": {"name": "lib", "version": "1.2", "attributes": [{"key": "x", "value": {"intValue": "9"}}]},
            "schemaUrl": "https://example.org/2", "spans": [span],
        }],
    }]});
    let sandbox = small(&[&format!("{document}\n")]);
    let exported = export(&sandbox);
    let mut found: Value = serde_json::from_str(&exported).expect("JSON");
    // Maps keep types of what is inside as far as columns tell; hidden entries say that they are.
    let attributes = "/resourceSpans/0/scopeSpans/0/spans/0/attributes";
    let expected = document.pointer(attributes).expect("attributes").clone();
    let own = found.pointer_mut(attributes).expect("attributes").take();
    let key = |list: &Value| -> Vec<Value> {
        list.as_array().expect("a list").iter().map(|one| one["key"].clone()).collect()
    };
    let kept: Vec<_> = key(&expected).into_iter().filter(|key| key != "map.hidden").collect();
    assert_eq!(key(&own), kept);
    let mut without = document.clone();
    without.pointer_mut(attributes).expect("attributes").take();
    assert_eq!(found, without);
    for (one, other) in own
        .as_array()
        .unwrap()
        .iter()
        .zip(expected.as_array().unwrap().iter().filter(|one| one["key"] != "map.hidden"))
    {
        assert_eq!(one, other);
    }
    sandbox.write("exported.jsonl", &exported);
    sandbox.run(&["ingest", "--corpus", "other", "exported.jsonl"]).expect_code(0);
    let other = sandbox.run(&["corpus", "export", "--corpus", "other"]).expect_code(0);
    assert_eq!(other.out, exported);
}

/// A document of one span, with these members beside, of this resource and scope.
pub fn document(trace: u64, own: &Value, resource: &Value, scope: &Value) -> String {
    let mut span = json!({
        "traceId": format!("{trace:032x}"), "spanId": format!("{trace:016x}"), "name": "op",
        "startTimeUnixNano": (DAY_1 + trace).to_string(), "endTimeUnixNano": (DAY_1 + 99).to_string(),
    });
    let members = own.as_object().expect("members").clone();
    span.as_object_mut().expect("a span").extend(members);
    let document = json!({"resourceSpans": [
        {"resource": resource, "scopeSpans": [{"scope": scope, "spans": [span]}]}]});
    format!("{document}\n")
}

#[test]
fn two_writers_are_refused() {
    let sandbox = small(&[&line(1, 1, "op", DAY_1, &json!({"user": "anna"}))]);
    let writer = betrace::Folder::new(sandbox.path("corpus")).write().expect("nobody writes");
    for args in [&["compact"][..], &["prune", "--before", "Day1"], &["erase", "a=b"]] {
        let refused = corpus(&sandbox, args[0], &args[1..]).expect_code(2);
        let process = format!("process {}", std::process::id());
        assert!(refused.err.contains(&process), "{refused:?}");
    }
    for verb in ["stat", "verify", "export"] {
        corpus(&sandbox, verb, &[]).expect_code(0);
    }
    drop(writer);
    corpus(&sandbox, "compact", &[]).expect_code(0);
}

#[test]
fn verify_names_what_is_damaged_and_what_is_left_over() {
    let sandbox = sample();
    let whole = corpus(&sandbox, "verify", &[]).expect_code(0);
    assert!(whole.out.contains("Whole"), "{whole:?}");
    sandbox.write("corpus/segments/00000000000000ff.seg", "a crash left this");
    let more = report(&sandbox, "verify", &[]);
    assert_eq!(more["problems"], json!([]));
    assert!(more["unnamed"][0].as_str().is_some_and(|name| name.contains("ff.seg")), "{more}");

    let middle = segment(&sandbox, 1);
    let original = fs::read(&middle).expect("a segment");
    let problem = |expected: &str| {
        let outcome = corpus(&sandbox, "verify", &["--format", "json"]).expect_code(3);
        let report: Value = serde_json::from_str(&outcome.out).expect("JSON");
        let problems = report["problems"].as_array().expect("a list");
        assert_eq!(problems.len(), 1, "{report}");
        let file = problems[0]["file"].as_str().expect("a name");
        assert!(file.contains(expected), "{report}");
        assert!(problems[0]["mend"].as_str().is_some_and(|mend| mend.contains("--drop")));
        problems[0]["what"].as_str().expect("words").to_owned()
    };
    let name = middle.file_name().and_then(|name| name.to_str()).expect("UTF-8");
    damage(&middle, |bytes| bytes[200] ^= 1);
    assert!(problem(name).contains("checksum"), "{}", problem(name));
    let refused = corpus(&sandbox, "export", &[]).expect_code(3);
    assert!(refused.err.contains(name), "{refused:?}");
    corpus(&sandbox, "compact", &[]).expect_code(3);
    fs::remove_file(&middle).expect("it can go");
    problem(name);
    // Another whole segment under the name.
    fs::copy(segment(&sandbox, 0), &middle).expect("a copy");
    assert!(problem(name).contains("another file"), "{}", problem(name));
    fs::remove_file(&middle).expect("it can go");
    fs::write(&middle, &original).expect("it can be written");
    corpus(&sandbox, "verify", &[]).expect_code(0);

    let splits = files(&sandbox).into_iter().rfind(|name| name.ends_with(".split"));
    let splits = splits.expect("a list of split traces");
    damage(&sandbox.path("corpus/segments").join(&splits), |bytes| bytes[20] ^= 1);
    assert!(problem(&splits).contains("split traces"));
}

#[test]
fn a_folder_without_a_corpus_stays_one() {
    let sandbox = Sandbox::new();
    for args in [&["stat"][..], &["compact"], &["prune", "--before", "Day1"], &["erase", "a=b"]] {
        let refused = corpus(&sandbox, args[0], &args[1..]).expect_code(2);
        assert!(refused.err.contains("no corpus is there"), "{refused:?}");
    }
    assert!(!sandbox.path("corpus").exists());
    let refused = sandbox.run(&["corpus", "stat"]).expect_code(2);
    assert!(refused.err.contains("--corpus DIR"), "{refused:?}");
    // The settings file names it as well.
    sandbox.write("betrace.yaml", "corpus: here\n");
    sandbox.write("in.jsonl", line(1, 1, "op", DAY_1, &json!({"user": 42})));
    sandbox.run(&["ingest", "in.jsonl"]).expect_code(0);
    let shown = sandbox.run(&["corpus", "stat"]).expect_code(0);
    assert!(shown.out.contains("1 span in 1 trace over 1 day"), "{shown:?}");
    assert!(shown.out.contains("user") && shown.out.contains("int"), "{shown:?}");
}

#[test]
fn orphans_and_rootless_traces_are_counted_over_all_ingests() {
    let span = |trace: u64, span: u64, parent: u64| {
        let own =
            json!({"spanId": format!("{span:016x}"), "parentSpanId": format!("{parent:016x}")});
        document(trace, &own, &json!({}), &json!({}))
    };
    let first = [span(1, 11, 10), span(2, 21, 29), span(2, 22, 21)].concat();
    let sandbox = small(&[&first, &span(1, 10, 0)]);
    let counts = stat(&sandbox);
    let found = ["splits", "rootless", "orphaned", "orphans"].map(|count| counts[count].clone());
    assert_eq!(found, [1, 1, 1, 1].map(Value::from), "{counts}");
    assert_eq!(counts["operations"]["op"]["traces"], 2);
    let kept = &counts["attributes"];
    assert_eq!(kept, &json!({}), "{kept}");
}
