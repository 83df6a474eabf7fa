//! Values at the edges of what comparisons distinguish.

use ir::Value;

use crate::bytes::Bytes;

/// Integers around every boundary of width and sign.
pub const INTEGERS: [i64; 17] = [
    0,
    1,
    -1,
    2,
    5,
    7,
    127,
    255,
    256,
    65_535,
    65_536,
    1 << 32,
    (1 << 53) + 1,
    -(1 << 53) - 1,
    i64::MAX,
    i64::MAX - 1,
    i64::MIN,
];

/// Doubles around every boundary.
pub const FLOATS: [f64; 16] = [
    0.0,
    -0.0,
    0.5,
    -0.5,
    1.0,
    5.0,
    7.25,
    1e3,
    1e19,
    9_007_199_254_740_992.0,
    9_223_372_036_854_775_808.0,
    -9_223_372_036_854_775_808.0,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MIN_POSITIVE,
];

/// Texts, many of which look like values of other types.
pub const TEXTS: [&str; 22] = [
    "",
    "a",
    "ab",
    "b",
    "EUR",
    "5",
    "5.0",
    "007",
    "7",
    "1e3",
    "1000",
    "-0",
    "0",
    "true",
    "false",
    "NaN",
    "Infinity",
    "9223372036854775807",
    "9007199254740993",
    "[1,\"a\"]",
    "é",
    "a.b",
];

/// What the values of an attribute key are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Integers of few distinct values.
    SmallIntegers,
    /// Integers that fill one byte.
    ByteIntegers,
    /// Integers that fill two bytes.
    ShortIntegers,
    /// Integers of any width.
    Integers,
    /// Doubles.
    Floats,
    /// One of a few texts.
    Texts,
    /// Texts nearly all distinct.
    Ids,
    /// Any type.
    Mixed,
}

impl Kind {
    /// All kinds; doubles twice, as there are four kinds of integers.
    pub const ALL: [Self; 9] = [
        Self::SmallIntegers,
        Self::ByteIntegers,
        Self::ShortIntegers,
        Self::Integers,
        Self::Floats,
        Self::Floats,
        Self::Texts,
        Self::Ids,
        Self::Mixed,
    ];

    /// A value of this kind.
    pub fn value(self, bytes: &mut Bytes<'_>) -> Value {
        match self {
            Self::SmallIntegers => Value::Int(bytes.below(9) as i64 - 2),
            Self::ByteIntegers => Value::Int(bytes.below(1 << 8) as i64),
            Self::ShortIntegers => Value::Int(bytes.below(1 << 16) as i64),
            Self::Integers => Value::Int(integer(bytes)),
            Self::Floats => Value::Float(*bytes.pick(&FLOATS)),
            Self::Texts => Value::Text((*bytes.pick(&TEXTS)).to_owned()),
            Self::Ids => Value::Text(format!("id-{}", bytes.below(2_000))),
            Self::Mixed => any(bytes),
        }
    }
}

/// An integer at an edge or between.
pub fn integer(bytes: &mut Bytes<'_>) -> i64 {
    match bytes.below(4) {
        0 => bytes.bits().cast_signed() >> bytes.below(64),
        _ => *bytes.pick(&INTEGERS),
    }
}

/// A value of any type.
pub fn any(bytes: &mut Bytes<'_>) -> Value {
    match bytes.below(9) {
        0 | 1 => Value::Int(integer(bytes)),
        2 => Value::Float(*bytes.pick(&FLOATS)),
        3 | 4 => Value::Text((*bytes.pick(&TEXTS)).to_owned()),
        5 => Value::Bool(bytes.chance(50)),
        6 => Value::Bytes(vec![bytes.below(256) as u8; bytes.below(3)]),
        7 => Value::List(vec![Value::Int(1), Value::Text((*bytes.pick(&TEXTS)).to_owned())]),
        _ => Value::Map(vec![("k".to_owned(), Value::Int(bytes.below(3) as i64))]),
    }
}
