//! Comparisons of a value that is there.

use regex::{Regex, RegexBuilder};

use super::FieldId;
use crate::value::{Datum, Type, bool_text};

/// A comparison of a value that is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// Nothing more is asked.
    Exists,
    /// Canonical texts are equal.
    Equal(Scalar),
    /// The canonical text equals one of these.
    In(Box<[Scalar]>),
    /// The value orders so against the constant.
    Order(Order, Scalar),
    /// The regular expression is found in the canonical text.
    Matches(Pattern),
    /// The canonical text contains this, or the array has it as an element.
    Contains(Box<str>),
    /// The canonical text starts with this.
    StartsWith(Box<str>),
    /// The canonical text ends with this.
    EndsWith(Box<str>),
    /// Canonical texts of both fields are equal; false where the other is missing.
    EqualField(FieldId),
    /// The value orders so against the other field's; false where that is missing.
    OrderField(Order, FieldId),
}

impl Test {
    /// Whether `value` passes. A comparison with another field passes its value as `other`.
    pub fn passes(&self, value: Datum<'_>, other: Option<Datum<'_>>) -> bool {
        match self {
            Self::Exists => true,
            Self::Equal(constant) => value.equals(constant.datum()),
            Self::In(constants) => constants.iter().any(|constant| value.equals(constant.datum())),
            Self::Order(order, constant) => order.holds(value.order(constant.datum())),
            Self::Matches(pattern) => pattern.is_match(&value.text()),
            Self::Contains(needle) => value.contains(needle),
            Self::StartsWith(prefix) => value.text().starts_with(&**prefix),
            Self::EndsWith(suffix) => value.text().ends_with(&**suffix),
            Self::EqualField(_) => other.is_some_and(|other| value.equals(other)),
            Self::OrderField(order, _) => {
                other.is_some_and(|other| order.holds(value.order(other)))
            }
        }
    }

    /// The field that the value is compared with, if it is one.
    pub fn other_field(&self) -> Option<FieldId> {
        match self {
            Self::EqualField(field) | Self::OrderField(_, field) => Some(*field),
            _ => None,
        }
    }
}

/// A regular expression together with its source text, by which it is compared.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    size: usize,
}

impl Pattern {
    /// Bytes that a compiled pattern may take.
    pub const SIZE_LIMIT: usize = 256 << 10;
    /// The least that a pattern counts for; a power of four below the most.
    const LEAST_SIZE: usize = 4 << 10;
    /// Bytes that the lazily built automaton of a pattern may take.
    pub const CACHE_LIMIT: usize = 1 << 20;
    /// How deep groups and repetitions may nest.
    pub const NEST_LIMIT: u32 = 50;

    /// Compiles `source` within the limits above.
    ///
    /// # Errors
    /// The regex crate's own description of a syntax error or a limit reached.
    pub fn new(source: &str) -> Result<Self, regex::Error> {
        let mut size = Self::LEAST_SIZE;
        loop {
            let built = RegexBuilder::new(source)
                .size_limit(size)
                .dfa_size_limit(Self::CACHE_LIMIT)
                .nest_limit(Self::NEST_LIMIT)
                .build();
            match built {
                Err(regex::Error::CompiledTooBig(_)) if size < Self::SIZE_LIMIT => size *= 4,
                built => return Ok(Self { regex: built?, size }),
            }
        }
    }

    /// What it counts for where patterns have to share: bytes within which it compiled, at most
    /// four times what it needs.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The text that it was compiled from.
    pub fn source(&self) -> &str {
        self.regex.as_str()
    }

    /// Whether it is found anywhere in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Pattern {}

impl std::hash::Hash for Pattern {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.source().hash(state);
    }
}

/// A constant of a rule.
#[derive(Clone, Debug)]
pub enum Scalar {
    /// A string.
    Text(Box<str>),
    /// true or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
}

impl Scalar {
    /// The constant as comparisons take it.
    pub fn datum(&self) -> Datum<'_> {
        match self {
            Self::Text(text) => Datum::Entry(Type::Text, text),
            Self::Bool(bool) => Datum::Entry(Type::Bool, bool_text(*bool)),
            Self::Int(int) => Datum::Int(*int),
            Self::Float(float) => Datum::Float(*float),
        }
    }

    fn key(&self) -> (u8, u64, &str) {
        match self {
            Self::Text(text) => (0, 0, text),
            Self::Bool(bool) => (1, u64::from(*bool), ""),
            Self::Int(int) => (2, int.cast_unsigned(), ""),
            Self::Float(float) => (3, float.to_bits(), ""),
        }
    }
}

/// Constants are the same when they are of one type and bit for bit alike.
impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Scalar {}

impl std::hash::Hash for Scalar {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// `< <= > >=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

impl Order {
    /// The order that says the same with its sides exchanged.
    pub fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessEqual => Self::GreaterEqual,
            Self::Greater => Self::Less,
            Self::GreaterEqual => Self::LessEqual,
        }
    }

    /// Whether two values that compare so are in this order; never for values without an order.
    pub fn holds(self, ordering: Option<std::cmp::Ordering>) -> bool {
        ordering.is_some_and(|ordering| match self {
            Self::Less => ordering.is_lt(),
            Self::LessEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterEqual => ordering.is_ge(),
        })
    }
}
