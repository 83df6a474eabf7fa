//! What comes of all spans of a run, before its segments are sealed.

use std::collections::VecDeque;

use ir::segment::CLOCK_DEFECT;

use super::interner::MISSING;
use super::merge::Shared;
use super::seal::Unsealed;

/// What came of all spans.
#[derive(Debug, Default)]
pub struct Finished {
    /// Spans that were added, duplicates included.
    pub spans: u64,
    /// Of those, spans that were there already; only of operations that no rule names, the others
    /// are counted when their segment is sealed.
    pub duplicates: u64,
    /// Distinct traces.
    pub traces: u64,
    /// Start of the first trace, in nanoseconds since 1970.
    pub first: Option<u64>,
    /// Start of the last trace, in nanoseconds since 1970.
    pub last: Option<u64>,
    /// Traces without a root span.
    pub rootless: u64,
    /// Traces with a span that ends before it starts.
    pub clock_defects: u64,
    /// The segments, by time; each can be sealed by another thread.
    pub segments: VecDeque<Unsealed>,
}

impl Finished {
    /// Fills in what the traces tell.
    pub(super) fn summarise(&mut self, shared: &Shared) {
        let start = |&number: &u32| shared.entries[number as usize].start;
        self.traces = shared.entries.len() as u64;
        self.first = shared.order.first().map(start);
        self.last = shared.order.last().map(start);
        for entry in &shared.entries {
            self.rootless += u64::from(entry.root_operation == MISSING);
            self.clock_defects += u64::from(entry.flags() & CLOCK_DEFECT != 0);
        }
    }
}
