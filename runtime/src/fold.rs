//! Folds the masks of atoms into verdicts, 64 traces at a time.
//!
//! A few words of every formula are worked out at a time, children before parents, whichever rules
//! share it; so no mask is kept but those of the atoms, and of each of these a cache line is read at
//! a time. With many rules, fetching masks is what takes time: word by word takes 1.5 times as long.

use std::ops::Range;

use ir::module::{AtomId, Clause, Formula, FormulaId, Rule};
use ir::{Engine, Fault, Mask, Module, Segment};

/// Words that are worked out at a time: a cache line of each mask.
const WORDS: usize = 8;

/// Some words of a mask.
type Block = [u64; WORDS];

/// What to work out of a module: the formulas and atoms that its rules rest on.
pub(crate) struct Plan {
    formulas: Vec<usize>,
    atoms: Vec<AtomId>,
    /// Position in `atoms`, by atom.
    position: Vec<usize>,
    /// Whether a rule names the operation, by operation.
    named: Vec<bool>,
}

impl Plan {
    pub(crate) fn of(module: &Module) -> Self {
        let mut needed = vec![false; module.formulas.len()];
        let mut named = vec![false; module.operations.len()];
        for rule in &module.rules {
            clauses(rule).for_each(|formula| needed[formula.index()] = true);
            rule.operations.iter().for_each(|operation| named[operation.index()] = true);
        }
        let mut position = vec![usize::MAX; module.atoms.len()];
        let mut atoms = Vec::new();
        for at in (0..needed.len()).rev() {
            if !needed[at] {
                continue;
            }
            match &module.formulas[at] {
                Formula::Const(_) => {}
                Formula::Atom(atom) => {
                    if position[atom.index()] == usize::MAX {
                        position[atom.index()] = atoms.len();
                        atoms.push(*atom);
                    }
                }
                Formula::Not(inner) => needed[inner.index()] = true,
                Formula::And(parts) | Formula::Or(parts) => {
                    parts.iter().for_each(|part| needed[part.index()] = true);
                }
            }
        }
        let formulas = (0..needed.len()).filter(|&at| needed[at]).collect();
        Self { formulas, atoms, position, named }
    }

    /// The words from `at` on of every formula, given the masks of the atoms. Bits that stand for no
    /// trace may come out set.
    fn evaluate(&self, module: &Module, masks: &[Mask], at: usize, blocks: &mut [Block]) {
        for &number in &self.formulas {
            let block = |part: &FormulaId| &blocks[part.index()];
            blocks[number] = match &module.formulas[number] {
                Formula::Const(always) => [u64::from(*always).wrapping_neg(); WORDS],
                Formula::Atom(atom) => {
                    let words = &masks[self.position[atom.index()]].words()[at..];
                    let own = words.len().min(WORDS);
                    let mut block = [0; WORDS];
                    block[..own].copy_from_slice(&words[..own]);
                    block
                }
                Formula::Not(inner) => block(inner).map(|word| !word),
                Formula::And(parts) => parts.iter().map(block).fold([!0; WORDS], |all, part| {
                    std::array::from_fn(|word| all[word] & part[word])
                }),
                Formula::Or(parts) => parts.iter().map(block).fold([0; WORDS], |all, part| {
                    std::array::from_fn(|word| all[word] | part[word])
                }),
            };
        }
    }
}

/// How many traces did what, for one rule.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) exercised: u64,
    pub(crate) applied: u64,
    pub(crate) violated: u64,
}

/// Which formulas hold on one trace.
#[derive(Clone, Copy)]
pub(crate) struct Truth<'a> {
    blocks: &'a [Block],
    word: usize,
    bit: u32,
}

impl Truth<'_> {
    /// Whether `formula` holds; only for those that a rule rests on.
    pub(crate) fn holds(&self, formula: FormulaId) -> bool {
        self.blocks[formula.index()][self.word] >> self.bit & 1 == 1
    }
}

/// A violation as the fold meets it: ordinal of the trace, number of the rule, what holds there.
pub(crate) type Visit<'a> = dyn FnMut(usize, usize, Truth<'_>) -> Result<(), Fault> + 'a;

/// Judges `traces` of a segment by all rules, but for hidden ones: a tally a rule. Violations are visited by trace,
/// then rule.
pub(crate) fn fold(
    plan: &Plan,
    module: &Module,
    engine: &dyn Engine,
    segment: &Segment,
    traces: Range<usize>,
    visit: &mut Visit<'_>,
) -> Result<Vec<Tally>, Fault> {
    let mut tallies = vec![Tally::default(); module.rules.len()];
    if traces.is_empty() {
        return Ok(tallies);
    }
    let masks = engine.probe(module, segment, &plan.atoms)?;
    let presence = presence(plan, module, segment)?;
    let mut blocks = vec![[0; WORDS]; module.formulas.len()];
    let mut hits: Vec<(usize, u64)> = Vec::new();
    let first = traces.start / 64;
    for at in first..traces.end.div_ceil(64) {
        let word = (at - first) % WORDS;
        if word == 0 {
            plan.evaluate(module, &masks, at, &mut blocks);
        }
        let hidden = segment.hidden.as_ref().map_or(0, |hidden| hidden.words()[at]);
        let inside = inside(&traces, at) & !hidden;
        hits.clear();
        for (number, (rule, tally)) in module.rules.iter().zip(&mut tallies).enumerate() {
            let exercised =
                rule.operations.iter().fold(0, |all, id| all | presence[id.index()].words()[at]);
            let applied = rule.when.map_or(!0, |when| blocks[when.index()][word]) & inside;
            let violated = applied & offended(rule, &blocks, word);
            tally.exercised += u64::from((exercised & inside).count_ones());
            tally.applied += u64::from(applied.count_ones());
            tally.violated += u64::from(violated.count_ones());
            if violated != 0 {
                hits.push((number, violated));
            }
        }
        let mut left = hits.iter().fold(0, |all, (_, violated)| all | violated);
        while left != 0 {
            let bit = left.trailing_zeros();
            left &= left - 1;
            for &(rule, _) in hits.iter().filter(|(_, violated)| violated >> bit & 1 == 1) {
                visit(at * 64 + bit as usize, rule, Truth { blocks: &blocks, word, bit })?;
            }
        }
    }
    Ok(tallies)
}

/// The traces of a word on which some `always` does not hold or some `never` does.
fn offended(rule: &Rule, blocks: &[Block], word: usize) -> u64 {
    let holds = |clause: &Clause| blocks[clause.formula.index()][word];
    let missing = rule.always.iter().fold(0, |all, clause| all | !holds(clause));
    rule.never.iter().fold(missing, |all, clause| all | holds(clause))
}

/// The bits of word `at` that stand for traces of the range.
fn inside(traces: &Range<usize>, at: usize) -> u64 {
    let below = |end: usize| match end.saturating_sub(at * 64) {
        bits @ 0..64 => (1_u64 << bits) - 1,
        _ => !0,
    };
    below(traces.end) & !below(traces.start)
}

/// The traces that hold an operation, by operation; empty for those that no rule names.
fn presence(plan: &Plan, module: &Module, segment: &Segment) -> Result<Vec<Mask>, Fault> {
    let mut masks = Vec::with_capacity(module.operations.len());
    for (operation, &named) in module.operations.iter().zip(&plan.named) {
        let mut mask = Mask::empty(if named { segment.len() } else { 0 });
        if named {
            segment
                .select(operation)?
                .into_iter()
                .for_each(|number| segment.add_presence(number, &mut mask));
        }
        masks.push(mask);
    }
    Ok(masks)
}

fn clauses(rule: &Rule) -> impl Iterator<Item = FormulaId> + '_ {
    rule.always.iter().chain(&rule.never).map(|clause| clause.formula).chain(rule.when)
}

#[cfg(test)]
mod tests {
    use ir::module::{Atom, SetId, Severity};
    use ir::segment::{Buffer, Traces};

    use super::*;

    /// Says the same masks of any segment.
    struct Fixed(Vec<Mask>);

    impl Engine for Fixed {
        fn name(&self) -> &'static str {
            "fixed"
        }

        fn probe(&self, _: &Module, _: &Segment, _: &[AtomId]) -> Result<Vec<Mask>, Fault> {
            Ok(self.0.clone())
        }
    }

    #[test]
    fn every_trace_of_a_range_is_judged_by_its_own_bits() {
        const TRACES: usize = 1_300;
        let sets = [|trace: usize| trace * trace % 101 < 50, |trace| trace * 7 % 143 < 70];
        let masks = sets.map(|holds| {
            let mut mask = Mask::empty(TRACES);
            (0..TRACES).filter(|&trace| holds(trace)).for_each(|trace| mask.insert(trace));
            mask
        });
        let [atom, other, not, and] = [0, 1, 2, 3].map(FormulaId::new);
        let clause = |formula| Clause { formula, text: "".into() };
        let rule = Rule {
            id: "rule".into(),
            severity: Severity::Low,
            hash: "".into(),
            signal_type: None,
            message: "".into(),
            when: Some(other),
            always: Vec::new(),
            never: vec![clause(and)],
            operations: Vec::new(),
            context: Vec::new(),
        };
        let formulas = vec![
            Formula::Atom(AtomId::new(0)),
            Formula::Atom(AtomId::new(1)),
            Formula::Not(atom),
            Formula::And([not, other].into()),
        ];
        let atoms = [0, 1].map(|set| Atom::Has(SetId::new(set))).into();
        let module = Module { atoms, formulas, rules: vec![rule], ..Module::default() };
        let plan = Plan::of(&module);
        // The plan asks for the last atom first.
        assert_eq!(plan.atoms, [AtomId::new(1), AtomId::new(0)]);
        let [first, second] = masks;
        let engine = Fixed(vec![second, first]);
        let segment = Segment {
            traces: Traces {
                id: Buffer::zeroed(TRACES),
                start: Buffer::zeroed(TRACES),
                end: Buffer::zeroed(TRACES),
                ..Traces::default()
            },
            ..Segment::default()
        };
        for range in [0..TRACES, 3..1_250, 64..1_089, 700..701, 1_299..1_300] {
            let mut found = Vec::new();
            let tallies =
                fold(&plan, &module, &engine, &segment, range.clone(), &mut |trace, _, truth| {
                    assert_eq!(truth.holds(atom), sets[0](trace));
                    found.push(trace);
                    Ok(())
                });
            let violated = |trace: &usize| !sets[0](*trace) && sets[1](*trace);
            let expected: Vec<usize> = range.clone().filter(violated).collect();
            assert_eq!(found, expected);
            let tally = tallies.expect("nothing is read")[0];
            assert_eq!(tally.violated, expected.len() as u64);
            assert_eq!(tally.applied, range.filter(|&trace| sets[1](trace)).count() as u64);
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
}
