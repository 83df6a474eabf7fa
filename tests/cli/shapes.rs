//! The shapes that machines read: the JSON report and the signals, key by key in their order.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::sandbox::{OMNICART, Sandbox};

#[test]
fn the_report_has_the_keys_of_its_schema() {
    let sandbox = Sandbox::with_workload(600, 4, 3);
    let args = ["replay", "--rules", OMNICART, "--rule", "payment-idempotency"];
    let args = [&args[..], &["--group-by", "service.version", "--format", "json", "data"]].concat();
    let out = sandbox.run(&args).expect_code(0).out;
    assert_eq!(keys(&out), ["schema", "rules", "completeness"]);
    let part = |json: &str, key: &str| {
        let map: std::collections::BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(json).expect("a map");
        map[key].get().to_owned()
    };
    let rules: Vec<Box<RawValue>> = serde_json::from_str(&part(&out, "rules")).expect("a list");
    let rule = [
        "id",
        "severity",
        "traces",
        "exercised",
        "applied",
        "passed",
        "violated",
        "first",
        "last",
        "days",
        "groups",
        "ungrouped",
    ];
    assert_eq!(keys(rules[0].get()), rule);
    let completeness = [
        "files",
        "bytes",
        "documents",
        "spans",
        "traces",
        "malformed",
        "duplicates",
        "other_signals",
        "unread",
        "skipped",
        "unread_count",
        "skipped_count",
        "empty",
        "places",
        "rootless",
        "clock_defects",
        "decoder",
        "seconds",
    ];
    assert_eq!(keys(&part(&out, "completeness")), completeness);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(report["schema"], "betrace.replay/1");
    assert_eq!(report["completeness"]["other_signals"], serde_json::json!({}));
    matches(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", &report["rules"][0]["first"]);
}

#[test]
fn how_spans_were_decoded_is_told() {
    let sandbox = Sandbox::with_workload(600, 4, 3);
    let args = ["replay", "--rules", OMNICART, "--format", "json", "data"];
    let report: Value = serde_json::from_str(&sandbox.run(&args).out).expect("JSON");
    let done = &report["completeness"];
    let [nodes, restarts, spans, left] = ["nodes", "restarts", "spans", "spans_left"]
        .map(|key| done["decoder"][key].as_u64().expect(key));
    assert!(nodes > 0 && restarts == 0 && spans > 100 * left, "{done}");
    assert!(
        spans + left
            <= done["spans"].as_u64().expect("spans")
                + done["duplicates"].as_u64().expect("duplicates")
    );
}

#[test]
fn a_signal_has_the_shape_of_the_white_paper() {
    let sandbox = Sandbox::with_workload(600, 4, 3);
    let replay = ["replay", "--rules", OMNICART, "--rule", "payment-idempotency", "data"];
    let out = sandbox.run(&[&replay[..], &["--format", "jsonl"]].concat()).expect_code(0).out;
    let first = out.lines().next().expect("a violation");
    let expected = [
        "signal_id",
        "rule_id",
        "severity",
        "timestamp",
        "trace_id",
        "span_ids",
        "context",
        "message",
        "mode",
        "rule_hash",
        "schema",
        "type",
        "span_count",
        "missing",
        "forbidden",
    ];
    assert_eq!(keys(first), expected);
    let signal: Value = serde_json::from_str(first).expect("JSON");
    matches("^sig_[0-9a-f]{32}$", &signal["signal_id"]);
    matches(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", &signal["timestamp"]);
    matches("^[0-9a-f]{32}$", &signal["trace_id"]);
    matches("^[0-9a-f]{16}$", &signal["span_ids"][0]);
    assert_eq!(signal["mode"], "replay");
    assert_eq!(signal["schema"], "betrace.signal/1");
    assert!(signal["context"]["customer_id"].is_string());
    assert!(signal["context"]["payment_intent_ids"].is_array());
    assert!(signal["context"]["amount_cents"].is_number());

    sandbox.run(&[&replay[..], &["--signals", "signals.jsonl"]].concat()).expect_code(0);
    assert_eq!(sandbox.read("signals.jsonl"), out, "--signals writes what jsonl prints");
    let again = sandbox.run(&[&replay[..], &["--format", "jsonl"]].concat()).out;
    assert_eq!(again, out, "signals do not depend on the run");
}

#[test]
fn an_id_is_the_hash_of_rule_and_trace_alone() {
    let sandbox = Sandbox::new();
    sandbox.write("rules.yaml", "rules: [{id: a, severity: low, violation: trace.has(x)}]");
    let none = serde_json::json!({});
    sandbox.write("traces.jsonl", crate::sandbox::line(7, 1, "x", 1_000, &none));
    let id = |rules: &str| {
        let run = sandbox.run(&["replay", "--rules", rules, "--format", "jsonl", "traces.jsonl"]);
        let signal: Value = serde_json::from_str(&run.expect_code(0).out).expect("one signal");
        signal["signal_id"].as_str().expect("an id").to_owned()
    };
    let frozen = id("rules.yaml");
    sandbox.write(
        "graver.yaml",
        "rules: [{id: a, severity: high, violation: trace.has(x) or trace.has(y)}]",
    );
    assert_eq!(id("graver.yaml"), frozen);
    sandbox.write("other.yaml", "rules: [{id: b, severity: low, violation: trace.has(x)}]");
    assert_ne!(id("other.yaml"), frozen);
    assert_eq!(frozen, "sig_56730a711d852fd5a886d9201daa8979", "receivers keep these ids");
}

#[track_caller]
fn matches(pattern: &str, value: &Value) {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is not text"));
    assert!(regex::Regex::new(pattern).expect("a pattern").is_match(text), "{text}");
}

/// The keys of a JSON object in their order.
fn keys(json: &str) -> Vec<String> {
    struct Keys(Vec<String>);
    struct Reader;
    impl<'de> Visitor<'de> for Reader {
        type Value = Keys;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
            let mut keys = Vec::new();
            while let Some((key, IgnoredAny)) = map.next_entry()? {
                keys.push(key);
            }
            Ok(Keys(keys))
        }
    }
    impl<'de> Deserialize<'de> for Keys {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(Reader)
        }
    }
    serde_json::from_str::<Keys>(json).expect("an object").0
}
