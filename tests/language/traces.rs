//! Traces as people write them, for tests to stand beside rules.
//!
//! ```text
//! trace: span, span, …
//! span:  name{key=value, …} x3 every 10ms @5s +200ms ^none #7
//! ```
//!
//! Names and keys are quoted where they hold more than letters, digits and `. _ - / :`. A key may
//! be `resource.key`, `span:kind`, `span:status` or `span:statusMessage`. Values: `5` (int64), `5.0` and
//! `NaN` (double), `true`, text with or without quotes, `b"AAE="` (bytes in base64), `[1, 2]`,
//! `{a=1, a=2}` (a map, repeated keys and all), `nothing` (an empty value). Behind the attributes,
//! each if it is wanted: `x3` spans like it, the next `every` so much later; `@` its start; `+` its
//! duration, 1 ms otherwise; `^none` a span without parent, `^lost` one whose parent is not there;
//! `#` its id. Ids count up from 1, starts by 1 ms, and the first span is the parent of the others.

use serde_json::{Value as Json, json};

/// 14 November 2023, the start of every trace.
const EPOCH: i128 = 1_700_000_000_000_000_000;
const MILLISECOND: i128 = 1_000_000;

/// The spans of a trace, as OTLP JSON with the attributes of their resource under `resource`.
pub fn trace(text: &str) -> Vec<Json> {
    let mut reader = Reader { rest: text.trim() };
    let mut spans: Vec<Json> = Vec::new();
    loop {
        reader.span(&mut spans);
        if reader.rest.is_empty() {
            return spans;
        }
        reader.expect(',');
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn span(&mut self, spans: &mut Vec<Json>) {
        let name = self.word();
        let mut span = json!({
            "name": name, "kind": 0, "status": {}, "attributes": [], "resource": [],
        });
        if self.takes('{') {
            self.entries('}', |key, value| place(&mut span, key, value));
        }
        let mut form = Form::after(spans.len() as u64);
        while let Some(mark) = self.rest.chars().next().filter(|mark| *mark != ',') {
            self.suffix(mark, &mut form);
        }
        if form.parent == "first" {
            form.parent =
                spans.first().map_or("", |first| first["spanId"].as_str().unwrap()).into();
        }
        for number in 0..form.times {
            let start = EPOCH + form.start + i128::from(number) * form.every;
            span["spanId"] = format!("{:016x}", form.id + number).into();
            span["parentSpanId"] = form.parent.clone().into();
            span["startTimeUnixNano"] = start.to_string().into();
            span["endTimeUnixNano"] = (start + form.duration).to_string().into();
            spans.push(span.clone());
        }
    }

    fn suffix(&mut self, mark: char, form: &mut Form) {
        let whole = self.plain(|char| char != ',' && !char.is_whitespace());
        let after = &whole[mark.len_utf8()..];
        match mark {
            'x' => form.times = after.parse().unwrap(),
            'e' if whole == "every" => {
                form.every = duration(&self.plain(|char| char != ',' && !char.is_whitespace()));
            }
            '@' => (form.start, form.every) = (duration(after), 0),
            '+' => form.duration = duration(after),
            '#' => form.id = after.parse().unwrap(),
            '^' => {
                form.parent = match after {
                    "none" => String::new(),
                    "lost" => "00000000000fffff".to_owned(),
                    other => panic!("no parent {other:?}"),
                }
            }
            _ => panic!("what is {whole:?}?"),
        }
    }

    /// Entries up to `end`, each handed on.
    fn entries(&mut self, end: char, mut each: impl FnMut(String, Json)) {
        while !self.takes(end) {
            let key = self.word();
            self.expect('=');
            each(key, self.value());
            let _separator = self.takes(',');
        }
    }

    fn value(&mut self) -> Json {
        if self.takes('[') {
            let mut items = Vec::new();
            while !self.takes(']') {
                items.push(self.value());
                let _separator = self.takes(',');
            }
            return json!({ "arrayValue": { "values": items } });
        }
        if self.takes('{') {
            let mut entries = Vec::new();
            self.entries('}', |key, value| entries.push(json!({ "key": key, "value": value })));
            return json!({ "kvlistValue": { "values": entries } });
        }
        if let Some(rest) = self.rest.strip_prefix("b\"") {
            let (bytes, rest) = rest.split_once('"').unwrap();
            let value = json!({ "bytesValue": bytes });
            self.rest = rest.trim_start();
            return value;
        }
        if self.rest.starts_with('"') {
            return json!({ "stringValue": self.word() });
        }
        scalar(&self.word())
    }

    /// A word or a text in quotes.
    fn word(&mut self) -> String {
        if !self.rest.starts_with('"') {
            let word = self.plain(|char| char.is_alphanumeric() || "._-/:+".contains(char));
            assert!(!word.is_empty(), "a name or a value is missing before {:?}", self.rest);
            return word;
        }
        let mut texts = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
        let text = texts.next().unwrap().unwrap_or_else(|error| panic!("{error}: {}", self.rest));
        self.rest = self.rest[texts.byte_offset()..].trim_start();
        text
    }

    fn plain(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(|char| !belongs(char)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word.to_owned()
    }

    fn takes(&mut self, mark: char) -> bool {
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.map_or(self.rest, str::trim_start);
        rest.is_some()
    }

    fn expect(&mut self, mark: char) {
        assert!(self.takes(mark), "expected `{mark}` before {:?}", self.rest);
    }
}

/// What stands behind the attributes of a span; times in nanoseconds after the trace's start.
struct Form {
    times: u64,
    every: i128,
    start: i128,
    duration: i128,
    id: u64,
    parent: String,
}

impl Form {
    fn after(spans: u64) -> Self {
        Self {
            times: 1,
            every: MILLISECOND,
            start: i128::from(spans) * MILLISECOND,
            duration: MILLISECOND,
            id: spans + 1,
            parent: "first".to_owned(),
        }
    }
}

/// Puts an attribute where its key says.
fn place(span: &mut Json, key: String, value: Json) {
    let name = value["stringValue"].as_str();
    let number = |names: &[&str]| names.iter().position(|own| Some(*own) == name).unwrap();
    match key.as_str() {
        "span:kind" => {
            let names = ["unspecified", "internal", "server", "client", "producer", "consumer"];
            span["kind"] = number(&names).into();
        }
        "span:status" => span["status"]["code"] = number(&["unset", "ok", "error"]).into(),
        "span:statusMessage" => span["status"]["message"] = name.unwrap().into(),
        _ => {
            let (owner, key) = match key.strip_prefix("resource.") {
                Some(key) => ("resource", key),
                None => ("attributes", key.as_str()),
            };
            let attribute = json!({ "key": key, "value": value });
            span[owner].as_array_mut().unwrap().push(attribute);
        }
    }
}

fn scalar(word: &str) -> Json {
    match word {
        "nothing" => json!({}),
        "true" | "false" => json!({ "boolValue": word == "true" }),
        "NaN" | "Infinity" | "-Infinity" => json!({ "doubleValue": word }),
        _ if word.parse::<i64>().is_ok() => json!({ "intValue": word }),
        _ if word.starts_with(|char: char| char == '-' || char.is_ascii_digit()) => {
            match word.parse::<f64>() {
                Ok(double) => json!({ "doubleValue": double }),
                Err(_) => json!({ "stringValue": word }),
            }
        }
        _ => json!({ "stringValue": word }),
    }
}

/// Nanoseconds, such as `-5ms`.
fn duration(text: &str) -> i128 {
    let unit_at = text.find(|char: char| char.is_alphabetic()).expect("a duration has a unit");
    let (number, unit) = text.split_at(unit_at);
    let nanoseconds = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => MILLISECOND,
        "s" => 1_000 * MILLISECOND,
        "m" => 60_000 * MILLISECOND,
        "h" => 3_600_000 * MILLISECOND,
        "d" => 86_400_000 * MILLISECOND,
        other => panic!("no unit {other:?}"),
    };
    number.parse::<i128>().unwrap() * nanoseconds
}
