//! Single traces out of what was recorded: files of OTLP, or a corpus, to spans that can be drawn and
//! explained.
//!
//! Either way spans go through a builder that keeps everything, so they are those that a replay judges:
//! each once, whatever it came in.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use corpora::build::{AttributeValue, Attributes, Builder, SpanRecord, Stored, finish, refill};
use corpora::otlp::{Decoder, SpanSink};
use corpora::source::{self, Options, Walk, walk};
use corpora::statement::Statement;
use ir::segment::RowRef;
use ir::{Fault, Schema, Segment, Value};

use crate::completeness::Completeness;
use crate::corpus::{Corpus, open};
use crate::replay::{ReplayError, SEGMENT_SIZE};
use crate::span::{Kind, Span, Status};

/// How many ids of other traces are named.
const NAMED: usize = 5;

/// What was looked for in files, and found.
#[derive(Debug)]
pub struct Found {
    /// The spans of the trace by start, each once; none if it is not there, or if no trace was asked for
    /// and there are several.
    pub spans: Option<Vec<Span>>,
    /// The smallest ids of all traces that were met, a few.
    pub some_ids: Vec<u128>,
    /// Whether there are more than these.
    pub more: bool,
    /// What was read and what not; traces and spans are counted of this trace alone.
    pub completeness: Completeness,
}

impl Found {
    /// Some ids of traces for people.
    pub fn ids(&self) -> String {
        let ids: Vec<String> = self.some_ids.iter().map(|id| format!("{id:032x}")).collect();
        ids.join(", ") + if self.more { ", …" } else { "" }
    }
}

/// Reads inputs for the trace of this id, or for the only one that they hold.
pub fn read(inputs: Walk, id: Option<u128>, threads: NonZeroUsize, options: &Options) -> Found {
    let mut report = inputs.report;
    let schema = Arc::new(Schema::everything());
    // The first of several traces is that of the first block, so one worker has to see it.
    let threads = if id.is_some() { threads.get() } else { 1 };
    let sink = |_| OneTrace { id, seen: Seen::default(), builder: Builder::new(schema.clone()) };
    let mut workers: Vec<_> =
        (0..threads).map(|number| Decoder::with_sink(sink(number)).strict()).collect();
    let (read, done) = source::run(&inputs.inputs, options, &mut workers, |worker, block| {
        worker.decode_block(&block);
        Ok::<_, Infallible>(())
    });
    let Ok(()) = done;
    report.merge(read);
    let mut tally = corpora::otlp::Tally::default();
    let (mut builders, mut seen) = (Vec::new(), Seen::default());
    for worker in workers {
        let (sink, own) = worker.into_parts();
        tally.merge(own);
        seen.merge(&sink.seen);
        builders.push(sink.builder);
    }
    let is_one = id.is_some() || seen.ids.len() == 1;
    // A segment that was just made holds everything, and is not damaged.
    let spans = only_trace(builders).and_then(|segment| spans(&segment).ok());
    let completeness = Completeness {
        spans: spans.as_ref().map_or(0, |spans| spans.len() as u64),
        traces: spans.iter().len() as u64,
        ..Completeness::of(Statement::of(report, tally))
    };
    Found {
        spans: spans.filter(|_| is_one),
        more: seen.more,
        some_ids: seen.ids.into_iter().collect(),
        completeness,
    }
}

/// The spans of the one trace of a file of OTLP, or of the trace of this id.
///
/// # Errors
/// What is wrong with the file, as a sentence.
pub(crate) fn read_file(path: &Path, id: Option<u128>) -> Result<Vec<Span>, String> {
    let name = path.display();
    let found = read(walk([path]), id, NonZeroUsize::MIN, &Options::default());
    let Completeness { unread, malformed, .. } = &found.completeness;
    if let Some(note) = unread.first() {
        return Err(format!("cannot read {name}: {}", note.why));
    }
    if let Some((kind, malformed)) = malformed.first_key_value() {
        let place =
            malformed.places.first().map(|place| format!(" at {place}")).unwrap_or_default();
        return Err(format!("{name} is not OTLP JSON: {kind}{place}"));
    }
    let ids = found.ids();
    match (found.spans, id) {
        (Some(spans), _) => Ok(spans),
        (None, Some(id)) => Err(format!("{name} has no trace {id:032x}; it has {ids}")),
        (None, None) if ids.is_empty() => Err(format!("{name} has no trace")),
        (None, None) => {
            Err(format!("{name} has several traces; say which with `trace_id:`: {ids}"))
        }
    }
}

impl Corpus {
    /// The spans of a trace by start; none if it is not in the corpus. Of segments only the ids of their
    /// traces are read, but for those that hold it.
    ///
    /// # Errors
    /// A damaged segment in which the trace lies, or may lie.
    pub fn trace(&self, id: u128) -> Result<Option<Vec<Span>>, ReplayError> {
        let mut builder = Builder::new(Arc::new(Schema::everything()));
        let is_split = self.is_split(id);
        let (mut found, mut lost) = (false, None);
        for entry in &self.snapshot.manifest.segments {
            let take = |builder: &mut Builder| {
                let segment = open(&self.snapshot.folder, entry)?.segment(None);
                let place = segment.traces.id.iter().position(|own| *own == id);
                refill(&segment, place, builder)?;
                segment.sound().map(|()| place.is_some())
            };
            match take(&mut builder) {
                Ok(here) => found |= here,
                Err(fault) => lost = lost.or(Some(fault)),
            }
            if found && !is_split {
                break;
            }
        }
        match lost {
            Some(fault) if !found || is_split => Err(fault.into()),
            _ => Ok(only_trace(vec![builder]).map(|segment| spans(&segment)).transpose()?),
        }
    }
}

/// The segment of builders that hold the spans of one trace, if any.
fn only_trace(builders: Vec<Builder>) -> Option<Segment> {
    let unsealed = finish(builders, SEGMENT_SIZE).segments.pop_front()?;
    Some(unsealed.seal().segment)
}

/// The spans of the first trace of a segment that holds everything.
fn spans(segment: &Segment) -> Result<Vec<Span>, Fault> {
    let stored = Stored::new(segment);
    let span = |at: RowRef| {
        let record = stored.record(at)?;
        let (resource, _) = stored.resource(record.resource)?;
        Ok(Span {
            trace_id: record.trace_id.to_be_bytes(),
            span_id: record.span_id.to_be_bytes(),
            parent_id: record.parent_id.to_be_bytes(),
            name: record.name.to_owned(),
            kind: Kind::ALL.get(usize::from(record.kind)).copied().unwrap_or_default(),
            status: Status::ALL.get(usize::from(record.status)).copied().unwrap_or_default(),
            message: record.message.to_owned(),
            start: record.start,
            end: record.end,
            flags: record.flags,
            attributes: owned(stored.attributes(at)?),
            resource: owned(resource),
        })
    };
    segment.spans_of(0).into_iter().map(span).collect()
}

fn owned(attributes: Attributes<'_>) -> Vec<(String, Value)> {
    attributes.into_iter().map(|(key, value)| (key.into_owned(), value)).collect()
}

/// Ids of traces: the smallest few.
#[derive(Default)]
struct Seen {
    ids: BTreeSet<u128>,
    more: bool,
}

impl Seen {
    fn add(&mut self, id: u128) {
        self.ids.insert(id);
        if self.ids.len() > NAMED {
            self.ids.pop_last();
            self.more = true;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.more |= other.more;
        other.ids.iter().for_each(|&id| self.add(id));
    }
}

/// Keeps the spans of one trace: of this id, or the first that comes.
struct OneTrace {
    id: Option<u128>,
    seen: Seen,
    builder: Builder,
}

impl SpanSink for OneTrace {
    fn keeps_rest(&self) -> bool {
        self.builder.keeps_rest()
    }

    fn resource<'a, V: AttributeValue<'a>>(
        &mut self,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
        rest: &str,
    ) -> u32 {
        self.builder.resource(attributes, rest)
    }

    fn scope(&mut self, name: &str, version: &str, rest: &str) -> u32 {
        self.builder.scope(name, version, rest)
    }

    fn span<'a, V: AttributeValue<'a>>(
        &mut self,
        span: &SpanRecord<'_>,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
    ) {
        self.seen.add(span.trace_id);
        if *self.id.get_or_insert(span.trace_id) == span.trace_id {
            self.builder.span(span, attributes);
        }
    }
}
