//! Reports: what a replay says of each rule as a whole.

use std::collections::BTreeMap;

use ir::Module;
use ir::module::Severity;
use jiff::civil::Date;

use crate::context::ContextValue;
use crate::fold::Tally;
use crate::found::Silent;
use crate::judge::{Evidence, Sums, Violation};
use crate::range::date_of;
use crate::replay::Options;

/// How many examples a day's report lists at most, unless it is told otherwise.
pub const EXAMPLE_LIMIT: usize = 4;

/// What a replay says of one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleReport {
    /// The rule.
    pub id: String,
    /// How grave a violation is.
    pub severity: Severity,
    /// What a signal of the rule says.
    pub message: String,
    /// Traces in the range.
    pub traces: u64,
    /// Traces that hold an operation which the rule names.
    pub exercised: u64,
    /// Traces that the rule applies to: passed and violated.
    pub applied: u64,
    /// Traces that it applies to and that keep it.
    pub passed: u64,
    /// Traces that violate it.
    pub violated: u64,
    /// Time of the first violating trace, in nanoseconds since 1970.
    pub first: Option<u64>,
    /// Time of the last violating trace, in nanoseconds since 1970.
    pub last: Option<u64>,
    /// Days with violations, in the zone of the options.
    pub days: BTreeMap<Date, DayReport>,
    /// Violations by the text of the field that the module groups by; none is a witness without
    /// it. Empty where the module does not group.
    pub groups: BTreeMap<Option<String>, u64>,
}

/// The violations of one rule on one day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayReport {
    /// Traces that violate it.
    pub violated: u64,
    /// The first distinct values of the rule's first context key, in order of time; at most
    /// [as many as wanted](crate::Options::examples).
    pub examples: Vec<String>,
    /// Whether there are more; false where none are wanted, since nobody looks.
    pub more: bool,
}

/// Reports in the making. Segments must come in order.
pub(crate) struct Reports<'a> {
    module: &'a Module,
    options: &'a Options,
    reports: Vec<RuleReport>,
}

impl<'a> Reports<'a> {
    pub(crate) fn new(module: &'a Module, options: &'a Options) -> Self {
        let reports = module.rules.iter().map(|rule| RuleReport {
            id: rule.id.to_string(),
            severity: rule.severity,
            message: rule.message.to_string(),
            traces: 0,
            exercised: 0,
            applied: 0,
            passed: 0,
            violated: 0,
            first: None,
            last: None,
            days: BTreeMap::new(),
            groups: BTreeMap::new(),
        });
        Self { module, options, reports: reports.collect() }
    }

    pub(crate) fn add(&mut self, sums: &Sums) {
        let Sums { traces, tallies, silent } = sums;
        for own in silent {
            let Silent { rule, days, first, last } = own;
            let report = &mut self.reports[*rule];
            report.met(*first, *last);
            for (day, violated) in days {
                report.days.entry(*day).or_default().violated += violated;
            }
        }
        for (report, tally) in self.reports.iter_mut().zip(tallies) {
            let Tally { exercised, applied, violated } = tally;
            report.traces += *traces as u64;
            report.exercised += exercised;
            report.applied += applied;
            report.violated += violated;
            report.passed += applied - violated;
        }
    }

    /// Counts a violation; its day, if from now on no more examples of it are shown.
    pub(crate) fn note(&mut self, violation: &Violation) -> Option<Date> {
        let report = &mut self.reports[violation.rule];
        report.met(violation.time, violation.time);
        let date = date_of(violation.time, &self.options.zone);
        let day = report.days.entry(date).or_default();
        day.violated += 1;
        let before = day.more;
        if let Some((key, _)) = self.module.rules[violation.rule].context.first() {
            let values = match &violation.evidence {
                Evidence::Signal(signal) => signal.context.values(key),
                Evidence::Examples(values) => values,
                Evidence::None => &[],
            };
            day.show(values, self.options.examples);
        }
        let shown = day.more && !before;
        if self.module.group_by.is_some() {
            *report.groups.entry(violation.group.clone()).or_default() += 1;
        }
        shown.then_some(date)
    }

    pub(crate) fn finish(self) -> Vec<RuleReport> {
        self.reports
    }
}

impl RuleReport {
    /// There are violations from `first` to `last`.
    fn met(&mut self, first: u64, last: u64) {
        self.first = Some(self.first.map_or(first, |own| own.min(first)));
        self.last = self.last.max(Some(last));
    }
}

impl DayReport {
    fn show(&mut self, values: &[ContextValue], limit: usize) {
        if limit == 0 {
            return;
        }
        for value in values {
            if self.examples.contains(&value.text) {
                continue;
            }
            if self.examples.len() == limit {
                self.more = true;
                break;
            }
            self.examples.push(value.text.clone());
        }
    }
}
