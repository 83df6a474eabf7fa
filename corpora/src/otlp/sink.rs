//! What a decoder feeds: a builder, as a rule.

use crate::build::{AttributeValue, Builder, Known, Numbers, SpanRecord, Want};

/// Takes the spans that a decoder finds. Numbers of resources and scopes are the sink's own. What need
/// not be said is what a sink says that wants every attribute by its name and numbers nothing else.
pub trait SpanSink {
    /// Whether it keeps what else spans, scopes and resources bear; if not, that need not be read.
    fn keeps_rest(&self) -> bool;

    /// The number of a resource with these attributes; `rest` is the text of an object with what else
    /// it bears, empty for nothing.
    fn resource<'a, V: AttributeValue<'a>>(
        &mut self,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
        rest: &str,
    ) -> u32;

    /// The number of an instrumentation scope; `rest` as for a resource.
    fn scope(&mut self, name: &str, version: &str, rest: &str) -> u32;

    /// Adds a span.
    fn span<'a, V: AttributeValue<'a>>(
        &mut self,
        span: &SpanRecord<'_>,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
    );

    /// The number of an operation, for [`Self::span_of`] and [`Self::wants`]. There need not be a span
    /// of it yet, nor ever.
    fn operation(&mut self, _: &str) -> u32 {
        0
    }

    /// Adds a span of this operation and trace; see [`Builder::span_of`].
    fn span_of<'a, V: AttributeValue<'a>>(
        &mut self,
        _: Numbers,
        span: &SpanRecord<'_>,
        _: &[(u32, Known)],
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
    ) {
        self.span(span, attributes);
    }

    /// What matters of attributes of this name to spans of this operation. Others need not be
    /// among the attributes of a span.
    fn wants(&self, _: u32, _: &str) -> Want {
        Want::ByName
    }

    /// What is probably the number of a trace; see [`Builder::guess_trace`].
    fn guess_trace(&self, _: u128) -> Option<u32> {
        None
    }

    /// Whether a guess is the number of the trace.
    fn is_trace(&self, _: u32, _: u128) -> bool {
        false
    }

    /// The hash of a text that is the value of the key of this number; see [`Builder::hash_text`].
    fn hash_text(&self, _: u32, _: &[u8]) -> u64 {
        0
    }

    /// What is probably the code of the text with this hash.
    fn guess_code(&self, _: u32, _: u64) -> Option<u32> {
        None
    }

    /// Whether a guess is the code of the text.
    fn is_code(&self, _: u32, _: u32, _: &[u8]) -> bool {
        false
    }

    /// The code of a text with this hash that is the value of the key of this number.
    fn code(&mut self, _: u32, _: u64, _: &str) -> u32 {
        0
    }
}

impl SpanSink for Builder {
    fn keeps_rest(&self) -> bool {
        self.keeps_rest()
    }

    #[inline]
    fn resource<'a, V: AttributeValue<'a>>(
        &mut self,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
        rest: &str,
    ) -> u32 {
        self.resource(attributes, rest)
    }

    #[inline]
    fn scope(&mut self, name: &str, version: &str, rest: &str) -> u32 {
        self.scope(name, version, rest)
    }

    #[inline]
    fn span<'a, V: AttributeValue<'a>>(
        &mut self,
        span: &SpanRecord<'_>,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
    ) {
        self.span(span, attributes);
    }

    fn operation(&mut self, name: &str) -> u32 {
        self.operation(name)
    }

    #[inline]
    fn span_of<'a, V: AttributeValue<'a>>(
        &mut self,
        numbers: Numbers,
        span: &SpanRecord<'_>,
        known: &[(u32, Known)],
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
    ) {
        self.span_of(numbers, span, known, attributes);
    }

    fn wants(&self, operation: u32, name: &str) -> Want {
        self.wants(operation, name)
    }

    #[inline]
    fn guess_trace(&self, id: u128) -> Option<u32> {
        self.guess_trace(id)
    }

    #[inline]
    fn is_trace(&self, number: u32, id: u128) -> bool {
        self.is_trace(number, id)
    }

    #[inline]
    fn hash_text(&self, key: u32, text: &[u8]) -> u64 {
        self.hash_text(key, text)
    }

    #[inline]
    fn guess_code(&self, key: u32, hash: u64) -> Option<u32> {
        self.guess_code(key, hash)
    }

    #[inline]
    fn is_code(&self, key: u32, code: u32, text: &[u8]) -> bool {
        self.is_code(key, code, text)
    }

    fn code(&mut self, key: u32, hash: u64, text: &str) -> u32 {
        self.code(key, hash, text)
    }
}

/// Drops spans.
pub(super) struct Nowhere;

impl SpanSink for Nowhere {
    fn keeps_rest(&self) -> bool {
        false
    }

    fn resource<'a, V: AttributeValue<'a>>(
        &mut self,
        _: impl Iterator<Item = (&'a str, V)> + Clone,
        _: &str,
    ) -> u32 {
        0
    }

    fn scope(&mut self, _: &str, _: &str, _: &str) -> u32 {
        0
    }

    fn span<'a, V: AttributeValue<'a>>(
        &mut self,
        _: &SpanRecord<'_>,
        _: impl Iterator<Item = (&'a str, V)> + Clone,
    ) {
    }
}
