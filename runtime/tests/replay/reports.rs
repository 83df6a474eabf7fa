//! What a report says of days, groups and ranges.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use betrace_runtime::{Options, TimeRange, replay};
use ir::module::{AtomId, SetId};
use ir::segment::RowRef;
use ir::{Engine, Fault, Interpreter, Mask, Module, Segment};
use jiff::tz::TimeZone;

use crate::support::{BASE, DAY, MS, Rules, options, run, run_with, segments};

fn rules(context: &[&str]) -> Rules {
    let mut rules = Rules::default();
    let pay = rules.has("pay", "");
    rules.rule("no-pay", None, &[], &[pay]);
    rules.context(context);
    rules
}

fn days(report: &betrace_runtime::RuleReport) -> Vec<String> {
    let days = report.days.iter();
    days.map(|(date, day)| {
        format!(
            "{date} {} ({}){}",
            day.violated,
            day.examples.join(", "),
            if day.more { "…" } else { "" }
        )
    })
    .collect()
}

#[test]
fn days_have_counts_and_the_first_four_examples() {
    let mut traces = String::new();
    for (number, (day, customer)) in
        [(0, "A"), (0, "B"), (0, "A"), (1, "C"), (1, "D"), (1, "E"), (1, "F"), (1, "C"), (1, "G")]
            .into_iter()
            .enumerate()
    {
        traces +=
            &format!("t{number} @{}ms pay{{customer={customer}}}\n", day * 86_400_000 + number);
    }
    traces += "t99 @172800000ms pay\nt100 @172800001ms other";
    let (reports, _) = run(&rules(&["customer"]).module, &traces);
    assert_eq!(
        days(&reports[0]),
        ["2024-10-27 3 (A, B)", "2024-10-28 6 (C, D, E, F)…", "2024-10-29 1 ()"]
    );
    assert_eq!(reports[0].first, Some(BASE));
    assert_eq!(reports[0].last, Some(BASE + 2 * DAY));
    assert_eq!((reports[0].traces, reports[0].applied, reports[0].violated), (11, 11, 10));
}

#[test]
fn a_day_lists_as_many_examples_as_are_wanted() {
    let traces = "
        t1 @0ms pay{customer=A}
        t2 @1ms pay{customer=B}
        t3 @2ms pay{customer=A}
        t4 @3ms pay{customer=C}
    ";
    for (examples, expected) in
        [(0, "4 ()"), (2, "4 (A, B)…"), (3, "4 (A, B, C)"), (9, "4 (A, B, C)")]
    {
        for (signals, per_segment) in [(0, usize::MAX), (2, usize::MAX), (u64::MAX, 1), (0, 1)] {
            let options = Options { examples, signals, ..Options::default() };
            let (reports, _) =
                run_with(&rules(&["customer"]).module, traces, per_segment, &options);
            assert_eq!(days(&reports[0]), [format!("2024-10-27 {expected}")], "{signals} signals");
            assert_eq!(reports[0].last, Some(BASE + 3 * MS));
        }
    }
}

/// Counts how often it is asked for spans.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Engine for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn probe(
        &self,
        module: &Module,
        segment: &Segment,
        atoms: &[AtomId],
    ) -> Result<Vec<Mask>, Fault> {
        Interpreter.probe(module, segment, atoms)
    }

    fn rows(
        &self,
        module: &Module,
        segment: &Segment,
        set: SetId,
        trace: usize,
        rows: &mut Vec<RowRef>,
    ) -> Result<(), Fault> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Interpreter.rows(module, segment, set, trace, rows)
    }
}

#[test]
fn no_span_is_looked_at_where_nothing_of_it_is_shown() {
    let module = rules(&["customer"]).module;
    for (examples, looks) in [(0, 0), (1, 2)] {
        let segments = segments("t1 @0ms pay{customer=A}\nt2 @1ms pay{customer=B}", usize::MAX);
        let segments = Mutex::new(segments.into_iter());
        let next = |_| Ok::<_, Infallible>(segments.lock().unwrap().next());
        let (engine, options) =
            (Counting::default(), Options { examples, signals: 0, ..Options::default() });
        let outcome = replay(&module, &engine, &options, &next, &mut |_| Ok(())).unwrap();
        assert_eq!(outcome.reports[0].violated, 2);
        assert_eq!(engine.0.into_inner(), looks, "{examples} examples");
    }
}

#[test]
fn a_day_is_one_of_the_zone() {
    // In Berlin, 2024-10-27 has 25 hours and ends at 23:00 UTC.
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let options = Options { zone, ..Options::default() };
    let traces = "t1 @82799999ms pay\nt2 @82800000ms pay";
    let (reports, _) = run_with(&rules(&[]).module, traces, 1, &options);
    assert_eq!(days(&reports[0]), ["2024-10-27 1 ()", "2024-10-28 1 ()"]);
}

#[test]
fn groups_take_the_first_witness_span_that_has_the_key() {
    let mut rules = rules(&[]);
    rules.module.group_by = Some(rules.key("version"));
    let traces = "
        t1 @0ms pay
        t1 @1ms pay{resource.version=2}
        t1 @2ms pay{version=3}
        t2 @0ms pay{version=2}
        t3 @0ms pay
        t3 @1ms other{version=9}
    ";
    let (reports, _) = run(&rules.module, traces);
    assert_eq!(reports[0].groups, BTreeMap::from([(None, 1), (Some("2".to_owned()), 2)]));
    rules.module.group_by = None;
    let (reports, _) = run(&rules.module, traces);
    assert_eq!(reports[0].groups, BTreeMap::new());
}

#[test]
fn a_range_holds_its_first_instant_and_not_its_last() {
    let traces: String = (0..200).map(|at| format!("t{at} @{at}ms pay\n")).collect();
    for (from, to, expected) in [
        (0, None, 200),
        (BASE, Some(BASE + 200 * MS), 200),
        (BASE + 1, None, 199),
        (BASE + 63 * MS, Some(BASE + 65 * MS), 2),
        (BASE + 64 * MS, Some(BASE + 128 * MS), 64),
        (BASE + 10 * MS, Some(BASE + 10 * MS + 1), 1),
        (BASE + 10 * MS, Some(BASE + 10 * MS), 0),
        (BASE + 10 * MS, Some(0), 0),
        (BASE + 200 * MS, None, 0),
    ] {
        for per_segment in [usize::MAX, 70] {
            let options = options(1, TimeRange { from, to });
            let (reports, signals) = run_with(&rules(&[]).module, &traces, per_segment, &options);
            let report = &reports[0];
            assert_eq!(
                [report.traces, report.exercised, report.applied, report.violated],
                [expected; 4],
                "{from} {to:?}"
            );
            assert_eq!(signals.len() as u64, expected);
        }
    }
}
