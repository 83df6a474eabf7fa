//! Names of operations as they come in text: which operation is meant, and where the automaton goes
//! on behind the name.

use super::super::SpanSink;
use super::automaton::{Automaton, NodeId, Origin};
use super::holes::Reader;
use super::lanes::{BLOCK, Lanes};
use crate::build::Want;

/// Most operations that have nodes of their own.
const OPERATIONS: usize = 384;
/// Longest name of those.
const LONGEST_NAME: usize = BLOCK - 1;
/// A power of two.
pub(super) const PLACES: usize = 1 << 11;

/// Number of an operation; [`Self::OTHER`] for those that are not told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct OperationId(pub(super) u16);

impl OperationId {
    pub(super) const OTHER: Self = Self(0);
}

/// What is known of an operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: Box<str>,
    /// The name with its closing quote, in a block.
    pub(super) block: [u8; BLOCK],
    /// The node before any name and the one after this name, once they were met.
    pub(super) after_name: Option<(NodeId, NodeId)>,
    /// The sink's number, once it was asked for.
    pub(super) number: Option<u32>,
    /// The operation of the span that came after the last one of this.
    pub(super) next: OperationId,
}

impl Operation {
    /// One that was not seen yet.
    pub(super) fn new(name: &str) -> Self {
        let mut block = [0; BLOCK];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[name.len()] = b'"';
        let next = OperationId::OTHER;
        Self { name: name.into(), block, after_name: None, number: None, next }
    }

    /// The sink's number.
    pub(super) fn number_of(&mut self, sink: &mut impl SpanSink) -> u32 {
        *self.number.get_or_insert_with(|| sink.operation(&self.name))
    }
}

impl Automaton {
    /// The operation whose name is at `at`, if it is known, and where the name ends.
    #[inline(always)]
    pub(super) fn operation_at(
        &mut self,
        reader: Reader<'_, impl Lanes>,
        at: usize,
    ) -> Option<(OperationId, usize)> {
        let before = std::mem::replace(&mut self.last, OperationId::OTHER);
        // The one that came next last time needs no search; the processor goes on behind it at once.
        let next = self.operations[usize::from(before.0)].next;
        let usual = &self.operations[usize::from(next.0)];
        let end = usual.name.len();
        if next != OperationId::OTHER && reader.agree(at, &usual.block, end + 1) {
            self.last = next;
            return Some((next, at + end));
        }
        let end = reader.plain(at);
        if end > LONGEST_NAME || reader.text.get(at + end) != Some(&b'"') {
            return None;
        }
        let id = self.places[place(&reader.text[at..at + end])];
        let block = &self.operations[usize::from(id.0)].block;
        if !reader.agree(at, block, end + 1) {
            return None;
        }
        self.last = id;
        self.operations[usize::from(before.0)].next = id;
        Some((id, at + end))
    }

    /// The number of an operation, a new one if it is new.
    pub(super) fn operation(&mut self, name: &str) -> OperationId {
        // Only what reads as it is written may be compared with text, and ends at its first quote.
        let is_plain = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        if name.len() > LONGEST_NAME || !name.bytes().all(is_plain) {
            return OperationId::OTHER;
        }
        let place = place(name.as_bytes());
        let id = match self.operation_ids.get(name) {
            Some(&id) => id,
            None if self.operations.len() == OPERATIONS => return OperationId::OTHER,
            None => {
                let id = OperationId(self.operations.len() as u16);
                self.operation_ids.insert(name.into(), id);
                self.operations.push(Operation::new(name));
                id
            }
        };
        self.places[place] = id;
        id
    }

    /// The node after a name of which `node` is the node before any name.
    #[inline(always)]
    pub(super) fn after_name(&mut self, node: NodeId, operation: OperationId) -> NodeId {
        if operation == OperationId::OTHER {
            return node;
        }
        let known = self.operations[usize::from(operation.0)].after_name;
        match known {
            Some((before, after)) if before == node => after,
            _ => self.new_after_name(node, operation),
        }
    }

    #[cold]
    fn new_after_name(&mut self, node: NodeId, operation: OperationId) -> NodeId {
        let Origin { hole, place, key, .. } = self.origin(node);
        let key = self.keys[key as usize].clone();
        let own = self.node_of(operation, (hole, place, key.as_bytes()), |_, _| Want::Nothing);
        let own = own.unwrap_or(node);
        self.operations[usize::from(operation.0)].after_name = Some((node, own));
        own
    }
}

/// Where an operation of this name is looked for.
#[inline(always)]
fn place(name: &[u8]) -> usize {
    let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let (first, last) = if name.len() >= 8 {
        (word(name.first_chunk()), word(name.last_chunk()))
    } else {
        (name.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)), 0)
    };
    let mixed =
        (first ^ last.rotate_left(23) ^ name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - PLACES.ilog2())) as usize
}
