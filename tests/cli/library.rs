//! The rule library: its tests pass and leave out nothing, and its rules can be found and copied.

use serde_json::Value;

use crate::sandbox::Sandbox;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn its_tests_pass_cover_everything_and_notice_every_change() {
    let rules = format!("{ROOT}/rules");
    let sandbox = Sandbox::new();
    let args = ["test", &rules, "--coverage", "--coverage-min", "100", "--mutate"];
    let outcome = sandbox.run(&args).expect_code(0);
    assert!(outcome.err.is_empty(), "{}", outcome.err);
    let summary = outcome.out.lines().last().expect("a summary");
    let passed = summary.split(' ').next().expect("a number").replace(',', "");
    assert!(passed.parse::<u64>().expect("a number") > 1_000, "{summary}");
}

#[test]
fn every_rule_says_what_a_reader_needs_to_choose_it() {
    for rule in listed(&Sandbox::new(), &[]) {
        let id = &rule["id"];
        assert!(rule["description"].as_str().is_some_and(|text| text.len() > 60), "{id}");
        for note in ["source", "needs", "use_when", "violated_by"] {
            assert!(rule["annotations"][note].is_string(), "{id} has no {note}");
        }
        assert!(rule["message"].is_string(), "{id}");
    }
}

#[test]
fn rules_are_found_by_what_is_said_of_them() {
    let sandbox = Sandbox::new();
    let all = listed(&sandbox, &[]).len();
    for filter in [
        ["--domain", "ecommerce"],
        ["--category", "payment"],
        ["--control", "SOC2"],
        ["--control", "SOC2:CC7.2"],
        ["--operation", "payment.charge"],
    ] {
        let some = listed(&sandbox, &filter).len();
        assert!((1..all).contains(&some), "{filter:?}: {some} of {all}");
    }
    assert_eq!(listed(&sandbox, &["--control", "SOC"]).len(), 0);
    let found = |words: &[&str]| -> Vec<String> {
        let args = [&["rules", "search", "--format", "json"], words].concat();
        let rules = rules(&sandbox.run(&args).expect_code(0).out);
        rules.iter().map(|rule| rule["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert!(found(&["RETRY", "charge"]).contains(&"retry-reuses-payment-intent".to_owned()));
    assert!(found(&["retry", "no such word"]).is_empty());
    let table = sandbox.run(&["rules", "list", "--domain", "ecommerce"]).expect_code(0).out;
    assert!(table.contains("charge-needs-reservation  "), "{table}");
    assert!(table.ends_with(&format!(" of {all} in the library\n")), "{table}");
}

#[test]
fn a_rule_is_shown_with_all_that_is_said_of_it() {
    let sandbox = Sandbox::new();
    let shown = sandbox.run(&["rules", "show", "charge-needs-reservation"]).expect_code(0).out;
    for part in [
        "charge-needs-reservation (critical): ",
        "when { trace.has(payment.charge) }\nalways { trace.has(inventory.reserve)",
        "\nuse it when\n",
        "\noften violated by\n",
        "\ndomain\n  ecommerce\n",
    ] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
    let json = ["rules", "show", "high-value-charge-needs-fraud-check", "--format", "json"];
    let shown = rules(&sandbox.run(&json).expect_code(0).out);
    assert_eq!(shown[0]["params"]["high_value"], "1000");
    let outcome = sandbox.run(&["rules", "show", "charge-needs-reservatio"]).expect_code(2);
    assert!(outcome.err.contains("did you mean charge-needs-reservation"), "{}", outcome.err);
}

#[test]
fn copied_rules_say_what_those_of_the_library_say() {
    let sandbox = Sandbox::with_workload(600, 3, 5);
    let ids = ["retry-reuses-payment-intent", "high-value-charge-needs-fraud-check"];
    let init = [&["rules", "init", "--output", "mine.yaml"], &ids[..]].concat();
    let said = sandbox.run(&init).expect_code(0).err;
    assert_eq!(said, "2 rules written to mine.yaml\n");
    let copy = sandbox.read("mine.yaml");
    assert!(copy.contains("params:\n      high_value: 1000"), "{copy}");
    sandbox.run(&init).expect_code(2);
    assert_eq!(sandbox.read("mine.yaml"), copy);
    sandbox.run(&["rules", "init", "no-such-rule"]).expect_code(2);

    let mine = sandbox.json(&["--rules", "mine.yaml", "data"]);
    let named: Vec<String> = ids.iter().map(|id| format!("library:{id}")).collect();
    let theirs = sandbox.json(&["--rules", &named[0], "--rules", &named[1], "data"]);
    assert_eq!(mine["rules"], theirs["rules"]);
    assert!(mine["rules"][0]["applied"].as_u64() > Some(0));

    let domain = sandbox.run(&["rules", "init", "ecommerce"]).expect_code(0).out;
    sandbox.write("shop.yaml", domain);
    let shop = sandbox.json(&["--rules", "shop.yaml", "data"]);
    assert_eq!(shop["rules"], sandbox.json(&["--rules", "library:ecommerce", "data"])["rules"]);
}

#[test]
fn the_library_is_named_wherever_rules_are() {
    let mut sandbox = Sandbox::new();
    let outcome = sandbox.run(&["check", "library:all"]).expect_code(0);
    assert!(outcome.out.ends_with("0 errors, 0 warnings\n"), "{}", outcome.out);
    sandbox.run(&["explain", "charge-needs-reservation", "--rules", "library:all"]).expect_code(0);
    let refused = sandbox.run(&["check", "library:ecomerce"]).expect_code(2).err;
    assert!(refused.contains("`ecomerce`") && refused.contains(" ecommerce,"), "{refused}");

    sandbox.write("settings/betrace.yaml", "rules: [library:sre, own.yaml]\n");
    sandbox.write("settings/own.yaml", "rules:\n- {id: own, severity: low, invariant: a}\n");
    let config = ["check", "--config", "settings/betrace.yaml"];
    let by_file = sandbox.run(&config).expect_code(0).out;
    sandbox.environment.push(("BETRACE_RULES", "library:sre:settings/own.yaml".to_owned()));
    assert_eq!(sandbox.run(&["check"]).expect_code(0).out, by_file);

    sandbox.write(
        "mine.test.yaml",
        "rules: library:charge-needs-reservation\ntests:\n- name: a charge\n  \
         rule: charge-needs-reservation\n  trace: payment.charge\n  verdict: violated\n",
    );
    sandbox.run(&["test", "mine.test.yaml"]).expect_code(0);
}

fn listed(sandbox: &Sandbox, filter: &[&str]) -> Vec<Value> {
    let args = [&["rules", "list", "--format", "json"], filter].concat();
    rules(&sandbox.run(&args).expect_code(0).out)
}

fn rules(json: &str) -> Vec<Value> {
    let mut document: Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(document["schema"], "betrace.rules/1");
    match document["rules"].take() {
        Value::Array(rules) => rules,
        other => panic!("no list: {other}"),
    }
}
