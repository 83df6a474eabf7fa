//! What is around the spans of a document: its frame. With a mark in place of the spans of each
//! list it is a small document of its own, and the strict reader says what it is worth and to which
//! resource and scope each list belongs. Exporters write few different frames, so the answers are
//! kept.

use std::sync::LazyLock;

use hashbrown::HashMap;
use memchr::memmem::Finder;

use super::super::SpanSink;
use super::super::rest::Rest;
use super::super::strict::Strict;
use super::super::tally::{Suspicion, Tally};
use super::super::value::Attribute;
use super::super::walk::Walker;
use crate::build::{AttributeValue, SpanRecord};
use crate::source::{Chunk, Kind};

/// Most frames that are kept.
const FRAMES: usize = 1 << 11;
/// Most bytes of frames that are kept.
const BYTES: usize = 4 << 20;

/// The trace id of marks.
const MARK: u128 = 0x6d61_726b_206f_6620_6120_6c69_7374_2e2e;
/// Brackets within a mark: more than a span that is recognized can have.
const DEPTH: usize = 48;
/// Bytes of a mark, about.
const MARK_BYTES: usize = 104 + 2 * DEPTH;
/// Bytes of marks that a document may have whatever its length.
const FREE: usize = 16 << 10;
/// In a key, in place of spans. Not in JSON.
const SPANS: u8 = 0;

/// A frame that the strict reader accepted.
#[derive(Debug)]
pub(super) struct Frame {
    /// Numbers of resource and scope of each list of spans.
    pub(super) owners: Vec<(u32, u32)>,
    /// What the document counts for besides its spans.
    pub(super) tally: Tally,
}

/// The frames that are known, and the one of the document at hand.
pub(super) struct Frames {
    known: Vec<Frame>,
    /// Places among the known ones, by key.
    places: HashMap<Box<[u8]>, u32>,
    bytes: usize,
    key: Vec<u8>,
    lists: usize,
    strict: Strict,
}

impl Frames {
    /// Knows none yet.
    pub(super) fn new() -> Self {
        let (known, places, key) = (Vec::new(), HashMap::new(), Vec::new());
        Self { known, places, bytes: 0, key, lists: 0, strict: Strict::new() }
    }

    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
            + self.known.capacity() * size_of::<Frame>()
            + self.places.allocation_size()
            + self.key.capacity()
    }

    /// Forgets the document at hand.
    pub(super) fn begin(&mut self) {
        self.key.clear();
        self.lists = 0;
    }

    /// Whether the marks of so many lists would take more than the document itself: a list of no span
    /// is a few bytes, its mark is many.
    pub(super) fn are_too_many(&self, text: &[u8]) -> bool {
        self.lists * MARK_BYTES > text.len() + FREE
    }

    /// Passes from `at` to the begin of a list of spans, or to the document's end and gives `None`.
    pub(super) fn next_list(&mut self, text: &[u8], at: usize) -> Option<usize> {
        let list = list_after(text, at);
        self.key.extend_from_slice(&text[at..list.unwrap_or(text.len())]);
        if list.is_some() {
            self.key.push(SPANS);
            self.lists += 1;
        }
        list
    }

    /// Number of lists so far.
    pub(super) fn lists(&self) -> usize {
        self.lists
    }

    /// The frame of the document at hand, if the strict reader finds no fault with it.
    pub(super) fn finish(
        &mut self,
        sink: &mut impl SpanSink,
        attributes: &mut Vec<Attribute>,
    ) -> Option<&Frame> {
        let place = match self.places.get(&*self.key) {
            Some(&place) => place as usize,
            None => self.learn(sink, attributes)?,
        };
        // A byte within the text that looks like our separator makes the numbers differ.
        self.known.get(place).filter(|frame| frame.owners.len() == self.lists)
    }

    /// The place of the frame of the document at hand, which is new.
    #[cold]
    fn learn(
        &mut self,
        sink: &mut impl SpanSink,
        attributes: &mut Vec<Attribute>,
    ) -> Option<usize> {
        let frame = self.read(sink, attributes)?;
        if self.known.len() == FRAMES || self.bytes + self.key.len() > BYTES {
            self.known.clear();
            self.places.clear();
            self.bytes = 0;
        }
        let place = self.known.len();
        self.known.push(frame);
        self.bytes += self.key.len();
        self.places.insert(self.key.as_slice().into(), place as u32);
        Some(place)
    }

    fn read(&mut self, sink: &mut impl SpanSink, attributes: &mut Vec<Attribute>) -> Option<Frame> {
        let mut text = Vec::new();
        for (number, part) in self.key.split(|&byte| byte == SPANS).enumerate() {
            if number > 0 {
                text.extend_from_slice(mark(number).as_bytes());
            }
            text.extend_from_slice(part);
        }
        let chunk =
            Chunk { bytes: &text, offset: 0, line: 1, kind: Kind::Block, ends_input: false };
        let mut tally = Tally::default();
        let mut marks = Marks { sink, owners: Vec::new(), others: false };
        let sound = self.strict.read(&chunk, |tape| {
            let mut report = Suspicion::default();
            let (report, sink, tally) = (&mut report, &mut marks, &mut tally);
            Walker { tape, sink, report, tally, attributes, rest: Rest::default() }.document(0);
            !report.0
        });
        let Marks { owners, others, .. } = marks;
        tally.spans = 0;
        let good = sound == Some(true) && !others && owners.len() == self.lists;
        good.then_some(Frame { owners, tally })
    }
}

/// Where the first list of spans after `at` begins, as far as a look at keys tells: a wrong guess
/// is found out because the strict reader then misses the mark.
fn list_after(text: &[u8], mut at: usize) -> Option<usize> {
    static KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"spans\""));
    loop {
        at += KEY.find(&text[at..])? + KEY.needle().len();
        let rest = text[at..].trim_ascii_start().strip_prefix(b":");
        if let Some(rest) = rest.and_then(|rest| rest.trim_ascii_start().strip_prefix(b"[")) {
            return Some(text.len() - rest.len());
        }
    }
}

/// A span in place of the spans of list `number`.
fn mark(number: usize) -> String {
    let (open, close) = ("[".repeat(DEPTH), "]".repeat(DEPTH));
    format!(
        r#"{{"traceId":"{MARK:032x}","spanId":"{number:016x}","startTimeUnixNano":1,"x":{open}{close}}}"#
    )
}

/// Notes to whom the marks belong; all else goes on to the sink.
struct Marks<'s, S> {
    sink: &'s mut S,
    owners: Vec<(u32, u32)>,
    /// Whether a span came that is no mark.
    others: bool,
}

impl<S: SpanSink> SpanSink for Marks<'_, S> {
    fn keeps_rest(&self) -> bool {
        self.sink.keeps_rest()
    }

    fn resource<'a, V: AttributeValue<'a>>(
        &mut self,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
        rest: &str,
    ) -> u32 {
        self.sink.resource(attributes, rest)
    }

    fn scope(&mut self, name: &str, version: &str, rest: &str) -> u32 {
        self.sink.scope(name, version, rest)
    }

    fn span<'a, V: AttributeValue<'a>>(
        &mut self,
        span: &SpanRecord<'_>,
        _: impl Iterator<Item = (&'a str, V)> + Clone,
    ) {
        let number = self.owners.len() as u64 + 1;
        self.others |= span.trace_id != MARK || span.span_id != number;
        self.owners.push((span.resource, span.scope));
    }
}
