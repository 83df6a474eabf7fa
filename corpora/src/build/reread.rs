//! From a segment that holds everything to a builder that keeps what rules read: for split traces
//! that are judged together.

use std::sync::Arc;

use hashbrown::HashMap;
use ir::segment::{Attributes, Fault, RowRef, Slot};
use ir::{Segment, Value};

use super::direct::value;
use super::stored::{Stored, datum};
use super::{Builder, Numbers, SpanRecord};

/// Adds all spans of these traces, given by ascending ordinals, to `builder`, with the attributes
/// that its schema asks for; no other columns of attributes are looked at. Of its parent a span tells
/// only whether it has one, and of its scope nothing: rules read neither. Returns how many there are.
///
/// # Errors
/// A fault where the segment does not hold everything. Of a damaged store, what it gives is added:
/// ask [`Segment::sound`] afterwards.
pub fn reread(segment: &Segment, traces: &[u32], builder: &mut Builder) -> Result<u64, Fault> {
    let schema = Arc::clone(&builder.schema);
    let keys = |keys: &[usize]| -> Keys<'_> {
        let names = keys.iter().map(|&key| &*schema.keys()[key]);
        names.map(|name| (name, segment.key(name))).collect()
    };
    let of_resources = keys(schema.resource_keys());
    let mut resources: HashMap<u32, u32> = HashMap::new();
    let scope = builder.scope("", "", "");
    let stored = Stored::new(segment);
    let mut known: Vec<Trace> = traces.iter().map(|&trace| Trace::of(segment, trace)).collect();
    let mut spans = 0;
    // Operation by operation, so that each column is read from its beginning to its end.
    for (operation, place) in segment.operations.iter().enumerate() {
        let rows = segment.rows_among(operation, traces);
        if rows.is_empty() {
            continue;
        }
        spans += rows.len() as u64;
        let own = builder.operation(&place.name);
        let plan = builder.operations[own as usize].plan;
        let messages = builder.plans[plan as usize].reads.message;
        let columns = &segment.table(operation).attributes;
        let wanted = told(keys(&schema.keys_of(&place.name)), columns);
        for (trace, row) in rows {
            let at = RowRef { operation: operation as u32, row: row as u32 };
            let Trace { ordinal, id, start, number } = &mut known[trace];
            let record = stored.bare_record(*id, *start, at)?;
            let resource = match resources.get(&record.resource) {
                Some(&resource) => resource,
                None => {
                    let slot = |key: usize| segment.resources.get(key);
                    let found = read(&of_resources, slot, record.resource as usize)?;
                    let resource = builder.resource(pairs(&found), "");
                    resources.insert(record.resource, resource);
                    resource
                }
            };
            let root = segment.is_root(at)?;
            let service = root.then(|| builder.root_service(segment, *ordinal));
            let parent_id = if root { 0 } else { SOME_PARENT };
            let message = if messages { stored.message(at)? } else { "" };
            let span = SpanRecord { resource, scope, parent_id, message, ..record };
            let found = read(&wanted, |key| columns.get(key), row)?;
            let numbers = Numbers { operation: own, trace: *number };
            *number = Some(builder.add(numbers, &span, service, &[], pairs(&found)));
        }
    }
    Ok(spans)
}

/// A trace that is read.
struct Trace {
    ordinal: usize,
    id: u128,
    start: u64,
    /// The builder's number, once it has a span of it.
    number: Option<u32>,
}

impl Trace {
    fn of(segment: &Segment, ordinal: u32) -> Self {
        let ordinal = ordinal as usize;
        let (id, start) = (segment.traces.id.at(ordinal), segment.traces.start.at(ordinal));
        Self { ordinal, id, start, number: None }
    }
}

/// Stands for any parent.
const SOME_PARENT: u64 = 1;

/// Names of keys, and the segment's numbers of those that it has.
type Keys<'a> = Vec<(&'a str, Option<usize>)>;

/// Without the keys that no row has: but for those of entries of maps that rows may have.
fn told<'k>(mut keys: Keys<'k>, columns: &Attributes) -> Keys<'k> {
    let is_there = |number: &Option<usize>| {
        let slot = number.and_then(|number| columns.get(number));
        slot.is_some_and(|slot| !matches!(slot, Slot::Decoded(column) if column.is_empty()))
    };
    let there = keys.iter().filter(|(_, number)| is_there(number));
    let there: Vec<&str> = there.map(|(name, _)| *name).collect();
    let may_be_in =
        |name: &str, map: &str| name.strip_prefix(map).is_some_and(|entry| entry.starts_with('.'));
    keys.retain(|(name, number)| is_there(number) || there.iter().any(|map| may_be_in(name, map)));
    keys
}

/// The values of a row. A key without one has an empty value: so none is looked for inside of maps,
/// whose entries have columns of their own.
fn read<'k, 's>(
    keys: &Keys<'k>,
    slot: impl Fn(usize) -> Option<&'s Slot>,
    row: usize,
) -> Result<Vec<(&'k str, Value)>, Fault> {
    let read = |&(name, number): &(&'k str, Option<usize>)| {
        let found = match number.and_then(&slot) {
            Some(slot) => datum(slot, row, "attributes that rules read")?,
            None => None,
        };
        Ok((name, found.and_then(value).unwrap_or(Value::Empty)))
    };
    keys.iter().map(read).collect()
}

/// Attributes as a builder takes them.
fn pairs<'a>(found: &'a [(&str, Value)]) -> impl Iterator<Item = (&'a str, &'a Value)> + Clone {
    found.iter().map(|(key, value)| (*key, value))
}
