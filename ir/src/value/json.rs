//! Canonical JSON: how composite values are written, and values read back from their canonical text.

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Type, Value};
use crate::number::Number;

/// Deepest nesting of lists and maps that is read: more than any decoder lets in.
const DEEPEST: usize = 64;

impl Value {
    /// A value of this type with this canonical text. What is inside of a list or map is of a type of
    /// the same text: there, bytes are a string, and a whole double is an int64.
    ///
    /// `None` where the text is not canonical for the type.
    pub fn from_canonical(value_type: Type, text: &str) -> Option<Self> {
        let whole = |json: &str| match read(json, DEEPEST)? {
            (value, "") => Some(value),
            _ => None,
        };
        Some(match value_type {
            Type::Text => Self::Text(text.to_owned()),
            Type::Bool => Self::Bool(text == "true"),
            Type::Int => Self::Int(text.parse().ok()?),
            Type::Float => Self::Float(text.parse().ok()?),
            Type::Bytes => Self::Bytes(STANDARD.decode(text).ok()?),
            Type::List => whole(text).filter(|value| matches!(value, Self::List(_)))?,
            Type::Map => whole(text).filter(|value| matches!(value, Self::Map(_)))?,
        })
    }
}

/// Appends `text` as a JSON string, escaping only what JSON demands.
pub fn write_json_text(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\')
    {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => write!(out, "\\u{control:04x}").expect("a String takes every write"),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Reads the JSON string that `text` begins with; also what comes after it.
pub(crate) fn read_json_text(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inside.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some((unescape(&inside[..end]), &inside[end + 1..]))
}

/// Undoes [`write_json_text`] for the text between the quotes.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let code = chars
                    .by_ref()
                    .take(4)
                    .fold(0, |code, digit| code * 16 + digit.to_digit(16).unwrap_or(0));
                out.extend(char::from_u32(code));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

/// The value that canonical JSON begins with, nested no deeper than `depth`, and what comes after it.
fn read(json: &str, depth: usize) -> Option<(Value, &str)> {
    let words =
        [("null", Value::Empty), ("true", Value::Bool(true)), ("false", Value::Bool(false))];
    for (word, value) in words {
        if let Some(rest) = json.strip_prefix(word) {
            return Some((value, rest));
        }
    }
    match json.as_bytes().first()? {
        b'"' => read_json_text(json).map(|(text, rest)| (Value::Text(text), rest)),
        b'[' => {
            let mut items = Vec::new();
            let rest = members(&json[1..], ']', |json| {
                let (item, rest) = read(json, depth.checked_sub(1)?)?;
                items.push(item);
                Some(rest)
            })?;
            Some((Value::List(items), rest))
        }
        b'{' => {
            let mut entries = Vec::new();
            let rest = members(&json[1..], '}', |json| {
                let (key, rest) = read_json_text(json)?;
                let (value, rest) = read(rest.strip_prefix(':')?, depth.checked_sub(1)?)?;
                entries.push((key, value));
                Some(rest)
            })?;
            Some((Value::Map(entries), rest))
        }
        _ => {
            let end = json.find([',', ']', '}']).unwrap_or(json.len());
            let value = match Number::from_text(&json[..end])? {
                Number::Int(int) => Value::Int(int),
                Number::Float(float) => Value::Float(float),
            };
            Some((value, &json[end..]))
        }
    }
}

/// Reads members by `one` up to the bracket `close`; what comes after that.
fn members<'a>(
    mut json: &'a str,
    close: char,
    mut one: impl FnMut(&'a str) -> Option<&'a str>,
) -> Option<&'a str> {
    if let Some(rest) = json.strip_prefix(close) {
        return Some(rest);
    }
    loop {
        json = one(json)?;
        if let Some(rest) = json.strip_prefix(close) {
            return Some(rest);
        }
        json = json.strip_prefix(',')?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_from_canonical_text_has_that_text() {
        let entry = |key: &str, value| (key.to_owned(), value);
        let map = Value::Map(vec![
            entry("", Value::Empty),
            entry("\"\\\n\u{1}é", Value::Text("\u{1f}\u{1f600}]}".into())),
            entry("list", Value::List(vec![Value::Int(i64::MIN), Value::Bool(false)])),
            entry(
                "more",
                Value::Map(vec![entry("x", Value::Float(5e-324)), entry("y", Value::Float(5.0))]),
            ),
            entry("none", Value::List(Vec::new())),
            entry("bytes", Value::Bytes(vec![1, 2])),
        ]);
        let values = [
            map,
            Value::Map(Vec::new()),
            Value::List(vec![Value::Float(f64::NAN), Value::Float(1e300)]),
            Value::Float(f64::NEG_INFINITY),
            Value::Float(0.1),
            Value::Int(-7),
            Value::Bytes(vec![255]),
            Value::Bool(true),
            Value::Text("{".into()),
        ];
        for value in values {
            let (value_type, text) = value.canonical().expect("it is not empty");
            let again = Value::from_canonical(value_type, &text).expect("the text is canonical");
            assert_eq!(again.canonical(), Some((value_type, text)), "{value:?}");
        }
    }

    #[test]
    fn text_that_is_not_canonical_is_refused() {
        let deep = "[".repeat(100_000);
        for text in ["", "[", "[1", "[1,]", "{\"a\"}", "{\"a\":1", "[]x", "5", "[x]", &deep] {
            assert_eq!(Value::from_canonical(Type::List, text), None, "{text:.20}");
            assert_eq!(Value::from_canonical(Type::Map, text), None, "{text:.20}");
        }
        for value_type in [Type::Int, Type::Float, Type::Bytes] {
            assert_eq!(Value::from_canonical(value_type, "x"), None);
        }
    }
}
