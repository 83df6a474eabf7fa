//! Runs rules over traces on every engine and on the naive evaluator, and demands one answer.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use compiler::{Columns, Jit, JitOptions, RuleSource, Statement, lower, optimise};
use corpora::build::{Builder, SegmentSize, SpanRecord, finish};
use ir::module::Severity;
use ir::{Engine, Interpreter, Module, Schema, Segment, Value};
use runtime::{Options, RuleReport, Signal, replay};
use serde_json::Value as Json;

use crate::naive::{self, Verdict};
use crate::reading::read;

/// A verdict and, of a violation, the ids of its witness spans.
pub type Answer = (Verdict, Vec<String>);

/// The answers of all evaluators, rule by rule and trace by trace.
///
/// # Panics
/// Where two evaluators disagree, or a report's totals are not those of the verdicts; the message
/// has rule, trace and both answers.
pub fn answers(rules: &[Statement], traces: &[Vec<Json>]) -> Vec<Vec<Answer>> {
    let expected: Vec<Vec<Answer>> = rules
        .iter()
        .map(|rule| traces.iter().map(|trace| naive_answer(rule, trace)).collect())
        .collect();
    let plain = module(rules);
    let jit = Jit::new(JitOptions::default()).expect("this machine runs code");
    let engines: [&dyn Engine; 3] = [&Interpreter, &Columns, &jit];
    for (form, module) in [("as lowered", &plain), ("optimised", &optimise(plain.clone()))] {
        for engine in engines {
            for traces_per_segment in [1, 3, traces.len().max(1)] {
                let segments = segments(module, traces, traces_per_segment);
                let what = format!("{} on the module {form}", engine.name());
                let (reports, signals) = run(module, engine, segments);
                compare(&what, rules, traces, &expected, &signals);
                compare_totals(&what, rules, traces, &expected, &reports);
            }
        }
    }
    expected
}

fn naive_answer(rule: &Statement, trace: &[Json]) -> Answer {
    let verdict = naive::verdict(rule, trace);
    let witness = match verdict {
        Verdict::Violated => naive::witness(rule, trace),
        _ => Vec::new(),
    };
    (verdict, witness)
}

/// All rules, and behind them one for each rule with `when` that is violated where the rule
/// applies: so that verdicts come out trace by trace.
fn module(rules: &[Statement]) -> Module {
    let applies = rules.iter().map(|rule| match rule.when {
        Some(when) => read(&format!("never {{ {} }}", rule.condition_text(when))),
        None => read("always { not trace.has(\"*\") }"),
    });
    let all: Vec<Statement> = rules.iter().cloned().chain(applies).collect();
    let ids: Vec<String> = (0..all.len()).map(|number| number.to_string()).collect();
    let sources = ids.iter().zip(&all).map(|(id, statement)| RuleSource {
        id,
        severity: Severity::High,
        signal_type: None,
        message: "",
        statement,
        context: &[],
    });
    let module = lower(sources, None).expect("rules that were read can be lowered");
    assert_eq!(ir::verify::verify(&module), Ok(()));
    module
}

fn run(
    module: &Module,
    engine: &dyn Engine,
    segments: Vec<Segment>,
) -> (Vec<RuleReport>, Vec<Signal>) {
    let segments: Vec<_> = segments.into_iter().map(|segment| Mutex::new(Some(segment))).collect();
    let take = |number: usize| -> Result<Option<Segment>, Infallible> {
        Ok(segments.get(number).and_then(|segment| segment.lock().unwrap().take()))
    };
    let mut signals = Vec::new();
    let mut keep = |signal| {
        signals.push(signal);
        Ok(())
    };
    let outcome = replay(module, engine, &Options::default(), &take, &mut keep);
    (outcome.expect("the segments were made for the module").reports, signals)
}

fn compare(
    what: &str,
    rules: &[Statement],
    traces: &[Vec<Json>],
    expected: &[Vec<Answer>],
    signals: &[Signal],
) {
    let mut found: BTreeMap<(usize, usize), &Signal> = BTreeMap::new();
    for signal in signals {
        let trace = usize::from_str_radix(&signal.trace_id, 16).unwrap() - 1;
        found.insert((signal.rule_id.parse().unwrap(), trace), signal);
    }
    for (rule, statement) in rules.iter().enumerate() {
        for (trace, spans) in traces.iter().enumerate() {
            let violation = found.get(&(rule, trace));
            let applies = found.contains_key(&(rules.len() + rule, trace));
            let verdict = match (applies, violation.is_some()) {
                (true, true) => Verdict::Violated,
                (true, false) => Verdict::Passed,
                (false, false) => Verdict::NotApplicable,
                (false, true) => panic!("{what}: violated but not applicable: {statement}"),
            };
            let witness = violation.map_or_else(Vec::new, |signal| {
                assert!(signal.span_ids.len() == signal.span_count.min(runtime::SPAN_LIMIT));
                signal.span_ids.clone()
            });
            let (expected_verdict, all) = &expected[rule][trace];
            let first: &[String] = &all[..all.len().min(runtime::SPAN_LIMIT)];
            assert!(
                verdict == *expected_verdict && witness == first,
                "{what} says {verdict:?} {witness:?}, naively it is {expected_verdict:?} {all:?}\n\
                 rule: {statement}\ntrace: {:#}",
                Json::from(spans.clone())
            );
        }
    }
}

fn compare_totals(
    what: &str,
    rules: &[Statement],
    traces: &[Vec<Json>],
    expected: &[Vec<Answer>],
    reports: &[RuleReport],
) {
    for ((rule, answers), report) in rules.iter().zip(expected).zip(reports) {
        let with = |verdict| answers.iter().filter(|(own, _)| *own == verdict).count() as u64;
        let exercised = traces.iter().filter(|trace| naive::exercised(rule, trace)).count() as u64;
        assert_eq!(
            [report.traces, report.exercised, report.passed, report.violated, report.applied],
            [
                traces.len() as u64,
                exercised,
                with(Verdict::Passed),
                with(Verdict::Violated),
                traces.len() as u64 - with(Verdict::NotApplicable),
            ],
            "{what}: traces, exercised, passed, violated, applied of {rule}"
        );
    }
}

/// The traces as segments, their spans spread over two builders, last span first. A trace's id is
/// its number, from 1.
fn segments(module: &Module, traces: &[Vec<Json>], per_segment: usize) -> Vec<Segment> {
    let schema = Arc::new(Schema::of(module));
    let mut builders = [Builder::new(Arc::clone(&schema)), Builder::new(schema)];
    let spans = traces
        .iter()
        .enumerate()
        .flat_map(|(trace, spans)| spans.iter().map(move |span| (trace as u128 + 1, span)));
    let spans: Vec<(u128, &Json)> = spans.collect();
    for (number, (trace, span)) in spans.into_iter().enumerate().rev() {
        add(&mut builders[number % 2], trace, span);
    }
    let finished = finish(builders.into(), SegmentSize { traces: per_segment, rows: usize::MAX });
    finished.segments.into_iter().map(|unsealed| unsealed.seal().segment).collect()
}

fn add(builder: &mut Builder, trace_id: u128, span: &Json) {
    let resource = attributes(&span["resource"]);
    let own = attributes(&span["attributes"]);
    let text = |key: &str| span[key].as_str().unwrap();
    let id = |key: &str| match text(key) {
        "" => 0,
        id => u64::from_str_radix(id, 16).unwrap(),
    };
    let record = SpanRecord {
        trace_id,
        span_id: id("spanId"),
        parent_id: id("parentSpanId"),
        name: text("name"),
        kind: span["kind"].as_u64().unwrap() as u8,
        status: span["status"]["code"].as_u64().unwrap_or(0) as u8,
        message: span["status"]["message"].as_str().unwrap_or_default(),
        start: text("startTimeUnixNano").parse().unwrap(),
        end: text("endTimeUnixNano").parse().unwrap(),
        flags: 0,
        resource: builder.resource(resource.iter().map(|(key, value)| (key.as_str(), value)), ""),
        scope: builder.scope("", "", ""),
        rest: "",
    };
    builder.span(&record, own.iter().map(|(key, value)| (key.as_str(), value)));
}

fn attributes(list: &Json) -> Vec<(String, Value)> {
    let list = list.as_array().unwrap().iter();
    list.map(|entry| (entry["key"].as_str().unwrap().to_owned(), value(&entry["value"]))).collect()
}

fn value(any: &Json) -> Value {
    let Some((kind, value_json)) = any.as_object().unwrap().iter().next() else {
        return Value::Empty;
    };
    let text = || value_json.as_str().unwrap();
    let values = || value_json["values"].as_array().unwrap().iter();
    match kind.as_str() {
        "stringValue" => Value::Text(text().to_owned()),
        "boolValue" => Value::Bool(value_json.as_bool().unwrap()),
        "intValue" => Value::Int(text().parse().unwrap()),
        "doubleValue" => {
            Value::Float(value_json.as_f64().unwrap_or_else(|| text().parse().unwrap()))
        }
        "bytesValue" => {
            Value::Bytes(base64::engine::general_purpose::STANDARD.decode(text()).unwrap())
        }
        "arrayValue" => Value::List(values().map(value).collect()),
        "kvlistValue" => Value::Map(attributes(&value_json["values"])),
        other => panic!("no OTLP value is called {other}"),
    }
}
