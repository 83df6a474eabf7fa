//! The reader without a tape: what it gives for generated and damaged documents, having learned
//! from those before, is what the strict reader gives.

extern crate corpora as betrace_corpora;

#[expect(dead_code, reason = "shared with the decoder's own tests, which use all of it")]
#[path = "../../corpora/tests/otlp/recorder.rs"]
mod recorder;

use betrace_fuzz::campaign::campaign;
use betrace_fuzz::{Bytes, mutate, otlp};
use corpora::otlp::Decoder;
use corpora::source::{Chunk, Kind};
use recorder::{Recorder, Wish};

#[test]
fn fast_and_strict_reader_agree() {
    campaign("fast-reader", 1_500, check);
}

#[test]
fn fast_and_strict_reader_agree_on_what_a_fuzzer_finds() {
    bolero::check!().with_iterations(200).for_each(|input: &[u8]| {
        let mut pair = Pair::new(Wish::Some);
        pair.compare(input);
        check(&mut Bytes::new(input));
    });
}

/// A document, damage to it, and it again, for a sink that wants all attributes, some or none. Every
/// other one is as exporters write it, so that damage meets what the fast reader knows.
fn check(bytes: &mut Bytes<'_>) {
    let mut pair = Pair::new(*bytes.pick(&[Wish::Nothing, Wish::Nothing, Wish::Some, Wish::All]));
    for _ in 0..3 {
        let is_usual = bytes.chance(50);
        let document = if is_usual { usual(bytes) } else { otlp::document(bytes) };
        let before = pair.fast.recognition().documents_left;
        pair.compare(document.as_bytes());
        assert!(!is_usual || pair.fast.recognition().documents_left == before, "{document}");
        for _ in 0..if is_usual { 8 } else { 4 } {
            pair.compare(&mutate::bytes(bytes, document.as_bytes()));
        }
        pair.compare(document.as_bytes());
    }
}

/// A document of a few spans with attributes of all types.
fn usual(bytes: &mut Bytes<'_>) -> String {
    let spans = (0..1 + bytes.below(3)).map(|number| {
        let ids = format!(r#""traceId":"{:032x}","spanId":"{:016x}""#, 7, number + 1);
        let name = bytes.pick(&["a", "b", "GET /"]);
        let attributes = entries(bytes, 0);
        format!(r#"{{{ids},"name":"{name}","startTimeUnixNano":"5","attributes":[{attributes}]}}"#)
    });
    let spans = spans.collect::<Vec<_>>().join(",");
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#)
}

/// Attributes, or entries of a map.
fn entries(bytes: &mut Bytes<'_>, depth: usize) -> String {
    let entries = (0..bytes.below(4)).map(|_| {
        let key = *bytes.pick(&["k", "l", "m", "n", "a.b", ""]);
        format!(r#"{{"key":"{key}","value":{}}}"#, value(bytes, depth))
    });
    entries.collect::<Vec<_>>().join(",")
}

/// A value, at most three lists or maps deep.
fn value(bytes: &mut Bytes<'_>, depth: usize) -> String {
    let plain = [
        r#"{"stringValue":""}"#,
        r#"{"stringValue":"a\u00e9\n"}"#,
        r#"{"intValue":"-25"}"#,
        r#"{"intValue":1700000000000000001}"#,
        r#"{"doubleValue":-2.5}"#,
        r#"{"doubleValue":1e-05}"#,
        r#"{"boolValue":true}"#,
        r#"{"bytesValue":"AQI="}"#,
        r#"{"arrayValue":{}}"#,
        "{}",
    ];
    match bytes.below(4) {
        0 if depth < 3 => {
            let list = (0..bytes.below(4)).map(|_| value(bytes, depth + 1));
            let list = list.collect::<Vec<_>>().join(",");
            format!(r#"{{"arrayValue":{{"values":[{list}]}}}}"#)
        }
        1 if depth < 3 => {
            let map = entries(bytes, depth + 1);
            format!(r#"{{"kvlistValue":{{"values":[{map}]}}}}"#)
        }
        _ => (*bytes.pick(&plain)).to_owned(),
    }
}

/// One decoder that tries the fast reader on everything, and one that has none.
struct Pair {
    fast: Decoder<Recorder>,
    strict: Decoder<Recorder>,
}

impl Pair {
    fn new(wish: Wish) -> Self {
        let new = || Decoder::with_sink(Recorder::wishing(wish));
        Self { fast: new().eager(), strict: new().strict() }
    }

    fn compare(&mut self, bytes: &[u8]) {
        let [fast, strict] = [&mut self.fast, &mut self.strict].map(|decoder| {
            let chunk = Chunk { bytes, offset: 0, line: 1, kind: Kind::Block, ends_input: true };
            decoder.decode(&chunk, 0, &"memory".into());
            format!("{:?}", std::mem::take(&mut decoder.sink_mut().spans))
        });
        assert_eq!(fast, strict, "{}", String::from_utf8_lossy(bytes));
        assert_eq!(self.fast.tally(), self.strict.tally(), "{}", String::from_utf8_lossy(bytes));
    }
}
