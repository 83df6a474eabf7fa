//! Folds what atoms answer into verdicts.
//!
//! Most rules can only be violated by traces with a span of some operation, and most of what they ask
//! is known a bit for each of these: so each rule is judged on these traces alone, those of one
//! operation together, and only then are traces told apart by their numbers.

mod part;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use hashbrown::HashMap;
use ir::module::{FormulaId, OperationId};
use ir::{Answer, Engine, Fault, Mask, Module, Segment};

use crate::plan::{Plan, Scope};
use part::{Block, Part, Places};

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
    positions: &'a HashMap<FormulaId, usize>,
    blocks: &'a [Block],
    word: usize,
    bit: u32,
}

impl Truth<'_> {
    /// Whether `formula` holds; only for those that the violated rule rests on.
    pub(crate) fn holds(&self, formula: FormulaId) -> bool {
        self.blocks[self.positions[&formula]][self.word] >> self.bit & 1 == 1
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
    let answers = engine.answer(module, segment, &plan.atoms)?;
    let judging = Judging {
        segment,
        full: answers.iter().map(|_| OnceCell::new()).collect(),
        answers,
        whole: traces == (0..segment.len()) && segment.hidden.is_none(),
        judged: judged(segment, &traces),
        traces,
    };
    let mut parts = Vec::with_capacity(plan.scopes.len());
    for scope in &plan.scopes {
        parts.extend(judging.part(module, scope)?);
    }
    parts.iter_mut().for_each(Part::advance);
    let heads = parts.iter().enumerate();
    let mut heads: BinaryHeap<_> =
        heads.filter_map(|(at, part)| Some(Reverse((part.head()?, at)))).collect();
    while let Some(Reverse(((trace, rule), at))) = heads.pop() {
        let part = &mut parts[at];
        visit(trace, rule, part.truth())?;
        part.pass();
        heads.extend(part.head().map(|head| Reverse((head, at))));
    }
    for part in &parts {
        let rules = part.scope.rules.iter().zip(&part.tallies);
        rules.for_each(|(rule, tally)| tallies[rule.number] = *tally);
    }
    judging.complete(plan, module, &mut tallies)?;
    Ok(tallies)
}

/// What is asked of a segment, with the answers.
struct Judging<'a> {
    segment: &'a Segment,
    /// By position in the plan.
    answers: Vec<Answer>,
    /// The same over all traces, where that was needed.
    full: Vec<OnceCell<Mask>>,
    traces: Range<usize>,
    /// The traces that count.
    judged: Mask,
    /// Whether these are all.
    whole: bool,
}

impl Judging<'_> {
    /// What there is to do for the rules of a scope; nothing where no trace can violate them.
    fn part<'a>(&'a self, module: &Module, scope: &'a Scope) -> Result<Option<Part<'a>>, Fault> {
        let segment = self.segment;
        let operation = match scope.within {
            None => None,
            Some(operation) => {
                let numbers = segment.select(&module.operations[operation.index()])?;
                if numbers.is_empty() {
                    return Ok(None);
                }
                Some(numbers)
            }
        };
        let only = match operation.as_deref() {
            Some(&[only]) => segment.operations[only].presence.as_ref().map(|own| (only, own)),
            _ => None,
        };
        let Some((operation, presence)) = only else {
            let atoms = scope.atoms.iter().map(|&atom| Cow::Borrowed(self.full(atom)));
            let judged = Cow::Borrowed(&self.judged);
            return Ok(Some(Part::new(scope, atoms.collect(), judged, None, &self.traces)));
        };
        let count = presence.count();
        let atoms = scope.atoms.iter().map(|&atom| match &self.answers[atom] {
            Answer::Among { operation: own, holding, .. } if *own == operation => {
                Cow::Borrowed(holding)
            }
            Answer::Each(false) => Cow::Owned(Mask::empty(count)),
            Answer::Each(true) => Cow::Owned(Mask::full(count)),
            Answer::Traces(mask) if mask.shares(presence) => Cow::Owned(Mask::full(count)),
            _ => Cow::Owned(self.full(atom).gathered(presence, count)),
        });
        let (judged, ranks) = if self.whole {
            (Mask::full(count), 0..count)
        } else {
            let rank = |trace: usize| presence.rank(trace);
            let ranks = rank(self.traces.start)..rank(self.traces.end);
            (self.judged.gathered(presence, count), ranks)
        };
        let places = Some(Places::new(presence));
        Ok(Some(Part::new(scope, atoms.collect(), Cow::Owned(judged), places, &ranks)))
    }

    /// An answer over all traces.
    fn full(&self, atom: usize) -> &Mask {
        match &self.answers[atom] {
            Answer::Traces(mask) => mask,
            other => self.full[atom].get_or_init(|| other.clone().traces(self.segment)),
        }
    }

    /// Counts what the traces of no part tell.
    fn complete(&self, plan: &Plan, module: &Module, tallies: &mut [Tally]) -> Result<(), Fault> {
        let all = self.judged.count() as u64;
        for rule in plan.scopes.iter().flat_map(|scope| &scope.rules) {
            if rule.when.is_none() {
                tallies[rule.number].applied = all;
            }
        }
        let presence = presence(plan, module, self.segment)?;
        let known = |id: &OperationId| presence[id.index()].as_deref();
        let exercised: Vec<u64> = plan
            .named
            .iter()
            .map(|set| {
                self.judged.count_any(&set.iter().filter_map(known).collect::<Vec<_>>()) as u64
            })
            .collect();
        for (tally, &names) in tallies.iter_mut().zip(&plan.names) {
            tally.exercised = exercised[names];
        }
        Ok(())
    }
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
mod tests;
