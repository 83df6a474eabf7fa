//! The column-loop engine: atoms of a module to masks over traces by plain loops over columns.
//!
//! Module + segment → row masks a set → trace masks and counts. Each set of spans is evaluated
//! once a call, operation by operation, 64 rows to a word; tests are settled against bounds,
//! dictionaries and resources before rows are read, and a `has` without condition is the presence
//! bitmap as it lies. Row masks live only until the atoms of their set are answered.

mod against;
mod count;
mod decide;
mod evaluate;
mod fuse;
mod kernel;
mod key;
mod rows;
mod runs;
mod settle;
mod source;

use hashbrown::HashMap;
use ir::module::{Atom, AtomId, Comparison, Count, Module, Predicate, Quantity, SetId};
use ir::module::{Scalar, Test, TraceField};
use ir::segment::{Column, Fault, Integers, Segment, Values};
use ir::{Answer, Engine, Mask, Number};

pub use against::settle as settle_against;
use count::Selected;
pub use decide::Codes;
pub use evaluate::Evaluator;
pub use fuse::Fuse;
pub use rows::Rows;
pub use settle::{Leaf, Settled, most};
pub use source::Source;

/// Plain loops over columns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Columns;

impl Engine for Columns {
    fn name(&self) -> &'static str {
        "columns"
    }

    fn probe(
        &self,
        module: &Module,
        segment: &Segment,
        atoms: &[AtomId],
    ) -> Result<Vec<Mask>, Fault> {
        let answers = self.answer(module, segment, atoms)?;
        Ok(answers.into_iter().map(|answer| answer.traces(segment)).collect())
    }

    fn answer(
        &self,
        module: &Module,
        segment: &Segment,
        atoms: &[AtomId],
    ) -> Result<Vec<Answer>, Fault> {
        answer(module, segment, atoms, None)
    }
}

/// Answers atoms with loops over columns, asking `fuse` first.
///
/// # Errors
/// As [`Engine::probe`].
pub fn answer(
    module: &Module,
    segment: &Segment,
    atoms: &[AtomId],
    fuse: Option<&dyn Fuse>,
) -> Result<Vec<Answer>, Fault> {
    if segment.is_empty() {
        return Ok(atoms.iter().map(|_| Answer::Traces(Mask::default())).collect());
    }
    let evaluator = Evaluator::new(module, segment, fuse);
    let mut probe = Probe { evaluator, answers: vec![None; atoms.len()], durations: None };
    probe.answer(atoms)?;
    let answers = probe.answers.into_iter();
    Ok(answers.map(|answer| answer.expect("each atom is asked about")).collect())
}

/// One call.
struct Probe<'a> {
    evaluator: Evaluator<'a>,
    answers: Vec<Option<Answer>>,
    /// The traces' own durations, once an atom asks for them.
    durations: Option<Column>,
}

/// What atoms ask of one set, with the places of their answers.
#[derive(Default)]
struct Questions<'a> {
    has: Vec<usize>,
    counts: HashMap<&'a Count, Vec<(Comparison, Number, usize)>>,
}

impl<'a> Probe<'a> {
    fn answer(&mut self, atoms: &[AtomId]) -> Result<(), Fault> {
        let mut questions: HashMap<SetId, Questions<'a>> = HashMap::new();
        for (place, atom) in atoms.iter().enumerate() {
            match &self.evaluator.module.atoms[atom.index()] {
                Atom::Has(set) => questions.entry(*set).or_default().has.push(place),
                Atom::Compare(Quantity::Count(left), comparison, Quantity::Count(right)) => {
                    self.compare((left, right), *comparison, place)?;
                }
                Atom::Compare(left, comparison, right) => {
                    let (count, comparison, number) = against_number(left, *comparison, right);
                    let counts = &mut questions.entry(count.set).or_default().counts;
                    counts.entry(count).or_default().push((comparison, number, place));
                }
                Atom::Trace(field, test) => {
                    self.answers[place] = Some(Answer::Traces(self.trace(*field, test)?));
                }
            }
        }
        let sets = &self.evaluator.module.sets;
        let mut questions: Vec<_> = questions.into_iter().collect();
        questions.sort_unstable_by_key(|(set, _)| (sets[set.index()].operation, *set));
        let mut operation = None;
        for (set, questions) in questions {
            let own = sets[set.index()].operation;
            if operation.replace(own) != Some(own) {
                self.evaluator.forget_rows();
            }
            self.set(set, &questions)?;
        }
        Ok(())
    }

    /// Answers all questions about one set.
    fn set(&mut self, set: SetId, questions: &Questions<'a>) -> Result<(), Fault> {
        let selected = self.select(set)?;
        for &place in &questions.has {
            self.answers[place] = Some(self.project(&selected));
        }
        for (count, comparisons) in &questions.counts {
            let counts = count::counts(&self.evaluator, count, &selected)?;
            for &(comparison, number, place) in comparisons {
                let answer = counts.holding(self.evaluator.segment, comparison, number);
                self.answers[place] = Some(answer);
            }
        }
        Ok(())
    }

    /// The rows of a set, operation by operation.
    fn select(&mut self, set: SetId) -> Result<Vec<(usize, Rows)>, Fault> {
        let (module, segment) = (self.evaluator.module, self.evaluator.segment);
        let set = module.sets[set.index()];
        let never = module.predicates[set.predicate.index()] == Predicate::Const(false);
        let operations = segment.select(&module.operations[set.operation.index()])?;
        let operations = operations.into_iter().filter(|_| !never);
        operations
            .map(|operation| Ok((operation, self.evaluator.rows(operation, set.predicate)?)))
            .filter(|selected| !matches!(selected, Ok((_, Rows::None))))
            .collect()
    }

    /// The traces that have one of the rows.
    fn project(&self, selected: &Selected) -> Answer {
        let segment = self.evaluator.segment;
        let runs = |operation: usize, rows: &Mask| {
            self.evaluator.runs.get(segment, operation, rows.count())
        };
        match selected {
            [] => return Answer::Each(false),
            [(operation, Rows::All)] => {
                if let Some(presence) = &segment.operations[*operation].presence {
                    // What a store keeps is shared, not copied.
                    return Answer::Traces(presence.clone());
                }
            }
            [(operation, Rows::Some(rows))] => {
                if let Some(runs) = runs(*operation, rows) {
                    return runs.answer(segment, *operation, runs.having(rows), false);
                }
            }
            _ => {}
        }
        let mut mask = Mask::empty(segment.len());
        for (operation, rows) in selected {
            match rows {
                Rows::None => {}
                Rows::All => segment.add_presence(*operation, &mut mask),
                Rows::Some(rows) => {
                    if let Some(runs) = runs(*operation, rows) {
                        runs.project(rows, &mut mask);
                        continue;
                    }
                    let range = segment.operations[*operation].rows.clone();
                    let traces = &segment.table(*operation).trace[range];
                    rows.iter().for_each(|row| mask.insert(traces[row] as usize));
                }
            }
        }
        Answer::Traces(mask)
    }

    /// Compares two counts; both sets are evaluated for this atom alone, so that no more than two
    /// lists of counts live at a time.
    fn compare(
        &mut self,
        (left, right): (&'a Count, &'a Count),
        comparison: Comparison,
        place: usize,
    ) -> Result<(), Fault> {
        let mut side = |count: &'a Count| {
            self.evaluator.forget_rows();
            let selected = self.select(count.set)?;
            let counts = count::counts(&self.evaluator, count, &selected)?;
            Ok(counts.by_trace())
        };
        let (left, right) = (side(left)?, side(right)?);
        let holding = left.into_iter().zip(right).map(|(left, right)| {
            comparison.holds(Number::Int(left.into()), Number::Int(right.into()))
        });
        self.answers[place] = Some(Answer::Traces(Mask::collect(holding)));
        Ok(())
    }

    /// The traces whose own field passes.
    fn trace(&mut self, field: TraceField, test: &'a Test) -> Result<Mask, Fault> {
        let segment = self.evaluator.segment;
        let traces = 0..segment.len();
        let column = match field {
            TraceField::Duration => self.durations.get_or_insert_with(|| {
                let values = traces.clone().map(|trace| segment.trace_duration(trace));
                let values = Values::Integers(Integers::pack(values));
                Column { values, present: None }
            }),
            TraceField::RootName | TraceField::RootService => {
                segment.trace_value(0, field)?;
                let names = if field == TraceField::RootName {
                    &segment.traces.root_name
                } else {
                    &segment.traces.root_service
                };
                names.as_ref().unwrap_or(&Column::EMPTY)
            }
        };
        Ok(match self.evaluator.column(column, traces, test, &Rows::All) {
            Rows::None => Mask::empty(segment.len()),
            Rows::All => Mask::full(segment.len()),
            Rows::Some(mask) => mask,
        })
    }
}

/// A comparison with a number, the count on the left.
fn against_number<'a>(
    left: &'a Quantity,
    comparison: Comparison,
    right: &'a Quantity,
) -> (&'a Count, Comparison, Number) {
    let number =
        |scalar: &Scalar| scalar.datum().number().expect("the verifier admits numbers only");
    match (left, right) {
        (Quantity::Count(count), Quantity::Number(scalar)) => (count, comparison, number(scalar)),
        (Quantity::Number(scalar), Quantity::Count(count)) => {
            (count, comparison.flipped(), number(scalar))
        }
        _ => unreachable!("the verifier admits comparisons with one count at least"),
    }
}
