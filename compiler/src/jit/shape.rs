//! What code is made for: the form of a predicate and of the columns that it reads, without
//! constants. Predicates of one shape share one kernel, whatever they compare with.
//!
//! A shape is written as its parts in postfix order: leaves, then the connective that joins them.
//! Each leaf owns some words of the operand block, one leaf after another:
//!
//! ```text
//! Equal(w)            column  value×16 bytes
//! Runs(w, n)          column  n × (low×16 bytes, limit×16 bytes)
//! Lookup              column  members of 0..128 ×16 bytes  members of 128..256 ×16 bytes
//! Set(w)              column  table  index of its last word
//! Order(o)            column  constant×16 bytes
//! Doubles(n)          column  n × (value×16 bytes)
//! Against(l, r, c, o) left column  right column  added to left×16 bytes  added to right×16 bytes
//! Present             bits
//! ```

use ir::module::Comparison;
use ir::segment::Narrow;

/// A predicate's form.
pub type Shape = Vec<Part>;

/// A part of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The number equals a constant.
    Equal(Width),
    /// The number lies in one of this many ranges: its distance from the range's low end, moved to
    /// signed numbers, is below the limit.
    Runs(Width, u8),
    /// The byte is one of a set, looked up in 32 bytes.
    Lookup,
    /// The number, of more than a byte, is one of a set, looked up in a table of bits, row by row.
    Set(Width),
    /// The double compares so with a constant.
    Order(Comparison),
    /// The double equals one of this many constants.
    Doubles(u8),
    /// Two integers, each a number and a constant to add, compare so as signed integers of the
    /// third width.
    Against(Width, Width, Width, Comparison),
    /// The row has a value.
    Present,
    /// Not the part before.
    Not,
    /// All of this many parts before.
    And(u16),
    /// Any of this many parts before.
    Or(u16),
}

/// Bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Width {
    /// One.
    W8,
    /// Two.
    W16,
    /// Four.
    W32,
    /// Eight.
    W64,
}

impl Width {
    /// The width of a column's numbers.
    pub fn of(numbers: &Narrow) -> Self {
        match numbers {
            Narrow::U8(_) => Self::W8,
            Narrow::U16(_) => Self::W16,
            Narrow::U32(_) => Self::W32,
            Narrow::U64(_) => Self::W64,
        }
    }

    /// Bytes of a number.
    pub fn bytes(self) -> usize {
        1 << self as u32
    }

    /// Bits of a number.
    pub fn bits(self) -> u32 {
        8 << self as u32
    }

    /// The bit that makes a signed number of this width negative.
    pub fn sign(self) -> u64 {
        1 << (self.bits() - 1)
    }

    /// Sixteen bytes that repeat the low bytes of `number`.
    pub fn splat(self, number: u64) -> [u64; 2] {
        let word = match self {
            Self::W8 => (number & 0xff) * 0x0101_0101_0101_0101,
            Self::W16 => (number & 0xffff) * 0x0001_0001_0001_0001,
            Self::W32 => (number & 0xffff_ffff) * 0x0000_0001_0000_0001,
            Self::W64 => number,
        };
        [word; 2]
    }
}

impl Part {
    /// Words of the operand block that it owns.
    pub fn words(self) -> usize {
        match self {
            Self::Equal(_) | Self::Set(_) | Self::Order(_) => 3,
            Self::Runs(_, runs) => 1 + 4 * usize::from(runs),
            Self::Lookup => 5,
            Self::Doubles(points) => 1 + 2 * usize::from(points),
            Self::Against(..) => 6,
            Self::Present => 1,
            Self::Not | Self::And(_) | Self::Or(_) => 0,
        }
    }

    /// Whether it is a leaf.
    pub fn is_leaf(self) -> bool {
        self.words() > 0
    }

    /// About how many instructions of the code generator's language it takes.
    pub fn cost(self) -> usize {
        let vectors = |width: Width| 4 * width.bytes();
        match self {
            Self::Equal(width) => 3 * vectors(width),
            Self::Runs(width, runs) => (2 + 3 * usize::from(runs)) * vectors(width),
            Self::Lookup => 60,
            Self::Set(_) => 120,
            Self::Order(_) => 3 * vectors(Width::W64),
            Self::Doubles(points) => (2 + 2 * usize::from(points)) * vectors(Width::W64),
            Self::Against(.., width, _) => 8 * vectors(width),
            Self::Present => 3,
            Self::Not => 4,
            Self::And(parts) | Self::Or(parts) => 5 * usize::from(parts) + 12,
        }
    }
}
