//! A corpus: all spans of many ingests in a folder, as segments that replays map and judge.
//!
//! ```text
//! DIR/MANIFEST           which files count, what was read, by generation; replaced in one step
//! DIR/MANIFEST.previous  the generation before
//! DIR/segments/*.seg     sealed segments, never changed
//! DIR/segments/*.split   which traces lie in several segments
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
mod parts;
mod prune;
mod rewrite;
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
pub use prune::Pruned;
pub use splits::{Arrivals, Piece, Splits};
pub use stat::{AttributeStat, OperationStat, Stat};
pub use verify::{Problem, Verified};
pub use writer::Writer;

use std::io;
use std::path::PathBuf;

use ir::Fault;

/// Why a corpus cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// The system refused something.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// There is no corpus in the folder.
    #[error("{}: no corpus is there; make one with `betrace ingest INPUT… --corpus DIR`", .0.display())]
    Missing(PathBuf),
    /// The folder holds other things.
    #[error("{}: the folder holds something other than a corpus; name an empty or a new one", .0.display())]
    Foreign(PathBuf),
    /// Another process writes to the corpus.
    #[error("{}: another process ({holder}) writes to this corpus; wait for it to end", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
        /// What the other process said of itself.
        holder: String,
    },
    /// A file is not what was written.
    #[error("{}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// There is less memory than traces that lie in several segments need.
    #[error(
        "{}: the traces that lie in several segments need more than {limit} bytes of memory; \
         run `betrace corpus compact`, which puts them together group by group, or raise --memory",
        path.display()
    )]
    Memory {
        /// The folder.
        path: PathBuf,
        /// The bytes that may be used.
        limit: u64,
    },
    /// The corpus was written by a later version of the program.
    #[error(
        "{}: format {found} is newer than this program, which reads format {known}; \
         use a newer BeTrace", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that is known.
        known: u32,
    },
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
    /// The error of an operation on `path`.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { path, error }
    }
}
