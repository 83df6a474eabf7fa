//! A sink that writes down what it gets, and ways to feed a decoder from memory.

use std::cell::RefCell;
use std::collections::HashMap;

use betrace_corpora::build::{AttributeValue, Known, Numbers, ScalarRef, SpanRecord, Want};
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
    /// Those whose keys the recorder knows by number.
    pub known: Vec<(String, Value)>,
}

/// Which attributes a recorder wants. What it does not want it leaves out, whoever hands it over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// All, by their names.
    #[default]
    All,
    /// None.
    Nothing,
    /// By a hash of operation and key: none of them, all by name or all by number.
    Some,
}

/// Guesses are by so many lowest bits, and wrong as often as not.
const GUESSED: u32 = 0x3;

#[derive(Default)]
pub struct Recorder {
    wish: Wish,
    resources: Vec<Vec<(String, Value)>>,
    scopes: Vec<(String, String)>,
    operations: Vec<String>,
    /// Keys that are known by number.
    keys: RefCell<Vec<String>>,
    /// Texts with the numbers of their keys, by code.
    texts: Vec<(u32, String)>,
    codes: HashMap<u64, u32>,
    /// A trace may be there more than once.
    traces: Vec<u128>,
    numbers_of_traces: HashMap<u32, u32>,
    pub spans: Vec<Span>,
}

impl Recorder {
    /// One that does not want all.
    pub fn wishing(wish: Wish) -> Self {
        Self { wish, ..Self::default() }
    }

    fn wish(&self, operation: &str, key: &str) -> Want {
        let hash = || hash(operation.bytes().chain([0]).chain(key.bytes())) % 3;
        match self.wish {
            Wish::All => Want::ByName,
            Wish::Nothing => Want::Nothing,
            Wish::Some => match hash() {
                0 => Want::Nothing,
                1 => Want::ByName,
                _ => Want::Key(number(&mut self.keys.borrow_mut(), key)),
            },
        }
    }

    fn add<'a, V: AttributeValue<'a>>(
        &mut self,
        span: &SpanRecord<'_>,
        mut known: Vec<(String, Value)>,
        all: impl Iterator<Item = (&'a str, V)>,
    ) {
        let mut attributes = Vec::new();
        for (key, value) in owned(all) {
            match self.wish(span.name, &key) {
                Want::Nothing => {}
                Want::ByName => attributes.push((key, value)),
                Want::Key(_) => known.push((key, value)),
            }
        }
        self.numbers_of_traces.insert(span.trace_id as u32 & GUESSED, self.traces.len() as u32);
        self.traces.push(span.trace_id);
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
            attributes,
            known,
        });
    }

    fn value(&self, key: u32, value: Known) -> Value {
        match value {
            Known::Empty => Value::Empty,
            Known::Bool(bool) => Value::Bool(bool),
            Known::Int(int) => Value::Int(int),
            Known::Float(float) => Value::Float(float),
            Known::Text(code) => {
                let (of, text) = &self.texts[code as usize];
                assert_eq!(*of, key, "{text:?} is a text of another key");
                Value::Text(text.clone())
            }
        }
    }
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
        self.add(span, Vec::new(), attributes);
    }

    fn operation(&mut self, name: &str) -> u32 {
        number(&mut self.operations, name)
    }

    fn span_of<'a, V: AttributeValue<'a>>(
        &mut self,
        Numbers { operation, trace }: Numbers,
        span: &SpanRecord<'_>,
        known: &[(u32, Known)],
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
    ) {
        assert_eq!(self.operations[operation as usize], span.name);
        assert!(trace.is_none_or(|trace| self.traces[trace as usize] == span.trace_id));
        let key = |key: u32| self.keys.borrow()[key as usize].clone();
        let known = known.iter().map(|&(number, value)| (key(number), self.value(number, value)));
        self.add(span, known.collect(), attributes);
    }

    fn wants(&self, operation: u32, key: &str) -> Want {
        self.wish(&self.operations[operation as usize], key)
    }

    fn guess_trace(&self, id: u128) -> Option<u32> {
        self.numbers_of_traces.get(&(id as u32 & GUESSED)).copied()
    }

    fn is_trace(&self, number: u32, id: u128) -> bool {
        self.traces[number as usize] == id
    }

    fn hash_text(&self, key: u32, text: &[u8]) -> u64 {
        hash(text.iter().copied()) & u64::from(GUESSED) | u64::from(key) << 32
    }

    fn guess_code(&self, key: u32, hash: u64) -> Option<u32> {
        assert_eq!((hash >> 32) as u32, key, "the hash is of a text of another key");
        // Of another key as well.
        self.codes.get(&(hash & u64::from(GUESSED))).copied()
    }

    fn is_code(&self, key: u32, code: u32, text: &[u8]) -> bool {
        let (of, known) = &self.texts[code as usize];
        *of == key && known.as_bytes() == text
    }

    fn code(&mut self, key: u32, hash: u64, text: &str) -> u32 {
        assert_eq!(hash, self.hash_text(key, text.as_bytes()));
        let code = self.texts.len() as u32;
        self.texts.push((key, text.to_owned()));
        self.codes.insert(hash & u64::from(GUESSED), code);
        code
    }
}

/// FNV-1a.
fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The place of a text among others, at their end if it is new.
fn number(texts: &mut Vec<String>, text: &str) -> u32 {
    let known = texts.iter().position(|known| known == text);
    known.unwrap_or_else(|| {
        texts.push(text.to_owned());
        texts.len() - 1
    }) as u32
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
