//! All engines give the same masks: on random modules over random segments, and under changes that
//! must not matter; planted faults are noticed. Segments lie beside unreadable pages, at their start
//! and at their end.

use std::cell::Cell;

use betrace_fuzz::Bytes;
use betrace_fuzz::campaign::campaign;
use betrace_fuzz::engines::Engines;
use betrace_fuzz::fault::FAULTS;
use betrace_fuzz::fences::{Side, fenced};
use betrace_fuzz::module::random;
use betrace_fuzz::segment::Draft;
use compiler::{Columns, Jit, JitOptions, faults, optimise};
use ir::module::{AtomId, Formula, Predicate, PredicateId};
use ir::{Engine, Interpreter, Mask, Module, Segment};

/// Pairs of a module and a segment that the short form tries.
const PAIRS: u64 = 1_000;
/// Pairs among which each fault must be noticed.
const TELLING: u64 = 4 * PAIRS;

struct Case {
    draft: Draft,
    segment: Segment,
    module: Module,
}

impl Case {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let draft = Draft::random(bytes);
        let module = random(bytes, &draft.values());
        ir::verify::verify(&module).expect("generated modules are valid");
        Self { segment: draft.segment(0..draft.traces.len()), draft, module }
    }

    fn seeded(seed: u64) -> Self {
        Self::new(&mut Bytes::seeded(seed))
    }
}

fn all_atoms(module: &Module) -> Vec<AtomId> {
    (0..module.atoms.len()).map(AtomId::new).collect()
}

fn probe(engine: &dyn Engine, module: &Module, segment: &Segment) -> Vec<Mask> {
    engine.probe(module, segment, &all_atoms(module)).expect("everything is decoded")
}

/// The traces on which each formula of a rule holds.
fn verdicts(module: &Module, atoms: &[Mask], traces: usize) -> Vec<Mask> {
    let mut masks: Vec<Mask> = Vec::new();
    for formula in &module.formulas {
        let mask = match formula {
            Formula::Const(true) => Mask::full(traces),
            Formula::Const(false) => Mask::empty(traces),
            Formula::Atom(atom) => atoms[atom.index()].clone(),
            Formula::Not(inner) => {
                let mut mask = masks[inner.index()].clone();
                mask.invert();
                mask
            }
            Formula::And(parts) => parts.iter().fold(Mask::full(traces), |mut mask, part| {
                mask.intersect(&masks[part.index()]);
                mask
            }),
            Formula::Or(parts) => parts.iter().fold(Mask::empty(traces), |mut mask, part| {
                mask.unite(&masks[part.index()]);
                mask
            }),
        };
        masks.push(mask);
    }
    let clauses = module.rules.iter().flat_map(|rule| {
        let clauses = rule.always.iter().chain(&rule.never).map(|clause| clause.formula);
        clauses.chain(rule.when)
    });
    clauses.map(|id| masks[id.index()].clone()).collect()
}

/// Holds the engines against each other; the result is what all of them say.
fn check(case: &Case, name: &dyn std::fmt::Debug) -> Vec<Mask> {
    let Case { module, segment, .. } = case;
    let expected = probe(&Interpreter, module, segment);
    let small = optimise(module.clone());
    let verdict = verdicts(module, &expected, segment.len());
    let engines = Engines::shared();
    for side in Side::ALL {
        let segment = &fenced(segment, side);
        for engine in engines.iter() {
            let what = format!("{} in case {name:?}, {side:?}", engine.name());
            let found = probe(engine, module, segment);
            for (at, (expected, found)) in expected.iter().zip(&found).enumerate() {
                assert_eq!(expected, found, "{what}, {:?} of {module:#?}", module.atoms[at]);
            }
            let found = verdicts(&small, &probe(engine, &small, segment), segment.len());
            assert_eq!(verdict, found, "{what}, optimised: {module:#?} to {small:#?}");
        }
    }
    assert_eq!(engines.refused(), [], "kernels of case {name:?}: {module:#?}");
    expected
}

#[test]
fn engines_agree() {
    let (held, asked, kernels) = (Cell::new(0), Cell::new(0), Cell::new(0));
    campaign("engines", PAIRS, |bytes| {
        for mask in check(&Case::new(bytes), &"by its seed") {
            held.set(held.get() + mask.count());
            asked.set(asked.get() + mask.len());
        }
        kernels.set(kernels.get().max(Engines::shared().kernels()));
    });
    let share = held.get() * 100 / asked.get().max(1);
    let kernels = kernels.get();
    assert!(kernels > 100, "{kernels} kernels: the loops did nearly everything");
    let telling = asked.get() < 100_000 || (20..80).contains(&share);
    assert!(telling, "atoms hold on {share}% of traces: too one-sided to tell");
}

#[test]
fn engines_agree_on_a_fuzzers_bytes() {
    bolero::check!().with_max_len(4096).for_each(|input: &[u8]| {
        check(&Case::new(&mut Bytes::new(input)), &input);
    });
}

/// The pairs of the first seeds, and what the interpreter says of them: made when first asked.
#[derive(Default)]
struct Cases(Vec<(Case, Vec<Mask>)>);

impl Cases {
    /// The first pair whose answers are not `answers`.
    fn differing(&mut self, answers: impl Fn(&Case) -> Vec<Mask>) -> Option<u64> {
        (0..TELLING).find(|&seed| {
            if self.0.len() as u64 == seed {
                let case = Case::seeded(seed);
                let expected = probe(&Interpreter, &case.module, &case.segment);
                self.0.push((case, expected));
            }
            let (case, expected) = &self.0[seed as usize];
            answers(case) != *expected
        })
    }
}

#[test]
fn planted_faults_are_found() {
    let mut cases = Cases::default();
    for fault in &FAULTS {
        let found = cases.differing(|case| {
            let mut module = case.module.clone();
            (fault.plant)(&mut module);
            probe(&Columns, &module, &case.segment)
        });
        assert!(found.is_some(), "{} went unnoticed", fault.name);
    }
}

#[test]
fn faults_planted_in_code_are_found() {
    let mut cases = Cases::default();
    for optimise in [false, true] {
        for fault in &faults::FAULTS {
            let options = JitOptions { optimise, ..JitOptions::default() };
            let jit = Jit::faulty(options, fault).expect("this machine runs code");
            let found = cases
                .differing(|case| probe(&jit, &case.module, &fenced(&case.segment, Side::End)));
            assert!(found.is_some(), "{}, optimised {optimise}, went unnoticed", fault.name);
        }
    }
}

/// Asks the test below to run code that reads too far, over columns beside unreadable pages or not.
const READ_TOO_FAR: &str = "BETRACE_TEST_READ_TOO_FAR";

#[cfg(unix)]
#[test]
fn code_that_reads_behind_a_column_dies_at_a_fence() {
    use std::os::unix::process::ExitStatusExt;
    const SIGSEGV: i32 = 11;
    if let Ok(fence) = std::env::var(READ_TOO_FAR) {
        let options = JitOptions::default();
        let jit = Jit::faulty(options, &faults::TOO_FAR).expect("this machine runs code");
        for case in (0..60).map(Case::seeded) {
            match &*fence {
                "fenced" => drop(probe(&jit, &case.module, &fenced(&case.segment, Side::End))),
                _ => drop(probe(&jit, &case.module, &case.segment)),
            }
        }
        return;
    }
    let program = std::env::current_exe().expect("it runs");
    for (fence, signal) in [("none", None), ("fenced", Some(SIGSEGV))] {
        let mut again = std::process::Command::new(&program);
        let test = "code_that_reads_behind_a_column_dies_at_a_fence";
        again.args(["--exact", test]).env(READ_TOO_FAR, fence);
        let output = again.output().expect("it starts");
        assert_eq!(output.status.signal(), signal, "{fence}: {output:?}");
    }
}

#[test]
fn a_predicate_is_its_double_negation() {
    for seed in 0..300 {
        let case = Case::seeded(seed);
        let mut module = case.module.clone();
        for set in &mut module.sets {
            for inner in [set.predicate, PredicateId::new(module.predicates.len())] {
                module.predicates.push(Predicate::Not(inner));
            }
            set.predicate = PredicateId::new(module.predicates.len() - 1);
        }
        let expected = probe(&Columns, &case.module, &case.segment);
        assert_eq!(expected, probe(&Columns, &module, &case.segment), "case {seed}");
        assert_eq!(optimise(module.clone()), optimise(case.module), "case {seed}");
    }
}

#[test]
fn the_order_of_parts_does_not_matter() {
    for seed in 0..300 {
        let case = Case::seeded(seed);
        let mut module = case.module.clone();
        for predicate in &mut module.predicates {
            if let Predicate::And(parts) | Predicate::Or(parts) = predicate {
                parts.reverse();
            }
        }
        let expected = probe(&Columns, &case.module, &case.segment);
        assert_eq!(expected, probe(&Columns, &module, &case.segment), "case {seed}");
        assert_eq!(optimise(module), optimise(case.module), "case {seed}");
    }
}

#[test]
fn a_segment_split_by_traces_gives_the_same_verdicts() {
    for seed in 0..300 {
        let case = Case::seeded(seed);
        let (traces, cut) = (case.draft.traces.len(), case.draft.traces.len() / 3);
        let whole = probe(&Columns, &case.module, &case.segment);
        let first = probe(&Columns, &case.module, &case.draft.segment(0..cut));
        let second = probe(&Columns, &case.module, &case.draft.segment(cut..traces));
        for ((whole, first), second) in whole.iter().zip(&first).zip(&second) {
            let joined = first.iter().chain(second.iter().map(|trace| trace + cut));
            assert!(whole.iter().eq(joined), "case {seed}");
        }
    }
}
