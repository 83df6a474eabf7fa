//! Rules over traces with and without spans of operations, judged as their definition says.

use ir::module::{Atom, AtomId, Clause, Formula, Operation, PredicateId, Rule};
use ir::module::{Predicate, SetId, Severity, SpanSet};
use ir::segment::{Buffer, OperationRows, Traces};

use super::*;

const TRACES: usize = 1_300;

/// Says the same of any segment.
struct Fixed(HashMap<AtomId, Answer>);

impl Engine for Fixed {
    fn name(&self) -> &'static str {
        "fixed"
    }

    fn probe(&self, _: &Module, _: &Segment, _: &[AtomId]) -> Result<Vec<Mask>, Fault> {
        unreachable!("answers are asked for as they are found")
    }

    fn answer(&self, _: &Module, _: &Segment, atoms: &[AtomId]) -> Result<Vec<Answer>, Fault> {
        Ok(atoms.iter().map(|atom| self.0[atom].clone()).collect())
    }
}

/// What of an operation the segment says.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    Nothing,
    Rows,
    Presence,
}

fn has_a(trace: usize) -> bool {
    trace * 11 % 17 < 9
}

fn has_b(trace: usize) -> bool {
    trace * trace % 7 != 1
}

/// What the atoms say where there are spans.
fn holds(trace: usize) -> [bool; 2] {
    [has_a(trace) && trace * trace % 101 < 50, has_b(trace) && trace * 7 % 143 < 70]
}

fn mask(holds: impl Fn(usize) -> bool) -> Mask {
    Mask::collect((0..TRACES).map(holds))
}

fn rule(when: Option<FormulaId>, always: &[FormulaId], never: &[FormulaId]) -> Rule {
    let clauses = |formulas: &[FormulaId]| {
        formulas.iter().map(|&formula| Clause { formula, text: "".into() }).collect()
    };
    Rule {
        id: "rule".into(),
        severity: Severity::Low,
        hash: "".into(),
        signal_type: None,
        message: "".into(),
        when,
        always: clauses(always),
        never: clauses(never),
        operations: vec![OperationId::new(0)],
        context: Vec::new(),
    }
}

/// Two atoms, of spans of `a` and of `b`, and a rule of each kind.
fn module() -> Module {
    let [first, second, not, and] = [0, 1, 2, 3].map(FormulaId::new);
    let set = |operation| SpanSet {
        operation: OperationId::new(operation),
        predicate: PredicateId::new(0),
    };
    Module {
        operations: ["a", "b"].map(|name| Operation::Named(name.into())).into(),
        predicates: vec![Predicate::Const(true)],
        sets: vec![set(0), set(1)],
        atoms: [0, 1].map(|set| Atom::Has(SetId::new(set))).into(),
        formulas: vec![
            Formula::Atom(AtomId::new(0)),
            Formula::Atom(AtomId::new(1)),
            Formula::Not(first),
            Formula::And([not, second].into()),
        ],
        rules: vec![
            rule(Some(second), &[], &[and]),
            rule(None, &[], &[first]),
            rule(None, &[second], &[]),
            rule(Some(not), &[second], &[]),
        ],
        ..Module::default()
    }
}

/// What becomes of a trace, by rule: whether it applies and whether it is violated.
fn expected([first, second]: [bool; 2]) -> [[bool; 2]; 4] {
    [[second, second && !first], [true, first], [true, !second], [!first, !first && !second]]
}

fn segment(known: [Known; 2]) -> Segment {
    let operations = [("a", has_a as fn(usize) -> bool, known[0]), ("b", has_b, known[1])];
    let operations = operations.into_iter().filter(|own| own.2 != Known::Nothing);
    let operations = operations.enumerate().map(|(table, (name, has, known))| {
        let presence = (known == Known::Presence).then(|| mask(has));
        OperationRows { name: name.into(), table, rows: 0..0, presence }
    });
    Segment {
        traces: Traces {
            id: Buffer::zeroed(TRACES),
            start: Buffer::zeroed(TRACES),
            end: Buffer::zeroed(TRACES),
            ..Traces::default()
        },
        operations: operations.collect(),
        tables: [Default::default(), Default::default()].into_iter().collect(),
        ..Segment::default()
    }
}

#[test]
fn every_trace_of_a_range_is_judged_by_its_own_bits() {
    let module = module();
    let plan = Plan::of(&module);
    let all = [Known::Nothing, Known::Rows, Known::Presence];
    for known in all.into_iter().flat_map(|a| all.map(|b| [a, b])) {
        let segment = segment(known);
        let holds = |trace: usize| {
            let [first, second] = holds(trace);
            [first && known[0] != Known::Nothing, second && known[1] != Known::Nothing]
        };
        let answers = [0, 1].map(|atom| {
            let own = mask(|trace| holds(trace)[atom]);
            let has = segment.operations.iter().position(|own| *own.name == *["a", "b"][atom]);
            let presence = has.and_then(|own| segment.operations[own].presence.as_ref());
            let answer = match (has, presence) {
                (Some(operation), Some(presence)) => {
                    let holding = own.gathered(presence, presence.count());
                    Answer::Among { operation, holding, elsewhere: false }
                }
                (None, _) => Answer::Each(false),
                _ => Answer::Traces(own),
            };
            (AtomId::new(atom), answer)
        });
        let engine = Fixed(answers.into_iter().collect());
        for range in [0..TRACES, 3..1_250, 64..1_089, 700..701, 1_299..1_300] {
            let mut found = Vec::new();
            let visit = &mut |trace, rule, truth: Truth<'_>| {
                if rule == 0 {
                    assert!(!truth.holds(FormulaId::new(0)) && truth.holds(FormulaId::new(3)));
                }
                found.push((trace, rule));
                Ok(())
            };
            let tallies = fold(&plan, &module, &engine, &segment, range.clone(), visit);
            let becomes = |trace: usize| expected(holds(trace));
            let violated = |trace: usize| {
                let rules = (0..4).filter(move |&rule| becomes(trace)[rule][1]);
                rules.map(move |rule| (trace, rule))
            };
            let own: Vec<(usize, usize)> = range.clone().flat_map(violated).collect();
            assert_eq!(found, own, "{known:?} {range:?}");
            for (rule, tally) in tallies.expect("nothing is read").into_iter().enumerate() {
                let count =
                    |of: &dyn Fn(usize) -> bool| range.clone().filter(|&own| of(own)).count();
                let applied = count(&|trace| becomes(trace)[rule][0]);
                let violated = count(&|trace| becomes(trace)[rule][1]);
                let tallied = (tally.applied as usize, tally.violated as usize);
                assert_eq!(tallied, (applied, violated), "{known:?} {range:?}");
                if known[0] == Known::Presence {
                    assert_eq!(tally.exercised as usize, count(&has_a));
                }
            }
        }
    }
}

#[test]
fn a_range_keeps_its_own_bits_of_a_word() {
    for (traces, at, expected) in [
        (0..64, 0, !0),
        (0..1, 0, 1),
        (1..3, 0, 0b110),
        (3..200, 1, !0),
        (70..130, 1, !0 << 6),
        (70..130, 2, 0b11),
        (64..65, 1, 1),
    ] {
        assert_eq!(inside(&traces, at), expected, "{traces:?} {at}");
    }
}
