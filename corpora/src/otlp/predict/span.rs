//! Spans without a tape: from the text to a [`Found`] span, and from that to the sink.

use ir::Value as OwnedValue;
use ir::module::{KINDS, STATUSES};

use super::super::SpanSink;
use super::super::span::{in_range, named};
use super::automaton::{Automaton, NodeId, OperationId};
use super::holes::{Piece, Reader};
use super::lanes::Lanes;
use super::place::{Hole, fields};
use super::step::step;
use crate::build::{AttributeValue, ScalarRef, SpanRecord, Want};

/// Fields without which a span is left to the strict reader.
const NEEDED: u16 = fields::TRACE_ID | fields::SPAN_ID | fields::START;
/// How far ahead of a span text is brought into the cache, and how much.
const AHEAD: usize = 3072;
const LINES: usize = 8;
const LINE: usize = 64;

/// A span that was understood. Strings are still in the text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    trace_id: u128,
    span_id: u64,
    parent_id: u64,
    start: u64,
    end: u64,
    /// The name, where the operation has none.
    name: Piece,
    message: Piece,
    flags: u32,
    /// Which list of the document it is in.
    list: u32,
    /// Its attributes among those of the document.
    values: (u32, u32),
    operation: OperationId,
    kind: u8,
    status: u8,
}

/// An attribute that the sink wants.
#[derive(Clone, Copy, Debug)]
struct Value {
    /// The recognizer's number of the key, and the sink's.
    key: u32,
    sinks_key: Option<u32>,
    scalar: Scalar,
}

#[derive(Clone, Copy, Debug)]
enum Scalar {
    Empty,
    Text(Piece),
    Int(i64),
    Double(f64),
    Bool(bool),
}

/// Understands the spans of a document at a time.
#[derive(Debug)]
pub(super) struct Spans {
    automaton: Automaton,
    /// Attributes of all spans of the document.
    values: Vec<Value>,
    /// Strings of the document that are not in it as they read.
    unescaped: String,
}

impl Spans {
    pub(super) fn new() -> Self {
        Self { automaton: Automaton::new(), values: Vec::new(), unescaped: String::new() }
    }

    /// How many holes it remembers.
    pub(super) fn learned(&self) -> u64 {
        self.automaton.len() as u64
    }

    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        self.automaton.bytes()
            + self.values.capacity() * size_of::<Value>()
            + self.unescaped.capacity()
    }

    /// Forgets the document before.
    pub(super) fn begin(&mut self) {
        super::begin(&mut self.values);
        self.unescaped.clear();
        self.unescaped.shrink_to(super::KEPT);
    }

    /// Forgets all that was learned if there is no space to learn more; says whether it did. Not
    /// to be called before the spans of a document were added.
    pub(super) fn restart_if_full(&mut self) -> bool {
        let is_full = self.automaton.is_full();
        if is_full {
            self.automaton = Automaton::new();
        }
        is_full
    }

    /// Understands the span at `at`, and gives its end.
    #[inline(always)]
    pub(super) fn span(
        &mut self,
        lanes: impl Lanes,
        text: &[u8],
        at: usize,
        list: u32,
        sink: &impl SpanSink,
    ) -> Option<(Found, usize)> {
        for line in 0..LINES {
            lanes.fetch(&text[at..], AHEAD + line * LINE);
        }
        let first = self.values.len();
        let mut found = Found { list, ..Found::default() };
        let end = self.understand(Reader { lanes, text }, at, &mut found, sink);
        if end.is_none() {
            self.values.truncate(first);
        }
        found.values = (first as u32, self.values.len() as u32);
        Some((found, end?))
    }

    #[inline(always)]
    fn understand(
        &mut self,
        reader: Reader<'_, impl Lanes>,
        mut at: usize,
        found: &mut Found,
        sink: &impl SpanSink,
    ) -> Option<usize> {
        let mut node = NodeId::BEFORE;
        let mut seen = 0;
        loop {
            let (begin, fields, next) = match self.automaton.follow(reader, at, node) {
                Some(known) => known,
                None => self.discover(reader.text, at, node, sink)?,
            };
            // Of a key that comes twice the strict reader knows which counts.
            if seen & fields != 0 {
                return None;
            }
            seen |= fields;
            if next == NodeId::END {
                return (seen & NEEDED == NEEDED).then_some(begin);
            }
            node = next;
            at = match self.automaton.node(next).hole {
                Hole::Name => {
                    let end = self.name(reader, begin, found)?;
                    node = self.automaton.after_name(next, found.operation);
                    end
                }
                hole @ (Hole::Text
                | Hole::IntText
                | Hole::Int
                | Hole::Double
                | Hole::Bool
                | Hole::Empty
                | Hole::Composite) => self.value(reader, begin, hole, next)?,
                hole => self.field(reader, begin, hole, found)?,
            };
        }
    }

    /// Takes a step that was not seen before, and remembers it.
    #[cold]
    #[inline(never)]
    fn discover(
        &mut self,
        text: &[u8],
        at: usize,
        from: NodeId,
        sink: &impl SpanSink,
    ) -> Option<(usize, u16, NodeId)> {
        let node = *self.automaton.node(from);
        let step = step(text, at, node.place)?;
        let hole = (step.hole, step.place, step.key);
        let to = self
            .automaton
            .node_of(node.operation, hole, |operation, key| sink.wants(operation, key))?;
        self.automaton.learn(from, &text[at..step.at], step.fields, to);
        Some((step.at, step.fields, to))
    }

    #[inline(always)]
    fn name(
        &mut self,
        reader: Reader<'_, impl Lanes>,
        at: usize,
        found: &mut Found,
    ) -> Option<usize> {
        if let Some((operation, end)) = self.automaton.operation_at(reader, at) {
            found.operation = operation;
            return Some(end);
        }
        let (name, end) = reader.string(at, &mut self.unescaped)?;
        found.name = name;
        found.operation = self.automaton.operation(name.get(reader.text, &self.unescaped));
        Some(end)
    }

    /// Reads a hole in the span itself; gives where it ends.
    #[inline(always)]
    fn field(
        &mut self,
        reader: Reader<'_, impl Lanes>,
        at: usize,
        hole: Hole,
        found: &mut Found,
    ) -> Option<usize> {
        let end;
        match hole {
            Hole::TraceId => (found.trace_id, end) = reader.trace_id(at)?,
            Hole::SpanId => {
                (found.span_id, end) = reader.span_id(at).filter(|(id, _)| *id != 0)?;
            }
            Hole::ParentId => (found.parent_id, end) = reader.span_id(at)?,
            Hole::StartText => {
                (found.start, end) = reader.unsigned_text(at).filter(|(time, _)| *time != 0)?;
            }
            Hole::StartNumber => {
                (found.start, end) = reader.unsigned(at).filter(|(time, _)| *time != 0)?;
            }
            Hole::EndText => (found.end, end) = reader.unsigned_text(at)?,
            Hole::EndNumber => (found.end, end) = reader.unsigned(at)?,
            Hole::KindNumber => {
                let (number, after) = reader.unsigned(at)?;
                (found.kind, end) = (in_range(number, &KINDS), after);
            }
            Hole::CodeNumber => {
                let (number, after) = reader.unsigned(at)?;
                (found.status, end) = (in_range(number, &STATUSES), after);
            }
            Hole::KindText => {
                let (number, after) = reader.read_plain(at, |t| named(t, "SPAN_KIND_", &KINDS))?;
                (found.kind, end) = (in_range(number, &KINDS), after);
            }
            Hole::CodeText => {
                let (number, after) =
                    reader.read_plain(at, |t| named(t, "STATUS_CODE_", &STATUSES))?;
                (found.status, end) = (in_range(number, &STATUSES), after);
            }
            Hole::Flags => {
                let (number, after) = reader.unsigned(at)?;
                (found.flags, end) = (u32::try_from(number).ok()?, after);
            }
            Hole::Message => (found.message, end) = reader.string(at, &mut self.unescaped)?,
            Hole::OtherText => {
                let kept = self.unescaped.len();
                (_, end) = reader.string(at, &mut self.unescaped)?;
                self.unescaped.truncate(kept);
            }
            Hole::OtherNumber => {
                let whole = || reader.unsigned(at).map(|(_, end)| end);
                end = reader.number(at).or_else(whole)?;
            }
            _ => return None,
        }
        Some(end)
    }

    /// Reads an attribute's value and keeps it if it is wanted; gives where it ends.
    #[inline(always)]
    fn value(
        &mut self,
        reader: Reader<'_, impl Lanes>,
        at: usize,
        hole: Hole,
        node: NodeId,
    ) -> Option<usize> {
        let (want, key) = {
            let node = self.automaton.node(node);
            (node.want, node.key)
        };
        let wanted = want != Want::Nothing;
        let (scalar, end) = match hole {
            Hole::Text => {
                let kept = self.unescaped.len();
                let (text, end) = reader.string(at, &mut self.unescaped)?;
                if !wanted {
                    self.unescaped.truncate(kept);
                }
                (Scalar::Text(text), end)
            }
            Hole::IntText => {
                let (int, end) = reader.int_text(at)?;
                (Scalar::Int(int), end)
            }
            Hole::Int => {
                let (int, end) = reader.int(at)?;
                (Scalar::Int(int), end)
            }
            Hole::Double => {
                let end = reader.number(at)?;
                if !wanted {
                    return Some(end);
                }
                (Scalar::Double(reader.double(at, end)?), end)
            }
            Hole::Bool => {
                let (bool, end) = reader.bool(at)?;
                (Scalar::Bool(bool), end)
            }
            Hole::Empty => (Scalar::Empty, at),
            // Its canonical text is the strict reader's to make.
            _ if wanted => return None,
            _ => return reader.composite(at, &mut self.unescaped),
        };
        if wanted {
            let sinks_key = if let Want::Key(key) = want { Some(key) } else { None };
            self.values.push(Value { key, sinks_key, scalar });
        }
        Some(end)
    }

    fn name_of<'n>(&'n self, text: &'n [u8], found: &Found) -> &'n str {
        match found.operation {
            OperationId::OTHER => found.name.get(text, &self.unescaped),
            operation => self.automaton.name(operation),
        }
    }

    /// Adds a span that was found in `text` and whose list has this owner.
    pub(super) fn add(
        &mut self,
        text: &[u8],
        found: &Found,
        owners: &[(u32, u32)],
        sink: &mut impl SpanSink,
    ) {
        let (resource, scope) = owners[found.list as usize];
        let operation = match self.automaton.number(found.operation) {
            Some(number) => number,
            None => {
                let number = sink.operation(self.name_of(text, found));
                self.automaton.set_number(found.operation, number);
                number
            }
        };
        let record = SpanRecord {
            trace_id: found.trace_id,
            span_id: found.span_id,
            parent_id: found.parent_id,
            name: self.name_of(text, found),
            kind: found.kind,
            status: found.status,
            message: found.message.get(text, &self.unescaped),
            start: found.start,
            end: found.end,
            flags: found.flags,
            resource,
            scope,
            rest: "",
        };
        let values = &self.values[found.values.0 as usize..found.values.1 as usize];
        let attributes = values.iter().map(|value| {
            let scalar = match value.scalar {
                Scalar::Empty => ScalarRef::Empty,
                Scalar::Text(piece) => ScalarRef::Text(piece.get(text, &self.unescaped)),
                Scalar::Int(int) => ScalarRef::Int(int),
                Scalar::Double(double) => ScalarRef::Float(double),
                Scalar::Bool(bool) => ScalarRef::Bool(bool),
            };
            (self.automaton.key(value.key), Known(scalar, value.sinks_key))
        });
        sink.span_of(operation, &record, attributes);
    }
}

/// A value that is not composite, and the number of its key.
#[derive(Clone, Copy)]
struct Known<'t>(ScalarRef<'t>, Option<u32>);

impl<'t> AttributeValue<'t> for Known<'t> {
    #[inline(always)]
    fn scalar(self) -> ScalarRef<'t> {
        self.0
    }

    #[inline(always)]
    fn key(self) -> Option<u32> {
        self.1
    }

    fn to_value(self) -> OwnedValue {
        match self.0 {
            ScalarRef::Empty | ScalarRef::Composite => OwnedValue::Empty,
            ScalarRef::Text(text) => OwnedValue::Text(text.to_owned()),
            ScalarRef::Bool(bool) => OwnedValue::Bool(bool),
            ScalarRef::Int(int) => OwnedValue::Int(int),
            ScalarRef::Float(float) => OwnedValue::Float(float),
        }
    }
}
