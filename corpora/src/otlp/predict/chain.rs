//! Several literals at once, with holes of fixed lengths between them: ids and times of a span are
//! as long in every span of an exporter, so what is around them is compared in one go.

use ir::module::KINDS;

use super::super::span::in_range;
use super::super::text;
use super::automaton::{Automaton, NodeId};
use super::holes::Reader;
use super::lanes::{LONG, Lanes, Portable};
use super::place::Hole;
use super::span::{Found, Spans};

/// Most chains: half a MiB.
const CHAINS: usize = 1 << 10;
/// Most chains after a node: spans with and without parent differ.
pub(super) const CHOICE: usize = 2;
/// How often the text after a node is looked at for another chain.
pub(super) const TRIES: u8 = 16;

/// Literals after a node, and the holes between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    /// What is not of a literal is marked in `holes` by bytes of ones.
    literals: [u8; LONG],
    holes: [u8; LONG],
    places: Places,
    len: u16,
    fields: u16,
    next: NodeId,
}

/// Where in a chain its holes are; 0 for one that it has not.
#[derive(Clone, Copy, Debug, Default)]
struct Places {
    trace_id: u8,
    span_id: u8,
    parent_id: u8,
    kind: u8,
    start: u8,
    end: u8,
}

impl Places {
    /// Adds a hole, of which the length is returned, if it is as long in almost all spans.
    fn add(&mut self, hole: Hole, at: usize) -> Option<usize> {
        let (place, len) = match hole {
            Hole::TraceId => (&mut self.trace_id, 32),
            Hole::SpanId => (&mut self.span_id, 16),
            Hole::ParentId => (&mut self.parent_id, 16),
            Hole::KindNumber => (&mut self.kind, 1),
            Hole::StartText => (&mut self.start, 19),
            Hole::EndText => (&mut self.end, 19),
            _ => return None,
        };
        *place = u8::try_from(at).ok()?;
        Some(len)
    }

    /// Whether ids are read together, and times, and something is.
    fn are_whole(self) -> bool {
        let Self { trace_id, span_id, parent_id, kind, start, end } = self;
        let ids = (trace_id > 0) == (span_id > 0) && (trace_id > 0 || parent_id == 0);
        let times = (start > 0) == (end > 0) && (start > 0 || kind == 0);
        ids && times && trace_id.max(start) > 0
    }
}

impl Chain {
    fn new() -> Self {
        let (literals, holes, places) = ([0; LONG], [!0; LONG], Places::default());
        Self { literals, holes, places, len: 0, fields: 0, next: NodeId::END }
    }

    /// Adds a literal, which may not fit.
    fn extend(&mut self, from: usize, literal: &[u8]) -> Option<()> {
        let range = from..from + literal.len();
        self.literals.get_mut(range.clone())?.copy_from_slice(literal);
        self.holes[range.clone()].fill(0);
        self.len = range.end as u16;
        Some(())
    }

    /// Reads the holes, if the literals are at `at`; gives the place behind, the fields that begin
    /// in it, and the node of the hole there. `None` near the end of the text, too.
    #[inline(always)]
    fn read(
        &self,
        reader: Reader<'_, impl Lanes>,
        at: usize,
        found: &mut Found,
    ) -> Option<(usize, u16, NodeId)> {
        let text: &[u8; LONG] = reader.text.get(at..at.checked_add(LONG)?)?.first_chunk()?;
        if !reader.lanes.fits(text, &self.literals, &self.holes) {
            return None;
        }
        let Places { trace_id, span_id, parent_id, kind, start, end } = self.places;
        if trace_id > 0 {
            found.trace_id = reader.lanes.hex_32(hole(text, trace_id)?)?;
            let span_id = hole(text, span_id)?;
            let parent = if parent_id > 0 { hole(text, parent_id)? } else { span_id };
            let (span, parent) = reader.lanes.hex_16s(span_id, parent)?;
            found.span_id = span;
            if parent_id > 0 {
                found.parent_id = parent;
            }
            if found.trace_id == 0 || span == 0 {
                return None;
            }
        }
        if start > 0 {
            let (first, last) = (hole::<19>(text, start)?, hole::<19>(text, end)?);
            (found.start, found.end) = times(reader.lanes, first, last)?;
            if found.start == 0 {
                return None;
            }
        }
        if kind > 0 {
            let [kind] = *hole(text, kind)?;
            let digit = kind.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            found.kind = in_range(digit.into(), &KINDS);
        }
        Some((at + usize::from(self.len), self.fields, self.next))
    }
}

/// The text of a hole.
#[inline(always)]
fn hole<const LEN: usize>(text: &[u8; LONG], at: u8) -> Option<&[u8; LEN]> {
    text.get(usize::from(at)..usize::from(at) + LEN)?.first_chunk()
}

/// Two times of 19 digits.
#[inline(always)]
fn times(lanes: impl Lanes, first: &[u8; 19], last: &[u8; 19]) -> Option<(u64, u64)> {
    let ([first @ .., a, b, c], [last @ .., d, e, f]) = (first, last);
    let high = lanes.decimal_16s(first, last)?;
    let low = (text::three_digits([*a, *b, *c])?, text::three_digits([*d, *e, *f])?);
    Some((high.0 * 1000 + low.0, high.1 * 1000 + low.1))
}

impl Spans {
    /// Reads the holes of a chain after `node` and gives its end, if one is there. Where not, those
    /// holes are read again, one by one.
    #[inline(always)]
    pub(super) fn chain(
        &mut self,
        reader: Reader<'_, impl Lanes>,
        at: usize,
        node: NodeId,
        found: &mut Found,
    ) -> Option<(usize, u16, NodeId)> {
        if self.automaton.node(node).ahead > 1 {
            self.automaton.learn_chain(reader.text, at, node);
        }
        let Automaton { chains, .. } = &self.automaton;
        let numbers = self.automaton.node(node).chains.iter();
        let mut known =
            numbers.map_while(|&number| chains.get(usize::from(number).wrapping_sub(1)));
        known.find_map(|chain| chain.read(reader, at, found))
    }
}

impl Automaton {
    /// Looks which chain is at `at`, and keeps it if it is longer than one that is known, or none
    /// is there.
    #[cold]
    #[inline(never)]
    fn learn_chain(&mut self, text: &[u8], at: usize, from: NodeId) {
        if let Some(chain) = self.chain_at(text, at, from) {
            self.keep_chain(Reader { lanes: Portable, text }, at, from, chain);
        }
        let node = self.node_mut(from);
        let tries = node.ahead - 2;
        node.ahead = if tries > 0 || node.chains[0] > 0 { 1 + tries } else { 0 };
    }

    /// Puts a chain before a shorter one that is here, too, or behind all.
    fn keep_chain(&mut self, reader: Reader<'_, Portable>, at: usize, from: NodeId, chain: Chain) {
        let numbers = self.node(from).chains;
        let known = |number: u16| self.chains.get(usize::from(number).wrapping_sub(1));
        let is_shorter = |number: &u16| {
            known(*number).is_none_or(|known| {
                known.len < chain.len && known.read(reader, at, &mut Found::default()).is_some()
            })
        };
        let is_known = |number: &u16| {
            known(*number).is_some_and(|known| {
                known.len >= chain.len && known.read(reader, at, &mut Found::default()).is_some()
            })
        };
        let Some(place) = numbers.iter().position(is_shorter) else { return };
        if numbers.iter().any(is_known) {
            return;
        }
        let mut numbers = numbers;
        numbers[place..].rotate_right(1);
        match usize::from(numbers[place]).checked_sub(1) {
            Some(last) => self.chains[last] = chain,
            None if self.chains.len() < CHAINS => {
                self.chains.push(chain);
                numbers[place] = self.chains.len() as u16;
            }
            None => return,
        }
        self.node_mut(from).chains = numbers;
    }

    /// The longest chain at `at` of which all literals are known.
    fn chain_at(&self, text: &[u8], at: usize, mut node: NodeId) -> Option<Chain> {
        let reader = Reader { lanes: Portable, text };
        let (mut chain, mut whole) = (Chain::new(), None);
        let mut from = at;
        while let Some((begin, fields, next)) = self.follow(reader, from, self.node(node)) {
            let is_once = chain.fields & fields == 0;
            if !is_once || chain.extend(from - at, &text[from..begin]).is_none() {
                break;
            }
            (chain.fields, chain.next) = (chain.fields | fields, next);
            if chain.places.are_whole() {
                whole = Some(chain);
            }
            let Some(len) = chain.places.add(self.node(next).hole, begin - at) else { break };
            (from, node) = (begin + len, next);
        }
        whole
    }
}
