//! What a test comes to on one column, settled by bounds and dictionaries before any row is read:
//! leaves that loops run one by one, and that kernels run many of at once.

use std::ops::{Range, RangeInclusive};
use std::rc::Rc;

use ir::module::{Comparison, Order, Test};
use ir::segment::{Column, Integers, Narrow, Values};

use super::against;
use super::decide::{Codes, Float, Integer};
use super::evaluate::Evaluator;
use super::kernel;
use super::rows::Rows;

/// Which rows pass, of those that have a value.
pub enum Settled<'c> {
    /// None.
    None,
    /// All.
    All,
    /// Those that pass the leaf.
    Leaf(Leaf<'c>),
    /// Each has to be asked.
    Each,
}

/// A test of every slot of a column, whether its value is there or missing.
#[derive(Clone)]
pub enum Leaf<'c> {
    /// The number lies in the range, which starts at a number of the column's width.
    Within(&'c Narrow, RangeInclusive<u64>),
    /// The number is one of these; never [`Codes::None`] or [`Codes::All`].
    Among(&'c Narrow, Rc<Codes>),
    /// The integer is one of these, ascending.
    Integers(&'c Integers, Rc<[i64]>),
    /// The double compares so.
    Order(&'c [f64], Order, f64),
    /// The double is one of these, ascending, without NaN; `0.0` means both zeros.
    Floats(&'c [f64], Rc<[f64]>),
    /// The integers of both columns compare so.
    Against(&'c Integers, &'c Integers, Comparison),
}

impl<'a> Evaluator<'a> {
    /// Settles a test that reads no other field. `asked` is about how many rows will be looked at:
    /// a dictionary that is larger by far is not worth deciding.
    pub fn settle<'c>(&mut self, column: &'c Column, test: &'a Test, asked: usize) -> Settled<'c> {
        let decided = match (&column.values, test) {
            (Values::Empty, _) => return Settled::None,
            (_, Test::Exists) => return Settled::All,
            _ => self.decided(test),
        };
        match &column.values {
            Values::Empty => Settled::None,
            Values::Integers(integers) => match &decided.integers {
                Integer::Range(wanted) => within(integers, wanted),
                Integer::Points(points) => {
                    Settled::Leaf(Leaf::Integers(integers, Rc::clone(points)))
                }
                Integer::Each => Settled::Each,
            },
            Values::Floats(values) => match &decided.floats {
                Float::All => Settled::All,
                Float::Each => Settled::Each,
                Float::Order(order, constant) => {
                    Settled::Leaf(Leaf::Order(values, *order, *constant))
                }
                Float::Points(points) if points.is_empty() => Settled::None,
                Float::Points(points) => Settled::Leaf(Leaf::Floats(values, Rc::clone(points))),
            },
            Values::Codes(codes, dictionary) => {
                match self.dictionary(dictionary, test, asked * 2 < dictionary.len()) {
                    Some(wanted) => Settled::among(codes, &wanted),
                    None => Settled::Each,
                }
            }
        }
    }
}

impl<'c> Settled<'c> {
    /// The rows whose number is one of `wanted`.
    pub fn among(numbers: &'c Narrow, wanted: &Rc<Codes>) -> Self {
        match &**wanted {
            Codes::None => Self::None,
            Codes::All => Self::All,
            Codes::Range(wanted) if *wanted.start() > most(numbers) => Self::None,
            Codes::Range(wanted) => Self::Leaf(Leaf::Within(numbers, wanted.clone())),
            Codes::Among(_) => Self::Leaf(Leaf::Among(numbers, Rc::clone(wanted))),
        }
    }
}

impl Leaf<'_> {
    /// The rows that pass, missing values included.
    pub fn rows(&self, range: &Range<usize>) -> Rows {
        match self {
            Self::Within(numbers, wanted) => kernel::narrow_in(numbers, range, wanted.clone()),
            Self::Among(numbers, wanted) => match &**wanted {
                Codes::Among(wanted) => kernel::narrow_among(numbers, range, wanted),
                _ => unreachable!("only masks are kept as leaves"),
            },
            Self::Integers(integers, points) => Rows::each(&Rows::All, range.len(), |row| {
                points.binary_search(&integers.get(range.start + row)).is_ok()
            }),
            Self::Order(values, order, constant) => {
                ordered(&values[range.clone()], *order, *constant)
            }
            Self::Floats(values, points) => among_floats(&values[range.clone()], points),
            Self::Against(left, right, comparison) => {
                against::integers((left, right), range, *comparison)
            }
        }
    }
}

/// The rows whose integer lies in `wanted`: no row is looked at where the column's bounds decide.
pub fn within<'c>(column: &'c Integers, wanted: &RangeInclusive<i64>) -> Settled<'c> {
    let low = *wanted.start().max(&column.base);
    let high = *wanted.end().min(&column.max);
    if low > high {
        return Settled::None;
    }
    if low == column.base && high == column.max {
        return Settled::All;
    }
    let offset = |value: i64| value.wrapping_sub(column.base).cast_unsigned();
    Settled::Leaf(Leaf::Within(&column.offsets, offset(low)..=offset(high)))
}

/// The largest number that a column of this width can hold.
pub fn most(numbers: &Narrow) -> u64 {
    match numbers {
        Narrow::U8(_) => u8::MAX.into(),
        Narrow::U16(_) => u16::MAX.into(),
        Narrow::U32(_) => u32::MAX.into(),
        Narrow::U64(_) => u64::MAX,
    }
}

fn ordered(values: &[f64], order: Order, constant: f64) -> Rows {
    match order {
        Order::Less => kernel::fill(values, |value| value < constant),
        Order::LessEqual => kernel::fill(values, |value| value <= constant),
        Order::Greater => kernel::fill(values, |value| value > constant),
        Order::GreaterEqual => kernel::fill(values, |value| value >= constant),
    }
}

fn among_floats(values: &[f64], points: &[f64]) -> Rows {
    match *points {
        [only] => kernel::fill(values, |value| value == only),
        _ => kernel::fill(values, |value| {
            let at = points.partition_point(|&point| point < value);
            points.get(at).is_some_and(|&point| point == value)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_integers_is_exact_at_every_width_and_edge() {
        let columns = [
            vec![7, 7, 7],
            (0..200).map(|row| row % 13 - 5).collect(),
            (0..200).map(|row| row * 1_000 % 60_001).collect(),
            (0..130).map(|row| (row - 65) * 1_000_003).collect(),
            vec![i64::MIN, -1, 0, 1, i64::MAX],
        ];
        for values in columns {
            let column = Integers::pack(values.iter().copied());
            let edges = [i64::MIN, -5, -1, 0, 7, 8, 500, 60_000, 65_000_000, i64::MAX];
            for (low, high) in edges.iter().flat_map(|low| edges.map(|high| (*low, high))) {
                for rows in [0..values.len(), 1..values.len() - 1] {
                    let mut found = Vec::new();
                    let settled = within(&column, &(low..=high));
                    let passing = match &settled {
                        Settled::None | Settled::Each => Rows::None,
                        Settled::All => Rows::All,
                        Settled::Leaf(leaf) => leaf.rows(&rows),
                    };
                    passing.for_each(rows.len(), |row| found.push(row));
                    let expected: Vec<_> = rows
                        .clone()
                        .filter(|&row| (low..=high).contains(&values[row]))
                        .map(|row| row - rows.start)
                        .collect();
                    assert_eq!(found, expected, "{low}..={high} of {values:?}");
                }
            }
        }
    }
}
