//! One span as the Collector's file exporter prints it: compact, camelCase keys in the order of the protocol's
//! fields, ids in hex, 64-bit integers as text, enums as numbers.

use super::operation::Operation;

/// Who a span talks to; the numbers are the protocol's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

/// How a span ended.
#[derive(Clone, Copy)]
pub(super) enum Status {
    /// `"status":{}`.
    Unset,
    /// Code 1.
    Ok,
    /// Code 2 with this message, which stands in JSON as it is given.
    Error(&'static str),
}

/// What a few spans carry beside their attributes.
#[derive(Clone, Copy)]
pub(super) enum Extra {
    /// Nothing.
    None,
    /// An `exception` event at the span's end: type and message.
    Exception(&'static str, &'static str),
    /// A `retry.scheduled` event at the span's end: delay in milliseconds.
    Retry(u64),
    /// A link to a span of another trace: trace id and span id.
    Link(u128, u64),
}

/// A span without its place in time and without its attributes.
pub(super) struct Span {
    /// Its name, with the rules that name it.
    pub(super) operation: Operation,
    /// Its kind.
    pub(super) kind: Kind,
    /// Id of its parent; 0 for a root.
    pub(super) parent: u64,
    /// How it ended.
    pub(super) status: Status,
    /// Its event or link.
    pub(super) extra: Extra,
}

impl Span {
    /// A span inside a service that ended without a word.
    pub(super) fn new(operation: Operation, parent: u64) -> Self {
        Self { operation, kind: Kind::Internal, parent, status: Status::Unset, extra: Extra::None }
    }

    /// The same span with another kind.
    pub(super) fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The same span with another status.
    pub(super) fn status(self, status: Status) -> Self {
        Self { status, ..self }
    }

    /// The same span with an event or link.
    pub(super) fn extra(self, extra: Extra) -> Self {
        Self { extra, ..self }
    }

    /// Appends the span and a comma. `time` is start and end in nanoseconds since 1970.
    pub(super) fn write(
        &self,
        out: &mut Vec<u8>,
        (trace, id): (u128, u64),
        time: (u64, u64),
        attributes: impl FnOnce(&mut Attributes<'_>),
    ) {
        put(out, "{\"traceId\":\"");
        hex(out, (trace >> 64) as u64);
        hex(out, trace as u64);
        put(out, "\",\"spanId\":\"");
        hex(out, id);
        put(out, "\",\"parentSpanId\":\"");
        if self.parent != 0 {
            hex(out, self.parent);
        }
        put(out, "\",\"name\":\"");
        put(out, self.operation.name);
        put(out, "\",\"kind\":");
        out.push(b'0' + self.kind as u8);
        put(out, ",\"startTimeUnixNano\":\"");
        decimal(out, time.0);
        put(out, "\",\"endTimeUnixNano\":\"");
        decimal(out, time.1);
        put(out, "\",");
        list(out, "\"attributes\":[", |out| attributes(&mut Attributes { out }));
        self.write_extra(out, time.1);
        self.write_status(out);
        // Bit 8: it is known whether the parent is remote. Bit 9: it is.
        let remote = self.parent != 0 && matches!(self.kind, Kind::Server | Kind::Consumer);
        put(out, if remote { ",\"flags\":768}," } else { ",\"flags\":256}," });
    }

    fn write_extra(&self, out: &mut Vec<u8>, end: u64) {
        let event = |out: &mut Vec<u8>, name: &str, attributes: &dyn Fn(&mut Attributes<'_>)| {
            put(out, "\"events\":[{\"timeUnixNano\":\"");
            decimal(out, end);
            put(out, "\",\"name\":\"");
            put(out, name);
            put(out, "\",");
            list(out, "\"attributes\":[", |out| attributes(&mut Attributes { out }));
            out.pop();
            put(out, "}],");
        };
        match self.extra {
            Extra::None => {}
            Extra::Exception(kind, message) => event(out, "exception", &|event| {
                event.text("exception.type", kind);
                event.text("exception.message", message);
                event.text("exception.stacktrace", STACK);
            }),
            Extra::Retry(delay) => {
                event(out, "retry.scheduled", &|event| {
                    event.int("delay_ms", delay);
                });
            }
            Extra::Link(trace, id) => {
                put(out, "\"links\":[{\"traceId\":\"");
                hex(out, (trace >> 64) as u64);
                hex(out, trace as u64);
                put(out, "\",\"spanId\":\"");
                hex(out, id);
                put(out, "\",\"flags\":256}],");
            }
        }
    }

    fn write_status(&self, out: &mut Vec<u8>) {
        match self.status {
            Status::Unset => put(out, "\"status\":{}"),
            Status::Ok => put(out, "\"status\":{\"code\":1}"),
            Status::Error(message) => {
                put(out, "\"status\":{\"message\":\"");
                put(out, message);
                put(out, "\",\"code\":2}");
            }
        }
    }
}

/// A stack trace, escaped for JSON.
const STACK: &str = "com.omnicart.payment.GatewayException\\n\\tat com.omnicart.payment.Stripe.charge(Stripe.java:118)\
                     \\n\\tat com.omnicart.payment.Retry$\\\"lambda\\\".run(Retry.java:41)";

/// The attributes of a span, event or resource under way. Keys and texts are written as they are given: whoever
/// gives one that needs escapes gives it escaped.
pub(super) struct Attributes<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Attributes<'a> {
    /// Attributes appended to `out`, each followed by a comma.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// A text.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(key, "\",\"value\":{\"stringValue\":\"");
        put(self.out, value);
        put(self.out, "\"}},");
    }

    /// An integer.
    pub(super) fn int(&mut self, key: &str, value: u64) {
        self.key(key, "\",\"value\":{\"intValue\":\"");
        decimal(self.out, value);
        put(self.out, "\"}},");
    }

    /// A truth value.
    pub(super) fn flag(&mut self, key: &str, value: bool) {
        self.key(key, "\",\"value\":{\"boolValue\":");
        put(self.out, if value { "true}}," } else { "false}}," });
    }

    /// A number of hundredths as a double in its shortest form: 14999 is 149.99, 14900 is 149.
    pub(super) fn hundredths(&mut self, key: &str, value: u64) {
        self.key(key, "\",\"value\":{\"doubleValue\":");
        decimal(self.out, value / 100);
        let rest = value % 100;
        if rest != 0 {
            self.out.push(b'.');
            self.out.push(b'0' + (rest / 10) as u8);
            if !rest.is_multiple_of(10) {
                self.out.push(b'0' + (rest % 10) as u8);
            }
        }
        put(self.out, "}},");
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &str, values: &[&str]) {
        self.key(key, "\",\"value\":{");
        list(self.out, "\"arrayValue\":{\"values\":[", |out| {
            for value in values {
                put(out, "{\"stringValue\":\"");
                put(out, value);
                put(out, "\"},");
            }
        });
        self.out.pop();
        put(self.out, "}}},");
    }

    fn key(&mut self, key: &str, then: &str) {
        put(self.out, "{\"key\":\"");
        put(self.out, key);
        put(self.out, then);
    }
}

/// Appends a list whose items end in commas, and a comma after it; nothing at all if it has no items.
fn list(out: &mut Vec<u8>, open: &str, items: impl FnOnce(&mut Vec<u8>)) {
    let before = out.len();
    put(out, open);
    let empty = out.len();
    items(out);
    if out.len() == empty {
        out.truncate(before);
        return;
    }
    out.pop();
    put(out, "],");
}

#[inline]
pub(super) fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// 64 bits as 16 hex digits.
fn hex(out: &mut Vec<u8>, bits: u64) {
    let mut digits = [0; 16];
    for (n, digit) in digits.iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(bits >> (60 - 4 * n) & 15) as usize];
    }
    out.extend_from_slice(&digits);
}

/// A number in decimal, written from its end two digits at a time.
fn decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    while number >= 10 {
        let pair = (number % 100) as u8;
        number /= 100;
        at -= 2;
        digits[at] = b'0' + pair / 10;
        digits[at + 1] = b'0' + pair % 10;
    }
    if number > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + number as u8;
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::{Attributes, decimal, hex};

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 1, 9, 10, 99, 100, 101, 1000, 1_729_900_800_000_000_001, u64::MAX] {
            assert_eq!(written(|out| decimal(out, number)), number.to_string());
            assert_eq!(written(|out| hex(out, number)), format!("{number:016x}"));
        }
    }

    #[test]
    fn money_is_written_as_its_shortest_double() {
        for (cents, expected) in
            [(14_999, "149.99"), (100_000, "1000"), (1250, "12.5"), (1205, "12.05")]
        {
            let json = written(|out| Attributes::new(out).hundredths("amount", cents));
            assert_eq!(
                json,
                format!("{{\"key\":\"amount\",\"value\":{{\"doubleValue\":{expected}}}}},")
            );
        }
    }
}
