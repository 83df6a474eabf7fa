//! The one that writes: puts files, and makes them part of the corpus by a commit.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};

use ir::Segment;
use ir::segment::{CLOCK_DEFECT, ROOTLESS};

use super::CorpusError;
use super::file;
use super::folder::{Folder, MANIFEST, NEXT, PREVIOUS, READERS, SEGMENTS, sync};
use super::lock::Lock;
use super::manifest::{Manifest, SegmentEntry, segment_file, splits_file};
use super::meet::Listed;
use super::splits::Splits;

/// The one process that may change a corpus.
#[derive(Debug)]
pub struct Writer {
    pub(super) folder: Folder,
    pub(super) manifest: Manifest,
    /// Locked as long as this lives.
    pub(super) _lock: Lock,
}

impl Writer {
    /// The folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The manifest of the last commit.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The traces that lie in several segments.
    ///
    /// # Errors
    /// [`CorpusError::Newer`].
    pub fn splits(&self) -> Result<Listed, CorpusError> {
        Listed::of(&self.folder, &self.manifest)
    }

    /// Writes the file of segment `number`, which no manifest has named, and waits until it is on
    /// disk; what a manifest is to say of it.
    ///
    /// # Errors
    /// [`CorpusError::Io`]; what was written of it is removed by the next writer.
    pub fn put_segment(&self, number: u64, segment: &Segment) -> Result<SegmentEntry, CorpusError> {
        let written = self.put(&segment_file(number), |file| {
            let mut buffered = BufWriter::with_capacity(1 << 20, file);
            let written = file::write(segment, &mut buffered)?;
            buffered.flush()?;
            Ok((written.bytes, written))
        })?;
        let flags = &segment.traces.flags;
        let flagged = |flag: u8| flags.iter().filter(|&&flags| flags & flag != 0).count() as u64;
        Ok(SegmentEntry {
            number,
            bytes: written.bytes,
            crc: written.footer_crc,
            traces: written.traces,
            spans: written.spans,
            first: written.first,
            last: written.last,
            rootless: flagged(ROOTLESS),
            clock_defects: flagged(CLOCK_DEFECT),
        })
    }

    /// Writes a list of split traces under `number`, likewise.
    ///
    /// # Errors
    /// [`CorpusError::Io`].
    pub fn put_splits(&self, number: u64, splits: &Splits) -> Result<(), CorpusError> {
        let bytes = splits.to_bytes();
        self.put(&splits_file(number), |file| {
            file.write_all(&bytes)?;
            Ok((bytes.len() as u64, ()))
        })
    }

    /// Makes a file of what `write` writes, which says how many bytes that is.
    fn put<T>(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> io::Result<(u64, T)>,
    ) -> Result<T, CorpusError> {
        let path = self.folder.file(name);
        let put = || {
            let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
            let (length, written) = write(&mut file)?;
            sync_whole(&file, length)?;
            let mut permissions = file.metadata()?.permissions();
            permissions.set_readonly(true);
            file.set_permissions(permissions)?;
            Ok(written)
        };
        put().map_err(CorpusError::io(&path))
    }

    /// Makes `manifest` the corpus, with the next generation. All or nothing.
    ///
    /// # Errors
    /// [`CorpusError::Io`]; then the corpus is what it was, or, where only the last look at the disk
    /// failed, already the new one.
    pub fn commit(&mut self, manifest: Manifest) -> Result<(), CorpusError> {
        let manifest = Manifest { generation: self.manifest.generation + 1, ..manifest };
        let path = |name: &str| self.folder.path().join(name);
        let replace = || {
            sync(&self.folder.path().join(SEGMENTS))?;
            let mut next = File::create(path(NEXT))?;
            let text = manifest.to_text();
            next.write_all(text.as_bytes())?;
            sync_whole(&next, text.len() as u64)?;
            if self.folder.parse(MANIFEST).is_ok() {
                // The manifest stays under its own name at every moment; one that is torn does not
                // take the place of the one before it.
                let _ = fs::remove_file(path(PREVIOUS));
                fs::hard_link(path(MANIFEST), path(PREVIOUS))?;
            }
            fs::rename(path(NEXT), path(MANIFEST))?;
            sync(self.folder.path())
        };
        replace().map_err(CorpusError::io(path(MANIFEST)))?;
        self.manifest = manifest;
        Ok(())
    }

    /// Removes files that neither this manifest nor the one before it names, unless somebody reads:
    /// then they stay, and it says false.
    ///
    /// # Errors
    /// [`CorpusError::Io`].
    pub fn sweep(&self) -> Result<bool, CorpusError> {
        let readers = self.folder.open_lock(READERS);
        let readers = readers.map_err(CorpusError::io(self.folder.path().join(READERS)))?;
        if readers.try_lock().is_err() {
            return Ok(false);
        }
        for path in self.folder.unnamed(&self.manifest)? {
            fs::remove_file(&path).map_err(CorpusError::io(&path))?;
        }
        Ok(true)
    }
}

/// Waits until a file is on disk, and makes sure that all that was written is there.
fn sync_whole(file: &File, length: u64) -> io::Result<()> {
    file.sync_all()?;
    match file.metadata()?.len() == length {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::WriteZero, "not all that was written is there")),
    }
}
