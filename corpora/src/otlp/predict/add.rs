//! From [`Found`] spans to the sink.

use ir::Value as OwnedValue;

use super::super::SpanSink;
use super::operations::OperationId;
use super::span::{Found, Scalar, Spans, Text};
use crate::build::{AttributeValue, Known, Numbers, ScalarRef, SpanRecord};

impl Spans {
    fn name_of<'n>(&'n self, text: &'n [u8], found: &Found) -> &'n str {
        match found.operation {
            OperationId::OTHER => found.name.get(text, &self.unescaped),
            operation => self.automaton.name(operation),
        }
    }

    /// Looks up traces and texts of all spans of the document, `found`: first where each probably
    /// is, then whether it is there, in loops so short that the processor waits for many at once.
    pub(super) fn look_up(&mut self, text: &[u8], found: &mut [Found], sink: &mut impl SpanSink) {
        let Self { known, texts, unescaped, .. } = self;
        for Text { key, piece, hash, .. } in &mut *texts {
            *hash = sink.hash_text(*key, piece.bytes(text, unescaped));
        }
        // Spans of one trace often come one after the other.
        let (mut id, mut trace) = (0, None);
        for found in &mut *found {
            if found.trace_id != id {
                (id, trace) = (found.trace_id, sink.guess_trace(found.trace_id));
            }
            found.trace = trace;
        }
        for Text { key, hash, guess, .. } in &mut *texts {
            *guess = sink.guess_code(*key, *hash);
        }
        for found in found {
            found.trace = found.trace.filter(|&trace| sink.is_trace(trace, found.trace_id));
        }
        for Text { place, key, piece, hash, guess } in &*texts {
            let bytes = piece.bytes(text, unescaped);
            let code = match guess {
                Some(code) if sink.is_code(*key, *code, bytes) => *code,
                _ => sink.code(*key, *hash, piece.get(text, unescaped)),
            };
            known[*place as usize].1 = Known::Text(code);
        }
    }

    /// Adds a span that was found in `text`, and before `next` if that is not none, to the sink.
    pub(super) fn add(
        &mut self,
        text: &[u8],
        (found, next): (&Found, Option<&Found>),
        owners: &[(u32, u32)],
        sink: &mut impl SpanSink,
    ) {
        let (resource, scope) = owners[found.list as usize];
        let operation = match found.operation {
            OperationId::OTHER => sink.operation(self.name_of(text, found)),
            own => self.automaton.operations[usize::from(own.0)].number_of(sink),
        };
        let record = SpanRecord {
            trace_id: found.trace_id,
            span_id: found.span_id,
            parent_id: found.parent_id,
            name: self.name_of(text, found),
            kind: found.kind,
            status: found.status,
            message: found.message.get(text, &self.unescaped),
            start: found.start,
            end: found.end,
            flags: found.flags,
            resource,
            scope,
            rest: "",
        };
        let (known, named) = match next {
            Some(next) => (next.known as usize, next.named as usize),
            None => (self.known.len(), self.named.len()),
        };
        let known = &self.known[found.known as usize..known];
        let attributes = self.named[found.named as usize..named].iter().map(|(key, scalar)| {
            let scalar = match *scalar {
                Scalar::Text(piece) => ScalarRef::Text(piece.get(text, &self.unescaped)),
                Scalar::Known(Known::Int(int)) => ScalarRef::Int(int),
                Scalar::Known(Known::Float(float)) => ScalarRef::Float(float),
                Scalar::Known(Known::Bool(bool)) => ScalarRef::Bool(bool),
                Scalar::Known(Known::Empty | Known::Text(_)) => ScalarRef::Empty,
            };
            (self.automaton.key(*key), Plain(scalar))
        });
        let numbers = Numbers { operation, trace: found.trace };
        sink.span_of(numbers, &record, known, attributes);
    }
}

/// A value that is not composite.
#[derive(Clone, Copy)]
struct Plain<'t>(ScalarRef<'t>);

impl<'t> AttributeValue<'t> for Plain<'t> {
    #[inline(always)]
    fn scalar(self) -> ScalarRef<'t> {
        self.0
    }

    fn to_value(self) -> OwnedValue {
        match self.0 {
            ScalarRef::Empty | ScalarRef::Composite => OwnedValue::Empty,
            ScalarRef::Text(text) => OwnedValue::Text(text.to_owned()),
            ScalarRef::Bool(bool) => OwnedValue::Bool(bool),
            ScalarRef::Int(int) => OwnedValue::Int(int),
            ScalarRef::Float(float) => OwnedValue::Float(float),
        }
    }
}
