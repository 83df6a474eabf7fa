//! What is kept of the spans of operations that rules read alike.

use ir::segment::DictionaryBuilder;
use ir::{Reads, Schema};

use super::attribute::AttributeValue;
use super::cells::{Cell, OpenCells};
use super::chunk::{Chunk, Open, ROWS, Row};
use super::interner::MISSING;
use super::wanted::Wanted;

/// The spans kept of all operations with the same [`Reads`].
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) reads: Reads,
    wanted: Wanted,
    /// Where the kept keys are in a resource's list of codes.
    in_resource: Vec<usize>,
    open: Open,
    pub(super) chunks: Vec<Chunk>,
    packed: usize,
}

impl Plan {
    /// Nothing kept so far.
    pub(super) fn new(schema: &Schema, reads: Reads) -> Self {
        let resource_keys = schema.resource_keys().iter();
        Self {
            wanted: Wanted::of(schema, &reads.keys),
            in_resource: (resource_keys.enumerate())
                .filter(|(_, key)| reads.keys.contains(key))
                .map(|(position, _)| position)
                .collect(),
            open: Open::new(reads.keys.len()),
            chunks: Vec::new(),
            packed: 0,
            reads,
        }
    }

    /// Whether its spans are kept only if they bear a key, on themselves or on `resource`, and this
    /// one certainly does not.
    pub(super) fn skips<'a, V>(
        &self,
        resource: &[u32],
        attributes: impl Iterator<Item = (&'a str, V)>,
    ) -> bool {
        !self.reads.named && !self.in_resource(resource) && !self.wanted.any(attributes)
    }

    /// Adds a span; `false` if it turns out not to bear what it is kept for.
    pub(super) fn add<'a, V: AttributeValue<'a>>(
        &mut self,
        row: Row,
        resource: &[u32],
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
        dictionaries: &mut [DictionaryBuilder],
    ) -> bool {
        let Self { reads, wanted, open, .. } = self;
        open.push(row);
        wanted.find(attributes, |position, found| {
            let dictionary = &mut dictionaries[reads.keys[position]];
            let cell = Cell::of(found, dictionary);
            open.columns[position].set_last(cell, dictionary);
        });
        let kept = self.reads.named
            || self.in_resource(resource)
            || self.open.columns.iter().any(OpenCells::has_last);
        if !kept {
            self.open.pop();
        } else if self.open.rows.len() == ROWS {
            self.pack();
        }
        kept
    }

    /// Packs what is left.
    pub(super) fn close(&mut self) {
        if !self.open.rows.is_empty() {
            self.pack();
        }
        self.open = Open::default();
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.packed + self.open.bytes()
    }

    fn pack(&mut self) {
        let chunk = self.open.pack();
        self.packed += chunk.bytes();
        self.chunks.push(chunk);
    }

    fn in_resource(&self, resource: &[u32]) -> bool {
        self.in_resource.iter().any(|&position| resource[position] != MISSING)
    }
}
