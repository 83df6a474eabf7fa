//! One span as the Collector's file exporter prints it: compact, camelCase keys in the order of the protocol's
//! fields, ids in hex, 64-bit integers as text, enums as numbers.

use super::attributes::Attributes;
use super::operation::Operation;

/// The flags of a link, and of a span whose parent is in its own process: it is known that it is.
pub const LINK_FLAGS: u32 = 256;

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

impl Extra {
    /// The name of the event, if it is one.
    pub(super) fn event(self) -> Option<&'static str> {
        match self {
            Self::Exception(..) => Some("exception"),
            Self::Retry(_) => Some("retry.scheduled"),
            Self::None | Self::Link(..) => None,
        }
    }

    /// The span of another trace that it links to, if it does.
    pub(super) fn link(self) -> Option<(u128, u64)> {
        match self {
            Self::Link(trace, id) => Some((trace, id)),
            Self::None | Self::Exception(..) | Self::Retry(_) => None,
        }
    }

    /// The attributes of the event.
    pub(super) fn describe(self, attributes: &mut Attributes<'_>) {
        match self {
            Self::Exception(kind, message) => {
                attributes.text("exception.type", kind);
                attributes.text("exception.message", message);
                attributes.text("exception.stacktrace", STACK);
            }
            Self::Retry(delay) => attributes.int("delay_ms", delay),
            Self::None | Self::Link(..) => {}
        }
    }
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
        attributes: &mut dyn FnMut(&mut Attributes<'_>),
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
        list(out, "\"attributes\":[", |out| attributes(&mut Attributes::Json(out)));
        self.write_extra(out, time.1);
        self.write_status(out);
        put(out, ",\"flags\":");
        decimal(out, self.flags().into());
        put(out, "},");
    }

    /// Bit 8: it is known whether the parent is remote. Bit 9: it is.
    pub(super) fn flags(&self) -> u32 {
        let remote = self.parent != 0 && matches!(self.kind, Kind::Server | Kind::Consumer);
        if remote { 768 } else { LINK_FLAGS }
    }

    fn write_extra(&self, out: &mut Vec<u8>, end: u64) {
        if let Some(name) = self.extra.event() {
            put(out, "\"events\":[{\"timeUnixNano\":\"");
            decimal(out, end);
            put(out, "\",\"name\":\"");
            put(out, name);
            put(out, "\",");
            list(out, "\"attributes\":[", |out| self.extra.describe(&mut Attributes::Json(out)));
            out.pop();
            put(out, "}],");
        }
        if let Some((trace, id)) = self.extra.link() {
            put(out, "\"links\":[{\"traceId\":\"");
            hex(out, (trace >> 64) as u64);
            hex(out, trace as u64);
            put(out, "\",\"spanId\":\"");
            hex(out, id);
            put(out, "\",\"flags\":");
            decimal(out, LINK_FLAGS.into());
            put(out, "}],");
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

/// Appends a list whose items end in commas, and a comma after it; nothing at all if it has no items.
pub(super) fn list(out: &mut Vec<u8>, open: &str, items: impl FnOnce(&mut Vec<u8>)) {
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
pub(super) fn decimal(out: &mut Vec<u8>, mut number: u64) {
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
    use super::{decimal, hex};

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
}
