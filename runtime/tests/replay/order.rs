//! The same output for any number of threads, and the first error in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use betrace_runtime::{Error, Options, Segments, TimeRange, replay};
use ir::module::Operation;
use ir::segment::{Coverage, Store, Table};
use ir::{Fault, Interpreter, Mask, Segment};

use crate::support::{BASE, MS, Rules, options, run_with, segments};

fn rules() -> Rules {
    let mut rules = Rules::default();
    let (a, b) = (rules.has("a", ""), rules.has("b", ""));
    rules.rule("has-b", None, &[b], &[]);
    rules.rule("no-a", None, &[], &[a]);
    rules.context(&["n"]);
    rules
}

fn traces() -> String {
    (0..150).map(|at| format!("t{at} @{}ms {}{{n={at}}}\n", at / 3, ["a", "b"][at % 2])).collect()
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("segment {0} cannot be read")]
struct Unread(usize);

#[test]
fn threads_change_nothing() {
    let module = rules().module;
    let expected = run_with(&module, &traces(), usize::MAX, &Options::default());
    assert_eq!(expected.1.len(), 150);
    for threads in [1, 2, 4, 9] {
        for per_segment in [1, 7, 64, 149] {
            let options = options(threads, TimeRange::default());
            let got = run_with(&module, &traces(), per_segment, &options);
            assert_eq!(got, expected, "{threads} threads, {per_segment} traces a segment");
        }
    }
}

#[test]
fn a_limit_hands_over_the_first_signals_and_reports_count_all() {
    let module = rules().module;
    let (reports, all) = run_with(&module, &traces(), usize::MAX, &Options::default());
    assert_eq!(reports[1].days.values().next().unwrap().examples.len(), 4);
    for signals in [0, 1, 20, 149, 150, 151] {
        for (threads, per_segment) in [(1, usize::MAX), (1, 7), (4, 7), (4, 64)] {
            let options = Options { signals, ..options(threads, TimeRange::default()) };
            let got = run_with(&module, &traces(), per_segment, &options);
            let first = all.iter().take(signals as usize).cloned().collect::<Vec<_>>();
            assert!(
                got.1 == first,
                "{signals} signals, {threads} threads, {per_segment} a segment"
            );
            assert_eq!(got.0, reports, "{signals} signals, {threads} threads");
        }
    }
}

#[test]
fn slow_segments_hold_back_the_fast_ones() {
    let module = rules().module;
    let made = AtomicUsize::new(0);
    let segment = |number: usize| {
        made.fetch_add(1, Ordering::Relaxed);
        if number == 0 {
            // Eight for each thread, this one included; however slow the other is, and no more.
            let begun = Instant::now();
            while made.load(Ordering::Relaxed) < 16 && begun.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(20));
            assert_eq!(made.load(Ordering::Relaxed), 16);
        }
        Ok::<_, Unread>(segments(&traces(), 10).into_iter().nth(number))
    };
    let mut ids = Vec::new();
    replay(&module, &Interpreter, &options(2, TimeRange::default()), &segment, &mut |signal| {
        ids.push(signal.trace_id);
        Ok(())
    })
    .unwrap();
    assert_eq!(ids.len(), 150);
    assert!(ids.is_sorted());
}

/// Every so many-th trace is judged in one segment, the next in another: all overlap in time.
struct Dealt {
    /// A time for each segment.
    starts: Vec<u64>,
}

impl Segments<Unread> for Dealt {
    fn get(&self, number: usize) -> Result<Option<Segment>, Error<Unread>> {
        let count = self.starts.len();
        if number == count {
            return Ok(None);
        }
        let mut segment = segments(&traces(), usize::MAX).remove(0);
        let mut hidden = Mask::full(segment.len());
        (number..segment.len()).step_by(count).for_each(|trace| hidden.remove(trace));
        segment.hidden = Some(hidden);
        Ok(Some(segment))
    }

    fn overlap(&self) -> Option<&[u64]> {
        Some(&self.starts)
    }
}

#[test]
fn segments_that_overlap_in_time_are_told_in_order_of_time_and_hidden_traces_nowhere() {
    let module = rules().module;
    let expected = run_with(&module, &traces(), usize::MAX, &Options::default());
    for (threads, parts) in [(1, 1), (1, 2), (2, 7), (4, 50)] {
        let mut signals = Vec::new();
        let options = options(threads, TimeRange::default());
        let starts = (0..parts as u64).map(|number| BASE + number / 3 * MS).collect();
        let outcome = replay(&module, &Interpreter, &options, &Dealt { starts }, &mut |signal| {
            signals.push(signal);
            Ok(())
        });
        assert_eq!((outcome.unwrap().reports, signals), expected, "{parts} segments");
    }
}

#[test]
fn the_first_error_in_order_is_told_after_the_signals_before_it() {
    let module = rules().module;
    for threads in [1, 4] {
        let segment = |number: usize| match number {
            2 | 3 => Err(Unread(number)),
            _ => Ok(segments(&traces(), 10).into_iter().nth(number)),
        };
        let mut delivered = 0;
        let options = options(threads, TimeRange::default());
        let result = replay(&module, &Interpreter, &options, &segment, &mut |_| {
            delivered += 1;
            Ok(())
        });
        assert!(matches!(result, Err(Error::Caller(Unread(2)))), "{result:?}");
        assert_eq!(delivered, 20);
    }
}

/// Segments of ten traces; some cannot be read, others turn out to be damaged when they are looked at.
struct Failing<'t> {
    traces: &'t str,
    per_segment: usize,
    unread: &'static [usize],
    damaged: &'static [usize],
    /// How often a damaged segment is still found sound.
    sound: u32,
}

/// A store that meets damage after it was asked some times.
#[derive(Debug)]
struct Rotten(AtomicU32);

impl Store for Rotten {
    fn table(&self, _: usize) -> Table {
        Table::default()
    }

    fn fault(&self) -> Option<Fault> {
        let left =
            self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.is_err().then(|| damage("rotten"))
    }
}

fn damage(what: &str) -> Fault {
    Fault::Damaged { file: "seg".into(), what: what.into() }
}

impl Segments<Unread> for Failing<'_> {
    fn get(&self, number: usize) -> Result<Option<Segment>, Error<Unread>> {
        if self.unread.contains(&number) {
            return Err(damage("missing").into());
        }
        let segment = segments(self.traces, self.per_segment).into_iter().nth(number);
        Ok(segment.map(|segment| match self.damaged.contains(&number) {
            true => {
                let store: Arc<dyn Store> = Arc::new(Rotten(AtomicU32::new(self.sound)));
                Segment { store: Some(store), ..segment }
            }
            false => segment,
        }))
    }
}

#[test]
fn damaged_segments_are_left_out_as_a_whole_and_named() {
    let module = rules().module;
    let traces = traces();
    let run = |threads, unread, damaged| {
        let failing = Failing { traces: &traces, per_segment: 10, unread, damaged, sound: 0 };
        let mut ids = Vec::new();
        let options = options(threads, TimeRange::default());
        let outcome = replay(&module, &Interpreter, &options, &failing, &mut |signal| {
            ids.push(signal.trace_id);
            Ok(())
        });
        (outcome.unwrap(), ids)
    };
    let (whole, all) = run(1, &[], &[]);
    assert_eq!((all.len(), whole.damaged), (150, vec![]));
    for threads in [1, 4] {
        let (outcome, ids) = run(threads, &[0, 14], &[3, 4]);
        let faults = [(0, "missing"), (3, "rotten"), (4, "rotten"), (14, "missing")];
        assert_eq!(outcome.damaged, faults.map(|(number, what)| (number, damage(what))));
        assert_eq!(ids, [&all[10..30], &all[50..140]].concat());
        assert_eq!(outcome.reports[0].traces, 110);
    }
}

#[test]
fn damage_that_shows_after_violations_were_handed_on_ends_the_replay() {
    let module = rules().module;
    // More violations than are handed on at a time.
    let traces: String = (0..700).map(|at| format!("t{at} @{at}ms a\n")).collect();
    let failing =
        Failing { traces: &traces, per_segment: usize::MAX, unread: &[], damaged: &[0], sound: 1 };
    let result = replay(&module, &Interpreter, &Options::default(), &failing, &mut |_| Ok(()));
    assert!(matches!(result, Err(Error::Fault(Fault::Damaged { .. }))), "{result:?}");
}

#[test]
fn a_taker_that_fails_ends_the_replay() {
    let module = rules().module;
    let segment = |number| Ok(segments(&traces(), 1).into_iter().nth(number));
    let options = options(4, TimeRange::default());
    let mut left = 5;
    let result = replay(&module, &Interpreter, &options, &segment, &mut |_| {
        left -= 1;
        if left == 0 { Err(Unread(0)) } else { Ok(()) }
    });
    assert!(matches!(result, Err(Error::Caller(Unread(0)))), "{result:?}");
}

#[test]
fn a_taker_that_panics_is_not_waited_for() {
    let module = rules().module;
    let segment = |number| Ok::<_, Unread>(segments(&traces(), 1).into_iter().nth(number));
    for threads in [1, 4] {
        let options = options(threads, TimeRange::default());
        let caught = std::panic::catch_unwind(|| {
            replay(&module, &Interpreter, &options, &segment, &mut |_| panic!("a bad taker"))
        });
        let said = caught.unwrap_err();
        assert_eq!(said.downcast_ref(), Some(&"a bad taker"));
    }
}

#[test]
fn a_segment_made_without_what_a_rule_reads_is_a_fault() {
    let module = rules().module;
    let segment = |number: usize| {
        let segment = segments(&traces(), usize::MAX).into_iter().nth(number);
        let coverage =
            Coverage::Operations(Arc::new([Operation::Named("a".into())].into_iter().collect()));
        Ok::<_, Unread>(segment.map(|segment| Segment { coverage, ..segment }))
    };
    let result = replay(&module, &Interpreter, &Options::default(), &segment, &mut |_| Ok(()));
    assert!(matches!(result, Err(Error::Fault(_))), "{result:?}");
}
