//! Files that earlier builds wrote stay readable for ever. Beside each stands what is in it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use betrace_corpora::corpus::file::SegmentFile;
use betrace_corpora::corpus::{Folder, InputEntry, SegmentEntry};

use super::support::dump;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/golden").join(name)
}

#[test]
fn files_of_version_1_stay_readable() {
    let file = SegmentFile::open(&golden("v1.seg")).expect("it opens");
    file.verify().expect("it is whole");
    let expected = fs::read_to_string(golden("v1.txt")).expect("it is there");
    assert_eq!(dump(&file.segment(None)), expected);
}

/// Two ingests: traces that lie in two segments, a line that is no document, gzip data that is cut.
/// Its segments have blocks of every encoding, blocks of several chunks, and frames of every width.
#[test]
fn a_corpus_of_version_1_stays_readable() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (golden("corpus-1"), folder.path());
    fs::create_dir(to.join("segments")).expect("a new folder");
    for name in ["MANIFEST", "segments/0000000000000000.seg", "segments/0000000000000001.seg"] {
        fs::copy(from.join(name), to.join(name)).expect("it is there");
    }
    let list = "segments/0000000000000002.split";
    fs::copy(from.join(list), to.join(list)).expect("it is there");
    let snapshot = Folder::new(to).read().expect("it opens");
    let manifest = &snapshot.manifest;
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("texts take all");
    line(format!("generation {}, duplicates {}", manifest.generation, manifest.duplicates));
    for entry in &manifest.segments {
        let file = snapshot.open(entry.number).expect("it opens");
        file.verify().expect("it is whole");
        let dump = dump(&file.segment(None));
        let crc = crc32fast::hash(dump.as_bytes());
        let SegmentEntry { number, traces, spans, first, last, rootless, .. } = entry;
        line(format!("segment {number}: {traces} traces, {spans} spans, {first} to {last}"));
        line(format!("  {rootless} rootless, {} lines, CRC-32 {crc:08x}", dump.lines().count()));
    }
    for piece in snapshot.splits().expect("it can be read").splits.pieces() {
        line(format!("{:032x} in {}: {}", piece.trace, piece.file, piece.ordinal));
    }
    for InputEntry { name, length, head, digest, seen, cut, .. } in &manifest.inputs {
        line(format!("{name}: {length} bytes, {head}, {digest}, {seen:?}, {cut:?}"));
    }
    for (kind, found) in manifest.statement().malformed {
        line(format!("malformed {kind}: {} {:?}", found.count, found.places));
    }
    let expected = fs::read_to_string(golden("corpus-1.txt")).expect("it is there");
    assert_eq!(text, expected);
}
