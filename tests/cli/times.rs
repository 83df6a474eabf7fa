//! Ranges, zones, periods and groups.

use serde_json::{Value, json};

use crate::sandbox::{DAY_1, HOUR, OMNICART, Sandbox, line};

/// One violation at each of these hours after the first midnight in UTC.
const HOURS: [u64; 5] = [0, 23, 30, 24 * 7, 24 * 40];

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("r.yaml", "rules: [{id: a, severity: low, violation: trace.has(x)}]");
    let lines = HOURS.iter().zip(1..).map(|(hour, trace)| {
        line(trace, trace, "x", DAY_1 + hour * HOUR, &json!({"version": trace % 2}))
    });
    sandbox.write("t.jsonl", lines.collect::<String>());
    sandbox
}

fn days(sandbox: &Sandbox, args: &[&str]) -> Value {
    let report = sandbox.json(&[&["--rules", "r.yaml", "t.jsonl"], args].concat());
    report["rules"][0]["days"].clone()
}

#[test]
fn ranges_take_the_traces_that_begin_in_them() {
    let sandbox = sandbox();
    let [first, second, week, later] = ["2024-10-26", "2024-10-27", "2024-11-02", "2024-12-05"];
    for (range, expected) in [
        (&["--from", "Day1", "--to", "Day1"][..], json!({first: 2})),
        (&["--from", "Day2"], json!({second: 1, week: 1, later: 1})),
        (&["--to", "Day2"], json!({first: 2, second: 1})),
        (&["--from", "2024-10-27", "--to", "2024-11-02"], json!({second: 1, week: 1})),
        (&["--to", "2024-10-26T23:00:00Z"], json!({first: 1})),
        (&["--from", "2024-10-26T23:00:00Z", "--to", "Day1"], json!({first: 1})),
        (&["--from", "Month2", "--to", "Month2"], json!({week: 1})),
        (&["--from", "2024-12"], json!({later: 1})),
        (&["--from", "-33d"], json!({week: 1, later: 1})),
        (&["--from=-1h"], json!({later: 1})),
    ] {
        assert_eq!(days(&sandbox, range), expected, "{range:?}");
    }
}

#[test]
fn zones_move_days() {
    let sandbox = sandbox();
    let berlin = json!({"2024-10-26": 1, "2024-10-27": 2, "2024-11-02": 1, "2024-12-05": 1});
    assert_eq!(days(&sandbox, &["--tz", "Europe/Berlin"]), berlin);
    let los_angeles = json!({"2024-10-25": 1, "2024-10-26": 2, "2024-11-01": 1, "2024-12-04": 1});
    assert_eq!(days(&sandbox, &["--tz", "America/Los_Angeles"]), los_angeles);
    let first = days(&sandbox, &["--tz", "Europe/Berlin", "--to", "Day1"]);
    assert_eq!(first, json!({"2024-10-26": 1}), "Day1 is a day of the zone");
}

#[test]
fn a_range_beyond_the_data_says_where_the_data_is() {
    let args = ["replay", "--rules", "r.yaml", "t.jsonl", "--from", "2031-01-01"];
    let outcome = sandbox().run(&args).expect_code(0);
    let said = "No trace lies in the range: the data begins 2024-10-26T00:00:00.000Z and ends \
                2024-12-05T00:00:00.000Z.";
    assert!(outcome.out.contains(said), "{}", outcome.out);
}

#[test]
fn wrong_times_are_errors() {
    let sandbox = sandbox();
    for (args, said) in [
        (&["--from", "Day0"][..], "count from 1"),
        (&["--from", "yesterday"], "is not a time"),
        (&["--from", "2024-02-30"], "not in the calendar"),
        (&["--from", "Day3", "--to", "Day2"], "the range is empty"),
        (&["--tz", "Mars/Olympus"], "not a time zone"),
    ] {
        let base = ["replay", "--rules", "r.yaml", "t.jsonl"];
        let outcome = sandbox.run(&[&base, args].concat()).expect_code(2);
        assert!(outcome.err.contains(said), "{args:?}: {}", outcome.err);
        assert_eq!(outcome.out, "");
    }
}

#[test]
fn periods_are_asked_for_or_fit_the_data() {
    let sandbox = sandbox();
    let table = |args: &[&str]| {
        let base = ["replay", "--rules", "r.yaml", "t.jsonl"];
        sandbox.run(&[&base, args].concat()).expect_code(0).out
    };
    for (args, lines) in [
        (
            &["--per", "day"][..],
            "  2024-10-26  Day 1: 2 violations\n  2024-10-27  Day 2: 1 violation\n",
        ),
        (
            &["--per", "week"],
            "  2024-10-26  Week 1: 3 violations\n  2024-11-02  Week 2: 1 violation\n",
        ),
        (
            &["--per", "month"],
            "  2024-10-01  Month 1: 3 violations\n  2024-11-01  Month 2: 1 violation\n",
        ),
        (&["--from", "Month1"], "  2024-10-01  Month 1: 3 violations\n"),
        (&[], "  2024-10-26  Day 1: 2 violations\n"),
    ] {
        let table = table(args);
        assert!(table.contains(lines), "{args:?}\n{table}");
    }
}

#[test]
fn groups_show_the_bad_deploy() {
    let sandbox = Sandbox::with_workload(3_000, 3, 3);
    let args = ["--rules", OMNICART, "--rule", "payment-idempotency", "data"];
    let report = sandbox.json(&[&args[..], &["--group-by", "service.version"]].concat());
    let groups = report["rules"][0]["groups"].as_object().expect("groups");
    let [version] = groups.keys().collect::<Vec<_>>()[..] else { panic!("{groups:?}") };
    assert_eq!(groups[version], report["rules"][0]["violated"]);

    let table = ["replay", "--group-by", "service.version"];
    let out = sandbox.run(&[&table[..], &args].concat()).expect_code(0).out;
    assert!(out.contains(&format!("  by service.version:\n    {version}: ")), "{out}");

    let none = sandbox.json(&[&args[..], &["--group-by", "no.such.key"]].concat());
    assert_eq!(none["rules"][0]["groups"], json!({}));
    assert_eq!(none["rules"][0]["ungrouped"], none["rules"][0]["violated"]);
}

#[test]
fn no_value_is_no_group_of_any_name() {
    let sandbox = Sandbox::new();
    sandbox.write("r.yaml", "rules: [{id: a, severity: low, violation: trace.has(x)}]");
    let values = [json!({"v": "(none)"}), json!({}), json!({"v": ""}), json!({})];
    let lines = values.iter().zip(1..).map(|(value, trace)| line(trace, trace, "x", DAY_1, value));
    sandbox.write("t.jsonl", lines.collect::<String>());
    let report = sandbox.json(&["--rules", "r.yaml", "t.jsonl", "--group-by", "v"]);
    let rule = &report["rules"][0];
    assert_eq!((&rule["groups"], &rule["ungrouped"]), (&json!({"(none)": 1, "": 1}), &json!(2)));
    let report = sandbox.json(&["--rules", "r.yaml", "t.jsonl"]);
    assert_eq!(report["rules"][0]["ungrouped"], 0, "nothing was to be grouped");
}
