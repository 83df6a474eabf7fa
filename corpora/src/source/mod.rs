//! From paths to JSON documents: [`walk`] finds the inputs, [`run`] reads them with several workers,
//! each input as a [`Stream`] that is decompressed and cut into [`Chunk`]s, and the
//! [`SourceReport`] says what was read and what was not.
//!
//! A worker parses a [`Chunk`] from a copy ([`Chunk::copy_padded`]). If the parser refuses it, the
//! untouched text is still there: [`Chunk::split`] finds the documents in it, and a tolerant reader
//! may take what it can of the rest.

mod decompress;
mod digest;
mod documents;
mod pattern;
mod report;
mod run;
mod scan;
mod split;
mod stream;
mod walk;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use digest::{Digest, HEAD, Known, Prefix};
pub use documents::{Chunk, Kind, PADDING};
pub use report::{FirstFew, KEPT_PLACES, Note, Place, SourceReport, Why};
pub use run::{known, open, run};
pub use scan::{Breakage, MAX_DEPTH};
pub use split::Split;
pub use stream::{Block, Buffer, Digests, Stream};
pub use walk::{Input, Origin, Walk, walk};

/// Largest document that is read unless [`Options::max_document`] says otherwise: 64 MiB.
pub const MAX_DOCUMENT: usize = 64 << 20;

/// How inputs are read.
#[derive(Debug, Clone)]
pub struct Options {
    /// Largest document in bytes, from its first bracket on; larger ones are passed over and
    /// counted. 0 is taken for 1. A worker's buffer grows up to about twice this and one read.
    pub max_document: usize,
    /// Text in bytes from which a block is handed to a worker.
    pub block_bytes: usize,
    /// Text in bytes asked for at a time; 0 is taken for 1.
    pub read_bytes: usize,
    /// Bytes taken from disk so far, by all inputs, for a progress bar.
    pub progress: Arc<AtomicU64>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            max_document: MAX_DOCUMENT,
            block_bytes: 1 << 20,
            read_bytes: 1 << 20,
            progress: Arc::default(),
        }
    }
}
