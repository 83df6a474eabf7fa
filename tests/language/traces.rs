//! Traces in the notation of [`betrace::notation`], as OTLP JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use betrace::{Span, Value, notation};
use serde_json::{Value as Json, json};

/// The spans of a trace, as OTLP JSON with the attributes of their resource under `resource`.
///
/// # Panics
/// Where the text is not of the notation.
pub fn trace(text: &str) -> Vec<Json> {
    spans(&notation::read(text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

/// The same of spans that were read.
pub fn spans(spans: &[Span]) -> Vec<Json> {
    spans.iter().map(span).collect()
}

fn span(span: &Span) -> Json {
    let parent = match u64::from_be_bytes(span.parent_id) {
        0 => String::new(),
        id => format!("{id:016x}"),
    };
    json!({
        "name": span.name,
        "kind": span.kind as u8,
        "status": { "code": span.status as u8, "message": span.message },
        "attributes": entries(&span.attributes),
        "resource": entries(&span.resource),
        "spanId": format!("{:016x}", u64::from_be_bytes(span.span_id)),
        "parentSpanId": parent,
        "startTimeUnixNano": span.start.to_string(),
        "endTimeUnixNano": span.end.to_string(),
    })
}

fn entries(attributes: &[(String, Value)]) -> Json {
    let entries = attributes.iter();
    entries.map(|(key, own)| json!({ "key": key, "value": value(own) })).collect()
}

fn value(value: &Value) -> Json {
    match value {
        Value::Empty => json!({}),
        Value::Text(text) => json!({ "stringValue": text }),
        Value::Bool(bool) => json!({ "boolValue": bool }),
        Value::Int(int) => json!({ "intValue": int.to_string() }),
        Value::Float(float) if float.is_finite() => json!({ "doubleValue": float }),
        Value::Float(float) if float.is_nan() => json!({ "doubleValue": "NaN" }),
        Value::Float(float) if *float > 0.0 => json!({ "doubleValue": "Infinity" }),
        Value::Float(_) => json!({ "doubleValue": "-Infinity" }),
        Value::Bytes(bytes) => json!({ "bytesValue": STANDARD.encode(bytes) }),
        Value::List(list) => {
            let values: Vec<Json> = list.iter().map(self::value).collect();
            json!({ "arrayValue": { "values": values } })
        }
        Value::Map(map) => json!({ "kvlistValue": { "values": entries(map) } }),
    }
}
