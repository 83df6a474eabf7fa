//! Several literals at once, with holes of fixed lengths between them: ids and times of a span are
//! as long in every span of an exporter, so what is around them is compared in one go.

use ir::module::KINDS;

use super::super::span::in_range;
use super::automaton::{Automaton, Node, NodeId};
use super::holes::Reader;
use super::lanes::{BLOCK, Lanes, Portable};
use super::place::Hole;
use super::span::{Found, Spans};

/// Most chains: half a MiB.
const CHAINS: usize = 1 << 10;
/// Longest chain, in blocks.
const BLOCKS: usize = 4;
/// Most holes of a chain.
const HOLES: usize = 6;
/// Fewest holes that are worth a chain.
const WORTH: usize = 2;
/// How often the text after a node is looked at for a longer chain.
pub(super) const TRIES: u8 = 8;

/// Literals after a node, and the holes between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    blocks: [Template; BLOCKS],
    len: u16,
    fields: u16,
    next: NodeId,
    holes: [(Hole, u8); HOLES],
    count: u8,
}

/// A block of a chain; what is not of a literal is marked in `holes` by bytes of ones.
#[derive(Clone, Copy, Debug)]
struct Template {
    literal: [u8; BLOCK],
    holes: [u8; BLOCK],
}

impl Chain {
    fn new() -> Self {
        let empty = Template { literal: [0; BLOCK], holes: [!0; BLOCK] };
        let holes = [(Hole::End, 0); HOLES];
        Self { blocks: [empty; BLOCKS], len: 0, fields: 0, next: NodeId::END, holes, count: 0 }
    }

    /// Adds a literal, which may not fit.
    fn extend(&mut self, from: usize, literal: &[u8]) -> Option<()> {
        if from + literal.len() > BLOCKS * BLOCK {
            return None;
        }
        for (at, byte) in (from..).zip(literal) {
            let block = &mut self.blocks[at / BLOCK];
            (block.literal[at % BLOCK], block.holes[at % BLOCK]) = (*byte, 0);
        }
        self.len = (from + literal.len()) as u16;
        Some(())
    }

    /// The holes, each with its place in the chain.
    #[inline(always)]
    fn holes(&self) -> &[(Hole, u8)] {
        &self.holes[..usize::from(self.count)]
    }

    /// The place behind it, the fields that begin in it, and the node of the hole there.
    #[inline(always)]
    fn end(&self, at: usize) -> (usize, u16, NodeId) {
        (at + usize::from(self.len), self.fields, self.next)
    }

    /// Whether the literals are at `at`. `false` near the end of the text, too.
    #[inline(always)]
    fn is_at(&self, reader: Reader<'_, impl Lanes>, at: usize) -> bool {
        let Some(text) = reader.text.get(at..) else { return false };
        let (text, _) = text.as_chunks::<BLOCK>();
        let count = usize::from(self.len).div_ceil(BLOCK);
        let Some(text) = text.get(..count) else { return false };
        text.iter()
            .zip(&self.blocks)
            .all(|(text, Template { literal, holes })| reader.lanes.fits(text, literal, holes))
    }
}

/// How long a hole is, if it is as long in almost all spans.
#[inline(always)]
fn fixed_len(hole: Hole) -> Option<usize> {
    match hole {
        Hole::TraceId => Some(32),
        Hole::SpanId | Hole::ParentId => Some(16),
        Hole::StartText | Hole::EndText => Some(19),
        Hole::KindNumber => Some(1),
        _ => None,
    }
}

impl Spans {
    /// Reads the holes of the chain after `node` and gives its end, if it is there. Where not, those
    /// holes are read again, one by one.
    #[inline(always)]
    pub(super) fn chain(
        &mut self,
        reader: Reader<'_, impl Lanes>,
        at: usize,
        node: NodeId,
        found: &mut Found,
    ) -> Option<(usize, u16, NodeId)> {
        let &Node { chain, tries, .. } = self.automaton.node(node);
        if tries > 0 {
            self.automaton.learn_chain(reader.text, at, node);
        }
        let chain = &self.automaton.chains[usize::from(chain.checked_sub(1)?)];
        if !chain.is_at(reader, at) {
            return None;
        }
        for &(hole, place) in chain.holes() {
            let begin = at + usize::from(place);
            let end;
            match hole {
                Hole::TraceId => (found.trace_id, end) = reader.trace_id(begin)?,
                Hole::SpanId => {
                    (found.span_id, end) = reader.span_id(begin).filter(|(id, _)| *id != 0)?;
                }
                Hole::ParentId => (found.parent_id, end) = reader.span_id(begin)?,
                Hole::StartText => {
                    (found.start, end) = reader.unsigned_text(begin).filter(|(at, _)| *at != 0)?;
                }
                Hole::EndText => (found.end, end) = reader.unsigned_text(begin)?,
                _ => {
                    let digit = reader.text.get(begin).filter(|byte| byte.is_ascii_digit())?;
                    (found.kind, end) = (in_range(u64::from(digit - b'0'), &KINDS), begin + 1);
                }
            }
            if fixed_len(hole) != Some(end - begin) {
                return None;
            }
        }
        Some(chain.end(at))
    }
}

impl Automaton {
    /// Looks which chain is at `at`, and keeps it if it is longer than the one that is known.
    #[cold]
    #[inline(never)]
    pub(super) fn learn_chain(&mut self, text: &[u8], at: usize, from: NodeId) {
        self.node_mut(from).tries -= 1;
        let first = self.follow(Reader { lanes: Portable, text }, at, from);
        if first.is_none_or(|(.., next)| fixed_len(self.node(next).hole).is_none()) {
            return;
        }
        let chain = self.chain_at(text, at, from);
        let known = usize::from(self.node(from).chain);
        let count = known.checked_sub(1).map_or(0, |known| self.chains[known].holes().len());
        if chain.holes().len() <= count.max(WORTH - 1) {
            return;
        }
        if known > 0 {
            self.chains[known - 1] = chain;
        } else if self.chains.len() < CHAINS {
            self.chains.push(chain);
            self.node_mut(from).chain = self.chains.len() as u16;
        }
    }

    /// The longest chain at `at` of which all literals are known.
    fn chain_at(&self, text: &[u8], at: usize, mut node: NodeId) -> Chain {
        let reader = Reader { lanes: Portable, text };
        let mut chain = Chain::new();
        let (mut from, mut hole) = (at, None);
        while let Some((begin, fields, next)) = self.follow(reader, from, node) {
            let is_once = chain.fields & fields == 0;
            if !is_once || chain.extend(from - at, &text[from..begin]).is_none() {
                break;
            }
            (chain.fields, chain.next) = (chain.fields | fields, next);
            if let Some(hole) = hole {
                chain.holes[usize::from(chain.count)] = hole;
                chain.count += 1;
            }
            let next_hole = self.node(next).hole;
            let Some(len) = fixed_len(next_hole) else { break };
            let place = u8::try_from(begin - at);
            let (Ok(place), true) = (place, chain.holes().len() < HOLES) else { break };
            hole = Some((next_hole, place));
            (from, node) = (begin + len, next);
        }
        chain
    }
}
