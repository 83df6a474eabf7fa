//! Why a rule comes to its verdict on a trace: each part of its condition with its value there, and
//! the spans that decide it.
//!
//! An [`Explainer`] is made of a rule and lists its [`Part`]s, a tree in order of the text. Asked about
//! a trace it gives a [`PartValue`] for each. Values are those of [`ir::interpret`], with which every
//! engine agrees.

mod draw;
mod parts;
mod show;

use std::sync::Arc;

use compiler::{LowerError, Lowered, lower_parts};
use corpora::build::{Builder, finish};
use hashbrown::HashMap;
use ir::interpret;
use ir::module::{self, Atom, Count, Formula, FormulaId, PredicateId, SetId};
use ir::segment::RowRef;
use ir::{Fault, Schema, Segment};
use rules::Rule;

pub use draw::{draw, name_of};
use parts::{Node, tree};
pub use parts::{Part, PartKind};
pub use show::show;

use crate::program::source;
use crate::replay::{SEGMENT_SIZE, add};
use crate::span::Span;

/// A rule whose verdicts can be explained.
#[derive(Debug)]
pub struct Explainer {
    lowered: Lowered,
    schema: Arc<Schema>,
    nodes: Vec<Node>,
    parts: Vec<Part>,
}

/// What a part comes to on a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartValue {
    /// A part that speaks of the trace.
    OfTrace {
        /// Whether it holds.
        holds: bool,
        /// Of a comparison of counts, what each side comes to, in canonical text.
        sides: Option<[String; 2]>,
        /// Ids of the spans that a `has` finds or a count counts, by start.
        spans: Vec<u64>,
    },
    /// A part that speaks of the spans of an operation.
    OfSpans {
        /// Ids of the spans for which it holds, by start.
        holds: Vec<u64>,
        /// Ids of the spans for which it does not.
        fails: Vec<u64>,
    },
}

impl PartValue {
    /// Whether it is true anywhere.
    pub fn is_ever(&self, truth: bool) -> bool {
        match self {
            Self::OfTrace { holds, .. } => *holds == truth,
            Self::OfSpans { holds, fails } => !if truth { holds } else { fails }.is_empty(),
        }
    }
}

/// Traces as an [`Explainer`] looks at them.
#[derive(Debug)]
pub struct Looked {
    segments: Vec<Segment>,
    /// Segment and ordinal of each trace.
    places: Vec<(usize, usize)>,
}

impl Explainer {
    /// Prepares a rule.
    ///
    /// # Errors
    /// A statement that no rule text gave.
    pub fn new(rule: &Rule) -> Result<Self, LowerError> {
        let lowered = lower_parts(&source(rule))?;
        let schema = Arc::new(Schema::of(&lowered.module));
        let (nodes, parts) = tree(&rule.statement);
        Ok(Self { lowered, schema, nodes, parts })
    }

    /// The parts, each before those below it.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Takes traces to look at. Their spans need no trace ids.
    pub fn look(&self, traces: &[&[Span]]) -> Looked {
        let mut builder = Builder::new(Arc::clone(&self.schema));
        for (number, trace) in traces.iter().enumerate() {
            for span in *trace {
                let span_id = u64::from_be_bytes(span.span_id);
                add(&mut builder, span, number as u128 + 1, span_id);
            }
        }
        let segments = finish(vec![builder], SEGMENT_SIZE).segments.into_iter();
        let segments: Vec<Segment> = segments.map(|unsealed| unsealed.seal().segment).collect();
        let mut places = vec![(0, 0); traces.len()];
        for (number, segment) in segments.iter().enumerate() {
            for (ordinal, id) in segment.traces.id.iter().enumerate() {
                places[*id as usize - 1] = (number, ordinal);
            }
        }
        Looked { segments, places }
    }

    /// What each part comes to on a trace, by its place among those that were looked at.
    ///
    /// # Errors
    /// Never for traces that this explainer looked at.
    pub fn explain(&self, looked: &Looked, trace: usize) -> Result<Vec<PartValue>, Fault> {
        let (segment, trace) = looked.places[trace];
        self.values(&looked.segments[segment], trace)
    }

    /// What each part comes to on the trace of an ordinal of a segment.
    ///
    /// # Errors
    /// A fault where the segment does not hold what the rule reads.
    pub fn values(&self, segment: &Segment, trace: usize) -> Result<Vec<PartValue>, Fault> {
        let mut look =
            Look { module: &self.lowered.module, segment, trace, formulas: HashMap::new() };
        self.nodes
            .iter()
            .map(|node| match *node {
                Node::Condition(id) => look.condition(self.lowered.conditions[id.0 as usize]),
                Node::Predicate(id, owner, side) => {
                    let owner = self.lowered.conditions[owner.0 as usize];
                    look.predicate(self.lowered.predicates[id.0 as usize], owner, side)
                }
            })
            .collect()
    }
}

/// One trace that is looked at.
struct Look<'a> {
    module: &'a module::Module,
    segment: &'a Segment,
    trace: usize,
    formulas: HashMap<FormulaId, bool>,
}

impl Look<'_> {
    fn condition(&mut self, id: FormulaId) -> Result<PartValue, Fault> {
        let holds = self.holds(id)?;
        let (mut sides, mut spans) = (None, Vec::new());
        if let Some(atom) = atom_of(self.module, id) {
            match atom {
                Atom::Has(set) => spans = self.rows(*set)?,
                Atom::Compare(left, _, right) => {
                    let side = |quantity| {
                        let number =
                            interpret::quantity(self.module, self.segment, quantity, self.trace)?;
                        Ok::<_, Fault>(number.canonical())
                    };
                    sides = Some([side(left)?, side(right)?]);
                    for quantity in [left, right] {
                        if let module::Quantity::Count(count) = quantity {
                            spans.extend(self.counted(count)?);
                        }
                    }
                }
                Atom::Trace(..) => {}
            }
        }
        Ok(PartValue::OfTrace { holds, sides, spans: self.ids(spans) })
    }

    /// Whether a formula holds; children come first, and their number is bounded by the rule's text.
    fn holds(&mut self, id: FormulaId) -> Result<bool, Fault> {
        if let Some(&known) = self.formulas.get(&id) {
            return Ok(known);
        }
        let holds = match &self.module.formulas[id.index()] {
            Formula::Const(always) => *always,
            Formula::Atom(atom) => interpret::atom(self.module, self.segment, *atom, self.trace)?,
            Formula::Not(inner) => !self.holds(*inner)?,
            Formula::And(parts) => {
                let mut all = true;
                for &part in parts {
                    all &= self.holds(part)?;
                }
                all
            }
            Formula::Or(parts) => {
                let mut any = false;
                for &part in parts {
                    any |= self.holds(part)?;
                }
                any
            }
        };
        self.formulas.insert(id, holds);
        Ok(holds)
    }

    /// For which spans of a term's operation a predicate holds.
    fn predicate(
        &self,
        id: PredicateId,
        owner: FormulaId,
        side: usize,
    ) -> Result<PartValue, Fault> {
        let set = atom_of(self.module, owner).and_then(|atom| match atom {
            Atom::Has(set) => Some(*set),
            Atom::Compare(left, _, right) => match [left, right][side] {
                module::Quantity::Count(count) => Some(count.set),
                module::Quantity::Number(_) => None,
            },
            Atom::Trace(..) => None,
        });
        let (mut holds, mut fails) = (Vec::new(), Vec::new());
        if let Some(set) = set {
            let operation =
                &self.module.operations[self.module.sets[set.index()].operation.index()];
            for at in self.segment.spans_of(self.trace) {
                if operation.matches(&self.segment.operations[at.operation as usize].name) {
                    let of = interpret::predicate(self.module, self.segment, id, at)?;
                    if of { holds.push(at) } else { fails.push(at) }
                }
            }
        }
        Ok(PartValue::OfSpans { holds: self.ids(holds), fails: self.ids(fails) })
    }

    fn rows(&self, set: SetId) -> Result<Vec<RowRef>, Fault> {
        interpret::rows(self.module, self.segment, set, self.trace)
    }

    /// The spans of a count: those of its set that bear its fields.
    fn counted(&self, count: &Count) -> Result<Vec<RowRef>, Fault> {
        let mut rows = self.rows(count.set)?;
        for field in [count.distinct, count.by].into_iter().flatten() {
            let mut kept = Vec::new();
            for at in rows {
                let value = self.segment.value(at, &self.module.fields[field.index()])?;
                kept.extend(value.is_some().then_some(at));
            }
            rows = kept;
        }
        Ok(rows)
    }

    /// The ids of spans, by start, each once.
    fn ids(&self, mut rows: Vec<RowRef>) -> Vec<u64> {
        rows.sort_by_key(|&at| self.segment.by_start(at));
        rows.dedup();
        rows.into_iter().map(|at| self.segment.span_id(at)).collect()
    }
}

/// The atom of a formula that is one.
fn atom_of(module: &module::Module, id: FormulaId) -> Option<&Atom> {
    match &module.formulas[id.index()] {
        Formula::Atom(atom) => Some(&module.atoms[atom.index()]),
        _ => None,
    }
}
