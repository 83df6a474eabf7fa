//! Folds the masks of atoms into verdicts, 64 traces at a time.
//!
//! A word of every formula is worked out once, children before parents, whichever rules share it;
//! so no mask is kept but those of the atoms.

use std::ops::Range;

use ir::module::{AtomId, Formula, FormulaId, Rule};
use ir::{Engine, Fault, Mask, Module, Segment};

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

    /// Word `at` of every formula, given the masks of the atoms. Bits that stand for no trace may
    /// come out set.
    fn evaluate(&self, module: &Module, masks: &[Mask], at: usize, words: &mut [u64]) {
        for &number in &self.formulas {
            let word = |part: &FormulaId| words[part.index()];
            words[number] = match &module.formulas[number] {
                Formula::Const(always) => u64::from(*always).wrapping_neg(),
                Formula::Atom(atom) => masks[self.position[atom.index()]].words()[at],
                Formula::Not(inner) => !word(inner),
                Formula::And(parts) => parts.iter().fold(!0, |all, part| all & word(part)),
                Formula::Or(parts) => parts.iter().fold(0, |all, part| all | word(part)),
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
    words: &'a [u64],
    bit: u32,
}

impl Truth<'_> {
    /// Whether `formula` holds; only for those that a rule rests on.
    pub(crate) fn holds(&self, formula: FormulaId) -> bool {
        self.words[formula.index()] >> self.bit & 1 == 1
    }
}

/// A violation as the fold meets it: ordinal of the trace, number of the rule, what holds there.
pub(crate) type Visit<'a> = dyn FnMut(usize, usize, Truth<'_>) -> Result<(), Fault> + 'a;

/// Judges `traces` of a segment by all rules: a tally a rule. Violations are visited by trace,
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
    let mut words = vec![0_u64; module.formulas.len()];
    let mut hits: Vec<(usize, u64)> = Vec::new();
    for at in traces.start / 64..traces.end.div_ceil(64) {
        plan.evaluate(module, &masks, at, &mut words);
        let inside = inside(&traces, at);
        hits.clear();
        for (number, (rule, tally)) in module.rules.iter().zip(&mut tallies).enumerate() {
            let exercised =
                rule.operations.iter().fold(0, |all, id| all | presence[id.index()].words()[at]);
            let applied = rule.when.map_or(!0, |when| words[when.index()]) & inside;
            let violated = applied & offended(rule, &words);
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
                visit(at * 64 + bit as usize, rule, Truth { words: &words, bit })?;
            }
        }
    }
    Ok(tallies)
}

/// The traces of a word on which some `always` does not hold or some `never` does.
fn offended(rule: &Rule, words: &[u64]) -> u64 {
    let missing = rule.always.iter().fold(0, |all, clause| all | !words[clause.formula.index()]);
    rule.never.iter().fold(missing, |all, clause| all | words[clause.formula.index()])
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
    use super::*;

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
