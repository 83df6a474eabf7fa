//! Replays over a corpus: the same verdicts as over the files that were read into it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use corpora::build::{self, Builder, Finished, Unsealed, refill};
use corpora::corpus::{CorpusError, Folder, SegmentEntry, Snapshot, Splits};
use corpora::statement::{Note, Statement};
use ir::segment::{CLOCK_DEFECT, ROOTLESS};
use ir::{Mask, Schema, Segment};
use runtime::{Segments, Signal, TimeRange};

use crate::completeness::Completeness;
use crate::program::Program;
use crate::replay::{ReplayError, ReplayOptions, Report, SEGMENT_SIZE};

/// A corpus as its last commit left it. Commits of others while this lives change nothing for it.
#[derive(Debug)]
pub struct Corpus {
    pub(crate) snapshot: Snapshot,
    splits: Splits,
}

/// The parts of a corpus that a replay judges, by the start of their first trace.
struct Parts<'c> {
    folder: &'c Folder,
    parts: Vec<(u64, Part)>,
    /// Spans of joined traces that came again.
    duplicates: AtomicU64,
}

enum Part {
    /// A segment of the corpus, with the ordinals that are judged elsewhere.
    Stored(SegmentEntry, Vec<u32>),
    /// Traces that lie in several segments, put together.
    Joined(Mutex<Option<Unsealed>>),
}

/// Traces that lie in several segments, put together, and what that says of the corpus.
#[derive(Default)]
struct Joined {
    finished: Finished,
    /// Pieces beyond the first of each trace.
    more: u64,
    /// Pieces without a root span.
    rootless: u64,
    /// Pieces with a span that ends before it starts.
    clock_defects: u64,
    /// Starts of the first and last trace that each segment with pieces has beside them.
    others: BTreeMap<u64, Option<(u64, u64)>>,
}

impl Corpus {
    /// Opens the corpus in a folder.
    ///
    /// # Errors
    /// [`CorpusError`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, CorpusError> {
        let snapshot = Folder::new(path).read()?;
        let splits = snapshot.splits()?;
        Ok(Self { snapshot, splits })
    }

    /// Judges all traces. `signals` is called as [`Replay::finish`](crate::Replay::finish) does.
    ///
    /// # Errors
    /// A range of time that means nothing for the data, a segment that is damaged, or what `signals`
    /// failed with.
    pub fn replay(
        &self,
        program: &Program,
        options: &ReplayOptions,
        signals: &mut dyn FnMut(Signal) -> io::Result<()>,
    ) -> Result<Report, ReplayError> {
        let started = Instant::now();
        let manifest = &self.snapshot.manifest;
        let mut joined = self.join(options)?;
        let sum = |of: fn(&SegmentEntry) -> u64| manifest.segments.iter().map(of).sum::<u64>();
        let bounds = manifest.segments.iter().filter_map(|segment| {
            let all = Some((segment.first, segment.last));
            joined.others.get(&segment.number).copied().unwrap_or(all)
        });
        let own = joined.finished.first.zip(joined.finished.last);
        let bounds: Vec<(u64, u64)> = bounds.chain(own).collect();
        let first = bounds.iter().map(|(first, _)| *first).min();
        let last = bounds.iter().map(|(_, last)| *last).max();
        let judging = options.judging(first, last)?;
        let parts = self.parts(judging.range, std::mem::take(&mut joined.finished.segments).into());
        let take = &mut |signal| signals(signal).map_err(ReplayError::Io);
        let rules = runtime::replay(program.module(), program.engine(), &judging, &parts, take)?;
        let duplicates = joined.finished.duplicates + parts.duplicates.into_inner();
        let completeness = Completeness {
            spans: sum(|segment| segment.spans).saturating_sub(duplicates),
            traces: sum(|segment| segment.traces).saturating_sub(joined.more),
            duplicates: manifest.duplicates + duplicates,
            rootless: sum(|segment| segment.rootless).saturating_sub(joined.rootless)
                + joined.finished.rootless,
            clock_defects: sum(|segment| segment.clock_defects)
                .saturating_sub(joined.clock_defects)
                + joined.finished.clock_defects,
            seconds: started.elapsed().as_secs_f64(),
            ..Completeness::of(self.statement())
        };
        Ok(Report { rules, completeness, first, last })
    }

    /// What was read, and whether all of it is here.
    fn statement(&self) -> Statement {
        let Snapshot { folder, manifest, fallback, .. } = &self.snapshot;
        let mut statement = manifest.statement();
        if let Some(damage) = fallback {
            let why = format!("{damage}; what the last commit added is not here");
            let input = folder.path().join("MANIFEST").display().to_string();
            statement.unread.add(Note { input, why });
        }
        statement
    }

    /// Reads all pieces of traces that lie in several segments and puts them together.
    fn join(&self, options: &ReplayOptions) -> Result<Joined, ReplayError> {
        let mut joined = Joined::default();
        if self.splits.pieces().is_empty() {
            return Ok(joined);
        }
        let mut builder = Builder::new(Arc::new(Schema::everything()));
        for (number, ordinals) in self.splits.by_file() {
            let segment = self.snapshot.open(number)?.segment(None);
            let flagged = |flag: u8| {
                let flags = ordinals.iter().map(|&at| segment.traces.flags[at as usize]);
                flags.filter(|flags| flags & flag != 0).count() as u64
            };
            joined.rootless += flagged(ROOTLESS);
            joined.clock_defects += flagged(CLOCK_DEFECT);
            let starts = segment.traces.start.iter().enumerate();
            let own = |(at, start): (usize, &u64)| {
                ordinals.binary_search(&(at as u32)).is_err().then_some(*start)
            };
            let bounds = starts.clone().find_map(own).zip(starts.rev().find_map(own));
            joined.others.insert(number, bounds);
            refill(&segment, ordinals.iter().map(|&at| at as usize), &mut builder)?;
            segment.sound()?;
            let (needed, limit) = (builder.bytes() as u64, options.memory.unwrap_or(u64::MAX));
            if needed > limit {
                return Err(ReplayError::Memory { needed, limit });
            }
        }
        joined.more = (self.splits.pieces().len() - self.splits.traces()) as u64;
        joined.finished = build::finish(vec![builder], SEGMENT_SIZE);
        Ok(joined)
    }

    fn parts(&self, range: TimeRange, joined: Vec<Unsealed>) -> Parts<'_> {
        let mut hidden: BTreeMap<u64, Vec<u32>> = self.splits.by_file();
        let outside = |segment: &SegmentEntry| {
            segment.last < range.from || range.to.is_some_and(|to| segment.first >= to)
        };
        let segments = self.snapshot.manifest.segments.iter();
        let stored = segments.filter(|segment| !outside(segment)).map(|segment| {
            let hidden = hidden.remove(&segment.number).unwrap_or_default();
            (segment.first, Part::Stored(segment.clone(), hidden))
        });
        let joined = joined
            .into_iter()
            .map(|unsealed| (unsealed.first(), Part::Joined(Mutex::new(Some(unsealed)))));
        let mut parts: Vec<(u64, Part)> = stored.chain(joined).collect();
        parts.sort_by_key(|(first, _)| *first);
        Parts { folder: &self.snapshot.folder, parts, duplicates: AtomicU64::new(0) }
    }
}

impl Segments<ReplayError> for Parts<'_> {
    fn get(&self, number: usize) -> Result<Option<Segment>, ReplayError> {
        let Some((_, part)) = self.parts.get(number) else { return Ok(None) };
        match part {
            Part::Stored(entry, ordinals) => {
                let file = self.folder.open(entry)?;
                let hidden = (!ordinals.is_empty()).then(|| {
                    let mut hidden = Mask::empty(file.traces());
                    ordinals.iter().for_each(|&ordinal| hidden.insert(ordinal as usize));
                    hidden
                });
                Ok(Some(file.segment(hidden)))
            }
            Part::Joined(unsealed) => {
                let unsealed = unsealed.lock().unwrap_or_else(PoisonError::into_inner).take();
                Ok(unsealed.map(|unsealed| {
                    let sealed = unsealed.seal();
                    self.duplicates.fetch_add(sealed.duplicates, Ordering::Relaxed);
                    sealed.segment
                }))
            }
        }
    }

    fn earliest(&self, number: usize) -> Option<u64> {
        Some(self.parts.get(number).map_or(u64::MAX, |(first, _)| *first))
    }
}
