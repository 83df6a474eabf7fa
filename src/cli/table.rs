//! The report for people.

use std::io::{self, Write};

use compiler::printable;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::args::{Period, ReplayArgs};
use super::console::Console;
use super::periods::{self, Bucket};
use crate::{Completeness, Report, RuleReport, rfc3339};
use corpora::statement::TOO_LARGE;

/// Characters of a value that are shown; on a screen nobody needs more to recognise it.
const SHOWN: usize = 48;
/// Groups that are shown of each rule.
const GROUPS: usize = 20;
/// How violations without a value to group by are shown.
const NO_GROUP: &str = "(none)";

/// Writes the table, then each violated rule by period, then the statement of completeness.
///
/// # Errors
/// What the system says.
pub fn write(
    report: &Report,
    args: &ReplayArgs,
    zone: &TimeZone,
    out: &mut impl Write,
) -> io::Result<()> {
    summary(&report.rules, out)?;
    if let (0, Some(first), Some(last)) = (judged(report), report.first, report.last) {
        let [first, last] = [first, last].map(|time| instant(time, zone));
        writeln!(out, "\nNo trace lies in the range: the data begins {first} and ends {last}.")?;
        return completeness(&report.completeness, out);
    }
    let period = args.per.unwrap_or_else(|| periods::fitting(report, args));
    for rule in report.rules.iter().filter(|rule| rule.violated > 0) {
        writeln!(out, "\n{}: {}", rule.id, printable(&rule.message))?;
        violations(rule, report, period, zone, out)?;
        if args.group_by.is_some() {
            groups(rule, args.group_by.as_deref().unwrap_or_default(), out)?;
        }
    }
    let idle: Vec<_> = report.rules.iter().filter(|rule| rule.exercised == 0).collect();
    if !idle.is_empty() {
        let ids: Vec<_> = idle.iter().map(|rule| rule.id.as_str()).collect();
        writeln!(out, "\nNot exercised, no trace has a span that they name: {}", ids.join(", "))?;
    }
    completeness(&report.completeness, out)
}

/// How many traces lie in the range.
fn judged(report: &Report) -> u64 {
    report.rules.iter().map(|rule| rule.traces).max().unwrap_or(0)
}

fn summary(rules: &[RuleReport], out: &mut impl Write) -> io::Result<()> {
    const TITLES: [&str; 7] =
        ["rule", "severity", "traces", "exercised", "applied", "violated", "compliance"];
    let rows: Vec<[String; 7]> = rules
        .iter()
        .map(|rule| {
            [
                rule.id.clone(),
                rule.severity.name().to_owned(),
                grouped(rule.traces),
                grouped(rule.exercised),
                grouped(rule.applied),
                grouped(rule.violated),
                compliance(rule),
            ]
        })
        .collect();
    let widths: [usize; 7] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([TITLES[column].len()]).max().unwrap_or(0)
    });
    let mut line = |cells: [&str; 7]| {
        let mut text = format!("{:<w$}  {:<v$}", cells[0], cells[1], w = widths[0], v = widths[1]);
        for (cell, width) in cells.iter().zip(widths).skip(2) {
            text.push_str(&format!("  {cell:>width$}"));
        }
        writeln!(out, "{text}")
    };
    line(TITLES)?;
    rows.iter().try_for_each(|row| line(std::array::from_fn(|column| row[column].as_str())))
}

/// Passed of applied, never rounded up: 100 means all.
fn compliance(rule: &RuleReport) -> String {
    if rule.applied == 0 {
        return "-".to_owned();
    }
    let hundredths = u128::from(rule.passed) * 10_000 / u128::from(rule.applied);
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

fn violations(
    rule: &RuleReport,
    report: &Report,
    period: Period,
    zone: &TimeZone,
    out: &mut impl Write,
) -> io::Result<()> {
    for Bucket { date, label, violated, examples, more } in
        periods::buckets(rule, report, period, zone)
    {
        write!(out, "  {date}  {label}: {}", plural(violated, "violation"))?;
        if !examples.is_empty() {
            let shown: Vec<_> = examples.iter().map(|example| short(example)).collect();
            write!(out, " ({}{})", shown.join(", "), if more { ", …" } else { "" })?;
        }
        writeln!(out)?;
    }
    write!(out, "  Total: {}", plural(rule.violated, "violation"))?;
    if let (Some(first), Some(last)) = (rule.first, rule.last) {
        write!(out, ", first {}, last {}", instant(first, zone), instant(last, zone))?;
    }
    writeln!(out)
}

/// An instant as clocks in the zone show it, with its offset from UTC.
fn instant(nanoseconds: u64, zone: &TimeZone) -> String {
    if *zone == TimeZone::UTC {
        return rfc3339(nanoseconds);
    }
    let timestamp = Timestamp::from_nanosecond(nanoseconds.into())
        .expect("64 bits of nanoseconds end in the year 2554");
    timestamp.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

fn groups(rule: &RuleReport, key: &str, out: &mut impl Write) -> io::Result<()> {
    let mut groups: Vec<_> = rule.groups.iter().collect();
    groups.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    writeln!(out, "  by {}:", printable(key))?;
    for (group, violated) in groups.iter().take(GROUPS) {
        let name = group.as_deref().map_or(NO_GROUP.to_owned(), short);
        writeln!(out, "    {name}: {}", grouped(**violated))?;
    }
    match groups.len().saturating_sub(GROUPS) {
        0 => Ok(()),
        more => writeln!(out, "    and {more} more; --format json has all"),
    }
}

/// Writes the statement of completeness.
///
/// # Errors
/// What the system says.
pub fn completeness(done: &Completeness, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "\nRead {} in {} from {} of {}, {}, in {:.2} s.",
        plural(done.spans, "span"),
        plural(done.traces, "trace"),
        plural(done.documents, "document"),
        plural(done.files, "file"),
        bytes(done.bytes),
        done.seconds,
    )?;
    let defects = defects(done);
    if done.is_complete() {
        let what = match done.skipped_count {
            0 => "everything that was there was read",
            _ => "everything was read but what was skipped",
        };
        writeln!(out, "Complete: {what}.")?;
    }
    defects.iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// Says what people should know beside a machine's report.
pub fn note_defects(done: &Completeness, console: &mut Console) {
    for line in defects(done) {
        console.note(&format!("note: {line}"));
    }
}

/// What was not read, or not as it should be: a line each.
pub fn defects(done: &Completeness) -> Vec<String> {
    let mut lines = Vec::new();
    if done.is_spanless() {
        lines.push("No span was found in what was read".to_owned());
    }
    if done.empty > 0 {
        let verb = if done.empty == 1 { "holds" } else { "hold" };
        lines.push(format!("{} {verb} no OTLP", plural(done.empty, "document")));
    }
    for (kind, malformed) in &done.malformed {
        let places: Vec<_> =
            malformed.places.iter().take(3).map(|place| printable(place)).collect();
        let more = if malformed.count > 3 { ", …" } else { "" };
        let help = match kind.strip_prefix(TOO_LARGE) {
            Some("") => "; --max-document raises the limit",
            Some(_) => "; --memory raises the limit",
            None => "",
        };
        lines.push(format!(
            "Malformed {kind}: {} ({}{more}){help}",
            grouped(malformed.count),
            places.join(", ")
        ));
    }
    for (what, notes, count) in [
        ("Unread", &done.unread, done.unread_count),
        ("Skipped", &done.skipped, done.skipped_count),
    ] {
        for note in notes {
            lines.push(format!("{what} {}: {}", printable(&note.input), printable(&note.why)));
        }
        if count > notes.len() as u64 {
            lines.push(format!("{what}: {} in all", grouped(count)));
        }
    }
    for (signal, count) in &done.other_signals {
        lines.push(format!("Other signals: {} of {signal}, passed over", grouped(*count)));
    }
    for (count, what) in [
        (done.duplicates, "came again and counted once"),
        (done.clock_defects, "with a span that ends before it starts"),
    ] {
        if count > 0 {
            let noun = if what.starts_with("with") { "trace" } else { "span" };
            lines.push(format!("{} {what}", plural(count, noun)));
        }
    }
    lines
}

/// A value on one line, cut where it grows long.
fn short(text: &str) -> String {
    let shown: String = text.chars().take(SHOWN).collect();
    let cut = if shown.len() < text.len() { "…" } else { "" };
    printable(&shown) + cut
}

/// A number of things.
pub fn plural(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A number with its digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes, in the unit that suits it.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let unit = UNITS.into_iter().find(|(size, _)| bytes >= *size);
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(size, unit)| format!("{:.1} {unit}", bytes as f64 / size as f64),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_shown_in_the_zone_of_the_report() {
        let zone = TimeZone::get("Europe/Berlin").expect("the zone is built in");
        let shown = [&TimeZone::UTC, &zone].map(|zone| instant(1_732_524_137_384_999_999, zone));
        assert_eq!(shown, ["2024-11-25T08:42:17.384Z", "2024-11-25T09:42:17.384+01:00"]);
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([12, 12_340, 5_000_000_000].map(bytes), ["12 bytes", "12.3 kB", "5.0 GB"]);
        assert_eq!(plural(1, "span"), "1 span");
        assert_eq!(short(&"é".repeat(49)), "é".repeat(48) + "…");
        assert_eq!(short("a\u{1b}[2J"), "a\\u{1b}[2J");
    }
}
