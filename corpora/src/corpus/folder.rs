//! The folder of a corpus: who may write, how a commit replaces the manifest, what is left over.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use hashbrown::{HashMap, HashSet};

use super::CorpusError;
use super::file::SegmentFile;
use super::lock::Lock;
use super::manifest::{FORMAT, Manifest, Refused, SegmentEntry, segment_file, splits_file};
use super::meet::Listed;
use super::splits::{Piece, SPLITS_FORMAT, Splits};
use super::writer::Writer;

pub(super) const MANIFEST: &str = "MANIFEST";
pub(super) const PREVIOUS: &str = "MANIFEST.previous";
pub(super) const NEXT: &str = "MANIFEST.next";
pub(super) const SEGMENTS: &str = "segments";
const QUARANTINE: &str = "quarantine";
const WRITER: &str = "writer.lock";
pub(super) const READERS: &str = "readers.lock";

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
    _readers: Option<Lock>,
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

    /// The folder of damaged segments that the corpus goes on without; made when there are some.
    pub fn quarantine(&self) -> PathBuf {
        self.path.join(QUARANTINE)
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

    pub(super) fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(SEGMENTS).join(name)
    }

    /// Opens the corpus for reading. Where the folder cannot be written to, files are not kept from
    /// being removed by a writer while they are read.
    ///
    /// # Errors
    /// [`CorpusError`]; a damaged manifest is one only where the one before it cannot be read either.
    pub fn read(&self) -> Result<Snapshot, CorpusError> {
        self.check_folder()?;
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
        self.check_folder()?;
        self.manifest()?;
        self.write()
    }

    /// Opens the corpus for writing, makes it if there is none, and removes what crashes left.
    ///
    /// # Errors
    /// [`CorpusError`]. A damaged manifest is one: going on with the one before would lose what the
    /// last commit added, which is for people to decide, by removing the damaged file.
    pub fn write(&self) -> Result<Writer, CorpusError> {
        self.check_folder()?;
        self.check_own()?;
        fs::create_dir_all(self.path.join(SEGMENTS)).map_err(|error| {
            let why = format!("the folder cannot be made: {error}");
            let mend = "name one in a folder that is there and that you may write to";
            self.refused(&self.path, error, why, mend)
        })?;
        let lock_path = self.path.join(WRITER);
        let mut lock = self.open_lock(WRITER).map_err(|error| {
            let why = error.to_string();
            let mend = "only who may write to the folder can change the corpus: do so as its \
                        owner, or ingest into a folder of your own";
            self.refused(&lock_path, error, why, mend)
        })?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                // Who has just taken the lock has perhaps not yet said who it is.
                thread::sleep(Duration::from_millis(50));
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
        let (manifest, fallback) = match self.manifest() {
            Err(CorpusError::Missing(_)) => (Manifest::new(), None),
            Ok((_, Some(damage))) if self.path.join(MANIFEST).exists() => {
                let what = format!(
                    "{damage}; remove this file to go on with the commit before, without what \
                     the last one added"
                );
                return Err(CorpusError::Damaged { path: self.path.join(MANIFEST), what });
            }
            found => found?,
        };
        let mut writer = Writer { folder: self.clone(), manifest, _lock: lock };
        if fallback.is_some() {
            // Going on from the commit before was decided, so that is the newest from now on.
            let same = writer.manifest.clone();
            writer.commit(same)?;
        }
        if writer.manifest.generation == 0 {
            writer.commit(Manifest::new())?;
            sync(&parent(&self.path)).map_err(CorpusError::io(&self.path))?;
        }
        writer.sweep()?;
        writer.manifest.next_file = writer.manifest.next_file.max(self.unused_number()?);
        Ok(writer)
    }

    /// A number above those of all files that are there: what a crash left stays while somebody
    /// reads, and its number must not be given again.
    fn unused_number(&self) -> Result<u64, CorpusError> {
        let folder = self.path.join(SEGMENTS);
        let mut unused = 0;
        for entry in fs::read_dir(&folder).map_err(CorpusError::io(&folder))? {
            let name = entry.map_err(CorpusError::io(&folder))?.file_name();
            let number = name.to_str().and_then(|name| name.split('.').next());
            let number = number.and_then(|number| u32::from_str_radix(number, 16).ok());
            unused = unused.max(number.map_or(0, |number| u64::from(number) + 1));
        }
        Ok(unused)
    }

    /// The error where the system does not let this process write.
    fn refused(
        &self,
        path: &Path,
        error: io::Error,
        why: String,
        mend: &'static str,
    ) -> CorpusError {
        use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
        match error.kind() {
            NotADirectory | NotFound | PermissionDenied | ReadOnlyFilesystem => {
                CorpusError::Unusable { path: path.to_owned(), why, mend }
            }
            _ => CorpusError::io(path)(error),
        }
    }

    /// What is there must be a folder.
    fn check_folder(&self) -> Result<(), CorpusError> {
        let path = &self.path;
        let why = if path.as_os_str().is_empty() {
            "the path of the corpus is empty"
        } else if path.exists() && !path.is_dir() {
            "is not a folder"
        } else {
            return Ok(());
        };
        let mend = "name the folder of a corpus, or a new one";
        Err(CorpusError::Unusable { path: path.clone(), why: why.to_owned(), mend })
    }

    /// A folder without manifest must hold nothing but what a crash may have left.
    fn check_own(&self) -> Result<(), CorpusError> {
        let path = &self.path;
        if !path.exists() || path.join(MANIFEST).exists() || path.join(PREVIOUS).exists() {
            return Ok(());
        }
        for entry in fs::read_dir(path).map_err(CorpusError::io(path))? {
            let name = entry.map_err(CorpusError::io(path))?.file_name();
            // Another process may have made the corpus since.
            let all = [MANIFEST, PREVIOUS, NEXT, SEGMENTS, QUARANTINE, WRITER, READERS];
            let own = all.iter().any(|own| name == *own);
            if !own {
                return Err(CorpusError::Foreign(path.clone()));
            }
        }
        Ok(())
    }

    /// Files of the folder of segments that neither `manifest` nor the one before it names.
    pub(super) fn unnamed(&self, manifest: &Manifest) -> Result<Vec<PathBuf>, CorpusError> {
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

    /// The list of split traces that a manifest names.
    pub(super) fn listed(&self, manifest: &Manifest) -> Result<Splits, CorpusError> {
        let Some(number) = manifest.splits else { return Ok(Splits::default()) };
        let path = self.splits_file(number);
        let bytes = fs::read(&path).map_err(CorpusError::io(&path))?;
        if let Some(found) = Splits::format(&bytes).filter(|format| *format > SPLITS_FORMAT) {
            return Err(CorpusError::Newer { path, found, known: SPLITS_FORMAT });
        }
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

    pub(super) fn open_lock(&self, name: &str) -> io::Result<Lock> {
        Lock::open(&self.path.join(name))
    }

    /// The newest manifest, or the one before it and why.
    fn manifest(&self) -> Result<(Manifest, Option<String>), CorpusError> {
        let newest = self.parse(MANIFEST);
        match newest {
            Ok(manifest) => Ok((manifest, None)),
            // A manifest that is there, but cannot be read now, may well be sound.
            Err(error @ (CorpusError::Newer { .. } | CorpusError::Io { .. })) => Err(error),
            Err(error) => match self.parse(PREVIOUS) {
                Ok(manifest) => Ok((manifest, Some(why(&error)))),
                Err(_) => Err(error),
            },
        }
    }

    pub(super) fn parse(&self, name: &str) -> Result<Manifest, CorpusError> {
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
    /// [`CorpusError::Newer`].
    pub fn splits(&self) -> Result<Listed, CorpusError> {
        Listed::of(&self.folder, &self.manifest)
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

/// Why a manifest cannot be read, without its path.
fn why(error: &CorpusError) -> String {
    match error {
        CorpusError::Missing(_) => "the manifest is not there".to_owned(),
        other => other.words(),
    }
}

/// The files that a manifest names.
fn files(manifest: &Manifest) -> impl Iterator<Item = String> {
    let segments = manifest.segments.iter().map(SegmentEntry::file);
    segments.chain(manifest.splits.map(splits_file))
}

/// The folder that a folder lies in.
fn parent(folder: &Path) -> PathBuf {
    match folder.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Waits until the names in a folder are on disk.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
