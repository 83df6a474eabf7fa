//! How a reader hands over attribute values: borrowed where they are scalars, built where they are not.

use ir::segment::DictionaryBuilder;
use ir::value::bool_text;
use ir::{Type, Value};

use super::cells::Cell;

/// A value that is still where the reader found it.
pub trait AttributeValue<'a>: Copy {
    /// The value without any copy, or the mark that it has to be built.
    fn scalar(self) -> ScalarRef<'a>;

    /// The whole value; asked for bytes, arrays and maps only, and only where a rule reads them.
    fn to_value(self) -> Value;
}

/// What matters of the attributes of one name to the spans of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Nothing: they need not be handed over.
    Nothing,
    /// All; keys are to be looked up by name.
    ByName,
    /// All; scalar values are those of the key of this number.
    Key(u32),
}

/// A scalar value of a key that is known by its number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Known {
    /// No value: unsets what came before.
    Empty,
    /// A string, by the code that the builder gave.
    Text(u32),
    /// true or false.
    Bool(bool),
    /// An int64.
    Int(i64),
    /// A double.
    Float(f64),
}

/// A value of one of the common types, or what else it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScalarRef<'a> {
    /// No value: as good as a missing attribute.
    Empty,
    /// A string.
    Text(&'a str),
    /// true or false.
    Bool(bool),
    /// An int64.
    Int(i64),
    /// A double.
    Float(f64),
    /// Bytes, an array or a map.
    Composite,
}

impl Known {
    /// The cell of the value, if it is one.
    #[inline]
    pub(super) fn cell(self, dictionary: &mut DictionaryBuilder) -> Option<Cell> {
        Some(match self {
            Self::Empty => return None,
            Self::Text(code) => Cell::from_code(code),
            Self::Bool(bool) => Cell::from_code(dictionary.intern(Type::Bool, bool_text(bool))),
            Self::Int(int) => Cell::int(int),
            Self::Float(float) => Cell::float(float),
        })
    }
}

impl<'a> AttributeValue<'a> for &'a Value {
    fn scalar(self) -> ScalarRef<'a> {
        match self {
            Value::Empty => ScalarRef::Empty,
            Value::Text(text) => ScalarRef::Text(text),
            Value::Bool(bool) => ScalarRef::Bool(*bool),
            Value::Int(int) => ScalarRef::Int(*int),
            Value::Float(float) => ScalarRef::Float(*float),
            Value::Bytes(_) | Value::List(_) | Value::Map(_) => ScalarRef::Composite,
        }
    }

    fn to_value(self) -> Value {
        self.clone()
    }
}
