//! From paths to documents: what is found, how it is decompressed, and where a text is cut.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, not found as such"
)]

mod framing;
mod inputs;
mod packed;
mod real;

use betrace_corpora::source::{Buffer, Chunk, Kind, Options, SourceReport, Stream};

/// A chunk that outlives its block.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owned {
    /// The text, with bytes that are not UTF-8 replaced.
    pub text: String,
    /// See [`Chunk::offset`].
    pub offset: u64,
    /// See [`Chunk::line`].
    pub line: u64,
    /// See [`Chunk::kind`].
    pub kind: Kind,
    /// See [`Chunk::ends_input`].
    pub ends_input: bool,
}

impl From<Chunk<'_>> for Owned {
    fn from(chunk: Chunk<'_>) -> Self {
        Owned {
            text: String::from_utf8_lossy(chunk.bytes).into_owned(),
            offset: chunk.offset,
            line: chunk.line,
            kind: chunk.kind,
            ends_input: chunk.ends_input,
        }
    }
}

/// Options with small reads and blocks.
pub fn small(read_bytes: usize, max_document: usize) -> Options {
    Options { max_document, block_bytes: 1, read_bytes, ..Options::default() }
}

/// Reads bytes in memory to their end.
pub fn read_all(bytes: &[u8], options: Options) -> (Vec<Owned>, SourceReport) {
    let mut stream = Stream::new(0, "memory".into(), bytes, options);
    let mut buffer = Buffer::default();
    let mut chunks = Vec::new();
    while let Some(block) = stream.next_block(&mut buffer) {
        chunks.extend(block.chunks().map(Owned::from));
    }
    (chunks, stream.into_report())
}
