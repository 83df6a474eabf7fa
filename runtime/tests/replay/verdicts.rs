//! Every combination of clauses over every combination of truths.

use betrace_runtime::{Options, Signal};
use ir::module::{Formula, FormulaId};

use crate::support::{Rules, run, run_with};

const NAMES: [&str; 5] = ["when", "a0", "a1", "n0", "n1"];
/// More traces than a word of a mask has bits.
const TRACES: usize = 32 * 3;

/// Trace `t` holds `NAMES[i]` where bit `i` of `t % 32` is set, and always `other`.
fn traces() -> String {
    let mut text = String::new();
    for trace in 0..TRACES {
        text += &format!("t{trace} @{trace}ms other\n");
        for (bit, name) in NAMES.iter().enumerate().filter(|(bit, _)| trace >> bit & 1 == 1) {
            text += &format!("t{trace} @{trace}ms #{}{bit} {name}\n", trace + 10);
        }
    }
    text
}

fn texts(signals: &[Signal]) -> Vec<(String, usize, Vec<String>, Vec<String>)> {
    let trace = |signal: &Signal| usize::from_str_radix(&signal.trace_id, 16).unwrap();
    let of = |signal: &Signal| {
        let Signal { rule_id, missing, forbidden, .. } = signal.clone();
        (rule_id, trace(signal), missing, forbidden)
    };
    signals.iter().map(of).collect()
}

#[test]
fn a_rule_is_violated_where_when_holds_and_an_always_fails_or_a_never_holds() {
    let mut rules = Rules::default();
    let holds = NAMES.map(|name| rules.has(name, ""));
    let mut shapes = Vec::new();
    for (when, always, never) in (0..2)
        .flat_map(|when| (0..3).flat_map(move |a| (0..3).map(move |n| (when, a, n))))
        .filter(|(_, always, never)| always + never > 0)
    {
        let id = format!("{when}{always}{never}");
        rules.rule(
            &id,
            (when == 1).then_some(holds[0]),
            &holds[1..1 + always],
            &holds[3..3 + never],
        );
        shapes.push((id, when, always, never));
    }
    for per_segment in [usize::MAX, 40, 1] {
        let (reports, signals) =
            run_with(&rules.module, &traces(), per_segment, &Options::default());
        let mut expected = Vec::new();
        for trace in 0..TRACES {
            let bit = |bit: usize| trace >> bit & 1 == 1;
            for (id, when, always, never) in &shapes {
                let list = |kind: &str, base: usize, some: usize, held: bool| {
                    let clauses = (0..some).filter(|at| bit(base + at) == held);
                    clauses.map(|at| format!("{kind}{at}")).collect::<Vec<_>>()
                };
                let missing = list("always", 1, *always, false);
                let forbidden = list("never", 3, *never, true);
                if (*when == 0 || bit(0)) && !(missing.is_empty() && forbidden.is_empty()) {
                    expected.push((id.clone(), trace, missing, forbidden));
                }
            }
        }
        assert_eq!(texts(&signals), expected);
        for (report, (id, when, ..)) in reports.iter().zip(&shapes) {
            let violated = expected.iter().filter(|(rule, ..)| rule == id).count() as u64;
            assert_eq!((&report.id, report.violated), (id, violated));
            assert_eq!(report.traces, TRACES as u64);
            assert_eq!(report.applied, if *when == 1 { 48 } else { 96 }, "{id}");
            assert_eq!(report.passed, report.applied - violated);
            // Three traces hold none of the five operations.
            assert_eq!(report.exercised, 93);
        }
    }
}

#[test]
fn formulas_mean_what_they_say_whatever_they_share() {
    let mut rules = Rules::default();
    let mut ids: Vec<FormulaId> = NAMES.map(|name| rules.has(name, "")).to_vec();
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for number in 0..200 {
        let mut any = || ids[random(ids.len())];
        let (one, two, three) = (any(), any(), any());
        ids.push(match random(7) {
            0 => rules.formula(Formula::Const(number % 2 == 0)),
            1 | 2 => rules.not(one),
            3 | 4 => rules.and(&[one, two, three]),
            _ => rules.or(&[one, two]),
        });
        rules.rule(&format!("r{number}"), None, &[], &[ids[ids.len() - 1]]);
    }
    let (reports, _) = run(&rules.module, &traces());
    for (number, report) in reports.iter().enumerate() {
        let violated = (0..TRACES).filter(|&trace| {
            let mut values: Vec<bool> = Vec::new();
            for formula in &rules.module.formulas {
                let value = |id: &FormulaId| values[id.index()];
                values.push(match formula {
                    Formula::Const(always) => *always,
                    Formula::Atom(atom) => trace >> atom.index() & 1 == 1,
                    Formula::Not(inner) => !value(inner),
                    Formula::And(parts) => parts.iter().all(value),
                    Formula::Or(parts) => parts.iter().any(value),
                });
            }
            values[NAMES.len() + number]
        });
        assert_eq!(report.violated, violated.count() as u64, "r{number}");
    }
}

#[test]
fn no_traces_no_verdicts() {
    let mut rules = Rules::default();
    let has = rules.has("a", "");
    rules.rule("r", None, &[has], &[]);
    let (reports, signals) = run(&rules.module, "");
    assert_eq!((reports[0].traces, reports[0].violated, signals.len()), (0, 0, 0));
    assert_eq!((reports[0].first, reports[0].days.len()), (None, 0));
}
