//! `betrace lint` and `fmt` beyond their transcripts: data of both kinds, files that are written anew.

use serde_json::{Value, json};

use crate::sandbox::{DAY_1, Sandbox, line};

const RULES: &str = "rules:
  - id: charge
    severity: high
    condition: when { trace.has(payment.charge).where(atempt > 1 and m.k == 5) } always { inventory.reserve }
  - id: refund
    severity: high
    condition: when { payment.charge } always { payment.refund }
  - id: nothing
    severity: low
    condition: never { payment.chargeback }
  - id: host
    severity: low
    condition: never { payment.charge.where(resource.amount == 1 or span.amount == 1 or amount == 1) }
";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("rules.yaml", RULES);
    let charge = |trace| {
        let attributes = json!({"amount": 5, "attempt": trace, "m": "a map"});
        let map = r#"{"kvlistValue":{"values":[{"key":"k","value":{"intValue":"5"}}]}}"#;
        let line = line(trace, 1, "payment.charge", DAY_1, &attributes);
        assert!(line.contains(r#"{"stringValue":"a map"}"#), "{line}");
        line.replace(r#"{"stringValue":"a map"}"#, map)
    };
    sandbox
        .write("data/one.jsonl", charge(1) + &line(2, 1, "inventory.reserve", DAY_1, &json!({})));
    sandbox.write("data/two.jsonl", charge(1) + &charge(3));
    sandbox
}

/// Codes and messages of what is found, by rule.
fn found(sandbox: &Sandbox, data: &str) -> Vec<String> {
    let outcome = sandbox.run(&["lint", "rules.yaml", "--data", data, "--format", "json"]);
    let report: Value = serde_json::from_str(&outcome.expect_code(1).out).expect("JSON");
    let findings = report["findings"].as_array().expect("a list").iter();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    findings
        .map(|one| ["rule", "code", "message", "help"].map(|key| text(one, key)).join(" | "))
        .collect()
}

#[test]
fn files_and_a_corpus_say_the_same_of_rules() {
    let sandbox = sandbox();
    let of_files = found(&sandbox, "data");
    assert_eq!(
        of_files,
        [
            "charge | unknown-attribute | no span `payment.charge` of the data has the attribute \
             `atempt` | names like it: attempt",
            "refund | always-violated | all 2 traces to which this rule applies violate it | either \
             nothing is as it should be, or the rule asks for what nobody writes",
            "refund | unknown-operation | no span of the data is named `payment.refund` | names like \
             payment.refund: payment.charge",
            "nothing | never-exercised | no trace of the data holds an operation of this rule | names \
             like payment.chargeback: payment.charge",
            "host | unknown-attribute | no span `payment.charge` of the data has the attribute \
             `resource.amount` | ",
        ]
    );
    for input in ["data/one.jsonl", "data/two.jsonl"] {
        sandbox.run(&["ingest", "--corpus", "corpus", input]).expect_code(0);
    }
    assert_eq!(found(&sandbox, "corpus"), of_files);
}

#[test]
fn what_could_not_be_read_shows_in_the_exit_code() {
    let sandbox = sandbox();
    sandbox.write("data/three.jsonl", "{\"resourceSpans\": [");
    let outcome = sandbox.run(&["lint", "rules.yaml", "--data", "data"]).expect_code(3);
    assert!(outcome.err.contains("could not be read"), "{}", outcome.err);
    sandbox.run(&["lint", "rules.yaml", "--data", "nowhere"]).expect_code(3);
    sandbox.run(&["lint", "nowhere.yaml"]).expect_code(2);
    sandbox.run(&["lint", "rules.yaml"]).expect_code(0);
}

#[test]
fn files_are_written_anew_and_others_are_not() {
    let sandbox = sandbox();
    let right =
        "# head\nrules:\n- id: a   # one\n  severity: low\n  condition: trace.has(b) # why\n";
    sandbox.write("more/a.yaml", right);
    sandbox.write("more/b.yaml", "rules: []\n");
    let outcome = sandbox.run(&["lint", "more", "--fix"]).expect_code(0);
    assert!(outcome.err.contains("a.yaml: mended in 1 place"), "{}", outcome.err);
    let fixed = right.replace("trace.has(b)", "never { trace.has(b) }");
    assert_eq!(sandbox.read("more/a.yaml"), fixed);
    sandbox.run(&["fmt", "more"]).expect_code(0);
    assert_eq!(
        sandbox.read("more/a.yaml"),
        "# head\nrules:\n  - id: a   # one\n    severity: low\n    condition: |  # why\n      \
         never { trace.has(b) }\n"
    );
    assert_eq!(sandbox.read("more/b.yaml"), "rules: []\n");
    sandbox.run(&["fmt", "more", "--check"]).expect_code(0);
}

#[test]
fn standard_input_is_laid_out_to_standard_output() {
    let sandbox = Sandbox::new();
    let text = b"rules:\n- id: a\n  severity: low\n  violation: b\n";
    let outcome = sandbox.run_with_input(&["fmt", "-"], text).expect_code(0);
    let laid = "rules:\n  - id: a\n    severity: low\n    violation: |\n      b\n";
    assert_eq!(outcome.out, laid);
    sandbox.run_with_input(&["fmt", "-", "--check"], text).expect_code(1);
    sandbox.run_with_input(&["fmt", "-", "--check"], laid.as_bytes()).expect_code(0);
    sandbox.run_with_input(&["fmt", "-"], b"rules: [").expect_code(2);
}
