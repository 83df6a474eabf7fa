//! Random spans, and the segments that hold them.

use std::ops::Range;
use std::sync::Arc;

use ir::segment::{
    Buffer, Column, Coverage, Dictionary, DictionaryBuilder, Integers, Narrow, OperationRows, Slot,
    Table, Traces, Values,
};
use ir::{Mask, Segment, Value};

use crate::bytes::Bytes;
use crate::values::{self, Kind};

/// Operation names that spans have; rules name some that none has.
pub const OPERATIONS: [&str; 7] =
    ["payment.charge", "payment.refund", "GET /users", "GET /orders", "db.query", "x", ""];

/// Attribute keys; every one has a column, if only an empty one.
pub const KEYS: [&str; 6] = ["amount", "limit", "tenant", "owner", "payload", "never"];

/// Spans before they are laid out in columns.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The traces, ascending by start.
    pub traces: Vec<Trace>,
    /// The spans, in any order.
    pub spans: Vec<Span>,
    /// The values of each key on each resource.
    pub resources: Vec<Vec<Option<Value>>>,
    /// Operations with a table of their own; the others share one.
    pub own_table: Vec<bool>,
}

/// One trace.
#[derive(Clone, Copy, Debug)]
pub struct Trace {
    /// Start in nanoseconds since 1970.
    pub start: u64,
    /// End in nanoseconds since 1970.
    pub end: u64,
    /// Number of the name of its root span, if it has one.
    pub root: Option<usize>,
}

/// One span.
#[derive(Clone, Debug)]
pub struct Span {
    /// Number of its name in [`OPERATIONS`].
    pub operation: usize,
    /// Ordinal of its trace.
    pub trace: usize,
    /// Nanoseconds after the start of the trace.
    pub start: i64,
    /// Signed duration in nanoseconds.
    pub duration: i64,
    /// Span id.
    pub id: u64,
    /// Number of its resource.
    pub resource: usize,
    /// Kind, status and status message.
    pub texts: [Option<&'static str>; 3],
    /// The values of each key.
    pub attributes: Vec<Option<Value>>,
}

impl Draft {
    /// Random spans: now and then none at all, or one trace with very many.
    pub fn random(bytes: &mut Bytes<'_>) -> Self {
        let traces = if bytes.chance(4) { 0 } else { 1 + bytes.below(90) };
        let mut start = 1_700_000_000_000_000_000;
        let traces: Vec<Trace> = (0..traces)
            .map(|_| {
                start += bytes.below(3) as u64 * 1_000;
                let end = if bytes.chance(5) { start - 7 } else { start + bytes.below(9) as u64 };
                Trace { start, end, root: bytes.chance(80).then(|| bytes.below(3)) }
            })
            .collect();
        let mut kinds: Vec<Kind> = KEYS.iter().map(|_| *bytes.pick(&Kind::ALL)).collect();
        if bytes.chance(50) {
            kinds[1] = kinds[0];
        }
        let mut presence = || -> Vec<usize> {
            let percent = |_| *bytes.pick(&[0, 30, 90, 100]);
            KEYS.iter()
                .map(percent)
                .enumerate()
                .map(|(at, percent)| if KEYS[at] == "never" { 0 } else { percent })
                .collect()
        };
        let (on_spans, on_resources) = (presence(), presence());
        let bearing = |bytes: &mut Bytes<'_>, presence: &[usize]| -> Vec<Option<Value>> {
            let value = |(kind, &percent): (&Kind, &usize)| {
                bytes.chance(percent).then(|| kind.value(bytes))
            };
            kinds.iter().zip(presence).map(value).collect()
        };
        let resources: Vec<_> =
            (0..1 + bytes.below(5)).map(|_| bearing(bytes, &on_resources)).collect();
        let mut spans = Vec::new();
        let mut add = |bytes: &mut Bytes<'_>, trace: usize, operation: usize| {
            spans.push(Span {
                operation,
                trace,
                start: bytes.below(12) as i64 * 10,
                duration: values::integer(bytes),
                id: bytes.below(1_000) as u64,
                resource: bytes.below(resources.len()),
                texts: [
                    Some(*bytes.pick(&["server", "client", "internal"])),
                    Some(*bytes.pick(&["unset", "ok", "error"])),
                    bytes.chance(20).then_some("boom"),
                ],
                attributes: bearing(bytes, &on_spans),
            });
        };
        for trace in 0..traces.len() {
            for _ in 0..bytes.below(9) {
                let operation = bytes.below(OPERATIONS.len());
                add(bytes, trace, operation);
            }
        }
        if !traces.is_empty() && bytes.chance(20) {
            let trace = bytes.below(traces.len());
            // Those of one operation have more texts than a byte can tell apart.
            let one = bytes.chance(50).then(|| bytes.below(OPERATIONS.len()));
            for _ in 0..200 + bytes.below(700) {
                let operation = one.unwrap_or_else(|| bytes.below(OPERATIONS.len()));
                add(bytes, trace, operation);
            }
        }
        let own_table = OPERATIONS.iter().map(|_| bytes.chance(60)).collect();
        Self { traces, spans, resources, own_table }
    }

    /// The segment of the traces in `range`.
    pub fn segment(&self, range: Range<usize>) -> Segment {
        let mut spans: Vec<&Span> =
            self.spans.iter().filter(|span| range.contains(&span.trace)).collect();
        let shared = |span: &Span| !self.own_table[span.operation];
        spans.sort_by_key(|span| (shared(span), span.operation, span.trace, span.start, span.id));
        let mut dictionaries: Vec<Interned> =
            (0..KEYS.len()).map(|key| self.dictionary(key, &spans)).collect();
        let mut segment = Segment {
            traces: traces(&self.traces[range.clone()]),
            keys: Arc::new(KEYS.map(Into::into).into_iter().collect()),
            coverage: Coverage::All,
            ..Segment::default()
        };
        for (key, dictionary) in dictionaries.iter_mut().enumerate() {
            let values = self.resources.iter().map(|values| values[key].as_ref()).collect();
            segment.resources.push(Slot::Decoded(column(values, dictionary)));
        }
        let mut tables = Vec::new();
        for rows in spans
            .chunk_by(|a, b| (shared(a), shared(b)) == (true, true) || a.operation == b.operation)
        {
            add_operations(&mut segment, rows, range.start, shared(rows[0]), tables.len());
            tables.push(table(rows, range.start, &mut dictionaries));
        }
        segment.tables = tables.into_iter().collect();
        segment
    }

    /// Every value of each key, for rules to compare with.
    pub fn values(&self) -> [Vec<Value>; KEYS.len()] {
        std::array::from_fn(|key| {
            let attributes = self.spans.iter().map(|span| &span.attributes);
            attributes.chain(&self.resources).filter_map(|values| values[key].clone()).collect()
        })
    }

    fn dictionary(&self, key: usize, spans: &[&Span]) -> Interned {
        let resources = self.resources.iter().map(|values| &values[key]);
        let spans = spans.iter().map(|span| &span.attributes[key]);
        Interned::of(spans.chain(resources).flatten())
    }
}

/// A finished dictionary that still finds codes.
struct Interned {
    builder: DictionaryBuilder,
    dictionary: Arc<Dictionary>,
}

impl Interned {
    fn of<'a>(values: impl Iterator<Item = &'a Value>) -> Self {
        let mut builder = DictionaryBuilder::default();
        for (value_type, text) in values.filter_map(Value::canonical) {
            builder.intern(value_type, &text);
        }
        Self { dictionary: Arc::new(builder.dictionary().clone()), builder }
    }

    fn code(&mut self, value: Option<&Value>) -> u64 {
        let canonical = value.and_then(Value::canonical);
        canonical.map_or(0, |(value_type, text)| self.builder.intern(value_type, &text).into())
    }
}

fn traces(traces: &[Trace]) -> Traces {
    let count = traces.len();
    let names = OPERATIONS.map(|name| Value::Text(name.to_owned()));
    let roots = traces.iter().map(|trace| trace.root.map(|root| &names[root])).collect();
    let root_name = column(roots, &mut Interned::of(names.iter()));
    Traces {
        id: Buffer::collect((0..count).map(|at| at as u128)),
        start: Buffer::collect(traces.iter().map(|trace| trace.start)),
        end: Buffer::collect(traces.iter().map(|trace| trace.end)),
        spans: Narrow::pack((0..count).map(|at| at as u64)),
        root_service: Some(Column::EMPTY),
        root_name: Some(root_name),
        flags: Buffer::zeroed(count),
    }
}

fn add_operations(segment: &mut Segment, rows: &[&Span], first: usize, shared: bool, table: usize) {
    let mut from = 0;
    for own in rows.chunk_by(|a, b| a.operation == b.operation) {
        let mut presence = Mask::empty(segment.len());
        own.iter().for_each(|span| presence.insert(span.trace - first));
        segment.operations.push(OperationRows {
            name: OPERATIONS[own[0].operation].into(),
            table,
            rows: from..from + own.len(),
            presence: (!shared).then_some(presence),
        });
        from += own.len();
    }
}

fn table(rows: &[&Span], first: usize, dictionaries: &mut [Interned]) -> Table {
    let texts = |at: usize| {
        let values: Vec<Option<Value>> =
            rows.iter().map(|span| span.texts[at].map(|text| Value::Text(text.into()))).collect();
        let mut interned = Interned::of(values.iter().flatten());
        Slot::Decoded(column(values.iter().map(Option::as_ref).collect(), &mut interned))
    };
    let durations = Integers::pack(rows.iter().map(|span| span.duration));
    let attributes = dictionaries.iter_mut().enumerate().map(|(key, dictionary)| {
        let values = rows.iter().map(|span| span.attributes[key].as_ref()).collect();
        Slot::Decoded(column(values, dictionary))
    });
    Table {
        trace: Buffer::collect(rows.iter().map(|span| (span.trace - first) as u32)),
        start: Narrow::pack(rows.iter().map(|span| span.start.cast_unsigned())),
        id: Buffer::collect(rows.iter().map(|span| span.id)),
        resource: Narrow::pack(rows.iter().map(|span| span.resource as u64)),
        duration: Slot::Decoded(Column { values: Values::Integers(durations), present: None }),
        kind: texts(0),
        status: texts(1),
        message: texts(2),
        attributes: attributes.collect(),
        ..Table::default()
    }
}

/// The column of some values: integers or doubles where all are, codes otherwise. What lies in the
/// slots of missing values is neither zero nor the same everywhere.
fn column(values: Vec<Option<&Value>>, interned: &mut Interned) -> Column {
    let mut present = Mask::empty(values.len());
    values.iter().enumerate().filter(|(_, value)| value.is_some()).for_each(|(row, _)| {
        present.insert(row);
    });
    let filler = values.iter().flatten().next().copied();
    let filled = || values.iter().map(|value| value.or(filler));
    let all = |wanted: fn(&Value) -> bool| values.iter().flatten().all(|value| wanted(value));
    let columns = if all(|value| matches!(value, Value::Int(_))) {
        let ints: Vec<i64> = filled()
            .map(|value| if let Some(Value::Int(int)) = value { *int } else { 0 })
            .collect();
        Values::Integers(Integers::pack(ints.into_iter()))
    } else if all(|value| matches!(value, Value::Float(_))) {
        let floats: Vec<f64> = filled()
            .map(|value| if let Some(Value::Float(float)) = value { *float } else { 0.0 })
            .collect();
        Values::Floats(Buffer::collect(floats.into_iter()))
    } else {
        let codes: Vec<u64> = filled().map(|value| interned.code(value)).collect();
        let dictionary = Arc::clone(&interned.dictionary);
        Values::Codes(Narrow::pack(codes.into_iter()), dictionary)
    };
    Column::new(columns, present)
}
