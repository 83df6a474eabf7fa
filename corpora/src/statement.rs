//! What was read and what was not, in plain words and numbers: reports show it, a corpus keeps it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::otlp::Tally;
use crate::source::{FirstFew, KEPT_PLACES, Place, SourceReport};

/// The kind of defect that a document above the limit is; the name of one for which there is not
/// enough memory begins with it.
pub const TOO_LARGE: &str = "document_too_large";

/// The account of a reading, or of several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Statement {
    /// Inputs that were read.
    pub files: u64,
    /// Bytes read, compressed as they were.
    pub bytes: u64,
    /// JSON documents.
    pub documents: u64,
    /// Documents in which nothing of OTLP was found: well-formed, but perhaps not what was meant.
    pub empty: u64,
    /// What could not be read inside documents, by kind.
    pub malformed: BTreeMap<String, Malformed>,
    /// Entries of other signals (`logs`, `metrics`, …), which are passed over.
    pub other_signals: BTreeMap<String, u64>,
    /// Inputs that could not be read, or not to their end.
    pub unread: Notes,
    /// Inputs that were passed over on purpose, such as hidden files.
    pub skipped: Notes,
    /// Of those, files found in folders whose name is not that of a trace file.
    pub other_names: u64,
}

/// Defects of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Malformed {
    /// How many.
    pub count: u64,
    /// The first places, as `input:line (byte offset)`.
    pub places: Vec<String>,
}

/// Inputs that were passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Vec<Note>,
}

/// An input and why it was passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The input.
    pub input: String,
    /// Why.
    pub why: String,
}

impl Statement {
    /// Puts the accounts of reading and decoding together.
    pub fn of(source: SourceReport, tally: Tally) -> Self {
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
        let other_signals = tally.other_signals.into_iter();
        Self {
            files: source.files,
            bytes: source.bytes,
            documents: tally.documents,
            empty: tally.empty,
            malformed,
            other_signals: other_signals
                .map(|(signal, count)| (signal.to_owned(), count))
                .collect(),
            unread: Notes::of(&source.unread),
            skipped: Notes::of(&source.skipped),
            other_names: source.other_names,
        }
    }

    /// Counts a defect and its place.
    pub fn add_malformed(&mut self, kind: &str, place: String) {
        let own = self.malformed.entry(kind.to_owned()).or_default();
        own.count += 1;
        own.places.push(place);
        own.places.truncate(KEPT_PLACES);
    }

    /// Adds the account of a later reading.
    pub fn merge(&mut self, later: Self) {
        self.files += later.files;
        self.bytes += later.bytes;
        self.documents += later.documents;
        self.empty += later.empty;
        for (kind, malformed) in later.malformed {
            let own = self.malformed.entry(kind).or_default();
            own.count += malformed.count;
            own.places.extend(malformed.places);
            own.places.truncate(KEPT_PLACES);
        }
        for (signal, count) in later.other_signals {
            *self.other_signals.entry(signal).or_default() += count;
        }
        self.unread.merge(later.unread);
        self.skipped.merge(later.skipped);
        self.other_names += later.other_names;
    }
}

impl Malformed {
    pub(crate) fn of(places: &FirstFew<Place>) -> Self {
        let shown = places
            .first()
            .iter()
            .map(|place| format!("{}:{} (byte {})", place.input, place.line, place.offset));
        Self { count: places.count(), places: shown.collect() }
    }
}

impl Notes {
    fn of(notes: &FirstFew<crate::source::Note>) -> Self {
        let first = notes.first().iter();
        let note = |note: &crate::source::Note| Note {
            input: note.input.to_string(),
            why: note.why.to_string(),
        };
        Self { count: notes.count(), first: first.map(note).collect() }
    }

    /// Counts one more.
    pub fn add(&mut self, note: Note) {
        self.merge(Self { count: 1, first: vec![note] });
    }

    fn merge(&mut self, later: Self) {
        self.count += later.count;
        self.first.extend(later.first);
        self.first.truncate(KEPT_PLACES);
    }
}
