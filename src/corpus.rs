//! Replays over a corpus: the same verdicts as over the files that were read into it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use corpora::build::{self, Builder, Finished, Unsealed, reread};
use corpora::corpus::file::SegmentFile;
use corpora::corpus::{CorpusError, Folder, Listed, SegmentEntry, Snapshot, Splits};
use corpora::statement::Statement;
use corpora::threads::on_threads;
use ir::segment::{CLOCK_DEFECT, ROOTLESS};
use ir::{Fault, Mask, Segment};
use runtime::{Segments, Signal, TimeRange};

use crate::completeness::{Completeness, Note};
use crate::program::Program;
use crate::replay::{ReplayError, ReplayOptions, Report, SEGMENT_SIZE};

/// A corpus as its last commit left it. Commits of others while this lives change nothing for it.
#[derive(Debug)]
pub struct Corpus {
    pub(crate) snapshot: Snapshot,
    splits: Splits,
    /// The file of the list of these and what is wrong with it, if it had to be worked out anew.
    damage: Option<(PathBuf, String)>,
}

/// The parts of a corpus that a replay judges, by the start of their first trace.
struct Parts<'c> {
    folder: &'c Folder,
    parts: Vec<Part>,
    /// Starts of their first traces, where parts overlap in time.
    overlap: Option<Vec<u64>>,
    /// Spans of joined traces that came again.
    duplicates: AtomicU64,
}

enum Part {
    /// A segment of the corpus, with the ordinals that are judged elsewhere.
    Stored(SegmentEntry, Vec<u32>),
    /// Traces that lie in several segments, put together.
    Joined(Mutex<Option<Unsealed>>),
}

/// Traces that lie in several segments, put together.
#[derive(Default)]
struct Joined {
    finished: Finished,
    /// What their pieces are of each segment, by the number of its file.
    pieces: BTreeMap<u64, Pieces>,
}

/// What one thread read of such traces.
struct Read {
    builder: Builder,
    pieces: BTreeMap<u64, Pieces>,
    /// Segments that turned out to be damaged.
    lost: Lost,
}

/// The pieces of split traces that lie in one segment.
struct Pieces {
    traces: u64,
    spans: u64,
    /// Pieces without a root span.
    rootless: u64,
    /// Pieces with a span that ends before it starts.
    clock_defects: u64,
    /// Starts of the first and last trace that the segment has beside them.
    others: Option<(u64, u64)>,
}

/// Segments that cannot be judged, by the number of their file, and what is wrong with them.
type Lost = BTreeMap<u64, Fault>;

impl Corpus {
    /// Opens the corpus in a folder.
    ///
    /// # Errors
    /// [`CorpusError`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, CorpusError> {
        let snapshot = Folder::new(path).read()?;
        let Listed { splits, damage, .. } = snapshot.splits()?;
        Ok(Self { snapshot, splits, damage })
    }

    /// Whether the spans of a trace lie in several segments.
    pub(crate) fn is_split(&self, id: u128) -> bool {
        self.splits.pieces().iter().any(|piece| piece.trace == id)
    }

    /// Judges all traces. `signals` is called as [`Replay::finish`](crate::Replay::finish) does.
    ///
    /// A segment that is damaged or cannot be opened is left out and the others are judged:
    /// completeness names it, with what is wrong, among what is unread.
    ///
    /// # Errors
    /// A range of time that means nothing for the data, damage that shows in a segment of which
    /// violations have been handed on, or what `signals` failed with.
    pub fn replay(
        &self,
        program: &Program,
        options: &ReplayOptions,
        signals: &mut dyn FnMut(Signal) -> io::Result<()>,
    ) -> Result<Report, ReplayError> {
        let started = Instant::now();
        let mut lost = Lost::new();
        let mut joined = self.join(program, options, &mut lost)?;
        let bounds = self.snapshot.manifest.segments.iter().filter_map(|segment| {
            let all = Some((segment.first, segment.last));
            joined.pieces.get(&segment.number).map_or(all, |pieces| pieces.others)
        });
        let own = joined.finished.first.zip(joined.finished.last);
        let bounds: Vec<(u64, u64)> = bounds.chain(own).collect();
        let first = bounds.iter().map(|(first, _)| *first).min();
        let last = bounds.iter().map(|(_, last)| *last).max();
        let judging = options.judging(first, last)?;
        let unsealed = std::mem::take(&mut joined.finished.segments).into();
        let parts = self.parts(judging.range, unsealed, &lost);
        let take = &mut |signal| signals(signal).map_err(ReplayError::Io);
        let outcome = runtime::replay(program.module(), program.engine(), &judging, &parts, take)?;
        for (number, fault) in outcome.damaged {
            match &parts.parts[number] {
                Part::Stored(entry, _) => lost.insert(entry.number, fault),
                Part::Joined(_) => return Err(fault.into()),
            };
        }
        joined.finished.duplicates += parts.duplicates.into_inner();
        let completeness = Completeness {
            seconds: started.elapsed().as_secs_f64(),
            ..self.completeness(&joined, &lost)
        };
        Ok(Report { rules: outcome.reports, completeness, first, last })
    }

    /// What was judged, and what was not.
    fn completeness(&self, joined: &Joined, lost: &Lost) -> Completeness {
        let manifest = &self.snapshot.manifest;
        let sum = |of: fn(&SegmentEntry) -> u64, own: fn(&Pieces) -> u64| {
            let sound = manifest.segments.iter();
            let sound = sound.filter(|segment| !lost.contains_key(&segment.number));
            let beside = |entry| of(entry) - joined.pieces.get(&entry.number).map_or(0, own);
            sound.map(beside).sum::<u64>()
        };
        let (joint, duplicates) = (&joined.finished, joined.finished.duplicates);
        Completeness {
            spans: sum(|entry| entry.spans, |pieces| pieces.spans) + joint.spans - duplicates,
            traces: sum(|entry| entry.traces, |pieces| pieces.traces) + joint.traces,
            duplicates: manifest.duplicates + duplicates,
            rootless: sum(|entry| entry.rootless, |pieces| pieces.rootless) + joint.rootless,
            clock_defects: sum(|entry| entry.clock_defects, |pieces| pieces.clock_defects)
                + joint.clock_defects,
            ..Completeness::of(self.statement(joined, lost))
        }
    }

    /// The account of what was read into the corpus, and of what could not be read of it.
    fn statement(&self, joined: &Joined, lost: &Lost) -> Statement {
        let Snapshot { folder, manifest, fallback, .. } = &self.snapshot;
        let mut statement = manifest.statement();
        if let Some(why) = fallback {
            let input = folder.path().join("MANIFEST").display().to_string();
            let why = format!("{why}; what the last commit added is not here");
            statement.unread.add(Note { input, why });
        }
        if let Some((file, what)) = &self.damage {
            let why = format!("{what}; what it says was worked out from the segments");
            statement.unread.add(Note { input: file.display().to_string(), why });
        }
        for entry in &manifest.segments {
            let Some(fault) = lost.get(&entry.number) else { continue };
            let elsewhere = joined.pieces.get(&entry.number).map_or(0, |pieces| pieces.traces);
            let (input, what) = match fault {
                Fault::Damaged { file, what } => (file.clone(), what.clone()),
                Fault::NotDecoded { .. } => (entry.file(), fault.to_string()),
            };
            let why = format!("{what}; its {} traces were not judged", entry.traces - elsewhere);
            statement.unread.add(Note { input, why });
        }
        statement
    }

    /// Reads all pieces of traces that lie in several segments, on several threads, and puts them
    /// together, with what the program reads of them. All are read whatever the range: only so are
    /// spans known that came twice. Traces with a piece in a segment that is lost are left out as
    /// wholes.
    fn join(
        &self,
        program: &Program,
        options: &ReplayOptions,
        lost: &mut Lost,
    ) -> Result<Joined, ReplayError> {
        let pieces = self.splits.by_file();
        if pieces.is_empty() {
            return Ok(Joined::default());
        }
        loop {
            let whole = self.whole(lost);
            let entries = self.snapshot.manifest.segments.iter();
            let entries = entries.filter(|entry| !lost.contains_key(&entry.number));
            let tasks: Vec<(&SegmentEntry, &[u32])> = entries
                .filter_map(|entry| Some((entry, pieces.get(&entry.number)?.as_slice())))
                .collect();
            let (next, held) = (AtomicUsize::new(0), AtomicU64::new(0));
            let work = || {
                let mut read = Read::new(program);
                while let Some((entry, ordinals)) = tasks.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let judged = whole.get(&entry.number).map_or(&[][..], Vec::as_slice);
                    let before = read.builder.bytes();
                    match self.read_pieces(entry, ordinals, judged, &mut read.builder) {
                        Ok(pieces) => _ = read.pieces.insert(entry.number, pieces),
                        Err(fault @ Fault::Damaged { .. }) => {
                            _ = read.lost.insert(entry.number, fault);
                        }
                        Err(fault) => return Err(fault.into()),
                    }
                    let more = read.builder.bytes().saturating_sub(before) as u64;
                    let needed = held.fetch_add(more, Ordering::Relaxed) + more;
                    let limit = options.memory.unwrap_or(u64::MAX);
                    if needed > limit {
                        return Err(ReplayError::Memory { needed, limit });
                    }
                }
                Ok(read)
            };
            let parts = on_threads(options.threads.get().min(tasks.len()), work);
            let parts: Vec<Read> = parts.into_iter().collect::<Result<_, _>>()?;
            let (mut joined, mut builders) = (Joined::default(), Vec::new());
            let lost_before = lost.len();
            for part in parts {
                builders.push(part.builder);
                joined.pieces.extend(part.pieces);
                lost.extend(part.lost);
            }
            if lost.len() == lost_before {
                joined.finished = build::finish(builders, SEGMENT_SIZE);
                return Ok(joined);
            }
            // What a builder has of a damaged segment cannot be taken out of it.
        }
    }

    /// Ordinals of the pieces of traces without a piece in a segment that is lost, by file.
    fn whole(&self, lost: &Lost) -> BTreeMap<u64, Vec<u32>> {
        let traces = self.splits.pieces().chunk_by(|a, b| a.trace == b.trace);
        let whole = traces.filter(|all| all.iter().all(|piece| !lost.contains_key(&piece.file)));
        Splits::new(whole.flatten().copied().collect()).by_file()
    }

    /// Counts the pieces in a segment, and adds the spans of those that are judged to the builder.
    fn read_pieces(
        &self,
        entry: &SegmentEntry,
        ordinals: &[u32],
        judged: &[u32],
        builder: &mut Builder,
    ) -> Result<Pieces, Fault> {
        let segment = open(&self.snapshot.folder, entry)?.segment(None);
        let flagged = |flag: u8| {
            let flags = ordinals.iter().map(|&at| segment.traces.flags.at(at as usize));
            flags.filter(|flags| flags & flag != 0).count() as u64
        };
        let own = |at: &usize| ordinals.binary_search(&(*at as u32)).is_err();
        let others = (0..segment.len()).find(own).zip((0..segment.len()).rfind(own));
        let start = |at: usize| segment.traces.start.at(at);
        let left: Vec<u32> =
            ordinals.iter().copied().filter(|at| judged.binary_search(at).is_err()).collect();
        let operations = 0..segment.operations.len();
        let of = |operation| segment.rows_among(operation, &left).len() as u64;
        let unjudged: u64 = operations.map(of).sum();
        let read = reread(&segment, judged, builder);
        let pieces = Pieces {
            traces: ordinals.len() as u64,
            spans: unjudged,
            rootless: flagged(ROOTLESS),
            clock_defects: flagged(CLOCK_DEFECT),
            others: others.map(|(first, last)| (start(first), start(last))),
        };
        segment.sound()?;
        Ok(Pieces { spans: unjudged + read?, ..pieces })
    }

    fn parts(&self, range: TimeRange, joined: Vec<Unsealed>, lost: &Lost) -> Parts<'_> {
        let mut hidden: BTreeMap<u64, Vec<u32>> = self.splits.by_file();
        let outside = |segment: &SegmentEntry| {
            segment.last < range.from || range.to.is_some_and(|to| segment.first >= to)
        };
        let segments = self.snapshot.manifest.segments.iter();
        let wanted =
            segments.filter(|segment| !outside(segment) && !lost.contains_key(&segment.number));
        let stored = wanted.map(|segment| {
            let hidden = hidden.remove(&segment.number).unwrap_or_default();
            (segment.first, Part::Stored(segment.clone(), hidden))
        });
        let joined = joined
            .into_iter()
            .map(|unsealed| (unsealed.first(), Part::Joined(Mutex::new(Some(unsealed)))));
        let mut parts: Vec<(u64, Part)> = stored.chain(joined).collect();
        parts.sort_by_key(|(first, _)| *first);
        let ranges = parts.iter().map(|(first, part)| match part {
            Part::Stored(entry, _) => (*first, entry.last),
            Part::Joined(_) => (*first, u64::MAX),
        });
        let in_order = ascend(ranges);
        let duplicates = AtomicU64::new(0);
        let (firsts, parts) = parts.into_iter().unzip();
        let overlap = (!in_order).then_some(firsts);
        Parts { folder: &self.snapshot.folder, parts, overlap, duplicates }
    }
}

/// Whether each range ends before the next begins.
fn ascend(mut ranges: impl Iterator<Item = (u64, u64)>) -> bool {
    let Some((_, mut end)) = ranges.next() else { return true };
    ranges.all(|(first, last)| std::mem::replace(&mut end, last) < first)
}

impl Read {
    /// Nothing yet, for what the program reads.
    fn new(program: &Program) -> Self {
        let builder = Builder::new(Arc::clone(program.schema()));
        Self { builder, pieces: BTreeMap::new(), lost: Lost::new() }
    }
}

impl Segments<ReplayError> for Parts<'_> {
    fn get(&self, number: usize) -> Result<Option<Segment>, runtime::Error<ReplayError>> {
        let Some(part) = self.parts.get(number) else { return Ok(None) };
        match part {
            Part::Stored(entry, ordinals) => {
                let file = open(self.folder, entry)?;
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

    fn overlap(&self) -> Option<&[u64]> {
        self.overlap.as_deref()
    }
}

/// A segment; one that cannot be opened, whatever the reason, is as good as damaged.
pub(crate) fn open(folder: &Folder, entry: &SegmentEntry) -> Result<SegmentFile, Fault> {
    folder.open(entry).map_err(|error| {
        let what = error.words();
        Fault::Damaged { file: folder.segment(entry.number).display().to_string(), what }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_share_a_time_do_not_ascend() {
        for (ranges, expected) in [
            (&[][..], true),
            (&[(5, 9)], true),
            (&[(1, 4), (5, 5), (6, 9)], true),
            (&[(1, 5), (5, 6)], false),
            (&[(1, 2), (3, 9), (4, 5)], false),
            (&[(1, u64::MAX), (2, 3)], false),
            (&[(1, 2), (3, u64::MAX)], true),
        ] {
            assert_eq!(ascend(ranges.iter().copied()), expected, "{ranges:?}");
        }
    }
}
