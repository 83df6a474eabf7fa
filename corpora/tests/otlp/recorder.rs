//! A sink that writes down what it gets, and ways to feed a decoder from memory.

use betrace_corpora::build::{AttributeValue, ScalarRef, SpanRecord};
use betrace_corpora::otlp::{Decoder, SpanSink, Tally};
use betrace_corpora::source::{Buffer, Chunk, Kind, Options, Stream};
use ir::Value;

/// A span with all that belongs to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    pub trace_id: u128,
    pub span_id: u64,
    pub parent_id: u64,
    pub name: String,
    pub kind: u8,
    pub status: u8,
    pub message: String,
    pub start: u64,
    pub end: u64,
    pub flags: u32,
    pub scope: (String, String),
    pub resource: Vec<(String, Value)>,
    pub attributes: Vec<(String, Value)>,
}

#[derive(Default)]
pub struct Recorder {
    resources: Vec<Vec<(String, Value)>>,
    scopes: Vec<(String, String)>,
    pub spans: Vec<Span>,
}

impl SpanSink for Recorder {
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

    fn scope(&mut self, name: &str, version: &str, _: &str) -> u32 {
        self.scopes.push((name.to_owned(), version.to_owned()));
        self.scopes.len() as u32 - 1
    }

    fn span<'a, V: AttributeValue<'a>>(
        &mut self,
        span: &SpanRecord<'_>,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
    ) {
        self.spans.push(Span {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_id: span.parent_id,
            name: span.name.to_owned(),
            kind: span.kind,
            status: span.status,
            message: span.message.to_owned(),
            start: span.start,
            end: span.end,
            flags: span.flags,
            scope: self.scopes[span.scope as usize].clone(),
            resource: self.resources[span.resource as usize].clone(),
            attributes: owned(attributes),
        });
    }
}

fn owned<'a, V: AttributeValue<'a>>(
    attributes: impl Iterator<Item = (&'a str, V)>,
) -> Vec<(String, Value)> {
    attributes
        .map(|(key, value)| {
            let whole = value.to_value();
            let agrees = match (value.scalar(), &whole) {
                (ScalarRef::Composite, Value::Bytes(_) | Value::List(_) | Value::Map(_)) => true,
                (scalar, whole) => format!("{scalar:?}") == format!("{whole:?}"),
            };
            assert!(agrees, "{:?} is not {whole:?}", value.scalar());
            (key.to_owned(), whole)
        })
        .collect()
}

/// Reads a text as if it was a file.
pub fn decode(text: &[u8]) -> (Vec<Span>, Tally) {
    let mut decoder = Decoder::with_sink(Recorder::default());
    let mut stream = Stream::new(0, "memory".into(), text, Options::default());
    let mut buffer = Buffer::default();
    while let Some(block) = stream.next_block(&mut buffer) {
        decoder.decode_block(&block);
    }
    let (recorder, tally) = decoder.into_parts();
    assert_eq!(tally.spans, recorder.spans.len() as u64);
    (recorder.spans, tally)
}

/// Reads a text as one document, however its lines are broken.
pub fn decode_document(bytes: &[u8]) -> (Vec<Span>, Tally) {
    let mut decoder = Decoder::with_sink(Recorder::default());
    let chunk = Chunk { bytes, offset: 0, line: 1, kind: Kind::Block, ends_input: true };
    decoder.decode(&chunk, 0, &"memory".into());
    let (recorder, tally) = decoder.into_parts();
    (recorder.spans, tally)
}

/// The same document with an unknown field that simd-json refuses and the tolerant reader ignores.
pub fn slowed(document: &str) -> Option<String> {
    let inside = document.trim().strip_prefix('{')?;
    let comma = if inside.trim_start().starts_with('}') { "" } else { "," };
    Some(format!("{{\"slow\":1e400{comma}{inside}"))
}

/// Counts of a tally as text, without places.
pub fn counts(tally: &Tally) -> String {
    let mut counts: Vec<(String, u64)> = tally
        .malformed
        .iter()
        .map(|(defect, places)| (defect.to_string(), places.count()))
        .chain(tally.other_signals.iter().map(|(signal, count)| ((*signal).to_owned(), *count)))
        .chain((tally.empty > 0).then(|| ("empty".to_owned(), tally.empty)))
        .collect();
    counts.sort();
    let counts = counts.into_iter().map(|(name, count)| match count {
        1 => name,
        _ => format!("{name}={count}"),
    });
    counts.collect::<Vec<_>>().join(" ")
}
