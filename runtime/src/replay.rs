//! The replay loop: segments in, signals out in order, and a report a rule.

use std::num::NonZeroUsize;
use std::{io, thread};

use ir::{Engine, Fault, Module, Segment};
use jiff::tz::TimeZone;

use crate::judge::{Evidence, Judge, Judged};
use crate::order::InOrder;
use crate::range::TimeRange;
use crate::report::{Reports, RuleReport};
use crate::signal::Signal;

/// How to replay.
#[derive(Clone, Debug)]
pub struct Options {
    /// Segments worked on at a time.
    pub threads: NonZeroUsize,
    /// The traces to judge, by their time.
    pub range: TimeRange,
    /// The zone whose days reports count by.
    pub zone: TimeZone,
    /// How many signals to hand over, the first in order. Reports count all violations, and a
    /// signal that nobody takes costs nothing.
    pub signals: u64,
}

impl Default for Options {
    /// One thread, all of time, UTC, all signals.
    fn default() -> Self {
        Self {
            threads: NonZeroUsize::MIN,
            range: TimeRange::default(),
            zone: TimeZone::UTC,
            signals: u64::MAX,
        }
    }
}

/// Why a replay stopped. Signals of what comes before have been delivered.
#[derive(Debug, thiserror::Error)]
pub enum Error<E> {
    /// A segment was not made to hold what the rules read.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The source of segments or the taker of signals failed.
    #[error(transparent)]
    Caller(E),
    /// The system gave no thread.
    #[error("cannot start a worker thread: {0}")]
    Thread(#[source] io::Error),
}

/// Judges all segments by all rules of a verified module.
///
/// `segment` gives segment `number`, or none from the first number on that does not exist. Workers
/// call it at once for different numbers, each number once. All traces of a segment must come
/// before those of the next by (start, id). `signals` is called on the calling thread, in order of
/// segment, trace ordinal and rule: the same for any number of threads. If it panics, so does this.
///
/// # Errors
/// The first in order of what `segment` or an engine failed with, or what `signals` did.
pub fn replay<E: Send>(
    module: &Module,
    engine: &dyn Engine,
    options: &Options,
    segment: &(dyn Fn(usize) -> Result<Option<Segment>, E> + Sync),
    signals: &mut dyn FnMut(Signal) -> Result<(), E>,
) -> Result<Vec<RuleReport>, Error<E>> {
    let judge = Judge::new(module, engine, options);
    let threads = options.threads.get();
    let jobs = InOrder::new(2 * threads);
    let work = || {
        let _guard = jobs.stop_on_panic();
        while let Some(number) = jobs.take() {
            let judged = match segment(number) {
                Ok(Some(segment)) => judge
                    .judge(&segment, &mut |part| jobs.put(number, Ok(part)))
                    .map_err(Error::Fault),
                Ok(None) => {
                    jobs.end(number);
                    continue;
                }
                Err(error) => Err(Error::Caller(error)),
            };
            if let Err(error) = judged {
                jobs.put(number, Err(error));
            }
            jobs.finish(number);
        }
    };
    thread::scope(|scope| {
        // Where `signals` panics, the scope waits for workers that would wait for it.
        let _guard = jobs.stop_on_panic();
        for _ in 0..threads {
            if let Err(error) = thread::Builder::new().spawn_scoped(scope, work) {
                jobs.stop();
                return Err(Error::Thread(error));
            }
        }
        let reports = deliver(&jobs, &judge, Reports::new(module, &options.zone), signals);
        jobs.stop();
        reports
    })
}

fn deliver<E>(
    jobs: &InOrder<Result<Judged, Error<E>>>,
    judge: &Judge<'_>,
    mut reports: Reports<'_>,
    signals: &mut dyn FnMut(Signal) -> Result<(), E>,
) -> Result<Vec<RuleReport>, Error<E>> {
    while let Some(judged) = jobs.receive() {
        match judged? {
            Judged::Violations(violations) => {
                for violation in violations {
                    reports.note(&violation);
                    if let Evidence::Signal(signal) = violation.evidence
                        && judge.is_wanted()
                    {
                        signals(*signal).map_err(Error::Caller)?;
                        judge.delivered();
                    }
                }
            }
            Judged::Tallies(traces, tallies) => reports.add(traces, &tallies),
        }
    }
    Ok(reports.finish())
}
