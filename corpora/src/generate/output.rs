//! Where spans go while a workload is played: into lines, or out as they are.

use std::io;

use super::attributes::Attributes;
use super::exporter::{Exporter, Sink, Written};
use super::span::Span;

/// Takes spans.
pub(super) trait Output {
    /// Lets time pass until a new trace begins, nanoseconds since 1970.
    fn advance(&mut self, now: u64) -> io::Result<()>;

    /// Takes a span of a pod: the ids of trace and span, start and end in nanoseconds since 1970, and what writes
    /// its attributes, which must be called at most once.
    fn export(
        &mut self,
        pod: usize,
        span: &Span,
        ids: (u128, u64),
        time: (u64, u64),
        attributes: &mut dyn FnMut(&mut Attributes<'_>),
    );

    /// Hands over all that is left, and says what has been written.
    fn close(&mut self) -> io::Result<Written>;
}

/// Lines of batches.
pub(super) struct Lines<'s> {
    exporter: Exporter,
    sink: &'s mut Sink<'s>,
}

impl<'s> Lines<'s> {
    /// Lines of this exporter for this sink.
    pub(super) fn new(exporter: Exporter, sink: &'s mut Sink<'s>) -> Self {
        Self { exporter, sink }
    }
}

impl Output for Lines<'_> {
    fn advance(&mut self, now: u64) -> io::Result<()> {
        self.exporter.advance(now, self.sink)
    }

    fn export(
        &mut self,
        pod: usize,
        span: &Span,
        ids: (u128, u64),
        time: (u64, u64),
        attributes: &mut dyn FnMut(&mut Attributes<'_>),
    ) {
        self.exporter.export(pod, |out| span.write(out, ids, time, attributes));
    }

    fn close(&mut self) -> io::Result<Written> {
        self.exporter.close(self.sink)?;
        Ok(self.exporter.written)
    }
}
