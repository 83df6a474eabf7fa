//! What is said to be impossible never happens: random rules of which lints say so, held against
//! random traces by the naive evaluator. `ROUNDS=100000` in the environment makes it a long run.

use std::collections::BTreeMap;

use compiler::{Key, Params, ReadOptions, lint, parse_rule};
use serde_json::Value as Json;

use crate::naive::{Verdict, verdict};
use crate::random::{Random, VALUES};
use crate::traces::trace;

/// Rounds of a short run.
const ROUNDS: u64 = 90;

#[test]
fn no_span_does_what_none_can() {
    // One span for each value, with a second attribute that varies.
    let spans: Vec<Vec<Json>> = VALUES
        .iter()
        .enumerate()
        .flat_map(|(at, x)| {
            let y = [0, 7, 19].map(|step| VALUES[(at + step) % VALUES.len()]);
            y.map(|y| trace(&format!("a{{x={x}, y={y}}}")))
        })
        .chain([trace("a"), trace("a{y=5}"), trace("a{resource.x=5, x=6}")])
        .collect();
    let (mut said, mut possible) = (0, 0);
    for round in 0..rounds() * 4 {
        let mut random = Random(round);
        let tests: Vec<String> = (0..2 + round % 3).map(|_| random.test_of("x")).collect();
        let text = format!("never {{ trace.has(a).where({}) }}", tests.join(" and "));
        let (codes, statement) = linted(&text);
        let violated = |trace: &&Vec<Json>| verdict(&statement, trace) == Verdict::Violated;
        if codes.contains(&"contradictory-where") {
            said += 1;
            assert_eq!(spans.iter().find(violated), None, "{text}");
        } else {
            possible += usize::from(spans.iter().any(|trace| violated(&trace)));
        }
    }
    assert!(said > 50 && possible > 50, "one-sided: {said} impossible, {possible} seen");
}

#[test]
fn no_trace_does_what_none_can() {
    let mut said: BTreeMap<&str, u64> = BTreeMap::new();
    for round in 0..rounds() {
        let mut random = Random(round);
        let parts: Vec<String> = (0..4).map(|_| random.narrow_condition()).collect();
        let [a, b, c, d] = &parts[..] else { unreachable!("four parts") };
        let text = match round % 3 {
            0 => format!("when {{ {a} and {b} and {c} }} always {{ {d} }}"),
            1 => format!("when {{ {a} }} always {{ {b} or {c} or {d} }}"),
            _ => format!("when {{ {a} or {b} }} always {{ {c} }} never {{ {d} }}"),
        };
        let (codes, statement) = linted(&text);
        let verdicts: Vec<Verdict> =
            (0..40).map(|_| verdict(&statement, &trace(&random.trace()))).collect();
        for code in codes {
            let excluded = match code {
                "can-never-apply" => vec![Verdict::Passed, Verdict::Violated],
                "can-never-pass" => vec![Verdict::Passed],
                "can-never-fail" => vec![Verdict::Violated],
                _ => continue,
            };
            *said.entry(code).or_default() += 1;
            assert!(!verdicts.iter().any(|verdict| excluded.contains(verdict)), "{code}: {text}");
        }
    }
    let least = ["can-never-apply", "can-never-pass", "can-never-fail"];
    assert!(least.iter().all(|code| said.get(code).is_some_and(|said| *said > 0)), "{said:?}");
}

fn rounds() -> u64 {
    std::env::var("ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap())
}

/// What lints say of a rule, and what it says.
fn linted(text: &str) -> (Vec<&'static str>, compiler::Statement) {
    let params = Params::new();
    let options =
        ReadOptions { key: Key::Condition, has_signal: true, params: &params, description: None };
    let parsed = parse_rule(text, &options);
    let statement = parsed.statement.unwrap_or_else(|| panic!("{text}\n{:#?}", parsed.diagnostics));
    let found = lint(&statement, &parsed.places, &(0..text.len()));
    (found.iter().map(|diagnostic| diagnostic.code).collect(), statement)
}
