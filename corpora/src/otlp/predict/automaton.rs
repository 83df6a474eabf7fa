//! What the recognizer remembers: after which hole which literal was seen, and which hole then
//! came. It only ever repeats what [`step`](super::step::step) found, so forgetting or not learning
//! costs time and nothing else; all of it is bounded.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use super::chain::{Chain, TRIES};
use super::holes::{Reader, Usual};
use super::lanes::{BLOCK, Lanes};
use super::operations::{Operation, OperationId, PLACES};
use super::place::{Hole, Place};
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

/// A hole as part of the spans of an operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    edges: [Edge; EDGES],
    pub(super) place: Place,
    pub(super) hole: Hole,
    /// What the sink wants of the value; of the other operations, it may want all.
    pub(super) want: Want,
    pub(super) operation: OperationId,
    /// Number of the key.
    pub(super) key: u32,
    /// Of the value, if it is a text.
    pub(super) usual: Usual,
    /// One more than the number of the chain after it; 0 for none.
    pub(super) chain: u16,
    /// How often a longer one is still looked for.
    pub(super) tries: u8,
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
    numbers: HashTable<u32>,
    blocks: Vec<[u8; BLOCK]>,
    pub(super) chains: Vec<Chain>,
    pub(super) keys: Vec<Box<str>>,
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
        let node = |hole| Node {
            edges: [Edge::default(); EDGES],
            place: Place::BEFORE,
            hole,
            want: Want::Nothing,
            operation: OperationId::OTHER,
            key: 0,
            usual: Usual::default(),
            chain: 0,
            tries: TRIES,
        };
        let other = Operation { block: [0; BLOCK], ..Operation::new("") };
        Self {
            nodes: vec![node(Hole::End), node(Hole::End)],
            numbers: HashTable::new(),
            blocks: Vec::new(),
            chains: Vec::new(),
            keys: Vec::new(),
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

    /// Bytes that it takes, about: texts of keys and names are short.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.places)
            + self.nodes.capacity() * size_of::<Node>()
            + self.blocks.capacity() * BLOCK
            + self.chains.capacity() * size_of::<Chain>()
            + self.keys.capacity() * size_of::<Box<str>>()
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

    /// A key's text.
    pub(super) fn key(&self, number: u32) -> &str {
        &self.keys[number as usize]
    }

    /// An operation's name, unless it is one of the others.
    pub(super) fn name(&self, operation: OperationId) -> &str {
        &self.operations[usize::from(operation.0)].name
    }

    /// The sink's number of an operation, if it was set; the others have none in common.
    pub(super) fn number(&self, operation: OperationId) -> Option<u32> {
        self.operations[usize::from(operation.0)].number
    }

    /// Remembers the sink's number of an operation.
    pub(super) fn set_number(&mut self, operation: OperationId, number: u32) {
        if operation != OperationId::OTHER {
            self.operations[usize::from(operation.0)].number = Some(number);
        }
    }

    /// If a literal that was seen here is at `at`: where it ends, what fields begin in it, and the
    /// node of the hole.
    #[inline(always)]
    pub(super) fn follow(
        &self,
        reader: Reader<'_, impl Lanes>,
        at: usize,
        from: NodeId,
    ) -> Option<(usize, u16, NodeId)> {
        for edge in &self.node(from).edges {
            let len = usize::from(edge.len);
            if len == 0 {
                return None;
            }
            let first = edge.first_block as usize;
            let mut is_here = reader.agree(at, &self.blocks[first], len.min(BLOCK));
            let mut passed = BLOCK;
            while is_here && passed < len {
                let block = &self.blocks[first + passed / BLOCK];
                is_here = reader.agree(at + passed, block, BLOCK.min(len - passed));
                passed += BLOCK;
            }
            if is_here {
                return Some((at + len, edge.fields, NodeId(edge.next)));
            }
        }
        None
    }

    /// The node of a hole, a new one if it is new; `wants` is asked for a new one.
    pub(super) fn node_of(
        &mut self,
        operation: OperationId,
        (hole, place, key): (Hole, Place, &[u8]),
        wants: impl FnOnce(&str, &str) -> Want,
    ) -> Option<NodeId> {
        if hole == Hole::End {
            return Some(NodeId::END);
        }
        let key = self.key_number(key)?;
        let hash = self.hasher.hash_one((operation, hole, place, key));
        let Self { nodes, numbers, keys, operations, hasher, .. } = self;
        let same = |&number: &u32| {
            let node = &nodes[number as usize];
            (node.operation, node.hole, node.place, node.key) == (operation, hole, place, key)
        };
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
            own => wants(&operations[usize::from(own.0)].name, &keys[key as usize]),
        };
        let edges = [Edge::default(); EDGES];
        let (usual, chain, tries) = (Usual::default(), 0, TRIES);
        nodes.push(Node { edges, place, hole, want, operation, key, usual, chain, tries });
        numbers.insert_unique(hash, number, |&number| {
            let node = &nodes[number as usize];
            hasher.hash_one((node.operation, node.hole, node.place, node.key))
        });
        Some(NodeId(number))
    }

    /// Remembers a literal between two nodes.
    pub(super) fn learn(&mut self, from: NodeId, literal: &[u8], fields: u16, to: NodeId) {
        let blocks = literal.len().div_ceil(BLOCK);
        if blocks > LONGEST || self.is_full {
            return;
        }
        if self.blocks.len() + blocks > BLOCKS {
            self.is_full = true;
            return;
        }
        let edges = &mut self.nodes[from.0 as usize].edges;
        let (len, first_block) = (literal.len() as u16, self.blocks.len() as u32);
        let edge = Edge { first_block, len, fields, next: to.0 };
        // What was seen first is what is seen most; the last place is for whatever was seen last.
        let free = edges.iter().position(|edge| edge.len == 0).unwrap_or(EDGES - 1);
        edges[free] = edge;
        for part in literal.chunks(BLOCK) {
            let mut block = [0; BLOCK];
            block[..part.len()].copy_from_slice(part);
            self.blocks.push(block);
        }
    }

    fn key_number(&mut self, key: &[u8]) -> Option<u32> {
        let Self { keys, key_numbers, hasher, .. } = self;
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
        key_numbers.insert_unique(hash, number, |&number| {
            hasher.hash_one(keys[number as usize].as_bytes())
        });
        Some(number)
    }
}
