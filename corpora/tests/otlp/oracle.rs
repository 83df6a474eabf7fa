//! A slow reading of OTLP JSON with serde_json, written apart from the decoder, for valid documents.

use ir::Value;
use serde_json::Value as Json;

use super::recorder::{Span, decode_document};

/// Asserts that the decoder finds the spans that the oracle finds in a text, or counts a defect
/// where the text is no valid document.
pub fn compare(text: &str) {
    let (spans, tally) = decode_document(text.as_bytes());
    let json = match serde_json::from_str::<Json>(&text.replace("\"slow\":1e400", "\"slow\":1")) {
        Ok(json) => json,
        Err(refusal) => {
            let refusal = refusal.to_string();
            let spared = SPARED.iter().any(|reason| refusal.starts_with(reason));
            assert!(spared || !tally.malformed.is_empty(), "{refusal}, but accepted: {text}");
            return;
        }
    };
    let expected: Vec<_> = read(&json);
    assert_eq!(printed(&spans), printed(&expected), "{text}");
}

/// Spans as text, without the sign of zero: both zeros are the same value with the same text.
fn printed(spans: &[Span]) -> Vec<String> {
    spans.iter().map(|span| format!("{span:?}").replace("Float(-0.0)", "Float(0.0)")).collect()
}

/// Why serde_json refuses texts that the decoder may accept: what is beyond a double or half of a
/// surrogate pair in a field that is not read, and documents that follow each other.
const SPARED: [&str; 4] = [
    "number out of range",
    "lone leading surrogate in hex escape",
    "unexpected end of hex escape",
    "trailing characters",
];

fn read(json: &Json) -> Vec<Span> {
    let mut spans = Vec::new();
    let roots = json.as_array().map_or(vec![json], |list| list.iter().collect());
    for root in roots {
        let mut resources: Vec<&Json> = Vec::new();
        for key in ["resourceSpans", "resource_spans", "batches"] {
            resources.extend(list(&root[key]));
        }
        if SCOPES.iter().any(|key| root.get(key).is_some()) {
            resources.push(root);
        }
        for resource in resources {
            let attributes = attributes(&resource["resource"]["attributes"]);
            for scope in SCOPES.iter().flat_map(|key| list(&resource[*key])) {
                let names = ["scope", "instrumentationLibrary", "instrumentation_library"];
                let of = names.iter().find_map(|key| scope.get(*key)).unwrap_or(&Json::Null);
                let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
                let scope_name = (text(&of["name"]), text(&of["version"]));
                let found = list(&scope["spans"]).into_iter().filter_map(span);
                spans.extend(found.map(|span| Span {
                    scope: scope_name.clone(),
                    resource: attributes.clone(),
                    ..span
                }));
            }
        }
    }
    spans
}

const SCOPES: [&str; 4] =
    ["scopeSpans", "scope_spans", "instrumentationLibrarySpans", "instrumentation_library_spans"];

fn list(json: &Json) -> Vec<&Json> {
    json.as_array().into_iter().flatten().collect()
}

/// A member under either of its spellings.
fn member<'j>(json: &'j Json, camel: &str) -> &'j Json {
    let snake: String = camel
        .chars()
        .flat_map(|char| {
            let split = char.is_ascii_uppercase().then_some('_');
            split.into_iter().chain([char.to_ascii_lowercase()])
        })
        .collect();
    let Some(object) = json.as_object() else { return &Json::Null };
    object.get(camel).or_else(|| object.get(&snake)).unwrap_or(&Json::Null)
}

fn span(json: &Json) -> Option<Span> {
    json.as_object()?;
    let name = match &json["name"] {
        Json::String(name) => name.clone(),
        Json::Null => String::new(),
        _ => return None,
    };
    Some(Span {
        trace_id: bytes(member(json, "traceId"), 16).filter(|id| *id != 0)?,
        span_id: span_id(member(json, "spanId")).filter(|id| *id != 0)?,
        parent_id: span_id(member(json, "parentSpanId")).unwrap_or(0),
        name,
        kind: number(&json["kind"], "SPAN_KIND_", &KINDS),
        status: number(&json["status"]["code"], "STATUS_CODE_", &STATUSES),
        message: json["status"]["message"].as_str().unwrap_or_default().to_owned(),
        start: time(member(json, "startTimeUnixNano")).filter(|time| *time != 0)?,
        end: time(member(json, "endTimeUnixNano"))?,
        flags: time(&json["flags"]).and_then(|flags| u32::try_from(flags).ok()).unwrap_or(0),
        attributes: attributes(&json["attributes"]),
        ..Span::default()
    })
}

const KINDS: [&str; 6] = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
const STATUSES: [&str; 3] = ["UNSET", "OK", "ERROR"];

fn number(json: &Json, prefix: &str, names: &[&str]) -> u8 {
    let number = match json {
        Json::String(text) => {
            let bare = text.strip_prefix(prefix).unwrap_or(text).to_ascii_uppercase();
            let named = names.iter().position(|name| *name == bare).map(|at| at as u64);
            named.or_else(|| digits(text)).unwrap_or(0)
        }
        other => other.as_u64().unwrap_or(0),
    };
    if number < names.len() as u64 { number as u8 } else { 0 }
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn time(json: &Json) -> Option<u64> {
    match json {
        Json::Null => Some(0),
        Json::String(text) => digits(text),
        other => other.as_u64(),
    }
}

/// A span id; text that is none stands for itself by its hash.
fn span_id(json: &Json) -> Option<u64> {
    let text = json.as_str()?;
    let hash = || {
        let mut hash = 14_695_981_039_346_656_037_u64;
        for byte in text.bytes() {
            hash ^= u64::from(byte);
            hash = hash.wrapping_mul(1_099_511_628_211);
        }
        hash.max(1)
    };
    bytes(json, 8).map(|id| id as u64).or_else(|| (!text.is_empty()).then(hash))
}

/// An id of `length` bytes as a number.
fn bytes(json: &Json, length: usize) -> Option<u128> {
    let text = json.as_str()?;
    if text.len() == 2 * length {
        let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        return hex.then(|| u128::from_str_radix(text, 16).ok())?;
    }
    let bytes = base64(text).filter(|bytes| bytes.len() == length)?;
    Some(bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte)))
}

/// Bit by bit; padding may be there, in part or not at all, spare bits must be zero.
fn base64(text: &str) -> Option<Vec<u8>> {
    let url = text.contains(['-', '_']);
    let bare = text.trim_end_matches('=');
    let padding = text.len() - bare.len();
    if padding > 0 && (bare.len() % 4 < 2 || bare.len() % 4 + padding > 4) {
        return None;
    }
    let (mut bits, mut count, mut out) = (0_u32, 0, Vec::new());
    for byte in bare.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' if !url => 62,
            b'/' if !url => 63,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (count < 6 && bits == 0).then_some(out)
}

fn attributes(json: &Json) -> Vec<(String, Value)> {
    list(json).into_iter().filter_map(|entry| key_value(entry, 1)).collect()
}

fn key_value(json: &Json, depth: usize) -> Option<(String, Value)> {
    let object = json.as_object()?;
    let key = match object.get("key") {
        None | Some(Json::Null) => String::new(),
        Some(key) => key.as_str()?.to_owned(),
    };
    Some((key, value(object.get("value").unwrap_or(&Json::Null), depth)?))
}

fn value(json: &Json, depth: usize) -> Option<Value> {
    if json.is_null() {
        return Some(Value::Empty);
    }
    // serde_json forgets the order of keys, so of several fields only one may be set.
    let Some((kind, content)) = json.as_object()?.iter().find(|(key, _)| key.contains("alue"))
    else {
        return Some(Value::Empty);
    };
    let kind = kind.replace("_v", "V");
    if content.is_null() || !KNOWN.contains(&kind.as_str()) {
        return Some(Value::Empty);
    }
    Some(match kind.as_str() {
        "stringValue" => Value::Text(content.as_str()?.to_owned()),
        "boolValue" => Value::Bool(content.as_bool()?),
        "intValue" => Value::Int(int(content)?),
        "doubleValue" => Value::Float(double(content)?),
        "bytesValue" => Value::Bytes(base64(content.as_str()?)?),
        _ if depth > 32 || !content.is_object() => return None,
        "arrayValue" => Value::List(
            members(content)?
                .into_iter()
                .map(|item| value(item, depth + 1))
                .collect::<Option<_>>()?,
        ),
        _ => Value::Map(
            members(content)?
                .into_iter()
                .map(|item| key_value(item, depth + 1))
                .collect::<Option<_>>()?,
        ),
    })
}

const KNOWN: [&str; 7] = [
    "stringValue",
    "boolValue",
    "intValue",
    "doubleValue",
    "bytesValue",
    "arrayValue",
    "kvlistValue",
];

fn members(json: &Json) -> Option<Vec<&Json>> {
    match &json["values"] {
        Json::Null => Some(Vec::new()),
        values => Some(values.as_array()?.iter().collect()),
    }
}

fn int(json: &Json) -> Option<i64> {
    let float = |float: f64| (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64);
    match json {
        Json::String(text) => {
            let plain = digits(text.strip_prefix('-').unwrap_or(text)).is_some();
            let plain = if plain { text.parse().ok() } else { None };
            plain.or_else(|| float(serde_json::from_str(text).ok()?))
        }
        other => other.as_i64().or_else(|| float(other.as_f64().filter(|_| !other.is_u64())?)),
    }
}

fn double(json: &Json) -> Option<f64> {
    match json.as_str() {
        None => json.as_f64(),
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some(text) => serde_json::from_str(text).ok(),
    }
}

/// The splitmix64 sequence.
pub struct Random(pub u64);

impl Random {
    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}

/// One to three small changes: a byte, a cut, a repetition, or a token in place of a value.
pub fn mutate(text: &[u8], random: &mut Random) -> Vec<u8> {
    const BYTES: &[u8] = b"{}[],:\"\\ 0129.-+eEuntfalsAdx\n\t\xff\x00";
    const TOKENS: [&str; 12] =
        ["null", "true", "5", "-1", "1.5", "1e3", "\"\"", "\"x\"", "[]", "{}", "\"25\"", "1e19"];
    let mut out = text.to_vec();
    for _ in 0..1 + random.below(3) {
        let at = random.below(out.len());
        match random.below(4) {
            0 => out[at] = BYTES[random.below(BYTES.len())],
            1 => drop(out.drain(at..(at + 1 + random.below(3)).min(out.len()))),
            2 => out.insert(at, BYTES[random.below(BYTES.len())]),
            _ => {
                let colon = out[at..].iter().position(|byte| *byte == b':').map(|n| at + n + 1);
                let Some(from) = colon else { continue };
                let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']');
                let to = out[from..].iter().position(ends).map_or(out.len(), |n| from + n);
                out.splice(from..to, TOKENS[random.below(TOKENS.len())].bytes());
            }
        }
        if out.is_empty() {
            return out;
        }
    }
    out
}
