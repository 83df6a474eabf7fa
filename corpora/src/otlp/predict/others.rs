//! Holes that are read apart from those that almost every span has, so that these are read by as
//! little code as can be.

use ir::module::{KINDS, STATUSES};

use super::super::span::{in_range, named};
use super::automaton::{Node, NodeId};
use super::holes::Reader;
use super::lanes::{Lanes, Work};
use super::place::Hole;
use super::span::{Found, Spans};
use crate::build::{Known, Want};

impl Spans {
    /// Reads what is not read at once; gives where it ends.
    #[inline(always)]
    pub(super) fn other(
        &mut self,
        reader: Reader<'_, impl Lanes>,
        at: usize,
        node: NodeId,
        found: &mut Found,
    ) -> Option<usize> {
        reader.lanes.run(Other { spans: self, text: reader.text, at, node, found })
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
            Hole::Message => (found.message, end) = reader.string(at, Some(&mut self.unescaped))?,
            Hole::OtherText => (_, end) = reader.string(at, None)?,
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
        let Node { want, usual, .. } = self.automaton.node_mut(node);
        let want = *want;
        let wanted = want != Want::Nothing;
        let (scalar, end) = match hole {
            Hole::Text => {
                let unescaped = wanted.then_some(&mut self.unescaped);
                let (text, end) = reader.string_as(at, usual, unescaped)?;
                self.keep_text(text, want, node);
                return Some(end);
            }
            Hole::IntText => {
                let (int, end) = reader.int_text(at, usual)?;
                (Known::Int(int), end)
            }
            Hole::Int => {
                let (int, end) = reader.int(at)?;
                (Known::Int(int), end)
            }
            Hole::Double => {
                let end = reader.number(at)?;
                if !wanted {
                    return Some(end);
                }
                (Known::Float(reader.double(at, end)?), end)
            }
            Hole::Bool => {
                let (bool, end) = reader.bool(at)?;
                (Known::Bool(bool), end)
            }
            Hole::Empty => (Known::Empty, at),
            // Its canonical text is the strict reader's to make.
            _ if wanted => return None,
            Hole::Bytes => return reader.bytes(at),
            _ => return reader.composite(at),
        };
        self.keep(scalar, want, node);
        Some(end)
    }
}

struct Other<'o> {
    spans: &'o mut Spans,
    text: &'o [u8],
    at: usize,
    node: NodeId,
    found: &'o mut Found,
}

impl Work for Other<'_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Option<usize> {
        let Self { spans, text, at, node, found } = self;
        let reader = Reader { lanes, text };
        match spans.automaton.node(node).hole {
            hole @ (Hole::Text
            | Hole::IntText
            | Hole::Int
            | Hole::Double
            | Hole::Bool
            | Hole::Empty
            | Hole::Composite
            | Hole::Bytes) => spans.value(reader, at, hole, node),
            hole => spans.field(reader, at, hole, found),
        }
    }
}
