//! Values as the language compares them, read from OTLP JSON.

use std::cmp::Ordering;

use serde_json::Value as Json;

/// A value that is there.
#[derive(Debug, Clone)]
pub(super) struct Scalar {
    /// Its canonical text.
    pub(super) text: String,
    kind: Kind,
    /// Canonical texts of its elements, if it is an array.
    pub(super) elements: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Int(i64),
    Double(f64),
    Other,
}

impl Scalar {
    /// An OTLP `AnyValue`; none if it is empty.
    pub(super) fn of(any: &Json) -> Option<Self> {
        let (kind, value) = any.as_object()?.iter().next()?;
        Some(match kind.as_str() {
            "stringValue" => Self::text(value.as_str().unwrap()),
            "boolValue" => Self::other(value.to_string()),
            "intValue" => Self::int(value.as_str().unwrap().parse().unwrap()),
            "doubleValue" => Self::double(double(value)),
            "bytesValue" => Self::other(value.as_str().unwrap().to_owned()),
            "arrayValue" => {
                let elements = entries(value).iter().map(|item| match Self::of(item) {
                    Some(item) => item.text,
                    None => "null".to_owned(),
                });
                let elements = elements.collect();
                Self { elements: Some(elements), ..Self::other(canonical_json(any)) }
            }
            "kvlistValue" => Self::other(canonical_json(any)),
            other => panic!("no OTLP value is called {other}"),
        })
    }

    pub(super) fn text(text: &str) -> Self {
        Self { text: text.to_owned(), kind: Kind::Text, elements: None }
    }

    pub(super) fn int(int: i64) -> Self {
        Self { text: int.to_string(), kind: Kind::Int(int), elements: None }
    }

    pub(super) fn double(double: f64) -> Self {
        Self { text: text_of_double(double), kind: Kind::Double(double), elements: None }
    }

    /// A value that is neither text nor a number.
    pub(super) fn other(text: String) -> Self {
        Self { text, kind: Kind::Other, elements: None }
    }

    /// `==`: by canonical text, but NaN equals nothing.
    pub(super) fn equals(&self, other: &Self) -> bool {
        let nan = |side: &Self| matches!(side.kind, Kind::Double(double) if double.is_nan());
        self.text == other.text && !nan(self) && !nan(other)
    }

    /// Numeric between numbers and numeric texts, bytewise between two texts not both numeric,
    /// none otherwise.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self.number(), other.number()) {
            (Some(left), Some(right)) => exact_order(left, right),
            _ if self.kind == Kind::Text && other.kind == Kind::Text => {
                Some(self.text.as_bytes().cmp(other.text.as_bytes()))
            }
            _ => None,
        }
    }

    fn number(&self) -> Option<Kind> {
        match self.kind {
            Kind::Text if !is_numeric(&self.text) => None,
            Kind::Text => Some(match self.text.parse() {
                Ok(int) => Kind::Int(int),
                Err(_) => Kind::Double(self.text.parse().unwrap()),
            }),
            Kind::Int(_) | Kind::Double(_) => Some(self.kind),
            Kind::Other => None,
        }
    }
}

/// The value under a key: of that very name, else an entry of a map with a dotted prefix of it as
/// its name, the longest first. Of repeated keys the last counts.
pub(super) fn found<'a>(attributes: &'a Json, key: &str) -> Option<&'a Json> {
    let named = |name: &str| {
        let mut attributes = attributes.as_array().into_iter().flatten();
        attributes.rfind(|attribute| attribute["key"] == name)
    };
    if let Some(attribute) = named(key) {
        return Some(&attribute["value"]).filter(|value| Scalar::of(value).is_some());
    }
    let dots: Vec<usize> = key.match_indices('.').map(|(at, _)| at).collect();
    dots.iter().rev().find_map(|&dot| {
        let map = &named(&key[..dot])?["value"]["kvlistValue"]["values"];
        found(map, &key[dot + 1..])
    })
}

/// Whether text has the form `-?digits[.digits][e±digits]`.
fn is_numeric(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let unsigned = |exponent: &str| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    digits(whole) && fraction.is_none_or(digits) && exponent.is_none_or(unsigned)
}

/// Compares two numbers digit by digit, so that nothing is rounded.
fn exact_order(left: Kind, right: Kind) -> Option<Ordering> {
    let (left, right) = (Decimal::of(left)?, Decimal::of(right)?);
    Some(match (left.negative, right.negative) {
        (false, false) => left.size.cmp(&right.size),
        (true, true) => right.size.cmp(&left.size),
        (negative, _) if left.size == right.size && left.is_zero() => {
            debug_assert!(negative || right.negative);
            Ordering::Equal
        }
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    })
}

/// All digits of a number.
struct Decimal {
    negative: bool,
    /// Infinite or not, number of digits before the point, the digits, those behind the point.
    size: (bool, usize, String, String),
}

impl Decimal {
    /// None for NaN. The exact digits of a double end at latest 1074 places behind the point.
    fn of(number: Kind) -> Option<Self> {
        let digits = match number {
            Kind::Int(int) => format!("{int}.{:01074}", 0),
            Kind::Double(double) if double.is_nan() => return None,
            Kind::Double(double) if double.is_infinite() => {
                let size = (true, 0, String::new(), String::new());
                return Some(Self { negative: double < 0.0, size });
            }
            Kind::Double(double) => format!("{double:.1074}"),
            Kind::Text | Kind::Other => return None,
        };
        let negative = digits.starts_with('-');
        let (whole, fraction) = digits.trim_start_matches('-').split_once('.')?;
        Some(Self { negative, size: (false, whole.len(), whole.to_owned(), fraction.to_owned()) })
    }

    fn is_zero(&self) -> bool {
        let (infinite, _, whole, fraction) = &self.size;
        !infinite && (whole.bytes().chain(fraction.bytes())).all(|digit| digit == b'0')
    }
}

/// Shortest round-trip decimal, as an integer where it is one below 2^63.
fn text_of_double(double: f64) -> String {
    if double.is_nan() {
        return "NaN".to_owned();
    }
    if double.is_infinite() {
        return if double < 0.0 { "-Infinity" } else { "Infinity" }.to_owned();
    }
    if double.trunc() == double && double.abs() < 2_f64.powi(63) {
        return (double as i64).to_string();
    }
    format!("{double:?}")
}

/// A value as compact JSON of canonical values, as it stands inside of an array or map.
fn canonical_json(any: &Json) -> String {
    if let Some(list) = any.get("arrayValue") {
        let items: Vec<String> = entries(list).iter().map(canonical_json).collect();
        return format!("[{}]", items.join(","));
    }
    if let Some(list) = any.get("kvlistValue") {
        let entries = entries(list);
        let last = |at: usize| entries[at + 1..].iter().all(|e| e["key"] != entries[at]["key"]);
        let counting = (0..entries.len()).filter(|&at| last(at)).map(|at| &entries[at]);
        let items: Vec<String> = counting
            .map(|entry| format!("{}:{}", entry["key"], canonical_json(&entry["value"])))
            .collect();
        return format!("{{{}}}", items.join(","));
    }
    match Scalar::of(any) {
        None => "null".to_owned(),
        Some(Scalar { kind: Kind::Int(_), text, .. }) => text,
        Some(Scalar { kind: Kind::Double(double), text, .. }) if double.is_finite() => text,
        Some(Scalar { text, .. }) if any.get("boolValue").is_some() => text,
        Some(Scalar { text, .. }) => Json::from(text).to_string(),
    }
}

fn entries(list: &Json) -> &[Json] {
    list["values"].as_array().map_or(&[], Vec::as_slice)
}

fn double(value: &Json) -> f64 {
    match value.as_str() {
        Some(name) => name.parse().unwrap(),
        None => value.as_f64().unwrap(),
    }
}
