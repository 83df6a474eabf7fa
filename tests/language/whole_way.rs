//! The whole way through the library, as its users go: rules as YAML, traces as OTLP JSON. Its
//! verdicts are the naive evaluator's, whatever the document's order.

use betrace::{CompileOptions, Program, Replay, ReplayOptions, RuleSet, Signal};
use compiler::Statement;
use serde_json::{Value as Json, json};

use crate::naive::{self, Verdict};

/// Replays rules over traces and compares.
///
/// # Panics
/// Where a rule is refused, a span is lost, or a verdict is not the naive one.
pub fn check(rules: &[Statement], traces: &[Vec<Json>]) {
    let mut yaml = "rules:\n".to_owned();
    for (number, rule) in rules.iter().enumerate() {
        yaml +=
            &format!("  - id: \"{number}\"\n    severity: high\n    condition: |\n      {rule}\n");
    }
    let set = RuleSet::from_text("rules.yaml", &yaml);
    assert_eq!(set.errors(), 0, "{}", set.render(false));
    let program = Program::compile(&set, &CompileOptions::default()).unwrap();
    let mut replay = Replay::new(&program, ReplayOptions::default());
    for line in document(traces) {
        replay.push_otlp("request", line.to_string().as_bytes()).unwrap();
    }
    let mut signals: Vec<Signal> = Vec::new();
    let mut keep = |signal| {
        signals.push(signal);
        Ok(())
    };
    let report = replay.finish(&mut keep).unwrap();
    assert_eq!(report.completeness.traces, traces.len() as u64);
    assert!(report.completeness.is_complete(), "{:?}", report.completeness);
    let mut found: Vec<(usize, usize)> = signals.iter().map(place).collect();
    found.sort_unstable();
    let mut expected = Vec::new();
    for (number, rule) in rules.iter().enumerate() {
        let verdicts = traces.iter().map(|trace| naive::verdict(rule, trace));
        let violated = verdicts.enumerate().filter(|(_, verdict)| *verdict == Verdict::Violated);
        expected.extend(violated.map(|(trace, _)| (number, trace)));
    }
    assert_eq!(found, expected, "violations (rule, trace)\n{yaml}\n{:#}", json!(traces));
}

/// Numbers of the rule and the trace of a signal.
fn place(signal: &Signal) -> (usize, usize) {
    let trace = usize::from_str_radix(&signal.trace_id, 16).unwrap();
    (signal.rule_id.parse().unwrap(), trace - 1)
}

/// The spans as OTLP JSON documents of one span each, the last first.
pub fn document(traces: &[Vec<Json>]) -> Vec<Json> {
    let mut documents = Vec::new();
    for (trace, spans) in traces.iter().enumerate() {
        for span in spans {
            let mut own = span.clone();
            own["traceId"] = format!("{:032x}", trace + 1).into();
            let resource = own.as_object_mut().unwrap().remove("resource");
            documents.push(json!({ "resourceSpans": [{
                "resource": { "attributes": resource },
                "scopeSpans": [{ "spans": [own] }],
            }]}));
        }
    }
    documents.reverse();
    documents
}
