//! Verification: every file of a corpus is read and checked, and held against the manifest.

use std::path::PathBuf;

use ir::segment::{CLOCK_DEFECT, ROOTLESS};

use super::CorpusError;
use super::file::SegmentFile;
use super::folder::{MANIFEST, Snapshot};
use super::manifest::SegmentEntry;
use super::meet::meet;
use super::splits::Splits;

/// Traces that are named of those that the list of split traces gets wrong.
const NAMED: usize = 3;

/// What was checked, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// The commit that was checked.
    pub generation: u64,
    /// Segments that could be checked; so are those whose bytes, traces and spans are counted.
    pub segments: u64,
    /// Bytes of their files.
    pub bytes: u64,
    /// Traces, those that lie in several segments counted in each.
    pub traces: u64,
    /// Spans.
    pub spans: u64,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Files that neither the manifest nor the one before it names; the next writer removes them.
    pub unnamed: Vec<PathBuf>,
}

/// Something that is wrong with a corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it, and where.
    pub what: String,
    /// What can be done.
    pub mend: &'static str,
    /// The number of the segment that is damaged or gone, if it is one.
    pub segment: Option<u64>,
    /// Whether it is the list of split traces, which can be written anew.
    pub is_list: bool,
}

impl Problem {
    /// Whether [`Writer::drop_damaged`](super::Writer::drop_damaged) makes an end of it.
    pub fn is_dropped(&self) -> bool {
        self.segment.is_some() || self.is_list
    }
}

const RESTORE: &str = "put the file back from a copy of the corpus, ingest the trace files again into a \
                       new corpus, or go on without this file by `betrace corpus verify --drop`";
const REWRITE: &str = "`betrace corpus verify --drop` writes it anew, from the ids in the segments";
const NEWER: &str = "use a newer BeTrace";
const UNREADABLE: &str = "see that the file can be read; whether it is whole is not known";
const COMMIT: &str = "the generation before is used; remove the file if it is there, and ingest again \
                      what was read since, which writes a new one";

impl Snapshot {
    /// Reads and checks everything, with about `memory` bytes. `progress` is told the bytes of each segment
    /// that was checked.
    ///
    /// # Errors
    /// Where the folder cannot be listed. What is wrong with files is in the result.
    pub fn verify(
        &self,
        memory: u64,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Verified, CorpusError> {
        let Snapshot { folder, manifest, .. } = self;
        let mut done = Verified { generation: manifest.generation, ..Verified::default() };
        if let Some(why) = &self.fallback {
            let file = folder.path().join(MANIFEST);
            let (what, mend) = (why.clone(), COMMIT);
            done.problems.push(Problem { file, what, mend, segment: None, is_list: false });
        }
        for entry in &manifest.segments {
            match check(self, entry) {
                Ok(()) => done.count(entry),
                Err(error) => done.problems.push(problem(entry.number, &error)),
            }
            progress(entry.bytes);
        }
        let wrong = match folder.listed(manifest) {
            Err(error @ CorpusError::Newer { .. }) => Some((error.words(), NEWER)),
            Err(error) => Some((error.words(), REWRITE)),
            // What lies in segments that cannot be read is not known.
            Ok(_) if done.segments < manifest.segments.len() as u64 => None,
            // Who reads knows that the list may lack some, and works it out.
            Ok(_) if !manifest.unmet.is_empty() => None,
            Ok(listed) => {
                let (found, _) = meet(folder, &manifest.segments, memory);
                differences(&listed, &found).map(|what| (what, REWRITE))
            }
        };
        if let Some((what, mend)) = wrong {
            let file = manifest.splits.map(|number| folder.splits_file(number));
            let file = file.unwrap_or_else(|| folder.path().to_owned());
            let is_list = mend == REWRITE;
            done.problems.push(Problem { file, what, mend, segment: None, is_list });
        }
        done.unnamed = self.unnamed()?;
        Ok(done)
    }
}

impl Verified {
    fn count(&mut self, entry: &SegmentEntry) {
        self.segments += 1;
        self.bytes += entry.bytes;
        self.traces += entry.traces;
        self.spans += entry.spans;
    }
}

/// Reads a file and holds it against its entry.
fn check(snapshot: &Snapshot, entry: &SegmentEntry) -> Result<(), CorpusError> {
    let path = snapshot.folder.segment(entry.number);
    let file = SegmentFile::open(&path)?;
    file.verify()?;
    let segment = file.segment(None);
    let flagged =
        |flag: u8| segment.traces.flags.iter().filter(|&&flags| flags & flag != 0).count() as u64;
    let (first, last) = file.range();
    for (what, listed, found) in [
        ("bytes", entry.bytes, file.bytes()),
        ("traces", entry.traces, file.traces() as u64),
        ("spans", entry.spans, file.spans() as u64),
        ("nanoseconds of the first start", entry.first, first),
        ("nanoseconds of the last start", entry.last, last),
        ("traces without a root", entry.rootless, flagged(ROOTLESS)),
        ("traces with clock defects", entry.clock_defects, flagged(CLOCK_DEFECT)),
    ] {
        if listed != found {
            let what = format!(
                "is another file than the manifest names: {what} are {found}, not {listed}"
            );
            return Err(CorpusError::Damaged { path, what });
        }
    }
    Ok(segment.sound()?)
}

/// What is wrong with the list of split traces, beside what was found.
fn differences(listed: &Splits, found: &Splits) -> Option<String> {
    let names = |pieces: &Splits, others: &Splits| {
        let other = others.pieces();
        let mut names: Vec<u128> = pieces
            .pieces()
            .iter()
            .filter(|piece| other.binary_search(piece).is_err())
            .map(|piece| piece.trace)
            .collect();
        names.dedup();
        let shown: Vec<String> = names.iter().take(NAMED).map(|id| format!("{id:032x}")).collect();
        (names.len(), shown.join(", "))
    };
    let mut wrong = Vec::new();
    let (missing, shown) = names(found, listed);
    if missing > 0 {
        wrong.push(format!(
            "lacks pieces of {missing} traces that lie in several segments ({shown})"
        ));
    }
    let (extra, shown) = names(listed, found);
    if extra > 0 {
        wrong.push(format!("lists pieces of {extra} traces that are not there ({shown})"));
    }
    (!wrong.is_empty()).then(|| format!("the list of split traces {}", wrong.join(", and ")))
}

/// What is wrong with a segment. Only one that is damaged or gone can be dropped: what the system does
/// not let this process read may well be sound.
fn problem(number: u64, error: &CorpusError) -> Problem {
    let (mend, segment) = match error {
        CorpusError::Newer { .. } => (NEWER, None),
        _ if error.is_lost_segment() => (RESTORE, Some(number)),
        _ => (UNREADABLE, None),
    };
    let file = error.path().to_owned();
    Problem { file, what: error.words(), mend, segment, is_list: false }
}
