//! Violations by day, week or month, counted from the first trace of the data.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use runtime::{EXAMPLE_LIMIT, date_of, day_number};

use super::args::{Period, ReplayArgs};
use crate::{Report, RuleReport};

/// The violations of a rule in one period.
pub struct Bucket {
    /// The first day of the period.
    pub date: Date,
    /// What it is called, such as `Day 5`.
    pub label: String,
    /// Violations.
    pub violated: u64,
    /// The first values of the rule's first context key.
    pub examples: Vec<String>,
    /// Whether there are more.
    pub more: bool,
}

/// The period that suits a report: as the times were asked for, else as long as the data.
pub fn fitting(report: &Report, args: &ReplayArgs) -> Period {
    let asked = [&args.reading.from, &args.reading.to].into_iter().flatten();
    if asked.clone().any(|time| time.to_ascii_lowercase().starts_with("month")) {
        return Period::Month;
    }
    let first = report.rules.iter().filter_map(|rule| rule.days.keys().next()).min();
    let last = report.rules.iter().filter_map(|rule| rule.days.keys().next_back()).max();
    match first.zip(last).map_or(0, |(first, last)| day_number(*last, *first)) {
        ..=62 => Period::Day,
        63..=366 => Period::Week,
        _ => Period::Month,
    }
}

/// The periods in which a rule was violated.
pub fn buckets(rule: &RuleReport, report: &Report, period: Period, zone: &TimeZone) -> Vec<Bucket> {
    let origin = date_of(report.first.unwrap_or(0), zone);
    let mut buckets: Vec<Bucket> = Vec::new();
    for (&date, day) in &rule.days {
        let (begin, label) = place(date, origin, period);
        if buckets.last().is_none_or(|bucket| bucket.label != label) {
            buckets.push(Bucket {
                date: begin,
                label,
                violated: 0,
                examples: Vec::new(),
                more: false,
            });
        }
        let Some(bucket) = buckets.last_mut() else { continue };
        bucket.violated += day.violated;
        bucket.more |= day.more;
        for example in &day.examples {
            if bucket.examples.contains(example) {
                continue;
            }
            if bucket.examples.len() < EXAMPLE_LIMIT {
                bucket.examples.push(example.clone());
            } else {
                bucket.more = true;
            }
        }
    }
    buckets
}

/// The first day and the name of the period that a date lies in.
fn place(date: Date, origin: Date, period: Period) -> (Date, String) {
    let day = day_number(date, origin);
    match period {
        Period::Day => (date, format!("Day {day}")),
        Period::Week => {
            let week = (day - 1).div_euclid(7) + 1;
            let begin = origin.saturating_add(jiff::Span::new().days((week - 1) * 7));
            (begin, format!("Week {week}"))
        }
        Period::Month => {
            let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
            (date.first_of_month(), format!("Month {}", months(date) - months(origin) + 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_count_from_the_first_trace() {
        let date = |text: &str| text.parse::<Date>().expect("a date");
        let origin = date("2024-10-26");
        for (day, period, begin, label) in [
            ("2024-10-26", Period::Day, "2024-10-26", "Day 1"),
            ("2024-11-05", Period::Day, "2024-11-05", "Day 11"),
            ("2024-11-01", Period::Week, "2024-10-26", "Week 1"),
            ("2024-11-02", Period::Week, "2024-11-02", "Week 2"),
            ("2024-10-31", Period::Month, "2024-10-01", "Month 1"),
            ("2025-09-01", Period::Month, "2025-09-01", "Month 12"),
        ] {
            assert_eq!(place(date(day), origin, period), (date(begin), label.to_owned()), "{day}");
        }
    }
}
