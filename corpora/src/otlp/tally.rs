//! What a decoder counts: documents, spans, what it passed over, and every defect with its first
//! places.

use std::collections::BTreeMap;
use std::sync::Arc;

use memchr::memchr_iter;

use crate::source::{Chunk, FirstFew, Place};

/// What can be wrong with a piece of OTLP JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Defect {
    /// A document whose decoding might take more memory than is [left](super::Decoder::set_room); it
    /// is lost.
    #[error("document_too_large_for_memory")]
    Memory,
    /// Text at the top level that is neither an object nor a list.
    #[error("document")]
    Document,
    /// A document that ends before it is closed; the whole spans in it are kept.
    #[error("unfinished")]
    Unfinished,
    /// Text that JSON's grammar forbids; the innermost object is lost, or nothing if it is clear
    /// what was meant (a missing or spare comma in a list).
    #[error("syntax")]
    Syntax,
    /// A number that is not one in JSON; also one beyond every range, where it is read.
    #[error("number")]
    Number,
    /// A string with a bad escape, a control character, a lone surrogate or bad UTF-8.
    #[error("string")]
    String,
    /// Brackets nested too deep; the value is lost.
    #[error("depth")]
    Depth,
    /// A known field that holds another type than OTLP says, or something in a list of spans (or of
    /// what holds spans) that is no object; it is lost.
    #[error("shape")]
    Shape,
    /// A trace id that is absent, all zero, of wrong length or digits; the span is lost.
    #[error("trace_id")]
    TraceId,
    /// A span id that is absent or all zero, for which the span is lost; or text that is no id,
    /// under a hash of which the span stays.
    #[error("span_id")]
    SpanId,
    /// A parent span id that is text but no id; the span stays, its parent under a hash of the
    /// text. One that is not text is left out.
    #[error("parent_id")]
    ParentId,
    /// A start that is absent or zero, or a time that is no whole number; the span is lost.
    #[error("time")]
    Time,
    /// A name that is no string; the span is lost.
    #[error("name")]
    Name,
    /// A kind, status or flags that cannot be read; the span stays as if they were absent.
    #[error("field")]
    Field,
    /// An attribute that cannot be read; the span or resource stays without it.
    #[error("attribute")]
    Attribute,
    /// An attribute whose value is nested too deep; the span or resource stays without it.
    #[error("value_depth")]
    ValueDepth,
}

/// The account of a decoding. Adding up the tallies of several decoders gives the same whatever
/// decoder read what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// JSON documents, at least partly readable.
    pub documents: u64,
    /// Of those, documents in which nothing of OTLP was found.
    pub empty: u64,
    /// Spans that were added.
    pub spans: u64,
    /// Entries of `resourceLogs`, `resourceMetrics` and `resourceProfiles`, by signal; not read.
    pub other_signals: BTreeMap<&'static str, u64>,
    /// Defects by kind, with the first places.
    pub malformed: BTreeMap<Defect, FirstFew<Place>>,
}

impl Tally {
    /// Adds what another decoder counted.
    pub fn merge(&mut self, other: Tally) {
        self.documents += other.documents;
        self.empty += other.empty;
        self.spans += other.spans;
        for (signal, count) in other.other_signals {
            *self.other_signals.entry(signal).or_default() += count;
        }
        self.add_malformed(other.malformed);
    }

    pub(super) fn add_malformed(&mut self, malformed: BTreeMap<Defect, FirstFew<Place>>) {
        for (defect, places) in malformed {
            self.malformed.entry(defect).or_default().merge(places);
        }
    }
}

/// Takes notice of defects.
pub(super) trait Report {
    /// A defect at this byte of the chunk.
    fn defect(&mut self, defect: Defect, offset: usize);
}

/// Only whether there is any defect: a fast tape does not know places.
#[derive(Default)]
pub(super) struct Suspicion(pub(super) bool);

impl Report for Suspicion {
    fn defect(&mut self, _: Defect, _: usize) {
        self.0 = true;
    }
}

/// Defects of one chunk by their bytes in it, of which lines are worked out in the end only, for
/// those that are kept: there may be several for every few bytes, in any order.
#[derive(Default)]
pub(super) struct Findings(BTreeMap<Defect, FirstFew<usize>>);

impl Findings {
    /// The defects with their places in the input that is at place `order` and is called `input`.
    pub(super) fn places(
        self,
        chunk: &Chunk<'_>,
        order: usize,
        input: &Arc<str>,
    ) -> BTreeMap<Defect, FirstFew<Place>> {
        let located = |offsets: FirstFew<usize>| {
            let mut last = (0, chunk.line);
            offsets.map(|offset| {
                let offset = offset.min(chunk.bytes.len());
                let passed = memchr_iter(b'\n', &chunk.bytes[last.0..offset]).count();
                last = (offset, last.1 + passed as u64);
                let offset = chunk.offset + offset as u64;
                Place { order, offset, line: last.1, input: Arc::clone(input) }
            })
        };
        self.0.into_iter().map(|(defect, offsets)| (defect, located(offsets))).collect()
    }
}

impl Report for Findings {
    fn defect(&mut self, defect: Defect, offset: usize) {
        self.0.entry(defect).or_default().add(offset);
    }
}
