//! `betrace diff` against two replays: every change is what the sets of violations say.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::sandbox::{OMNICART, Sandbox};

/// What is changed of the rules, so that some get stricter, some laxer and some neither.
const CHANGES: [(&str, &str); 5] = [
    ("attempt > 1", "attempt > 2"),
    ("amount > 1000", "amount > 200"),
    ("tenant_filter != true", "tenant_filter == false"),
    (
        "when { trace.has(payment.charge) } always",
        "when { trace.count(payment.charge) == 1 } always",
    ),
    ("- id: cross-tenant-isolation", "- id: tenants-apart"),
];

#[test]
fn changes_are_those_between_two_replays() {
    let sandbox = Sandbox::with_workload(3_000, 5, 11);
    let old = std::fs::read_to_string(OMNICART).expect("the rules");
    let new = CHANGES.iter().fold(old.clone(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    sandbox.write("old.yaml", &old);
    sandbox.write("new.yaml", &new);
    sandbox.run(&["ingest", "--corpus", "corpus", "data"]).expect_code(0);
    let sides = ["old.yaml", "new.yaml"].map(|rules| Side::of(&sandbox, rules));
    let first = diff(&sandbox, &["data", "--engine", "interpreter"]);
    for args in [
        &["data", "--engine", "columns"][..],
        &["data", "--engine", "jit", "--threads", "1"],
        &["--corpus", "corpus", "--threads", "4"],
    ] {
        assert_eq!(diff(&sandbox, args), first, "{args:?}");
    }
    let rules = first.as_array().expect("a list");
    for change in ["newly_violated", "no_longer_violated", "newly_applied", "no_longer_applied"] {
        assert!(rules.iter().any(|rule| rule[change]["traces"] != 0), "nothing is {change}");
    }
    for rule in rules {
        let id = rule["id"].as_str().expect("an id");
        let [old, new] = sides.each_ref().map(|side| side.violations(id));
        for (name, from, to) in [("newly_violated", &old, &new), ("no_longer_violated", &new, &old)]
        {
            let changed: BTreeSet<_> = to.difference(from).map(String::as_str).collect();
            assert_eq!(rule[name]["traces"], changed.len(), "{id} {name}");
            let examples = rule[name]["examples"].as_array().expect("a list");
            assert_eq!(examples.len(), changed.len().min(5), "{id} {name}");
            for example in examples {
                assert!(changed.contains(example.as_str().expect("an id")), "{id} {name}");
            }
        }
        for (name, side) in ["old", "new"].into_iter().zip(&sides) {
            let report = side.reports.iter().find(|report| report["id"] == id);
            let counts = |count: &str| report.map_or(&Value::Null, |report| &report[count]);
            assert_eq!(&rule[name]["applied"], counts("applied"), "{id} {name}");
            assert_eq!(&rule[name]["violated"], counts("violated"), "{id} {name}");
        }
    }
}

#[test]
fn a_rule_differs_that_one_side_lacks_or_does_not_enable() {
    let sandbox = Sandbox::with_workload(200, 1, 3);
    let rule = "rules:\n  - { id: a, severity: low, condition: 'never { nothing }' }\n";
    sandbox.write(
        "both.yaml",
        rule.to_owned() + "  - { id: b, severity: low, condition: 'never { x }' }\n",
    );
    sandbox.write("one.yaml", rule);
    let off = rule.to_owned()
        + "  - { id: b, severity: low, enabled: false, condition: 'never { x }' }\n";
    sandbox.write("off.yaml", off);
    for other in ["one.yaml", "off.yaml"] {
        let outcome = sandbox.run(&["diff", "both.yaml", other, "data"]).expect_code(1);
        assert!(outcome.out.contains("b: only in both.yaml; applies to 200 traces"), "{outcome:?}");
        sandbox.run(&["diff", other, "both.yaml", "data"]).expect_code(1);
        sandbox.run(&["diff", other, "both.yaml", "data", "--rule", "a"]).expect_code(0);
    }
    sandbox.run(&["diff", "one.yaml", "off.yaml", "data"]).expect_code(0);
    sandbox.run(&["diff", "off.yaml", "both.yaml", "data", "--rule", "b"]).expect_code(0);
    sandbox.run(&["diff", "library:payment", "library:payment", "data"]).expect_code(0);
}

/// What the rules of one side say alone.
struct Side {
    signals: Vec<Value>,
    reports: Vec<Value>,
}

impl Side {
    fn of(sandbox: &Sandbox, rules: &str) -> Self {
        let args = ["replay", "data", "--rules", rules, "--format", "jsonl"];
        let lines = sandbox.run(&args).expect_code(0).out;
        let signals = lines.lines().map(|line| serde_json::from_str(line).expect("a signal"));
        let report = sandbox.json(&["data", "--rules", rules]);
        let reports = report["rules"].as_array().expect("a list").clone();
        Self { signals: signals.collect(), reports }
    }

    /// Ids of the traces that violate a rule.
    fn violations(&self, id: &str) -> BTreeSet<String> {
        let own = self.signals.iter().filter(|signal| signal["rule_id"] == id);
        own.map(|signal| signal["trace_id"].as_str().expect("an id").to_owned()).collect()
    }
}

fn diff(sandbox: &Sandbox, args: &[&str]) -> Value {
    let args = [&["diff", "old.yaml", "new.yaml", "--format", "json"], args].concat();
    let outcome = sandbox.run(&args).expect_code(1);
    let mut document: Value = serde_json::from_str(&outcome.out).expect("a document");
    document["rules"].take()
}
