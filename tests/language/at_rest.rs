//! Over the same data a corpus gives what the files give, for every rule of `rules/` and for generated
//! ones: signals, reports and counts. `AGREE=1000` in the environment generates so many rules, over
//! all recorded lines; `AGREE=1000 cargo test --release --test language at_rest -- --nocapture` then
//! takes a minute or two, and ten without `--release`.
//!
//! The data are the traces of the rules' tests, random traces, generated traffic and, where they
//! are, recorded traces; with spans that came again, some of them with other values.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use betrace::generate::{Workload, lines};
use betrace::testing::{TestFile, test_files};
use betrace::{
    CompileOptions, Completeness, Folder, Ingest, IngestOptions, Program, ReplayOptions, RuleSet,
    SegmentSize,
};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::answers::{assert_same, of_corpus, of_files};
use crate::random::Random;
use crate::traces::{spans, trace};
use crate::whole_way::document;

/// Generated rules of a short run.
const RULES: usize = 100;
/// Of the lines of recorded traces, one in so many is taken in a short run.
const RECORDED: usize = 8;
/// Random traces.
const TRACES: usize = 400;
/// Traces of generated traffic.
const TRAFFIC: u64 = 200;
/// Files that lines are dealt to, so that most traces are in several.
const FILES: usize = 3;
/// Where the rules are.
const LIBRARY: [&str; 4] =
    ["rules/playbooks", "rules/templates", "rules/cases", "rules/omnicart.yaml"];

#[test]
fn every_rule_has_the_answer_of_the_files_over_a_corpus() {
    let count = std::env::var("AGREE").map_or(RULES, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder, count);
    let inputs = inputs(&folder, if count > RULES { 1 } else { RECORDED });
    let pieces: Vec<&[PathBuf]> = inputs.chunks(1).collect();
    let at_once = corpus(&folder, "at-once", &[&inputs], 1);
    let split = corpus(&folder, "split", &pieces, 2);
    let compacted = corpus(&folder, "compacted", &pieces, 1);
    let writer = Folder::new(&compacted).write().unwrap();
    let done = writer.compact(1 << 30).unwrap();
    assert!(done.segments < done.segments_before, "{done:?}");
    for range in [None, Some(("2023-11-14", "2023-11-14")), Some(("2024-10-28", "2024-10-29"))] {
        let expected = of_files(&program, &inputs, &options(range, 1));
        let all = expected.0.rules.len();
        let violated = expected.0.rules.iter().filter(|rule| rule.violated > 0).count();
        let least = if range.is_none() { all / 3 } else { all / 10 };
        assert!(violated > least, "only {violated} of {all} rules are violated in {range:?}");
        let Completeness { traces, spans, .. } = expected.0.completeness;
        let signals = expected.1.len();
        println!(
            "{all} rules, {violated} violated, {signals} signals, {traces} traces, {spans} spans"
        );
        for (path, threads) in [(&at_once, 2), (&split, 1), (&split, 2), (&compacted, 1)] {
            let found = of_corpus(&program, path, &options(range, threads));
            assert_same(&found, &expected, &format!("{}, {range:?}", path.display()));
        }
    }
}

/// The rules of `rules/` and so many generated ones.
fn program(folder: &TempDir, count: usize) -> Program {
    let mut random = Random(1);
    let mut yaml = "rules:\n".to_owned();
    for number in 0..count {
        let rule = random.rule();
        yaml += &format!("  - {{id: g{number}, severity: low, condition: '{rule}'}}\n");
    }
    let generated = folder.path().join("generated.yaml");
    fs::write(&generated, yaml).unwrap();
    let paths = LIBRARY.map(PathBuf::from).into_iter().chain([generated]);
    let rules = RuleSet::from_paths(paths).unwrap();
    assert_eq!(rules.errors(), 0, "{}", rules.render(false));
    assert!(rules.rules.len() > count + 100, "{} rules", rules.rules.len());
    Program::compile(&rules, &CompileOptions::default()).unwrap()
}

/// Files with all data; of recorded lines one in so many.
fn inputs(folder: &TempDir, recorded_step: usize) -> Vec<PathBuf> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut take = |line: &[u8]| {
        all.push(line.trim_ascii_end().to_vec());
        Ok(())
    };
    lines(&Workload::new(TRAFFIC, 6, 7), &mut take).unwrap();
    let mut traces = tested();
    let mut random = Random(2);
    traces.extend((0..TRACES).map(|_| trace(&random.trace())));
    traces.iter_mut().enumerate().step_by(3).for_each(|(number, spans)| add_twin(number, spans));
    all.extend(document(&traces).iter().map(|line| line.to_string().into_bytes()));
    all.extend(recorded().into_iter().step_by(recorded_step));
    let again: Vec<Vec<u8>> = all.iter().step_by(11).cloned().collect();
    all.extend(again);
    let mut files = vec![Vec::new(); FILES];
    for (number, line) in all.into_iter().enumerate() {
        let file = &mut files[number * 31 / 7 % FILES];
        file.extend(line);
        file.push(b'\n');
    }
    let write = |(number, text): (usize, Vec<u8>)| {
        let path = folder.path().join(format!("{number}.jsonl"));
        fs::write(&path, text).unwrap();
        path
    };
    files.into_iter().enumerate().map(write).collect()
}

/// The traces of the rules' tests.
fn tested() -> Vec<Vec<Json>> {
    let mut traces = Vec::new();
    for path in test_files(["rules"]).unwrap() {
        let file = TestFile::load(&path).unwrap();
        traces.extend(file.traces.iter().map(|trace| spans(trace)));
    }
    assert!(traces.len() > 300, "{} traces", traces.len());
    traces
}

/// Adds a span with the identity of one of `spans` and values of others.
fn add_twin(number: usize, spans: &mut Vec<Json>) {
    let mut twin = spans[number % spans.len()].clone();
    for (place, field) in
        ["attributes", "resource", "status", "parentSpanId"].into_iter().enumerate()
    {
        twin[field] = spans[(number / 2 + place) % spans.len()][field].clone();
    }
    spans.push(twin);
}

/// Lines of recorded traces.
#[expect(clippy::print_stderr, reason = "says that these were not tried")]
fn recorded() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if !folder.is_dir() {
        eprintln!("without recorded traces: {} is absent", folder.display());
        return Vec::new();
    }
    let mut all = Vec::new();
    for name in ["robotshop", "oteldemo"] {
        let file = fs::File::open(folder.join(format!("bulk/{name}.jsonl.zst"))).unwrap();
        let text = zstd::decode_all(file).unwrap();
        all.extend(text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
    }
    all
}

/// A corpus of these inputs, ingested one after another.
fn corpus(folder: &TempDir, name: &str, ingests: &[&[PathBuf]], threads: usize) -> PathBuf {
    let path = folder.path().join(name);
    for inputs in ingests {
        let options = IngestOptions {
            threads: NonZeroUsize::new(threads).unwrap(),
            segments: SegmentSize { traces: 900, rows: 1 << 20 },
            ..IngestOptions::default()
        };
        let mut ingest = Ingest::new(Folder::new(&path).write().unwrap(), options);
        ingest.read(*inputs).unwrap();
        ingest.finish().unwrap();
    }
    path
}

fn options(range: Option<(&str, &str)>, threads: usize) -> ReplayOptions {
    ReplayOptions {
        threads: NonZeroUsize::new(threads).unwrap(),
        from: range.map(|(from, _)| from.parse().unwrap()),
        to: range.map(|(_, to)| to.parse().unwrap()),
        ..ReplayOptions::default()
    }
}
