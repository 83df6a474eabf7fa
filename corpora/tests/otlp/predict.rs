//! The fast reader against the strict one: the same spans, the same account, the same refusals.

use betrace_corpora::otlp::Decoder;
use betrace_corpora::source::{Chunk, Kind};

use crate::fast::counts;
use crate::oracle::Random;
use crate::recorder::{Recorder, Span, Wish};

/// Tells how many mutants the long form tries.
const LONG: &str = "BETRACE_MUTANTS";
const SHORT: usize = 12_000;

/// Documents that show what exporters write, and small enough for edits to hit all of it.
const DOCUMENTS: [&str; 6] = [
    r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]},"scopeSpans":[{"scope":{"name":"n","version":"1"},"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","parentSpanId":"","name":"GET /","kind":2,"startTimeUnixNano":"1700000000000000001","endTimeUnixNano":"1700000000000000009","attributes":[{"key":"n","value":{"intValue":"25"}},{"key":"x","value":{"doubleValue":2.5}},{"key":"b","value":{"boolValue":true}}],"status":{}},{"traceId":"0AF7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203332","parentSpanId":"b7ad6b7169203331","name":"GET /","kind":3,"startTimeUnixNano":"1700000000000000003","endTimeUnixNano":"1700000000000000004","attributes":[{"key":"n","value":{"intValue":"-7"}},{"key":"x","value":{"doubleValue":-1e-5}},{"key":"b","value":{"boolValue":false}}],"status":{"code":2,"message":"a \"b\""}}]}]}]}"#,
    r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"é","traceId":"CvdlGRbNQ92ESOshHIAxnA==","spanId":"t61rcWkgMzE=","startTimeUnixNano":5,"endTimeUnixNano":9,"kind":"SPAN_KIND_CLIENT","flags":257,"traceState":"a=b","events":[{"timeUnixNano":"1","name":"e\n","attributes":[{"key":"k","value":{"stringValue":"v"}}]},{"timeUnixNano":2,"a":[true,false,null,{},[],[1,-2.5]]}],"links":[],"droppedEventsCount":0,"status":{"message":"m","code":"STATUS_CODE_ERROR"}},{"traceId":"00000000000000000000000000000001","spanId":"0000000000000001","name":"","startTimeUnixNano":"1"}]},{"spans":[]}],"resource":{"attributes":[{"key":"r","value":{"intValue":1}}]}}]}"#,
    "{\n \"batches\": [ {\n \"resource\": { \"attributes\": [] },\n \"instrumentation_library_spans\": [ { \"spans\": [\n { \"trace_id\": \"00000000000000000000000000000002\", \"span_id\": \"0000000000000003\", \"start_time_unix_nano\": \"7\", \"name\": \"n\", \"attributes\": [ { \"key\": \"a\", \"value\": { \"string_value\": \"1\" } },\n { \"key\": \"e\", \"value\": { } } ] } ,\n { \"trace_id\": \"00000000000000000000000000000002\", \"span_id\": \"0000000000000004\", \"start_time_unix_nano\": \"8\" } ] } ] } ]\n}",
    r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"key":"l","value":{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"1"},{"doubleValue":0.5},{"arrayValue":{"values":[]}}]}}},{"key":"m","value":{"kvlistValue":{"values":[{"key":"k","value":{"boolValue":true}}]}}},{"key":"i","value":{"intValue":12}}],"traceId":"00000000000000000000000000000003","spanId":"0000000000000005","startTimeUnixNano":"9","endTimeUnixNano":"10","name":"a\u00e9b"},{"attributes":[],"traceId":"00000000000000000000000000000003","spanId":"0000000000000006","startTimeUnixNano":"9","name":"plain"}]}]},{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"traceId":"00000000000000000000000000000003","spanId":"0000000000000007","startTimeUnixNano":"18446744073709551615","endTimeUnixNano":"0","kind":"3"}]}]}],"resourceLogs":[{}]}"#,
    r#"[{"scopeSpans":[{"spans":[{"traceId":"00000000000000000000000000000004","spanId":"0000000000000008","startTimeUnixNano":"1","name":"spans","attributes":[{"key":"spans","value":{"stringValue":"\"spans\":[{"}}]}]}]}]"#,
    r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"00000000000000000000000000000005","spanId":"0000000000000001","name":"x","startTimeUnixNano":"1","attributes":[{"key":"t","value":{"stringValue":""}},{"key":"k","value":{"arrayValue":{"values":[{"stringValue":"a\"b"},{"intValue":"-12"},{"intValue":3},{"doubleValue":-1.5e-05},{"boolValue":false},{}]}}},{"key":"i","value":{"intValue":"1700000000000000001"}}]},{"traceId":"00000000000000000000000000000005","spanId":"0000000000000002","name":"y","startTimeUnixNano":"2","attributes":[{"key":"t","value":{"stringValue":""}},{"key":"k","value":{"arrayValue":{"values":[{"stringValue":"a\"b"},{"intValue":"-12"},{"intValue":3},{"doubleValue":-1.5e-05},{"boolValue":false},{}]}}},{"key":"i","value":{"intValue":"1700000000000000001"}}]},{"traceId":"00000000000000000000000000000005","spanId":"0000000000000003","name":"x","startTimeUnixNano":"3","attributes":[{"key":"t","value":{"stringValue":"x"}},{"key":"l","value":{"arrayValue":{"values":[{"arrayValue":{"values":[{"stringValue":"é"}]}},{"kvlistValue":{"values":[]}},{"bytesValue":"AQI="}]}}},{"key":"i","value":{"intValue":"1700000000000000001"}}]},{"traceId":"00000000000000000000000000000005","spanId":"0000000000000004","name":"y","startTimeUnixNano":"4","attributes":[{"key":"t","value":{"stringValue":"y"}},{"key":"l","value":{"arrayValue":{"values":[{"arrayValue":{"values":[{"stringValue":"é"}]}},{"kvlistValue":{"values":[]}},{"bytesValue":"AQI="}]}}},{"key":"i","value":{"intValue":"1700000000000000001"}}]},{"traceId":"00000000000000000000000000000005","spanId":"0000000000000005","name":"x","startTimeUnixNano":"5","attributes":[{"key":"t","value":{"stringValue":"xx"}},{"key":"m","value":{"kvlistValue":{"values":[{"key":"k","value":{"boolValue":true}},{"key":"m","value":{"kvlistValue":{"values":[{"key":"","value":{"arrayValue":{}}}]}}}]}}},{"key":"i","value":{"intValue":"1700000000000000001"}}]},{"traceId":"00000000000000000000000000000005","spanId":"0000000000000006","name":"y","startTimeUnixNano":"6","attributes":[{"key":"t","value":{"stringValue":"yy"}},{"key":"m","value":{"kvlistValue":{"values":[{"key":"k","value":{"boolValue":true}},{"key":"m","value":{"kvlistValue":{"values":[{"key":"","value":{"arrayValue":{}}}]}}}]}}},{"key":"i","value":{"intValue":"1700000000000000001"}}]},{"traceId":"00000000000000000000000000000005","spanId":"0000000000000007","name":"x","startTimeUnixNano":"7","attributes":[{"key":"t","value":{"stringValue":"xxx"}},{"key":"n","value":{"bytesValue":"_-8="}},{"key":"i","value":{"intValue":"1700000000000000001"}}]},{"traceId":"00000000000000000000000000000005","spanId":"0000000000000008","name":"y","startTimeUnixNano":"8","attributes":[{"key":"t","value":{"stringValue":"yyy"}},{"key":"n","value":{"bytesValue":"_-8="}},{"key":"i","value":{"intValue":"1700000000000000001"}}]},{"traceId":"00000000000000000000000000000005","spanId":"0000000000000009","name":"x","startTimeUnixNano":"9","attributes":[{"key":"t","value":{"stringValue":"xxxx"}},{"key":"o","value":{"arrayValue":{}}},{"key":"i","value":{"intValue":"1700000000000000001"}}]},{"traceId":"00000000000000000000000000000005","spanId":"000000000000000a","name":"y","startTimeUnixNano":"10","attributes":[{"key":"t","value":{"stringValue":"yyyy"}},{"key":"o","value":{"arrayValue":{}}},{"key":"i","value":{"intValue":"1700000000000000001"}}]},{"traceId":"00000000000000000000000000000005","spanId":"000000000000000b","name":"x","startTimeUnixNano":"11","attributes":[{"key":"t","value":{"stringValue":"xxxxx"}},{"key":"p","value":{"arrayValue":{"values":[{"arrayValue":{"values":[{"arrayValue":{"values":[{"arrayValue":{"values":[{"intValue":1}]}}]}}]}}]}}},{"key":"i","value":{"intValue":"1700000000000000001"}}]},{"traceId":"00000000000000000000000000000005","spanId":"000000000000000c","name":"y","startTimeUnixNano":"12","attributes":[{"key":"t","value":{"stringValue":"yyyyy"}},{"key":"p","value":{"arrayValue":{"values":[{"arrayValue":{"values":[{"arrayValue":{"values":[{"arrayValue":{"values":[{"intValue":1}]}}]}}]}}]}}},{"key":"i","value":{"intValue":"1700000000000000001"}}]}]}]}]}"#,
];

/// Spans that each of the documents has, and of them those that are left, by [`WISHES`].
const LEFT: [(u64, [u64; 3]); DOCUMENTS.len()] =
    [(2, [0; 3]), (2, [0; 3]), (2, [0; 3]), (3, [1; 3]), (1, [0; 3]), (12, [12, 0, 7])];

/// Of the real documents spans that are read, spans that are left and documents that are, by
/// [`WISHES`].
const REAL: [[u64; 3]; 3] = [[1857, 28, 0], [1858, 27, 0], [1857, 28, 0]];

const WISHES: [Wish; 3] = [Wish::All, Wish::Nothing, Wish::Some];

/// What mutants are spliced from, besides pieces of the documents.
const TOKENS: [&str; 30] = [
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "0",
    "-",
    "1e400",
    "1.5",
    "null",
    "true",
    "\\u00e9",
    "\\ud800",
    "é",
    "\u{1}",
    " ",
    "\n",
    "\"name\":\"x\",",
    "\"spans\":[",
    "\"attributes\":[],",
    "\"traceId\":\"\",",
    "{},",
    "00",
    "18446744073709551616",
    "\"status\":{},",
    "e5",
    "\0",
];

/// Decoders that have read all documents, so that nothing is new to the fast reader.
struct Pair {
    fast: [Decoder<Recorder>; 2],
    strict: Decoder<Recorder>,
}

impl Pair {
    fn new(wish: Wish) -> Self {
        let new = || Decoder::with_sink(Recorder::wishing(wish));
        Self { fast: [new().eager(), new().eager().portable()], strict: new().strict() }
    }

    /// Reads a document both ways; whether the fast way was taken.
    fn compare(&mut self, text: &[u8]) -> bool {
        let Self { fast, strict } = self;
        let expected = read(strict, text);
        let mut was_fast = false;
        for decoder in fast {
            let before = decoder.recognition().documents_left;
            let found = read(decoder, text);
            // As text, in which zeros have signs.
            let [found, expected] = [&found, &expected].map(|spans| format!("{spans:?}"));
            assert!(
                found == expected && decoder.tally() == strict.tally(),
                "{}\n{found}\n{expected}\n{:?}\n{:?}",
                String::from_utf8_lossy(text),
                decoder.tally(),
                strict.tally()
            );
            was_fast |= decoder.recognition().documents_left == before;
        }
        was_fast
    }
}

/// The spans that a document adds to a decoder.
pub fn read(decoder: &mut Decoder<Recorder>, bytes: &[u8]) -> Vec<Span> {
    let chunk = Chunk { bytes, offset: 0, line: 1, kind: Kind::Block, ends_input: true };
    decoder.decode(&chunk, 0, &"memory".into());
    std::mem::take(&mut decoder.sink_mut().spans)
}

#[test]
fn all_that_is_usual_is_recognized() {
    let real = super::real_documents();
    for (wish, (at, of_real)) in WISHES.into_iter().zip(REAL.into_iter().enumerate()) {
        for (text, (spans, left)) in DOCUMENTS.into_iter().zip(LEFT) {
            let mut pair = Pair::new(wish);
            // When it is new and when it is known.
            (0..2).for_each(|_| assert!(pair.compare(text.as_bytes()), "{text}"));
            let expected = [2 * (spans - left[at]), 2 * left[at], 0];
            assert_eq!(pair.fast.each_ref().map(counts), [expected; 2], "{wish:?} {text}");
        }
        if real.is_empty() {
            continue;
        }
        let mut pair = Pair::new(wish);
        for text in &real {
            pair.compare(text.as_bytes());
        }
        assert_eq!(pair.fast.each_ref().map(counts), [of_real; 2], "{wish:?}");
    }
}

#[test]
fn names_that_are_not_written_as_they_read_are_told_apart() {
    let mut pair = Pair::new(Wish::Some);
    for name in [r#"a\"b"#, r#"a\"b"#, "a", r#"a"b"#, r"a\\b", r"a\\b", r"a\b", "a", "", "a\u{e9}"]
    {
        let name = format!(r#""name":"{name}""#);
        let text = DOCUMENTS[0].replace(r#""name":"GET /""#, &name);
        pair.compare(text.as_bytes());
        pair.compare(text.as_bytes());
    }
}

#[test]
fn json_test_suite_is_read_as_by_the_strict_reader() {
    let Some(folder) = super::data("json_test_suite/test_parsing") else { return };
    let mut pair = Pair::new(Wish::Some);
    for entry in std::fs::read_dir(folder).unwrap() {
        let json = std::fs::read(entry.unwrap().path()).unwrap();
        pair.compare(&json);
        for (position, ..) in super::POSITIONS {
            let text = super::expand(position);
            let (before, after) = text.split_once("HERE").expect("a place for the text");
            pair.compare(&[before.as_bytes(), &json, after.as_bytes()].concat());
        }
    }
}

#[test]
fn numbers_are_read_as_by_the_strict_reader() {
    let (usual, numbers) = (
        [("doubleValue\":2.5", "doubleValue\":"), ("\"kind\":2", "\"kind\":")],
        [
            "1.5e400",
            "1.5e99",
            "1.5e-99",
            "1.5E+99",
            "1.5e308",
            "1.5e-400",
            "1e5",
            "-0",
            "-0.0",
            "0",
            "00",
            "01",
            "-",
            "1.",
            ".5",
            "1.e5",
            "123456789012345678",
            "1234567890123456789",
            "12345678901234567890",
            "99999999999999999999",
            "-123456789012345678901",
            "5e-324",
            "0.1000000000000000055511151231257827",
            "9007199254740993",
            "2.5e",
            "2.5e+",
            "300",
            "\"300\"",
            "\"2.5\"",
            "null",
            "4294967296",
            "0.30000000000000004",
        ],
    );
    let mut pair = Pair::new(Wish::Some);
    for (old, key) in usual {
        for number in numbers {
            let text = DOCUMENTS[0].replace(old, &format!("{key}{number}"));
            pair.compare(text.as_bytes());
            let text = DOCUMENTS[1]
                .replace("\"startTimeUnixNano\":5", &format!("\"startTimeUnixNano\":{number}"));
            pair.compare(text.as_bytes());
            pair.compare(
                DOCUMENTS[1].replace("\"flags\":257", &format!("\"flags\":{number}")).as_bytes(),
            );
            pair.compare(DOCUMENTS[0].replace("\"25\"", &format!("\"{number}\"")).as_bytes());
            pair.compare(DOCUMENTS[0].replace("\"25\"", number).as_bytes());
        }
    }
}

/// `fuzz/mutants` is the long form.
#[test]
fn mutants_are_read_as_by_the_strict_reader() {
    let count = std::env::var(LONG).ok().and_then(|count| count.parse().ok()).unwrap_or(SHORT);
    let mut pair = Pair::new(Wish::All);
    let mut random = Random(7);
    let (mut fast, mut refused) = (0, 0);
    for number in 0..count {
        if number % 1000 == 0 {
            pair = Pair::new(WISHES[number / 1000 % WISHES.len()]);
            DOCUMENTS.iter().for_each(|text| assert!(pair.compare(text.as_bytes())));
        }
        let mutant = mutant(&mut random);
        let before = pair.strict.tally().malformed.clone();
        fast += u64::from(pair.compare(&mutant));
        refused += u64::from(pair.strict.tally().malformed != before);
    }
    println!("{count} mutants tried, {fast} read by the fast reader, {refused} with defects");
    assert!(fast > count as u64 / 10 && refused > count as u64 / 10);
}

/// A document with one edit.
fn mutant(random: &mut Random) -> Vec<u8> {
    let mut out = DOCUMENTS[random.below(DOCUMENTS.len())].as_bytes().to_vec();
    let at = random.below(out.len());
    let end = (at + 1 + random.below(12)).min(out.len());
    let token = TOKENS[random.below(TOKENS.len())].bytes();
    match random.below(7) {
        0 => drop(out.remove(at)),
        1 => drop(out.drain(at..end)),
        2 => out[at] = random.below(256) as u8,
        3 => drop(out.splice(at..at, token)),
        4 => drop(out.splice(at..end, token)),
        5 => {
            let piece = out[at..end].to_vec();
            drop(out.splice(at..at, piece));
        }
        _ => {
            let other = random.below(out.len());
            out.swap(at, other);
        }
    }
    out
}
