//! Going on without damaged segments: they leave the corpus, and what is lost stays in its statement.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::CorpusError;
use super::manifest::SegmentEntry;
use super::meet::{Listed, meet};
use super::verify::{Problem, Verified};
use super::writer::Writer;

/// A segment that left the corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its file.
    pub file: PathBuf,
    /// Where that is kept now; nothing if it was not there.
    pub kept: Option<PathBuf>,
    /// What was wrong with it.
    pub what: String,
    /// What the manifest said of it.
    pub entry: SegmentEntry,
    /// How many of its traces have spans in other segments, too, so that they are judged without those
    /// that it had, as far as that is known.
    pub partial: u64,
}

impl Writer {
    /// Verifies the corpus as [`Snapshot::verify`](super::Snapshot::verify) does and goes on without
    /// the segments that are damaged or missing. Their files are kept beside the corpus, and its
    /// statement says from then on what was lost. A wrong list of split traces is written anew.
    ///
    /// # Errors
    /// [`CorpusError`]; then the corpus is what it was.
    pub fn drop_damaged(
        mut self,
        memory: u64,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(Verified, Vec<Dropped>), CorpusError> {
        let verified = self.folder().read()?.verify(memory, progress)?;
        let mut next = self.manifest().clone();
        let before = Listed::of(self.folder(), &next);
        let mut dropped = Vec::new();
        for problem in &verified.problems {
            let Some(number) = problem.segment else { continue };
            let lost = next.segments.extract_if(.., |entry| entry.number == number);
            dropped.extend(lost.map(|entry| Dropped {
                file: problem.file.clone(),
                kept: None,
                what: problem.what.clone(),
                entry,
                partial: 0,
            }));
        }
        if !verified.problems.iter().any(Problem::is_dropped) {
            return Ok((verified, dropped));
        }
        let lost: BTreeSet<u64> = dropped.iter().map(|one| one.entry.number).collect();
        let before = before?.splits;
        let traces = before.pieces().chunk_by(|a, b| a.trace == b.trace);
        let partial = traces.filter(|all| all.iter().any(|piece| !lost.contains(&piece.file)));
        let partial: Vec<u64> = partial.flatten().map(|piece| piece.file).collect();
        for one in &mut dropped {
            one.partial = partial.iter().filter(|&&file| file == one.entry.number).count() as u64;
            one.kept = self.keep(&one.entry)?;
            next.unread.insert(one.file.display().to_string(), one.words());
        }
        let (splits, unread) = meet(self.folder(), &next.segments, memory);
        next.unmet = unread.into_iter().collect();
        next.splits = None;
        if splits.traces() > 0 {
            self.put_splits(next.next_file, &splits)?;
            next.splits = Some(next.next_file);
            next.next_file += 1;
        }
        self.commit(next)?;
        self.sweep()?;
        Ok((verified, dropped))
    }

    /// Gives the file of a segment a second name, where no writer removes it.
    fn keep(&self, entry: &SegmentEntry) -> Result<Option<PathBuf>, CorpusError> {
        let folder = self.folder().quarantine();
        let kept = folder.join(entry.file());
        fs::create_dir_all(&folder).map_err(CorpusError::io(&folder))?;
        match fs::hard_link(self.folder().segment(entry.number), &kept) {
            Ok(()) => Ok(Some(kept)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Some(kept)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CorpusError::io(kept)(error)),
        }
    }
}

impl Dropped {
    /// What the statement says of it.
    fn words(&self) -> String {
        let SegmentEntry { traces, spans, .. } = self.entry;
        let mut words =
            format!("{}; it was dropped with {traces} traces, {spans} spans", self.what);
        if self.partial > 0 {
            words += &format!(
                "; {} of the traces have other spans elsewhere, and are judged by these alone",
                self.partial
            );
        }
        words
    }
}
