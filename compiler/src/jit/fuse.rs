//! Predicates over the rows of one operation to operands: each test is settled on its column, what
//! is settled to nothing or everything is folded away, the rest becomes leaves of one shape.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use ir::Mask;
use ir::module::{Comparison, FieldId, Predicate, PredicateId, Test};
use ir::segment::{Column, Fault, Integers, Narrow, Values};

use super::operands::{Mark, Operands, numbers};
use super::shape::Part;
use crate::columns::{Codes, Evaluator, Leaf, Rows, Settled, Source, most, settle_against};

/// Ranges that a set is made of, up to which comparing beats looking up.
const RUNS: usize = 6;
/// Leaves of one kernel.
pub const LEAVES: usize = 256;
/// Doubles or integers of a list that are compared one by one.
const POINTS: usize = 8;
/// Bits of a table that is made of a list of integers.
const TABLE_BITS: u64 = 1 << 16;

/// What a predicate came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fused {
    /// No row.
    None,
    /// All rows.
    All,
    /// The rows on which this many parts hold, which were added last.
    Parts(usize),
    /// It cannot be answered at once: texts have to be looked at row by row, or it is shared.
    Not,
    /// It has more leaves than one kernel is given.
    Full,
}

/// Adds predicates over the rows of one operation to operands.
pub struct Fuser<'e, 'a> {
    /// What knows the columns.
    pub evaluator: &'e mut Evaluator<'a>,
    /// What is added to.
    pub operands: Operands<'a>,
    /// The number of the operation.
    pub operation: usize,
    /// Instructions that the operands may take.
    pub limit: usize,
}

/// A connective whose parts are being added.
struct Open {
    id: PredicateId,
    from: Mark,
    /// Parts added and not folded away.
    added: usize,
    next: usize,
}

/// Where a walk goes on.
enum Step {
    Into(PredicateId),
    Up(Fused),
}

impl<'a> Fuser<'_, 'a> {
    /// Adds a predicate; adds nothing where it comes to anything but parts. The walk keeps its own
    /// stack, so that deep predicates need little of the thread's.
    ///
    /// # Errors
    /// A fault where the segment was not made to hold a field that is read.
    pub fn add(&mut self, id: PredicateId) -> Result<Fused, Fault> {
        let from = self.operands.mark();
        let module = self.evaluator.module;
        let mut open: Vec<Open> = Vec::new();
        let mut asked = id;
        loop {
            let mut answer = match &module.predicates[asked.index()] {
                Predicate::Const(true) => Some(Fused::All),
                Predicate::Const(false) => Some(Fused::None),
                Predicate::Test(field, test) => Some(self.test(*field, test)?),
                // What others ask, too, is worked out once and kept.
                _ if !open.is_empty() && self.evaluator.is_shared(asked) => Some(Fused::Not),
                _ => {
                    open.push(Open { id: asked, from: self.operands.mark(), added: 0, next: 0 });
                    None
                }
            };
            if self.operands.leaves() > LEAVES || self.operands.cost() > self.limit {
                answer = Some(Fused::Full);
            }
            if let Some(refused @ (Fused::Not | Fused::Full)) = answer {
                self.operands.rewind(from);
                return Ok(refused);
            }
            asked = loop {
                let Some(top) = open.last_mut() else { return Ok(answer.unwrap_or(Fused::All)) };
                match step(&mut self.operands, &module.predicates[top.id.index()], top, answer) {
                    Step::Into(part) => break part,
                    Step::Up(settled) => {
                        open.pop();
                        answer = Some(settled);
                    }
                }
            };
        }
    }

    fn test(&mut self, field: FieldId, test: &'a Test) -> Result<Fused, Fault> {
        let (module, segment) = (self.evaluator.module, self.evaluator.segment);
        let find = |sources: &Evaluator<'a>, field: FieldId| {
            sources.sources.find(self.operation, &module.fields[field.index()])
        };
        let source = find(self.evaluator, field)?;
        let rows = segment.operations[self.operation].rows.clone();
        if let Some(other) = test.other_field() {
            let other = find(self.evaluator, other)?;
            return Ok(self.against((&source, &other), &rows, test));
        }
        Ok(match source {
            Source::Constant(datum) if test.passes(datum, None) => Fused::All,
            Source::Constant(_) => Fused::None,
            Source::Column(column) => self.column(column, &rows, test),
            Source::Resource(resource, numbers) => {
                let codes = self.evaluator.resource(resource, test);
                self.settled(&Settled::among(numbers, &codes), &rows)
            }
            Source::Either(own, resource, numbers) => {
                let codes = self.evaluator.resource(resource, test);
                self.either((own, test), (numbers, &codes), &rows)
            }
        })
    }

    /// The rows whose own value passes, or that have none and whose resource passes.
    fn either(
        &mut self,
        (own, test): (&'a Column, &'a Test),
        (numbers, codes): (&'a Narrow, &Rc<Codes>),
        rows: &Range<usize>,
    ) -> Fused {
        let from = self.operands.mark();
        let mut alternatives = match self.column(own, rows, test) {
            settled @ (Fused::All | Fused::Not | Fused::Full) => return settled,
            Fused::None => 0,
            Fused::Parts(parts) => {
                join(&mut self.operands, parts, true);
                1
            }
        };
        let middle = self.operands.mark();
        let found = self.settled(&Settled::among(numbers, codes), rows);
        match (found, self.present(own, rows)) {
            (Fused::None, _) | (_, Fused::All) => self.operands.rewind(middle),
            (Fused::All, Fused::None) => {
                self.operands.rewind(from);
                return Fused::All;
            }
            (found, present) => {
                let mut parts = if let Fused::Parts(parts) = found { parts } else { 0 };
                if present != Fused::None {
                    self.operands.connective(Part::Not);
                    parts += 1;
                }
                join(&mut self.operands, parts, true);
                alternatives += 1;
            }
        }
        if alternatives == 0 {
            return Fused::None;
        }
        join(&mut self.operands, alternatives, false);
        Fused::Parts(1)
    }

    fn against(
        &mut self,
        (left, right): (&Source<'a>, &Source<'a>),
        rows: &Range<usize>,
        test: &Test,
    ) -> Fused {
        let (Source::Column(left), Source::Column(right)) = (left, right) else {
            return Fused::Not;
        };
        let Some(Leaf::Against(first, second, comparison)) = settle_against((left, right), test)
        else {
            return Fused::Not;
        };
        let from = self.operands.mark();
        let side = |integers: &'a Integers| {
            let (width, bytes) = numbers(&integers.offsets, rows);
            (integers, width, bytes)
        };
        self.operands.against(side(first), side(second), comparison);
        let mut parts = 1;
        for column in [left, right] {
            match self.present(column, rows) {
                Fused::None => {
                    self.operands.rewind(from);
                    return Fused::None;
                }
                Fused::Parts(own) => parts += own,
                _ => {}
            }
        }
        Fused::Parts(parts)
    }

    /// The rows whose value in a column passes.
    fn column(&mut self, column: &'a Column, rows: &Range<usize>, test: &'a Test) -> Fused {
        let from = self.operands.mark();
        let settled = self.evaluator.settle(column, test, rows.len());
        let found = self.settled(&settled, rows);
        let parts = match found {
            Fused::All => 0,
            Fused::Parts(parts) => parts,
            settled => return settled,
        };
        match self.present(column, rows) {
            Fused::None => {
                self.operands.rewind(from);
                Fused::None
            }
            Fused::Parts(own) => Fused::Parts(parts + own),
            _ => found,
        }
    }

    /// The rows that have a value in a column.
    fn present(&mut self, column: &'a Column, rows: &Range<usize>) -> Fused {
        let Some(present) = &column.present else {
            return if let Values::Empty = column.values { Fused::None } else { Fused::All };
        };
        let bytes = if rows.start.is_multiple_of(64) {
            let words = rows.start / 64..rows.end.div_ceil(64);
            Cow::Borrowed(bytemuck::cast_slice(&present.words()[words]))
        } else {
            match Rows::window(present, rows) {
                Rows::None => return Fused::None,
                Rows::All => return Fused::All,
                Rows::Some(mask) => Cow::Owned(bytemuck::cast_slice(mask.words()).to_vec()),
            }
        };
        self.operands.present(bytes);
        Fused::Parts(1)
    }

    /// Adds what a test was settled to, whether values are there or missing.
    fn settled(&mut self, settled: &Settled<'a>, rows: &Range<usize>) -> Fused {
        let leaf = match settled {
            Settled::None => return Fused::None,
            Settled::All => return Fused::All,
            Settled::Each => return Fused::Not,
            Settled::Leaf(leaf) => leaf,
        };
        match leaf {
            Leaf::Within(narrow, range) => {
                self.runs(narrow, rows, vec![(*range.start(), *range.end())])
            }
            Leaf::Among(narrow, codes) => self.among(narrow, rows, codes),
            Leaf::Integers(integers, points) => self.points(integers, rows, points),
            Leaf::Order(values, order, constant) => {
                let bytes = bytemuck::cast_slice(&values[rows.clone()]);
                self.operands.order(bytes, Comparison::Order(*order), *constant);
                Fused::Parts(1)
            }
            Leaf::Floats(_, points) if points.len() > POINTS => Fused::Not,
            Leaf::Floats(values, points) => {
                self.operands.doubles(bytemuck::cast_slice(&values[rows.clone()]), points);
                Fused::Parts(1)
            }
            Leaf::Against(..) => Fused::Not,
        }
    }

    /// Adds numbers in one of some ascending ranges.
    fn runs(
        &mut self,
        narrow: &'a Narrow,
        rows: &Range<usize>,
        mut runs: Vec<(u64, u64)>,
    ) -> Fused {
        let most = most(narrow);
        runs.retain(|(low, _)| *low <= most);
        runs.iter_mut().for_each(|(_, high)| *high = most.min(*high));
        match &*runs {
            [] => Fused::None,
            [(0, high)] if *high == most => Fused::All,
            runs => {
                self.operands.runs(numbers(narrow, rows), runs);
                Fused::Parts(1)
            }
        }
    }

    fn among(&mut self, narrow: &'a Narrow, rows: &Range<usize>, codes: &Rc<Codes>) -> Fused {
        let Codes::Among(mask) = &**codes else { return Fused::Not };
        if let Some(runs) = runs_of(mask) {
            return self.runs(narrow, rows, runs);
        }
        let added = self.operands.set(numbers(narrow, rows), codes);
        if added { Fused::Parts(1) } else { Fused::Not }
    }

    fn points(&mut self, integers: &'a Integers, rows: &Range<usize>, points: &[i64]) -> Fused {
        let from = points.partition_point(|point| *point < integers.base);
        let to = points.partition_point(|point| *point <= integers.max);
        let offset = |point: &i64| point.wrapping_sub(integers.base).cast_unsigned();
        let inside = || points[from..to].iter().map(offset);
        if to - from <= POINTS {
            let runs = inside().map(|offset| (offset, offset)).collect();
            return self.runs(&integers.offsets, rows, runs);
        }
        if offset(&integers.max) >= TABLE_BITS {
            return Fused::Not;
        }
        let mut mask = Mask::empty(offset(&integers.max) as usize + 1);
        inside().for_each(|offset| mask.insert(offset as usize));
        self.among(&integers.offsets, rows, &Rc::new(Codes::of(mask)))
    }
}

/// Goes on with a connective after the answer of a part, if one was asked.
fn step(
    operands: &mut Operands<'_>,
    predicate: &Predicate,
    top: &mut Open,
    answer: Option<Fused>,
) -> Step {
    match (predicate, answer) {
        (Predicate::And(_), Some(settled @ Fused::None))
        | (Predicate::Or(_), Some(settled @ Fused::All)) => {
            operands.rewind(top.from);
            return Step::Up(settled);
        }
        (Predicate::Not(_), Some(Fused::None)) => return Step::Up(Fused::All),
        (Predicate::Not(_), Some(Fused::All)) => return Step::Up(Fused::None),
        (Predicate::Not(_), Some(Fused::Parts(parts))) => {
            join(operands, parts, true);
            operands.connective(Part::Not);
            return Step::Up(Fused::Parts(1));
        }
        (Predicate::Or(_), Some(Fused::Parts(parts))) => {
            join(operands, parts, true);
            top.added += 1;
        }
        (_, Some(Fused::Parts(parts))) => top.added += parts,
        _ => {}
    }
    let parts = match predicate {
        Predicate::And(parts) | Predicate::Or(parts) => parts,
        Predicate::Not(inner) => std::slice::from_ref(inner),
        Predicate::Const(_) | Predicate::Test(..) => &[],
    };
    top.next += 1;
    match (parts.get(top.next - 1), predicate) {
        (Some(&part), _) => Step::Into(part),
        (None, Predicate::Or(_)) if top.added == 0 => Step::Up(Fused::None),
        (None, Predicate::Or(_)) => {
            join(operands, top.added, false);
            Step::Up(Fused::Parts(1))
        }
        (None, _) if top.added == 0 => Step::Up(Fused::All),
        (None, _) => Step::Up(Fused::Parts(top.added)),
    }
}

/// Joins the parts that were added last.
pub fn join(operands: &mut Operands<'_>, parts: usize, all: bool) {
    if parts > 1 {
        operands.connective(if all { Part::And(parts as u16) } else { Part::Or(parts as u16) });
    }
}

/// The ranges that a set is made of, if they are few.
fn runs_of(mask: &Mask) -> Option<Vec<(u64, u64)>> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for member in mask.iter().map(|member| member as u64) {
        let room = runs.len() < RUNS;
        match runs.last_mut() {
            Some((_, high)) if *high + 1 == member => *high = member,
            _ if room => runs.push((member, member)),
            _ => return None,
        }
    }
    Some(runs)
}
