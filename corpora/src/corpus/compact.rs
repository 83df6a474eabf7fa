//! Compaction: small segments become large ones, and traces that lie in several segments become whole.

use std::sync::Arc;

use hashbrown::HashSet;

use super::CorpusError;
use super::ingest::SEGMENT_SIZE;
use super::manifest::SegmentEntry;
use super::rewrite::Rewrite;
use super::writer::Writer;

/// A segment is small that has less than one of so many parts of the traces and spans it may have.
const SMALL: usize = 4;

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Segments before.
    pub segments_before: u64,
    /// Segments after.
    pub segments: u64,
    /// Bytes of their files before.
    pub bytes_before: u64,
    /// Bytes of their files after.
    pub bytes: u64,
    /// Traces that lay in several segments and were put together.
    pub healed: u64,
    /// Whether the files of before are gone; they stay while another process reads the corpus.
    pub swept: bool,
}

impl Writer {
    /// Puts split traces together and joins small segments that are neighbours in time, with about
    /// `memory` bytes. What a replay says stays the same.
    ///
    /// # Errors
    /// [`CorpusError`]; then the corpus is what it was.
    pub fn compact(self, memory: u64) -> Result<Compacted, CorpusError> {
        let mut rewrite = Rewrite::new(self, memory);
        let sum = |rewrite: &Rewrite| rewrite.segments().iter().map(|entry| entry.bytes).sum();
        let mut done = Compacted {
            segments_before: rewrite.segments().len() as u64,
            bytes_before: sum(&rewrite),
            ..Compacted::default()
        };
        done.healed = rewrite.heal()?;
        merge(&mut rewrite)?;
        rewrite.settle()?;
        done.segments = rewrite.segments().len() as u64;
        done.bytes = sum(&rewrite);
        done.swept = rewrite.commit()?;
        Ok(done)
    }
}

/// Makes large segments of small ones.
fn merge(rewrite: &mut Rewrite) -> Result<(), CorpusError> {
    let mut entries = rewrite.segments().to_vec();
    entries.sort_by_key(|entry| (entry.first, entry.number));
    let mut group = Group::default();
    for entry in entries {
        let keys = Arc::clone(&rewrite.open(entry.number)?.segment.keys);
        let size = SEGMENT_SIZE.of_columns(keys.len());
        let small = (entry.traces as usize) < size.traces / SMALL
            && (entry.spans as usize) < size.rows / SMALL;
        if !small || !group.takes(&entry, &keys) {
            std::mem::take(&mut group).write(rewrite)?;
        }
        if small {
            group.push(&entry, &keys);
        }
    }
    group.write(rewrite)
}

/// Small segments that become one.
#[derive(Default)]
struct Group {
    numbers: Vec<u64>,
    traces: usize,
    spans: usize,
    /// The keys of all: segments whose keys differ would have many columns together.
    keys: HashSet<Box<str>>,
}

impl Group {
    /// Whether they are one segment still with another one, which has these keys.
    fn takes(&self, entry: &SegmentEntry, keys: &[Box<str>]) -> bool {
        let new = keys.iter().filter(|key| !self.keys.contains(*key)).count();
        let size = SEGMENT_SIZE.of_columns(self.keys.len() + new);
        self.traces + entry.traces as usize <= size.traces
            && self.spans + entry.spans as usize <= size.rows
    }

    fn push(&mut self, entry: &SegmentEntry, keys: &[Box<str>]) {
        self.numbers.push(entry.number);
        self.traces += entry.traces as usize;
        self.spans += entry.spans as usize;
        self.keys.extend(keys.iter().cloned());
    }

    /// Nothing is won by writing one segment again.
    fn write(self, rewrite: &mut Rewrite) -> Result<(), CorpusError> {
        if self.numbers.len() < 2 {
            return Ok(());
        }
        for &number in &self.numbers {
            let part = rewrite.open(number)?;
            rewrite.add(&part, |_| true)?;
        }
        rewrite.finish(&self.numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_stay_apart_whose_keys_differ_too_much() {
        let keys = |first: u32| -> Vec<Box<str>> {
            (first..first + 12_800).map(|key| key.to_string().into()).collect()
        };
        let entry = SegmentEntry {
            number: 0,
            bytes: 0,
            crc: 0,
            traces: 4000,
            spans: 16_000,
            first: 0,
            last: 0,
            rootless: 0,
            clock_defects: 0,
        };
        let mut group = Group::default();
        assert!(group.takes(&entry, &keys(0)));
        group.push(&entry, &keys(0));
        assert!(group.takes(&entry, &keys(0)));
        assert!(!group.takes(&entry, &keys(12_800)));
    }
}
