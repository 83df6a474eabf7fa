//! Which operations there are in data, and which attributes their spans bear.

use std::collections::{BTreeMap, BTreeSet};

use corpora::build::{AttributeValue, ScalarRef, SpanRecord};
use corpora::otlp::SpanSink;
use ir::segment::Slot;
use ir::value::entries_of_maps;
use ir::{Segment, Value};

/// Names in data.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Keys of the attributes of spans, by the name of the span; entries of maps under their paths, too.
    pub(super) operations: BTreeMap<String, BTreeSet<String>>,
    /// Keys of the attributes of resources.
    pub(super) resources: BTreeSet<String>,
}

impl Seen {
    /// Adds what another has seen.
    pub(super) fn merge(&mut self, other: Self) {
        for (name, keys) in other.operations {
            self.operations.entry(name).or_default().extend(keys);
        }
        self.resources.extend(other.resources);
    }

    /// Adds the spans of a segment in which everything was kept.
    pub(super) fn add(&mut self, segment: &Segment) {
        for operation in &segment.operations {
            let keys = self.operations.entry(operation.name.to_string()).or_default();
            for (key, slot) in segment.tables.get(operation.table).attributes.iter() {
                let Slot::Decoded(column) = slot else { continue };
                if operation.rows.clone().any(|row| column.has(row)) {
                    keys.insert(segment.keys[key].to_string());
                }
            }
        }
        for (key, slot) in segment.resources.iter().enumerate() {
            if matches!(slot, Slot::Decoded(column) if !column.is_empty()) {
                self.resources.insert(segment.keys[key].to_string());
            }
        }
    }
}

/// Adds keys, and paths into maps.
fn note<'a, V: AttributeValue<'a>>(
    attributes: impl Iterator<Item = (&'a str, V)>,
    keys: &mut BTreeSet<String>,
) {
    for (key, value) in attributes {
        let empty = matches!(value.scalar(), ScalarRef::Empty);
        if !empty && !keys.contains(key) {
            keys.insert(key.to_owned());
        }
        if matches!(value.scalar(), ScalarRef::Composite) {
            let value: Value = value.to_value();
            keys.extend(entries_of_maps([(key, &value)].into_iter()).into_keys());
        }
    }
}

impl SpanSink for Seen {
    fn keeps_rest(&self) -> bool {
        false
    }

    fn resource<'a, V: AttributeValue<'a>>(
        &mut self,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
        _: &str,
    ) -> u32 {
        note(attributes, &mut self.resources);
        0
    }

    fn scope(&mut self, _: &str, _: &str, _: &str) -> u32 {
        0
    }

    fn span<'a, V: AttributeValue<'a>>(
        &mut self,
        span: &SpanRecord<'_>,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
    ) {
        match self.operations.get_mut(span.name) {
            Some(keys) => note(attributes, keys),
            None => note(attributes, self.operations.entry(span.name.to_owned()).or_default()),
        }
    }
}
