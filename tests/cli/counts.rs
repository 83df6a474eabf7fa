//! Counts over generated data equal its ground truth, for every rule and in every format.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::corpus::small;
use crate::sandbox::{DAY_1, OMNICART, Sandbox, line};

#[test]
fn json_equals_the_truth_of_every_rule() {
    let sandbox = Sandbox::with_workload(1_500, 4, 3);
    let truth: Value = serde_json::from_str(&sandbox.read("data/.truth.json")).expect("JSON");
    let report = sandbox.json(&["--rules", OMNICART, "data"]);
    let rules = report["rules"].as_array().expect("rules");
    let expected = truth["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), expected.len());
    for (rule, expected) in rules.iter().zip(expected) {
        for key in ["id", "traces", "exercised", "applied", "violated"] {
            assert_eq!(rule[key], expected[key], "{key} of {expected}");
        }
        let number = |key: &str| rule[key].as_u64().expect("a number");
        assert_eq!(number("applied"), number("passed") + number("violated"));
        assert_eq!(rule["days"], violated_days(expected), "days of {}", rule["id"]);
        assert_eq!(rule["first"].is_null(), number("violated") == 0);
    }
    for key in ["traces", "spans", "duplicates", "rootless"] {
        assert_eq!(report["completeness"][key], truth[key], "{key}");
    }
    assert!(expected.iter().filter(|rule| rule["violated"] != 0).count() > 8, "few rules broken");
}

#[test]
fn table_and_signals_count_what_json_counts() {
    let sandbox = Sandbox::with_workload(1_500, 4, 3);
    let report = sandbox.json(&["--rules", OMNICART, "data"]);
    let violated: BTreeMap<&str, u64> = report["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .map(|rule| (rule["id"].as_str().expect("an id"), rule["violated"].as_u64().unwrap_or(0)))
        .collect();

    let table = sandbox.run(&["replay", "--rules", OMNICART, "data"]).expect_code(0).out;
    for (id, count) in &violated {
        let row = table.lines().find(|line| line.starts_with(&format!("{id} "))).expect("a row");
        let cells: Vec<_> = row.split_whitespace().collect();
        assert_eq!(cells[5], count.to_string(), "{row}");
        let periods = table.split(&format!("\n{id}: ")).nth(1).map_or(0, |part| {
            let days = part.lines().take_while(|line| !line.is_empty());
            days.filter_map(|line| line.split_once("  Day ")?.1.split_whitespace().nth(1))
                .map(|number| number.parse::<u64>().expect("a number"))
                .sum()
        });
        assert_eq!(periods, *count, "the days of {id}");
    }

    let run = |format| sandbox.run(&["replay", "--rules", OMNICART, "--format", format, "data"]);
    let signals = run("jsonl").expect_code(0).out;
    let mut by_rule: BTreeMap<&str, u64> = violated.keys().map(|id| (*id, 0)).collect();
    for line in signals.lines() {
        let signal: Value = serde_json::from_str(line).expect("JSON");
        *by_rule.get_mut(signal["rule_id"].as_str().expect("an id")).expect("a known rule") += 1;
    }
    assert_eq!(by_rule, violated);

    let csv = run("csv").expect_code(0).out;
    assert_eq!(csv.lines().count() as u64, 1 + violated.values().sum::<u64>());
}

fn violated_days(truth: &Value) -> Value {
    let days = truth["days"].as_object().expect("days").iter();
    days.filter(|(_, counts)| counts["violated"] != 0)
        .map(|(day, counts)| (day.clone(), counts["violated"].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn a_rule_that_no_trace_exercised_says_when_its_operations_were_last_seen() {
    const DAY: u64 = 86_400_000_000_000;
    let span = |id, name, start| line(id, id, name, start, &json!({}));
    let lines = span(1, "payment.charge", DAY_1 + 2 * DAY) + &span(2, "refund", DAY_1);
    let sandbox = small(&[&lines]);
    let rule = |id, operation| {
        format!(
            "  - id: {id}\n    severity: low\n    condition: never {{ trace.has({operation}) }}\n"
        )
    };
    let rules = [rule("capture", "payment.capture"), rule("refund", "refund")].concat();
    sandbox.write("rules.yaml", format!("rules:\n{rules}"));
    let asked = ["--rules", "rules.yaml", "--corpus", "corpus", "--from", "2024-10-28"];
    let said = sandbox.run(&[&["replay"], &asked[..]].concat()).expect_code(0).err;
    for note in [
        "note: no trace exercised capture: payment.capture was never seen; names like it: payment.charge",
        "note: no trace exercised refund: refund was last seen in a trace of 2024-10-26T00:00:00.000Z",
    ] {
        assert!(said.contains(note), "{said}");
    }
    let capture =
        json!({"operation": "payment.capture", "last_seen": null, "nearest": ["payment.charge"]});
    let refund =
        json!({"operation": "refund", "last_seen": "2024-10-26T00:00:00.000Z", "nearest": []});
    let expected = json!({"capture": [capture], "refund": [refund]});
    assert_eq!(sandbox.json(&asked)["sightings"], expected);
}
