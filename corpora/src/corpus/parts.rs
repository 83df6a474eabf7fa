//! A corpus as its traces are to be looked at: each once, those that lie in several segments put
//! together.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ir::{Schema, Segment};

use super::CorpusError;
use super::file::SegmentFile;
use super::folder::{Folder, Snapshot};
use super::ingest::SEGMENT_SIZE;
use super::manifest::SegmentEntry;
use super::splits::{Piece, Splits};
use crate::build::{self, Builder, Unsealed, refill};

/// Traces that are read between two looks at the memory that they take.
pub(super) const BETWEEN_CHECKS: usize = 1024;

/// What a corpus consists of.
pub(super) struct Parts {
    /// The segments of the manifest, with the ordinals of the traces that are looked at elsewhere.
    pub(super) stored: Vec<(SegmentEntry, Vec<u32>)>,
    /// The traces that lie in several of them.
    pub(super) joined: VecDeque<Unsealed>,
    /// How many these are.
    pub(super) splits: u64,
}

/// A segment with the traces that are to be looked at there.
pub(super) struct Part {
    pub(super) segment: Segment,
    /// Ordinals of the others, ascending.
    hidden: Vec<u32>,
}

impl Parts {
    /// The parts of a corpus; split traces are put together in at most `memory` bytes.
    pub(super) fn of(snapshot: &Snapshot, memory: u64) -> Result<Self, CorpusError> {
        let splits = snapshot.splits()?.splits;
        let joined = join(&snapshot.folder, splits.pieces(), memory)?;
        let too_much =
            || CorpusError::Memory { path: snapshot.folder.path().into(), limit: memory };
        let joined = build::finish(vec![joined.ok_or_else(too_much)?], SEGMENT_SIZE).segments;
        let mut hidden: BTreeMap<u64, Vec<u32>> = splits.by_file();
        let entries = snapshot.manifest.segments.iter();
        let stored =
            entries.map(|entry| (entry.clone(), hidden.remove(&entry.number).unwrap_or_default()));
        Ok(Self { stored: stored.collect(), joined, splits: splits.traces() as u64 })
    }
}

impl Part {
    /// A segment without traces that are looked at elsewhere.
    pub(super) fn new(segment: Segment, hidden: Vec<u32>) -> Self {
        Self { segment, hidden }
    }

    /// The same without the traces for which `hides` says so.
    pub(super) fn without(self, hides: impl Fn(usize) -> bool) -> Self {
        let all = 0..self.segment.len();
        let hidden = all.filter(|&trace| !self.shows(trace) || hides(trace));
        let hidden = hidden.map(|trace| trace as u32).collect();
        Self { hidden, ..self }
    }

    /// Whether a trace is to be looked at here.
    pub(super) fn shows(&self, trace: usize) -> bool {
        self.hidden.is_empty() || self.hidden.binary_search(&(trace as u32)).is_err()
    }

    /// The ordinals of the traces that are to be looked at here.
    pub(super) fn traces(&self) -> impl Iterator<Item = usize> {
        (0..self.segment.len()).filter(|&trace| self.shows(trace))
    }
}

/// Reads pieces of traces and puts them together; `None` where they take more than `memory` bytes.
pub(super) fn join(
    folder: &Folder,
    pieces: &[Piece],
    memory: u64,
) -> Result<Option<Builder>, CorpusError> {
    let mut builder = Builder::new(Arc::new(Schema::everything()));
    for (number, ordinals) in Splits::new(pieces.to_vec()).by_file() {
        let segment = SegmentFile::open(&folder.segment(number))?.segment(None);
        if ordinals.last().is_some_and(|last| *last as usize >= segment.len()) {
            let what = "has fewer traces than the list of split traces says".to_owned();
            return Err(CorpusError::Damaged { path: folder.segment(number), what });
        }
        for ordinals in ordinals.chunks(BETWEEN_CHECKS) {
            refill(&segment, ordinals.iter().map(|&at| at as usize), &mut builder)?;
            if builder.bytes() as u64 > memory {
                return Ok(None);
            }
        }
        segment.sound()?;
    }
    Ok(Some(builder))
}
