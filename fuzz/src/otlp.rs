//! Random OTLP JSON: the shapes and spellings that exporters write, with values at the edges.

use crate::bytes::Bytes;

const IDS: [&str; 10] = [
    r#""0102030405060708090a0B0C0D0E0F10""#,
    r#""AQIDBAUGBwgJCgsMDQ4PEA==""#,
    r#""AQIDBAUGBwgJCgsMDQ4PEA""#,
    r#""0102030405060708""#,
    r#""AQIDBAUGBwg=""#,
    r#""0000000000000000""#,
    r#""00000000000000000000000000000000""#,
    r#""""#,
    r#""sid1""#,
    "7",
];
const TIMES: [&str; 14] = [
    "1",
    "\"5\"",
    "0",
    "\"0\"",
    "18446744073709551615",
    "\"18446744073709551615\"",
    "18446744073709551616",
    "\"18446744073709551616\"",
    "1e3",
    "1.0",
    "-1",
    "\"\"",
    "null",
    "true",
];
const INTS: [&str; 14] = [
    "25",
    "\"25\"",
    "-1",
    "\"-0\"",
    "9223372036854775807",
    "\"-9223372036854775808\"",
    "9223372036854775808",
    "-9223372036854775809",
    "1e3",
    "\"1e3\"",
    "1.5",
    "\"x\"",
    "null",
    "{}",
];
const DOUBLES: [&str; 14] = [
    "0.1",
    "-0.0",
    "1e308",
    "5e-324",
    "1e-400",
    "\"NaN\"",
    "\"-Infinity\"",
    "\"0.1\"",
    "12",
    "9007199254740993",
    "\"\"",
    "null",
    "[]",
    "1E+2",
];
const TEXTS: [&str; 10] = [
    r#""""#,
    r#""a""#,
    r#""é\u00e9\n\t\"\\\/""#,
    r#""\ud83d\ude00""#,
    "\"\u{1f600}\"",
    r#""\u0000""#,
    "null",
    "7",
    "{}",
    r#""resourceSpans""#,
];
const BYTES: [&str; 6] = [r#""AQI=""#, r#""AQI""#, r#""_-8=""#, r#""A""#, r#""""#, "7"];
const KINDS: [&str; 9] =
    ["2", "\"SPAN_KIND_SERVER\"", "\"consumer\"", "\"3\"", "9", "-1", "null", "1.5", "\"x\""];
const STATUSES: [&str; 7] = [
    "{}",
    "null",
    r#"{"code":2,"message":"no"}"#,
    r#"{"code":"STATUS_CODE_OK"}"#,
    "7",
    r#"{"message":null}"#,
    r#"{"code":"1","message":"\u00e4"}"#,
];
const UNKNOWN: [&str; 8] = [
    "null",
    "[[],{},[{}]]",
    r#"{"spans":[{"name":"no"}]}"#,
    "1.25e-7",
    "\"x\"",
    "false",
    "[]",
    r#"{"a":{"b":[1,2,{"c":"\u2028"}]}}"#,
];

/// A document in one line.
pub fn document(bytes: &mut Bytes<'_>) -> String {
    let style = Style { snake: bytes.chance(25), blanks: bytes.chance(20) };
    let count = bytes.below(3);
    let entries = join((0..count).map(|_| entry(bytes, &style)));
    let key = match bytes.below(8) {
        0 => "batches",
        _ => style.key("resourceSpans", "resource_spans"),
    };
    let list = format!("{{\"{key}\":[{entries}]}}");
    match bytes.below(12) {
        0 => format!("[{list}]"),
        1 => entry(bytes, &style),
        2 => format!("{{\"resourceLogs\":[{{}}],{}", &list[1..]),
        _ => list,
    }
}

/// How keys and blanks are written.
struct Style {
    snake: bool,
    blanks: bool,
}

impl Style {
    fn key(&self, camel: &'static str, snake: &'static str) -> &'static str {
        if self.snake { snake } else { camel }
    }

    /// Members in any order, with unknown ones between.
    fn object(&self, bytes: &mut Bytes<'_>, mut members: Vec<String>) -> String {
        if bytes.chance(15) {
            members.push(format!("\"unknown\":{}", bytes.pick(&UNKNOWN)));
        }
        for at in (1..members.len()).rev() {
            members.swap(at, bytes.below(at + 1));
        }
        // Of a key that comes twice the last counts, but lists of spans are all read.
        let key = |member: &str| member[..member.find(':').unwrap_or(0)].to_owned();
        let twice = key(&members[bytes.below(members.len())]);
        if bytes.chance(4) && !twice.ends_with("pans\"") {
            match bytes.chance(50) {
                true => members.insert(0, format!("{twice}:{}", bytes.pick(&UNKNOWN))),
                false => members.push(format!("{twice}:null")),
            }
        }
        let comma = if self.blanks { " ,\t" } else { "," };
        format!("{{{}}}", members.join(comma))
    }
}

fn entry(bytes: &mut Bytes<'_>, style: &Style) -> String {
    let attributes = attributes(bytes, style);
    let resource = format!("\"resource\":{{\"attributes\":{attributes}}}");
    let scopes = join((0..bytes.below(3)).map(|_| scope(bytes, style)).collect::<Vec<_>>());
    let key = match bytes.below(6) {
        0 => style.key("instrumentationLibrarySpans", "instrumentation_library_spans"),
        _ => style.key("scopeSpans", "scope_spans"),
    };
    style.object(bytes, vec![resource, format!("\"{key}\":[{scopes}]")])
}

fn scope(bytes: &mut Bytes<'_>, style: &Style) -> String {
    let scope = format!("\"scope\":{{\"name\":{},\"version\":\"1\"}}", bytes.pick(&TEXTS[..6]));
    let spans = join((0..bytes.below(5)).map(|_| span(bytes, style)).collect::<Vec<_>>());
    style.object(bytes, vec![scope, format!("\"spans\":[{spans}]")])
}

fn span(bytes: &mut Bytes<'_>, style: &Style) -> String {
    if bytes.chance(2) {
        return (*bytes.pick(&["null", "7", "[]", "\"x\"", "{}"])).to_owned();
    }
    let trace = if bytes.chance(85) {
        format!("\"{:032x}\"", 1 + bytes.below(9))
    } else {
        (*bytes.pick(&IDS)).to_owned()
    };
    let id = if bytes.chance(85) {
        format!("\"{:016X}\"", 0xab00 + bytes.below(99))
    } else {
        (*bytes.pick(&IDS)).to_owned()
    };
    let time = |bytes: &mut Bytes<'_>| match bytes.chance(80) {
        true => format!("\"17000000000000000{:02}\"", bytes.below(90)),
        false => (*bytes.pick(&TIMES)).to_owned(),
    };
    let mut members = vec![
        format!("\"{}\":{trace}", style.key("traceId", "trace_id")),
        format!("\"{}\":{id}", style.key("spanId", "span_id")),
        format!("\"{}\":{}", style.key("startTimeUnixNano", "start_time_unix_nano"), time(bytes)),
        format!("\"{}\":{}", style.key("endTimeUnixNano", "end_time_unix_nano"), time(bytes)),
    ];
    let mut perhaps = |bytes: &mut Bytes<'_>, key: &str, from: &[&str], percent| {
        if bytes.chance(percent) {
            members.push(format!("\"{key}\":{}", bytes.pick(from)));
        }
    };
    perhaps(bytes, "name", &TEXTS, 90);
    perhaps(bytes, style.key("parentSpanId", "parent_span_id"), &IDS, 40);
    perhaps(bytes, "kind", &KINDS, 60);
    perhaps(bytes, "status", &STATUSES, 60);
    perhaps(bytes, "flags", &["1", "257", "\"1\"", "4294967296", "-1"], 20);
    perhaps(bytes, "events", &["[]", r#"[{"name":"e","attributes":[{"key":1}]}]"#, "{}"], 20);
    members.push(format!("\"attributes\":{}", attributes(bytes, style)));
    style.object(bytes, members)
}

fn attributes(bytes: &mut Bytes<'_>, style: &Style) -> String {
    if bytes.chance(3) {
        return (*bytes.pick(&["null", "{}", "7"])).to_owned();
    }
    let list = (0..bytes.below(4)).map(|_| key_value(bytes, style, 0)).collect::<Vec<_>>();
    format!("[{}]", join(list))
}

fn key_value(bytes: &mut Bytes<'_>, style: &Style, depth: usize) -> String {
    let keys = ["\"a\"", "\"a.b\"", "\"service.name\"", "\"\\u0061\"", "\"\"", "null", "7"];
    let key = bytes.pick(&keys);
    let value = value(bytes, style, depth);
    style.object(bytes, vec![format!("\"key\":{key}"), format!("\"value\":{value}")])
}

fn value(bytes: &mut Bytes<'_>, style: &Style, depth: usize) -> String {
    let kinds = if depth < 3 { 9 } else { 7 };
    let (key, value) = match bytes.below(kinds) {
        0 | 1 => (style.key("stringValue", "string_value"), *bytes.pick(&TEXTS)),
        2 => (style.key("intValue", "int_value"), *bytes.pick(&INTS)),
        3 => (style.key("doubleValue", "double_value"), *bytes.pick(&DOUBLES)),
        4 => (
            style.key("boolValue", "bool_value"),
            *bytes.pick(&["true", "false", "null", "\"true\""]),
        ),
        5 => (style.key("bytesValue", "bytes_value"), *bytes.pick(&BYTES)),
        6 => return (*bytes.pick(&["{}", "null", "7", "[]", "\"x\""])).to_owned(),
        7 => {
            let list = (0..bytes.below(3)).map(|_| value(bytes, style, depth + 1));
            let list = join(list.collect::<Vec<_>>());
            let key = style.key("arrayValue", "array_value");
            return format!("{{\"{key}\":{{\"values\":[{list}]}}}}");
        }
        _ => {
            let list = (0..bytes.below(3)).map(|_| key_value(bytes, style, depth + 1));
            let list = join(list.collect::<Vec<_>>());
            let key = style.key("kvlistValue", "kvlist_value");
            return format!("{{\"{key}\":{{\"values\":[{list}]}}}}");
        }
    };
    format!("{{\"{key}\":{value}}}")
}

fn join(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(",")
}
