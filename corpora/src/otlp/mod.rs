//! From OTLP JSON to spans: a [`Decoder`] a worker takes chunks of text and feeds a [`SpanSink`],
//! and counts in its [`Tally`] what it read and what it could not.
//!
//! Accepted are the documents that exporters and stores write: `resourceSpans` or Tempo's
//! `batches`, one such object, a list of them, or a single entry of `resourceSpans`; keys in
//! camelCase or snake_case; ids in hex or base64, told by length; 64-bit integers as text or
//! number; enums as number or name. Unknown fields are ignored; `null` is as good as absent; of a
//! key that comes twice the last counts, but of lists that hold spans all are read. Text is never
//! cut.
//!
//! Two readers make a tape each, and one walker reads both, so that they cannot differ in what they
//! accept. The strict one is simd-json. What it refuses goes to the tolerant one, which loses no
//! more than the [`Defect`]s say. Before them comes one that needs no tape and reads only what it is
//! sure that the strict one reads the same way: most of what exporters write. A span is added only when all of it was looked at: nothing is
//! ever half-added. Of a document that breaks off, the whole spans stay and the rest is counted
//! once as unfinished.

mod lists;
mod metered;
mod nodes;
mod predict;
mod rest;
mod scan;
mod sink;
mod span;
mod strict;
mod strings;
mod tally;
mod tape;
mod text;
mod value;
mod walk;

use std::sync::Arc;

use ir::Schema;

pub(crate) use lists::any_attributes;
pub use metered::{Budget, Metered, OverBudget};
pub use predict::Recognition;
pub use sink::SpanSink;
pub use tally::{Defect, Tally};
pub use value::VALUE_DEPTH;

use self::nodes::Nodes;
use self::predict::{Outcome, Recognizer, Shared};
use self::rest::Rest;
use self::sink::Nowhere;
use self::strict::Strict;
use self::tally::{Findings, Report, Suspicion};
use self::tape::Tape;
use self::value::Attribute;
use self::walk::Walker;
use crate::build::Builder;
use crate::source::{Block, Chunk};

/// Buffers of at most this many bytes are kept for the next document; larger ones are given back.
const KEPT: usize = 8 << 20;

/// Most bytes of buffers that a byte of a document may take while it is decoded: its copy, its
/// number in the index of tokens, and, as a value and what separates it are two bytes, half a node.
const NEED: usize = 1 + size_of::<u32>() + size_of::<simd_json::Node<'static>>() / 2;

/// Decodes OTLP JSON for one worker; its buffers are reused from chunk to chunk.
pub struct Decoder<S = Builder> {
    sink: S,
    tally: Tally,
    /// Boxed for its size.
    recognizer: Option<Box<Recognizer>>,
    strict: Strict,
    nodes: Nodes,
    attributes: Vec<Attribute>,
    /// Bytes of the longest document for which memory is left.
    longest: usize,
}

impl Decoder<Builder> {
    /// A decoder that keeps what `schema` asks for.
    pub fn new(schema: Arc<Schema>) -> Self {
        Self::with_sink(Builder::new(schema))
    }

    /// Bytes of memory that it holds for more than the document at hand; to be asked once for many
    /// spans.
    pub fn bytes(&self) -> usize {
        self.sink.bytes() + self.recognizer.as_ref().map_or(0, |recognizer| recognizer.bytes())
    }
}

impl<S: SpanSink> Decoder<S> {
    /// A decoder that feeds `sink`.
    pub fn with_sink(sink: S) -> Self {
        // The fast reader passes over what else there is, so it is for those who need it not.
        let recognizer = (!sink.keeps_rest()).then(|| Box::new(Recognizer::new()));
        Self {
            sink,
            tally: Tally::default(),
            recognizer,
            strict: Strict::new(),
            nodes: Nodes::default(),
            attributes: Vec::new(),
            longest: usize::MAX,
        }
    }

    /// The same decoder without the fast reader: the others read all, with the same outcome.
    pub fn strict(self) -> Self {
        Self { recognizer: None, ..self }
    }

    /// The same decoder without vector instructions in the fast reader.
    pub fn portable(self) -> Self {
        let recognizer = self.recognizer.map(|recognizer| Box::new(recognizer.portable()));
        Self { recognizer, ..self }
    }

    /// Says how many bytes of memory are left for the decoding of a document; without it there is no
    /// limit. A document that may need more, 17 times its length, is [`Defect::Memory`]. Documents of
    /// less than half a MiB are always decoded, in buffers that a decoder has anyway.
    pub fn set_room(&mut self, bytes: usize) {
        self.longest = bytes.max(KEPT) / NEED;
    }

    /// The same decoder with a fast reader that tries every document, however often in vain: to
    /// hold it against the others.
    pub fn eager(self) -> Self {
        let recognizer = self.recognizer.map(|recognizer| Box::new(recognizer.eager()));
        Self { recognizer, ..self }
    }

    /// Decodes all chunks of a block.
    pub fn decode_block(&mut self, block: &Block<'_>) {
        for chunk in block.chunks() {
            self.decode(&chunk, block.order, &block.input);
        }
    }

    /// Decodes a chunk of the input that is at place `order` among all inputs and is called `input`.
    pub fn decode(&mut self, chunk: &Chunk<'_>, order: usize, input: &Arc<str>) {
        if chunk.bytes.len() > self.longest {
            let mut findings = Findings::default();
            findings.defect(Defect::Memory, 0);
            self.tally.add_malformed(findings.places(chunk, order, input));
            return;
        }
        if self.recognize(chunk, order, input) || self.decode_strictly(chunk, order, input) {
            return;
        }
        for piece in chunk.split() {
            // The whole chunk was refused just now.
            let is_new = piece.bytes.len() < chunk.bytes.len();
            if !(is_new && self.decode_strictly(&piece, order, input)) {
                self.decode_tolerantly(&piece, order, input);
            }
        }
    }

    /// The sink with all spans so far.
    pub fn sink(&self) -> &S {
        &self.sink
    }

    /// The sink, to add spans that come another way.
    pub fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }

    /// The account since it was last taken.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Adds to the account what was taken from it.
    pub fn add_tally(&mut self, tally: Tally) {
        self.tally.merge(tally);
    }

    /// The account so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// What the fast reader did so far.
    pub fn recognition(&self) -> Recognition {
        self.recognizer.as_ref().map_or_else(Recognition::default, |recognizer| recognizer.done())
    }

    /// The sink with all spans, and the account.
    pub fn into_parts(self) -> (S, Tally) {
        (self.sink, self.tally)
    }

    /// Says whether the fast reader understood the chunk; if not, nothing was done.
    fn recognize(&mut self, chunk: &Chunk<'_>, order: usize, input: &Arc<str>) -> bool {
        let Self { sink, tally, recognizer, strict, attributes, .. } = self;
        let Some(recognizer) = recognizer else { return false };
        let outcome = recognizer.read(chunk, Shared { sink, tally, strict, attributes });
        if outcome == Outcome::Defective {
            self.locate(chunk, order, input);
        }
        outcome != Outcome::Left
    }

    /// Says whether the chunk is valid JSON; if not, nothing was done.
    fn decode_strictly(&mut self, chunk: &Chunk<'_>, order: usize, input: &Arc<str>) -> bool {
        let Self { sink, tally, strict, attributes, .. } = self;
        let read = strict.read(chunk, |tape| {
            let mut report = Suspicion::default();
            Walker { tape, sink, report: &mut report, tally, attributes, rest: Rest::default() }
                .document(0);
            report.0
        });
        if read == Some(true) {
            self.locate(chunk, order, input);
        }
        self.release();
        read.is_some()
    }

    /// Counts the defects of a chunk whose spans are added already: the strict tape has no places.
    fn locate(&mut self, chunk: &Chunk<'_>, order: usize, input: &Arc<str>) {
        let mut findings = Findings::default();
        let Self { nodes, attributes, .. } = self;
        let mut ignored = Tally::default();
        tolerant(nodes, chunk, &mut Nowhere, &mut findings, &mut ignored, attributes);
        self.tally.add_malformed(findings.places(chunk, order, input));
    }

    fn decode_tolerantly(&mut self, chunk: &Chunk<'_>, order: usize, input: &Arc<str>) {
        let mut findings = Findings::default();
        let Self { sink, tally, nodes, attributes, .. } = self;
        tolerant(nodes, chunk, sink, &mut findings, tally, attributes);
        self.tally.add_malformed(findings.places(chunk, order, input));
        self.release();
    }

    /// Gives back buffers that a large document made.
    fn release(&mut self) {
        if self.nodes.bytes() > KEPT {
            self.nodes = Nodes::default();
        }
        if self.attributes.capacity() * size_of::<Attribute>() > KEPT {
            self.attributes = Vec::new();
        }
    }
}

fn tolerant(
    nodes: &mut Nodes,
    chunk: &Chunk<'_>,
    sink: &mut impl SpanSink,
    report: &mut impl Report,
    tally: &mut Tally,
    attributes: &mut Vec<Attribute>,
) {
    scan::scan(chunk.bytes, nodes, report);
    let tape = nodes.tape(chunk.bytes);
    let mut at = 0;
    while at < tape.len() {
        Walker { tape, sink, report, tally, attributes, rest: Rest::default() }.document(at);
        at = tape.next(at);
    }
}
