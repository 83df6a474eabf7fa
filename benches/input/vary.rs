//! Rewrites exporter lines as other exporters might have written them: the same spans, for whatever
//! reads neither events nor links nor the attributes added here.

use super::json::Json;

/// How much differs from what the exporter wrote.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Spans of a hundred with their attributes in another order.
    shuffled: u64,
    /// Attribute texts of a thousand with a character written as an escape.
    escaped: u64,
    /// Spans of a hundred with events, a link or a list.
    extras: u64,
    /// Whether the members of each span stand in an order of their own, with blanks between all
    /// tokens, and with an attribute beyond ASCII.
    wild: bool,
}

/// What a good part of real exporters' output is like.
pub const VARIABLE: Style = Style { shuffled: 2, escaped: 2, extras: 30, wild: false };

/// No span is like another.
pub const IRREGULAR: Style = Style { shuffled: 100, escaped: 200, extras: 100, wild: true };

/// Rewrites all lines; equal seeds give equal bytes.
pub fn vary(text: &str, style: Style, seed: u64) -> String {
    let mut random = Random(seed);
    let mut out = String::with_capacity(text.len() * 3 / 2);
    for line in text.lines() {
        let mut document = Json::parse(line);
        for resource in document.elements("\"resourceSpans\"") {
            for scope in resource.elements("\"scopeSpans\"") {
                scope.elements("\"spans\"").iter_mut().for_each(|span| {
                    vary_span(span, style, &mut random);
                });
            }
        }
        document.write(&mut out, &mut || if style.wild { random.blank() } else { "" });
        out.push('\n');
    }
    out
}

fn vary_span(span: &mut Json<'_>, style: Style, random: &mut Random) {
    let extras = random.below(100) < style.extras;
    if let Some(Json::List(attributes)) = span.member("\"attributes\"") {
        for attribute in attributes.iter_mut() {
            let text = attribute.member("\"value\"").and_then(|v| v.member("\"stringValue\""));
            if random.below(1000) < style.escaped
                && let Some(Json::Scalar(text)) = text
                && let Some(escaped) = escape(text, random)
            {
                *text = escaped.into();
            }
        }
        if extras && random.below(2) == 0 {
            attributes.push(Json::parse(LIST));
        }
        if style.wild {
            attributes.push(Json::parse(BEYOND_ASCII));
        }
        if random.below(100) < style.shuffled {
            random.shuffle(attributes);
        }
    }
    if extras {
        add(span, "\"events\"", EVENTS[random.below(2) as usize]);
    }
    if extras && random.below(2) == 0 {
        add(span, "\"links\"", LINKS);
    }
    if let Json::Object(members) = span
        && style.wild
    {
        random.shuffle(members);
    }
}

const LIST: &str = r#"{"key":"bench.parts","value":{"arrayValue":{"values":[{"stringValue":"first"},{"stringValue":"second"},{"intValue":"3"}]}}}"#;
const BEYOND_ASCII: &str =
    r#"{"key":"bench.note","value":{"stringValue":"Größe über 7 µm, 東京 → 大阪"}}"#;
const LINKS: &str = r#"[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","attributes":[{"key":"bench.kind","value":{"stringValue":"batch"}}]}]"#;
const EVENTS: [&str; 2] = [
    r#"[{"timeUnixNano":"1729902124506958007","name":"message","attributes":[{"key":"message.type","value":{"stringValue":"SENT"}},{"key":"message.id","value":{"intValue":"1"}}]}]"#,
    r#"[{"timeUnixNano":"1729902124506958007","name":"cache.miss"},{"timeUnixNano":"1729902124507958007","name":"cache.fill","attributes":[{"key":"cache.size","value":{"doubleValue":0.75}}]}]"#,
];

/// Adds a member behind the attributes, unless it is there.
fn add(span: &mut Json<'_>, key: &'static str, value: &'static str) {
    if let Json::Object(members) = span
        && members.iter().all(|(other, _)| *other != key)
    {
        let behind = members.iter().position(|(other, _)| *other == "\"attributes\"");
        members.insert(behind.map_or(members.len(), |at| at + 1), (key, Json::parse(value)));
    }
}

/// The string with one of its letters written as an escape; none where it has escapes or no letter.
fn escape(text: &str, random: &mut Random) -> Option<String> {
    let letters = text.bytes().filter(u8::is_ascii_alphanumeric).count() as u64;
    if letters == 0 || text.contains('\\') {
        return None;
    }
    let chosen = random.below(letters) as usize;
    let (at, letter) =
        text.char_indices().filter(|(_, c)| c.is_ascii_alphanumeric()).nth(chosen)?;
    Some(format!("{}\\u{:04x}{}", &text[..at], letter as u32, &text[at + 1..]))
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ word >> 31) % bound
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at as u64 + 1) as usize);
        }
    }

    /// Mostly none, else one or a few.
    fn blank(&mut self) -> &'static str {
        ["", "", "", " ", "  ", "\t"][self.below(6) as usize]
    }
}
