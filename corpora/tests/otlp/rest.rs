//! What spans, scopes and resources bear besides what has a place of its own survives in segments of
//! everything, in one spelling.

use std::sync::Arc;

use betrace_corpora::build::{SegmentSize, Stored, finish};
use betrace_corpora::otlp::Decoder;
use betrace_corpora::source::{Chunk, Kind};
use ir::Schema;
use serde_json::{Value as Json, json};

/// The rests of the only span of a document, of its scope and of its resource.
fn rests(document: &str) -> [String; 3] {
    let mut decoder = Decoder::new(Arc::new(Schema::everything()));
    let bytes = document.as_bytes();
    let chunk = Chunk { bytes, offset: 0, line: 1, kind: Kind::Block, ends_input: true };
    decoder.decode(&chunk, 0, &"memory".into());
    let size = SegmentSize { traces: 1, rows: 1 };
    let mut segments = finish(vec![decoder.into_parts().0], size).segments;
    let segment = segments.pop_front().expect("there is a span").seal().segment;
    let stored = Stored::new(&segment);
    let record = stored.record(segment.spans_of(0)[0]).expect("all is decoded");
    let [.., scope] = stored.scope(record.scope).expect("all is decoded");
    let (_, resource) = stored.resource(record.resource).expect("all is decoded");
    [record.rest, scope, resource].map(str::to_owned)
}

/// A document of a span with these members.
fn document(members: &str) -> String {
    let id = r#""traceId":"00000000000000000000000000000001","spanId":"0000000000000001""#;
    let span = format!(r#"{{{id},"startTimeUnixNano":1{members}}}"#);
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#)
}

#[test]
fn what_has_no_place_of_its_own_survives_in_one_spelling() {
    for (members, expected) in [
        (r#","kind":2,"status":{"code":2},"attributes":[],"name":"x","endTimeUnixNano":9"#, ""),
        (r#","events":[],"links":[],"droppedEventsCount":0,"traceState":"","x":null"#, ""),
        (r#", "traceState" : "a=b\u002c" , "x":{ } "#, r#"{"traceState":"a=b,","x":{}}"#),
        (r#","x":[1.0, -0.0, 1e2, 1E+300, 0.5]"#, r#"{"x":[1,0,100,1e300,0.5]}"#),
        (
            r#","x":[18446744073709551615,-9223372036854775808]"#,
            r#"{"x":[18446744073709551615,-9223372036854775808]}"#,
        ),
        (r#","x":1,"y":2,"x":[{"x":null,"x":0}]"#, r#"{"y":2,"x":[{"x":null,"x":0}]}"#),
        (r#","x":"\u00e9\ud83d\ude00\"\\\/\n\u0000""#, "{\"x\":\"é\u{1f600}\\\"\\\\/\\n\\u0000\"}"),
        (
            r#","endTimeUnixNano":"18446744073709551615","x":1"#,
            r#"{"x":1,"endTimeUnixNano":"18446744073709551615"}"#,
        ),
        (
            r#","":[[],[[]],{"a":{}}],"events":[{"name":"e","attributes":[]}]"#,
            r#"{"":[[],[[]],{"a":{}}],"events":[{"name":"e","attributes":[]}]}"#,
        ),
    ] {
        let [rest, scope, resource] = rests(&document(members));
        assert_eq!((&*rest, &*scope, &*resource), (expected, "", ""), "{members}");
        let again = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let again = again.map_or_else(String::new, |members| format!(",{members}"));
        assert_eq!(rests(&document(&again))[0], rest, "{members}");
        // An unreadable number elsewhere leaves it all to the tolerant reader.
        let slow = document(members).replacen('{', r#"{"slow":1e400,"#, 1);
        assert_eq!(rests(&slow)[0], rest, "{slow}");
    }
}

#[test]
fn scopes_and_resources_keep_all_that_they_bear() {
    let attribute = json!({"key": "k", "value": {"intValue": "1"}});
    let document = json!({"resourceSpans": [{
        "schemaUrl": "r",
        "resource": {"attributes": [attribute], "droppedAttributesCount": 3, "entityRefs": [{}]},
        "scopeSpans": [{
            "schemaUrl": "s",
            "scope": {"name": "n", "version": "v", "attributes": [attribute]},
            "spans": [{"traceId": format!("{:032x}", 1), "spanId": format!("{:016x}", 1),
                "startTimeUnixNano": 1, "links": [{"flags": 1}]}],
        }],
    }]});
    let parse = |text: &str| serde_json::from_str::<Json>(text).expect("it is JSON");
    let [span, scope, resource] = rests(&document.to_string()).map(|text| parse(&text));
    assert_eq!(span, json!({"links": [{"flags": 1}]}));
    assert_eq!(scope, json!({"scope": {"attributes": [attribute]}, "schemaUrl": "s"}));
    let own = json!({"droppedAttributesCount": 3, "entityRefs": [{}]});
    assert_eq!(resource, json!({"resource": own, "schemaUrl": "r"}));
}

#[test]
fn deep_nesting_needs_no_stack() {
    let deep = format!(r#","x":{}{}"#, "[".repeat(900), "]".repeat(900));
    let document = document(&deep);
    let thread = std::thread::Builder::new().stack_size(256 << 10);
    let rests = thread.spawn(move || rests(&document)).expect("a thread").join().expect("no panic");
    assert_eq!(rests[0].len(), deep.len() - 1 + 2);
}
