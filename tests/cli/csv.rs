//! Signals as CSV: whole through a reader of CSV, harmless in a spreadsheet.

use serde_json::json;

use crate::sandbox::{Sandbox, line};

const RULES: &str = "rules:
  - { id: a, severity: low, violation: trace.has(x), signal: { context: [note, '=key'] } }
  - { id: b, severity: low, violation: trace.has(x), signal: { context: [other, note] } }
";

fn rows(value: &str) -> Vec<Vec<String>> {
    let sandbox = Sandbox::new();
    sandbox.write("r.yaml", RULES);
    sandbox.write("t.jsonl", line(1, 1, "x", 1, &json!({"note": value, "other": "plain"})));
    let args = ["replay", "--rules", "r.yaml", "--format", "csv", "t.jsonl"];
    let out = sandbox.run(&args).expect_code(0).out;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(out.as_bytes());
    let rows = reader.records().map(|row| row.expect("every row has as many cells"));
    rows.map(|row| row.iter().map(str::to_owned).collect()).collect()
}

#[test]
fn each_context_key_has_one_column() {
    let rows = rows("plain");
    let [header, first, second] = &rows[..] else { panic!("{rows:?}") };
    let at = |name: &str| header.iter().position(|cell| cell == name).expect("a column");
    assert_eq!(header[..5], ["signal_id", "rule_id", "rule_hash", "severity", "timestamp"]);
    assert_eq!(header.iter().filter(|cell| **cell == "context.note").count(), 1);
    assert_eq!((&*first[at("rule_id")], &*first[at("context.other")]), ("a", ""));
    assert_eq!((&*second[at("rule_id")], &*second[at("context.other")]), ("b", "plain"));
    assert_eq!(second[at("context.note")], "plain");
}

#[test]
fn quotes_and_newlines_come_back_whole() {
    for value in ["say \"no\", then", "two\nlines", "a,b;c", "\"", "tab\there"] {
        let rows = rows(value);
        let at = rows[0].iter().position(|cell| cell == "context.note").expect("a column");
        assert_eq!(rows[1][at], value);
    }
}

#[test]
fn no_cell_is_a_formula() {
    for value in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "＝1"] {
        for (number, row) in rows(value).iter().enumerate() {
            for cell in row {
                let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝']);
                assert!(!formula, "{value:?} in row {number}: {cell:?}");
            }
        }
    }
}
