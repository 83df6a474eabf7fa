//! The holes of spans, where in a span they are, and how long.

use super::lanes::BLOCK;

/// A piece of a span that differs from span to span: what it holds and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Hole {
    /// None: the span ends here.
    End,
    TraceId,
    SpanId,
    ParentId,
    Name,
    KindNumber,
    KindText,
    StartText,
    StartNumber,
    EndText,
    EndNumber,
    Flags,
    CodeNumber,
    CodeText,
    Message,
    /// An attribute's value, by the type that it says it has.
    Text,
    IntText,
    Int,
    Double,
    Bool,
    /// No value: nothing to pass over.
    Empty,
    /// An array or a map: all of it.
    Composite,
    /// In base64.
    Bytes,
    /// Somewhere in a field that OTLP has and we do not read.
    OtherText,
    OtherNumber,
}

/// Where in a span a hole is: all that decides what may follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) level: Level,
    /// Whether a quote must follow.
    pub(super) quoted: bool,
    /// The brackets that are open within an unread field: a bit each above a leading one, set for
    /// an object.
    pub(super) brackets: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Level {
    /// Before the span's bracket.
    Before,
    /// In the span itself.
    Span,
    /// In the value of an attribute.
    Attribute,
    /// In the status.
    Status,
    /// In a field that is not read.
    Other,
}

impl Place {
    /// Before a span.
    pub(super) const BEFORE: Self = Self::at(Level::Before, false);

    /// At a level, with no bracket open below it.
    pub(super) const fn at(level: Level, quoted: bool) -> Self {
        Self { level, quoted, brackets: 1 }
    }
}

/// How long the value of a hole is, as a rule: what came twice in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usual(u8, u8);

impl Usual {
    /// The length, less than a block.
    #[inline(always)]
    pub(super) fn len(self) -> usize {
        usize::from(self.0) % BLOCK
    }

    /// Whether this is the first of the marked places.
    #[inline(always)]
    pub(super) fn is_first(self, ends: u64) -> bool {
        // The lowest bit that is set is that of the usual length.
        ends << (BLOCK - 1 - self.len()) == 1 << (BLOCK - 1)
    }

    /// Notes a length that was not the usual one.
    #[inline(always)]
    pub(super) fn set(&mut self, len: usize) {
        let Self(usual, last) = *self;
        *self = if last == len as u8 { Self(last, last) } else { Self(usual, len as u8) };
    }
}

/// Fields of a span that may be there once, a bit each.
pub(super) mod fields {
    /// `traceId`.
    pub const TRACE_ID: u16 = 1;
    /// `spanId`.
    pub const SPAN_ID: u16 = 1 << 1;
    pub const PARENT_ID: u16 = 1 << 2;
    pub const NAME: u16 = 1 << 3;
    pub const KIND: u16 = 1 << 4;
    /// `startTimeUnixNano`.
    pub const START: u16 = 1 << 5;
    pub const END: u16 = 1 << 6;
    pub const ATTRIBUTES: u16 = 1 << 7;
    pub const STATUS: u16 = 1 << 8;
    pub const CODE: u16 = 1 << 9;
    pub const MESSAGE: u16 = 1 << 10;
    pub const FLAGS: u16 = 1 << 11;
}
