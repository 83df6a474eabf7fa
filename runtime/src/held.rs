//! Violations whose turn has not come, since segments that overlap in time are still to be judged.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::judge::Violation;

/// See the module's text.
#[derive(Default)]
pub(crate) struct Held(BinaryHeap<Reverse<Entry>>);

struct Entry(Violation);

impl Held {
    pub(crate) fn push(&mut self, violation: Violation) {
        self.0.push(Reverse(Entry(violation)));
    }

    /// Takes the first violation in order, if its trace starts before `time`.
    pub(crate) fn before(&mut self, time: u64) -> Option<Violation> {
        let Reverse(Entry(first)) = self.0.peek()?;
        if first.time < time { self.pop() } else { None }
    }

    /// Takes the first violation in order.
    pub(crate) fn pop(&mut self) -> Option<Violation> {
        self.0.pop().map(|Reverse(Entry(violation))| violation)
    }
}

impl Entry {
    fn place(&self) -> (u64, u128, usize) {
        (self.0.time, self.0.trace, self.0.rule)
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for Entry {}
