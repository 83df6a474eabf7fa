//! Folds the masks of atoms into verdicts, 512 traces at a time.
//!
//! A block of every formula is worked out at a time, children before parents, whichever rules
//! share it; so no mask is kept but those of the atoms, and of each of these a cache line is read at
//! a time. With many rules, fetching masks is what takes time: word by word takes 1.5 times as long.

use std::borrow::Cow;
use std::ops::Range;

use ir::module::{Formula, FormulaId, OperationId, Rule};
use ir::{Engine, Fault, Mask, Module, Segment};

use crate::plan::Plan;

/// Words that are worked out at a time: a cache line of each mask.
const WORDS: usize = 8;

/// Some words of a mask.
type Block = [u64; WORDS];

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
    let tallies = vec![Tally::default(); module.rules.len()];
    if traces.is_empty() {
        return Ok(tallies);
    }
    let masks = engine.probe(module, segment, &plan.atoms)?;
    let judged = judged(segment, &traces);
    let presence = presence(plan, module, segment)?;
    let words = |id: &OperationId| presence[id.index()].as_ref().map(|mask| mask.words());
    let mut work = Work {
        plan,
        module,
        atoms: masks.iter().map(Mask::words).collect(),
        named: plan.named.iter().map(|set| set.iter().filter_map(words).collect()).collect(),
        judged: judged.words(),
        blocks: vec![[0; WORDS]; module.formulas.len()],
        exercised: vec![0; plan.named.len()],
        tallies,
        hits: Vec::new(),
        word: Vec::new(),
    };
    let step = Work::stepper();
    for at in (traces.start / 64..traces.end.div_ceil(64)).step_by(WORDS) {
        step(&mut work, at);
        work.visit(at, visit)?;
    }
    for (tally, &names) in work.tallies.iter_mut().zip(&plan.names) {
        tally.exercised = work.exercised[names];
    }
    Ok(work.tallies)
}

/// What is worked out of a segment, block by block.
struct Work<'a> {
    plan: &'a Plan,
    module: &'a Module,
    /// Words of the masks of the plan's atoms.
    atoms: Vec<&'a [u64]>,
    /// Words of the presence of operations, by set.
    named: Vec<Vec<&'a [u64]>>,
    /// The traces that count.
    judged: &'a [u64],
    /// The block of every formula that is needed.
    blocks: Vec<Block>,
    /// Traces that hold an operation, by set.
    exercised: Vec<u64>,
    tallies: Vec<Tally>,
    /// Rules with violations in the block.
    hits: Vec<(usize, Block)>,
    /// Rules with violations in a word of it.
    word: Vec<(usize, u64)>,
}

impl Work<'_> {
    /// How a step is made on this machine.
    fn stepper() -> fn(&mut Self, usize) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
            #[expect(unsafe_code, reason = "only here is it known what the machine can do")]
            // SAFETY: it has been asked for both features that the function needs.
            return |work, at| unsafe { work.wide_step(at) };
        }
        Self::step
    }

    /// [`Self::step`], where there are vectors of 256 bits and an instruction that counts bits: a
    /// third of the instructions.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,popcnt")]
    fn wide_step(&mut self, at: usize) {
        self.step(at);
    }

    /// Works out the block of words from `at` on. Of formulas, bits that stand for no trace may come
    /// out set.
    #[inline(always)]
    fn step(&mut self, at: usize) {
        let Self { module, blocks, .. } = self;
        for &number in &self.plan.formulas {
            blocks[number] = match &module.formulas[number] {
                Formula::Const(always) => [u64::from(*always).wrapping_neg(); WORDS],
                Formula::Atom(atom) => block_at(self.atoms[self.plan.position[atom.index()]], at),
                Formula::Not(inner) => not(&blocks[inner.index()]),
                Formula::And(parts) => {
                    let mut all = [!0; WORDS];
                    parts.iter().for_each(|part| and(&mut all, &blocks[part.index()]));
                    all
                }
                Formula::Or(parts) => {
                    let mut all = [0; WORDS];
                    parts.iter().for_each(|part| or(&mut all, &blocks[part.index()]));
                    all
                }
            };
        }
        let judged = block_at(self.judged, at);
        for (names, exercised) in self.named.iter().zip(&mut self.exercised) {
            let mut holding = [0; WORDS];
            names.iter().for_each(|words| or(&mut holding, &block_at(words, at)));
            and(&mut holding, &judged);
            *exercised += count(&holding);
        }
        self.hits.clear();
        for (number, (rule, tally)) in module.rules.iter().zip(&mut self.tallies).enumerate() {
            let mut applied = judged;
            rule.when.iter().for_each(|when| and(&mut applied, &blocks[when.index()]));
            tally.applied += count(&applied);
            let mut violated = offended(rule, blocks);
            and(&mut violated, &applied);
            if violated != [0; WORDS] {
                tally.violated += count(&violated);
                self.hits.push((number, violated));
            }
        }
    }

    /// Visits the violations of the block of words from `at` on.
    fn visit(&mut self, at: usize, visit: &mut Visit<'_>) -> Result<(), Fault> {
        if self.hits.is_empty() {
            return Ok(());
        }
        for word in 0..WORDS {
            let own = self.hits.iter().map(|(rule, violated)| (*rule, violated[word]));
            self.word.clear();
            self.word.extend(own.filter(|(_, violated)| *violated != 0));
            let mut left = self.word.iter().fold(0, |all, (_, violated)| all | violated);
            while left != 0 {
                let bit = left.trailing_zeros();
                left &= left - 1;
                let truth = Truth { blocks: &self.blocks, word, bit };
                for &(rule, _) in self.word.iter().filter(|(_, own)| own >> bit & 1 == 1) {
                    visit((at + word) * 64 + bit as usize, rule, truth)?;
                }
            }
        }
        Ok(())
    }
}

/// The traces of a block on which some `always` does not hold or some `never` does.
#[inline(always)]
fn offended(rule: &Rule, blocks: &[Block]) -> Block {
    let mut offended = [0; WORDS];
    for clause in &rule.always {
        or(&mut offended, &not(&blocks[clause.formula.index()]));
    }
    for clause in &rule.never {
        or(&mut offended, &blocks[clause.formula.index()]);
    }
    offended
}

/// The words from `at` on; zeros behind the end.
#[inline(always)]
fn block_at(words: &[u64], at: usize) -> Block {
    let words = &words[at..];
    words.first_chunk().copied().unwrap_or_else(|| {
        let mut block = [0; WORDS];
        block[..words.len()].copy_from_slice(words);
        block
    })
}

#[inline(always)]
fn and(all: &mut Block, part: &Block) {
    for word in 0..WORDS {
        all[word] &= part[word];
    }
}

#[inline(always)]
fn or(all: &mut Block, part: &Block) {
    for word in 0..WORDS {
        all[word] |= part[word];
    }
}

#[inline(always)]
fn not(block: &Block) -> Block {
    let mut all = *block;
    for word in &mut all {
        *word = !*word;
    }
    all
}

#[inline(always)]
fn count(block: &Block) -> u64 {
    let mut count = 0;
    for word in block {
        count += u64::from(word.count_ones());
    }
    count
}

/// The traces of the range that are not hidden.
fn judged(segment: &Segment, traces: &Range<usize>) -> Mask {
    let mut judged = Mask::empty(segment.len());
    for (at, word) in judged.words_mut().iter_mut().enumerate() {
        *word = inside(traces, at);
    }
    segment.hidden.iter().for_each(|hidden| judged.subtract(hidden));
    judged
}

/// The traces that hold an operation, by operation; none for those that no rule names.
fn presence<'a>(
    plan: &Plan,
    module: &Module,
    segment: &'a Segment,
) -> Result<Vec<Option<Cow<'a, Mask>>>, Fault> {
    let mut presence = vec![None; module.operations.len()];
    for id in plan.named.iter().flatten().map(|id| id.index()) {
        if presence[id].is_some() {
            continue;
        }
        let numbers = segment.select(&module.operations[id])?;
        let stored = |&number: &usize| segment.operations[number].presence.as_ref();
        presence[id] = Some(match &numbers[..] {
            [only] if let Some(mask) = stored(only) => Cow::Borrowed(mask),
            _ => {
                let mut mask = Mask::empty(segment.len());
                numbers.iter().for_each(|&number| segment.add_presence(number, &mut mask));
                Cow::Owned(mask)
            }
        });
    }
    Ok(presence)
}

/// The bits of word `at` that stand for traces of the range.
fn inside(traces: &Range<usize>, at: usize) -> u64 {
    let below = |end: usize| match end.saturating_sub(at * 64) {
        bits @ 0..64 => (1_u64 << bits) - 1,
        _ => !0,
    };
    below(traces.end) & !below(traces.start)
}

#[cfg(test)]
mod tests {
    use ir::module::{Atom, AtomId, Clause, SetId, Severity};
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
