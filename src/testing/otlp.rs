//! Traces of tests that stand in files of OTLP JSON: decoded as a replay decodes them, but into
//! spans that can be drawn.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use corpora::build::{AttributeValue, Known, Numbers, ScalarRef, SpanRecord, Want};
use corpora::otlp::{Decoder, SpanSink};
use corpora::source::{Buffer, Options, Stream};
use ir::Value;

use crate::span::{Kind, Span, Status};

/// The spans of the one trace of a file, or of the trace of this id; why not otherwise.
pub(super) fn read(path: &Path, trace_id: Option<u128>) -> Result<Vec<Span>, String> {
    let name: Arc<str> = path.display().to_string().into();
    let file = fs::File::open(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    let mut stream = Stream::new(0, Arc::clone(&name), file, Options::default());
    let mut decoder = Decoder::with_sink(Spans::default()).strict();
    let mut buffer = Buffer::default();
    while let Some(block) = stream.next_block(&mut buffer) {
        decoder.decode_block(&block);
    }
    let report = stream.into_report();
    let (spans, tally) = decoder.into_parts();
    let lost = corpora::statement::Statement::of(report, tally);
    if let Some(note) = lost.unread.first.first() {
        return Err(format!("cannot read {name}: {}", note.why));
    }
    if let Some((kind, malformed)) = lost.malformed.first_key_value() {
        let place =
            malformed.places.first().map(|place| format!(" at {place}")).unwrap_or_default();
        return Err(format!("{name} is not OTLP JSON: {kind}{place}"));
    }
    let mut traces: BTreeMap<u128, Vec<Span>> = BTreeMap::new();
    for span in spans.spans {
        traces.entry(u128::from_be_bytes(span.trace_id)).or_default().push(span);
    }
    match trace_id {
        Some(id) => traces.remove(&id).ok_or_else(|| format!("{name} has no trace {id:032x}")),
        None => match (traces.len(), traces.pop_first()) {
            (1, Some((_, spans))) => Ok(spans),
            (count, _) => Err(format!("{name} has {count} traces; say which with `trace_id:`")),
        },
    }
}

/// Keeps spans as they come.
#[derive(Default)]
struct Spans {
    spans: Vec<Span>,
    resources: Vec<Vec<(String, Value)>>,
}

impl SpanSink for Spans {
    fn keeps_rest(&self) -> bool {
        false
    }

    fn resource<'a, V: AttributeValue<'a>>(
        &mut self,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
        _: &str,
    ) -> u32 {
        self.resources.push(owned(attributes));
        self.resources.len() as u32 - 1
    }

    fn scope(&mut self, _: &str, _: &str, _: &str) -> u32 {
        0
    }

    fn span<'a, V: AttributeValue<'a>>(
        &mut self,
        span: &SpanRecord<'_>,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
    ) {
        self.spans.push(Span {
            trace_id: span.trace_id.to_be_bytes(),
            span_id: span.span_id.to_be_bytes(),
            parent_id: span.parent_id.to_be_bytes(),
            name: span.name.to_owned(),
            kind: Kind::ALL.get(usize::from(span.kind)).copied().unwrap_or_default(),
            status: Status::ALL.get(usize::from(span.status)).copied().unwrap_or_default(),
            message: span.message.to_owned(),
            start: span.start,
            end: span.end,
            flags: span.flags,
            attributes: owned(attributes),
            resource: self.resources[span.resource as usize].clone(),
        });
    }

    fn operation(&mut self, _: &str) -> u32 {
        0
    }

    fn span_of<'a, V: AttributeValue<'a>>(
        &mut self,
        _: Numbers,
        span: &SpanRecord<'_>,
        _: &[(u32, Known)],
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
    ) {
        self.span(span, attributes);
    }

    fn wants(&self, _: &str, _: &str) -> Want {
        Want::ByName
    }
}

fn owned<'a, V: AttributeValue<'a>>(
    attributes: impl Iterator<Item = (&'a str, V)>,
) -> Vec<(String, Value)> {
    let value = |value: V| match value.scalar() {
        ScalarRef::Empty => Value::Empty,
        ScalarRef::Text(text) => Value::Text(text.to_owned()),
        ScalarRef::Bool(bool) => Value::Bool(bool),
        ScalarRef::Int(int) => Value::Int(int),
        ScalarRef::Float(float) => Value::Float(float),
        ScalarRef::Composite => value.to_value(),
    };
    attributes.map(|(key, own)| (key.to_owned(), value(own))).collect()
}
