//! The one place that maps files: sealed segments, read-only.
#![expect(unsafe_code, reason = "a map is memory that only the file system answers for")]

use std::fs::File;
use std::io;
use std::path::Path;

use bytes::Bytes;
use memmap2::{Mmap, MmapOptions};

/// The whole of a sealed file; the map lives as long as any of its bytes.
pub(super) fn map(path: &Path) -> io::Result<Bytes> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    if len == 0 {
        return Ok(Bytes::new());
    }
    let len = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    // SAFETY: the bytes of a map must not change while they are borrowed. Segment files are sealed:
    // written once under another name, then renamed, unlinked when done with, never written in
    // place or cut; the corpus that owns the folder upholds that. Who cuts one all the same raises
    // SIGBUS here, which the command line turns into an error.
    let map: Mmap = unsafe { MmapOptions::new().len(len).map(&file)? };
    Ok(Bytes::from_owner(map))
}
