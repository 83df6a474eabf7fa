//! Spans whose attribute keys are ever new: on themselves, inside of a map, or on their resource.

use serde_json::{Value, json};

use crate::corpus::{corpus, document, export, report, small, stat};

/// Spans, each with so many keys that no other has.
const SPANS: u64 = 150;
const NEW: u64 = 70;

#[test]
fn rules_find_keys_that_are_ever_new_over_a_corpus_as_in_files() {
    let list = |from: u64| -> Vec<Value> {
        let entry = |key| json!({"key": format!("k{key}"), "value": {"intValue": "1"}});
        (from..from + NEW).map(entry).collect()
    };
    let line = |number: u64| {
        let new = list(number * NEW);
        let (own, resource) = match number % 3 {
            0 => (json!(new), json!([])),
            1 => (json!([{"key": "m", "value": {"kvlistValue": {"values": new}}}]), json!([])),
            _ => (json!([]), json!(new)),
        };
        let resource = json!({"attributes": resource});
        document(number + 1, &json!({"attributes": own}), &resource, &json!({}))
    };
    let lines: Vec<String> = (0..SPANS).map(line).collect();
    let sandbox = small(&[&lines[..100].concat(), &lines[100..].concat()]);
    sandbox.write("all.jsonl", lines.concat());
    let rule = |(number, key): (usize, &str)| {
        format!("- {{id: r{number}, severity: low, violation: trace.has(op).where({key} == 1)}}\n")
    };
    let keys = ["k0", "k69", "m.k70", "k70", "resource.k140", "k10499", "resource.k10499", "m.k1"];
    let rules: String = keys.into_iter().enumerate().map(rule).collect();
    sandbox.write("r.yaml", format!("rules:\n{rules}"));
    let expected = answer(&sandbox.json(&["--rules", "r.yaml", "all.jsonl"]));
    assert_eq!(expected, json!([1, 1, 1, 0, 1, 1, 1, 0]));
    let of_corpus = || answer(&sandbox.json(&["--rules", "r.yaml", "--corpus", "corpus"]));
    assert_eq!(of_corpus(), expected);

    let count = stat(&sandbox)["attributes"].as_object().map(serde_json::Map::len);
    let lines = export(&sandbox);
    let done = report(&sandbox, "compact", &[]);
    assert_eq!((&done["segments_before"], &done["segments"]), (&json!(2), &json!(1)));
    assert_eq!((of_corpus(), export(&sandbox)), (expected, lines));
    assert_eq!(stat(&sandbox)["attributes"].as_object().map(serde_json::Map::len), count);
    corpus(&sandbox, "verify", &[]).expect_code(0);
}

/// How many traces violate each rule.
fn answer(report: &Value) -> Value {
    let rules = report["rules"].as_array().expect("a report a rule");
    rules.iter().map(|rule| rule["violated"].clone()).collect()
}
