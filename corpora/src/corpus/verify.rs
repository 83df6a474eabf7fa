//! Verification: every file of a corpus is read and checked, and held against the manifest.

use std::path::PathBuf;

use ir::segment::{CLOCK_DEFECT, ROOTLESS};

use super::CorpusError;
use super::file::SegmentFile;
use super::folder::{MANIFEST, Snapshot};
use super::manifest::SegmentEntry;
use super::splits::{Piece, Splits};

/// Bytes that a trace takes while its id is looked for in all segments.
const PER_TRACE: u64 = size_of::<Piece>() as u64;
/// Traces that are named of those that the list of split traces gets wrong.
const NAMED: usize = 3;

/// What was checked, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// The commit that was checked.
    pub generation: u64,
    /// Segments.
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
}

const RESTORE: &str = "put the file back from a copy of the corpus, or ingest the trace files again \
                       into a new corpus";
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
            done.problems.push(Problem { file, what: why.clone(), mend: COMMIT });
        }
        let mut whole = Vec::with_capacity(manifest.segments.len());
        for entry in &manifest.segments {
            match check(self, entry) {
                Ok(file) => whole.push((entry.number, file)),
                Err(error) => done.problems.push(problem(self, entry.number, &error)),
            }
            done.segments += 1;
            done.bytes += entry.bytes;
            done.traces += entry.traces;
            done.spans += entry.spans;
            progress(entry.bytes);
        }
        match self.splits() {
            Err(error) => {
                let file = manifest.splits.map(|number| folder.splits_file(number));
                let file = file.unwrap_or_else(|| folder.path().to_owned());
                done.problems.push(Problem { file, what: error_text(&error), mend: RESTORE });
            }
            // What lies in segments that cannot be read is not known.
            Ok(splits) if whole.len() == manifest.segments.len() => {
                if let Some(what) = check_splits(&splits, &whole, memory)? {
                    let file = manifest.splits.map(|number| folder.splits_file(number));
                    let file = file.unwrap_or_else(|| folder.path().to_owned());
                    done.problems.push(Problem { file, what, mend: RESTORE });
                }
            }
            Ok(_) => {}
        }
        done.unnamed = self.unnamed()?;
        Ok(done)
    }
}

/// Reads a file and holds it against its entry.
fn check(snapshot: &Snapshot, entry: &SegmentEntry) -> Result<SegmentFile, CorpusError> {
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
    segment.sound()?;
    Ok(file)
}

/// What is wrong with the list of split traces: looks for each trace in all segments, in as many rounds
/// as memory asks for.
fn check_splits(
    listed: &Splits,
    files: &[(u64, SegmentFile)],
    memory: u64,
) -> Result<Option<String>, CorpusError> {
    let traces: u64 = files.iter().map(|(_, file)| file.traces() as u64).sum();
    let rounds = u128::from((traces * PER_TRACE).div_ceil(memory.max(1)).max(1));
    let mut found = Vec::new();
    for round in 0..rounds {
        let mut all: Vec<Piece> = Vec::new();
        for (file, opened) in files {
            let segment = opened.segment(None);
            let ids = segment.traces.id.iter().enumerate();
            let own = ids.filter(|(_, id)| **id % rounds == round);
            all.extend(own.map(|(at, &trace)| Piece { trace, file: *file, ordinal: at as u32 }));
            segment.sound()?;
        }
        all.sort_unstable();
        let several = all.chunk_by(|a, b| a.trace == b.trace).filter(|pieces| pieces.len() > 1);
        found.extend(several.flatten());
    }
    let found = Splits::new(found);
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
    let (missing, shown) = names(&found, listed);
    if missing > 0 {
        wrong.push(format!(
            "lacks pieces of {missing} traces that lie in several segments ({shown})"
        ));
    }
    let (extra, shown) = names(listed, &found);
    if extra > 0 {
        wrong.push(format!("lists pieces of {extra} traces that are not there ({shown})"));
    }
    Ok((!wrong.is_empty()).then(|| format!("the list of split traces {}", wrong.join(", and "))))
}

fn problem(snapshot: &Snapshot, number: u64, error: &CorpusError) -> Problem {
    let file = snapshot.folder.segment(number);
    Problem { file, what: error_text(error), mend: RESTORE }
}

/// What is wrong, without the file, which is named beside it.
fn error_text(error: &CorpusError) -> String {
    match error {
        CorpusError::Damaged { what, .. } => what.clone(),
        CorpusError::Io { error, .. } => error.to_string(),
        other => other.to_string(),
    }
}
