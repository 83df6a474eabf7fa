//! The manifest: which segments a corpus consists of, and what was read into it.
//!
//! Two lines of text: a JSON object, then the CRC-32 of the first line in 8 hex digits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::source::{Digests, Known};
use crate::statement::{Note, Statement};

/// What the manifest calls itself.
const SCHEMA: &str = "betrace.corpus/";
/// The format that is written, and the newest that is read.
pub const FORMAT: u32 = 1;

/// See the module's text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format, as `betrace.corpus/1`.
    pub(super) schema: String,
    /// Counts commits.
    pub generation: u64,
    /// The number that the next file gets.
    pub next_file: u64,
    /// The segments, in the order of their files.
    pub segments: Vec<SegmentEntry>,
    /// The number of the file that lists the traces which lie in several segments, if any do.
    pub splits: Option<u64>,
    /// Segments that could not be read when others were added, so that the list may lack traces which
    /// lie in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmet: Vec<u64>,
    /// What was read, wholly or up to some byte.
    pub inputs: Vec<InputEntry>,
    /// What was found in it, beside spans; without what is wrong with the ends of inputs.
    pub found: Statement,
    /// Inputs of which something could not be read, and why, until they are read; and segments that were
    /// dropped.
    pub unread: BTreeMap<String, String>,
    /// Spans that came again and were left out, of the same ingest.
    pub duplicates: u64,
}

/// A segment of a corpus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentEntry {
    /// The number of its file.
    pub number: u64,
    /// Length of the file.
    pub bytes: u64,
    /// Checksum of the file's footer, which has those of all its blocks.
    pub crc: u32,
    /// Traces, those included that lie in other segments, too.
    pub traces: u64,
    /// Spans.
    pub spans: u64,
    /// Start of its first trace, in nanoseconds since 1970.
    pub first: u64,
    /// Start of its last trace.
    pub last: u64,
    /// Traces without a root span.
    pub rootless: u64,
    /// Traces with a span that ends before it starts.
    pub clock_defects: u64,
}

/// The kinds of compressed data with an end that could not be read.
pub(super) const TRUNCATED: &str = "truncated";
pub(super) const DAMAGED: &str = "damaged";

/// How far an input was read. It is known by what it holds, not by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputEntry {
    /// The name under which it was read.
    pub name: String,
    /// How many bytes of it, decompressed, were read, but for a last document that is unfinished.
    pub length: u64,
    /// BLAKE3 of the first of these bytes, at most [`HEAD`](crate::source::HEAD), in hex.
    pub head: String,
    /// BLAKE3 of all of them, in hex.
    pub digest: String,
    /// Bytes and BLAKE3 with that unfinished document, if there is one. Its whole spans were read,
    /// and it will be read again once it has grown.
    pub seen: Option<(u64, String)>,
    /// The kinds of what is wrong with its end, and the words for them.
    pub cut: Vec<(String, String)>,
}

impl InputEntry {
    /// What to know an input by.
    pub fn new(name: &str, digests: &Digests, cut: Vec<(String, String)>) -> Self {
        let Digests { read, seen } = digests;
        Self {
            name: name.to_owned(),
            length: read.length(),
            head: read.head(),
            digest: read.digest(),
            seen: seen.as_ref().map(|seen| (seen.length(), seen.digest())),
            cut,
        }
    }
}

impl Known for InputEntry {
    fn head(&self) -> &str {
        &self.head
    }

    fn read(&self) -> (u64, &str) {
        (self.length, &self.digest)
    }

    fn seen(&self) -> Option<(u64, &str)> {
        self.seen.as_ref().map(|(length, digest)| (*length, &**digest))
    }

    fn is_damaged(&self) -> bool {
        self.cut.iter().any(|(kind, _)| kind == TRUNCATED || kind == DAMAGED)
    }
}

impl Manifest {
    /// The manifest of a corpus without segments.
    pub fn new() -> Self {
        Self { schema: format!("{SCHEMA}{FORMAT}"), ..Self::default() }
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        let json = serde_json::to_string(self).expect("a manifest has text keys only");
        let crc = crc32fast::hash(json.as_bytes());
        format!("{json}\n{crc:08x}\n")
    }

    /// Reads the text of the file.
    ///
    /// # Errors
    /// Where it is not what was written, or of a later format.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Refused> {
        let torn = || Refused::Damaged("the manifest is cut off or changed".to_owned());
        let text = std::str::from_utf8(text).map_err(|_| torn())?;
        let (json, crc) = text.split_once('\n').ok_or_else(torn)?;
        if crc != format!("{:08x}\n", crc32fast::hash(json.as_bytes())) {
            return Err(torn());
        }
        let damaged = |error: serde_json::Error| Refused::Damaged(error.to_string());
        let Named { schema } = serde_json::from_str(json).map_err(damaged)?;
        match schema.strip_prefix(SCHEMA).and_then(|format| format.parse().ok()) {
            Some(FORMAT) => serde_json::from_str(json).map_err(damaged),
            Some(format) if format > FORMAT => Err(Refused::Newer(format)),
            _ => Err(Refused::Damaged(format!("{schema:?} is not a corpus"))),
        }
    }

    /// What was read and what was not.
    pub fn statement(&self) -> Statement {
        let mut statement = self.found.clone();
        for (kind, place) in self.inputs.iter().flat_map(|input| &input.cut) {
            statement.add_malformed(kind, place.clone());
        }
        for (input, why) in &self.unread {
            statement.unread.add(Note { input: input.clone(), why: why.clone() });
        }
        statement
    }

    /// Traces of all segments, those that lie in several counted in each.
    pub fn traces(&self) -> u64 {
        self.segments.iter().map(|segment| segment.traces).sum()
    }
}

impl SegmentEntry {
    /// The name of its file.
    pub fn file(&self) -> String {
        segment_file(self.number)
    }
}

/// The name of a segment's file.
pub fn segment_file(number: u64) -> String {
    format!("{number:016x}.seg")
}

/// The name of a file with [`Splits`](super::Splits).
pub fn splits_file(number: u64) -> String {
    format!("{number:016x}.split")
}

/// What is read of any format.
#[derive(Deserialize)]
struct Named {
    pub(super) schema: String,
}

/// Why a manifest cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not what was written.
    Damaged(String),
    /// It is of a later format.
    Newer(u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_and_every_changed_bit_is_refused() {
        let manifest = Manifest { generation: 7, ..Manifest::new() };
        let text = manifest.to_text().into_bytes();
        assert_eq!(Manifest::parse(&text), Ok(manifest));
        for end in 0..text.len() {
            assert!(Manifest::parse(&text[..end]).is_err(), "{end} bytes");
        }
        for bit in 0..text.len() * 8 {
            let mut changed = text.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Manifest::parse(&changed).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_later_format_is_told_apart_from_damage() {
        let later = Manifest { schema: "betrace.corpus/2".to_owned(), ..Manifest::new() };
        assert_eq!(Manifest::parse(later.to_text().as_bytes()), Err(Refused::Newer(2)));
    }
}
