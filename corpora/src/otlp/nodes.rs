//! The tape of the tolerant reader.

use super::tally::Defect;
use super::tape::{Tape, View};

/// Nodes of a text, with the strings in it that are not written as they read. Reused from chunk to
/// chunk.
#[derive(Default)]
pub(super) struct Nodes {
    pub(super) list: Vec<Node>,
    pub(super) unescaped: String,
}

impl Nodes {
    /// Bytes of both.
    pub(super) fn bytes(&self) -> usize {
        self.list.capacity() * size_of::<Node>() + self.unescaped.capacity()
    }

    /// The tape over the text that was scanned.
    pub(super) fn tape<'t>(&'t self, text: &'t [u8]) -> TolerantTape<'t> {
        TolerantTape { nodes: &self.list, unescaped: &self.unescaped, text }
    }
}

/// A value, or what stands in place of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// Where in the text it begins.
    pub(super) offset: u32,
    pub(super) kind: NodeKind,
    /// Of a container: whether the grammar held directly inside of it.
    pub(super) sound: bool,
    /// Of a container the number of items or entries, of others where their text begins.
    pub(super) first: u32,
    /// Of a container the next index, of others where their text ends.
    pub(super) last: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeKind {
    Object,
    Array,
    /// A string that is in the text as it reads.
    Plain,
    /// A string in `unescaped`.
    Unescaped,
    /// A string that the grammar allows and Unicode does not; counted only if it is needed.
    Undecodable,
    Number,
    True,
    False,
    Null,
    /// Anything else; counted.
    Bad,
}

/// Nodes with what they point into.
#[derive(Clone, Copy)]
pub(super) struct TolerantTape<'t> {
    nodes: &'t [Node],
    unescaped: &'t str,
    text: &'t [u8],
}

impl TolerantTape<'_> {
    /// Number of nodes.
    pub(super) fn len(self) -> usize {
        self.nodes.len()
    }
}

impl<'t> Tape<'t> for TolerantTape<'t> {
    fn view(self, at: usize) -> View<'t> {
        let node = self.nodes[at];
        let range = node.first as usize..node.last as usize;
        match node.kind {
            NodeKind::Object => View::Object(node.first as usize),
            NodeKind::Array => View::Array(node.first as usize),
            NodeKind::Plain => match std::str::from_utf8(&self.text[range]) {
                Ok(text) => View::Text(text),
                Err(_) => View::Bad(Some(Defect::String)),
            },
            NodeKind::Unescaped => View::Text(&self.unescaped[range]),
            NodeKind::Undecodable => View::Bad(Some(Defect::String)),
            NodeKind::Number => number(&self.text[range]),
            NodeKind::True => View::Bool(true),
            NodeKind::False => View::Bool(false),
            NodeKind::Null => View::Null,
            NodeKind::Bad => View::Bad(None),
        }
    }

    fn next(self, at: usize) -> usize {
        let node = self.nodes[at];
        match node.kind {
            NodeKind::Object | NodeKind::Array => node.last as usize,
            _ => at + 1,
        }
    }

    fn offset(self, at: usize) -> usize {
        self.nodes[at].offset as usize
    }

    fn sound(self, at: usize) -> bool {
        self.nodes[at].sound
    }
}

/// What a text that is a number by the grammar says.
fn number<'t>(text: &[u8]) -> View<'t> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    if let Ok(int) = text.parse() {
        return View::Int(int);
    }
    if let Ok(int) = text.parse() {
        return View::Unsigned(int);
    }
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() => View::Float(float),
        _ => View::Bad(Some(Defect::Number)),
    }
}
