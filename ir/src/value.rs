//! Values of attributes and constants: their canonical text, and the comparisons that rules make.
//!
//! Equality, `in`, distinct and `by` compare canonical texts; order is numeric where both sides
//! are numbers or numeric text, and bytewise between other texts. This module is the only place
//! that says so: every engine and every decided dictionary comes back to it.

mod json;
mod paths;

use std::borrow::Cow;
use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hashbrown::HashMap;
pub(crate) use json::read_json_text;
use json::unescape;
pub use json::write_json_text;
pub use paths::entries_of_maps;

use crate::number::Number;

/// The type that an attribute value had in the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Type {
    /// A string.
    Text,
    /// true or false.
    Bool,
    /// An int64.
    Int,
    /// A double.
    Float,
    /// Raw bytes; canonical text is base64.
    Bytes,
    /// An array; canonical text is compact JSON of canonical values.
    List,
    /// A key-value list; canonical text as for arrays.
    Map,
}

impl Type {
    const ALL: [Self; 7] =
        [Self::Text, Self::Bool, Self::Int, Self::Float, Self::Bytes, Self::List, Self::Map];

    /// A number that stays the same for ever.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The type of a number, if there is one.
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// An attribute value as a decoder found it, before it is stored in a segment.
///
/// Decoders bound its depth, so that walking and dropping it needs little stack.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value at all (an empty `AnyValue`); as an attribute it is missing, in a list it is null.
    Empty,
    /// A string.
    Text(String),
    /// true or false.
    Bool(bool),
    /// An int64.
    Int(i64),
    /// A double.
    Float(f64),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// An array.
    List(Vec<Value>),
    /// A key-value list in its order; of repeated keys the last counts.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// The type and canonical text; `None` for an empty value.
    pub fn canonical(&self) -> Option<(Type, Cow<'_, str>)> {
        let composite = |value_type| {
            let mut json = String::new();
            self.write_json(&mut json);
            Some((value_type, Cow::Owned(json)))
        };
        match self {
            Self::Empty => None,
            Self::Text(text) => Some((Type::Text, Cow::Borrowed(text))),
            Self::Bool(bool) => Some((Type::Bool, Cow::Borrowed(bool_text(*bool)))),
            Self::Int(int) => Some((Type::Int, Cow::Owned(int.to_string()))),
            Self::Float(float) => {
                Some((Type::Float, Cow::Owned(Number::Float(*float).canonical())))
            }
            Self::Bytes(bytes) => Some((Type::Bytes, Cow::Owned(STANDARD.encode(bytes)))),
            Self::List(_) => composite(Type::List),
            Self::Map(_) => composite(Type::Map),
        }
    }

    /// The entry of a map that `path` names: the longest key that is `path` or a dotted prefix of
    /// it wins, and the rest is looked up in that entry.
    pub fn entry(&self, path: &str) -> Option<&Value> {
        let Self::Map(entries) = self else { return None };
        lookup(entries.iter().map(|(key, value)| (key.as_str(), value)), path)
    }

    fn write_json(&self, out: &mut String) {
        match self {
            Self::Empty => out.push_str("null"),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write_json(out);
                }
                out.push(']');
            }
            Self::Map(entries) => {
                out.push('{');
                let mut first = true;
                let last: HashMap<&str, usize> = entries
                    .iter()
                    .enumerate()
                    .map(|(index, (key, _))| (key.as_str(), index))
                    .collect();
                for (index, (key, value)) in entries.iter().enumerate() {
                    if last[key.as_str()] != index {
                        continue;
                    }
                    if !std::mem::take(&mut first) {
                        out.push(',');
                    }
                    write_json_text(key, out);
                    out.push(':');
                    value.write_json(out);
                }
                out.push('}');
            }
            Self::Bool(bool) => out.push_str(bool_text(*bool)),
            Self::Int(int) => out.push_str(&int.to_string()),
            Self::Float(float) if float.is_finite() => {
                out.push_str(&Number::Float(*float).canonical());
            }
            Self::Float(float) => write_json_text(&Number::Float(*float).canonical(), out),
            Self::Text(text) => write_json_text(text, out),
            Self::Bytes(bytes) => write_json_text(&STANDARD.encode(bytes), out),
        }
    }
}

/// Looks `path` up among attributes: the attribute of that very name, else the entry of the map
/// attribute with the longest name that is a dotted prefix. Of repeated keys the last counts.
pub fn lookup<'a>(
    attributes: impl DoubleEndedIterator<Item = (&'a str, &'a Value)> + Clone,
    path: &str,
) -> Option<&'a Value> {
    let last = |name: &str| attributes.clone().rev().find(|(key, _)| *key == name);
    if let Some((_, value)) = last(path) {
        return (*value != Value::Empty).then_some(value);
    }
    path.rmatch_indices('.').find_map(|(dot, _)| {
        let (_, value) = last(&path[..dot])?;
        value.entry(&path[dot + 1..])
    })
}

/// A value as a rule sees it: of a segment's row, of a dictionary entry, or a rule's constant.
#[derive(Clone, Copy, Debug)]
pub enum Datum<'a> {
    /// An int64.
    Int(i64),
    /// A double.
    Float(f64),
    /// Any value by its type and canonical text.
    Entry(Type, &'a str),
}

impl<'a> Datum<'a> {
    /// The canonical text.
    pub fn text(self) -> Cow<'a, str> {
        match self {
            Self::Int(int) => Cow::Owned(int.to_string()),
            Self::Float(float) => Cow::Owned(Number::Float(float).canonical()),
            Self::Entry(_, text) => Cow::Borrowed(text),
        }
    }

    /// The type that the value had in the trace.
    pub fn value_type(self) -> Type {
        match self {
            Self::Int(_) => Type::Int,
            Self::Float(_) => Type::Float,
            Self::Entry(value_type, _) => value_type,
        }
    }

    /// The number that it is, or that its text has the form of.
    pub fn number(self) -> Option<Number> {
        match self {
            Self::Int(int) => Some(Number::Int(int)),
            Self::Float(float) => Some(Number::Float(float)),
            Self::Entry(Type::Text | Type::Int, text) => Number::from_text(text),
            Self::Entry(Type::Float, text) => text.parse().ok().map(Number::Float),
            Self::Entry(..) => None,
        }
    }

    /// `==` of the language: equal canonical texts, but NaN equals nothing.
    pub fn equals(self, other: Datum<'_>) -> bool {
        match (self, other) {
            (Self::Int(a), Datum::Int(b)) => a == b,
            (Self::Float(a), Datum::Float(b)) => a == b,
            _ => !self.is_nan() && !other.is_nan() && self.text() == other.text(),
        }
    }

    /// The order of two values, or `None` where `< <= > >=` are all false.
    pub fn order(self, other: Datum<'_>) -> Option<Ordering> {
        match (self.number(), other.number()) {
            (Some(a), Some(b)) => a.compare(b),
            _ => match (self, other) {
                (Self::Entry(Type::Text, a), Datum::Entry(Type::Text, b)) => {
                    Some(a.as_bytes().cmp(b.as_bytes()))
                }
                _ => None,
            },
        }
    }

    /// `contains`: membership in an array, a part of the canonical text otherwise.
    pub fn contains(self, needle: &str) -> bool {
        match self {
            Self::Entry(Type::List, json) => elements(json).any(|element| element == needle),
            _ => self.text().contains(needle),
        }
    }

    fn is_nan(self) -> bool {
        match self {
            Self::Float(float) => float.is_nan(),
            Self::Entry(Type::Float, text) => text == "NaN",
            _ => false,
        }
    }
}

/// `"true"` or `"false"`.
pub fn bool_text(bool: bool) -> &'static str {
    if bool { "true" } else { "false" }
}

/// Canonical texts of the elements of an array, from its canonical JSON.
fn elements(json: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = json.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or("");
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = element_end(rest);
        let element = &rest[..end];
        rest = rest[end..].strip_prefix(',').unwrap_or("");
        Some(match element.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(text) if text.contains('\\') => Cow::Owned(unescape(text)),
            Some(text) => Cow::Borrowed(text),
            None => Cow::Borrowed(element),
        })
    })
}

/// Where the first element of a canonical JSON array's inside ends.
fn element_end(inside: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return at,
            _ => {}
        }
    }
    inside.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Datum<'_> {
        Datum::Entry(Type::Text, text)
    }

    #[test]
    fn equality_is_of_canonical_texts() {
        assert!(Datum::Int(5).equals(Datum::Float(5.0)));
        assert!(Datum::Int(5).equals(text("5")));
        assert!(Datum::Entry(Type::Bool, "true").equals(text("true")));
        assert!(!text("5.0").equals(Datum::Int(5)));
        assert!(!text("007").equals(Datum::Int(7)));
        assert!(!Datum::Float(f64::NAN).equals(Datum::Float(f64::NAN)));
        assert!(!Datum::Float(f64::NAN).equals(text("NaN")));
        assert!(text("NaN").equals(text("NaN")));
    }

    #[test]
    fn order_is_numeric_or_bytewise_or_false() {
        assert_eq!(text("10").order(Datum::Int(9)), Some(Ordering::Greater));
        assert_eq!(text("10").order(text("9")), Some(Ordering::Greater));
        assert_eq!(text("10").order(text("9a")), Some(Ordering::Less));
        assert_eq!(text("abc").order(Datum::Int(9)), None);
        assert_eq!(Datum::Entry(Type::Bool, "true").order(text("true")), None);
        assert_eq!(Datum::Float(f64::NAN).order(Datum::Int(1)), None);
    }

    #[test]
    fn contains_on_an_array_is_membership() {
        let list = Value::List(vec![
            Value::Text("a,\"b\n".into()),
            Value::Int(5),
            Value::List(vec![Value::Int(1), Value::Int(2)]),
            Value::Empty,
        ]);
        let (value_type, json) = list.canonical().expect("a list has a text");
        assert_eq!(json, r#"["a,\"b\n",5,[1,2],null]"#);
        let list = Datum::Entry(value_type, &json);
        for element in ["a,\"b\n", "5", "[1,2]", "null"] {
            assert!(list.contains(element), "{element}");
        }
        assert!(!list.contains("a") && !list.contains("1"));
    }

    #[test]
    fn an_attribute_of_the_very_name_wins_over_a_map_entry() {
        let map = |key: &str, value: i64| Value::Map(vec![(key.to_owned(), Value::Int(value))]);
        let attributes = [("a.b".to_owned(), Value::Int(1)), ("a".to_owned(), map("b", 2))];
        let find = |attributes: &[(String, Value)], path: &str| {
            lookup(attributes.iter().map(|(k, v)| (k.as_str(), v)), path).cloned()
        };
        assert_eq!(find(&attributes, "a.b"), Some(Value::Int(1)));
        assert_eq!(find(&attributes[1..], "a.b"), Some(Value::Int(2)));
        assert_eq!(find(&attributes[1..], "a.c"), None);
        let twice = [("a".to_owned(), map("b", 2)), ("a".to_owned(), Value::Empty)];
        assert_eq!(find(&twice, "a.b"), None);
    }
}
