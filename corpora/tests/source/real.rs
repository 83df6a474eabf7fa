//! Real files: every chunk is a document, and the spans are those that the data's README counts.

use std::path::PathBuf;

use betrace_corpora::source::{Breakage, Kind, Options, run, walk};
use serde_json::Value;

/// Names of files with the spans in them and the chunks that are broken or refused by the parser.
const SPANS: [(&str, u64, u64); 15] = [
    ("bulk/robotshop.jsonl.zst", 14_772, 0),
    ("bulk/robotshop.jsonl.gz", 14_772, 0),
    ("bulk/oteldemo.jsonl.zst", 4_743, 0),
    ("otlp/opentelemetry-proto-trace.json", 1, 0),
    ("otlp/robotframework-otel-traces.json", 1_066, 0),
    ("otlp/robotframework-diverse_trace.json", 1_632, 0),
    ("otlp/robotframework-pabot_trace.json", 18, 0),
    ("otlp/robotframework-all_types_trace.json", 11, 0),
    ("otlp/robotframework-malformed_trace.json", 3, 2),
    ("otlp/tempo-api-traces-answer.json", 10, 0),
    ("otlp/perses-example_otlp.json", 3, 0),
    ("otlp/perses-pushbytes_incomplete_otlp.json", 2, 0),
    ("otlp/perses-pushbytes_no_root_span_otlp.json", 2, 0),
    ("otlp/perses-pushbytes_otlp.json", 3, 0),
    ("otlp/perses-authenticate_error_otlp.json", 3, 0),
];

fn data() -> Option<PathBuf> {
    let data = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    if data.is_dir() {
        return Some(data);
    }
    println!("skipped: {} is absent", data.display());
    None
}

/// Counts the members of all lists that are called `spans`.
fn spans(value: &Value) -> u64 {
    match value {
        Value::Array(items) => items.iter().map(spans).sum(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| match value {
                Value::Array(items) if key == "spans" => items.len() as u64,
                _ => spans(value),
            })
            .sum(),
        _ => 0,
    }
}

#[test]
fn real_files_have_the_spans_that_their_readme_counts() {
    let Some(data) = data() else { return };
    for (file, expected, bad) in SPANS {
        let walk = walk([data.join(file)]);
        assert_eq!(walk.inputs.len(), 1, "{file}");
        let mut found = [(0, 0); 2];
        let (report, outcome) =
            run(&walk.inputs, &Options::default(), &mut found, |found, block| {
                for chunk in block.chunks() {
                    let parsed = serde_json::from_slice::<Value>(chunk.bytes);
                    match parsed {
                        Ok(value) => found.0 += spans(&value),
                        Err(_) => found.1 += 1,
                    }
                    if let Kind::Broken(Breakage::NotADocument) | Kind::Unfinished = chunk.kind {
                        return Err(format!("{file}:{}: {:?}", chunk.line, chunk.kind));
                    }
                }
                Ok(())
            });
        outcome.unwrap();
        let (spans, refused) = found.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        assert_eq!((spans, refused), (expected, bad), "{file}");
        assert_eq!(Some(report.bytes), walk.total_bytes(), "{file}");
    }
}

#[test]
fn every_otlp_file_is_documents_but_for_the_two_lines_known_to_be_malformed() {
    let Some(data) = data() else { return };
    let walk = walk([data.join("otlp")]);
    assert_eq!((walk.inputs.len(), walk.report.skipped.count()), (12, 0));
    let mut bad = [Vec::new()];
    let (_, outcome) = run(&walk.inputs, &Options::default(), &mut bad, |bad, block| {
        let refused = |bytes| serde_json::from_slice::<Value>(bytes).is_err();
        bad.extend(
            block.chunks().filter(|chunk| refused(chunk.bytes)).map(|chunk| block.place(&chunk)),
        );
        Ok::<(), ()>(())
    });
    outcome.unwrap();
    let places: Vec<_> = bad.iter().flatten().map(|place| (place.line, &*place.input)).collect();
    assert_eq!(places.len(), 2, "{places:?}");
    assert!(places.iter().all(|(_, input)| input.ends_with("robotframework-malformed_trace.json")));
    assert_eq!((places[0].0, places[1].0), (2, 5));
}
