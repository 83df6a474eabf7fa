//! From a segment that holds everything to a builder that keeps what rules read: for split traces
//! that are judged together.

use std::sync::Arc;

use hashbrown::HashMap;
use ir::segment::{Fault, RowRef, Slot};
use ir::{Segment, Value};

use super::direct::value;
use super::stored::{Stored, datum};
use super::{Builder, Numbers, SpanRecord};

/// Adds all spans of these traces, given by their ordinals, to `builder`, with the attributes that
/// its schema asks for; no other columns of attributes are looked at.
///
/// # Errors
/// A fault where the segment does not hold everything. Of a damaged store, what it gives is added:
/// ask [`Segment::sound`] afterwards.
pub fn reread(
    segment: &Segment,
    traces: impl IntoIterator<Item = usize>,
    builder: &mut Builder,
) -> Result<(), Fault> {
    let stored = Stored::new(segment);
    let schema = Arc::clone(&builder.schema);
    let numbers = segment.keys.iter().enumerate().map(|(number, key)| (&**key, number));
    let numbers: HashMap<&str, usize> = numbers.collect();
    let keys = |keys: &[usize]| -> Keys<'_> {
        let names = keys.iter().map(|&key| &*schema.keys()[key]);
        names.map(|name| (name, numbers.get(name).copied())).collect()
    };
    let of_resources = keys(schema.resource_keys());
    let mut of_operations: HashMap<u32, Keys<'_>> = HashMap::new();
    let mut resources: HashMap<u32, u32> = HashMap::new();
    let scope = builder.scope("", "", "");
    for trace in traces {
        let rows: Vec<RowRef> = segment.spans_of(trace).into_iter().collect();
        let roots = stored.roots(&rows)?;
        let service = builder.root_service(segment, trace);
        for at in rows {
            let record = stored.record(at)?;
            let resource = match resources.get(&record.resource) {
                Some(&resource) => resource,
                None => {
                    let columns = &segment.resources;
                    let slot = |key: usize| columns.get(key);
                    let found = read(&of_resources, slot, record.resource as usize)?;
                    let resource = builder.resource(pairs(&found), "");
                    resources.insert(record.resource, resource);
                    resource
                }
            };
            let wanted = of_operations
                .entry(at.operation)
                .or_insert_with(|| keys(&schema.keys_of(record.name)));
            let columns = &segment.table(at.operation as usize).attributes;
            let found = read(wanted, |key| columns.get(key), at.row as usize)?;
            let span = SpanRecord { resource, scope, rest: "", ..record };
            let numbers = Numbers { operation: builder.operation(span.name), trace: None };
            let service = roots.contains(&at).then_some(service);
            builder.add(numbers, &span, service, &[], pairs(&found));
        }
    }
    Ok(())
}

/// Names of keys, and the segment's numbers of those that it has.
type Keys<'a> = Vec<(&'a str, Option<usize>)>;

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
