//! Numbers that are equal exactly where the canonical texts of a field's values are: what distinct
//! and `by` go by.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use ir::Datum;
use ir::segment::{Column, Dictionary, Values};

use super::evaluate::present;
use super::rows::Rows;
use super::source::Source;

/// Numbers the values of one field over some operations.
pub struct Keys<'a> {
    sources: Vec<Source<'a>>,
    space: Space<'a>,
}

/// What the numbers are.
enum Space<'a> {
    /// Classes of the one dictionary that all values are in.
    Classes(&'a Dictionary),
    /// The int64 values themselves.
    Integers,
    /// Bits of the doubles, with one zero and one NaN.
    Floats,
    /// Order of appearance of the texts, for values kept in several ways.
    Texts(HashMap<String, u64>),
}

impl<'a> Keys<'a> {
    /// Numbers the values at `sources`, one an operation.
    pub fn new(sources: Vec<Source<'a>>) -> Self {
        let space = space(&sources).unwrap_or_else(|| Space::Texts(HashMap::new()));
        Self { sources, space }
    }

    /// The number of the value on a row of the table of operation `at` in the list given to
    /// [`Self::new`].
    pub fn get(&mut self, at: usize, row: usize) -> Option<u64> {
        let source = &self.sources[at];
        let (column, at) = match source {
            Source::Constant(datum) => return Some(self.text(*datum)),
            _ => source.locate(row)?,
        };
        Some(match (&self.space, &column.values) {
            (Space::Classes(dictionary), Values::Codes(codes, _)) => {
                let code = codes.get(at) as u32;
                if dictionary.all_distinct() { code } else { dictionary.class(code) }.into()
            }
            (Space::Integers, Values::Integers(integers)) => integers.get(at).cast_unsigned(),
            (Space::Floats, Values::Floats(floats)) => double(floats[at]),
            _ => self.text(column.get(at)?),
        })
    }

    /// Which rows of `range`, numbered from its start, have a value, where there is one operation and
    /// that is known without a look at each.
    pub fn present(&self, range: &Range<usize>) -> Option<Rows> {
        match self.sources[..] {
            [Source::Constant(_)] => Some(Rows::All),
            [Source::Column(column)] => Some(present(column, range)),
            _ => None,
        }
    }

    fn text(&mut self, value: Datum<'_>) -> u64 {
        let Space::Texts(numbers) = &mut self.space else {
            unreachable!("values that the space does not cover make it a space of texts");
        };
        let (text, next) = (value.text(), numbers.len() as u64);
        *numbers.entry_ref(&*text).or_insert(next)
    }
}

/// The space that covers all values without looking at texts, if one does.
fn space<'a>(sources: &[Source<'a>]) -> Option<Space<'a>> {
    if sources.iter().any(|source| matches!(source, Source::Constant(_))) {
        return None;
    }
    let mut space = None;
    for column in sources.iter().flat_map(Source::columns) {
        space = match (space, &column.values) {
            (space, Values::Empty) => space,
            (None, _) => own_space(column),
            (Some(Space::Integers), Values::Integers(_)) => Some(Space::Integers),
            (Some(Space::Floats), Values::Floats(_)) => Some(Space::Floats),
            (Some(Space::Classes(own)), Values::Codes(_, other))
                if std::ptr::eq(own, Arc::as_ptr(other)) =>
            {
                Some(Space::Classes(own))
            }
            _ => return None,
        };
    }
    space.or(Some(Space::Integers))
}

fn own_space(column: &Column) -> Option<Space<'_>> {
    match &column.values {
        Values::Empty => None,
        Values::Integers(_) => Some(Space::Integers),
        Values::Floats(_) => Some(Space::Floats),
        Values::Codes(_, dictionary) => Some(Space::Classes(dictionary)),
    }
}

fn double(float: f64) -> u64 {
    if float.is_nan() { f64::NAN.to_bits() } else { (float + 0.0).to_bits() }
}
