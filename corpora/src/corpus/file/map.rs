//! The one place that maps files: sealed segments, read-only.
#![expect(unsafe_code, reason = "a map is memory that only the file system answers for")]

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use memmap2::{Mmap, MmapOptions};

use super::guard::Watched;

/// A sealed file that is mapped.
#[derive(Debug)]
pub(super) struct Mapped {
    /// Before the map, so that no range is watched that is not mapped.
    watched: Watched,
    map: Mmap,
    file: File,
    /// Length and time of the last change when it was mapped.
    before: (u64, Option<SystemTime>),
}

/// The whole of a sealed file, and what tells whether it changed since; the map lives as long as any
/// of its bytes.
pub(super) fn map(path: &Path) -> io::Result<(Bytes, Option<Arc<Mapped>>)> {
    let file = File::open(path)?;
    let before = state(&file.metadata()?);
    if before.0 == 0 {
        return Ok((Bytes::new(), None));
    }
    let len =
        usize::try_from(before.0).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    // SAFETY: the bytes of a map must not change while they are borrowed. Segment files are sealed:
    // written once, named by a manifest when they are whole, unlinked when done with, never written
    // in place or cut; the corpus that owns the folder upholds that. Who cuts one all the same raises
    // SIGBUS here, which `guard_maps` turns into an error.
    let map = unsafe { MmapOptions::new().len(len).map(&file)? };
    let begin = map.as_ptr().expose_provenance();
    let watched = Watched::new(begin..begin + len);
    let mapped = Arc::new(Mapped { watched, map, file, before });
    Ok((Bytes::from_owner(Owner(Arc::clone(&mapped))), Some(mapped)))
}

impl Mapped {
    /// Whether the file is another than was mapped: then what was read of it says nothing. The end
    /// of a page that is cut within reads as zeros without a signal, so the file is asked, too.
    pub(super) fn is_changed(&self) -> bool {
        self.watched.is_hit() || self.file.metadata().map_or(true, |now| state(&now) != self.before)
    }
}

fn state(metadata: &Metadata) -> (u64, Option<SystemTime>) {
    (metadata.len(), metadata.modified().ok())
}

struct Owner(Arc<Mapped>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0.map
    }
}
