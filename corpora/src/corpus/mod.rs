//! A corpus: all spans of many ingests in a folder, as segments that replays map and judge.
//!
//! ```text
//! DIR/MANIFEST           which files count, what was read, by generation; replaced in one step
//! DIR/MANIFEST.previous  the generation before
//! DIR/segments/*.seg     sealed segments, never changed
//! DIR/segments/*.split   which traces lie in several segments
//! DIR/quarantine/*.seg   damaged segments that the corpus goes on without
//! DIR/writer.lock        held by the one process that writes
//! DIR/readers.lock       held, shared, by those that read
//! ```
//!
//! A file counts once the manifest names it. So a crash at any moment leaves the corpus of before
//! or after a commit, and files that nothing names, which the next writer removes.

mod compact;
mod erase;
mod export;
pub mod file;
mod folder;
mod generated;
mod ingest;
mod inputs;
mod line;
mod lock;
mod manifest;
mod meet;
mod parts;
mod prune;
mod quarantine;
mod rewrite;
mod seal;
mod sketch;
mod splits;
mod stat;
mod verify;
mod writer;

pub use compact::Compacted;
pub use erase::Erased;
pub use file::guard_maps;
pub use folder::{Folder, Snapshot};
pub use generated::{GenerateError, generate};
pub use ingest::{Ingest, IngestOptions, IngestReport};
pub use manifest::{InputEntry, Manifest, SegmentEntry};
pub use meet::Listed;
pub use prune::{Extent, Pruned};
pub use quarantine::Dropped;
pub use splits::{Arrivals, Piece, Splits};
pub use stat::{AttributeStat, OperationStat, Stat};
pub use verify::{Problem, Verified};
pub use writer::Writer;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use ir::Fault;

/// Why a corpus cannot be used. Its text is the file or folder, and [what](Self::words) is wrong there.
#[derive(Debug)]
pub enum CorpusError {
    /// The system refused something.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// There is no corpus in the folder.
    Missing(PathBuf),
    /// The folder holds other things.
    Foreign(PathBuf),
    /// No corpus can be there, or this process may not change it.
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        why: String,
        /// What to do.
        mend: &'static str,
    },
    /// Another process writes to the corpus.
    Busy {
        /// The folder.
        path: PathBuf,
        /// What the other process said of itself.
        holder: String,
    },
    /// A file is not what was written.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// There is less memory than traces that lie in several segments need.
    Memory {
        /// The folder.
        path: PathBuf,
        /// The bytes that may be used.
        limit: u64,
    },
    /// The corpus was written by a later version of the program.
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that is known.
        known: u32,
    },
}

impl std::error::Error for CorpusError {}

impl fmt::Display for CorpusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        if !path.as_os_str().is_empty() {
            write!(f, "{}: ", path.display())?;
        }
        f.write_str(&self.words())
    }
}

impl From<Fault> for CorpusError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Damaged { file, what } => Self::Damaged { path: file.into(), what },
            Fault::NotDecoded { .. } => {
                Self::Damaged { path: PathBuf::new(), what: fault.to_string() }
            }
        }
    }
}

impl CorpusError {
    /// The file or folder; empty where nothing is named.
    pub fn path(&self) -> &Path {
        match self {
            Self::Missing(path) | Self::Foreign(path) => path,
            Self::Io { path, .. }
            | Self::Unusable { path, .. }
            | Self::Busy { path, .. }
            | Self::Damaged { path, .. }
            | Self::Memory { path, .. }
            | Self::Newer { path, .. } => path,
        }
    }

    /// What is wrong, without the file or folder.
    pub fn words(&self) -> String {
        match self {
            Self::Io { error, .. } => error.to_string(),
            Self::Missing(_) => {
                "no corpus is there; make one with `betrace ingest INPUT… --corpus DIR`".to_owned()
            }
            Self::Foreign(_) => {
                "the folder holds something other than a corpus; name an empty or a new one"
                    .to_owned()
            }
            Self::Unusable { why, mend, .. } => format!("{why}; {mend}"),
            Self::Busy { holder, .. } => {
                format!("another process ({holder}) writes to this corpus; wait for it to end")
            }
            Self::Damaged { what, .. } => what.clone(),
            Self::Memory { limit, .. } => format!(
                "the traces that lie in several segments need more than {limit} bytes of memory; \
                 run `betrace corpus compact`, which puts them together group by group, or raise \
                 --memory"
            ),
            Self::Newer { found, known, .. } => format!(
                "format {found} is newer than this program, which reads format {known}; use a \
                 newer BeTrace"
            ),
        }
    }

    /// Whether a segment is damaged or gone, so that [`Writer::drop_damaged`] goes on without it.
    pub fn is_lost_segment(&self) -> bool {
        let lost = match self {
            Self::Damaged { .. } => true,
            Self::Io { error, .. } => error.kind() == io::ErrorKind::NotFound,
            _ => false,
        };
        lost && self.path().extension().is_some_and(|ending| ending == "seg")
    }

    /// The error of an operation on `path`.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { path, error }
    }
}
