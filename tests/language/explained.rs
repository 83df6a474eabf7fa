//! What is said of a rule's parts is what the naive evaluator says of each part as a rule of its own.

use betrace::explain::{Explainer, Part, PartKind, PartValue};
use betrace::{RuleSet, Span, notation};
use serde_json::Value as Json;

use crate::naive::{self, Verdict};
use crate::random::Random;
use crate::reading::read;
use crate::traces::trace;

#[test]
fn every_part_has_the_value_of_a_rule_of_its_own() {
    let (mut of_traces, mut of_spans) = (0, 0);
    for round in 0..150 {
        let mut random = Random(round);
        let text = random.rule();
        let (set, _) = RuleSet::of_rule_text("rule", &text);
        let explainer = Explainer::new(&set.rules[0]).unwrap();
        let traces: Vec<String> = (0..8).map(|_| random.trace()).collect();
        let spans: Vec<Vec<Span>> =
            traces.iter().map(|text| notation::read(text).unwrap()).collect();
        let looked = explainer.look(&spans.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for (number, text) in traces.iter().enumerate() {
            let values = explainer.explain(&looked, number).unwrap();
            assert_eq!(values.len(), explainer.parts().len());
            let trace = trace(text);
            for (at, value) in values.iter().enumerate() {
                match value {
                    PartValue::OfTrace { holds, .. } => {
                        of_traces += 1;
                        let part = &explainer.parts()[at];
                        assert_eq!(
                            *holds,
                            never(&part.text, &trace).0,
                            "{part:?} of {set:?}: {text}"
                        );
                    }
                    PartValue::OfSpans { holds, fails } => {
                        let Some((operation, test)) = asked(explainer.parts(), at) else {
                            continue;
                        };
                        of_spans += 1;
                        for (spans, test) in
                            [(holds, test.clone()), (fails, format!("not ({test})"))]
                        {
                            let rule = format!("trace.has({operation}).where({test})");
                            assert_eq!(*spans, never(&rule, &trace).1, "{rule}: {text}");
                        }
                    }
                }
            }
        }
    }
    assert!(of_traces > 1_000 && of_spans > 1_000, "{of_traces} and {of_spans} parts");
}

/// Whether a trace violates `never { condition }`, and by which spans.
fn never(condition: &str, trace: &[Json]) -> (bool, Vec<u64>) {
    let rule = read(&format!("never {{ {condition} }}"));
    if naive::verdict(&rule, trace) != Verdict::Violated {
        return (false, Vec::new());
    }
    let witness = naive::witness(&rule, trace);
    (true, witness.iter().map(|id| u64::from_str_radix(id, 16).unwrap()).collect())
}

/// The operation whose spans a part speaks of, where its term names just one, and the part.
fn asked(parts: &[Part], at: usize) -> Option<(String, String)> {
    let term = parts[..at].iter().rfind(|part| part.kind == PartKind::Term)?;
    let rule = read(&format!("never {{ {} }}", term.text));
    let operations: Vec<_> = rule.operations().collect();
    match operations[..] {
        [operation] => Some((operation.to_string(), parts[at].text.clone())),
        _ => None,
    }
}
