//! The folder of a corpus: who may write, how a commit replaces the manifest, what is left over.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use hashbrown::{HashMap, HashSet};
use ir::Segment;

use super::CorpusError;
use super::file::{self, SegmentFile, Written};
use super::manifest::{FORMAT, Manifest, Refused, SegmentEntry, segment_file, splits_file};
use super::splits::{Piece, Splits};

const MANIFEST: &str = "MANIFEST";
const PREVIOUS: &str = "MANIFEST.previous";
const NEXT: &str = "MANIFEST.next";
const SEGMENTS: &str = "segments";
const WRITER: &str = "writer.lock";
const READERS: &str = "readers.lock";

/// Where a corpus lies.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

/// A corpus as one commit left it; its files stay while this lives.
#[derive(Debug)]
pub struct Snapshot {
    /// The folder.
    pub folder: Folder,
    /// The manifest of that commit.
    pub manifest: Manifest,
    /// Why the newest manifest could not be read, if this is the one before it: what the last
    /// commit added is not here.
    pub fallback: Option<String>,
    _readers: Option<File>,
}

/// The one process that may change a corpus.
#[derive(Debug)]
pub struct Writer {
    folder: Folder,
    manifest: Manifest,
    _lock: File,
}

impl Folder {
    /// The folder at `path`, whether there is a corpus or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the file of segment `number`.
    pub fn segment(&self, number: u64) -> PathBuf {
        self.file(segment_file(number))
    }

    /// The path of the list of split traces with this number.
    pub fn splits_file(&self, number: u64) -> PathBuf {
        self.file(splits_file(number))
    }

    /// Opens a segment, which must be the one that the manifest names.
    ///
    /// # Errors
    /// [`CorpusError`].
    pub fn open(&self, entry: &SegmentEntry) -> Result<SegmentFile, CorpusError> {
        let path = self.segment(entry.number);
        let file = SegmentFile::open(&path)?;
        let (first, last) = file.range();
        let found = (file.footer_crc(), file.traces() as u64, file.spans() as u64, first, last);
        if found != (entry.crc, entry.traces, entry.spans, entry.first, entry.last) {
            let what = "the segment is not the one that the manifest names".to_owned();
            return Err(CorpusError::Damaged { path, what });
        }
        Ok(file)
    }

    fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(SEGMENTS).join(name)
    }

    /// Opens the corpus for reading. Where the folder cannot be written to, files are not kept from
    /// being removed by a writer while they are read.
    ///
    /// # Errors
    /// [`CorpusError`]; a damaged manifest is one only where the one before it cannot be read either.
    pub fn read(&self) -> Result<Snapshot, CorpusError> {
        let newest = self.path.join(MANIFEST);
        if !self.path.join(PREVIOUS).exists() && !newest.exists() {
            return Err(CorpusError::Missing(self.path.clone()));
        }
        let readers = self.open_lock(READERS).ok();
        if let Some(readers) = &readers {
            readers.lock_shared().map_err(CorpusError::io(self.path.join(READERS)))?;
        }
        let (manifest, fallback) = self.manifest()?;
        Ok(Snapshot { folder: self.clone(), manifest, fallback, _readers: readers })
    }

    /// Opens the corpus that is there for writing.
    ///
    /// # Errors
    /// [`CorpusError`].
    pub fn change(&self) -> Result<Writer, CorpusError> {
        self.manifest()?;
        self.write()
    }

    /// Opens the corpus for writing, makes it if there is none, and removes what crashes left.
    ///
    /// # Errors
    /// [`CorpusError`]. A damaged manifest is one: going on with the one before would lose what the
    /// last commit added, which is for people to decide, by removing the damaged file.
    pub fn write(&self) -> Result<Writer, CorpusError> {
        self.check_own()?;
        fs::create_dir_all(self.path.join(SEGMENTS)).map_err(CorpusError::io(&self.path))?;
        let lock_path = self.path.join(WRITER);
        let mut lock = self.open_lock(WRITER).map_err(CorpusError::io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = lock.read_to_string(&mut holder);
                return Err(CorpusError::Busy { path: self.path.clone(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(CorpusError::io(lock_path)(error)),
        }
        let note = |lock: &mut File| {
            lock.set_len(0)?;
            lock.rewind()?;
            write!(lock, "process {}", std::process::id())
        };
        note(&mut lock).map_err(CorpusError::io(&lock_path))?;
        let manifest = match self.manifest() {
            Err(CorpusError::Missing(_)) => Manifest::new(),
            Ok((_, Some(damage))) if self.path.join(MANIFEST).exists() => {
                let what = format!(
                    "{damage}; remove this file to go on with the commit before, without what \
                     the last one added"
                );
                return Err(CorpusError::Damaged { path: self.path.join(MANIFEST), what });
            }
            found => found?.0,
        };
        let mut writer = Writer { folder: self.clone(), manifest, _lock: lock };
        if writer.manifest.generation == 0 {
            writer.commit(Manifest::new())?;
        }
        writer.sweep()?;
        Ok(writer)
    }

    /// A folder without manifest must hold nothing but what a crash may have left.
    fn check_own(&self) -> Result<(), CorpusError> {
        let path = &self.path;
        if !path.exists() || path.join(MANIFEST).exists() || path.join(PREVIOUS).exists() {
            return Ok(());
        }
        for entry in fs::read_dir(path).map_err(CorpusError::io(path))? {
            let name = entry.map_err(CorpusError::io(path))?.file_name();
            let own = [NEXT, SEGMENTS, WRITER, READERS].iter().any(|own| name == *own);
            if !own {
                return Err(CorpusError::Foreign(path.clone()));
            }
        }
        Ok(())
    }

    /// Files of the folder of segments that neither `manifest` nor the one before it names.
    fn unnamed(&self, manifest: &Manifest) -> Result<Vec<PathBuf>, CorpusError> {
        let previous = self.parse(PREVIOUS).ok();
        let manifests = [Some(manifest), previous.as_ref()];
        let kept: HashSet<String> = manifests.into_iter().flatten().flat_map(files).collect();
        let folder = self.path.join(SEGMENTS);
        let mut unnamed = Vec::new();
        for entry in fs::read_dir(&folder).map_err(CorpusError::io(&folder))? {
            let name = entry.map_err(CorpusError::io(&folder))?.file_name();
            if name.to_str().is_none_or(|name| !kept.contains(name)) {
                unnamed.push(folder.join(name));
            }
        }
        unnamed.sort_unstable();
        Ok(unnamed)
    }

    fn splits(&self, manifest: &Manifest) -> Result<Splits, CorpusError> {
        let Some(number) = manifest.splits else { return Ok(Splits::default()) };
        let path = self.splits_file(number);
        let bytes = fs::read(&path).map_err(CorpusError::io(&path))?;
        let sizes: HashMap<u64, u64> =
            manifest.segments.iter().map(|entry| (entry.number, entry.traces)).collect();
        let is_there = |piece: &Piece| {
            sizes.get(&piece.file).is_some_and(|&traces| u64::from(piece.ordinal) < traces)
        };
        let splits = Splits::parse(&bytes);
        let splits = splits.filter(|splits| splits.pieces().iter().all(is_there));
        let what = || "the list of split traces is not what was written".to_owned();
        splits.ok_or_else(|| CorpusError::Damaged { path, what: what() })
    }

    fn open_lock(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).open(self.path.join(name))
    }

    /// The newest manifest, or the one before it and why.
    fn manifest(&self) -> Result<(Manifest, Option<String>), CorpusError> {
        let newest = self.parse(MANIFEST);
        match newest {
            Ok(manifest) => Ok((manifest, None)),
            Err(newer @ CorpusError::Newer { .. }) => Err(newer),
            Err(error) => match self.parse(PREVIOUS) {
                Ok(manifest) => Ok((manifest, Some(why(&error)))),
                Err(_) => Err(error),
            },
        }
    }

    fn parse(&self, name: &str) -> Result<Manifest, CorpusError> {
        let path = self.path.join(name);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(CorpusError::Missing(self.path.clone()));
            }
            text => text.map_err(CorpusError::io(&path))?,
        };
        Manifest::parse(&text).map_err(|refused| match refused {
            Refused::Damaged(what) => CorpusError::Damaged { path, what },
            Refused::Newer(found) => CorpusError::Newer { path, found, known: FORMAT },
        })
    }
}

impl Snapshot {
    /// The files in the folder of segments that neither this manifest nor the one before it names, in
    /// order.
    ///
    /// # Errors
    /// [`CorpusError::Io`].
    pub fn unnamed(&self) -> Result<Vec<PathBuf>, CorpusError> {
        self.folder.unnamed(&self.manifest)
    }

    /// The traces that lie in several segments.
    ///
    /// # Errors
    /// [`CorpusError`].
    pub fn splits(&self) -> Result<Splits, CorpusError> {
        self.folder.splits(&self.manifest)
    }

    /// Opens segment `number`.
    ///
    /// # Errors
    /// [`CorpusError`].
    pub fn open(&self, number: u64) -> Result<SegmentFile, CorpusError> {
        let entry = self.manifest.segments.iter().find(|entry| entry.number == number);
        let path = || self.folder.segment(number);
        let what = || "the manifest names no such segment".to_owned();
        let entry = entry.ok_or_else(|| CorpusError::Damaged { path: path(), what: what() })?;
        self.folder.open(entry)
    }
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
    /// [`CorpusError`].
    pub fn splits(&self) -> Result<Splits, CorpusError> {
        self.folder.splits(&self.manifest)
    }

    /// Writes the file of segment `number`, which no manifest has named, and waits until it is on
    /// disk.
    ///
    /// # Errors
    /// [`CorpusError::Io`]; what was written of it is removed by the next writer.
    pub fn put_segment(&self, number: u64, segment: &Segment) -> Result<Written, CorpusError> {
        self.put(&segment_file(number), |file| {
            let mut buffered = BufWriter::with_capacity(1 << 20, file);
            let written = file::write(segment, &mut buffered)?;
            buffered.flush()?;
            Ok(written)
        })
    }

    /// Writes a list of split traces under `number`, likewise.
    ///
    /// # Errors
    /// [`CorpusError::Io`].
    pub fn put_splits(&self, number: u64, splits: &Splits) -> Result<(), CorpusError> {
        self.put(&splits_file(number), |file| file.write_all(&splits.to_bytes()))
    }

    fn put<T>(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> io::Result<T>,
    ) -> Result<T, CorpusError> {
        let path = self.folder.file(name);
        let put = || {
            let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
            let written = write(&mut file)?;
            file.sync_all()?;
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
        let path = |name: &str| self.folder.path.join(name);
        let replace = || {
            sync(&self.folder.path.join(SEGMENTS))?;
            let mut next = File::create(path(NEXT))?;
            next.write_all(manifest.to_text().as_bytes())?;
            next.sync_all()?;
            if path(MANIFEST).exists() {
                // The manifest stays under its own name at every moment.
                let _ = fs::remove_file(path(PREVIOUS));
                fs::hard_link(path(MANIFEST), path(PREVIOUS))?;
            }
            fs::rename(path(NEXT), path(MANIFEST))?;
            sync(&self.folder.path)
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
        let readers = readers.map_err(CorpusError::io(self.folder.path.join(READERS)))?;
        if readers.try_lock().is_err() {
            return Ok(false);
        }
        for path in self.folder.unnamed(&self.manifest)? {
            fs::remove_file(&path).map_err(CorpusError::io(&path))?;
        }
        Ok(true)
    }
}

/// Why a manifest cannot be read, without its path.
fn why(error: &CorpusError) -> String {
    match error {
        CorpusError::Damaged { what, .. } => what.clone(),
        CorpusError::Missing(_) => "the manifest is not there".to_owned(),
        other => other.to_string(),
    }
}

/// The files that a manifest names.
fn files(manifest: &Manifest) -> impl Iterator<Item = String> {
    let segments = manifest.segments.iter().map(SegmentEntry::file);
    segments.chain(manifest.splits.map(splits_file))
}

/// Waits until the names in a folder are on disk.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
