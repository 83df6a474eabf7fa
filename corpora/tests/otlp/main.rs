//! What becomes of OTLP JSON: a table of small cases, real files, and an outside test suite.

mod fast;
mod oracle;
mod predict;
mod recorder;
mod rest;

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use betrace_corpora::otlp::{Decoder, Defect};
use betrace_corpora::source::{Chunk, Kind};
use recorder::{Recorder, Span, counts, decode, decode_document, slowed};

const BASE: &str = r#"{"traceId":"00000000000000000000000000000001","spanId":"0000000000000002","name":"n","startTimeUnixNano":"5","endTimeUnixNano":9}"#;

#[test]
fn cases_come_out_as_the_table_says() {
    let mut failures = Vec::new();
    let cases = include_str!("cases.txt").lines().filter(|line| !line.starts_with('#'));
    for case in cases.filter(|line| !line.is_empty()) {
        let (input, expected) = case.split_once(" =>").expect("a case has an arrow");
        let text = expand(input);
        let mut texts = vec![text.clone()];
        let is_one_document = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        texts.extend(slowed(&text).filter(|_| is_one_document));
        for text in texts {
            let (spans, tally) = decode(text.as_bytes());
            let spans: Vec<_> = spans.iter().map(print).collect();
            let counts = counts(&tally);
            let bar = if counts.is_empty() { "" } else { " | " };
            let actual = format!("{}{bar}{counts}", spans.join("; "));
            if actual.trim() != expected.trim() {
                failures
                    .push(format!("{text}\n  expected {}\n  found    {actual}", expected.trim()));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn expand(case: &str) -> String {
    let (kind, text) = case.split_once(": ").expect("a case has a kind");
    let with = |members: &str| {
        let base = BASE.strip_suffix('}').expect("an object");
        format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{base},{members}}}]}}]}}]}}"#)
    };
    match kind {
        "json" => text.replace("BASE", BASE).replace("\\n", "\n"),
        "span" => with(text),
        "attr" => with(&format!(r#""attributes":[{{"key":"k","value":{text}}}]"#)),
        _ => panic!("unknown kind of case: {kind}"),
    }
}

/// A span by what differs from [`BASE`].
fn print(span: &Span) -> String {
    let mut out = vec!["span".to_owned()];
    let mut add = |differs: bool, text: String| out.extend(differs.then_some(text));
    add(span.trace_id != 1, format!("trace={:x}", span.trace_id));
    add(span.span_id != 2, format!("id={:x}", span.span_id));
    add(span.parent_id != 0, format!("parent={:x}", span.parent_id));
    add(span.name != "n", format!("name={}", span.name.escape_debug()));
    add((span.start, span.end) != (5, 9), format!("{}..{}", span.start, span.end));
    add(span.kind != 0, format!("kind={}", span.kind));
    add(span.status != 0, format!("status={}", span.status));
    add(!span.message.is_empty(), format!("message={}", span.message));
    add(span.flags != 0, format!("flags={}", span.flags));
    let (name, version) = &span.scope;
    add(!(name.is_empty() && version.is_empty()), format!("scope={name}@{version}"));
    span.resource.iter().for_each(|(key, value)| add(true, format!("resource.{key}={value:?}")));
    span.attributes.iter().for_each(|(key, value)| add(true, format!("{key}={value:?}")));
    out.join(" ")
}

#[test]
fn values_nest_as_deep_as_allowed() {
    for (open, close) in [
        (r#"{"arrayValue":{"values":["#, "]}}"),
        (r#"{"kvlistValue":{"values":[{"key":"a","value":"#, "}]}}"),
    ] {
        for (depth, expected) in [(1, ""), (32, ""), (33, "value_depth"), (200, "value_depth")] {
            let value = format!("{}{{}}{}", open.repeat(depth), close.repeat(depth));
            let (spans, tally) = decode(expand(&format!("attr: {value}")).as_bytes());
            assert_eq!((spans.len(), counts(&tally).as_str()), (1, expected), "{depth}");
            assert_eq!(spans[0].attributes.len(), usize::from(expected.is_empty()));
        }
    }
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let run = move || counts(&decode(expand(&format!("span: \"x\":{deep}")).as_bytes()).1);
    let small_stack = std::thread::Builder::new().stack_size(256 << 10);
    let counts = small_stack.spawn(run).unwrap().join().unwrap();
    assert_eq!(counts, "depth");
}

#[test]
fn defects_have_places() {
    let bad = BASE.replace("\"traceId\":\"", "\"traceId\":\"x");
    let text = format!("\n{{\"a\":1}}\n{{\"scopeSpans\":[\n{{\"spans\":[{BASE},\n  {bad}]}}]}}\n");
    let (spans, tally) = decode(text.as_bytes());
    assert_eq!(spans.len(), 1);
    let (defect, places) = tally.malformed.first_key_value().unwrap();
    assert_eq!((defect.to_string().as_str(), places.count()), ("trace_id", 1));
    let at = places.first()[0].offset as usize;
    assert!(text[at..].starts_with("\"x0000"), "{}", &text[at..]);
    assert_eq!(places.first()[0].line, 5);
}

/// A document of several lines with `spans` spans, each with three defects, not in order.
fn faulty(spans: usize) -> String {
    let span = r#"{"parentSpanId":"p","name":"n","kind":"?",
        "startTimeUnixNano":5,"spanId":"s","traceId":"00000000000000000000000000000001"}"#;
    let spans = vec![span; spans].join(",\n");
    format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[\n{spans}]}}]}}]}}")
}

#[test]
fn places_of_many_defects_are_the_first_ones_with_their_lines() {
    let text = faulty(20);
    for text in [text.clone(), slowed(&text).unwrap()] {
        let (spans, tally) = decode(text.as_bytes());
        assert_eq!(
            (spans.len(), counts(&tally).as_str()),
            (20, "field=20 parent_id=20 span_id=20")
        );
        for ((_, places), (line, value)) in
            tally.malformed.iter().zip([(1, "\"s\""), (0, "\"p\""), (0, "\"?\"")])
        {
            assert_eq!(places.first().len(), 16);
            for (number, place) in places.first().iter().enumerate() {
                assert_eq!(place.line, 2 + line + 2 * number as u64);
                assert!(text[place.offset as usize..].starts_with(value));
            }
        }
    }
}

/// A guard, not a measurement: time that grew as the square would be minutes.
#[test]
fn very_many_defects_are_placed_in_one_pass() {
    let text = faulty(60_000);
    let started = Instant::now();
    assert_eq!(decode(text.as_bytes()).0.len(), 60_000);
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn documents_beyond_the_memory_left_are_refused_by_place() {
    let zeros = |bytes: usize| format!("[{}0]", "0,".repeat(bytes / 2 - 1));
    let (small, large) = (zeros(490_000), zeros(500_000));
    let decode = |text: &str, room: usize| {
        let mut decoder = Decoder::with_sink(Recorder::default());
        decoder.set_room(room);
        for line in [text, BASE] {
            let bytes = line.as_bytes();
            let chunk = Chunk { bytes, offset: 7, line: 3, kind: Kind::Line, ends_input: false };
            decoder.decode(&chunk, 5, &"memory".into());
        }
        decoder.into_parts().1
    };
    for (text, room, refused) in [
        (&small, 0, 0),
        (&large, 0, 1),
        (&large, 17 * large.len() - 1, 1),
        (&large, 17 * large.len(), 0),
    ] {
        let tally = decode(text, room);
        let places = tally.malformed.get(&Defect::Memory).cloned().unwrap_or_default();
        assert_eq!((places.count(), tally.documents), (refused, 2 - refused), "{room}");
        if let [place] = places.first() {
            assert_eq!((place.order, place.offset, place.line), (5, 7, 3));
        }
    }
}

#[test]
fn large_spans_are_kept_whole() {
    let long = "ä".repeat(1 << 20);
    let many = (0..4_096).map(|n| format!(r#"{{"key":"k{n}","value":{{"intValue":{n}}}}}"#));
    let many = many.collect::<Vec<_>>().join(",");
    let text = expand(&format!("span: \"name\":\"{long}\",\"attributes\":[{many}]"));
    let (spans, tally) = decode(text.as_bytes());
    assert_eq!(counts(&tally), "");
    assert_eq!((spans[0].name.len(), spans[0].attributes.len()), (2 << 20, 4_096));
}

#[test]
fn every_cut_keeps_the_whole_spans() {
    let text = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{BASE},{BASE}]}}]}}]}}"#);
    let first = text.find(BASE).unwrap() + BASE.len();
    let second = first + 1 + BASE.len();
    for cut in 1..text.len() {
        let (spans, tally) = decode(&text.as_bytes()[..cut]);
        let whole = usize::from(cut >= first) + usize::from(cut >= second);
        assert_eq!((spans.len(), counts(&tally).as_str()), (whole, "unfinished"), "{cut}");
    }
}

#[test]
fn real_files_have_the_counts_of_their_readme() {
    let Some(data) = data("otlp") else { return };
    for (name, spans, traces, defects) in [
        ("opentelemetry-proto-trace.json", 1, 1, ""),
        ("robotframework-otel-traces.json", 1_066, 168, ""),
        ("robotframework-diverse_trace.json", 1_632, 1, ""),
        ("robotframework-pabot_trace.json", 18, 1, ""),
        ("robotframework-all_types_trace.json", 11, 1, ""),
        ("robotframework-malformed_trace.json", 3, 3, "empty syntax unfinished"),
        ("tempo-api-traces-answer.json", 10, 1, ""),
        ("perses-authenticate_error_otlp.json", 3, 1, ""),
        ("perses-pushbytes_incomplete_otlp.json", 2, 1, ""),
        ("perses-pushbytes_no_root_span_otlp.json", 2, 1, ""),
        ("perses-pushbytes_otlp.json", 3, 1, ""),
        // Its span ids are `sid1` to `sid3`, which are no ids.
        ("perses-example_otlp.json", 3, 1, "parent_id=2 span_id=3"),
        ("../bulk/robotshop.jsonl.zst", 14_772, 2_416, ""),
        ("../bulk/oteldemo.jsonl.zst", 4_743, 1_021, ""),
    ] {
        let (found, tally) = decode(&fs::read(data.join(name)).unwrap());
        let distinct: HashSet<_> = found.iter().map(|span| span.trace_id).collect();
        assert_eq!((found.len(), distinct.len()), (spans, traces), "{name}");
        assert_eq!(counts(&tally), defects, "{name}");
    }
}

/// Where a text is put into a span, how the span prints if the text is JSON, and the defect there may
/// be, since not every JSON is a value of OTLP.
const POSITIONS: [(&str, &str, &str); 5] = [
    (r#"span: "x":HERE,"kind":2"#, "span kind=2", ""),
    (r#"span: "kind":2,"events":HERE"#, "span kind=2", ""),
    (r#"attr: {"x":HERE,"stringValue":"v"}"#, r#"span k=Text("v")"#, ""),
    (r#"attr: {"stringValue":HERE}"#, "span", "attribute"),
    ("attr: HERE", "span", "attribute"),
];

#[test]
fn json_test_suite_is_judged_by_its_letters() {
    let Some(folder) = data("json_test_suite/test_parsing") else { return };
    // Blank text holds no document, and documents may follow each other.
    let fine = ["n_structure_no_data", "n_single_space", "n_structure_double_array"];
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let (json, letter) = (fs::read(&path).unwrap(), name.as_bytes()[0]);
        let is_scalar = !matches!(json.trim_ascii().first(), Some(b'{' | b'['));
        let (spans, tally) = decode_document(&json);
        assert!(spans.is_empty(), "{name}");
        match letter {
            b'y' => assert_eq!(tally.malformed.is_empty(), !is_scalar, "{name}"),
            b'n' if !fine.contains(&name.as_str()) => {
                assert!(!tally.malformed.is_empty(), "{name}");
            }
            _ => {}
        }
        for (position, print_of_y, defect_of_y) in POSITIONS {
            let text = expand(position);
            let (before, after) = text.split_once("HERE").expect("a place for the text");
            let (spans, tally) =
                decode_document(&[before.as_bytes(), &json, after.as_bytes()].concat());
            let name = format!("{name} in {position}");
            match letter {
                b'y' => {
                    assert_eq!(spans.len(), 1, "{name}");
                    assert!(print(&spans[0]).starts_with(print_of_y), "{name}: {:?}", spans[0]);
                    let counts = counts(&tally);
                    assert!(counts.is_empty() || counts == defect_of_y, "{name}: {counts}");
                }
                b'n' => assert!(!tally.malformed.is_empty(), "{name}"),
                _ => assert!(spans.len() == 1 || !tally.malformed.is_empty(), "{name}"),
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 318);
}

#[test]
fn both_readers_and_the_oracle_agree_on_real_documents() {
    for text in real_documents() {
        oracle::compare(&text);
        oracle::compare(&slowed(&text).expect("an object"));
    }
}

#[test]
fn both_readers_and_the_oracle_agree_on_mutated_documents() {
    let mut random = oracle::Random(1);
    for text in real_documents() {
        for _ in 0..200.min(4_000_000 / text.len()) {
            let mutant = oracle::mutate(text.as_bytes(), &mut random);
            match String::from_utf8(mutant) {
                Ok(mutant) => oracle::compare(&mutant),
                Err(error) => {
                    assert!(!decode_document(error.as_bytes()).1.malformed.is_empty());
                }
            }
        }
    }
}

/// Documents of all real files, the first few of each.
fn real_documents() -> Vec<String> {
    let (Some(otlp), Some(bulk)) = (data("otlp"), data("bulk")) else { return Vec::new() };
    let mut texts = vec![expand("span: \"kind\":1"), expand(r#"attr: {"arrayValue":{}}"#)];
    for path in fs::read_dir(otlp)
        .expect("real data can be read")
        .map(|entry| entry.expect("real data can be read").path())
    {
        texts.extend(documents(&fs::read_to_string(path).expect("real data can be read")));
    }
    for name in ["robotshop.jsonl.zst", "oteldemo.jsonl.zst"] {
        let mut text = String::new();
        let file = fs::File::open(bulk.join(name)).expect("real data can be read");
        zstd::Decoder::new(file)
            .expect("real data can be read")
            .read_to_string(&mut text)
            .expect("real data can be read");
        texts.extend(documents(&text));
    }
    texts
}

fn documents(text: &str) -> Vec<String> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    values.map_while(Result::ok).take(10).map(|value| value.to_string()).collect()
}

/// A folder of real data, or `None` with a message where it is absent.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: {} is absent", path.display());
    None
}
