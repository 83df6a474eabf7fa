//! Segments from a compact notation, a span a line:
//!
//! ```text
//! t1 @5ms #a payment.charge{attempt=2; intent=pi_1; resource.service=eu}
//! ```
//!
//! Trace 1, five milliseconds after [`BASE`], span id 0xa (the line's number where it is left
//! out), name, attributes. A value is an integer, a double, a boolean, a JSON list or map, or
//! text; text in quotes is text whatever it looks like.

use std::collections::BTreeMap;
use std::sync::Arc;

use ir::segment::{
    Buffer, Column, Coverage, DictionaryBuilder, Narrow, OperationRows, Segment, Slot, Table,
    Traces, Values,
};
use ir::{Mask, Type};

/// 2024-10-27T00:00:00Z, in nanoseconds.
pub const BASE: u64 = 1_729_987_200_000_000_000;
pub const MS: u64 = 1_000_000;
pub const DAY: u64 = 86_400_000 * MS;

type Attributes = BTreeMap<String, (Type, String)>;

struct Span {
    trace: u128,
    start: u64,
    id: u64,
    name: String,
    attributes: Attributes,
    resource: Attributes,
}

/// Segments of at most `per_segment` traces each.
pub fn segments(text: &str, per_segment: usize) -> Vec<Segment> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate();
    let mut traces: BTreeMap<u128, Vec<Span>> = BTreeMap::new();
    for (number, line) in lines {
        let span = span(line, number as u64 + 1);
        traces.entry(span.trace).or_default().push(span);
    }
    let mut traces: Vec<Vec<Span>> = traces.into_values().collect();
    let start = |spans: &Vec<Span>| spans.iter().map(|span| span.start).min();
    traces.sort_by_key(|spans| (start(spans), spans[0].trace));
    let size = per_segment.min(traces.len().max(1));
    traces.chunks(size).map(segment).collect()
}

fn span(line: &str, number: u64) -> Span {
    let (trace, rest) = line.strip_prefix('t').unwrap().split_once(' ').unwrap();
    let (offset, rest) = rest.strip_prefix('@').unwrap().split_once(' ').unwrap();
    let (id, rest) = match rest.strip_prefix('#') {
        Some(rest) => {
            let (id, rest) = rest.split_once(' ').unwrap();
            (u64::from_str_radix(id, 16).unwrap(), rest)
        }
        None => (number, rest),
    };
    let (name, inside) = rest.split_once('{').unwrap_or((rest, "}"));
    let mut attributes = Attributes::new();
    let mut resource = Attributes::new();
    let inside = inside.strip_suffix('}').unwrap();
    for (key, text) in inside.split(';').filter_map(|part| part.trim().split_once('=')) {
        match key.strip_prefix("resource.") {
            Some(key) => resource.insert(key.to_owned(), value(text)),
            None => attributes.insert(key.to_owned(), value(text)),
        };
    }
    let offset: u64 = offset.strip_suffix("ms").unwrap().parse().unwrap();
    let start = BASE + offset * MS;
    Span { trace: trace.parse().unwrap(), start, id, name: name.to_owned(), attributes, resource }
}

fn value(text: &str) -> (Type, String) {
    let value_type = if text.starts_with('[') {
        Type::List
    } else if text.starts_with('{') {
        Type::Map
    } else if text.parse::<i64>().is_ok() {
        Type::Int
    } else if text.parse::<f64>().is_ok() || text == "Infinity" {
        Type::Float
    } else if matches!(text, "true" | "false") {
        Type::Bool
    } else {
        return (Type::Text, text.trim_matches('"').to_owned());
    };
    (value_type, text.to_owned())
}

fn segment(traces: &[Vec<Span>]) -> Segment {
    let mut keys: Vec<&str> = Vec::new();
    let mut resources: Vec<&Attributes> = Vec::new();
    let mut operations: BTreeMap<&str, Vec<(usize, &Span)>> = BTreeMap::new();
    for (ordinal, span) in
        traces.iter().enumerate().flat_map(|(at, spans)| spans.iter().map(move |span| (at, span)))
    {
        keys.extend(span.attributes.keys().chain(span.resource.keys()).map(String::as_str));
        if !resources.contains(&&span.resource) {
            resources.push(&span.resource);
        }
        operations.entry(&span.name).or_default().push((ordinal, span));
    }
    keys.sort_unstable();
    keys.dedup();
    let starts: Vec<u64> =
        traces.iter().map(|spans| spans.iter().map(|span| span.start).min().unwrap()).collect();
    let mut directory = Vec::new();
    let mut tables = Vec::new();
    for (name, mut rows) in operations {
        rows.sort_by_key(|(trace, span)| (*trace, span.start, span.id));
        directory.push(OperationRows {
            name: name.into(),
            table: tables.len(),
            rows: 0..rows.len(),
            presence: None,
        });
        tables.push(table(&keys, &resources, &starts, &rows));
    }
    Segment {
        traces: Traces {
            id: Buffer::collect(traces.iter().map(|spans| spans[0].trace)),
            start: Buffer::collect(starts.iter().copied()),
            end: Buffer::collect(starts.iter().map(|start| start + MS)),
            spans: Narrow::pack(traces.iter().map(|spans| spans.len() as u64)),
            ..Traces::default()
        },
        keys: Arc::new(keys.iter().map(|&key| key.into()).collect()),
        operations: directory,
        tables: tables.into_iter().collect(),
        resources: keys
            .iter()
            .map(|&key| column(resources.iter().map(|resource| resource.get(key)).collect()))
            .collect(),
        coverage: Coverage::All,
        ..Segment::default()
    }
}

fn table(
    keys: &[&str],
    resources: &[&Attributes],
    starts: &[u64],
    rows: &[(usize, &Span)],
) -> Table {
    let resource = |span: &Span| {
        resources.iter().position(|resource| **resource == span.resource).unwrap() as u64
    };
    let start = rows.iter().map(|(trace, span)| span.start - starts[*trace]);
    Table {
        trace: Buffer::collect(rows.iter().map(|(trace, _)| *trace as u32)),
        start: Narrow::pack(start),
        id: Buffer::collect(rows.iter().map(|(_, span)| span.id)),
        resource: Narrow::pack(rows.iter().map(|(_, span)| resource(span))),
        attributes: keys
            .iter()
            .map(|&key| column(rows.iter().map(|(_, span)| span.attributes.get(key)).collect()))
            .collect(),
        ..Table::default()
    }
}

fn column(values: Vec<Option<&(Type, String)>>) -> Slot {
    let mut dictionary = DictionaryBuilder::default();
    let mut present = Mask::empty(values.len());
    let mut codes = Vec::new();
    for (row, value) in values.into_iter().enumerate() {
        codes.push(value.map_or(0, |(value_type, text)| {
            present.insert(row);
            dictionary.intern(*value_type, text).into()
        }));
    }
    let codes = Narrow::pack(codes.into_iter());
    Slot::Decoded(Column::new(Values::Codes(codes, dictionary.finish().into()), present))
}
