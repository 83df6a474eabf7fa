//! Attribute values of a chunk of rows, in the narrowest form that holds them all.

use ir::segment::{Buffer, Dictionary, DictionaryBuilder, Integers, Narrow};
use ir::value::bool_text;
use ir::{Datum, Mask, Number, Type, Value};

use super::attribute::ScalarRef;
use super::wanted::Found;

/// How the 64 bits of a cell are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As an int64.
    Ints,
    /// As a double.
    Floats,
    /// As a code of the key's dictionary.
    Codes,
}

/// A value as a cell holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) kind: Kind,
    pub(super) bits: u64,
}

impl Cell {
    /// The cell of a value, if it is one; texts go to `dictionary`.
    pub(super) fn of(found: Found<'_>, dictionary: &mut DictionaryBuilder) -> Option<Self> {
        match found {
            Found::Scalar(scalar) => Self::of_scalar(scalar, dictionary),
            Found::Value(value) => Self::of_value(&value, dictionary),
        }
    }

    /// The same as a code, whatever the kind.
    pub(super) fn code(self, dictionary: &mut DictionaryBuilder) -> u32 {
        match self.kind {
            Kind::Ints => {
                dictionary.intern(Type::Int, &Number::Int(self.bits.cast_signed()).canonical())
            }
            Kind::Floats => {
                let float = f64::from_bits(self.bits);
                dictionary.intern(Type::Float, &Number::Float(float).canonical())
            }
            Kind::Codes => self.bits as u32,
        }
    }

    /// The value, where codes are those of `dictionary`.
    pub(super) fn datum(self, dictionary: &Dictionary) -> Datum<'_> {
        match self.kind {
            Kind::Ints => Datum::Int(self.bits.cast_signed()),
            Kind::Floats => Datum::Float(f64::from_bits(self.bits)),
            Kind::Codes => dictionary.get(self.bits as u32),
        }
    }

    /// A code.
    pub(super) fn from_code(code: u32) -> Self {
        Self { kind: Kind::Codes, bits: code.into() }
    }

    /// The same value where another numbering of codes holds.
    pub(super) fn recoded(self, renew: impl FnOnce(u32) -> u32) -> Self {
        match self.kind {
            Kind::Codes => Self::from_code(renew(self.bits as u32)),
            Kind::Ints | Kind::Floats => self,
        }
    }

    /// An int64.
    pub(super) fn int(int: i64) -> Self {
        Self { kind: Kind::Ints, bits: int.cast_unsigned() }
    }

    /// A double; values of equal canonical text become the same bits.
    pub(super) fn float(float: f64) -> Self {
        let same = if float.is_nan() { f64::NAN } else { float + 0.0 };
        Self { kind: Kind::Floats, bits: same.to_bits() }
    }

    fn of_scalar(scalar: ScalarRef<'_>, dictionary: &mut DictionaryBuilder) -> Option<Self> {
        Some(match scalar {
            ScalarRef::Int(int) => Self::int(int),
            ScalarRef::Float(float) => Self::float(float),
            ScalarRef::Text(text) => Self::of_text(Type::Text, text, dictionary),
            ScalarRef::Bool(bool) => Self::of_text(Type::Bool, bool_text(bool), dictionary),
            ScalarRef::Empty | ScalarRef::Composite => return None,
        })
    }

    fn of_value(value: &Value, dictionary: &mut DictionaryBuilder) -> Option<Self> {
        match value {
            Value::Int(int) => Some(Self::int(*int)),
            Value::Float(float) => Some(Self::float(*float)),
            other => {
                let (value_type, text) = other.canonical()?;
                Some(Self::of_text(value_type, &text, dictionary))
            }
        }
    }

    fn of_text(value_type: Type, text: &str, dictionary: &mut DictionaryBuilder) -> Self {
        Self::from_code(dictionary.intern(value_type, text))
    }
}

/// The cells of the rows of a chunk that still grows.
#[derive(Debug, Default)]
pub(super) struct OpenCells {
    /// `None` as long as no row has a value.
    kind: Option<Kind>,
    bits: Vec<u64>,
    present: Vec<bool>,
}

impl OpenCells {
    /// Adds a row without a value.
    pub(super) fn push(&mut self) {
        self.bits.push(0);
        self.present.push(false);
    }

    /// Removes the last row.
    pub(super) fn pop(&mut self) {
        self.bits.pop();
        self.present.pop();
    }

    /// Whether the last row has a value.
    pub(super) fn has_last(&self) -> bool {
        self.present.last() == Some(&true)
    }

    /// Sets or unsets the value of the last row.
    pub(super) fn set_last(&mut self, cell: Option<Cell>, dictionary: &mut DictionaryBuilder) {
        let (Some(bits), Some(present)) = (self.bits.last_mut(), self.present.last_mut()) else {
            return;
        };
        *present = cell.is_some();
        let Some(cell) = cell else { return };
        match self.kind {
            Some(kind) if kind != cell.kind => {
                self.turn_to_codes(dictionary);
                if let Some(bits) = self.bits.last_mut() {
                    *bits = cell.code(dictionary).into();
                }
            }
            _ => {
                self.kind = Some(cell.kind);
                *bits = cell.bits;
            }
        }
    }

    /// Packs the rows and forgets them, but keeps the memory.
    pub(super) fn pack(&mut self) -> Cells {
        let mut present = Mask::empty(self.present.len());
        let rows = self.present.iter().enumerate();
        rows.filter(|(_, present)| **present).for_each(|(row, _)| present.insert(row));
        let cells = Cells::pack(self.kind.take(), &mut self.bits, present);
        self.bits.clear();
        self.present.clear();
        cells
    }

    fn turn_to_codes(&mut self, dictionary: &mut DictionaryBuilder) {
        let Some(kind) = self.kind.replace(Kind::Codes) else { return };
        let last = self.bits.len() - 1;
        for (bits, _) in
            self.bits[..last].iter_mut().zip(&self.present).filter(|(_, present)| **present)
        {
            *bits = Cell { kind, bits: *bits }.code(dictionary).into();
        }
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bits.capacity() * size_of::<u64>() + self.present.capacity()
    }
}

/// The cells of the rows of a full chunk.
#[derive(Debug)]
pub(super) struct Cells {
    values: Values,
    /// The rows with a value; `None` where all have one.
    present: Option<Mask>,
}

#[derive(Debug)]
enum Values {
    None,
    Ints(Integers),
    Floats(Buffer<f64>),
    Codes(Narrow),
}

impl Cells {
    /// The value of a row, if it has one.
    pub(super) fn get(&self, row: usize) -> Option<Cell> {
        if self.present.as_ref().is_some_and(|present| !present.get(row)) {
            return None;
        }
        Some(match &self.values {
            Values::None => return None,
            Values::Ints(ints) => Cell::int(ints.get(row)),
            Values::Floats(floats) => Cell { kind: Kind::Floats, bits: floats[row].to_bits() },
            Values::Codes(codes) => Cell::from_code(codes.get(row) as u32),
        })
    }

    /// The kind of all values; none without a value.
    pub(super) fn kind(&self) -> Option<Kind> {
        match &self.values {
            Values::None => None,
            Values::Ints(_) => Some(Kind::Ints),
            Values::Floats(_) => Some(Kind::Floats),
            Values::Codes(_) => Some(Kind::Codes),
        }
    }

    /// Turns numbers of `rows` rows to codes.
    pub(super) fn turn_to_codes(&mut self, rows: usize, dictionary: &mut DictionaryBuilder) {
        if matches!(self.kind(), Some(Kind::Ints | Kind::Floats)) {
            let code = |row| self.get(row).map_or(0, |cell| cell.code(dictionary).into());
            let codes: Vec<u64> = (0..rows).map(code).collect();
            self.values = Values::Codes(Narrow::pack(codes.iter().copied()));
        }
    }

    /// Bytes that they take, about.
    pub(super) fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::None => 0,
            Values::Ints(ints) => narrow_bytes(&ints.offsets),
            Values::Floats(floats) => floats.bytes(),
            Values::Codes(codes) => narrow_bytes(codes),
        };
        let present = self.present.as_ref().map_or(0, |present| present.len() / 8 + 128);
        values + present + size_of::<Self>()
    }

    fn pack(kind: Option<Kind>, bits: &mut [u64], present: Mask) -> Self {
        let Some(first) = present.iter().next() else {
            return Self { values: Values::None, present: None };
        };
        let full = present.count() == present.len();
        if !full {
            // A missing cell holds a value of the chunk, so that it does not widen the column.
            let filler = bits[first];
            let missing = bits.iter_mut().enumerate().filter(|(row, _)| !present.get(*row));
            missing.for_each(|(_, bits)| *bits = filler);
        }
        let values = match kind {
            None => Values::None,
            Some(Kind::Ints) => {
                Values::Ints(Integers::pack(bits.iter().map(|bits| bits.cast_signed())))
            }
            Some(Kind::Floats) => {
                Values::Floats(Buffer::collect(bits.iter().map(|bits| f64::from_bits(*bits))))
            }
            Some(Kind::Codes) => Values::Codes(Narrow::pack(bits.iter().copied())),
        };
        Self { values, present: (!full).then_some(present) }
    }
}

/// Bytes that a narrow column takes.
pub(super) fn narrow_bytes(narrow: &Narrow) -> usize {
    match narrow {
        Narrow::U8(values) => values.bytes(),
        Narrow::U16(values) => values.bytes(),
        Narrow::U32(values) => values.bytes(),
        Narrow::U64(values) => values.bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_of_one_canonical_text_have_the_same_bits() {
        let other_nan = f64::from_bits(f64::NAN.to_bits() | 1);
        assert_eq!(Cell::float(-0.0), Cell::float(0.0));
        assert_eq!(Cell::float(other_nan), Cell::float(f64::NAN));
        assert_ne!(Cell::float(-1.0), Cell::float(1.0));
    }

    #[test]
    fn a_missing_cell_does_not_widen_a_chunk() {
        let dictionary = &mut DictionaryBuilder::default();
        let mut open = OpenCells::default();
        for cell in [Some(Cell::int(1 << 40)), None, Some(Cell::int((1 << 40) + 1))] {
            open.push();
            open.set_last(cell, dictionary);
        }
        let cells = open.pack();
        assert!(
            matches!(&cells.values, Values::Ints(ints) if matches!(ints.offsets, Narrow::U8(_)))
        );
        assert_eq!(cells.get(1), None);
        assert_eq!(cells.get(2), Some(Cell::int((1 << 40) + 1)));
    }
}
