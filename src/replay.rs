//! A replay: spans in, verdicts out.

use std::ffi::OsStr;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use corpora::build::{self, Builder, SegmentSize, SpanRecord, Unsealed};
use corpora::corpus::CorpusError;
use corpora::otlp::{Budget, Decoder, Metered, OverBudget, Recognition, VALUE_DEPTH};
use corpora::source::{self, SourceReport, Walk, walk};
use corpora::statement::Statement;
use ir::Fault;
use jiff::tz::TimeZone;
use runtime::{Moment, RangeError, RuleReport, Signal, TimeRange};

use crate::completeness::Completeness;
use crate::program::Program;
use crate::span::Span;

/// Few enough traces and spans for a segment's columns to be worked in cache, and for a segment a
/// thread to take little memory; enough for the work on each segment to vanish beside the work on
/// its rows.
pub(crate) const SEGMENT_SIZE: SegmentSize = SegmentSize { traces: 1 << 16, rows: 1 << 18 };

/// Bytes of pushed spans, about, after which memory is looked at again: a sum over all that is held,
/// too much work for every span.
const PUSHED_BETWEEN_CHECKS: usize = 1 << 20;

/// How to replay.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// Worker threads.
    pub threads: NonZeroUsize,
    /// Bytes of memory for decoded spans, past which reading stops; without it there is no limit.
    pub memory: Option<u64>,
    /// Bytes of the largest document that is read.
    pub max_document: usize,
    /// The first traces to judge, by their time.
    pub from: Option<Moment>,
    /// The last traces to judge.
    pub to: Option<Moment>,
    /// The zone whose days reports count by.
    pub zone: TimeZone,
    /// How many signals [`Replay::finish`] hands over, the first in order. All violations are
    /// counted; a signal that nobody takes costs nothing.
    pub signals: u64,
    /// How many examples the report of a day lists at most. Without any, most violations are counted
    /// without a look at their spans, which is faster.
    pub examples: usize,
    /// Counts bytes as they are read, for a progress bar.
    pub progress: Arc<AtomicU64>,
}

impl Default for ReplayOptions {
    /// One thread, no limit of memory, documents of 64 MiB, all of time, UTC, all signals, four
    /// examples a day.
    fn default() -> Self {
        Self {
            threads: NonZeroUsize::MIN,
            memory: None,
            max_document: source::MAX_DOCUMENT,
            from: None,
            to: None,
            zone: TimeZone::UTC,
            signals: u64::MAX,
            examples: runtime::EXAMPLE_LIMIT,
            progress: Arc::default(),
        }
    }
}

/// Why a replay stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The spans need more memory than allowed.
    #[error(
        "the spans read so far need {needed} bytes of memory, more than the {limit} allowed; \
         replay fewer rules (--rule, --select), fewer files at a time, or raise --memory"
    )]
    Memory {
        /// Bytes held.
        needed: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// A pushed span has no trace id or no span id.
    #[error("a span needs a trace id and a span id that are not zero: {name:?}")]
    SpanId {
        /// The span's name.
        name: String,
    },
    /// A pushed span has no start.
    #[error("a span needs a start that is not zero: {name:?}")]
    SpanTime {
        /// The span's name.
        name: String,
    },
    /// A value of a pushed span holds too many lists and maps in one another.
    #[error("the value of {key:?} is nested more than {VALUE_DEPTH} deep, of the span {name:?}")]
    SpanDepth {
        /// The span's name.
        name: String,
        /// The attribute's key.
        key: String,
    },
    /// The range of time means nothing for the data.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// A segment is damaged, or lacks what the rules read, which is a fault of this library.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A corpus cannot be read.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// A signal could not be delivered, or a thread not be started.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<runtime::Error<Self>> for ReplayError {
    fn from(error: runtime::Error<Self>) -> Self {
        match error {
            runtime::Error::Fault(fault) => fault.into(),
            runtime::Error::Caller(error) => error,
            runtime::Error::Thread(error) => error.into(),
        }
    }
}

impl From<OverBudget> for ReplayError {
    fn from(OverBudget { needed, limit }: OverBudget) -> Self {
        Self::Memory { needed, limit }
    }
}

/// What a replay found.
#[derive(Clone, Debug)]
pub struct Report {
    /// One report a rule, in the order of the rules.
    pub rules: Vec<RuleReport>,
    /// What was read and what was not.
    pub completeness: Completeness,
    /// Time of the first trace of the data, in nanoseconds since 1970.
    pub first: Option<u64>,
    /// Time of the last trace of the data.
    pub last: Option<u64>,
}

/// Takes spans in any order, then judges them.
pub struct Replay {
    program: Program,
    options: ReplayOptions,
    workers: Vec<Metered>,
    source: SourceReport,
    /// Bytes of pushed spans, about, since memory was last looked at.
    pushed: usize,
    stopped: bool,
    started: Instant,
}

impl Replay {
    /// A replay without spans yet.
    pub fn new(program: &Program, options: ReplayOptions) -> Self {
        let worker = |_| Metered::new(Decoder::new(program.schema().clone()));
        Self {
            workers: (0..options.threads.get()).map(worker).collect(),
            program: program.clone(),
            options,
            source: SourceReport::default(),
            pushed: 0,
            stopped: false,
            started: Instant::now(),
        }
    }

    /// Counts bytes as they are read.
    pub fn progress(&self) -> Arc<AtomicU64> {
        self.options.progress.clone()
    }

    /// Reads trace files, folders, globs and `-`, standard input. What cannot be read is in the
    /// report's completeness and stops nothing.
    ///
    /// # Errors
    /// [`ReplayError::Memory`]; what was read until then is kept.
    pub fn read<P: AsRef<OsStr>>(
        &mut self,
        inputs: impl IntoIterator<Item = P>,
    ) -> Result<(), ReplayError> {
        self.read_inputs(walk(inputs))
    }

    /// Reads inputs that were found before.
    pub(crate) fn read_inputs(&mut self, walk: Walk) -> Result<(), ReplayError> {
        self.source.merge(walk.report);
        let (options, budget) = (self.options.reading(), self.budget());
        let (report, result) =
            source::run(&walk.inputs, &options, &mut self.workers, |worker, block| {
                worker.decode(&block, &budget)
            });
        self.source.merge(report);
        self.stopped |= result.is_err();
        Ok(result?)
    }

    /// Reads OTLP JSON from memory, plain or compressed; `name` stands for it in the report.
    ///
    /// # Errors
    /// [`ReplayError::Memory`]; what was read until then is kept.
    pub fn push_otlp(&mut self, name: &str, bytes: &[u8]) -> Result<(), ReplayError> {
        let (options, budget) = (self.options.reading(), self.budget());
        let order = usize::try_from(self.source.files).unwrap_or(usize::MAX);
        let mut stream = source::Stream::new(order, name.into(), bytes, options);
        let mut buffer = source::Buffer::default();
        let worker = self.workers.first_mut().expect("there is at least one worker");
        let mut result = Ok(());
        while result.is_ok()
            && let Some(block) = stream.next_block(&mut buffer)
        {
            result = worker.decode(&block, &budget);
        }
        self.source.merge(stream.into_report());
        self.stopped |= result.is_err();
        Ok(result?)
    }

    /// Adds one span.
    ///
    /// # Errors
    /// A span without ids or start or with a value that is nested too deep, which is not added; or
    /// [`ReplayError::Memory`], at the latest one MiB after it is passed, with the span added.
    pub fn push_span(&mut self, span: &Span) -> Result<(), ReplayError> {
        let name = || span.name.clone();
        let (trace_id, span_id) =
            (u128::from_be_bytes(span.trace_id), u64::from_be_bytes(span.span_id));
        if trace_id == 0 || span_id == 0 {
            return Err(ReplayError::SpanId { name: name() });
        }
        if span.start == 0 {
            return Err(ReplayError::SpanTime { name: name() });
        }
        let too_deep = |key: &str| ReplayError::SpanDepth { name: name(), key: key.to_owned() };
        self.pushed += size_of::<Span>() + span.size().map_err(too_deep)?;
        let worker = self.workers.first_mut().expect("there is at least one worker");
        add(worker.decoder_mut().sink_mut(), span, trace_id, span_id);
        if self.pushed < PUSHED_BETWEEN_CHECKS {
            return Ok(());
        }
        self.pushed = 0;
        let budget = self.budget();
        let worker = self.workers.first_mut().expect("there is at least one worker");
        let result = worker.check(&budget);
        self.stopped |= result.is_err();
        Ok(result?)
    }

    fn budget(&self) -> Budget {
        Budget::new(&self.workers, self.options.memory.unwrap_or(u64::MAX))
    }

    /// Judges all spans. `signals` is called for every violation in order of time, then of trace,
    /// then of rule.
    ///
    /// # Errors
    /// A range of time that means nothing for the data, or what `signals` failed with.
    pub fn finish(
        self,
        signals: &mut dyn FnMut(Signal) -> io::Result<()>,
    ) -> Result<Report, ReplayError> {
        let mut builders = Vec::with_capacity(self.workers.len());
        let mut tally = corpora::otlp::Tally::default();
        let mut decoder = Recognition::default();
        for worker in self.workers {
            let worker = worker.into_decoder();
            decoder.merge(worker.recognition());
            let (builder, own) = worker.into_parts();
            builders.push(builder);
            tally.merge(own);
        }
        let mut finished = build::finish(builders, SEGMENT_SIZE);
        let segments = std::mem::take(&mut finished.segments);
        let duplicates = AtomicU64::new(finished.duplicates);
        let options = self.options.judging(finished.first, finished.last)?;
        let rules = judge(&self.program, &options, segments.into(), &duplicates, signals)?;
        let duplicates = duplicates.into_inner();
        let completeness = Completeness {
            spans: finished.spans - duplicates,
            traces: finished.traces,
            duplicates,
            rootless: finished.rootless,
            clock_defects: finished.clock_defects,
            stopped: self.stopped,
            decoder,
            seconds: self.started.elapsed().as_secs_f64(),
            ..Completeness::of(Statement::of(self.source, tally))
        };
        Ok(Report { rules, completeness, first: finished.first, last: finished.last })
    }
}

impl ReplayOptions {
    fn reading(&self) -> source::Options {
        source::Options {
            max_document: self.max_document,
            progress: self.progress.clone(),
            ..source::Options::default()
        }
    }

    /// For traces of which the first and the last have these starts. Without traces there is nothing
    /// that a range could mean.
    pub(crate) fn judging(
        &self,
        first: Option<u64>,
        last: Option<u64>,
    ) -> Result<runtime::Options, RangeError> {
        let range = match (first, last) {
            (Some(first), Some(last)) => {
                TimeRange::resolve(self.from, self.to, first, last, &self.zone)?
            }
            _ => TimeRange::default(),
        };
        let Self { threads, signals, examples, .. } = *self;
        Ok(runtime::Options { threads, range, zone: self.zone.clone(), signals, examples })
    }
}

/// Seals and judges the segments on several threads.
fn judge(
    program: &Program,
    options: &runtime::Options,
    segments: Vec<Unsealed>,
    duplicates: &AtomicU64,
    signals: &mut dyn FnMut(Signal) -> io::Result<()>,
) -> Result<Vec<RuleReport>, ReplayError> {
    let segments: Vec<_> = segments.into_iter().map(|segment| Mutex::new(Some(segment))).collect();
    let seal = |number: usize| {
        let unsealed = segments
            .get(number)
            .and_then(|segment| segment.lock().unwrap_or_else(PoisonError::into_inner).take());
        Ok::<_, ReplayError>(unsealed.map(|unsealed| {
            let sealed = unsealed.seal();
            duplicates.fetch_add(sealed.duplicates, Ordering::Relaxed);
            sealed.segment
        }))
    };
    let take = &mut |signal| signals(signal).map_err(ReplayError::Io);
    let outcome = runtime::replay(program.module(), program.engine(), options, &seal, take)?;
    match outcome.damaged.into_iter().next() {
        None => Ok(outcome.reports),
        Some((_, fault)) => Err(fault.into()),
    }
}

/// Adds a span under a trace id of the caller's.
pub(crate) fn add(builder: &mut Builder, span: &Span, trace_id: u128, span_id: u64) {
    let resource =
        builder.resource(span.resource.iter().map(|(key, value)| (key.as_str(), value)), "");
    let record = SpanRecord {
        trace_id,
        span_id,
        parent_id: u64::from_be_bytes(span.parent_id),
        name: &span.name,
        kind: span.kind as u8,
        status: span.status as u8,
        message: &span.message,
        start: span.start,
        end: span.end,
        flags: span.flags,
        resource,
        scope: builder.scope("", "", ""),
        rest: "",
    };
    builder.span(&record, span.attributes.iter().map(|(key, value)| (key.as_str(), value)));
}
