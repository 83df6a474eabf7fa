//! What the recognizer remembers: after which hole which literal was seen, and which hole then
//! came. It only ever repeats what [`step`](super::step::step) found, so forgetting or not learning
//! costs time and nothing else; all of it is bounded.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use super::chain::{CHOICE, Chain, TRIES};
use super::holes::Reader;
use super::lanes::{BLOCK, Lanes};
use super::operations::{Operation, OperationId, PLACES};
use super::place::{Hole, Place, Usual};
use crate::build::Want;

/// Most nodes.
const NODES: usize = 1 << 13;
/// Literals that are tried after a hole.
const EDGES: usize = 4;
/// Longest literal, in blocks.
const LONGEST: usize = 4;
/// Most blocks of literals: 2 MiB.
const BLOCKS: usize = 1 << 15;

/// Number of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(u32);

impl NodeId {
    /// Before a span.
    pub(super) const BEFORE: Self = Self(0);
    /// After a span.
    pub(super) const END: Self = Self(1);
}

/// A hole as part of the spans of an operation, as far as it is looked at for every span: a cache
/// line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Node {
    edges: [Edge; EDGES],
    pub(super) hole: Hole,
    /// What the sink wants of the value; of the other operations, it may want all.
    pub(super) want: Want,
    /// Of the value, if it is a text.
    pub(super) usual: Usual,
    /// 0 if no chain is after it and none is looked for any more; else one more than the number of
    /// times that others are still looked for.
    pub(super) ahead: u8,
    /// One more than the numbers of the chains after it; 0 for none.
    pub(super) chains: [u16; CHOICE],
}

/// What makes a node the one that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) operation: OperationId,
    pub(super) hole: Hole,
    pub(super) place: Place,
    /// Number of the key.
    pub(super) key: u32,
}

impl Node {
    fn new(hole: Hole, want: Want) -> Self {
        let edges = [Edge::default(); EDGES];
        let (usual, chains) = (Usual::default(), [0; CHOICE]);
        Self { edges, hole, want, usual, ahead: 1 + TRIES, chains }
    }
}

/// A literal from the end of a hole to the begin of the next; of length 0 if there is none.
#[derive(Clone, Copy, Debug, Default)]
struct Edge {
    first_block: u32,
    len: u16,
    fields: u16,
    next: u32,
}

/// Nodes, edges and operations.
#[derive(Debug)]
pub(super) struct Automaton {
    nodes: Vec<Node>,
    /// Of each node.
    origins: Vec<Origin>,
    numbers: HashTable<u32>,
    blocks: Vec<[u8; BLOCK]>,
    /// Where blocks of literals that were forgotten begin, by how many belong together.
    free: [Vec<u32>; LONGEST],
    pub(super) chains: Vec<Chain>,
    pub(super) keys: Vec<Box<str>>,
    /// Bytes of their texts.
    key_bytes: usize,
    key_numbers: HashTable<u32>,
    pub(super) operations: Vec<Operation>,
    pub(super) operation_ids: HashMap<Box<str>, OperationId>,
    /// Operations by a hash of their names; of several the last.
    pub(super) places: Box<[OperationId; PLACES]>,
    /// The operation that was seen last.
    pub(super) last: OperationId,
    hasher: DefaultHashBuilder,
    is_full: bool,
}

impl Automaton {
    pub(super) fn new() -> Self {
        let (operation, hole, place, key) = (OperationId::OTHER, Hole::End, Place::BEFORE, 0);
        let other = Operation { block: [0; BLOCK], ..Operation::new("") };
        Self {
            nodes: vec![Node::new(hole, Want::Nothing); 2],
            origins: vec![Origin { operation, hole, place, key }; 2],
            numbers: HashTable::new(),
            blocks: Vec::new(),
            free: Default::default(),
            chains: Vec::new(),
            keys: Vec::new(),
            key_bytes: 0,
            key_numbers: HashTable::new(),
            operations: vec![other],
            operation_ids: HashMap::new(),
            places: Box::new([OperationId::OTHER; PLACES]),
            last: OperationId::OTHER,
            hasher: DefaultHashBuilder::default(),
            is_full: false,
        }
    }

    /// Number of nodes that were learned.
    pub(super) fn len(&self) -> usize {
        self.nodes.len() - 2
    }

    /// Bytes that it takes, about: names of operations are few and short.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.places)
            + self.nodes.capacity() * size_of::<Node>()
            + self.origins.capacity() * size_of::<Origin>()
            + self.blocks.capacity() * BLOCK
            + self.free.iter().map(|free| free.capacity() * size_of::<u32>()).sum::<usize>()
            + self.chains.capacity() * size_of::<Chain>()
            + self.keys.capacity() * size_of::<Box<str>>()
            + self.key_bytes
            + self.operations.capacity() * size_of::<Operation>()
            + self.numbers.allocation_size()
            + self.key_numbers.allocation_size()
            + self.operation_ids.allocation_size()
    }

    /// Whether something could not be remembered for want of space.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    #[inline(always)]
    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    #[inline(always)]
    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    pub(super) fn origin(&self, id: NodeId) -> Origin {
        self.origins[id.0 as usize]
    }

    /// A key's text.
    pub(super) fn key(&self, number: u32) -> &str {
        &self.keys[number as usize]
    }

    /// An operation's name, unless it is one of the others.
    pub(super) fn name(&self, operation: OperationId) -> &str {
        &self.operations[usize::from(operation.0)].name
    }

    /// If a literal that was seen here is at `at`: where it ends, what fields begin in it, and the
    /// node of the hole.
    #[inline(always)]
    pub(super) fn follow(
        &self,
        reader: Reader<'_, impl Lanes>,
        at: usize,
        from: &Node,
    ) -> Option<(usize, u16, NodeId)> {
        // The first literal mostly is the one, and short.
        let [edge, ..] = &from.edges;
        let len = usize::from(edge.len);
        if (1..=BLOCK).contains(&len)
            && let Some(text) = reader.block(at)
            && let Some(literal) = self.blocks.get(edge.first_block as usize)
            && reader.lanes.agree(text, literal, len)
        {
            return Some((at + len, edge.fields, NodeId(edge.next)));
        }
        self.follow_any(reader.text, at, from)
    }

    /// The same behind the text at `at`, with where that ends, if it is as long as it was before and
    /// the first literal comes then: both are looked at together, so that one branch depends on them.
    #[inline(always)]
    pub(super) fn follow_text(
        &self,
        reader: Reader<'_, impl Lanes>,
        at: usize,
        from: &Node,
    ) -> Option<(usize, (usize, u16, NodeId))> {
        let ([edge, ..], text) = (&from.edges, reader.blocks(at)?);
        let (len, literal_len) = (from.usual.len(), usize::from(edge.len));
        let literal = self.blocks.get(edge.first_block as usize)?;
        let is_usual = from.usual.is_first(reader.lanes.ends(text.first_chunk()?));
        let behind = text[len..].first_chunk()?;
        // The literal begins with the quote that ends the text.
        let is_known = (1..=BLOCK).contains(&literal_len)
            && is_usual & reader.lanes.agree(behind, literal, literal_len);
        let end = at + len;
        is_known.then_some((end, (end + literal_len, edge.fields, NodeId(edge.next))))
    }

    #[inline(never)]
    fn follow_any(&self, text: &[u8], at: usize, from: &Node) -> Option<(usize, u16, NodeId)> {
        let rest = text.get(at..)?;
        let here = from.edges.iter().take_while(|edge| edge.len > 0).find(|edge| {
            let literal = self.blocks[edge.first_block as usize..].as_flattened();
            rest.starts_with(&literal[..usize::from(edge.len)])
        })?;
        Some((at + usize::from(here.len), here.fields, NodeId(here.next)))
    }

    /// The node of a hole, a new one if it is new; `wants` is asked for a new one of an operation.
    pub(super) fn node_of(
        &mut self,
        operation: OperationId,
        (hole, place, key): (Hole, Place, &[u8]),
        wants: impl FnOnce(&mut Operation, &str) -> Want,
    ) -> Option<NodeId> {
        if hole == Hole::End {
            return Some(NodeId::END);
        }
        let key = self.key_number(key)?;
        let origin = Origin { operation, hole, place, key };
        let hash = self.hasher.hash_one(origin);
        let Self { nodes, origins, numbers, keys, operations, hasher, .. } = self;
        let same = |&number: &u32| origins[number as usize] == origin;
        if let Some(&number) = numbers.find(hash, same) {
            return Some(NodeId(number));
        }
        if nodes.len() == NODES {
            self.is_full = true;
            return None;
        }
        let number = nodes.len() as u32;
        let want = match operation {
            OperationId::OTHER => Want::ByName,
            own => wants(&mut operations[usize::from(own.0)], &keys[key as usize]),
        };
        nodes.push(Node::new(hole, want));
        origins.push(origin);
        numbers.insert_unique(hash, number, |&number| hasher.hash_one(origins[number as usize]));
        Some(NodeId(number))
    }

    /// Remembers a literal between two nodes.
    pub(super) fn learn(&mut self, from: NodeId, literal: &[u8], fields: u16, to: NodeId) {
        let blocks = literal.len().div_ceil(BLOCK);
        if !(1..=LONGEST).contains(&blocks) || self.is_full {
            return;
        }
        let edges = &mut self.nodes[from.0 as usize].edges;
        // What was seen first is what is seen most; the last place is for whatever was seen last.
        let place = edges.iter().position(|edge| edge.len == 0).unwrap_or(EDGES - 1);
        let before = std::mem::take(&mut edges[place]);
        if before.len > 0 {
            self.free[usize::from(before.len).div_ceil(BLOCK) - 1].push(before.first_block);
        }
        let Some(first_block) = self.room(blocks) else {
            self.is_full = true;
            return;
        };
        let edge = Edge { first_block, len: literal.len() as u16, fields, next: to.0 };
        self.nodes[from.0 as usize].edges[place] = edge;
        for (part, block) in literal.chunks(BLOCK).zip(&mut self.blocks[first_block as usize..]) {
            block[..part.len()].copy_from_slice(part);
            block[part.len()..].fill(0);
        }
    }

    /// The first of so many blocks, if there is room for them.
    fn room(&mut self, blocks: usize) -> Option<u32> {
        let free = self.free[blocks - 1].pop();
        free.or_else(|| {
            let first = self.blocks.len();
            (first + blocks <= BLOCKS).then(|| {
                self.blocks.resize(first + blocks, [0; BLOCK]);
                first as u32
            })
        })
    }

    fn key_number(&mut self, key: &[u8]) -> Option<u32> {
        let Self { keys, key_bytes, key_numbers, hasher, .. } = self;
        let hash = hasher.hash_one(key);
        let same = |&number: &u32| keys[number as usize].as_bytes() == key;
        if let Some(&number) = key_numbers.find(hash, same) {
            return Some(number);
        }
        if keys.len() == NODES || key.len() > LONGEST * BLOCK {
            self.is_full |= keys.len() == NODES;
            return None;
        }
        let number = keys.len() as u32;
        keys.push(std::str::from_utf8(key).ok()?.into());
        *key_bytes += key.len();
        key_numbers.insert_unique(hash, number, |&number| {
            hasher.hash_one(keys[number as usize].as_bytes())
        });
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::Portable;
    use super::super::place::Level;
    use super::*;

    #[test]
    fn a_node_is_a_cache_line() {
        assert_eq!(size_of::<Node>(), 64);
    }

    /// The node of an attribute's value under this key.
    fn node(automaton: &mut Automaton, key: &str) -> NodeId {
        let hole = (Hole::Bool, Place::at(Level::Attribute, false), key.as_bytes());
        let node = automaton.node_of(OperationId::OTHER, hole, |_, _| Want::Nothing);
        node.expect("there is space for a few")
    }

    #[test]
    fn literals_that_are_forgotten_leave_their_room_to_others() {
        let mut automaton = Automaton::new();
        let (from, to) = (NodeId::BEFORE, node(&mut automaton, "k"));
        // One and two blocks in turns, for longer than there would be room.
        let literal = |number: usize| format!("{number}{}", "x".repeat(BLOCK * (number % 2)));
        for number in 0..2 * BLOCKS {
            automaton.learn(from, literal(number).as_bytes(), 0, to);
        }
        assert!(!automaton.is_full() && automaton.blocks.len() < 2 * EDGES + 2);
        let reader = |text: &str| format!("{text:\0<256}");
        for number in [0, 1, 2, 2 * BLOCKS - 1] {
            let text = reader(&literal(number));
            let reader = Reader { lanes: Portable, text: text.as_bytes() };
            let found = automaton.follow(reader, 0, automaton.node(from));
            assert_eq!(found, Some((literal(number).len(), 0, to)), "{number}");
        }
    }

    #[test]
    fn texts_of_keys_are_counted() {
        let bytes = |length: usize| {
            let mut automaton = Automaton::new();
            for number in 0..1000 {
                node(&mut automaton, &format!("{number:0length$}"));
            }
            automaton.bytes()
        };
        assert_eq!(bytes(200) - bytes(100), 100 * 1000);
    }
}
