//! Exit codes: what each means, and which of several holds.

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, line};

const GOOD: &str = "rules: [{id: a, severity: high, violation: trace.has(x)}]";
const WITH_WRONG: &str = "rules: [{id: a, severity: high, violation: trace.has(x)}, {id: b}]";

#[test]
fn of_several_codes_the_order_is_2_4_3_1() {
    let sandbox = Sandbox::new();
    sandbox.write("good.yaml", GOOD);
    sandbox.write("wrong.yaml", WITH_WRONG);
    let violation = line(1, 1, "x", 1, &json!({}));
    let large = line(2, 2, "y", 1, &json!({"text": "long".repeat(500)}));
    for bits in 0..16_u8 {
        let [rule, limit, unread, violated] = [8, 4, 2, 1].map(|bit| bits & bit != 0);
        let mut data = line(3, 3, "y", 1, &json!({}));
        data += if violated { &violation } else { "" };
        data += if limit { &large } else { "" };
        data += if unread { "{\"resourceSpans\": nonsense}\n" } else { "" };
        sandbox.write("t.jsonl", data);
        let rules = if rule { "wrong.yaml" } else { "good.yaml" };
        let args = ["replay", "--rules", rules, "--keep-going", "--max-document", "1KiB"];
        let rest = ["--fail-on", "medium", "--format", "json", "t.jsonl"];
        let outcome = sandbox.run(&[&args[..], &rest].concat());
        let expected = match (rule, limit, unread, violated) {
            (true, ..) => 2,
            (_, true, ..) => 4,
            (_, _, true, _) => 3,
            (.., true) => 1,
            _ => 0,
        };
        let outcome = outcome.expect_code(expected);
        let report: Value = serde_json::from_str(&outcome.out).expect("the rest was checked");
        assert_eq!(report["rules"][0]["violated"], u64::from(violated), "{bits:04b}");
    }
}

#[test]
fn violations_alone_end_with_0_unless_asked() {
    let sandbox = Sandbox::new();
    sandbox.write("r.yaml", GOOD);
    sandbox.write("t.jsonl", line(1, 1, "x", 1, &json!({})));
    let base = ["replay", "--rules", "r.yaml", "t.jsonl"];
    sandbox.run(&base).expect_code(0);
    for (severity, code) in [("critical", 0), ("high", 1), ("medium", 1), ("info", 1)] {
        sandbox.run(&[&base[..], &["--fail-on", severity]].concat()).expect_code(code);
    }
    sandbox.run(&[&base[..], &["--fail-on", "grave"]].concat()).expect_code(2);
}

#[test]
fn usage_errors_end_with_2() {
    let sandbox = Sandbox::new();
    sandbox.write("r.yaml", GOOD);
    sandbox.write("odd.yaml", "colour: red\n");
    let rules = ["replay", "--rules", "r.yaml"];
    for (args, said) in [
        (&["replay"][..], "no rules are named"),
        (&rules, "no traces are named"),
        (&["check"], "no rules are named"),
        (&["replay", "--nonsense"], "--nonsense"),
        (&["replay", "--rules", "r.yaml", "-", "--threads", "0"], "a number from 1 to 256"),
        (&["replay", "--rules", "r.yaml", "-", "--memory", "much"], "a size such as"),
        (&["replay", "--rules", "r.yaml", "-", "--engine", "steam"], "auto, jit, columns"),
        (&["replay", "--rules", "r.yaml", "-", "--color", "blue"], "auto, always or never"),
        (&["replay", "--rules", "r.yaml", "-", "--config", "nowhere.yaml"], "nowhere.yaml"),
        (&["replay", "--rules", "r.yaml", "-", "--config", "odd.yaml"], "odd.yaml:1:1"),
        (&["replay", "--rules", "r.yaml", "-", "--signals", "no/such/file"], "no/such/file"),
        (&["replay", "--rules", "r.yaml", "-", "--group-by", "span:name"], "name an attribute"),
    ] {
        let outcome = sandbox.run(args).expect_code(2);
        assert!(outcome.err.contains(said), "{args:?}: {}", outcome.err);
        assert_eq!(outcome.out, "", "{args:?}");
    }
}

#[test]
fn too_little_memory_ends_with_4_and_says_what_to_do() {
    let sandbox = Sandbox::with_workload(200, 1, 1);
    let args = ["replay", "--rules", crate::sandbox::OMNICART, "--memory", "1kB", "data"];
    let outcome = sandbox.run(&args).expect_code(4);
    assert_eq!(outcome.out, "");
    assert!(outcome.err.contains("more than the 1000 allowed"), "{}", outcome.err);
    assert!(outcome.err.contains("raise --memory"), "{}", outcome.err);
}

#[test]
fn a_document_too_large_is_named_with_what_to_do() {
    let sandbox = Sandbox::new();
    sandbox.write("r.yaml", GOOD);
    let large = line(2, 2, "y", 1, &json!({"text": "long".repeat(500)}));
    sandbox.write("t.jsonl", line(1, 1, "x", 1, &json!({})) + &large);
    let args = ["replay", "--rules", "r.yaml", "--max-document", "1KiB", "t.jsonl"];
    let outcome = sandbox.run(&args).expect_code(4);
    assert!(outcome.out.contains("document_too_large: 1 (t.jsonl:2 (byte "), "{}", outcome.out);
    assert!(outcome.out.contains("--max-document"), "{}", outcome.out);
    assert!(outcome.out.contains("  Day 1: 1 violation\n"), "{}", outcome.out);
}

#[test]
fn signals_are_never_written_over_what_is_read() {
    let sandbox = Sandbox::new();
    sandbox.write("r.yaml", GOOD);
    let data = line(1, 1, "x", 1, &json!({}));
    sandbox.write("data/t.jsonl", &data);
    for input in ["data/t.jsonl", "data", "data/*", "./data/../data/t.jsonl"] {
        let args = ["replay", "--rules", "r.yaml", "--signals", "data/t.jsonl", input];
        let outcome = sandbox.run(&args).expect_code(2);
        assert!(outcome.err.contains("is one of the inputs"), "{}", outcome.err);
        assert_eq!(sandbox.read("data/t.jsonl"), data);
    }
    for (signals, why) in [
        ("./r.yaml", "is one of the rule files"),
        ("betrace.yaml", "would be taken for settings"),
        ("-", "--format jsonl"),
    ] {
        let args = ["replay", "--rules", "r.yaml", "--signals", signals, "data"];
        let outcome = sandbox.run(&args).expect_code(2);
        assert!(outcome.err.contains(why), "{}", outcome.err);
        assert_eq!(sandbox.read("r.yaml"), GOOD);
    }
    let args = ["replay", "--rules", "r.yaml", "--signals", "s.jsonl", "data"];
    for _ in 0..2 {
        sandbox.run(&args).expect_code(0);
        assert_eq!(sandbox.read("s.jsonl").lines().count(), 1);
    }
}

#[test]
fn output_that_cannot_be_written_is_no_success() {
    if !std::path::Path::new("/dev/full").exists() {
        println!("skipped: this system has no /dev/full");
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("r.yaml", GOOD);
    sandbox.write("t.jsonl", line(1, 1, "x", 1, &json!({})));
    let args = ["replay", "--rules", "r.yaml", "t.jsonl", "--signals", "/dev/full"];
    let outcome = sandbox.run(&args).expect_code(3);
    assert!(outcome.err.contains("cannot write"), "{}", outcome.err);
}
