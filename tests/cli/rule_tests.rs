//! `betrace test` beyond its transcripts: recorded traces, folders, many tests, files of anything.

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::sandbox::{DAY_1, Sandbox, line};

const RULES: &str = "rules:\n  - id: reserved\n    severity: high\n    condition: |\n      \
    when { charge } always { reserve }\n    signal: { context: [order_id] }\n";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("rules/shop.yaml", RULES);
    sandbox
}

#[test]
fn traces_may_be_recorded() {
    let sandbox = sandbox();
    let charge = |trace| line(trace, 0xab, "charge", DAY_1, &json!({"order_id": 5}));
    sandbox.write("rules/data/one.jsonl", charge(1) + &line(1, 2, "x", DAY_1, &json!({})));
    let kept = line(7, 1, "charge", DAY_1, &json!({})) + &line(7, 2, "reserve", DAY_1, &json!({}));
    sandbox.write("rules/data/two.jsonl", charge(6) + &kept);
    sandbox.write("rules/data/broken.jsonl", "{\"resourceSpans\": [");
    let test = |name: &str, file: &str, rest: &str| {
        format!("- name: {name}\n  rule: reserved\n  file: data/{file}.jsonl\n  {rest}\n")
    };
    let id = |id: u32| format!("trace_id: {id:032x}\n  ");
    let tests = test(
        "one",
        "one",
        "verdict: violated\n  witness: [00000000000000ab]\n  context: { order_id: 5 }",
    ) + &test("six", "two", &(id(6) + "verdict: violated"))
        + &test("seven", "two", &(id(7) + "verdict: passed"));
    sandbox.write("rules/shop.test.yaml", format!("tests:\n{tests}"));
    let outcome = sandbox.run(&["test", "rules"]).expect_code(0);
    assert!(outcome.out.starts_with("3 tests passed, 0 failed, in 1 file"), "{}", outcome.out);

    let tests = test("which", "two", "verdict: passed")
        + &test("none", "two", &(id(8) + "verdict: passed"))
        + &test("broken", "broken", "verdict: passed");
    sandbox.write("rules/bad.test.yaml", format!("rules: shop.yaml\ntests:\n{tests}"));
    let outcome = sandbox.run(&["test", "rules/bad.test.yaml"]).expect_code(2);
    for part in
        ["two.jsonl has several traces; say which", "has no trace 0000", "broken.jsonl is not OTLP"]
    {
        assert!(outcome.err.contains(part), "{part}: {}", outcome.err);
    }
}

#[test]
fn folders_hold_tests_and_rules_apart() {
    let sandbox = sandbox();
    let test = "tests:\n- { name: a, rule: reserved, trace: charge, verdict: violated }\n";
    sandbox.write("rules/shop.test.yaml", test);
    sandbox.write("rules/deep/er/other.test.yml", format!("rules: ../../shop.yaml\n{test}"));
    let outcome = sandbox.run(&["test", "rules", "rules/shop.test.yaml"]).expect_code(0);
    assert!(outcome.out.starts_with("2 tests passed, 0 failed, in 2 files"), "{}", outcome.out);
    for paths in [["rules", "rules/*"], ["rules/shop.yaml", "rules"]] {
        let outcome = sandbox.run(&["check", paths[0], paths[1]]).expect_code(0);
        assert!(outcome.out.starts_with("1 rule and 0 alerts in 1 file"), "{}", outcome.out);
    }
    sandbox.write("empty/shop.yaml", RULES);
    let refused = sandbox.run(&["test", "empty"]).expect_code(2).err;
    assert_eq!(refused, "error: no rule tests (*.test.yaml, *.test.yml) in empty\n");

    // A rule that two files test is covered by both together.
    let other = "rules: ../../shop.yaml\ntests:\n- { name: a, rule: reserved, trace: 'charge, reserve', \
        verdict: passed }\n- { name: b, rule: reserved, trace: reserve, verdict: not-applicable }\n";
    sandbox.write("rules/deep/er/other.test.yml", other);
    sandbox.run(&["test", "rules", "--coverage-min", "100", "--mutate"]).expect_code(0);
    sandbox.run(&["test", "rules/shop.test.yaml", "--coverage-min", "100"]).expect_code(1);
    sandbox.run(&["test", "rules/shop.test.yaml", "--mutate"]).expect_code(1);
}

#[test]
fn wrong_rules_are_said_once() {
    let sandbox = sandbox();
    sandbox.write("rules/shop.yaml", RULES.replace("reserve }", "reserve"));
    let test = "tests:\n- { name: a, rule: reserved, trace: charge, verdict: violated }\n";
    sandbox.write("rules/shop.test.yaml", test);
    let outcome = sandbox.run(&["test", "rules"]).expect_code(2);
    assert_eq!(outcome.err.matches("error[").count(), 1, "{}", outcome.err);
    assert!(outcome.err.contains("rules/shop.yaml:6:"), "{}", outcome.err);
    sandbox.write("rules/alone.test.yaml", test);
    let outcome = sandbox.run(&["test", "rules/alone.test.yaml"]).expect_code(2);
    assert!(outcome.err.contains("cannot read rules/alone.yaml"), "{}", outcome.err);
}

#[test]
fn a_junit_file_is_written_beside_the_table() {
    let sandbox = sandbox();
    let test = "tests:\n- { name: \"<a> & \\\"b\\\" \\x01\", rule: reserved, trace: charge, verdict: passed }\n";
    sandbox.write("rules/shop.test.yaml", test);
    let outcome = sandbox.run(&["test", "rules", "--junit", "report.xml"]).expect_code(1);
    assert!(outcome.out.contains("FAIL  reserved/<a> & \"b\" \\u{1}"), "{}", outcome.out);
    let report = sandbox.read("report.xml");
    assert!(report.contains("name=\"&lt;a&gt; &amp; &quot;b&quot; \u{fffd}\""), "{report}");
    assert!(report.contains("<testsuites name=\"betrace test\" tests=\"1\" failures=\"1\">"));
    sandbox.run(&["test", "rules", "--junit", "no/folder/report.xml"]).expect_code(2);
}

#[test]
fn thousands_of_tests_take_seconds() {
    let sandbox = sandbox();
    let mut tests = "tests:\n".to_owned();
    for number in 0..3_000 {
        let (reserve, verdict) =
            if number % 2 == 0 { (", reserve", "passed") } else { ("", "violated") };
        let trace = format!("charge{{order_id=o-{number}}}{reserve}");
        writeln!(
            tests,
            "- {{ name: test {number}, rule: reserved, trace: '{trace}', verdict: {verdict} }}"
        )
        .expect("a String takes every write");
    }
    sandbox.write("rules/shop.test.yaml", tests);
    let started = Instant::now();
    let outcome = sandbox.run(&["test", "rules", "--mutate"]).expect_code(1);
    // Nothing is not applicable, so that rules without `when` look the same.
    assert!(outcome.out.starts_with("SURVIVED  reserved: without `when`\n"), "{}", outcome.out);
    assert!(outcome.out.contains("\n3,000 tests passed, 0 failed"), "{}", outcome.out);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

/// Files of tests with pieces moved, dropped and doubled: errors or results, never a crash.
#[test]
fn files_of_anything_are_refused_or_run() {
    let whole = "rules: shop.yaml\ntraces:\n  t: charge, reserve ^1\ntests:\n- name: a\n  \
        rule: reserved\n  trace: $t\n  verdict: passed\n- name: b\n  rule: reserved\n  trace: |\n    \
        charge{order_id=5}\n  verdict: violated\n  witness: [1]\n  context: { order_id: 5 }\n\
        - name: c\n  file: x.jsonl\n  expect: { reserved: { verdict: violated } }\n\
        excused: [{ rule: reserved, mutant: x, why: y }]\n";
    let sandbox = sandbox();
    let lines: Vec<&str> = whole.lines().collect();
    let mut state = 7_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (state >> 33) as usize % below
    };
    for round in 0..60 {
        let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        for _ in 0..=next(3) {
            let (at, other) = (next(changed.len()), next(changed.len()));
            match next(5) {
                0 => drop(changed.remove(at)),
                1 => changed.swap(at, other),
                2 => changed.insert(at, changed[other].clone()),
                3 => changed[at] = changed[at].replacen(' ', "", 1),
                _ => {
                    let cut = next(changed[at].len().max(1));
                    changed[at].truncate(cut);
                }
            }
            if changed.is_empty() {
                break;
            }
        }
        sandbox.write("rules/odd.test.yaml", changed.join("\n"));
        let outcome = sandbox.run(&["test", "rules/odd.test.yaml", "--coverage", "--mutate"]);
        assert!(matches!(outcome.code, Some(0..=2)), "round {round}: {outcome:?}");
        assert!(!outcome.err.contains("panicked"), "{outcome:?}");
    }
}
