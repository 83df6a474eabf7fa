//! The attributes of a span, event or resource under way: written as JSON, or kept as plain values.

use super::span::{decimal, list, put};

/// What is under way. Keys and texts are written to JSON as they are given: whoever gives one that needs escapes
/// gives it escaped.
pub(super) enum Attributes<'a> {
    /// Appended to a line of JSON, each followed by a comma.
    Json(&'a mut Vec<u8>),
    /// Keys and values, without escapes.
    Plain(&'a mut Vec<(String, Value)>),
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// An integer.
    Int(u64),
    /// A truth value.
    Flag(bool),
    /// A number that is no integer by type.
    Double(f64),
    /// A list of texts.
    Texts(Vec<String>),
}

impl Attributes<'_> {
    /// A text.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        match self {
            Self::Json(out) => {
                begin(out, key, "\",\"value\":{\"stringValue\":\"");
                put(out, value);
                put(out, "\"}},");
            }
            Self::Plain(list) => list.push((key.to_string(), Value::Text(unescaped(value)))),
        }
    }

    /// An integer.
    pub(super) fn int(&mut self, key: &str, value: u64) {
        match self {
            Self::Json(out) => {
                begin(out, key, "\",\"value\":{\"intValue\":\"");
                decimal(out, value);
                put(out, "\"}},");
            }
            Self::Plain(list) => list.push((key.to_string(), Value::Int(value))),
        }
    }

    /// A truth value.
    pub(super) fn flag(&mut self, key: &str, value: bool) {
        match self {
            Self::Json(out) => {
                begin(out, key, "\",\"value\":{\"boolValue\":");
                put(out, if value { "true}}," } else { "false}}," });
            }
            Self::Plain(list) => list.push((key.to_string(), Value::Flag(value))),
        }
    }

    /// A number of hundredths as a double, in JSON in its shortest form: 14999 is 149.99, 14900 is 149.
    pub(super) fn hundredths(&mut self, key: &str, value: u64) {
        let out = match self {
            Self::Json(out) => out,
            Self::Plain(list) => {
                return list.push((key.to_string(), Value::Double(value as f64 / 100.0)));
            }
        };
        begin(out, key, "\",\"value\":{\"doubleValue\":");
        decimal(out, value / 100);
        let rest = value % 100;
        if rest != 0 {
            out.push(b'.');
            out.push(b'0' + (rest / 10) as u8);
            if !rest.is_multiple_of(10) {
                out.push(b'0' + (rest % 10) as u8);
            }
        }
        put(out, "}},");
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &str, values: &[&str]) {
        let out = match self {
            Self::Json(out) => out,
            Self::Plain(list) => {
                let values = values.iter().map(|value| unescaped(value)).collect();
                return list.push((key.to_string(), Value::Texts(values)));
            }
        };
        begin(out, key, "\",\"value\":{");
        list(out, "\"arrayValue\":{\"values\":[", |out| {
            for value in values {
                put(out, "{\"stringValue\":\"");
                put(out, value);
                put(out, "\"},");
            }
        });
        out.pop();
        put(out, "}}},");
    }
}

/// The text that stands in JSON as `escaped`.
pub(super) fn unescaped(escaped: &str) -> String {
    if !escaped.contains('\\') {
        return escaped.to_string();
    }
    serde_json::from_str(&format!("\"{escaped}\"")).expect("scenes give texts that JSON allows")
}

fn begin(out: &mut Vec<u8>, key: &str, then: &str) {
    put(out, "{\"key\":\"");
    put(out, key);
    put(out, then);
}

#[cfg(test)]
mod tests {
    use super::{Attributes, Value};

    #[test]
    fn money_is_written_as_its_shortest_double() {
        for (cents, expected) in
            [(14_999, "149.99"), (100_000, "1000"), (1250, "12.5"), (1205, "12.05")]
        {
            let (mut json, mut plain) = (Vec::new(), Vec::new());
            Attributes::Json(&mut json).hundredths("amount", cents);
            Attributes::Plain(&mut plain).hundredths("amount", cents);
            assert_eq!(
                String::from_utf8(json).unwrap(),
                format!("{{\"key\":\"amount\",\"value\":{{\"doubleValue\":{expected}}}}},")
            );
            assert_eq!(plain, [("amount".to_string(), Value::Double(expected.parse().unwrap()))]);
        }
    }
}
