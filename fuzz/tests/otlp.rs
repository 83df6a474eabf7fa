//! OTLP JSON: what the decoder finds in generated and damaged documents is what a slow reading of
//! the same bytes with serde_json finds, however the text comes in.

extern crate corpora as betrace_corpora;

#[path = "../../corpora/tests/otlp/oracle.rs"]
mod oracle;
#[expect(dead_code, reason = "shared with the decoder's own tests, which use all of it")]
#[path = "../../corpora/tests/otlp/recorder.rs"]
mod recorder;

use betrace_fuzz::campaign::campaign;
use betrace_fuzz::{Bytes, mutate, otlp};
use corpora::otlp::{Decoder, Tally};
use corpora::source::{Buffer, Options, Stream};
use recorder::{Recorder, Span};

#[test]
fn documents_are_read_as_by_the_oracle() {
    campaign("otlp-json", 2_500, |bytes| {
        let document = otlp::document(bytes);
        oracle::compare(&document);
        if let Some(document) = recorder::slowed(&document) {
            oracle::compare(&document);
        }
        let mut random = oracle::Random(bytes.bits());
        for _ in 0..3 {
            compare_bytes(&oracle::mutate(document.as_bytes(), &mut random));
        }
        // A cut may leave a key twice, of which the oracle knows only the last.
        let damaged = mutate::bytes(bytes, document.as_bytes());
        if serde_json::from_slice::<serde_json::Value>(&damaged).is_err() {
            compare_bytes(&damaged);
        }
    });
}

#[test]
fn streams_are_read_as_their_documents() {
    campaign("otlp-streams", 1_500, check_stream);
}

#[test]
fn damaged_streams_lose_only_what_is_damaged() {
    campaign("otlp-damaged", 1_500, check_damaged);
}

#[test]
fn documents_of_a_fuzzer_are_read_as_by_the_oracle() {
    bolero::check!().with_iterations(300).for_each(|input: &[u8]| {
        compare_bytes(input);
        let mut bytes = Bytes::new(input);
        oracle::compare(&otlp::document(&mut bytes));
        check_stream(&mut bytes);
        check_damaged(&mut bytes);
    });
}

fn compare_bytes(bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        // Blank text holds no document.
        Ok(text) if text.trim_ascii().is_empty() => {}
        Ok(text) => oracle::compare(text),
        Err(_) => {
            let (_, tally) = recorder::decode_document(bytes);
            assert!(!tally.malformed.is_empty(), "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}

/// Whole documents in a row, each on a line, on many lines, or right after the one before.
fn check_stream(bytes: &mut Bytes<'_>) {
    let (mut text, mut expected) = (String::new(), Vec::new());
    if bytes.chance(10) {
        text.push('\u{feff}');
    }
    for _ in 0..bytes.below(6) {
        let document = otlp::document(bytes);
        expected.extend(recorder::decode_document(document.as_bytes()).0);
        match bytes.below(4) {
            0 => text.push_str(&spread(bytes, &document)),
            _ => text.push_str(&document),
        }
        text.push_str(bytes.pick::<&str>(&["\n", "\n", "\r\n", "\n\n \n", "", " "]));
    }
    let (found, _) = read(bytes, text.as_bytes());
    assert_eq!(printed(&found), printed(&expected), "{text}");
}

/// Documents that begin as exporters write them, some damaged: the others stay, and reads of any
/// size give the same.
fn check_damaged(bytes: &mut Bytes<'_>) {
    let (mut text, mut sound) = (Vec::new(), Vec::new());
    for number in 1..2 + bytes.below(6) {
        let line = format!(
            "{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{{\"traceId\":\"{number:032x}\",\
             \"spanId\":\"{number:016x}\",\"name\":\"\\u00e9\",\"startTimeUnixNano\":{number},\
             \"attributes\":[{{\"key\":\"k\",\"value\":{{\"intValue\":\"5\"}}}}]}}]}}]}}]}}"
        );
        if bytes.chance(50) {
            sound.push(format!("{number:x}"));
            text.extend(line.as_bytes());
        } else {
            text.extend(mutate::bytes(bytes, line.as_bytes()));
        }
        text.push(b'\n');
    }
    // The first four bytes tell text from what is none, which is refused as a whole.
    let wide = text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]);
    let is_text = !wide && !text.iter().take(4).any(|byte| *byte == 0);
    let (found, tally) = read(bytes, &text);
    let again = read(bytes, &text);
    let shown = String::from_utf8_lossy(&text);
    assert_eq!((printed(&found), &tally), (printed(&again.0), &again.1), "{shown}");
    for number in sound.iter().filter(|_| is_text) {
        let kept = found.iter().any(|span| format!("{:x}", span.trace_id) == *number);
        assert!(kept, "the span of trace {number} is lost: {shown:?}, read as {tally:?}");
    }
}

/// The same document on many lines: blanks may stand around every bracket and comma that is not
/// inside a string.
fn spread(bytes: &mut Bytes<'_>, document: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::new(), false, false);
    for char in document.chars() {
        out.push(char);
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' | '[' | ',' | ':' if !quoted => {
                out.push_str(bytes.pick::<&str>(&["", "", "\n", "\n  ", "\r\n\t"]));
            }
            _ => {}
        }
    }
    out
}

/// Reads a text as an input, in reads and blocks of any size.
fn read(bytes: &mut Bytes<'_>, text: &[u8]) -> (Vec<Span>, Tally) {
    let options = Options {
        read_bytes: 1 + bytes.below(90),
        block_bytes: 1 + bytes.below(2_000),
        ..Options::default()
    };
    let mut decoder = Decoder::with_sink(Recorder::default());
    let mut stream = Stream::new(0, "memory".into(), text, options);
    let mut buffer = Buffer::default();
    while let Some(block) = stream.next_block(&mut buffer) {
        decoder.decode_block(&block);
    }
    let (recorder, tally) = decoder.into_parts();
    (recorder.spans, tally)
}

fn printed(spans: &[Span]) -> Vec<String> {
    spans.iter().map(|span| format!("{span:?}")).collect()
}
