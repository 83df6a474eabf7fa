//! The documents' commands, exactly as printed, under the documents' name of the program.

use crate::sandbox::{DAY_1, HOUR, OMNICART, Outcome, Sandbox, line};

/// The commands as the documents print them.
const COMMANDS: [&str; 4] = [
    "fluo replay --rule payment-idempotency --from Day1 --to Day29",
    "fluo replay --rule cross-tenant-isolation --from Month1 --to Month11",
    "fluo replay --rule shipment-requires-payment --from Day1 --to Day29",
    "fluo replay --rule payment-inventory --from Day1 --to Day29",
];

/// The rules that the commands name, as the documents write them.
const RULES: &str = r#"rules:
  - id: payment-idempotency
    severity: critical
    condition: |
      when { trace.has(payment.charge).where(attempt > 1) }
      always { trace.count_distinct(payment.charge, payment_intent_id) == 1 }
    signal: { message: "Payment retry used another id", context: [customer_id] }
  - id: cross-tenant-isolation
    severity: critical
    condition: |
      trace.has(database.query).where(table contains "tenant_data")
        and trace.has(database.query).where(tenant_filter == true)
  - id: shipment-requires-payment
    severity: critical
    condition: trace.has(shipment.initiate) and trace.has(payment.confirm)
  - id: payment-inventory
    severity: critical
    condition: |
      // Invariant: Payment requires inventory reservation
      trace.has(payment.charge)
        and trace.has(inventory.reserve)
"#;

#[test]
fn commands_run_where_a_file_names_rules_and_inputs() {
    let sandbox = shop();
    sandbox.write("betrace.yaml", "rules: rules.yaml\ninputs: [traces]\n");
    expect_results(&sandbox);
}

#[test]
fn commands_run_with_the_users_own_settings() {
    let sandbox = shop();
    let folder = sandbox.path("").display().to_string();
    let settings = format!("rules: {folder}/rules.yaml\ninputs: {folder}/traces\n");
    sandbox.write("home/config/betrace/betrace.yaml", settings);
    expect_results(&sandbox);
}

#[test]
fn settings_of_the_folder_go_before_those_of_the_user() {
    let sandbox = shop();
    sandbox.write("betrace.yaml", "rules: rules.yaml\ninputs: traces\n");
    sandbox.write("home/config/betrace/betrace.yaml", "rules: nowhere.yaml\n");
    expect_results(&sandbox);
}

#[test]
fn the_generated_shop_answers_the_documents() {
    let mut sandbox = Sandbox::with_workload(1_500, 4, 3);
    sandbox.environment.push(("BETRACE_RULES", OMNICART.to_owned()));
    sandbox.environment.push(("BETRACE_INPUTS", "data".to_owned()));
    for command in COMMANDS {
        fluo(&sandbox, command).expect_code(0);
    }
    let out = fluo(&sandbox, COMMANDS[0]).out;
    assert!(out.contains("  Day 2: "), "the deploy of the second day is missing:\n{out}");
    assert!(!out.contains("  Day 1: "), "{out}");
}

fn expect_results(sandbox: &Sandbox) {
    let [idempotency, isolation, shipment, inventory] =
        COMMANDS.map(|command| fluo(sandbox, command).expect_code(0).out);
    assert!(
        idempotency.contains("Day 5: 3 violations (customer-A, customer-B, customer-C)\n"),
        "{idempotency}"
    );
    assert!(
        idempotency
            .contains("Day 29: 5 violations (customer-D, customer-E, customer-F, customer-G, …)\n"),
        "{idempotency}"
    );
    assert!(idempotency.contains("Total: 8 violations, first 2024-10-30T"), "{idempotency}");
    assert!(!idempotency.contains("Day 30"), "--to Day29 ends with that day:\n{idempotency}");
    assert!(isolation.contains("Month 3: 1 violation\n"), "{isolation}");
    assert!(isolation.contains("Month 11: 1 violation\n"), "{isolation}");
    assert!(!isolation.contains("Month 12"), "--to Month11 ends with that month:\n{isolation}");
    assert!(shipment.contains("Day 3: 1 violation\n"), "{shipment}");
    assert!(inventory.contains("Day 5: 3 violations\n"), "{inventory}");
}

#[track_caller]
fn fluo(sandbox: &Sandbox, command: &str) -> Outcome {
    let (program, args) = command.split_once(' ').expect("a command");
    assert_eq!(program, "fluo");
    let args: Vec<_> = args.split(' ').collect();
    let output = sandbox.command(env!("CARGO_BIN_EXE_fluo"), &args).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (out, err) = (text(output.stdout), text(output.stderr));
    Outcome { code: output.status.code(), out, err }
}

/// A year of a shop: double charges on days 5, 29 and 30, others here and there.
fn shop() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("rules.yaml", RULES);
    let day = |day: u64| DAY_1 + (day - 1) * 24 * HOUR;
    let mut lines = line(1_000, 1, "shop.open", day(1), &serde_json::json!({}));
    let customers = [(5, "ABC"), (29, "DEFGH"), (30, "I")];
    let charges = customers.iter().flat_map(|(day, names)| names.chars().map(|name| (*day, name)));
    for (number, (at, name)) in charges.enumerate() {
        for attempt in 1..=2 {
            let attributes = serde_json::json!({
                "customer_id": format!("customer-{name}"), "attempt": attempt,
                "payment_intent_id": format!("pi_{attempt}"),
            });
            let start = day(at) + (number as u64 + attempt) * HOUR;
            lines += &line(number as u64 + 1, attempt, "payment.charge", start, &attributes);
        }
    }
    lines += &line(500, 1, "shipment.initiate", day(3), &serde_json::json!({}));
    // Months count from October 2024, so the third is December and the twelfth September 2025.
    for (trace, days) in [(600, 50), (601, 305), (602, 340)] {
        let attributes = serde_json::json!({"table": "tenant_data_orders"});
        lines += &line(trace, 1, "database.query", day(days), &attributes);
    }
    sandbox.write("traces/all.jsonl", lines);
    sandbox
}
