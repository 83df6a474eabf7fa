//! Rewrites segments of a corpus: what compaction, retention and erasure share.
//!
//! New files are written beside those that count, and one commit replaces these; whatever ends the
//! process before leaves the corpus as it was. Files that no longer count are then removed, also
//! those that only the manifest before named.

use std::collections::BTreeMap;
use std::sync::Arc;

use ir::Schema;
use ir::segment::RowRef;

use super::CorpusError;
use super::file::SegmentFile;
use super::ingest::SEGMENT_SIZE;
use super::manifest::{Manifest, SegmentEntry};
use super::meet::Listed;
use super::parts::{BETWEEN_CHECKS, Part, join};
use super::splits::Piece;
use super::writer::Writer;
use crate::build::{self, Builder, refill_kept};

/// A rewriting of segments.
pub(super) struct Rewrite {
    writer: Writer,
    /// The manifest that is to be.
    next: Manifest,
    /// Ordinals of the traces of segments that now lie elsewhere.
    moved: BTreeMap<u64, Vec<u32>>,
    /// Bytes of memory for spans that are not written yet.
    memory: u64,
    builder: Builder,
    /// What was written since [`Self::replace`].
    written: Vec<SegmentEntry>,
}

impl Rewrite {
    /// A rewriting that takes about `memory` bytes, and more where one trace needs more.
    pub(super) fn new(writer: Writer, memory: u64) -> Self {
        Self {
            next: writer.manifest().clone(),
            writer,
            moved: BTreeMap::new(),
            memory,
            builder: builder(),
            written: Vec::new(),
        }
    }

    /// The segments as they are to be so far.
    pub(super) fn segments(&self) -> &[SegmentEntry] {
        &self.next.segments
    }

    /// Traces of the segments as they are to be so far.
    pub(super) fn traces(&self) -> u64 {
        self.next.traces()
    }

    /// Spans of the segments as they are to be so far.
    pub(super) fn spans(&self) -> u64 {
        self.next.segments.iter().map(|entry| entry.spans).sum()
    }

    /// A segment, and which of its traces count.
    pub(super) fn open(&self, number: u64) -> Result<Part, CorpusError> {
        let segment = self.file(number)?.segment(None);
        Ok(Part::new(segment, self.moved.get(&number).cloned().unwrap_or_default()))
    }

    /// The file of a segment.
    pub(super) fn file(&self, number: u64) -> Result<SegmentFile, CorpusError> {
        SegmentFile::open(&self.writer.folder().segment(number))
    }

    /// Puts all traces that lie in several segments together, group by group; how many these are.
    /// Until segments with pieces are [replaced](Self::replace), their pieces are passed over.
    pub(super) fn heal(&mut self) -> Result<u64, CorpusError> {
        let Listed { splits, unmet, .. } = self.writer.splits()?;
        let traces: Vec<&[Piece]> = splits.pieces().chunk_by(|a, b| a.trace == b.trace).collect();
        let mut left = &traces[..];
        let mut count = left.len();
        while !left.is_empty() {
            count = count.min(left.len());
            let memory = if count == 1 { u64::MAX } else { self.memory / 2 };
            let pieces = left[..count].concat();
            match join(self.writer.folder(), &pieces, memory)? {
                None => count /= 2,
                Some(joined) => {
                    self.builder = joined;
                    self.flush()?;
                    left = &left[count..];
                }
            }
        }
        self.moved = splits.by_file();
        self.next.splits = None;
        self.next.unmet = unmet;
        self.replace(&[]);
        Ok(splits.traces() as u64)
    }

    /// Writes the traces of a segment that count again, but for spans that are not to be kept.
    pub(super) fn add(
        &mut self,
        part: &Part,
        keep: impl Fn(RowRef) -> bool,
    ) -> Result<(), CorpusError> {
        let traces: Vec<usize> = part.traces().collect();
        for traces in traces.chunks(BETWEEN_CHECKS) {
            refill_kept(&part.segment, traces.iter().copied(), &keep, &mut self.builder)?;
            if self.builder.bytes() as u64 > self.memory / 2 {
                part.segment.sound()?;
                self.flush()?;
            }
        }
        Ok(part.segment.sound()?)
    }

    /// Ends a segment: what was added is written, and replaces the segments of these numbers.
    pub(super) fn finish(&mut self, old: &[u64]) -> Result<(), CorpusError> {
        self.flush()?;
        self.replace(old);
        Ok(())
    }

    /// Writes the segments again that still have traces which lie elsewhere now.
    pub(super) fn settle(&mut self) -> Result<(), CorpusError> {
        for number in self.moved.keys().copied().collect::<Vec<_>>() {
            if self.next.segments.iter().any(|entry| entry.number == number) {
                let part = self.open(number)?;
                self.add(&part, |_| true)?;
                self.finish(&[number])?;
            }
        }
        Ok(())
    }

    /// Makes all this the corpus, and removes files that no longer count; false if somebody reads,
    /// so that these files stay.
    pub(super) fn commit(mut self) -> Result<bool, CorpusError> {
        self.settle()?;
        if self.next != *self.writer.manifest() {
            self.writer.commit(self.next)?;
        }
        // Again, so that the manifest before names no other files either.
        let same = self.writer.manifest().clone();
        self.writer.commit(same)?;
        self.writer.sweep()
    }

    /// Takes these segments out, and what was written in.
    fn replace(&mut self, old: &[u64]) {
        self.next.segments.retain(|entry| !old.contains(&entry.number));
        self.next.unmet.retain(|number| !old.contains(number));
        self.next.segments.append(&mut self.written);
    }

    /// Writes what was added.
    fn flush(&mut self) -> Result<(), CorpusError> {
        let full = std::mem::replace(&mut self.builder, builder());
        let mut finished = build::finish(vec![full], SEGMENT_SIZE);
        self.next.duplicates += finished.duplicates;
        while let Some(unsealed) = finished.segments.pop_front() {
            let sealed = unsealed.seal();
            self.next.duplicates += sealed.duplicates;
            let entry = self.writer.put_segment(self.next.next_file, &sealed.segment)?;
            self.next.next_file += 1;
            self.written.push(entry);
        }
        Ok(())
    }
}

fn builder() -> Builder {
    Builder::new(Arc::new(Schema::everything()))
}
