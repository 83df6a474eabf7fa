//! Which spans a verdict rests on.
//!
//! Of `when`: the spans of its positive terms that hold. Of a `never` that holds: the spans of the
//! terms that make it hold, and of a term that does so by being false only if it counts. Of an
//! `always` that fails: the spans of its count terms.

use hashbrown::HashSet;
use ir::module::{Atom, Count, FieldId, Formula, FormulaId, Module, Quantity, Rule, SetId};
use ir::segment::RowRef;
use ir::{Engine, Fault, Segment};

use crate::fold::Truth;

/// How many spans of a witness a signal names at most; it says the full number too.
pub const SPAN_LIMIT: usize = 64;

/// All witness spans of a violation, by start, then span id, each once.
pub(crate) fn witness(
    module: &Module,
    engine: &dyn Engine,
    segment: &Segment,
    rule: &Rule,
    trace: usize,
    truth: Truth<'_>,
) -> Result<Vec<RowRef>, Fault> {
    let mut walk = Walk { module, truth, seen: HashSet::new(), spans: Vec::new() };
    if let Some(when) = rule.when {
        walk.positive(when);
    }
    for clause in rule.never.iter().filter(|clause| truth.holds(clause.formula)) {
        walk.reasons(clause.formula);
    }
    for clause in rule.always.iter().filter(|clause| !truth.holds(clause.formula)) {
        walk.counts(clause.formula);
    }
    let mut rows = Vec::new();
    for spans in walk.spans {
        spans.add(module, engine, segment, trace, &mut rows)?;
    }
    rows.sort_by_cached_key(|&at| segment.by_start(at));
    rows.dedup();
    Ok(rows)
}

/// Spans that a term speaks of: those of a set that bear all the fields.
#[derive(Clone, Copy, PartialEq)]
struct Spans {
    set: SetId,
    bearing: [Option<FieldId>; 2],
}

impl Spans {
    fn counted(count: &Count) -> Self {
        Self { set: count.set, bearing: [count.distinct, count.by] }
    }

    fn add(
        self,
        module: &Module,
        engine: &dyn Engine,
        segment: &Segment,
        trace: usize,
        rows: &mut Vec<RowRef>,
    ) -> Result<(), Fault> {
        let from = rows.len();
        engine.rows(module, segment, self.set, trace, rows)?;
        for field in self.bearing.into_iter().flatten() {
            let mut kept = from;
            for at in from..rows.len() {
                if segment.value(rows[at], &module.fields[field.index()])?.is_some() {
                    rows[kept] = rows[at];
                    kept += 1;
                }
            }
            rows.truncate(kept);
        }
        Ok(())
    }
}

/// A walk over formulas that gathers the spans of terms; each formula is met once a purpose.
struct Walk<'a> {
    module: &'a Module,
    truth: Truth<'a>,
    seen: HashSet<(Purpose, FormulaId)>,
    spans: Vec<Spans>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Purpose {
    /// Terms under an even number of `not`s (`true`), or an odd one.
    Positive(bool),
    /// What makes the formula have the value that it has.
    Reasons,
    /// All counts.
    Counts,
}

impl Walk<'_> {
    fn positive(&mut self, root: FormulaId) {
        let mut left = vec![(root, true)];
        while let Some((formula, even)) = left.pop() {
            if !self.seen.insert((Purpose::Positive(even), formula)) {
                continue;
            }
            match &self.module.formulas[formula.index()] {
                Formula::Const(_) => {}
                Formula::Atom(atom) if even && self.truth.holds(formula) => {
                    self.term(&self.module.atoms[atom.index()], true);
                }
                Formula::Atom(_) => {}
                Formula::Not(inner) => left.push((*inner, !even)),
                Formula::And(parts) | Formula::Or(parts) => {
                    left.extend(parts.iter().map(|part| (*part, even)));
                }
            }
        }
    }

    fn reasons(&mut self, root: FormulaId) {
        let mut left = vec![root];
        while let Some(formula) = left.pop() {
            if !self.seen.insert((Purpose::Reasons, formula)) {
                continue;
            }
            let holds = self.truth.holds(formula);
            match &self.module.formulas[formula.index()] {
                Formula::Const(_) => {}
                Formula::Atom(atom) => self.term(&self.module.atoms[atom.index()], holds),
                Formula::Not(inner) => left.push(*inner),
                // All parts of an `and` that holds do, and none of an `or` that does not: so the
                // parts that agree with the whole are what makes it so, in all four cases.
                Formula::And(parts) | Formula::Or(parts) => {
                    left.extend(parts.iter().filter(|&&part| self.truth.holds(part) == holds));
                }
            }
        }
    }

    fn counts(&mut self, root: FormulaId) {
        let mut left = vec![root];
        while let Some(formula) = left.pop() {
            if !self.seen.insert((Purpose::Counts, formula)) {
                continue;
            }
            match &self.module.formulas[formula.index()] {
                Formula::Const(_) => {}
                Formula::Atom(atom) => self.term(&self.module.atoms[atom.index()], false),
                Formula::Not(inner) => left.push(*inner),
                Formula::And(parts) | Formula::Or(parts) => left.extend(parts.iter()),
            }
        }
    }

    /// Adds the spans of a term: of a count always, of a `has` if it is asked for.
    fn term(&mut self, atom: &Atom, has: bool) {
        match atom {
            Atom::Has(set) if has => self.insert(Spans { set: *set, bearing: [None; 2] }),
            Atom::Has(_) | Atom::Trace(..) => {}
            Atom::Compare(left, _, right) => {
                for quantity in [left, right] {
                    if let Quantity::Count(count) = quantity {
                        self.insert(Spans::counted(count));
                    }
                }
            }
        }
    }

    fn insert(&mut self, spans: Spans) {
        if !self.spans.contains(&spans) {
            self.spans.push(spans);
        }
    }
}
