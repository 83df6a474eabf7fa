//! The trace table of a worker: one small entry a trace, updated by every span.

use std::cmp::Ordering;

use hashbrown::HashMap;
use ir::segment::{CLOCK_DEFECT, DictionaryBuilder, SAMPLED, Slots};

use super::interner::MISSING;
use super::seeds::Seeds;
use super::tight;

/// The root starts later than the trace: its start is in [`TraceTable::apart`].
const ROOT_APART: u32 = 1 << 8;

/// The W3C flag of a sampled span.
const W3C_SAMPLED: u32 = 1;

/// The traces of a worker, by the order of their first span.
#[derive(Debug)]
pub(super) struct TraceTable {
    entries: Vec<Entry>,
    numbers: Slots,
    /// Starts of roots, for the few traces that begin before their root.
    apart: HashMap<u32, u64>,
    seeds: Seeds,
}

/// What is known of a trace. 56 bytes: the id in two halves keeps the alignment at 8.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    high: u64,
    low: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    root_id: u64,
    pub(super) spans: u32,
    /// Number of the root's operation, [`MISSING`] without a root.
    pub(super) root_operation: u32,
    /// Code of the root's service, [`MISSING`] without one.
    pub(super) root_service: u32,
    flags: u32,
}

/// A span without parent, as far as the choice of the root goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    pub(super) start: u64,
    pub(super) id: u64,
    pub(super) operation: u32,
    pub(super) service: u32,
}

/// What one span, or another worker's entry, says of a trace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) spans: u32,
    pub(super) flags: u32,
    pub(super) root: Option<Root>,
}

/// The texts behind the numbers of operations and services.
#[derive(Clone, Copy, Debug)]
pub(super) struct Texts<'a> {
    pub(super) names: &'a DictionaryBuilder,
    pub(super) services: &'a DictionaryBuilder,
}

impl Entry {
    /// The trace id.
    pub(super) fn id(&self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    /// [`CLOCK_DEFECT`] and [`SAMPLED`].
    pub(super) fn flags(&self) -> u8 {
        self.flags as u8
    }
}

impl Part {
    /// What a span says of its trace.
    pub(super) fn of_span(start: u64, end: u64, flags: u32, root: Option<Root>) -> Self {
        let defect = if end < start { CLOCK_DEFECT } else { 0 };
        let sampled = if flags & W3C_SAMPLED != 0 { SAMPLED } else { 0 };
        Self { start, end, spans: 1, flags: u32::from(defect | sampled), root }
    }
}

impl TraceTable {
    pub(super) fn new(seeds: Seeds) -> Self {
        Self { entries: Vec::new(), numbers: Slots::default(), apart: HashMap::new(), seeds }
    }

    /// The entries, by number.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries alone: no more traces are added.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + self.numbers.bytes()
            + self.apart.allocation_size()
    }

    /// What is probably the number of a trace, if it is known: see [`DictionaryBuilder::guess`].
    pub(super) fn guess(&self, id: u128) -> Option<u32> {
        self.numbers.find(self.seeds.trace(id)).next()
    }

    /// Whether a guess is the number of the trace.
    pub(super) fn is_number(&self, number: u32, id: u128) -> bool {
        self.entries[number as usize].id() == id
    }

    /// Adds what `part` says of the trace `id`; the trace's number.
    pub(super) fn add(&mut self, id: u128, part: Part, texts: Texts<'_>) -> u32 {
        // Spans of a new trace often come one after the other.
        if let Some(last) = self.entries.len().checked_sub(1)
            && self.entries[last].id() == id
        {
            self.join(last as u32, part, texts);
            return last as u32;
        }
        let Self { entries, numbers, seeds, .. } = self;
        let hash = seeds.trace(id);
        let (high, low) = ((id >> 64) as u64, id as u64);
        let same = |number: &u32| {
            let entry = &entries[*number as usize];
            entry.low == low && entry.high == high
        };
        let known = numbers.find(hash).find(same);
        if let Some(number) = known {
            self.join(number, part, texts);
            return number;
        }
        let number = u32::try_from(entries.len()).expect("fewer than 2^32 traces fit memory");
        let Part { start, end, spans, flags, root } = part;
        let (root_operation, root_service) = (MISSING, MISSING);
        let entry =
            Entry { high, low, start, end, root_id: 0, spans, root_operation, root_service, flags };
        tight::push(entries, entry);
        numbers.insert(hash, number);
        if let Some(root) = root {
            self.set_root(number, root);
        }
        number
    }

    /// The root of a trace so far.
    pub(super) fn root(&self, number: u32) -> Option<Root> {
        let entry = &self.entries[number as usize];
        (entry.root_operation != MISSING).then(|| Root {
            start: if entry.flags & ROOT_APART == 0 { entry.start } else { self.apart[&number] },
            id: entry.root_id,
            operation: entry.root_operation,
            service: entry.root_service,
        })
    }

    /// What entry `number` says of its trace, to be added to another table.
    pub(super) fn part(&self, number: u32) -> Part {
        let Entry { start, end, spans, flags, .. } = self.entries[number as usize];
        Part { start, end, spans, flags: flags & !ROOT_APART, root: self.root(number) }
    }

    /// Adds what `part` says of the trace of this number.
    #[inline]
    pub(super) fn join(&mut self, number: u32, part: Part, texts: Texts<'_>) {
        let entry = &mut self.entries[number as usize];
        entry.spans = entry.spans.saturating_add(part.spans);
        entry.end = entry.end.max(part.end);
        entry.flags |= part.flags;
        if part.start < entry.start {
            self.begin_at(number, part.start);
        }
        if let Some(root) = part.root {
            self.join_root(number, root, texts);
        }
    }

    /// Notes an earlier start.
    fn begin_at(&mut self, number: u32, start: u64) {
        let entry = &mut self.entries[number as usize];
        if entry.root_operation != MISSING && entry.flags & ROOT_APART == 0 {
            entry.flags |= ROOT_APART;
            self.apart.insert(number, entry.start);
        }
        entry.start = start;
    }

    /// Takes the lesser of two roots.
    #[inline(never)]
    fn join_root(&mut self, number: u32, root: Root, texts: Texts<'_>) {
        if self.root(number).is_none_or(|old| texts.order(&root, &old) == Ordering::Less) {
            self.set_root(number, root);
        }
    }

    fn set_root(&mut self, number: u32, root: Root) {
        let entry = &mut self.entries[number as usize];
        entry.root_id = root.id;
        entry.root_operation = root.operation;
        entry.root_service = root.service;
        if root.start == entry.start {
            if entry.flags & ROOT_APART != 0 {
                entry.flags &= !ROOT_APART;
                self.apart.remove(&number);
            }
        } else {
            entry.flags |= ROOT_APART;
            self.apart.insert(number, root.start);
        }
    }
}

impl Texts<'_> {
    /// Which of two spans without parent is the root: the lesser.
    fn order(&self, a: &Root, b: &Root) -> Ordering {
        let text = |root: &Root| {
            let service = (root.service != MISSING).then(|| {
                let value = self.services.dictionary().get(root.service);
                (value.value_type(), self.services.dictionary().text(root.service))
            });
            (self.names.dictionary().text(root.operation), service)
        };
        (a.start, a.id).cmp(&(b.start, b.id)).then_with(|| text(a).cmp(&text(b)))
    }
}
