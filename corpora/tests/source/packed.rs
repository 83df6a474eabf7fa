//! Compressed inputs: whole, in pieces, cut and damaged.

use std::io::Write;

use betrace_corpora::source::{Kind, Options, SourceReport, Why};

use crate::{Owned, read_all, small};

const TEXT: &str = "{\"a\":1}\n{\"b\":\"two\"}\n{\n \"c\": [3, 4, 5]\n}\n{\"d\":4}\n";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 3).unwrap()
}

/// As a program writes that flushes after each line.
fn zstd_flushed(text: &str) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    for line in text.split_inclusive('\n') {
        encoder.write_all(line.as_bytes()).unwrap();
        encoder.flush().unwrap();
    }
    encoder.finish().unwrap()
}

fn plain() -> Vec<Owned> {
    read_all(TEXT.as_bytes(), Options::default()).0
}

fn reason(report: &SourceReport) -> Vec<Why> {
    let notes = [&report.truncated, &report.damaged, &report.unread];
    notes.iter().flat_map(|notes| notes.first()).map(|note| note.why.clone()).collect()
}

#[test]
fn every_form_gives_the_same_documents() {
    let (head, tail) = TEXT.split_at(13);
    let forms = [
        gzip(TEXT),
        [gzip(head), gzip(""), gzip(tail)].concat(),
        [gzip(head), gzip(tail), vec![0; 700]].concat(),
        zstd(TEXT),
        [zstd(head), zstd(""), zstd(tail)].concat(),
        [zstd(head), vec![0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9], zstd(tail)].concat(),
        [zstd(TEXT), vec![0; 700]].concat(),
    ];
    for bytes in forms {
        for read_bytes in [1, 5, 1 << 16] {
            let (chunks, report) = read_all(&bytes, small(read_bytes, 1 << 20));
            assert_eq!(chunks, plain());
            assert_eq!(reason(&report), []);
            assert_eq!((report.files, report.bytes), (1, bytes.len() as u64));
            assert_eq!(report.text_bytes, TEXT.len() as u64);
        }
    }
}

#[test]
fn a_cut_at_any_byte_loses_only_what_was_cut() {
    let long: String = (0..300).map(|n| format!("{{\"n\":{}}}\n", n * n)).collect();
    for (bytes, magic, name) in [
        (gzip(TEXT), 2, "gzip"),
        (gzip(&long), 2, "gzip"),
        (zstd_flushed(TEXT), 4, "zstd"),
        (zstd_flushed(&long), 4, "zstd"),
    ] {
        let whole = read_all(&bytes, Options::default()).0;
        let mut most = 0;
        for cut in magic..bytes.len() {
            let (chunks, report) = read_all(&bytes[..cut], small(1 << 16, 1 << 20));
            assert_eq!(reason(&report), [Why::Truncated(name)], "{name} cut at {cut}");
            let complete = chunks.len() - usize::from(chunks.last().is_some_and(|c| c.ends_input));
            assert_eq!(chunks[..complete], whole[..complete], "{name} cut at {cut}");
            assert!(complete >= most, "{name}: {cut} bytes gave less than fewer bytes did");
            most = complete;
        }
        assert!(most > 0, "{name}: nothing was saved");
    }
}

#[test]
fn the_document_at_the_cut_is_unfinished() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(TEXT.as_bytes()).unwrap();
    let bytes = encoder.finish().unwrap();
    let header = bytes.windows(4).position(|four| four == b"{\"a\"").unwrap();
    let (chunks, _) = read_all(&bytes[..header + 15], Options::default());
    assert_eq!(chunks[0], plain()[0]);
    assert_eq!((chunks[1].kind, &*chunks[1].text), (Kind::Unfinished, "{\"b\":\"t"));
}

#[test]
fn damage_and_foreign_bytes_are_told_apart() {
    let mut wrong_sum = gzip(TEXT);
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    let (chunks, report) = read_all(&wrong_sum, Options::default());
    assert_eq!(chunks, plain());
    assert!(matches!(reason(&report)[..], [Why::Damaged("gzip", _)]));

    for (bytes, name) in [(gzip(TEXT), "gzip"), (zstd(TEXT), "zstd")] {
        let (chunks, report) = read_all(&[&bytes[..], b"junk"].concat(), Options::default());
        assert_eq!(chunks, plain());
        assert_eq!(reason(&report), [Why::Trailing(name)]);
    }
    let wide_window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 1, 0, 0];
    let (_, report) = read_all(&wide_window, Options::default());
    assert!(matches!(reason(&report)[..], [Why::Damaged("zstd", _)]), "{report:?}");
}

#[test]
fn what_is_not_text_is_refused_by_name() {
    let wide: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let cases: [(&[u8], Why); 9] = [
        (&wide, Why::Wide),
        (&big, Why::Wide),
        (&[&[0xff, 0xfe], &wide[..]].concat(), Why::Wide),
        (b"\0\0\0{\0\0\0}", Why::Wide),
        (b"\0\0\x0a\x43protobuf", Why::Binary),
        (b"BZh91AY&SY", Why::OtherCompression("bzip2")),
        (b"\xfd7zXZ\0\0", Why::OtherCompression("xz")),
        (b"PK\x03\x04rest", Why::OtherCompression("zip")),
        (b"\x04\x22\x4d\x18rest", Why::OtherCompression("lz4")),
    ];
    for (bytes, why) in cases {
        let (chunks, report) = read_all(bytes, small(1, 1 << 20));
        assert_eq!((chunks.len(), report.files), (0, 0), "{why}");
        assert_eq!(reason(&report), [why]);
    }
}

#[test]
fn a_bomb_is_passed_over_in_bounded_memory() {
    let zeros = format!("{{\"a\":\"{}\"}}\n{{}}\n", "0".repeat(50 << 20));
    let (chunks, report) = read_all(&zstd(&zeros), small(1 << 16, 1 << 16));
    assert_eq!((chunks.len(), report.refused.count()), (1, 1));
    assert_eq!(chunks[0].line, 2);
}
