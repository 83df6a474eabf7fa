//! Attribute values of a chunk of rows, in the narrowest form that holds them all.

mod open;

use ir::segment::{Buffer, Dictionary, DictionaryBuilder, Integers, Narrow};
use ir::value::bool_text;
use ir::{Datum, Mask, Number, Type, Value};
pub(super) use open::OpenCells;

use super::attribute::ScalarRef;
use super::narrow::{append, append_of, narrow_bytes};
use super::wanted::Found;

/// A column with a value on less than one row of so many keeps nothing of the other rows.
const FEW: usize = 8;

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

/// The cells of the rows of a full chunk, of which at least one has a value.
#[derive(Debug)]
pub(super) struct Cells {
    values: Values,
    rows: Rows,
}

/// The rows with a value.
#[derive(Debug)]
enum Rows {
    /// All of them: a value a row.
    All,
    /// A value a row, which counts for these rows only.
    Some(Mask),
    /// So few that only these rows, ascending, take up space.
    Few(Box<[u16]>),
}

#[derive(Debug)]
enum Values {
    Ints(Integers),
    Floats(Buffer<f64>),
    Codes(Narrow),
    /// As they are: packed columns would take more for a few values.
    Few(Kind, Box<[u64]>),
}

impl Cells {
    /// The value of a row, if it has one.
    pub(super) fn get(&self, row: usize) -> Option<Cell> {
        let at = match &self.rows {
            Rows::All => row,
            Rows::Some(present) => present.get(row).then_some(row)?,
            Rows::Few(rows) => rows.binary_search(&(row as u16)).ok()?,
        };
        Some(match &self.values {
            Values::Ints(ints) => Cell::int(ints.get(at)),
            Values::Floats(floats) => Cell { kind: Kind::Floats, bits: floats[at].to_bits() },
            Values::Codes(codes) => Cell::from_code(codes.get(at) as u32),
            Values::Few(kind, bits) => Cell { kind: *kind, bits: bits[at] },
        })
    }

    /// Appends the values of `rows`, ascending: their bits, which are anything where there is no value,
    /// and which there are.
    pub(super) fn read(&self, rows: &[u16], bits: &mut Vec<u64>, present: &mut Vec<bool>) {
        match &self.rows {
            Rows::All => {
                self.values.read(rows, bits);
                present.resize(bits.len(), true);
            }
            Rows::Some(mask) => {
                self.values.read(rows, bits);
                let words = mask.words();
                let is_there = |&row: &u16| words[usize::from(row) / 64] >> (row % 64) & 1 == 1;
                present.extend(rows.iter().map(is_there));
            }
            Rows::Few(few) => {
                let begin = bits.len();
                bits.resize(begin + rows.len(), 0);
                present.resize(begin + rows.len(), false);
                for row in few {
                    let Ok(place) = rows.binary_search(row) else { continue };
                    let Some(cell) = self.get(usize::from(*row)) else { continue };
                    (bits[begin + place], present[begin + place]) = (cell.bits, true);
                }
            }
        }
    }

    /// The kind of all values.
    pub(super) fn kind(&self) -> Kind {
        match &self.values {
            Values::Ints(_) => Kind::Ints,
            Values::Floats(_) => Kind::Floats,
            Values::Codes(_) => Kind::Codes,
            Values::Few(kind, _) => *kind,
        }
    }

    /// Turns numbers of `rows` rows to codes.
    pub(super) fn turn_to_codes(&mut self, rows: usize, dictionary: &mut DictionaryBuilder) {
        if let Values::Few(kind, bits) = &mut self.values {
            bits.iter_mut().for_each(|bits| {
                *bits = Cell { kind: *kind, bits: *bits }.code(dictionary).into();
            });
            *kind = Kind::Codes;
        } else if self.kind() != Kind::Codes {
            let code = |row| self.get(row).map_or(0, |cell| cell.code(dictionary).into());
            let codes: Vec<u64> = (0..rows).map(code).collect();
            self.values = Values::Codes(Narrow::pack(codes.iter().copied()));
        }
    }

    /// Bytes that they take, about.
    pub(super) fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Ints(ints) => narrow_bytes(&ints.offsets),
            Values::Floats(floats) => floats.bytes(),
            Values::Codes(codes) => narrow_bytes(codes),
            Values::Few(_, bits) => size_of_val(&**bits),
        };
        let rows = match &self.rows {
            Rows::All => 0,
            Rows::Some(present) => present.len() / 8 + 128,
            Rows::Few(rows) => size_of_val(&**rows),
        };
        values + rows + size_of::<Self>()
    }

    /// Packs the cells of `present`, the rows with a value, of which there is at least one.
    fn pack(kind: Kind, present: &[u16], bits: &[u64], rows: usize) -> Self {
        if present.len() < rows.div_ceil(FEW) {
            return Self {
                values: Values::Few(kind, bits.into()),
                rows: Rows::Few(present.into()),
            };
        }
        if present.len() == rows {
            return Self { values: Values::pack(kind, bits), rows: Rows::All };
        }
        // A missing cell holds a value of the chunk, so that it does not widen the column.
        let mut all = vec![bits[0]; rows];
        let mut mask = Mask::empty(rows);
        for (&row, &bits) in present.iter().zip(bits) {
            all[usize::from(row)] = bits;
            mask.insert(usize::from(row));
        }
        Self { values: Values::pack(kind, &all), rows: Rows::Some(mask) }
    }
}

impl Values {
    /// Appends the bits of these rows.
    fn read(&self, rows: &[u16], all: &mut Vec<u64>) {
        match self {
            Self::Ints(Integers { base, offsets, .. }) => {
                append(offsets, rows, all, |offset| base.cast_unsigned().wrapping_add(offset));
            }
            Self::Floats(floats) => {
                append_of(bytemuck::cast_slice::<f64, u64>(floats), rows, all, |bits| bits);
            }
            Self::Codes(codes) => append(codes, rows, all, |code| code),
            Self::Few(_, bits) => append_of(bits, rows, all, |bits| bits),
        }
    }

    fn pack(kind: Kind, bits: &[u64]) -> Self {
        let bits = bits.iter();
        match kind {
            Kind::Ints => Self::Ints(Integers::pack(bits.map(|bits| bits.cast_signed()))),
            Kind::Floats => Self::Floats(Buffer::collect(bits.map(|bits| f64::from_bits(*bits)))),
            Kind::Codes => Self::Codes(Narrow::pack(bits.copied())),
        }
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

    /// The packed cells of a chunk with these values.
    fn packed(cells: &[Option<Cell>], dictionary: &mut DictionaryBuilder) -> Cells {
        let mut open = OpenCells::default();
        for (row, cell) in cells.iter().enumerate() {
            open.set(row, *cell, dictionary);
        }
        open.pack(cells.len()).expect("some row has a value")
    }

    #[test]
    fn a_missing_cell_does_not_widen_a_chunk() {
        let cells = [Some(Cell::int(1 << 40)), None, Some(Cell::int((1 << 40) + 1))];
        let packed = packed(&cells, &mut DictionaryBuilder::default());
        assert!(
            matches!(&packed.values, Values::Ints(ints) if matches!(ints.offsets, Narrow::U8(_)))
        );
        assert!((0..3).all(|row| packed.get(row) == cells[row]));
    }

    #[test]
    fn a_column_that_few_rows_bear_takes_space_for_these_alone() {
        let dictionary = &mut DictionaryBuilder::default();
        let mut cells = vec![None; 1000];
        (cells[3], cells[999]) = (Some(Cell::int(5)), Some(Cell::int(-1)));
        let mut few = packed(&cells, dictionary);
        assert!((0..1000).all(|row| few.get(row) == cells[row]));
        assert!(few.bytes() < 200, "{}", few.bytes());
        few.turn_to_codes(1000, dictionary);
        let text = |row: usize| few.get(row).map(|cell| cell.datum(dictionary.dictionary()).text());
        assert_eq!((text(3), text(4)), (Some("5".into()), None));
        assert_eq!((few.kind(), text(999)), (Kind::Codes, Some("-1".into())));
    }
}
