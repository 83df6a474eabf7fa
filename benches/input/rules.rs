//! Many rules: those of the generator, and narrowed copies of them.

use std::path::PathBuf;

/// As many rules as wanted: those of the generator, and then the same again and again, each
/// narrowed to a part of its traces by a constant of its own, as rules of teams, customers and
/// thresholds are.
pub fn many(count: usize) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("rules/omnicart.yaml");
    let text = std::fs::read_to_string(path).expect("the rules are there");
    let (_, rules) = text.split_once("\nrules:\n").expect("a list of rules");
    let rules: Vec<&str> = rules.split("  - id: ").skip(1).collect();
    let mut yaml = "rules:\n".to_owned();
    for number in 0..count {
        let rule = rules[number % rules.len()];
        let rule = match number / rules.len() {
            0 => rule.to_owned(),
            copy => narrowed(rule, copy),
        };
        yaml.push_str("  - id: ");
        yaml.push_str(&rule);
    }
    yaml
}

/// The rule under a number of its own, the spans that it begins with narrowed.
fn narrowed(rule: &str, copy: usize) -> String {
    let (id, rest) = rule.split_once('\n').expect("an id has a line");
    let (before, behind) = rest.split_once("trace.has(").expect("a rule has spans");
    let (operation, behind) = behind.split_once(')').expect("a closed parenthesis");
    let test = narrowing(operation, copy);
    let behind = match behind.strip_prefix(".where(") {
        Some(tests) => format!(".where({test} and {tests}"),
        None => format!(".where({test}){behind}"),
    };
    format!("{id}-{copy}\n{before}trace.has({operation}){behind}")
}

/// A third each of thresholds of time, thresholds of a number and single customers or tenants.
fn narrowing(operation: &str, copy: usize) -> String {
    let (number, text) = match operation {
        "payment.charge" => {
            (format!("amount > {copy}0"), format!("customer_id == \"customer-{copy:04x}\""))
        }
        "api.request" => (
            format!("http.response.status_code >= {}", 150 + copy),
            format!("client.address == \"203.0.{copy}.7\""),
        ),
        "database.query" => {
            (format!("span:duration < {copy}ms"), format!("tenant_id == \"tenant-{copy:03}\""))
        }
        "llm.generate" => {
            (format!("prompt_length > {copy}0"), format!("model == \"model-{copy}\""))
        }
        "admin.action" => (format!("span:duration < {copy}ms"), format!("reason == \"T-{copy}\"")),
        _ => {
            (format!("amount_cents > {copy}00"), format!("customer_id == \"customer-{copy:04x}\""))
        }
    };
    match copy % 3 {
        0 => format!("span:duration > {copy}ms"),
        1 => number,
        _ => text,
    }
}
