//! What runs the rules: every engine says the same, and a machine that refuses to run code is told
//! of once and served by loops.

use serde_json::{Value, json};

use crate::sandbox::{DAY_1, OMNICART, Sandbox, line};

/// Forbids memory that becomes executable (PR_SET_MDWE), then becomes the command that follows.
const REFUSE_CODE: &str = "import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0): sys.exit(77)
os.execv(sys.argv[1], sys.argv[1:])";

#[test]
fn every_engine_prints_the_same() {
    let sandbox = Sandbox::with_workload(500, 2, 1);
    let print = |engine: &str| {
        let args = ["replay", "--rules", OMNICART, "--engine", engine, "--format", "jsonl", "data"];
        sandbox.run(&args).expect_code(0).out
    };
    let expected = print("interpreter");
    assert!(!expected.is_empty());
    for engine in ["auto", "jit", "columns"] {
        assert_eq!(print(engine), expected, "{engine}");
    }
}

#[test]
fn loops_run_the_rules_where_code_is_refused() {
    let sandbox = Sandbox::with_workload(200, 1, 1);
    let args = ["replay", "--rules", OMNICART, "--engine", "jit", "--format", "jsonl", "data"];
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/playbooks");
    let diff = ["diff", "--engine", "jit", OMNICART, OMNICART, "data"];
    for args in [&args[..], &["test", rules], &diff] {
        let expected = sandbox.run(args).expect_code(0);
        let program = env!("CARGO_BIN_EXE_betrace");
        let refused = [&["-c", REFUSE_CODE, program][..], args].concat();
        let output = match sandbox.command("python3", &refused).output() {
            Ok(output) if output.status.code() != Some(77) => output,
            _ => {
                println!("skipped: no python3, or a kernel that cannot refuse code");
                return;
            }
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said.matches("note: no machine code (").count(), 1, "{said}");
        let out = String::from_utf8_lossy(&output.stdout);
        let timeless = |out: &str| out.split(", in ").next().map(str::to_owned);
        assert_eq!(timeless(&out), timeless(&expected.out));
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
}

#[test]
fn a_rule_beyond_the_limits_of_code_is_named_and_judged() {
    let sandbox = Sandbox::new();
    let orders = ["<", ">", "==", "!="];
    let terms: Vec<String> = (0..4_000_u32)
        .map(|number| {
            let mixed = number.wrapping_mul(0x9e37_79b9) >> 16;
            let join = ["", "or ", "and "][if number == 0 { 0 } else { 1 + mixed as usize % 2 }];
            format!("{join}a{} {} {number}", mixed % 1_024, orders[mixed as usize / 16 % 4])
        })
        .collect();
    let rule = format!("never {{ trace.has(op).where({}) }}", terms.join(" "));
    let rules = "rules:\n  - id: big\n    severity: high\n    condition: |\n      ";
    sandbox.write("rules.yaml", format!("{rules}{rule}\n"));
    let span = |number: u64| {
        let attributes = (0..1_024).map(|key| {
            let value = (number * (5_000 + key)).to_string();
            json!({"key": format!("a{key}"), "value": {"intValue": value}})
        });
        let start = DAY_1 + number;
        json!({"traceId": format!("{:032x}", number + 1), "spanId": format!("{:016x}", number + 1),
            "name": "op", "startTimeUnixNano": start.to_string(),
            "endTimeUnixNano": (start + 1).to_string(),
            "attributes": attributes.collect::<Vec<_>>()})
    };
    let spans: Vec<Value> = (0..3).map(span).collect();
    let document = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]});
    sandbox.write("data.json", document.to_string());
    let run = |engine: &str| {
        let args = ["replay", "--rules", "rules.yaml", "--format", "jsonl", "--engine", engine];
        sandbox.run(&[&args[..], &["data.json"]].concat()).expect_code(0)
    };
    let (native, expected) = (run("jit"), run("interpreter"));
    assert_eq!(native.out, expected.out);
    let warning = "warning: loops over columns ran part of `big`: the kernels of a rule come to \
                   more than 40000 instructions";
    assert_eq!(native.err.matches("warning: loops").count(), 1, "{}", native.err);
    assert!(native.err.contains(warning), "{}", native.err);
    assert!(!expected.err.contains("warning"), "{}", expected.err);
}

#[test]
fn explain_shows_the_code() {
    let sandbox = Sandbox::new();
    let rule = "never { trace.has(a).where(x > 5 and y == z) }";
    let code = sandbox.run(&["explain", rule, "--clif", "--asm"]).expect_code(0).out;
    for part in ["code, if attributes compared by order", "kernel 0: Runs(W16", "icmp", "store"] {
        assert!(code.contains(part), "{part} in {code}");
    }
    let plain = sandbox.run(&["explain", rule]).expect_code(0).out;
    assert!(!plain.contains("kernel"), "{plain}");
    let presence = sandbox.run(&["explain", "never { trace.has(a) }", "--asm"]).expect_code(0).out;
    assert!(presence.contains("none: presence, bounds and dictionaries settle all"), "{presence}");
}

#[test]
fn explain_shows_the_code_for_the_columns_of_a_corpus() {
    let sandbox = Sandbox::new();
    let rule = "never { trace.has(a).where(x > 5) }";
    let asked = ["explain", rule, "--corpus", "corpus", "--clif"];
    let mut widths = Vec::new();
    for (number, most) in [100, 1_000_000].into_iter().enumerate() {
        let lines = (0..70).map(|trace| {
            let (trace, x) = (1 + trace + 100 * number as u64, trace % 2 * most);
            let has_x = number == 0 || trace > 105;
            let attributes = if has_x { json!({"x": x}) } else { json!({}) };
            line(trace, 1, "a", DAY_1 + trace, &attributes)
        });
        let name = format!("{number}.jsonl");
        sandbox.write(&name, lines.collect::<String>());
        sandbox.run(&["ingest", "--corpus", "corpus", &name]).expect_code(0);
        let code = sandbox.run(&asked).expect_code(0).out;
        assert!(
            code.contains("code, for all shapes that the columns of the corpus have"),
            "{code}"
        );
        let kernels = code.lines().filter(|line| line.starts_with("kernel "));
        widths.push(kernels.map(str::to_owned).collect::<Vec<_>>());
    }
    let first = "kernel 0: Runs(W8, 1)";
    let both = ["kernel 0: Runs(W32, 1) Present And(2)", "kernel 1: Runs(W8, 1)"];
    assert_eq!(widths, [vec![first], both.to_vec()]);
}
