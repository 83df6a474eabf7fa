//! The replay loop: segments in, signals out in order, and a report a rule.

use std::num::NonZeroUsize;
use std::{io, thread};

use ir::{Engine, Fault, Module, Segment};
use jiff::tz::TimeZone;

use crate::held::Held;
use crate::judge::{Evidence, Judge, Judged, Violation};
use crate::order::InOrder;
use crate::range::TimeRange;
use crate::report::{EXAMPLE_LIMIT, Reports, RuleReport};
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
    /// How many examples the report of a day lists at most. Without any, most violations are
    /// counted without a look at their spans.
    pub examples: usize,
}

impl Default for Options {
    /// One thread, all of time, UTC, all signals, [`EXAMPLE_LIMIT`] examples.
    fn default() -> Self {
        Self {
            threads: NonZeroUsize::MIN,
            range: TimeRange::default(),
            zone: TimeZone::UTC,
            signals: u64::MAX,
            examples: EXAMPLE_LIMIT,
        }
    }
}

/// What a replay found.
#[derive(Debug)]
pub struct Outcome {
    /// A report a rule, in the order of the rules, over all segments but the damaged ones.
    pub reports: Vec<RuleReport>,
    /// Segments that are in no report and no signal, by number, with what is wrong with each.
    pub damaged: Vec<(usize, Fault)>,
}

/// Why a replay stopped. Signals of what comes before have been delivered.
#[derive(Debug, thiserror::Error)]
pub enum Error<E> {
    /// A segment was not made to hold what the rules read, or damage showed in one of which
    /// violations had been handed on.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The source of segments or the taker of signals failed.
    #[error(transparent)]
    Caller(E),
    /// The system gave no thread.
    #[error("cannot start a worker thread: {0}")]
    Thread(#[source] io::Error),
}

/// Where segments come from, by number from 0 on. A closure is one whose segments come in order.
pub trait Segments<E>: Sync {
    /// Segment `number`, or none from the first number on that does not exist. Workers call it at
    /// once for different numbers, each number once.
    ///
    /// # Errors
    /// [`Fault::Damaged`] where the segment cannot be read, which ends nothing; whatever else ends
    /// the replay.
    fn get(&self, number: usize) -> Result<Option<Segment>, Error<E>>;

    /// Where segments overlap in time: for each, a time that no trace of it, or of one after it, starts
    /// before. `None` where all traces of a segment come before those of the next by (start, id).
    fn overlap(&self) -> Option<&[u64]> {
        None
    }
}

impl<E, F: Fn(usize) -> Result<Option<Segment>, E> + Sync> Segments<E> for F {
    fn get(&self, number: usize) -> Result<Option<Segment>, Error<E>> {
        self(number).map_err(Error::Caller)
    }
}

/// Judges all segments by all rules of a verified module.
///
/// `signals` is called on the calling thread, in order of trace (start, id) and rule: the same for
/// any number of threads and any cut into segments. If it panics, so does this.
///
/// A segment that is damaged is left out as a whole, and the others are judged.
///
/// # Errors
/// The first in order of what `segments` or an engine failed with, or what `signals` did.
pub fn replay<E: Send>(
    module: &Module,
    engine: &dyn Engine,
    options: &Options,
    segments: &dyn Segments<E>,
    signals: &mut dyn FnMut(Signal) -> Result<(), E>,
) -> Result<Outcome, Error<E>> {
    let judge = Judge::new(module, engine, options);
    let threads = options.threads.get();
    let jobs = InOrder::new(8 * threads);
    let work = || {
        let _guard = jobs.stop_on_panic();
        while let Some(number) = jobs.take() {
            let mut begun = false;
            let judged = segments.get(number).and_then(|segment| {
                let Some(segment) = segment else { return Ok(false) };
                let mut put = |part| {
                    begun = true;
                    match part {
                        Judged::Some(_) => jobs.put(number, Ok(part)),
                        _ => jobs.finish(number, Ok(part)),
                    }
                    // Somebody waits for signals, and they end when enough were taken.
                    if judge.is_wanted() {
                        jobs.hurry();
                    }
                };
                judge.judge(&segment, segments.overlap().is_some(), &mut put)?;
                Ok(true)
            });
            match judged {
                Ok(true) => {}
                Ok(false) => jobs.end(number),
                Err(Error::Fault(fault @ Fault::Damaged { .. })) if !begun => {
                    jobs.finish(number, Ok(Judged::Damaged(fault)));
                }
                Err(error) => {
                    jobs.finish(number, Err(error));
                    jobs.hurry();
                }
            }
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
        let reports = Reports::new(module, options);
        let outcome = deliver(&jobs, &judge, segments, reports, signals);
        jobs.stop();
        outcome
    })
}

fn deliver<E>(
    jobs: &InOrder<Result<Judged, Error<E>>>,
    judge: &Judge<'_>,
    segments: &dyn Segments<E>,
    mut reports: Reports<'_>,
    signals: &mut dyn FnMut(Signal) -> Result<(), E>,
) -> Result<Outcome, Error<E>> {
    let mut report = |violation: Violation, reports: &mut Reports<'_>| {
        if let Some(day) = reports.note(&violation) {
            judge.shown(violation.rule, day, violation.time);
        }
        if let Evidence::Signal(signal) = violation.evidence
            && judge.is_wanted()
        {
            signals(*signal).map_err(Error::Caller)?;
            judge.delivered();
        }
        Ok::<_, Error<E>>(())
    };
    let mut held = Held::default();
    let mut damaged = Vec::new();
    while let Some((number, judged)) = jobs.receive() {
        let violations = match judged? {
            Judged::Some(violations) => violations,
            Judged::Rest(violations, sums) => {
                reports.add(&sums);
                violations
            }
            Judged::Damaged(fault) => {
                damaged.push((number, fault));
                continue;
            }
        };
        let Some(starts) = segments.overlap() else {
            violations.into_iter().try_for_each(|violation| report(violation, &mut reports))?;
            continue;
        };
        violations.into_iter().for_each(|violation| held.push(violation));
        // A segment of which no time is given holds all back.
        while let Some(violation) = held.before(starts.get(number).copied().unwrap_or(0)) {
            report(violation, &mut reports)?;
        }
    }
    while let Some(violation) = held.pop() {
        report(violation, &mut reports)?;
    }
    Ok(Outcome { reports: reports.finish(), damaged })
}
