//! What `betrace corpus stat` prints.

use std::collections::BTreeMap;
use std::io::{self, Write};

use compiler::printable;
use serde::Serialize;

use super::corpus::write_json;
use super::table::{bytes, grouped, plural};
use crate::{AttributeStat, OperationStat, Stat, rfc3339};

/// Operations and attributes that are shown to people.
const SHOWN: usize = 30;
/// Nanoseconds of a day.
const DAY: u64 = 86_400_000_000_000;

/// Writes statistics for people: the operations with the most spans, the attributes that take most.
pub fn table(stat: &Stat, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{} in {} over {}; {}, {}, generation {}",
        plural(stat.spans, "span"),
        plural(stat.traces, "trace"),
        plural(stat.days.len() as u64, "day"),
        plural(stat.segments, "segment"),
        bytes(stat.bytes),
        stat.generation,
    )?;
    if let Some((first, last)) = stat.range {
        writeln!(out, "first trace {}, last {}", rfc3339(first), rfc3339(last))?;
    }
    for (count, what) in [
        (stat.splits, "in several segments"),
        (stat.rootless, "without a root span"),
        (stat.orphaned, "with a span whose parent is not there"),
        (stat.clock_defects, "with a span that ends before it starts"),
    ] {
        if count > 0 {
            writeln!(out, "{} {what}", plural(count, "trace"))?;
        }
    }
    operations(stat, out)?;
    attributes(stat, out)?;
    let fields: u64 = stat.fields.values().sum();
    let attributes: u64 = stat.attributes.values().map(|own| own.bytes).sum();
    writeln!(
        out,
        "\nOn disk: attributes {}, all else of spans and traces {}, directories and padding {}",
        bytes(attributes),
        bytes(fields),
        bytes(stat.bytes.saturating_sub(attributes + fields)),
    )
}

fn operations(stat: &Stat, out: &mut impl Write) -> io::Result<()> {
    let mut all: Vec<(&String, &OperationStat)> = stat.operations.iter().collect();
    all.sort_by_key(|(_, own)| std::cmp::Reverse(own.spans));
    let rows = all.iter().take(SHOWN).map(|(name, own)| {
        [printable(name), grouped(own.spans), grouped(own.traces), rfc3339(own.last)]
    });
    columns(["operation", "spans", "traces", "last seen"], rows.collect(), out)?;
    more(all.len(), out)
}

fn attributes(stat: &Stat, out: &mut impl Write) -> io::Result<()> {
    let mut all: Vec<(&String, &AttributeStat)> = stat.attributes.iter().collect();
    all.sort_by_key(|(_, own)| std::cmp::Reverse(own.bytes));
    let rows = all.iter().take(SHOWN).map(|(key, own)| {
        let about = if own.exact { "" } else { "about " };
        let kept = own.encodings.keys().map(|name| name.to_lowercase());
        [
            printable(key),
            own.types.iter().copied().collect::<Vec<_>>().join(", "),
            format!("{about}{}", grouped(own.values)),
            bytes(own.bytes),
            bytes(own.raw),
            kept.collect::<Vec<_>>().join(", "),
        ]
    });
    let titles = ["attribute", "types", "values", "on disk", "in memory", "kept"];
    columns(titles, rows.collect(), out)?;
    more(all.len(), out)
}

fn more(all: usize, out: &mut impl Write) -> io::Result<()> {
    match all.saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "and {more} more; --format json has all"),
    }
}

fn columns<const N: usize>(
    titles: [&str; N],
    rows: Vec<[String; N]>,
    out: &mut impl Write,
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = [titles.map(str::to_owned)].into_iter().chain(rows).collect();
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    writeln!(out)?;
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// Writes statistics as JSON, schema `betrace.corpus.stat/1`.
pub fn json(stat: &Stat, out: &mut impl Write) -> io::Result<()> {
    let operations = stat.operations.iter().map(|(name, own)| {
        let OperationStat { spans, traces, last } = *own;
        (&**name, OperationJson { spans, traces, last: rfc3339(last) })
    });
    let attributes = stat.attributes.iter().map(|(key, own)| {
        let json = AttributeJson {
            types: own.types.iter().copied().collect(),
            encodings: &own.encodings,
            bytes: own.bytes,
            raw_bytes: own.raw,
            values: own.values,
            exact: own.exact,
        };
        (&**key, json)
    });
    let report = Json {
        schema: "betrace.corpus.stat/1",
        generation: stat.generation,
        segments: stat.segments,
        bytes: stat.bytes,
        traces: stat.traces,
        spans: stat.spans,
        splits: stat.splits,
        rootless: stat.rootless,
        orphaned: stat.orphaned,
        orphans: stat.orphans,
        clock_defects: stat.clock_defects,
        first: stat.range.map(|(first, _)| rfc3339(first)),
        last: stat.range.map(|(_, last)| rfc3339(last)),
        days: stat
            .days
            .iter()
            .map(|(number, traces)| (day(number.saturating_mul(DAY)), *traces))
            .collect(),
        operations: operations.collect(),
        attributes: attributes.collect(),
        fields: &stat.fields,
    };
    write_json(&report, out)
}

/// The day of a time in nanoseconds since 1970, UTC.
pub fn day(time: u64) -> String {
    rfc3339(time).chars().take(10).collect()
}

#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    generation: u64,
    segments: u64,
    bytes: u64,
    traces: u64,
    spans: u64,
    /// Traces that lie in several segments.
    splits: u64,
    rootless: u64,
    /// Traces with orphans.
    orphaned: u64,
    /// Spans whose parent is not in the trace.
    orphans: u64,
    clock_defects: u64,
    first: Option<String>,
    last: Option<String>,
    /// Traces by day, UTC.
    days: BTreeMap<String, u64>,
    operations: BTreeMap<&'a str, OperationJson>,
    attributes: BTreeMap<&'a str, AttributeJson<'a>>,
    /// Bytes on disk of what is no attribute.
    fields: &'a BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct OperationJson {
    spans: u64,
    traces: u64,
    last: String,
}

#[derive(Serialize)]
struct AttributeJson<'a> {
    types: Vec<&'static str>,
    /// Bytes on disk by how they are kept.
    encodings: &'a BTreeMap<&'static str, u64>,
    bytes: u64,
    raw_bytes: u64,
    /// How many different values there are, exactly or about.
    values: u64,
    exact: bool,
}
