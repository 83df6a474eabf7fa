//! The bytes of a sealed file: small pieces are read, large ones mapped; the one place that maps
//! files.
//!
//! A page fault costs several times as much as reading the page, and to undo a map all threads lose
//! what their processors cached of it; so of most files nothing is mapped.
#![expect(unsafe_code, reason = "a map is memory that only the file system answers for")]

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use bytes::Bytes;
use ir::segment::Buffer;
use memmap2::{Mmap, MmapOptions};
use rustix::io::{Errno, pread};

use super::guard::Watched;

/// A piece of at least so many bytes is mapped: less is sooner read than a map is undone, and no column of a usual
/// segment is as long.
const LARGE: usize = 4 << 20;

/// Where the bytes of a sealed file come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// They are in memory, at a multiple of 64.
    Memory(Bytes),
    /// From the file.
    File(Arc<Sealed>),
}

/// A sealed file that is open.
#[derive(Debug)]
pub(super) struct Sealed {
    /// Made when a large piece is first asked for.
    map: OnceLock<Map>,
    file: File,
    len: usize,
    /// Length and time of the last change when it was opened.
    before: (u64, Option<SystemTime>),
}

#[derive(Debug)]
struct Map {
    /// Before the bytes, so that no range is watched that is not mapped.
    watched: Watched,
    bytes: Mmap,
}

impl Source {
    /// Opens a sealed file.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let before = state(&file.metadata()?);
        let len =
            usize::try_from(before.0).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        Ok(Self::File(Arc::new(Sealed { map: OnceLock::new(), file, len, before })))
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::File(sealed) => sealed.len,
        }
    }

    /// The bytes of a range that is there; they begin at a multiple of 64 if the range does.
    pub(super) fn read(&self, range: Range<usize>) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes.slice(range)),
            Self::File(sealed) if range.len() < LARGE => sealed.piece(range),
            Self::File(sealed) => {
                sealed.map()?;
                Ok(Bytes::from_owner(Mapped(Arc::clone(sealed))).slice(range))
            }
        }
    }

    /// Whether the file is another than was opened: then what was read of it says nothing. The end
    /// of a page that is cut within reads as zeros without a signal, so the file is asked, too.
    pub(super) fn is_changed(&self) -> bool {
        let Self::File(sealed) = self else { return false };
        sealed.map.get().is_some_and(|map| map.watched.is_hit())
            || sealed.file.metadata().map_or(true, |now| state(&now) != sealed.before)
    }
}

impl Sealed {
    /// Some bytes, read into memory.
    fn piece(&self, range: Range<usize>) -> io::Result<Bytes> {
        let mut bytes: Buffer<u8> = Buffer::unwritten(range.len());
        let (mut left, mut at) = (&mut bytes[..], range.start as u64);
        while !left.is_empty() {
            match pread(&self.file, &mut *left, at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(more) => {
                    left = &mut left[more..];
                    at += more as u64;
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(owned(bytes))
    }

    fn map(&self) -> io::Result<&Map> {
        if let Some(map) = self.map.get() {
            return Ok(map);
        }
        // SAFETY: the bytes of a map must not change while they are borrowed. Segment files are
        // sealed: written once, named by a manifest when they are whole, unlinked when done with,
        // never written in place or cut; the corpus that owns the folder upholds that. Who cuts one
        // all the same raises SIGBUS here, which `guard_maps` turns into an error.
        let bytes = unsafe { MmapOptions::new().len(self.len).map(&self.file)? };
        let begin = bytes.as_ptr().expose_provenance();
        let watched = Watched::new(begin..begin + self.len);
        Ok(self.map.get_or_init(|| Map { watched, bytes }))
    }
}

fn state(metadata: &Metadata) -> (u64, Option<SystemTime>) {
    (metadata.len(), metadata.modified().ok())
}

/// The bytes of a file that was mapped, and lives as long as they.
struct Mapped(Arc<Sealed>);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self.0.map.get().map_or(&[], |map| &map.bytes)
    }
}

/// The bytes of a buffer.
pub(super) fn owned(buffer: Buffer<u8>) -> Bytes {
    struct Owner(Buffer<u8>);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Bytes::from_owner(Owner(buffer))
}
