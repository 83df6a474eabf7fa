//! What is kept of the spans of operations that rules read alike.

use ir::{Reads, Schema};

use super::attribute::{AttributeValue, Known, Want};
use super::cells::Cell;
use super::chunk::{Chunk, Open, ROWS, Row};
use super::keys::Keys;
use super::wanted::Wanted;

/// The spans kept of all operations with the same [`Reads`].
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) reads: Reads,
    /// What is read of these operations and not anywhere.
    wanted: Wanted,
    open: Open,
    pub(super) chunks: Vec<Chunk>,
    packed: usize,
}

impl Plan {
    /// Nothing kept so far.
    pub(super) fn new(schema: &Schema, reads: Reads) -> Self {
        let wanted = Wanted::of(schema, &reads.keys);
        Self { reads, wanted, open: Open::default(), chunks: Vec::new(), packed: 0 }
    }

    /// What matters of attributes of this name, but for what is read anywhere.
    pub(super) fn wants(&self, name: &str) -> Want {
        self.wanted.want(name)
    }

    /// Adds a span of an operation that rules name; `anywhere` is what is read of all spans.
    pub(super) fn add<'a, V: AttributeValue<'a>>(
        &mut self,
        row: Row,
        known: &[(u32, Known)],
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
        anywhere: &Wanted,
        keys: &mut Keys,
    ) {
        self.push(row, known, attributes, anywhere, keys);
        self.pack_if_full();
    }

    /// Adds a span of another operation, if its resource bears what is read anywhere (`borne`) or
    /// the span itself does.
    #[inline]
    pub(super) fn add_bearing<'a, V: AttributeValue<'a>>(
        &mut self,
        row: impl FnOnce() -> Row,
        known: &[(u32, Known)],
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
        borne: bool,
        anywhere: &Wanted,
        keys: &mut Keys,
    ) {
        let is_bare = attributes.size_hint().1 == Some(0);
        if borne || !known.is_empty() || (!is_bare && anywhere.any(attributes.clone())) {
            self.add_if_bearing(row(), known, attributes, borne, anywhere, keys);
        }
    }

    #[inline(never)]
    fn add_if_bearing<'a, V: AttributeValue<'a>>(
        &mut self,
        row: Row,
        known: &[(u32, Known)],
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
        borne: bool,
        anywhere: &Wanted,
        keys: &mut Keys,
    ) {
        self.push(row, known, attributes, anywhere, keys);
        if borne || self.open.bears() {
            self.pack_if_full();
        } else {
            self.open.pop();
        }
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
        size_of::<Self>() + self.wanted.bytes() + self.packed + self.open.bytes()
    }

    fn push<'a, V: AttributeValue<'a>>(
        &mut self,
        row: Row,
        known: &[(u32, Known)],
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
        anywhere: &Wanted,
        keys: &mut Keys,
    ) {
        let Self { wanted, open, .. } = self;
        open.push(row);
        for &(key, value) in known {
            let dictionary = &mut keys.dictionaries[key as usize];
            open.set(key as usize, value.cell(dictionary), dictionary);
        }
        keys.find([wanted, anywhere], attributes, |key, found, dictionary| {
            let cell = Cell::of(found, dictionary);
            open.set(key, cell, dictionary);
        });
    }

    fn pack_if_full(&mut self) {
        if self.open.rows.len() == ROWS {
            self.pack();
        }
    }

    fn pack(&mut self) {
        let chunk = self.open.pack();
        self.packed += chunk.bytes();
        self.chunks.push(chunk);
    }
}
