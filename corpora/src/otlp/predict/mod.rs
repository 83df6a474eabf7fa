//! The fast reader: recognizes what exporters write again and again, without a tape.
//!
//! Most bytes of a span are the same as in the span before: keys, brackets, types. The recognizer
//! compares them, 64 at once, with what it saw before (the [`Automaton`]) and reads only the holes
//! between. What it did not see before it passes over byte by byte ([`step`]) and remembers. A span
//! that it does not understand is left to the strict reader, which gets all such spans of a document
//! in one small text; the [`Frame`](frame::Frame) around the spans is the strict reader's, too.
//!
//! Nothing is added before the whole document is understood, so nothing has to be taken back. Of a
//! document that is not, nothing was done but that the sink may have numbered operations, and the
//! others read it as if this one did not exist.

mod add;
mod automaton;
mod chain;
mod composite;
mod frame;
mod holes;
mod lanes;
mod left;
mod numbers;
mod operations;
mod others;
mod place;
mod span;
mod step;

use std::fmt;

use memchr::memchr3;

use self::frame::{Frame, Frames};
use self::lanes::{Lanes, Work};
use self::left::{Attempts, Left};
use self::span::{Found, Spans};
use super::SpanSink;
use super::rest::Rest;
use super::strict::Strict;
use super::tally::{Suspicion, Tally};
use super::tape::{StrictTape, Tape, View};
use super::value::Attribute;
use super::walk::Walker;
use crate::source::{Chunk, Kind};

/// Most bytes of a list that are kept from document to document.
const KEPT: usize = 4 << 20;

/// What the fast reader did. Depends on the order in which it saw documents, so it differs between
/// runs with several workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recognition {
    /// Holes that it remembers, with what stands between them, over all workers.
    pub nodes: u64,
    /// How often it forgot all of them, because there was no space for more.
    pub restarts: u64,
    /// Spans that it read.
    pub spans: u64,
    /// Spans that it left to the strict reader, in documents that it read.
    pub spans_left: u64,
    /// Documents that it left to the strict reader.
    pub documents_left: u64,
}

impl Recognition {
    /// Adds what another worker's did.
    pub fn merge(&mut self, other: Self) {
        self.nodes += other.nodes;
        self.restarts += other.restarts;
        self.spans += other.spans;
        self.spans_left += other.spans_left;
        self.documents_left += other.documents_left;
    }
}

/// What recognition shares with the other readers.
pub(super) struct Shared<'d, S> {
    pub(super) sink: &'d mut S,
    pub(super) tally: &'d mut Tally,
    pub(super) strict: &'d mut Strict,
    pub(super) attributes: &'d mut Vec<Attribute>,
}

/// What became of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// No span was added.
    Left,
    /// All was added.
    Read,
    /// All was added; defects are still to be counted.
    Defective,
}

/// Recognizes documents for one worker.
pub(super) struct Recognizer {
    spans: Spans,
    frames: Frames,
    found: Vec<Found>,
    left: Left,
    attempts: Attempts,
    lanes: Way,
    done: Recognition,
}

/// How blocks of bytes are looked at.
#[derive(Clone, Copy)]
enum Way {
    #[cfg(target_arch = "x86_64")]
    Avx2(lanes::Avx2),
    Portable,
}

/// Takes a document apart.
struct Recognize<'r, S> {
    recognizer: &'r mut Recognizer,
    text: &'r [u8],
    sink: &'r mut S,
}

impl<S: SpanSink> Work for Recognize<'_, S> {
    type Output = Option<()>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Option<()> {
        self.recognizer.recognize(lanes, self.text, self.sink)
    }
}

impl Recognizer {
    /// One that knows nothing yet.
    pub(super) fn new() -> Self {
        #[cfg(target_arch = "x86_64")]
        let lanes = lanes::Avx2::new().map_or(Way::Portable, Way::Avx2);
        #[cfg(not(target_arch = "x86_64"))]
        let lanes = Way::Portable;
        Self {
            spans: Spans::new(),
            frames: Frames::new(),
            found: Vec::new(),
            left: Left::default(),
            attempts: Attempts::new(),
            lanes,
            done: Recognition::default(),
        }
    }

    /// The same without vector instructions.
    pub(super) fn portable(self) -> Self {
        Self { lanes: Way::Portable, ..self }
    }

    /// The same without pauses.
    pub(super) fn eager(self) -> Self {
        Self { attempts: Attempts::always(), ..self }
    }

    /// What it did so far.
    pub(super) fn done(&self) -> Recognition {
        Recognition { nodes: self.spans.learned(), ..self.done }
    }

    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        self.spans.bytes()
            + self.frames.bytes()
            + self.found.capacity() * size_of::<Found>()
            + self.left.bytes()
    }

    /// Reads a document, if it understands it.
    pub(super) fn read<S: SpanSink>(
        &mut self,
        chunk: &Chunk<'_>,
        mut shared: Shared<'_, S>,
    ) -> Outcome {
        let text = chunk.bytes;
        let whole = matches!(chunk.kind, Kind::Line | Kind::Block);
        if self.attempts.is_pause() || !whole || text.len() > holes::LONGEST {
            self.done.documents_left += 1;
            return Outcome::Left;
        }
        let way = self.lanes;
        let work = Recognize { recognizer: self, text, sink: shared.sink };
        let understood = match way {
            #[cfg(target_arch = "x86_64")]
            Way::Avx2(lanes) => lanes.run(work),
            Way::Portable => lanes::Portable.run(work),
        };
        let outcome = match understood {
            Some(()) => self.add(text, &mut shared),
            None => Outcome::Left,
        };
        self.account(outcome, text.len());
        outcome
    }

    /// Counts, and looks whether the attempt was worth it.
    fn account(&mut self, outcome: Outcome, bytes: usize) {
        let is_full = self.spans.restart_if_full();
        self.done.restarts += u64::from(is_full);
        let left = if outcome == Outcome::Left {
            self.done.documents_left += 1;
            bytes
        } else {
            let left = self.left.spans();
            self.done.spans += (self.found.len() - left) as u64;
            self.done.spans_left += left as u64;
            self.left.weight()
        };
        let read = bytes.saturating_sub(left);
        self.attempts.account(read, left, self.spans.steps, is_full);
    }

    /// Takes the document apart: the frame to `frames`, the spans to `found` and `left`.
    #[inline(always)]
    fn recognize<S: SpanSink>(
        &mut self,
        lanes: impl Lanes,
        text: &[u8],
        sink: &mut S,
    ) -> Option<()> {
        self.frames.begin();
        self.spans.begin();
        begin(&mut self.found);
        self.left.begin();
        let mut at = 0;
        while let Some(begin) = self.frames.next_list(text, at) {
            if self.frames.are_too_many(text) {
                return None;
            }
            at = begin;
            let list = self.frames.lists() as u32 - 1;
            let mut next = blanks(text, at);
            while text.get(next) == Some(&b'{') {
                let found = self.found.push_mut(Found::new(list));
                at = match self.spans.span(lanes, text, next, found, sink) {
                    Some(end) => end,
                    None => self.leave(text, next)?,
                };
                next = blanks(text, at);
                if text.get(next) != Some(&b',') {
                    break;
                }
                next = blanks(text, next + 1);
                if text.get(next) != Some(&b'{') {
                    return None;
                }
            }
        }
        (self.frames.lists() > 0).then_some(())
    }

    /// Leaves the span at `at` to the strict reader; gives its end.
    #[cold]
    #[inline(never)]
    fn leave(&mut self, text: &[u8], at: usize) -> Option<usize> {
        let end = end_of_object(text, at)?;
        self.left.push(&text[at..end]);
        // What is mostly left is not worth the attempt, and may be much more than its text.
        (!self.left.is_most_of(end)).then_some(end)
    }

    /// Adds the spans that were found, if the strict reader agrees with the rest.
    fn add<S: SpanSink>(&mut self, text: &[u8], shared: &mut Shared<'_, S>) -> Outcome {
        let Self { spans, frames, found, left, .. } = self;
        let Shared { sink, tally, strict, attributes } = shared;
        let Some(left) = left.list() else {
            let Some(frame) = frames.finish(*sink, attributes) else { return Outcome::Left };
            spans.look_up(text, found, *sink);
            for (at, span) in found.iter().enumerate() {
                spans.add(text, (span, found.get(at + 1)), &frame.owners, *sink);
            }
            tally.spans += found.len() as u64;
            tally.merge(frame.tally.clone());
            return Outcome::Read;
        };
        let chunk = Chunk { bytes: left, offset: 0, line: 1, kind: Kind::Block, ends_input: false };
        let outcome = strict.read(&chunk, |tape| {
            let frame = frames.finish(*sink, attributes)?;
            let mut both = Both { spans, text, found, tape, frame };
            Some(both.add(*sink, tally, attributes))
        });
        outcome.flatten().unwrap_or(Outcome::Left)
    }
}

/// The spans of a document of which some are on the strict reader's tape.
struct Both<'b> {
    spans: &'b mut Spans,
    text: &'b [u8],
    found: &'b mut [Found],
    tape: StrictTape<'b>,
    frame: &'b Frame,
}

impl Both<'_> {
    fn add<S: SpanSink>(
        &mut self,
        sink: &mut S,
        tally: &mut Tally,
        attributes: &mut Vec<Attribute>,
    ) -> Outcome {
        let Self { spans, text, found, tape, frame } = self;
        let left = found.iter().filter(|found| found.is_left()).count();
        if tape.view(0) != View::Array(left) {
            return Outcome::Left;
        }
        let mut report = Suspicion::default();
        spans.look_up(text, found, sink);
        let mut at = 1;
        for (number, span) in found.iter().enumerate() {
            if span.is_left() {
                let owner = frame.owners[span.list as usize];
                let (tape, report) = (*tape, &mut report);
                let rest = Rest::default();
                let mut walker = Walker { tape, sink, report, tally, attributes, rest };
                walker.item(at, owner);
                at = tape.next(at);
            } else {
                spans.add(text, (span, found.get(number + 1)), &frame.owners, sink);
                tally.spans += 1;
            }
        }
        tally.merge(frame.tally.clone());
        if report.0 { Outcome::Defective } else { Outcome::Read }
    }
}

impl fmt::Debug for Recognizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recognizer").field("done", &self.done()).finish_non_exhaustive()
    }
}

/// Empties a list that is used for each document; one that a huge document left gives its memory
/// back.
fn begin<T>(list: &mut Vec<T>) {
    if list.capacity() * size_of::<T>() > KEPT {
        *list = Vec::new();
    }
    list.clear();
}

/// The first byte from `at` on that is no blank.
#[inline(always)]
fn blanks(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

/// Where the object ends that begins at `at`, as far as brackets outside of strings tell.
fn end_of_object(text: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        at += memchr3(b'{', b'}', b'"', &text[at..])?;
        match text[at] {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {
                let (end, closed) = super::strings::end_of(text, at);
                at = closed.then_some(end)?;
            }
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}
