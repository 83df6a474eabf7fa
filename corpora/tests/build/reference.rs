//! What segments must hold, from a list of spans by sorting and searching alone, and the same read
//! back from segments, both as lines of text.

use std::collections::{BTreeMap, BTreeSet};

use betrace_corpora::build::Finished;
use ir::module::Field;
use ir::segment::{CLOCK_DEFECT, ROOTLESS, RowRef, SAMPLED, Slot, signed_difference};
use ir::value::lookup;
use ir::{Reads, Schema, Segment, Type};

use crate::model::{Attributes, Span, pairs};

const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const STATUSES: [&str; 3] = ["unset", "ok", "error"];

/// All that a run gives, as text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub totals: String,
    pub duplicates: u64,
    /// The lines of each segment.
    pub segments: Vec<Vec<String>>,
}

type Typed = Option<(Type, String)>;

/// The outcome by definition.
pub fn expected(schema: &Schema, spans: &[Span], traces_per_segment: usize) -> Outcome {
    let mut by_trace: BTreeMap<u128, Vec<&Span>> = BTreeMap::new();
    spans.iter().for_each(|span| by_trace.entry(span.trace_id).or_default().push(span));
    let start = |spans: &[&Span]| spans.iter().map(|span| span.start).min().unwrap_or(0);
    let mut traces: Vec<(u64, u128, Vec<&Span>)> =
        by_trace.into_iter().map(|(id, spans)| (start(&spans), id, spans)).collect();
    traces.sort_by_key(|(start, id, _)| (*start, *id));
    let mut outcome = Outcome::default();
    let (mut rootless, mut defects) = (0, 0);
    for part in traces.chunks(traces_per_segment) {
        let mut lines = Vec::new();
        let mut rows = Vec::new();
        for (ordinal, (start, id, spans)) in part.iter().enumerate() {
            let (line, flags) = trace_line(ordinal, *start, *id, spans);
            lines.push(line);
            rootless += u64::from(flags & ROOTLESS != 0);
            defects += u64::from(flags & CLOCK_DEFECT != 0);
            rows.extend(trace_rows(schema, ordinal, spans, &mut outcome.duplicates));
        }
        rows.sort();
        lines.extend(rows.into_iter().map(|(_, line)| line));
        outcome.segments.push(lines);
    }
    let (first, last) = (traces.first().map(|t| t.0), traces.last().map(|t| t.0));
    outcome.totals =
        totals(spans.len() as u64, traces.len() as u64, first, last, rootless, defects);
    outcome
}

/// The outcome of a builder's run.
pub fn found(finished: Finished) -> Outcome {
    let Finished { spans, traces, first, last, rootless, clock_defects, .. } = finished;
    let totals = totals(spans, traces, first, last, rootless, clock_defects);
    let mut outcome = Outcome { totals, duplicates: finished.duplicates, segments: Vec::new() };
    for unsealed in finished.segments {
        let sealed = unsealed.seal();
        outcome.duplicates += sealed.duplicates;
        outcome.segments.push(segment_lines(&sealed.segment));
    }
    outcome
}

fn totals(
    spans: u64,
    traces: u64,
    first: Option<u64>,
    last: Option<u64>,
    rootless: u64,
    defects: u64,
) -> String {
    format!(
        "{spans} spans {traces} traces {first:?}..{last:?} {rootless} rootless {defects} defects"
    )
}

fn value(attributes: &Attributes, key: &str) -> Typed {
    let (value_type, text) = lookup(pairs(attributes), key)?.canonical()?;
    Some((value_type, text.into_owned()))
}

fn trace_line(ordinal: usize, start: u64, id: u128, spans: &[&Span]) -> (String, u8) {
    let end = spans.iter().map(|span| span.end).max().unwrap_or(0);
    let roots = spans.iter().filter(|span| span.parent_id == 0);
    let root = roots
        .map(|s| (s.start, s.span_id, s.name.clone(), value(&s.resource, "service.name")))
        .min();
    let mut flags = if root.is_none() { ROOTLESS } else { 0 };
    for span in spans {
        flags |= if span.end < span.start { CLOCK_DEFECT } else { 0 };
        flags |= if span.flags & 1 == 1 { SAMPLED } else { 0 };
    }
    let name = root.as_ref().map(|root| root.2.clone());
    let service = root.and_then(|root| root.3.map(|(_, text)| text));
    let count = spans.len();
    (format!("{ordinal} {id:x} {start} {end} {count} {name:?} {service:?} {flags}"), flags)
}

/// Whether a span of an operation read like this is kept at all.
fn kept(schema: &Schema, reads: &Reads, span: &Span) -> bool {
    let bears = |key: &usize| {
        let name = &schema.keys()[*key];
        value(&span.attributes, name).is_some()
            || schema.resource_keys().contains(key) && value(&span.resource, name).is_some()
    };
    reads.named || schema.reads_anywhere().iter().any(bears)
}

type SortKey = (String, usize, u64, u64, u8, u64);

/// The rows of a trace with what they are sorted by; equal spans become one with the least of each
/// value.
fn trace_rows(
    schema: &Schema,
    ordinal: usize,
    spans: &[&Span],
    duplicates: &mut u64,
) -> Vec<(SortKey, String)> {
    let mut rows: BTreeMap<SortKey, Values> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for span in spans {
        let reads = schema.reads(&span.name);
        let kind = if span.kind > 5 { 0 } else { span.kind };
        let key = (span.name.clone(), ordinal, span.start, span.span_id, kind, span.end);
        *duplicates += u64::from(!seen.insert(key.clone()));
        if kept(schema, &reads, span) {
            let values = values(schema, &reads, span);
            let joined = match rows.remove(&key) {
                Some(other) => other.join(values),
                None => values,
            };
            rows.insert(key, joined);
        }
    }
    rows.into_iter().map(|(key, values)| (key.clone(), line(schema, &key, &values))).collect()
}

/// What equal spans may differ in.
struct Values {
    status: u8,
    message: Typed,
    parent: u64,
    flags: u32,
    scope: Option<(String, String)>,
    own: Vec<Typed>,
    resource: Vec<Typed>,
}

impl Values {
    fn join(self, other: Self) -> Self {
        Self {
            status: self.status.min(other.status),
            message: least(self.message, other.message),
            parent: self.parent.min(other.parent),
            flags: self.flags | other.flags,
            scope: self.scope.min(other.scope),
            own: self.own.into_iter().zip(other.own).map(|(a, b)| least(a, b)).collect(),
            resource: (self.resource.into_iter().zip(other.resource))
                .map(|(a, b)| least(a, b))
                .collect(),
        }
    }
}

/// The lesser by text, then type; any is less than none.
fn least(a: Typed, b: Typed) -> Typed {
    [a, b].into_iter().flatten().min_by(|a, b| (&a.1, a.0).cmp(&(&b.1, b.0)))
}

fn values(schema: &Schema, reads: &Reads, span: &Span) -> Values {
    let structure = schema.structure();
    let keys = schema.keys_of(&span.name);
    let all = |keys: &[usize], attributes: &Attributes| {
        keys.iter().map(|&key| value(attributes, &schema.keys()[key])).collect()
    };
    Values {
        status: if span.status > 2 { 0 } else { span.status },
        message: (reads.message && !span.message.is_empty())
            .then(|| (Type::Text, span.message.clone())),
        parent: if structure { span.parent_id } else { 0 },
        flags: if structure { span.flags } else { 0 },
        scope: structure.then(|| span.scope.clone()),
        own: all(&keys, &span.attributes),
        resource: all(schema.resource_keys(), &span.resource),
    }
}

fn line(schema: &Schema, key: &SortKey, values: &Values) -> String {
    let (name, ordinal, start, id, kind, end) = key;
    let Values { status, message, parent, flags, scope, own, resource } = values;
    let structure = schema.structure();
    let keys = schema.keys_of(name);
    let mut line = format!(
        "{name} {ordinal} {start} {id:x} {} {} {}",
        signed_difference(*end, *start),
        KINDS[usize::from(*kind)],
        STATUSES[usize::from(*status)],
    );
    line += &format!(" message={}", slot(schema.reads(name).message, message));
    let text = |text: &str| (!text.is_empty()).then(|| (Type::Text, text.to_owned()));
    line += &format!(" parent={}", slot(structure, &Some((Type::Int, parent.to_string()))));
    line += &format!(" flags={}", slot(structure, &Some((Type::Int, flags.to_string()))));
    let scope = scope.as_ref().and_then(|(name, _)| text(name));
    line += &format!(" scope={}", slot(structure, &scope));
    for (number, name) in schema.keys().iter().enumerate() {
        let at = keys.iter().position(|key| *key == number);
        line += &format!(" {name}={}", slot(at.is_some(), at.map_or(&None, |at| &own[at])));
        let at = schema.resource_keys().iter().position(|key| *key == number);
        line += &format!("/{}", slot(at.is_some(), at.map_or(&None, |at| &resource[at])));
    }
    line
}

fn slot(decoded: bool, value: &Typed) -> String {
    match value {
        _ if !decoded => "-".to_owned(),
        None => "none".to_owned(),
        Some((value_type, text)) => format!("{value_type:?}:{text:?}"),
    }
}

/// The lines of a segment, in the order of its ordinals and rows.
fn segment_lines(segment: &Segment) -> Vec<String> {
    let traces = &segment.traces;
    let text = |column: &Option<ir::segment::Column>, trace| {
        let datum = column.as_ref().and_then(|column| column.get(trace));
        datum.map(|datum| datum.text().into_owned())
    };
    let mut lines: Vec<String> = (0..segment.len())
        .map(|at| {
            let (name, service) = (text(&traces.root_name, at), text(&traces.root_service, at));
            let (id, start, end) = (traces.id[at], traces.start[at], traces.end[at]);
            let (count, flags) = (traces.spans.get(at), traces.flags[at]);
            format!("{at} {id:x} {start} {end} {count} {name:?} {service:?} {flags}")
        })
        .collect();
    for (operation, rows) in segment.operations.iter().enumerate() {
        for row in rows.rows.clone() {
            lines.push(row_line(segment, RowRef { operation: operation as u32, row: row as u32 }));
        }
    }
    lines
}

fn row_line(segment: &Segment, at: RowRef) -> String {
    let table = segment.table(at.operation as usize);
    let row = at.row as usize;
    let read = |slot: &Slot, row: usize| match slot {
        Slot::NotDecoded => "-".to_owned(),
        Slot::Decoded(column) => match column.get(row) {
            None => "none".to_owned(),
            Some(datum) => format!("{:?}:{:?}", datum.value_type(), datum.text()),
        },
    };
    let plain = |field: &Field| {
        let value = segment.value(at, field).expect("these are always decoded");
        value.map_or_else(String::new, |datum| datum.text().into_owned())
    };
    let mut line = format!(
        "{} {} {} {:x} {} {} {}",
        plain(&Field::Name),
        table.trace[row],
        segment.start(at),
        segment.span_id(at),
        plain(&Field::Duration),
        plain(&Field::Kind),
        plain(&Field::Status),
    );
    line += &format!(" message={}", read(&table.message, row));
    line += &format!(" parent={} flags={}", read(&table.parent, row), read(&table.flags, row));
    let scope = match &table.scope {
        Slot::NotDecoded => "-".to_owned(),
        Slot::Decoded(column) => match column.get(row) {
            Some(ir::Datum::Int(number)) => read(&segment.scopes.name, number as usize),
            other => panic!("a scope number is an integer, not {other:?}"),
        },
    };
    line += &format!(" scope={scope}");
    for (key, name) in segment.keys.iter().enumerate() {
        let resource = read(&segment.resources[key], table.resource.get(row) as usize);
        let attribute = table.attributes.get(key).unwrap_or(&Slot::NotDecoded);
        line += &format!(" {name}={}/{resource}", read(attribute, row));
    }
    line
}
