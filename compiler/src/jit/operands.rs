//! What a kernel is called with: a shape, and the columns and constants that its leaves ask about.

use std::borrow::Cow;
use std::rc::Rc;

use ir::module::Comparison;
use ir::segment::{Integers, Narrow};

use super::shape::{Part, Shape, Width};
use crate::columns::Codes;

/// A shape with its operands. The block and the columns follow the shape's leaves, word by word as
/// [`super::shape`] draws them: only the methods here add to either.
#[derive(Default)]
pub struct Operands<'c> {
    shape: Shape,
    block: Vec<u64>,
    columns: Vec<Column<'c>>,
    tables: Vec<Table>,
    leaves: usize,
    cost: usize,
}

/// A column of a leaf.
pub struct Column<'c> {
    /// The word of the block that points at it.
    pub slot: usize,
    /// The slots of all rows in question.
    pub bytes: Cow<'c, [u8]>,
    /// Bytes of 64 rows.
    pub stride: usize,
}

/// A table of a leaf, kept alive with what points at it.
pub struct Table {
    /// The word of the block that points at it; the next one has the index of its last word.
    pub slot: usize,
    /// A set that is a mask with one word at least.
    pub codes: Rc<Codes>,
}

/// A place to go back to.
#[derive(Clone, Copy, Default)]
pub struct Mark {
    shape: usize,
    block: usize,
    columns: usize,
    tables: usize,
    leaves: usize,
    cost: usize,
}

impl<'c> Operands<'c> {
    /// The shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The operand block, without pointers.
    pub fn block(&self) -> &[u64] {
        &self.block
    }

    /// The columns.
    pub fn columns(&self) -> &[Column<'c>] {
        &self.columns
    }

    /// The tables.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// How many leaves there are.
    pub fn leaves(&self) -> usize {
        self.leaves
    }

    /// About how many instructions a kernel for it takes.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// The place that the next part comes to.
    pub fn mark(&self) -> Mark {
        Mark {
            shape: self.shape.len(),
            block: self.block.len(),
            columns: self.columns.len(),
            tables: self.tables.len(),
            leaves: self.leaves,
            cost: self.cost,
        }
    }

    /// Forgets all parts since `mark`.
    pub fn rewind(&mut self, mark: Mark) {
        self.shape.truncate(mark.shape);
        self.block.truncate(mark.block);
        self.columns.truncate(mark.columns);
        self.tables.truncate(mark.tables);
        self.leaves = mark.leaves;
        self.cost = mark.cost;
    }

    /// Adds a connective of parts that were added before.
    pub fn connective(&mut self, part: Part) {
        debug_assert!(!part.is_leaf());
        self.add(part, &[]);
    }

    /// Adds `numbers` in one of some ranges, each inclusive, ascending and none of them all that
    /// the width can hold.
    pub fn runs(&mut self, (width, bytes): (Width, &'c [u8]), runs: &[(u64, u64)]) {
        self.column(bytes, 64 * width.bytes());
        let mut words = vec![0];
        if let [(low, high)] = runs
            && low == high
        {
            words.extend(width.splat(*low));
            return self.add(Part::Equal(width), &words);
        }
        for (low, high) in runs {
            // Moved by half the width's range, an unsigned comparison becomes a signed one.
            let limit = ((high - low) ^ width.sign()).wrapping_add(1);
            words.extend(width.splat(low ^ width.sign()));
            words.extend(width.splat(limit));
        }
        self.add(Part::Runs(width, runs.len() as u8), &words);
    }

    /// Adds numbers that are members of `codes`, which is a mask; false where it is not.
    pub fn set(&mut self, (width, bytes): (Width, &'c [u8]), codes: &Rc<Codes>) -> bool {
        let Codes::Among(mask) = &**codes else { return false };
        let Some(last) = mask.words().len().checked_sub(1) else { return false };
        self.column(bytes, 64 * width.bytes());
        if width == Width::W8 {
            let mut words = [0; 5];
            words[1..].iter_mut().zip(mask.words()).for_each(|(word, members)| *word = *members);
            self.add(Part::Lookup, &words);
        } else {
            self.tables.push(Table { slot: self.block.len() + 1, codes: Rc::clone(codes) });
            self.add(Part::Set(width), &[0, 0, last as u64]);
        }
        true
    }

    /// Adds doubles that compare so with a constant; never `!=`.
    pub fn order(&mut self, bytes: &'c [u8], comparison: Comparison, constant: f64) {
        self.column(bytes, 512);
        let [low, high] = Width::W64.splat(constant.to_bits());
        self.add(Part::Order(comparison), &[0, low, high]);
    }

    /// Adds doubles that equal one of several constants.
    pub fn doubles(&mut self, bytes: &'c [u8], points: &[f64]) {
        self.column(bytes, 512);
        let mut words = vec![0];
        words.extend(points.iter().flat_map(|point| Width::W64.splat(point.to_bits())));
        self.add(Part::Doubles(points.len() as u8), &words);
    }

    /// Adds the comparison of two columns of integers on the same rows; never `!=`.
    pub fn against(
        &mut self,
        left: (&Integers, Width, &'c [u8]),
        right: (&Integers, Width, &'c [u8]),
        comparison: Comparison,
    ) {
        let apart = i128::from(left.0.base) - i128::from(right.0.base);
        let span = |integers: &Integers| i128::from(integers.max) - i128::from(integers.base);
        let reach = apart.abs() + span(left.0).max(span(right.0));
        let fits = |width: Width| {
            width > left.1.min(right.1) && width >= left.1 && width >= right.1
                || (width == left.1 && width == right.1)
        };
        let wide = [Width::W16, Width::W32]
            .into_iter()
            .find(|&width| fits(width) && reach < i128::from(width.sign()));
        let (width, bases) = match wide {
            Some(width) => (width, [apart as i64, 0]),
            None => (Width::W64, [left.0.base, right.0.base]),
        };
        let slot = self.block.len();
        self.columns.push(Column {
            slot: slot + 1,
            bytes: Cow::Borrowed(right.2),
            stride: 64 * right.1.bytes(),
        });
        self.column(left.2, 64 * left.1.bytes());
        let [left_base, right_base] = bases.map(|base| width.splat(base.cast_unsigned()));
        let words = [0, 0, left_base[0], left_base[1], right_base[0], right_base[1]];
        self.add(Part::Against(left.1, right.1, width, comparison), &words);
    }

    /// Adds the rows that have a value, a bit each, in whole words.
    pub fn present(&mut self, bytes: Cow<'c, [u8]>) {
        self.columns.push(Column { slot: self.block.len(), bytes, stride: 8 });
        self.add(Part::Present, &[0]);
    }

    fn column(&mut self, bytes: &'c [u8], stride: usize) {
        let slot = self.block.len();
        self.columns.push(Column { slot, bytes: Cow::Borrowed(bytes), stride });
    }

    fn add(&mut self, part: Part, words: &[u64]) {
        assert_eq!(part.words(), words.len(), "a leaf brings the operands that its code reads");
        self.block.extend_from_slice(words);
        self.shape.push(part);
        self.leaves += usize::from(part.is_leaf());
        self.cost += part.cost();
    }
}

/// The width and the bytes of the numbers of some rows.
pub fn numbers<'c>(numbers: &'c Narrow, rows: &std::ops::Range<usize>) -> (Width, &'c [u8]) {
    let bytes = match numbers {
        Narrow::U8(values) => &values[rows.clone()],
        Narrow::U16(values) => bytemuck::cast_slice(&values[rows.clone()]),
        Narrow::U32(values) => bytemuck::cast_slice(&values[rows.clone()]),
        Narrow::U64(values) => bytemuck::cast_slice(&values[rows.clone()]),
    };
    (Width::of(numbers), bytes)
}
