//! What one segment gives reports: the examples that they show, and the number of all violations
//! that nothing else is said of.

use std::cell::OnceCell;
use std::mem;
use std::ops::Range;

use hashbrown::{HashMap, HashSet};
use ir::Segment;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::context::ContextValue;
use crate::range::{after_day, date_of};

/// See the module's text.
pub(crate) struct Found {
    /// Examples that a report shows of a day.
    limit: usize,
    examples: HashMap<(usize, Date), HashSet<String>>,
    /// Rules with a day that got all that a report will show, and when; not told to others yet.
    pub(crate) full: Vec<(usize, Date, u64)>,
    /// By rule.
    silent: Vec<Counted>,
}

/// The violations of a rule of which nothing but their number will be said.
#[derive(Clone, Default)]
struct Counted {
    /// Ordinals of the first trace and the last, if there are any.
    first: usize,
    last: usize,
    /// How many there are on each day, in the order of traces.
    days: Vec<(Date, u64)>,
}

/// The violations of a rule of which nothing but this is said; there is one at least.
pub(crate) struct Silent {
    /// Number of the rule.
    pub(crate) rule: usize,
    /// How many there are on each day.
    pub(crate) days: Vec<(Date, u64)>,
    /// Time of the first, or of an earlier violation of the rule that was handed on.
    pub(crate) first: u64,
    /// Time of the last.
    pub(crate) last: u64,
}

impl Found {
    /// Nothing yet of so many rules, where reports show so many examples of a day.
    pub(crate) fn new(rules: usize, limit: usize) -> Self {
        let silent = vec![Counted::default(); rules];
        Self { limit, examples: HashMap::new(), full: Vec::new(), silent }
    }

    /// Whether a report of the day will show nothing of what comes now.
    pub(crate) fn is_full(&self, rule: usize, day: Date) -> bool {
        self.limit == 0
            || self.examples.get(&(rule, day)).is_some_and(|texts| texts.len() > self.limit)
    }

    /// Adds examples; traces come in order.
    pub(crate) fn add(&mut self, rule: usize, day: Date, time: u64, values: &[ContextValue]) {
        let texts = self.examples.entry((rule, day)).or_default();
        texts.extend(values.iter().map(|value| value.text.clone()));
        if texts.len() > self.limit {
            self.full.push((rule, day, time));
        }
    }

    /// Counts a violation of which nothing else is said; traces come in order.
    pub(crate) fn count(&mut self, rule: usize, day: Date, trace: usize) {
        let own = &mut self.silent[rule];
        if own.days.is_empty() {
            own.first = trace;
        }
        own.last = trace;
        match own.days.last_mut() {
            Some((last, violated)) if *last == day => *violated += 1,
            _ => own.days.push((day, 1)),
        }
    }

    /// Takes what was counted, given the earliest violation of each rule that is known: so it is not
    /// looked up when the first of these was, if it came before all of the segment. Nor is a time
    /// looked up twice: where there are many rules, many have their last violation in one trace.
    pub(crate) fn silent(&mut self, known: impl Fn(usize) -> u64, days: &Days<'_>) -> Vec<Silent> {
        let mut times = HashMap::new();
        let mut time = |trace: usize| *times.entry(trace).or_insert_with(|| days.time(trace));
        let rules = mem::take(&mut self.silent).into_iter().enumerate();
        let silent = rules.filter(|(_, own)| !own.days.is_empty()).map(|(rule, own)| {
            let known = known(rule);
            let first = if known <= days.earliest() { known } else { time(own.first) };
            Silent { rule, days: own.days, first, last: time(own.last) }
        });
        silent.collect()
    }
}

/// The days of a segment's traces.
pub(crate) struct Days<'a> {
    segment: &'a Segment,
    traces: Range<usize>,
    zone: &'a TimeZone,
    /// Where each day begins; made when the first violation is met.
    begins: OnceCell<Vec<(usize, Date)>>,
}

impl<'a> Days<'a> {
    /// Of these traces.
    pub(crate) fn new(segment: &'a Segment, traces: Range<usize>, zone: &'a TimeZone) -> Self {
        Self { segment, traces, zone, begins: OnceCell::new() }
    }

    /// The time of a trace, in nanoseconds since 1970.
    pub(crate) fn time(&self, trace: usize) -> u64 {
        self.segment.traces.start.at(trace)
    }

    /// A time that no trace starts before: where the segment knows none, that of the first, which
    /// there is.
    pub(crate) fn earliest(&self) -> u64 {
        self.segment.starts.map_or_else(|| self.time(self.traces.start), |(first, _)| first)
    }

    /// The day of a trace, without a look at its time: a segment has many traces and few days.
    pub(crate) fn of(&self, trace: usize) -> Date {
        let begins = self.begins.get_or_init(|| self.begin());
        let number = begins.partition_point(|(begin, _)| *begin <= trace);
        match number.checked_sub(1) {
            Some(number) => begins[number].1,
            None => self.date(trace),
        }
    }

    /// None where the zone is not a fixed offset: its clocks may call an hour of the day before again.
    fn begin(&self) -> Vec<(usize, Date)> {
        let mut begins = Vec::new();
        let Range { start: mut from, end } = self.traces;
        if self.zone.to_fixed_offset().is_err() {
            return begins;
        }
        if let Some((first, last)) = self.segment.starts {
            let (first, last) = (date_of(first, self.zone), date_of(last, self.zone));
            if first == last {
                return vec![(from, first)];
            }
        }
        while from < end {
            let date = self.date(from);
            begins.push((from, date));
            let next = after_day(date, self.zone).map(|time| self.segment.traces_before(time));
            from = next.map_or(end, |next| next.max(from + 1));
        }
        begins
    }

    fn date(&self, trace: usize) -> Date {
        date_of(self.time(trace), self.zone)
    }
}

#[cfg(test)]
mod tests {
    use ir::segment::{Buffer, Traces};

    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    fn starting(times: &[u64], starts: Option<(u64, u64)>) -> Segment {
        let traces = Traces { start: Buffer::collect(times.iter().copied()), ..Traces::default() };
        Segment { traces, starts, ..Segment::default() }
    }

    #[test]
    fn every_trace_is_of_its_day() {
        let times: Vec<u64> = (0..500).map(|trace| trace * trace * HOUR / 50).collect();
        let half = jiff::tz::Offset::from_seconds(19_800).map(TimeZone::fixed);
        let changing = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0");
        for zone in [Ok(TimeZone::UTC), half, changing] {
            let zone = zone.expect("it is a zone");
            for (traces, starts) in [0..500, 17..400, 7..8].into_iter().flat_map(|traces| {
                [None, Some((times[0], times[499]))].map(|starts| (traces.clone(), starts))
            }) {
                let segment = starting(&times, starts);
                let days = Days::new(&segment, traces.clone(), &zone);
                for trace in traces {
                    assert_eq!(days.of(trace), date_of(times[trace], &zone), "{trace} {zone:?}");
                }
            }
        }
    }

    #[test]
    fn of_a_segment_of_one_day_no_trace_is_looked_at() {
        let unread = starting(&[0; 9], Some((24 * HOUR, 47 * HOUR)));
        let zone = TimeZone::UTC;
        let days = Days::new(&unread, 2..9, &zone);
        assert_eq!(days.of(5), date_of(24 * HOUR, &zone));
        assert_eq!(days.earliest(), 24 * HOUR);
        let other = starting(&[24 * HOUR, 25 * HOUR], None);
        assert_eq!(Days::new(&other, 1..2, &zone).earliest(), 25 * HOUR);
    }

    #[test]
    fn what_is_silent_is_counted_with_its_first_and_last_time() {
        let times: Vec<u64> = (0..10).map(|at| at * 10).collect();
        let segment = starting(&times, None);
        let zone = TimeZone::UTC;
        let days = Days::new(&segment, 0..10, &zone);
        let day = date_of(0, &zone);
        for (known, first) in [(u64::MAX, 30), (35, 30), (0, 0)] {
            let mut found = Found::new(2, 4);
            [3, 5, 8].into_iter().for_each(|trace| found.count(1, days.of(trace), trace));
            let [silent] = &found.silent(|_| known, &days)[..] else { panic!("it is one rule") };
            let Silent { rule, days, first: own, last } = silent;
            assert_eq!((*rule, &days[..], *own, *last), (1, &[(day, 3)][..], first, 80));
        }
    }
}
