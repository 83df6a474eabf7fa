//! A trace as a line of OTLP JSON, which a reader makes the same spans of.

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hashbrown::HashMap;
use ir::segment::RowRef;
use ir::value::write_json_text;
use ir::{Fault, Segment, Value};

use crate::build::{Attributes, SpanRecord, Stored, cut_end};

/// Appends a trace, without a line end: spans by start, grouped by resource and scope.
///
/// # Errors
/// A fault where the segment does not hold everything.
pub(super) fn write(segment: &Segment, trace: usize, out: &mut String) -> Result<(), Fault> {
    let stored = Stored::new(segment);
    let mut groups: Groups<Groups<Vec<(RowRef, SpanRecord<'_>)>>> = Groups::default();
    for at in segment.spans_of(trace) {
        let record = stored.record(at)?;
        groups.of(record.resource).of(record.scope).push((at, record));
    }
    out.push_str("{\"resourceSpans\":[");
    let mut resources = Separated::default();
    for (resource, scopes) in &groups.list {
        resources.next(out);
        let (attributes, rest) = stored.resource(*resource)?;
        let mut entry = Object::begin(out);
        let rest = entry.owner("resource", rest, |owner| owner.attributes(&attributes));
        entry.key("scopeSpans");
        entry.out.push('[');
        let mut separated = Separated::default();
        for (scope, spans) in &scopes.list {
            separated.next(entry.out);
            write_scope(stored, *scope, spans, entry.out)?;
        }
        entry.out.push(']');
        entry.rest(rest);
        entry.end();
    }
    out.push_str("]}");
    Ok(())
}

fn write_scope(
    stored: Stored<'_>,
    scope: u32,
    spans: &[(RowRef, SpanRecord<'_>)],
    out: &mut String,
) -> Result<(), Fault> {
    let [name, version, rest] = stored.scope(scope)?;
    let mut entry = Object::begin(out);
    let rest = entry.owner("scope", rest, |owner| {
        owner.text("name", name);
        owner.text("version", version);
    });
    entry.key("spans");
    entry.out.push('[');
    let mut separated = Separated::default();
    for (at, record) in spans {
        separated.next(entry.out);
        write_span(record, &stored.attributes(*at)?, entry.out);
    }
    entry.out.push(']');
    entry.rest(rest);
    entry.end();
    Ok(())
}

fn write_span(record: &SpanRecord<'_>, attributes: &Attributes<'_>, out: &mut String) {
    let mut span = Object::begin(out);
    span.text("traceId", &format!("{:032x}", record.trace_id));
    span.text("spanId", &format!("{:016x}", record.span_id));
    if record.parent_id != 0 {
        span.text("parentSpanId", &format!("{:016x}", record.parent_id));
    }
    span.text("name", record.name);
    span.number("kind", record.kind.into());
    span.text("startTimeUnixNano", &record.start.to_string());
    // An end of 0 is an end that is missing.
    span.text("endTimeUnixNano", &record.end.to_string());
    span.attributes(attributes);
    if record.status != 0 || !record.message.is_empty() {
        span.key("status");
        let mut status = Object::begin(span.out);
        status.number("code", record.status.into());
        status.text("message", record.message);
        status.end();
    }
    span.number("flags", record.flags);
    let rest = cut_end(record.rest).map_or(record.rest, |(before, _)| before);
    let rest = rest.strip_prefix('{').unwrap_or_default();
    span.rest(rest.strip_suffix(['}', ',']).unwrap_or(rest));
    span.end();
}

/// Things by number, in the order of their first coming.
#[derive(Default)]
struct Groups<T> {
    list: Vec<(u32, T)>,
    places: HashMap<u32, usize>,
}

impl<T: Default> Groups<T> {
    fn of(&mut self, number: u32) -> &mut T {
        let Self { list, places } = self;
        let place = *places.entry(number).or_insert_with(|| {
            list.push((number, T::default()));
            list.len() - 1
        });
        &mut list[place].1
    }
}

/// Commas between items.
#[derive(Default)]
struct Separated {
    begun: bool,
}

impl Separated {
    fn next(&mut self, out: &mut String) {
        if std::mem::replace(&mut self.begun, true) {
            out.push(',');
        }
    }
}

/// An object that is being written.
struct Object<'o> {
    out: &'o mut String,
    separated: Separated,
}

impl<'o> Object<'o> {
    fn begin(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, separated: Separated::default() }
    }

    fn end(self) {
        self.out.push('}');
    }

    fn key(&mut self, key: &str) {
        self.separated.next(self.out);
        write_json_text(key, self.out);
        self.out.push(':');
    }

    /// A text, unless there is none.
    fn text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.key(key);
            write_json_text(text, self.out);
        }
    }

    /// A number, unless it is 0.
    fn number(&mut self, key: &str, number: u32) {
        if number != 0 {
            self.key(key);
            write!(self.out, "{number}").expect("a String takes every write");
        }
    }

    /// Attributes by name, unless there are none.
    fn attributes(&mut self, attributes: &Attributes<'_>) {
        if attributes.is_empty() {
            return;
        }
        let mut sorted: Vec<_> = attributes.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.key("attributes");
        self.out.push('[');
        let mut separated = Separated::default();
        for (key, value) in sorted {
            separated.next(self.out);
            write_entry(key, value, self.out);
        }
        self.out.push(']');
    }

    /// Members as they are, without the braces around them.
    fn rest(&mut self, members: &str) {
        if !members.is_empty() {
            self.separated.next(self.out);
            self.out.push_str(members);
        }
    }

    /// The resource or scope of an entry, with what `rest`, the text of an object, has of it under the
    /// same `key`; the other members of `rest`.
    fn owner<'r>(
        &mut self,
        key: &str,
        rest: &'r str,
        write: impl FnOnce(&mut Object<'_>),
    ) -> &'r str {
        let (of_owner, others) = split_owner(rest, key);
        let before = (self.out.len(), self.separated.begun);
        self.key(key);
        let mut owner = Object::begin(self.out);
        write(&mut owner);
        owner.rest(of_owner);
        let empty = !owner.separated.begun;
        owner.end();
        if empty {
            self.out.truncate(before.0);
            self.separated.begun = before.1;
        }
        others
    }
}

/// What is inside of the object under `key`, with which `rest` begins if it has one, and the other
/// members.
fn split_owner<'r>(rest: &'r str, key: &str) -> (&'r str, &'r str) {
    let members =
        rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
    let inner = members.strip_prefix(&format!("\"{key}\":{{"));
    let Some((inner, end)) = inner.and_then(|inner| Some((inner, end_of_object(inner)?))) else {
        return ("", members);
    };
    let others = &inner[end + 1..];
    (&inner[..end], others.strip_prefix(',').unwrap_or(others))
}

/// Where the object ends whose inside `json` begins with.
fn end_of_object(json: &str) -> Option<usize> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (at, byte) in json.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text && depth == 0 => return Some(at),
            b'}' | b']' if !in_text => depth -= 1,
            _ => {}
        }
    }
    None
}

/// An attribute, or an entry of a map.
fn write_entry(key: &str, value: &Value, out: &mut String) {
    out.push_str("{\"key\":");
    write_json_text(key, out);
    out.push_str(",\"value\":");
    write_value(value, out);
    out.push('}');
}

/// Goes as deep as readers let values in, which is bounded.
fn write_value(value: &Value, out: &mut String) {
    let written = "a String takes every write";
    out.push('{');
    match value {
        Value::Empty => {}
        Value::Text(text) => {
            out.push_str("\"stringValue\":");
            write_json_text(text, out);
        }
        Value::Bool(bool) => write!(out, "\"boolValue\":{bool}").expect(written),
        Value::Int(int) => write!(out, "\"intValue\":\"{int}\"").expect(written),
        Value::Float(float) if float.is_finite() => {
            write!(out, "\"doubleValue\":{float:?}").expect(written);
        }
        Value::Float(float) => {
            let name = match float {
                _ if float.is_nan() => "NaN",
                _ if *float > 0.0 => "Infinity",
                _ => "-Infinity",
            };
            write!(out, "\"doubleValue\":\"{name}\"").expect(written);
        }
        Value::Bytes(bytes) => {
            write!(out, "\"bytesValue\":\"{}\"", STANDARD.encode(bytes)).expect(written);
        }
        Value::List(items) => {
            out.push_str("\"arrayValue\":{\"values\":[");
            let mut separated = Separated::default();
            for item in items {
                separated.next(out);
                write_value(item, out);
            }
            out.push_str("]}");
        }
        Value::Map(entries) => {
            out.push_str("\"kvlistValue\":{\"values\":[");
            let mut separated = Separated::default();
            for (key, value) in entries {
                separated.next(out);
                write_entry(key, value, out);
            }
            out.push_str("]}");
        }
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_an_owner_goes_into_it_and_the_rest_beside_it() {
        for (rest, expected) in [
            ("", ("", "")),
            (r#"{"schemaUrl":"x"}"#, ("", r#""schemaUrl":"x""#)),
            (r#"{"scope":{"a":"}\"{","b":[{}]}}"#, (r#""a":"}\"{","b":[{}]"#, "")),
            (r#"{"scope":{"a":1},"b":{"scope":{}}}"#, (r#""a":1"#, r#""b":{"scope":{}}"#)),
        ] {
            assert_eq!(split_owner(rest, "scope"), expected, "{rest}");
        }
    }
}
