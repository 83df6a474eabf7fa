//! The statement of completeness: what was read, and what was not.

use std::collections::BTreeMap;

use corpora::otlp::{Recognition, Tally};
use corpora::source::{FirstFew, Place, SourceReport};

/// The kind of defect that a document above the limit is; the name of one for which there is not
/// enough memory begins with it.
pub(crate) const TOO_LARGE: &str = "document_too_large";

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

/// Defects of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Malformed {
    /// How many.
    pub count: u64,
    /// The first places, as `input:line (byte offset)`.
    pub places: Vec<String>,
}

/// An input and why it was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The input.
    pub input: String,
    /// Why.
    pub why: String,
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

    /// Whether there were documents and not one span in them.
    pub fn is_spanless(&self) -> bool {
        self.documents > 0 && self.spans == 0
    }

    /// Puts the accounts of reading and decoding together.
    pub(crate) fn of(source: SourceReport, tally: Tally) -> Self {
        let mut malformed: BTreeMap<String, Malformed> = BTreeMap::new();
        for (defect, places) in &tally.malformed {
            malformed.insert(defect.to_string(), Malformed::of(places));
        }
        if source.refused.count() > 0 {
            malformed.insert(TOO_LARGE.to_owned(), Malformed::of(&source.refused));
        }
        for (kind, notes) in [("truncated", &source.truncated), ("damaged", &source.damaged)] {
            if notes.count() > 0 {
                let places = notes.first().iter();
                let places = places.map(|note| format!("{}: {}", note.input, note.why)).collect();
                malformed.insert(kind.to_owned(), Malformed { count: notes.count(), places });
            }
        }
        let notes = |notes: &FirstFew<corpora::source::Note>| {
            let notes = notes.first().iter();
            notes
                .map(|note| Note { input: note.input.to_string(), why: note.why.to_string() })
                .collect()
        };
        let other_signals = tally.other_signals.into_iter();
        Self {
            files: source.files,
            bytes: source.bytes,
            documents: tally.documents,
            malformed,
            empty: tally.empty,
            other_signals: other_signals
                .map(|(signal, count)| (signal.to_owned(), count))
                .collect(),
            unread: notes(&source.unread),
            unread_count: source.unread.count(),
            skipped: notes(&source.skipped),
            skipped_count: source.skipped.count(),
            other_names: source.other_names,
            ..Self::default()
        }
    }
}

impl Malformed {
    fn of(places: &FirstFew<Place>) -> Self {
        let shown = places
            .first()
            .iter()
            .map(|place| format!("{}:{} (byte {})", place.input, place.line, place.offset));
        Self { count: places.count(), places: shown.collect() }
    }
}
