//! Another ingest service that checks what passes through it: rules are compiled once, two threads
//! check what each of them receives, and a violation comes back with its evidence.
//!
//! `cargo run --example embed` prints
//!
//! ```text
//! tenant blue: charge-needs-reservation broken by trace 00000000000000000000000000000002: Charged without a reservation
//!   missing trace.has(inventory.reserve), customer customer-7
//! tenant blue: charge-needs-reservation applied to 2 traces, 1 violated it
//! tenant blue: read 3 spans of 2 traces, complete: true
//! tenant green: charge-needs-reservation applied to 1 traces, 0 violated it
//! tenant green: read 2 spans of 1 traces, complete: true
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::thread;

use betrace::{CompileOptions, Program, Replay, ReplayOptions, RuleSet, Span, Value};

const RULES: &str = r#"
rules:
  - id: charge-needs-reservation
    severity: critical
    condition: |
      when { trace.has(payment.charge) } always { trace.has(inventory.reserve) }
    signal:
      message: "Charged without a reservation"
      context: [customer_id]
"#;

/// What a service receives as the body of a request.
const REQUEST: &[u8] = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[
    {"traceId":"00000000000000000000000000000001","spanId":"0000000000000001",
     "name":"payment.charge","startTimeUnixNano":"1000","endTimeUnixNano":"2000"},
    {"traceId":"00000000000000000000000000000001","spanId":"0000000000000002",
     "name":"inventory.reserve","startTimeUnixNano":"100","endTimeUnixNano":"200"}]}]}]}"#;

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout())
}

/// Checks what two tenants sent, and writes what came of it.
pub fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let rules = RuleSet::from_text("rules.yaml", RULES);
    if rules.errors() > 0 {
        return Err(rules.render(false).into());
    }
    let program = Program::compile(&rules, &CompileOptions::default())?;

    // A program is shared, not copied; each thread has a replay of its own.
    let tenants = [("blue", vec![unreserved_charge()]), ("green", vec![])];
    let threads = tenants.map(|(tenant, spans)| {
        let program = program.clone();
        thread::spawn(move || check(&program, tenant, &spans).map_err(|error| error.to_string()))
    });
    for thread in threads {
        let said = thread.join().map_err(|_| "a thread panicked")??;
        out.write_all(said.as_bytes())?;
    }
    Ok(())
}

/// Checks what a tenant sent, and says what came of it.
fn check(program: &Program, tenant: &str, spans: &[Span]) -> Result<String, Box<dyn Error>> {
    let mut replay = Replay::new(program, ReplayOptions::default());
    replay.push_otlp("request", REQUEST)?;
    for span in spans {
        replay.push_span(span)?;
    }
    let mut signals = Vec::new();
    let report = replay.finish(&mut |signal| {
        signals.push(signal);
        Ok(())
    })?;

    let mut said = String::new();
    for signal in &signals {
        let (rule, trace, message) = (&signal.rule_id, &signal.trace_id, &signal.message);
        let customers = signal.context.values("customer_id").iter();
        let customers: Vec<_> = customers.map(|value| value.text.as_str()).collect();
        let (missing, customers) = (signal.missing.join(", "), customers.join(", "));
        said += &format!("tenant {tenant}: {rule} broken by trace {trace}: {message}\n");
        said += &format!("  missing {missing}, customer {customers}\n");
    }
    for rule in &report.rules {
        let (id, applied, violated) = (&rule.id, rule.applied, rule.violated);
        said +=
            &format!("tenant {tenant}: {id} applied to {applied} traces, {violated} violated it\n");
    }
    let done = &report.completeness;
    let (spans, traces, complete) = (done.spans, done.traces, done.is_complete());
    said +=
        &format!("tenant {tenant}: read {spans} spans of {traces} traces, complete: {complete}\n");
    Ok(said)
}

/// A span as a service has it decoded already.
fn unreserved_charge() -> Span {
    Span {
        trace_id: 2_u128.to_be_bytes(),
        span_id: 1_u64.to_be_bytes(),
        name: "payment.charge".to_owned(),
        start: 5_000,
        end: 6_000,
        attributes: vec![("customer_id".to_owned(), Value::Text("customer-7".into()))],
        ..Span::default()
    }
}
