//! What the fast reader reads and what it leaves to the strict one, by number.

use betrace_corpora::otlp::{Decoder, Recognition};

use crate::predict::read;
use crate::recorder::{Recorder, Wish};

/// A document of spans that have these values of one attribute.
fn document(values: &[&str]) -> String {
    let spans = values.iter().enumerate().map(|(number, value)| {
        let id = number + 1;
        let ids = format!(r#""traceId":"{id:032x}","spanId":"{id:016x}","name":"n""#);
        let attributes = format!(r#"[{{"key":"k","value":{{{value}}}}}]"#);
        format!(r#"{{{ids},"startTimeUnixNano":"1","attributes":{attributes}}}"#)
    });
    let spans = spans.collect::<Vec<_>>().join(",");
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#)
}

/// Spans read, spans left and documents left.
pub fn counts(decoder: &Decoder<Recorder>) -> [u64; 3] {
    let Recognition { spans, spans_left, documents_left, .. } = decoder.recognition();
    [spans, spans_left, documents_left]
}

/// Reads the document with these values, between plain ones, as the strict reader does; how many
/// spans are left.
fn left(wish: Wish, values: &[&str]) -> u64 {
    let plain = [r#""stringValue":"plain""#];
    let text = document(&[&plain, values, &plain].concat());
    let new = || Decoder::with_sink(Recorder::wishing(wish));
    let (mut fast, mut strict) = (new().eager(), new().strict());
    let (found, expected) = (read(&mut fast, text.as_bytes()), read(&mut strict, text.as_bytes()));
    assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{text}");
    assert_eq!(fast.tally(), strict.tally(), "{text}");
    let [read, left, documents_left] = counts(&fast);
    assert_eq!((read + left, documents_left), (values.len() as u64 + 2, 0), "{text}");
    left
}

#[test]
fn values_that_are_common_are_read_and_others_leave_their_span_only() {
    // Whether the span is left where the value is wanted, and where not.
    let (read, left_if_wanted, left_always) = ([0, 0], [1, 0], [1, 1]);
    for (value, expected) in [
        (r#""doubleValue":1e-05"#, read),
        (r#""doubleValue":-1e-5"#, read),
        (r#""doubleValue":0e0"#, read),
        (r#""doubleValue":-0E+5"#, read),
        (r#""doubleValue":2.5e-07"#, read),
        (r#""doubleValue":123456789012345678e-99"#, read),
        (r#""doubleValue":1234567890123456789e5"#, left_always),
        (r#""doubleValue":1e100"#, left_always),
        (r#""doubleValue":1e+007"#, left_always),
        (r#""intValue":"1700000000000000001""#, read),
        (r#""intValue":1700000000000000001"#, read),
        (r#""intValue":"-1700000000000000001""#, read),
        (r#""intValue":"9223372036854775807""#, read),
        (r#""intValue":9223372036854775807"#, read),
        (r#""intValue":"-9223372036854775808""#, read),
        (r#""intValue":-9223372036854775808"#, read),
        (r#""intValue":"9223372036854775808""#, left_always),
        (r#""intValue":9223372036854775808"#, left_always),
        (r#""intValue":"-9223372036854775809""#, left_always),
        (r#""intValue":"00000000000000000001""#, read),
        (r#""arrayValue":{"values":[{"stringValue":"a"},{"intValue":"1"}]}"#, left_if_wanted),
        (r#""arrayValue":{"values":[{"doubleValue":1e-05},{}]}"#, left_if_wanted),
        (r#""arrayValue":{"values":[{"bytesValue":"AQI="},{"arrayValue":{}}]}"#, left_if_wanted),
        (r#""arrayValue":{"values":[{"bytesValue":"A"}]}"#, left_always),
        (r#""arrayValue":{}"#, left_if_wanted),
        (r#""kvlistValue":{}"#, left_if_wanted),
        (r#""kvlistValue":{"values":[{"key":"a","value":{"boolValue":true}}]}"#, left_if_wanted),
        (r#""kvlistValue":{"values":[{"key":"a"}]}"#, left_always),
        (r#""bytesValue":"AQI=""#, left_if_wanted),
        (r#""bytesValue":"AQI""#, left_if_wanted),
        (r#""bytesValue":"""#, left_if_wanted),
        (r#""bytesValue":"A""#, left_always),
        (r#""bytesValue":"A\/8=""#, left_always),
        (r#""bytesValue":7"#, left_always),
    ] {
        let found = [Wish::All, Wish::Nothing].map(|wish| left(wish, &[value]));
        assert_eq!(found, expected, "{value}");
    }
}

#[test]
fn doubles_with_exponents_are_the_strict_readers_to_the_last_bit() {
    let mut random = crate::oracle::Random(3);
    let numbers: Vec<String> = (0..20_000)
        .map(|_| {
            let sign = ["", "-"][random.below(2)];
            let digits = 1 + random.below(18);
            let first = 1 + random.below(9);
            let more = (1..digits).map(|_| random.below(10).to_string()).collect::<String>();
            let exponent = random.below(199) as i64 - 99;
            format!(r#""doubleValue":{sign}{first}{more}e{exponent}"#)
        })
        .collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    assert_eq!(left(Wish::All, &numbers), 0);
}

#[test]
fn what_was_learned_is_forgotten_where_there_is_no_space_for_more() {
    let new = || Decoder::with_sink(Recorder::default());
    let (mut fast, mut strict) = (new().eager(), new().strict());
    let mut seen = Vec::new();
    for number in 0..5 {
        let values: Vec<_> = (0..2000).map(|_| r#""boolValue":true"#).collect();
        let mut text = document(&values);
        for key in 0..2000 {
            text = text.replacen(r#""k""#, &format!(r#""{number}.{key}""#), 1);
        }
        let found = read(&mut fast, text.as_bytes());
        assert_eq!(found, read(&mut strict, text.as_bytes()));
        let Recognition { nodes, restarts, .. } = fast.recognition();
        seen.push((nodes > 2000, restarts));
    }
    // The fifth document has more keys than are left.
    assert_eq!(seen, [(true, 0), (true, 0), (true, 0), (true, 0), (false, 1)]);
}

#[test]
fn attempts_are_worth_it_where_a_good_part_is_read() {
    let (plain, list) = (r#""stringValue":"a""#, r#""arrayValue":{"values":[]}"#);
    let read_all = |documents: &[Vec<&str>]| {
        let mut decoder = Decoder::with_sink(Recorder::default());
        for values in documents {
            read(&mut decoder, document(values).as_bytes());
        }
        counts(&decoder)
    };
    // Half of each.
    assert_eq!(read_all(&vec![vec![list, plain]; 100]), [100, 100, 0]);
    // Half of them.
    let turns = [vec![plain], vec![list]].concat();
    let turns: Vec<_> = (0..100).map(|at| vec![turns[at % 2]]).collect();
    assert_eq!(read_all(&turns), [50, 50, 0]);
    // Most of all: 4 are left after one that was tried, then 8, 16 and so on.
    let [read, left, documents_left] = read_all(&vec![vec![list; 9]; 100]);
    assert_eq!((read, left / 9 + documents_left), (0, 100));
    assert!(documents_left > 90, "{documents_left}");
}

#[test]
fn keys_in_ever_new_orders_are_not_worth_an_attempt() {
    let mut state = 1_u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % limit
    };
    let mut decoder = Decoder::with_sink(Recorder::default());
    for _ in 0..2_000 {
        let attribute = |key| format!(r#"{{"key":"key{key}","value":{{"stringValue":"a"}}}}"#);
        let mut attributes: Vec<String> = (0..16).map(attribute).collect();
        (1..16).for_each(|at| attributes.swap(at, below(at + 1)));
        let (attributes, ids) = (attributes.join(","), format!(r#""traceId":"{:032x}""#, 1));
        let span = format!(
            r#"{{{ids},"spanId":"{:016x}","name":"n","startTimeUnixNano":"1","attributes":[{attributes}]}}"#,
            1
        );
        let text = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#);
        read(&mut decoder, text.as_bytes());
    }
    let [read, left, documents_left] = counts(&decoder);
    assert_eq!((read + documents_left, left), (2_000, 0), "all can be understood");
    assert!(documents_left > 1_000, "{documents_left}");
}
