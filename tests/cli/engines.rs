//! What runs the rules: every engine says the same, and a machine that refuses to run code is told
//! of once and served by loops.

use crate::sandbox::{OMNICART, Sandbox};

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
    let expected = sandbox.run(&args).expect_code(0);
    let program = env!("CARGO_BIN_EXE_betrace");
    let refused = [&["-c", REFUSE_CODE, program][..], &args].concat();
    let output = match sandbox.command("python3", &refused).output() {
        Ok(output) if output.status.code() != Some(77) => output,
        _ => {
            println!("skipped: no python3, or a kernel that cannot refuse code");
            return;
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.matches("note: no machine code (").count(), 1, "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected.out);
    assert_eq!(output.status.code(), Some(0), "{said}");
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
    assert!(presence.contains("none: no predicate needs a look at spans"), "{presence}");
}
