//! Opens files, each for a segment of it, and tells what is in them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ir::segment::Buffer;
use ir::{Fault, Mask, Segment};

use super::footer::Unopened;
use super::layout::{LINE, VERSION};
use super::opened::Opened;
use super::source::{Source, owned};
use super::store::Stored;
use crate::corpus::CorpusError;

/// A segment in a file, open for reading; the file stays open as long as it, or a segment of it, lives.
#[derive(Clone, Debug)]
pub struct SegmentFile {
    opened: Arc<Opened>,
}

/// A block of a file, for statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockSize {
    /// What it holds, as `checkout: attribute amount`.
    pub name: String,
    /// Whose rows it is about, if it is about rows.
    pub operations: Vec<Box<str>>,
    /// What of them, as `attribute amount`.
    pub field: String,
    /// The attribute whose values it holds, or whose dictionary it is of.
    pub key: Option<Box<str>>,
    /// Bytes in the file, without padding.
    pub stored: u64,
    /// Bytes when it is unpacked.
    pub raw: u64,
    /// How it is kept: `Plain`, `Zeros`, `Frames`, `Parents`, `Ordinals` or `Pages`.
    pub encoding: &'static str,
}

impl SegmentFile {
    /// Opens a sealed file and reads its footer.
    ///
    /// # Errors
    /// Where it cannot be read, is no segment, is of a later version, or is damaged.
    pub fn open(path: &Path) -> Result<Self, CorpusError> {
        Self::checked(path, Source::open(path).map_err(CorpusError::io(path))?)
    }

    /// Reads the footer of the bytes of a file; errors name it `path`.
    ///
    /// # Errors
    /// As [`Self::open`], but for reading.
    pub fn from_bytes(path: &Path, bytes: Bytes) -> Result<Self, CorpusError> {
        let aligned = bytes.as_ptr().align_offset(LINE) == 0;
        Self::checked(path, Source::Memory(if aligned { bytes } else { copied(&bytes) }))
    }

    fn checked(path: &Path, source: Source) -> Result<Self, CorpusError> {
        let name = path.display().to_string();
        match Opened::of(name, source) {
            Ok(opened) => Ok(Self { opened: Arc::new(opened) }),
            Err(Unopened::Io(error)) => Err(CorpusError::io(path)(error)),
            Err(Unopened::Newer(found)) => {
                Err(CorpusError::Newer { path: path.into(), found, known: VERSION })
            }
            Err(Unopened::Damaged(what)) => {
                Err(CorpusError::Damaged { path: path.into(), what: what.into() })
            }
        }
    }

    /// The same file, which from now on remembers what is looked at, for [`Self::accessed`].
    ///
    /// # Panics
    /// Where segments of the file, or copies of this, are there already.
    pub fn recording(self) -> Self {
        let mut opened = Arc::into_inner(self.opened).expect("it was not handed on");
        opened.accessed = Some(Mutex::default());
        Self { opened: Arc::new(opened) }
    }

    /// The segment: nothing of it is read before it is looked at. Where that finds damage, the
    /// segment is not [sound](Segment::sound).
    pub fn segment(&self, hidden: Option<Mask>) -> Segment {
        Stored::segment(&self.opened, hidden)
    }

    /// Names of the blocks that were looked at since [`Self::recording`], in order.
    pub fn accessed(&self) -> Vec<String> {
        let Some(accessed) = &self.opened.accessed else { return Vec::new() };
        let accessed = accessed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<String> = accessed.iter().cloned().collect();
        names.sort_unstable();
        names
    }

    /// All blocks that something refers to, in the order of the file.
    pub fn sizes(&self) -> Vec<BlockSize> {
        Stored::sizes(&self.opened)
    }

    /// Reads and checks everything.
    ///
    /// # Errors
    /// The first damage.
    pub fn verify(&self) -> Result<(), Fault> {
        Stored::verify(&self.opened)
    }

    /// How many traces there are.
    pub fn traces(&self) -> usize {
        self.opened.traces
    }

    /// How many spans there are.
    pub fn spans(&self) -> usize {
        self.opened.tables.iter().map(|table| table.rows).sum()
    }

    /// Starts of the first and the last trace, in nanoseconds since 1970; zeros without a trace.
    pub fn range(&self) -> (u64, u64) {
        (self.opened.first, self.opened.last)
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.opened.source.len() as u64
    }

    /// Checksum of the footer, as [`Written`](super::Written) has it.
    pub fn footer_crc(&self) -> u32 {
        self.opened.crc
    }
}

/// The bytes of an aligned copy.
fn copied(bytes: &[u8]) -> Bytes {
    let mut buffer = Buffer::zeroed(bytes.len());
    buffer.copy_from_slice(bytes);
    owned(buffer)
}
