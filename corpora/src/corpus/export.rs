//! Export: a corpus as lines of OTLP JSON, a trace each, which ingest to an equal corpus.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use ir::Segment;

use super::CorpusError;
use super::file::SegmentFile;
use super::folder::{Folder, Snapshot};
use super::line;
use super::parts::{Part, Parts};
use crate::build::Unsealed;

impl Snapshot {
    /// Calls `take` for each trace, by start, then id, with its line, without a line end; how many there
    /// are. Traces that lie in several segments are put together in at most `memory` bytes.
    ///
    /// # Errors
    /// [`CorpusError`], or what `take` failed with.
    pub fn export<E: From<CorpusError>>(
        &self,
        memory: u64,
        take: &mut dyn FnMut(&str) -> Result<(), E>,
    ) -> Result<u64, E> {
        let parts = Parts::of(self, memory)?;
        let stored = parts.stored.into_iter();
        let stored =
            stored.map(|(entry, hidden)| (entry.first, Source::Stored(entry.number, hidden)));
        let joined =
            parts.joined.into_iter().map(|one| (one.first(), Source::Joined(Box::new(one))));
        let mut waiting: Vec<(u64, Source)> = stored.chain(joined).collect();
        waiting.sort_by_key(|(first, _)| *first);
        let mut waiting = VecDeque::from(waiting);
        // Segments may overlap in time: those are open whose next trace may be the next of all.
        let mut open: Vec<Option<Cursor>> = Vec::new();
        let mut next: BinaryHeap<Reverse<(u64, u128, usize)>> = BinaryHeap::new();
        let (mut line, mut traces) = (String::new(), 0);
        loop {
            while let Some((first, _)) = waiting.front()
                && next.peek().is_none_or(|Reverse((start, ..))| first <= start)
                && let Some((_, source)) = waiting.pop_front()
            {
                let cursor = Cursor::new(source.open(&self.folder)?);
                next.extend(cursor.key().map(|(start, id)| Reverse((start, id, open.len()))));
                open.push(Some(cursor));
            }
            let Some(Reverse((_, _, number))) = next.pop() else { return Ok(traces) };
            let slot = &mut open[number];
            let Some(cursor) = slot else { continue };
            line.clear();
            cursor.line(&mut line)?;
            take(&line)?;
            traces += 1;
            match cursor.key() {
                Some((start, id)) => next.push(Reverse((start, id, number))),
                None => *slot = None,
            }
        }
    }
}

enum Source {
    /// A segment of the corpus by its number, and the traces in it that come elsewhere.
    Stored(u64, Vec<u32>),
    Joined(Box<Unsealed>),
}

impl Source {
    fn open(self, folder: &Folder) -> Result<Part, CorpusError> {
        Ok(match self {
            Self::Stored(number, hidden) => {
                Part::new(SegmentFile::open(&folder.segment(number))?.segment(None), hidden)
            }
            Self::Joined(unsealed) => Part::new(unsealed.seal().segment, Vec::new()),
        })
    }
}

/// A part and where it is.
struct Cursor {
    part: Part,
    /// The next trace.
    at: usize,
}

impl Cursor {
    fn new(part: Part) -> Self {
        let mut cursor = Self { part, at: 0 };
        cursor.skip();
        cursor
    }

    fn skip(&mut self) {
        while self.at < self.part.segment.len() && !self.part.shows(self.at) {
            self.at += 1;
        }
    }

    /// Start and id of the next trace.
    fn key(&self) -> Option<(u64, u128)> {
        let Segment { traces, .. } = &self.part.segment;
        Some((*traces.start.get(self.at)?, *traces.id.get(self.at)?))
    }

    /// Writes the next trace.
    fn line(&mut self, out: &mut String) -> Result<(), CorpusError> {
        line::write(&self.part.segment, self.at, out)?;
        self.part.segment.sound()?;
        self.at += 1;
        self.skip();
        Ok(())
    }
}
