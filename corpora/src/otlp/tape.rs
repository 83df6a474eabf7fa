//! Parsed JSON as a flat list of nodes, whichever reader made it: the one shape that the rest of
//! the decoder walks over.

use simd_json::{Node, StaticNode};

use super::tally::Defect;

/// A JSON value, or what a tolerant reader has in place of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum View<'t> {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer above `i64::MAX`, or any that is not negative.
    Unsigned(u64),
    Float(f64),
    Text(&'t str),
    /// With its number of entries; keys and values follow in turn.
    Object(usize),
    /// With its number of items, which follow.
    Array(usize),
    /// Something unreadable; with the defect to count if it is needed, `None` if it is counted.
    Bad(Option<Defect>),
}

/// Nodes in the order of the text, by index; a container comes before what it contains.
pub(super) trait Tape<'t>: Copy {
    /// The node at an index.
    fn view(self, at: usize) -> View<'t>;
    /// The index after the node and all that it contains.
    fn next(self, at: usize) -> usize;
    /// Where in the text the node begins, if known.
    fn offset(self, at: usize) -> usize;
    /// Whether the grammar held directly inside of the container at an index.
    fn sound(self, at: usize) -> bool;
    /// Of the attribute at an index, if that is written as exporters do, the key, then the value, which
    /// is one field, without containers: the name of that field and what it holds. Any tape may give
    /// `None`.
    fn usual_attribute(self, _: usize) -> Option<(&'t str, View<'t>)> {
        None
    }
}

/// Key and index of the value of each entry of an object of `len` entries at `at`; entries with an
/// unreadable key are left out.
#[inline(always)]
pub(super) fn entries<'t, T: Tape<'t>>(
    tape: T,
    at: usize,
    len: usize,
) -> impl Iterator<Item = (&'t str, usize)> {
    let (mut next, mut left) = (at + 1, len);
    std::iter::from_fn(move || {
        while left > 0 {
            left -= 1;
            let value = next + 1;
            let key = tape.view(next);
            next = tape.next(value);
            if let View::Text(key) = key {
                return Some((key, value));
            }
        }
        None
    })
}

/// Indexes of the items of a list of `len` items at `at`.
#[inline(always)]
pub(super) fn items<'t, T: Tape<'t>>(
    tape: T,
    at: usize,
    len: usize,
) -> impl Iterator<Item = usize> {
    let mut next = at + 1;
    (0..len).map(move |_| {
        let item = next;
        next = tape.next(item);
        item
    })
}

impl<'t> View<'t> {
    #[inline(always)]
    fn of(node: Node<'t>) -> Self {
        match node {
            Node::String(text) => View::Text(text),
            Node::Object { len, .. } => View::Object(len),
            Node::Array { len, .. } => View::Array(len),
            Node::Static(StaticNode::Null) => View::Null,
            Node::Static(StaticNode::Bool(bool)) => View::Bool(bool),
            Node::Static(StaticNode::I64(int)) => View::Int(int),
            Node::Static(StaticNode::U64(int)) => View::Unsigned(int),
            Node::Static(StaticNode::F64(float)) => View::Float(float),
        }
    }
}

/// The tape of simd-json.
#[derive(Clone, Copy)]
pub(super) struct StrictTape<'t>(pub(super) &'t [Node<'t>]);

impl<'t> Tape<'t> for StrictTape<'t> {
    #[inline(always)]
    fn view(self, at: usize) -> View<'t> {
        View::of(self.0[at])
    }

    #[inline(always)]
    fn usual_attribute(self, at: usize) -> Option<(&'t str, View<'t>)> {
        match *self.0.get(at..)?.first_chunk()? {
            [
                Node::Object { len: 2, .. },
                Node::String("key"),
                Node::String(_),
                Node::String("value"),
                Node::Object { len: 1, .. },
                Node::String(name),
                value,
            ] => Some((name, View::of(value))),
            _ => None,
        }
    }

    #[inline(always)]
    fn next(self, at: usize) -> usize {
        match self.0[at] {
            Node::Object { count, .. } | Node::Array { count, .. } => at + 1 + count,
            _ => at + 1,
        }
    }

    fn offset(self, _: usize) -> usize {
        0
    }

    #[inline(always)]
    fn sound(self, _: usize) -> bool {
        true
    }
}
