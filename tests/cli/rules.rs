//! Which rules run, and how wrong ones are told.

use serde_json::Value;

use crate::sandbox::{OMNICART, Sandbox};

const TWO: &str = "rules:
  - id: good
    severity: low
    labels: { team: web }
    violation: trace.has(x)
  - id: bad
    severity: low
    condition: |
      trace.has(x).where(a >)
";

fn ids(report: &Value) -> Vec<&str> {
    let rules = report["rules"].as_array().expect("rules");
    rules.iter().map(|rule| rule["id"].as_str().expect("an id")).collect()
}

#[test]
fn rules_are_chosen_by_id_and_label() {
    let sandbox = Sandbox::with_workload(50, 1, 1);
    let run = |args: &[&str]| sandbox.json(&[&["--rules", OMNICART, "data"], args].concat());
    let two = run(&["--rule", "retry-limit", "--rule", "api-auth"]);
    assert_eq!(ids(&two), ["retry-limit", "api-auth"]);
    let audit = run(&["--select", "category=audit"]);
    assert_eq!(ids(&audit), ["admin-audit"]);
    let both = run(&["--select", "domain=security", "--select", "category=isolation"]);
    assert_eq!(ids(&both), ["cross-tenant-isolation"]);
}

#[test]
fn a_choice_of_nothing_is_an_error() {
    let sandbox = Sandbox::new();
    let run = |args: &[&str]| {
        let base = ["replay", "--rules", OMNICART, "-"];
        sandbox.run(&[&base, args].concat()).expect_code(2).err
    };
    let unknown = run(&["--rule", "payment-idempotncy"]);
    assert!(unknown.contains("no rule has the id `payment-idempotncy`"), "{unknown}");
    assert!(unknown.contains("did you mean payment-idempotency"), "{unknown}");
    let unlike = run(&["--rule", "zzz"]);
    assert!(!unlike.contains("did you mean"), "{unlike}");
    let labels = run(&["--select", "domain=farming"]);
    assert!(labels.contains("no rule is left to run"), "{labels}");
    assert!(run(&["--select", "domain"]).contains("LABEL=VALUE"));
}

#[test]
fn a_wrong_rule_is_shown_in_its_place_and_stops_the_run() {
    let sandbox = Sandbox::new();
    sandbox.write("two.yaml", TWO);
    let outcome = sandbox.run(&["replay", "--rules", "two.yaml", "-"]).expect_code(2);
    assert_eq!(outcome.out, "");
    assert!(outcome.err.contains(" two.yaml:9:29\n"), "{}", outcome.err);
    assert!(outcome.err.contains("9 |       trace.has(x).where(a >)"), "{}", outcome.err);
    assert!(outcome.err.contains("--keep-going"), "{}", outcome.err);

    let check = sandbox.run(&["check", "two.yaml"]).expect_code(2);
    assert!(check.err.contains(" two.yaml:9:29\n"), "{}", check.err);
    assert_eq!(check.out, "1 rule and 0 alerts in 1 file are right; 1 error, 0 warnings\n");
}

#[test]
fn keep_going_runs_the_others_and_still_ends_with_2() {
    let sandbox = Sandbox::new();
    sandbox.write("two.yaml", TWO);
    sandbox.write("t.jsonl", crate::sandbox::line(1, 1, "x", 1, &serde_json::json!({})));
    let args = ["replay", "--rules", "two.yaml", "--keep-going", "--format", "json", "t.jsonl"];
    let outcome = sandbox.run(&args).expect_code(2);
    let report: Value = serde_json::from_str(&outcome.out).expect("JSON");
    assert_eq!(ids(&report), ["good"]);
    assert_eq!(report["rules"][0]["violated"], 1);
}

#[test]
fn paths_without_rules_are_errors() {
    let sandbox = Sandbox::new();
    sandbox.write("empty/readme.txt", "no rules");
    sandbox.write("binary.yaml", [0xff, 0xfe]);
    for (path, said) in [
        ("nowhere.yaml", "cannot read nowhere.yaml"),
        ("empty", "no rule files"),
        ("*.rules", "no rule files"),
        ("binary.yaml", "is not UTF-8 at byte 0"),
    ] {
        for args in [&["check", path][..], &["replay", "--rules", path, "-"]] {
            let outcome = sandbox.run(args).expect_code(2);
            assert!(outcome.err.contains(said), "{path}: {}", outcome.err);
        }
    }
}

#[test]
fn rules_come_from_folders_and_globs() {
    let sandbox = Sandbox::new();
    for id in ["a", "b"] {
        let rule = format!("rules: [{{id: {id}, severity: low, violation: trace.has(x)}}]");
        sandbox.write(&format!("all/{id}/rules.yaml"), rule);
    }
    for path in ["all", "all/*/*.yaml"] {
        assert_eq!(ids(&sandbox.json(&["--rules", path, "-"])), ["a", "b"], "{path}");
    }
    let both = sandbox.json(&["--rules", "all/b", "--rules", "all/a", "-"]);
    assert_eq!(ids(&both), ["b", "a"]);
}
