//! Spans without a tape: from the text to a [`Found`] span, and from that to the sink.

use super::super::SpanSink;
use super::automaton::{Automaton, NodeId};
use super::holes::{Piece, Reader};
use super::lanes::Lanes;
use super::operations::OperationId;
use super::place::{Hole, fields};
use super::step::step;
use crate::build::{Known, Want};

/// Fields without which a span is left to the strict reader.
const NEEDED: u16 = fields::TRACE_ID | fields::SPAN_ID | fields::START;
/// How far ahead of a span text is brought into the cache, and how much.
const AHEAD: usize = 3072;
const LINES: usize = 8;
const LINE: usize = 64;

/// A span that was understood, or that is left to the strict reader. Strings are still in the text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    /// 0 for a span that is left, which may not have that.
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    pub(super) parent_id: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    /// The name, where the operation has none.
    pub(super) name: Piece,
    pub(super) message: Piece,
    pub(super) flags: u32,
    /// Which list of the document it is in.
    pub(super) list: u32,
    /// Where its attributes begin among those of the document: those whose keys the sink knows by
    /// number, and those that it does not.
    pub(super) known: u32,
    pub(super) named: u32,
    /// The sink's number of its trace, if it is known.
    pub(super) trace: Option<u32>,
    pub(super) operation: OperationId,
    pub(super) kind: u8,
    pub(super) status: u8,
}

/// A text of a key that the sink knows by number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    /// The place of its value.
    pub(super) place: u32,
    pub(super) key: u32,
    pub(super) piece: Piece,
    pub(super) hash: u64,
    /// What is probably its code.
    pub(super) guess: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar {
    Text(Piece),
    /// Anything else.
    Known(Known),
}

impl Found {
    /// A span of this list that was not looked at yet.
    pub(super) fn new(list: u32) -> Self {
        Self { list, ..Self::default() }
    }

    /// Whether it is left to the strict reader.
    pub(super) fn is_left(&self) -> bool {
        self.trace_id == 0
    }
}

/// Understands the spans of a document at a time.
#[derive(Debug)]
pub(super) struct Spans {
    pub(super) automaton: Automaton,
    /// Attributes of all spans of the document that the sink wants: by its own number of the key,
    pub(super) known: Vec<(u32, Known)>,
    /// the texts among these, whose codes are to be looked up,
    pub(super) texts: Vec<Text>,
    /// and by the recognizer's number of the key.
    pub(super) named: Vec<(u32, Scalar)>,
    /// Steps of the document that were not seen before.
    pub(super) steps: usize,
    /// Strings of the document that are not in it as they read.
    pub(super) unescaped: String,
}

impl Spans {
    pub(super) fn new() -> Self {
        Self {
            automaton: Automaton::new(),
            known: Vec::new(),
            texts: Vec::new(),
            named: Vec::new(),
            steps: 0,
            unescaped: String::new(),
        }
    }

    /// How many holes it remembers.
    pub(super) fn learned(&self) -> u64 {
        self.automaton.len() as u64
    }

    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        self.automaton.bytes()
            + self.known.capacity() * size_of::<(u32, Known)>()
            + self.texts.capacity() * size_of::<Text>()
            + self.named.capacity() * size_of::<(u32, Scalar)>()
            + self.unescaped.capacity()
    }

    /// Forgets the document before.
    pub(super) fn begin(&mut self) {
        super::begin(&mut self.known);
        super::begin(&mut self.texts);
        super::begin(&mut self.named);
        self.unescaped.clear();
        self.steps = 0;
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

    /// Understands the span at `at`, which becomes `found`, and gives its end.
    #[inline(always)]
    pub(super) fn span(
        &mut self,
        lanes: impl Lanes,
        text: &[u8],
        at: usize,
        found: &mut Found,
        sink: &mut impl SpanSink,
    ) -> Option<usize> {
        for line in 0..LINES {
            lanes.fetch(&text[at..], AHEAD + line * LINE);
        }
        let (known, texts, named) = (self.known.len(), self.texts.len(), self.named.len());
        (found.known, found.named) = (known as u32, named as u32);
        let end = self.understand(Reader { lanes, text }, at, found, sink);
        if end.is_none() {
            self.known.truncate(known);
            self.texts.truncate(texts);
            self.named.truncate(named);
            found.trace_id = 0;
        }
        end
    }

    #[inline(always)]
    fn understand(
        &mut self,
        reader: Reader<'_, impl Lanes>,
        mut at: usize,
        found: &mut Found,
        sink: &mut impl SpanSink,
    ) -> Option<usize> {
        let mut node = NodeId::BEFORE;
        let mut seen = 0;
        loop {
            let here = self.automaton.node(node);
            let usual = match here.hole {
                Hole::Text if here.ahead == 0 => self.automaton.follow_text(reader, at, here),
                _ => None,
            };
            let (end, fields, next) = if let Some((end, known)) = usual {
                let want = here.want;
                if want != Want::Nothing {
                    self.keep_text(Piece::of_text(at, end), want, node);
                }
                known
            } else {
                at = self.hole(reader, at, &mut node, found)?;
                let here = self.automaton.node(node);
                let chained =
                    if here.ahead > 0 { self.chain(reader, at, node, found) } else { None };
                let known = match chained {
                    Some(end) => Some(end),
                    None => self.automaton.follow(reader, at, self.automaton.node(node)),
                };
                match known {
                    Some(known) => known,
                    None => self.discover(reader.text, at, node, sink)?,
                }
            };
            // Of a key that comes twice the strict reader knows which counts.
            if seen & fields != 0 {
                return None;
            }
            seen |= fields;
            if next == NodeId::END {
                return (seen & NEEDED == NEEDED).then_some(end);
            }
            (at, node) = (end, next);
        }
    }

    /// Reads the hole at `at`, of which `node` becomes the node after a name that is known; gives its
    /// end.
    #[inline(always)]
    fn hole(
        &mut self,
        reader: Reader<'_, impl Lanes>,
        at: usize,
        node: &mut NodeId,
        found: &mut Found,
    ) -> Option<usize> {
        let here = self.automaton.node_mut(*node);
        let want = here.want;
        Some(match here.hole {
            Hole::Text => {
                let end = at + reader.plain_as(at, &mut here.usual);
                if reader.text.get(end) != Some(&b'"') {
                    return self.other(reader, at, *node, found);
                }
                if want != Want::Nothing {
                    self.keep_text(Piece::of_text(at, end), want, *node);
                }
                end
            }
            Hole::Flags => match reader.few_unsigned(at) {
                Some((flags, end)) => {
                    found.flags = flags as u32;
                    end
                }
                None => self.other(reader, at, *node, found)?,
            },
            Hole::IntText => match reader.few_int_text(at) {
                Some((int, end)) => {
                    self.keep(Known::Int(int), want, *node);
                    end
                }
                None => self.other(reader, at, *node, found)?,
            },
            Hole::Bool => {
                let (bool, end) = reader.bool(at)?;
                self.keep(Known::Bool(bool), want, *node);
                end
            }
            Hole::Name => {
                let end = self.name(reader, at, found)?;
                *node = self.automaton.after_name(*node, found.operation);
                end
            }
            Hole::End => at,
            _ => self.other(reader, at, *node, found)?,
        })
    }

    /// Keeps a value that is no text if it is wanted.
    #[inline(always)]
    pub(super) fn keep(&mut self, value: Known, want: Want, node: NodeId) {
        match want {
            Want::Nothing => {}
            Want::Key(key) => self.known.push((key, value)),
            Want::ByName => {
                let key = self.automaton.origin(node).key;
                self.named.push((key, Scalar::Known(value)));
            }
        }
    }

    /// Keeps a text that is wanted.
    #[inline(always)]
    pub(super) fn keep_text(&mut self, piece: Piece, want: Want, node: NodeId) {
        match want {
            Want::Nothing => {}
            Want::ByName => {
                let key = self.automaton.origin(node).key;
                self.named.push((key, Scalar::Text(piece)));
            }
            Want::Key(key) => {
                let place = self.known.len() as u32;
                self.texts.push(Text { place, key, piece, hash: 0, guess: None });
                self.known.push((key, Known::Empty));
            }
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
        sink: &mut impl SpanSink,
    ) -> Option<(usize, u16, NodeId)> {
        self.steps += 1;
        let origin = self.automaton.origin(from);
        let step = step(text, at, origin.place)?;
        let hole = (step.hole, step.place, step.key);
        let to = self.automaton.node_of(origin.operation, hole, |operation, key| {
            let number = operation.number_of(sink);
            sink.wants(number, key)
        })?;
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
        let (name, end) = reader.string(at, Some(&mut self.unescaped))?;
        found.name = name;
        found.operation = self.automaton.operation(name.get(reader.text, &self.unescaped));
        Some(end)
    }
}
