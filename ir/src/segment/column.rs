//! Columns: narrow integers, doubles and dictionary codes, with presence.

use std::sync::Arc;

use super::buffer::Buffer;
use super::dictionary::Dictionary;
use crate::mask::Mask;
use crate::value::Datum;

/// Unsigned integers in the fewest whole bytes that hold the largest.
#[derive(Clone, Debug, PartialEq)]
pub enum Narrow {
    /// All below 2^8.
    U8(Buffer<u8>),
    /// All below 2^16.
    U16(Buffer<u16>),
    /// All below 2^32.
    U32(Buffer<u32>),
    /// Anything.
    U64(Buffer<u64>),
}

impl Narrow {
    /// Packs `values`.
    pub fn pack(values: impl ExactSizeIterator<Item = u64> + Clone) -> Self {
        // All bits that are set in any are as good as the largest, and found many at a time.
        match values.clone().fold(0, |bits, value| bits | value) {
            0..=0xff => Self::U8(Buffer::collect(values.map(|value| value as u8))),
            0x100..=0xffff => Self::U16(Buffer::collect(values.map(|value| value as u16))),
            0x1_0000..=0xffff_ffff => Self::U32(Buffer::collect(values.map(|value| value as u32))),
            _ => Self::U64(Buffer::collect(values)),
        }
    }

    /// The value at `row`.
    ///
    /// # Panics
    /// Where `row` is not a row of the column.
    pub fn get(&self, row: usize) -> u64 {
        match self {
            Self::U8(values) => values.at(row).into(),
            Self::U16(values) => values.at(row).into(),
            Self::U32(values) => values.at(row).into(),
            Self::U64(values) => values.at(row),
        }
    }

    /// Whether the value at `row` is `value`; see [`Buffer::is`].
    ///
    /// # Panics
    /// Where `row` is not a row of the column.
    pub fn is(&self, row: usize, value: u64) -> bool {
        match self {
            Self::U64(values) => values.is(row, value),
            _ => self.get(row) == value,
        }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::U16(values) => values.len(),
            Self::U32(values) => values.len(),
            Self::U64(values) => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Narrow {
    fn default() -> Self {
        Self::U8(Buffer::default())
    }
}

/// Signed integers as offsets from their minimum (frame of reference).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Integers {
    /// The smallest value, which offset 0 stands for.
    pub base: i64,
    /// The largest value.
    pub max: i64,
    /// Offsets from `base`, wrapping in 64 bits.
    pub offsets: Narrow,
}

impl Integers {
    /// Packs `values`.
    pub fn pack(values: impl ExactSizeIterator<Item = i64> + Clone) -> Self {
        let base = values.clone().min().unwrap_or(0);
        let max = values.clone().max().unwrap_or(0);
        let offsets = values.map(|value| value.wrapping_sub(base).cast_unsigned());
        Self { base, max, offsets: Narrow::pack(offsets) }
    }

    /// The value at `row`.
    ///
    /// # Panics
    /// Where `row` is not a row of the column.
    pub fn get(&self, row: usize) -> i64 {
        self.base.wrapping_add(self.offsets.get(row).cast_signed())
    }

    /// Whether the value at `row` is `value`; see [`Buffer::is`].
    ///
    /// # Panics
    /// Where `row` is not a row of the column.
    pub fn is(&self, row: usize, value: i64) -> bool {
        self.offsets.is(row, value.wrapping_sub(self.base).cast_unsigned())
    }
}

/// The values of a column; a slot whose value is missing holds any value of its kind.
#[derive(Clone, Debug)]
pub enum Values {
    /// No row has a value.
    Empty,
    /// Every value is an int64.
    Integers(Integers),
    /// Every value is a double.
    Floats(Buffer<f64>),
    /// Values of any type, as codes of a dictionary.
    Codes(Narrow, Arc<Dictionary>),
}

/// One field of the rows of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// The values.
    pub values: Values,
    /// The rows that have one; `None` where all have.
    pub present: Option<Mask>,
}

impl Column {
    /// The column of a field that no row has.
    pub const EMPTY: Self = Self { values: Values::Empty, present: None };

    /// A column of values, `present` where the mask says; a full mask is dropped, an empty one
    /// makes an empty column.
    pub fn new(values: Values, present: Mask) -> Self {
        match present.count() {
            0 => Self::EMPTY,
            count if count == present.len() => Self { values, present: None },
            _ => Self { values, present: Some(present) },
        }
    }

    /// Whether no row has a value.
    pub fn is_empty(&self) -> bool {
        matches!(self.values, Values::Empty)
    }

    /// Whether `row` has a value.
    pub fn has(&self, row: usize) -> bool {
        !matches!(self.values, Values::Empty)
            && self.present.as_ref().is_none_or(|present| present.get(row))
    }

    /// The value of `row`, if it has one.
    ///
    /// # Panics
    /// Where `row` is not a row of the column.
    pub fn get(&self, row: usize) -> Option<Datum<'_>> {
        if !self.has(row) {
            return None;
        }
        Some(match &self.values {
            Values::Empty => return None,
            Values::Integers(integers) => Datum::Int(integers.get(row)),
            Values::Floats(floats) => Datum::Float(floats.at(row)),
            Values::Codes(codes, dictionary) => dictionary.get(codes.get(row) as u32),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_take_the_fewest_bytes_and_come_back() {
        for (values, narrow) in [
            (vec![1_000_000, 1_000_255], "U8"),
            (vec![-1, 255], "U16"),
            (vec![0, 1 << 31], "U32"),
            (vec![i64::MIN, 0, i64::MAX], "U64"),
        ] {
            let packed = Integers::pack(values.iter().copied());
            assert!(format!("{:?}", packed.offsets).starts_with(narrow), "{values:?}");
            assert!((0..values.len()).all(|row| packed.get(row) == values[row]));
        }
    }

    #[test]
    fn a_column_without_values_is_empty() {
        let values = Values::Floats(Buffer::zeroed(3));
        assert!(Column::new(values.clone(), Mask::empty(3)).get(1).is_none());
        assert!(Column::new(values.clone(), Mask::full(3)).present.is_none());
        let mut one = Mask::empty(3);
        one.insert(1);
        let column = Column::new(values, one);
        assert!(column.get(1).is_some() && column.get(0).is_none());
    }
}
