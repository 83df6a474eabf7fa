//! `betrace explain --trace` beyond its transcripts: the trace is the same wherever it lies.

use serde_json::json;

use crate::sandbox::{DAY_1, Sandbox, line};

const RULE: &str = "when { trace.has(charge) } always { trace.count(reserve) == 2 }";

#[test]
fn a_trace_is_put_together_from_wherever_its_spans_lie() {
    let sandbox = Sandbox::new();
    let of = |trace, span, name: &str| line(trace, span, name, DAY_1 + span, &json!({"n": span}));
    sandbox.write("a.jsonl", of(5, 1, "charge") + &of(6, 1, "charge") + &of(7, 1, "x"));
    sandbox.write("b.jsonl", of(5, 2, "reserve") + &of(5, 1, "charge") + &of(6, 2, "reserve"));
    sandbox.write("c.jsonl", of(5, 3, "reserve"));
    for file in ["a.jsonl", "b.jsonl", "c.jsonl"] {
        sandbox.run(&["ingest", "--corpus", "corpus", file]).expect_code(0);
    }
    let explain = |id: u64, from: &[&str]| {
        let id = format!("{id:032x}");
        sandbox.run(&[&["explain", RULE, "--format", "json", "--trace", &id], from].concat())
    };
    for (id, spans, verdict) in
        [(5, 3, "\"passed\""), (6, 2, "\"violated\""), (7, 1, "\"not-applicable\"")]
    {
        let first = explain(id, &["a.jsonl", "b.jsonl", "c.jsonl"]).expect_code(0).out;
        assert_eq!(first.matches("\"parent_id\"").count(), spans, "{first}");
        assert!(first.contains(&format!("\"verdict\": {verdict}")), "{first}");
        for from in [&["c.jsonl", "b.jsonl", "a.jsonl", "b.jsonl"][..], &["--corpus", "corpus"]] {
            assert_eq!(explain(id, from).expect_code(0).out, first, "{from:?}");
        }
    }
    for from in [&["a.jsonl"][..], &["--corpus", "corpus"]] {
        let refused = explain(8, from).expect_code(2).err;
        assert!(refused.contains("no trace 00000000000000000000000000000008"), "{refused}");
    }

    // What else cannot be read is said, as it may have been of the trace.
    sandbox.write("d.jsonl", "{\"resourceSpans\": [");
    let outcome = explain(5, &["a.jsonl", "d.jsonl"]).expect_code(3);
    assert!(outcome.err.contains("note: Malformed unfinished"), "{outcome:?}");
}

#[test]
fn nothing_is_explained_of_a_corpus_that_is_not_there() {
    let sandbox = Sandbox::new();
    let rule = "never { trace.has(refund) }";
    let outcome = sandbox.run(&["explain", rule, "--corpus", "nowhere", "--clif"]).expect_code(2);
    assert_eq!(outcome.out, "", "half an explanation");
}
