//! What a reading of inputs leaves behind for the statement of completeness: how much was read,
//! and what was not, with the first places of each kind.

use std::sync::Arc;

/// How many places of each kind are kept; all are counted.
pub const KEPT_PLACES: usize = 16;

/// A count of things with the first [`KEPT_PLACES`] of them, in their own order. Merging is
/// independent of the order in which workers report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstFew<T> {
    count: u64,
    first: Vec<T>,
}

impl<T> Default for FirstFew<T> {
    fn default() -> Self {
        FirstFew { count: 0, first: Vec::new() }
    }
}

impl<T: Ord> FirstFew<T> {
    /// Counts one more.
    pub fn add(&mut self, one: T) {
        self.count += 1;
        self.keep(one);
    }

    /// Adds the counts and places of `other`.
    pub fn merge(&mut self, other: FirstFew<T>) {
        self.count += other.count;
        for one in other.first {
            self.keep(one);
        }
    }

    /// How many there were, kept or not.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first ones, at most [`KEPT_PLACES`], sorted.
    pub fn first(&self) -> &[T] {
        &self.first
    }

    /// The same count, with what `turn` makes of those that are kept; it must keep their order.
    pub(crate) fn map<U>(self, turn: impl FnMut(T) -> U) -> FirstFew<U> {
        FirstFew { count: self.count, first: self.first.into_iter().map(turn).collect() }
    }

    fn keep(&mut self, one: T) {
        let at = self.first.partition_point(|kept| *kept <= one);
        if at < KEPT_PLACES {
            self.first.insert(at, one);
            self.first.truncate(KEPT_PLACES);
        }
    }
}

/// An input that was not read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// Place of the input among all that were named or found, from 0.
    pub order: usize,
    /// The input's name for people; bytes that are not UTF-8 are replaced.
    pub input: Arc<str>,
    /// What is the matter.
    pub why: Why,
}

/// A place inside an input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Place of the input among all that were named or found, from 0.
    pub order: usize,
    /// Byte offset in the decompressed text, from 0.
    pub offset: u64,
    /// Line in the decompressed text, from 1.
    pub line: u64,
    /// The input's name for people.
    pub input: Arc<str>,
}

/// Why an input was skipped, not read, or not read to its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Why {
    /// Skipped: a file or folder found in a folder, whose name begins with a dot.
    #[error("hidden")]
    Hidden,
    /// Skipped: a file found in a folder, without one of the trace file endings.
    #[error("not a trace file by its name; name the file itself to read it")]
    OtherName,
    /// Skipped: another argument or link leads to the same file or folder.
    #[error("already read as {0}")]
    Repeated(Arc<str>),
    /// Skipped: a link to a folder that contains it.
    #[error("a link to a folder above it")]
    Loop,
    /// Unread: a FIFO, socket or device; opening it could wait for ever.
    #[error("{0}, not a regular file; pipe it to standard input and name it `-`")]
    NotRegular(&'static str),
    /// Unread: a folder, or a pattern that matches folders, in which no trace file is.
    #[error("no trace file in it")]
    NoTraceFile,
    /// Unread: a pattern that matches no path.
    #[error("no file matches the pattern")]
    NoMatch,
    /// Unread: a pattern that cannot be read, with the reason.
    #[error("not a valid pattern: {0}")]
    BadPattern(String),
    /// Unread, in whole or from some byte on: what the system said.
    #[error("{0}")]
    System(String),
    /// Unread, in whole or from some byte on: an error stopped the reading of all inputs.
    #[error("reading stopped before its end")]
    Stopped,
    /// Unread: text in UTF-16 or UTF-32.
    #[error("UTF-16 or UTF-32 text; only UTF-8 is read")]
    Wide,
    /// Unread: binary data, such as OTLP protobuf.
    #[error("binary data, not JSON text")]
    Binary,
    /// Unread: a compression that is not supported, by name.
    #[error("{0} data; only gzip and zstd are read")]
    OtherCompression(&'static str),
    /// Truncated: the compressed data ends in its middle; all before was read.
    #[error("truncated {0} data")]
    Truncated(&'static str),
    /// Damaged: the compressed data is corrupt from some byte on; what came before was read.
    #[error("damaged {0} data: {1}")]
    Damaged(&'static str, String),
    /// Damaged: the compressed data is followed by something else, which was not read.
    #[error("other bytes follow the {0} data")]
    Trailing(&'static str),
}

impl Why {
    /// Whether the input was passed over on purpose.
    pub(super) fn is_skipped(&self) -> bool {
        matches!(self, Self::Hidden | Self::OtherName | Self::Repeated(_) | Self::Loop)
    }
}

/// The account of a reading. Its content does not depend on the number of workers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceReport {
    /// Inputs that gave text, wholly read or not, and empty ones.
    pub files: u64,
    /// Bytes read from disk or standard input, compressed as they were.
    pub bytes: u64,
    /// Bytes of text after decompression.
    pub text_bytes: u64,
    /// Inputs passed over on purpose.
    pub skipped: FirstFew<Note>,
    /// Of those, files passed over for their [name](Why::OtherName): they may be traces.
    pub other_names: u64,
    /// Inputs that could not be read, or not to their end.
    pub unread: FirstFew<Note>,
    /// Documents above the size limit.
    pub refused: FirstFew<Place>,
    /// Inputs whose compressed data is cut.
    pub truncated: FirstFew<Note>,
    /// Inputs whose compressed data is corrupt or followed by something else.
    pub damaged: FirstFew<Note>,
}

impl SourceReport {
    /// Adds what another part of the same reading found.
    pub fn merge(&mut self, other: SourceReport) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.text_bytes += other.text_bytes;
        self.skipped.merge(other.skipped);
        self.other_names += other.other_names;
        self.unread.merge(other.unread);
        self.refused.merge(other.refused);
        self.truncated.merge(other.truncated);
        self.damaged.merge(other.damaged);
    }

    /// Files `note` under the kind that its reason belongs to.
    pub(super) fn note(&mut self, note: Note) {
        self.other_names += u64::from(note.why == Why::OtherName);
        let kind = match note.why {
            _ if note.why.is_skipped() => &mut self.skipped,
            Why::Truncated(_) => &mut self.truncated,
            Why::Damaged(..) | Why::Trailing(_) => &mut self.damaged,
            _ => &mut self.unread,
        };
        kind.add(note);
    }
}
