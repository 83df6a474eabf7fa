//! The statement of completeness: what was read, and what was not.

use std::collections::BTreeMap;

use corpora::otlp::Recognition;
pub use corpora::statement::{Malformed, Note};
use corpora::statement::{Statement, TOO_LARGE};

/// What a replay has read and what not. Except for `seconds` and the bytes on disk it is the same
/// for any order of the same inputs and any number of threads.
#[derive(Clone, Debug, Default)]
pub struct Completeness {
    /// Inputs that were read.
    pub files: u64,
    /// Bytes read, compressed as they were.
    pub bytes: u64,
    /// JSON documents.
    pub documents: u64,
    /// Distinct spans.
    pub spans: u64,
    /// Distinct traces.
    pub traces: u64,
    /// Spans that came again.
    pub duplicates: u64,
    /// Traces without a root span.
    pub rootless: u64,
    /// Traces with a span that ends before it starts.
    pub clock_defects: u64,
    /// What could not be read inside documents, by kind.
    pub malformed: BTreeMap<String, Malformed>,
    /// Documents in which nothing of OTLP was found: well-formed, but perhaps not what was meant.
    pub empty: u64,
    /// Entries of other signals (`logs`, `metrics`, …), which are passed over.
    pub other_signals: BTreeMap<String, u64>,
    /// Inputs that could not be read, or not to their end.
    pub unread: Vec<Note>,
    /// How many there are, listed or not.
    pub unread_count: u64,
    /// Inputs that were passed over on purpose, such as hidden files.
    pub skipped: Vec<Note>,
    /// How many there are, listed or not.
    pub skipped_count: u64,
    /// Of those, files found in folders whose name is not that of a trace file.
    pub other_names: u64,
    /// Whether a limit of memory was reached, so that some of what was to be read is in no count.
    pub stopped: bool,
    /// How spans were decoded; like the time, it says nothing of what they hold, and differs from run
    /// to run.
    pub decoder: Recognition,
    /// Wall-clock time, in seconds.
    pub seconds: f64,
}

impl Completeness {
    /// Whether everything that may hold spans was read and understood. Hidden files and what another
    /// name leads to may be [skipped](Self::skipped), files of other names may not.
    pub fn is_complete(&self) -> bool {
        !self.has_lost() && self.empty == 0 && self.other_names == 0
    }

    /// Whether some data could not be read: something is malformed or unread, reading stopped early,
    /// or there were documents and not one span in them.
    pub fn has_lost(&self) -> bool {
        let unread = self.stopped || self.unread_count > 0;
        unread || !self.malformed.is_empty() || self.is_spanless()
    }

    /// Whether a document was refused for its size.
    pub fn has_refused(&self) -> bool {
        self.malformed.keys().any(|kind| kind.starts_with(TOO_LARGE))
    }

    /// Whether there were documents and not one span in them.
    pub fn is_spanless(&self) -> bool {
        self.documents > 0 && self.spans == 0
    }

    /// What the readers' account says.
    pub(crate) fn of(read: Statement) -> Self {
        Self {
            files: read.files,
            bytes: read.bytes,
            documents: read.documents,
            malformed: read.malformed,
            empty: read.empty,
            other_signals: read.other_signals,
            unread: read.unread.first,
            unread_count: read.unread.count,
            skipped: read.skipped.first,
            skipped_count: read.skipped.count,
            other_names: read.other_names,
            ..Self::default()
        }
    }
}
