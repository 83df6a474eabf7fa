//! What is left to the strict reader: spans, and whole documents where the attempt on others was not
//! worth it.

use super::span::Found;

/// Documents that are left after too many attempts in vain; twice as many each time, up to the most,
/// and half as many after a document that was worth it.
const PAUSE: u32 = 4;
const LONGEST_PAUSE: u32 = 1 << 10;
/// Spans of a document that may be left whatever else is in it.
const FEW: usize = 64;
/// So many bytes that are left cost, for the attempt, what is gained by one that is read.
const LEFT_FOR_READ: usize = 2;
/// Bytes that a step which was not seen before costs as much as the strict reader takes for: where spans
/// have their keys in ever new orders, going on step by step takes longer than a tape.
const OF_STEP: usize = 256;
/// Steps that cost nothing at first: they have to be learned once.
const LESSONS: usize = 1 << 12;
/// Most bytes by which what was gained may outweigh attempts in vain.
const CREDIT: usize = 64 << 10;

/// The spans of a document that are left to the strict reader.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// As a list that is not closed, unless there is none.
    list: Vec<u8>,
    spans: usize,
    weight: usize,
}

impl Left {
    /// Forgets the document before.
    pub(super) fn begin(&mut self) {
        super::begin(&mut self.list);
        (self.spans, self.weight) = (0, 0);
    }

    /// Adds a span.
    pub(super) fn push(&mut self, span: &[u8]) {
        self.list.push(if self.list.is_empty() { b'[' } else { b',' });
        self.list.extend_from_slice(span);
        self.spans += 1;
        self.weight += span.len().max(size_of::<Found>());
    }

    /// How many there are.
    pub(super) fn spans(&self) -> usize {
        self.spans
    }

    /// Their bytes; of a short one, those of what stands for it.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Whether there are more than a few, and so many of the first `bytes` of the document that the
    /// attempt is in vain.
    pub(super) fn is_most_of(&self, bytes: usize) -> bool {
        self.spans > FEW && self.weight > LEFT_FOR_READ * bytes.saturating_sub(self.weight)
    }

    /// All as a list, if there are any; none may be added any more.
    pub(super) fn list(&mut self) -> Option<&[u8]> {
        if self.spans == 0 {
            return None;
        }
        self.list.push(b']');
        Some(&self.list)
    }

    /// Bytes of memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.list.capacity()
    }
}

/// Says which documents to try. What attempts gain and cost is weighed over many documents, so that
/// some that are left, or parts of many, do not take the others along.
#[derive(Debug)]
pub(super) struct Attempts {
    /// Bytes that were read beyond those that the attempts in vain cost.
    credit: usize,
    /// Steps that are still for nothing.
    lessons: usize,
    /// Documents that are still to be left, and how many it will be next time.
    pause: u32,
    next_pause: u32,
    is_always: bool,
}

impl Attempts {
    /// At the start of the input.
    pub(super) fn new() -> Self {
        Self { credit: 0, lessons: LESSONS, pause: 0, next_pause: PAUSE, is_always: false }
    }

    /// To try every document.
    pub(super) fn always() -> Self {
        Self { is_always: true, ..Self::new() }
    }

    /// Whether the next document is to be left.
    pub(super) fn is_pause(&mut self) -> bool {
        let is_pause = self.pause > 0;
        self.pause -= u32::from(is_pause);
        is_pause
    }

    /// Accounts for a document of which so many bytes were read and so many left, with so many steps that
    /// were not seen before; `is_full` if nothing more could be learned.
    pub(super) fn account(&mut self, read: usize, left: usize, steps: usize, is_full: bool) {
        if self.is_always {
            return;
        }
        let lessons = steps.min(self.lessons);
        self.lessons -= lessons;
        let cost = left / LEFT_FOR_READ + (steps - lessons) * OF_STEP;
        let balance = (self.credit + read).checked_sub(cost);
        if let Some(credit) = balance.filter(|_| !is_full) {
            self.credit = credit.min(CREDIT);
            self.next_pause = (self.next_pause / 2).max(PAUSE);
        } else {
            self.credit = 0;
            self.pause = self.next_pause;
            self.next_pause = (2 * self.next_pause).min(LONGEST_PAUSE);
        }
    }
}
