//! What goes from a corpus is gone: by age, and by what spans bear.

use serde_json::{Value, json};

use crate::corpus::{corpus, document, export, files, report, small, stat};
use crate::sandbox::{DAY_1, HOUR, line};

#[test]
fn pruning_removes_the_traces_that_start_before_a_time() {
    let day = |day: u64, trace: u64| {
        line(trace, trace, "op", DAY_1 + (day - 1) * 24 * HOUR + trace, &json!({}))
    };
    let early: String = (1..=3).map(|trace| day(1, trace)).collect();
    let late: String = (4..=6).map(|trace| day(2, trace)).chain([day(3, 7)]).collect();
    // A trace that starts on day 1 and ends on day 2.
    let later = line(3, 33, "late", DAY_1 + 30 * HOUR, &json!({})) + &day(3, 8);
    let sandbox = small(&[&early, &late, &later]);
    let before = stat(&sandbox);
    assert_eq!((&before["traces"], &before["splits"]), (&json!(8), &json!(1)));

    let refused = corpus(&sandbox, "prune", &["--before", "soon"]).expect_code(2);
    assert!(refused.err.contains("--before"), "{refused:?}");
    let nothing = report(&sandbox, "prune", &["--before", "Day1"]);
    assert_eq!((&nothing["traces"], &nothing["healed"]), (&json!(0), &json!(1)));
    let done = report(&sandbox, "prune", &["--before", "Day2"]);
    assert_eq!((&done["traces"], &done["spans"]), (&json!(3), &json!(4)), "{done}");
    assert_eq!((&done["dropped"], &done["rewritten"]), (&json!(2), &json!(0)), "{done}");
    assert_eq!(stat(&sandbox)["days"], json!({"2024-10-27": 3, "2024-10-28": 2}));

    // Within a segment: the first of the three traces of day 2 goes.
    let instant = report(&sandbox, "prune", &["--before", "2024-10-27T00:00:00.000000005Z"]);
    assert_eq!((&instant["traces"], &instant["rewritten"]), (&json!(1), &json!(1)), "{instant}");
    let all = report(&sandbox, "prune", &["--before", "-0d"]);
    assert_eq!(all["traces"], 3, "{all}");
    let left = stat(&sandbox);
    assert_eq!((&left["traces"], &left["segments"]), (&json!(1), &json!(1)));
    corpus(&sandbox, "verify", &[]).expect_code(0);
}

#[test]
fn an_erased_value_is_nowhere_any_more() {
    let none = json!({});
    let list = |text: &str| json!([{"key": "user.id", "value": {"stringValue": text}}]);
    let anna = json!({"attributes": list("anna-secret")});
    let map = json!([{"key": "user", "value": {"kvlistValue": {"values": [
        {"key": "id", "value": {"stringValue": "anna-secret"}}]}}}]);
    let text = [
        document(1, &anna, &none, &none),
        document(2, &none, &anna, &none),
        document(3, &none, &none, &anna),
        document(
            4,
            &json!({"events": [{"name": "e"}, {"name": "e", "attributes": list("anna-secret")}]}),
            &none,
            &none,
        ),
        document(
            5,
            &json!({"links": [{"traceId": "01", "attributes": list("anna-secret")}]}),
            &none,
            &none,
        ),
        document(6, &json!({"attributes": map}), &none, &none),
        document(7, &json!({"attributes": list("bob")}), &none, &none),
        document(
            8,
            &json!({"attributes": [{"key": "other", "value": {"stringValue": "anna-secrets"}}]}),
            &none,
            &none,
        ),
    ];
    // Another span of a trace that loses one, in another ingest.
    let more = line(1, 100, "more", DAY_1 + 5, &json!({}));
    let sandbox = small(&[&text.concat(), &more]);
    assert!(export(&sandbox).contains("anna-secret\""));

    let refused = corpus(&sandbox, "erase", &["user.id"]).expect_code(2);
    assert!(refused.err.contains("KEY=VALUE"), "{refused:?}");
    let nobody = report(&sandbox, "erase", &["user.id=nobody"]);
    assert_eq!((&nobody["spans"], &nobody["healed"]), (&json!(0), &json!(1)), "{nobody}");
    let done = report(&sandbox, "erase", &["user.id=anna-secret"]);
    let counts = ["spans", "traces", "gone", "swept"].map(|count| done[count].clone());
    assert_eq!(counts, [json!(6), json!(6), json!(5), json!(true)], "{done}");

    let exported = export(&sandbox);
    assert!(!exported.contains("anna-secret\""), "{exported}");
    assert!(exported.contains("anna-secrets") && exported.contains("bob"), "{exported}");
    let left = stat(&sandbox);
    assert_eq!((&left["traces"], &left["spans"]), (&json!(3), &json!(3)));
    assert_eq!(left["attributes"]["user.id"]["values"], 1);
    assert_eq!(left["attributes"]["user"], Value::Null);
    corpus(&sandbox, "verify", &[]).expect_code(0);
    // No file of before is left, and no manifest names one: not even the one before the newest.
    let now = files(&sandbox);
    let previous = sandbox.read("corpus/MANIFEST.previous");
    let names = |manifest: &str| {
        let json = manifest.lines().next().expect("a line");
        let json: Value = serde_json::from_str(json).expect("JSON");
        json["segments"].as_array().expect("segments").len()
    };
    assert_eq!(names(&previous), now.len());
    assert_eq!(sandbox.read("corpus/MANIFEST").matches("\"number\"").count(), now.len());
    // What was read is known still: it does not come back.
    sandbox.run(&["ingest", "--corpus", "corpus", "0.jsonl"]).expect_code(0);
    assert_eq!(export(&sandbox), exported);
}

#[test]
fn files_stay_while_somebody_reads_and_erasure_says_so() {
    let sandbox = small(&[
        &line(1, 1, "op", DAY_1, &json!({"user": "anna"})),
        &line(2, 2, "op", DAY_1, &json!({"user": "bob"})),
    ]);
    let reader = betrace::Folder::new(sandbox.path("corpus")).read().expect("a corpus");
    let kept = corpus(&sandbox, "erase", &["user=anna"]).expect_code(3);
    assert!(kept.out.contains("Removed 1 span of 1 trace"), "{kept:?}");
    assert!(kept.err.contains("run the same command again"), "{kept:?}");
    assert_eq!(files(&sandbox).len(), 2);
    // Its view is the old one, whole.
    let mut lines = Vec::new();
    let take = &mut |line: &str| {
        lines.push(line.to_owned());
        Ok::<(), betrace::CorpusError>(())
    };
    assert_eq!(reader.export(u64::MAX, take).expect("it is whole"), 2);
    assert!(lines.concat().contains("anna"));
    drop(reader);
    corpus(&sandbox, "erase", &["user=anna"]).expect_code(0);
    assert_eq!(files(&sandbox).len(), 1);
}

#[test]
fn erasure_finds_what_a_rule_finds_and_more() {
    let none = json!({});
    let bears = |trace: u64, attributes: Value| {
        document(trace, &json!({"attributes": attributes}), &none, &none)
    };
    let one = |key: &str, value: Value| json!([{"key": key, "value": value}]);
    let inner = |value: &str| json!({"kvlistValue": {"values": [{"key": "id", "value": {"stringValue": value}}]}});
    let text = [
        bears(1, one("u", json!({"intValue": "5"}))),
        bears(2, one("u", json!({"doubleValue": 5.0}))),
        bears(3, one("u", json!({"stringValue": "5"}))),
        bears(4, one("u", json!({"stringValue": "5.0"}))),
        bears(5, one("u", json!({"intValue": "50"}))),
        bears(6, one("z", json!({"doubleValue": -0.0}))),
        bears(7, one("", json!({"stringValue": "x"}))),
        // The rule sees the attribute of the whole name, and the map has another value there.
        bears(
            8,
            json!([{"key": "m.id", "value": {"stringValue": "other"}}, {"key": "m", "value": inner("anna")}]),
        ),
        bears(9, one("m", inner("bob"))),
        document(
            10,
            &json!({"events": [{"name": "e", "attributes": [
                {"key": "m.id", "value": {"stringValue": "other"}}, {"key": "m", "value": inner("anna")}]}]}),
            &none,
            &none,
        ),
    ];
    let sandbox = small(&[&text.concat()]);
    for (subject, spans) in
        [("u=5.0", 4), ("z=-0", 1), ("=x", 1), ("m.id=anna", 2), ("m.id=ann", 0), ("u=50", 1)]
    {
        let done = report(&sandbox, "erase", &[subject]);
        assert_eq!(done["spans"], spans, "{subject}: {done}");
    }
    let left = export(&sandbox);
    assert!(!left.contains("anna") && left.contains("bob"), "{left}");
    assert_eq!(left.lines().count(), 1);
}
