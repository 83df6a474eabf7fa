//! Spans as they are, for those who do not want to read lines: each once, whole, trace by trace.

use std::io;

use super::attributes::{Attributes, Value, unescaped};
use super::exporter::Written;
use super::output::Output;
use super::service::{PODS, describe_pod};
use super::span::{Span, Status};

/// A span that was generated.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanRecord {
    /// Number of the resource that it belongs to, by place in [`resources`].
    pub resource: usize,
    /// Id of its trace.
    pub trace_id: u128,
    /// Its id.
    pub span_id: u64,
    /// Id of its parent; 0 for a root.
    pub parent_id: u64,
    /// Its name.
    pub name: &'static str,
    /// Its kind, by the protocol's number.
    pub kind: u8,
    /// Its start, nanoseconds since 1970.
    pub start: u64,
    /// Its end, nanoseconds since 1970.
    pub end: u64,
    /// Its flags, of which 256 and 512 say whether its parent is in another process.
    pub flags: u32,
    /// Its attributes in their order.
    pub attributes: Vec<(String, Value)>,
    /// How it ended, by the protocol's number: 0 unset, 1 ok, 2 error.
    pub status: u8,
    /// What was said about how it ended.
    pub message: String,
    /// The event at its end, if there is one: name and attributes.
    pub event: Option<(&'static str, Vec<(String, Value)>)>,
    /// The span of another trace that it is linked to, if it is: trace id and span id; the flags are
    /// [`LINK_FLAGS`](super::LINK_FLAGS).
    pub link: Option<(u128, u64)>,
}

/// What spans belong to: a pod of a service, and the instrumentation in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its attributes, `service.name` first.
    pub attributes: Vec<(String, Value)>,
    /// Name of the instrumentation.
    pub scope: &'static str,
    /// Version of the instrumentation.
    pub version: &'static str,
}

/// All resources of a workload.
pub fn resources() -> Vec<Resource> {
    (0..PODS)
        .map(|pod| {
            let mut attributes = Vec::new();
            let (scope, version) = describe_pod(pod, &mut Attributes::Plain(&mut attributes));
            Resource { attributes, scope, version }
        })
        .collect()
}

/// Hands over the spans of each trace when it is over.
pub(super) struct Records<'s> {
    spans: Vec<SpanRecord>,
    sink: &'s mut dyn FnMut(&SpanRecord) -> io::Result<()>,
}

impl<'s> Records<'s> {
    /// Spans for this sink.
    pub(super) fn new(sink: &'s mut dyn FnMut(&SpanRecord) -> io::Result<()>) -> Self {
        Self { spans: Vec::new(), sink }
    }
}

impl Output for Records<'_> {
    fn advance(&mut self, _now: u64) -> io::Result<()> {
        self.spans.drain(..).try_for_each(|span| (self.sink)(&span))
    }

    fn export(
        &mut self,
        pod: usize,
        span: &Span,
        (trace_id, span_id): (u128, u64),
        (start, end): (u64, u64),
        attributes: &mut dyn FnMut(&mut Attributes<'_>),
    ) {
        let values = |write: &mut dyn FnMut(&mut Attributes<'_>)| {
            let mut values = Vec::new();
            write(&mut Attributes::Plain(&mut values));
            values
        };
        let (status, message) = match span.status {
            Status::Unset => (0, String::new()),
            Status::Ok => (1, String::new()),
            Status::Error(message) => (2, unescaped(message)),
        };
        self.spans.push(SpanRecord {
            resource: pod,
            trace_id,
            span_id,
            parent_id: span.parent,
            name: span.operation.name,
            kind: span.kind as u8,
            start,
            end,
            flags: span.flags(),
            attributes: values(attributes),
            status,
            message,
            event: span.extra.event().map(|name| (name, values(&mut |to| span.extra.describe(to)))),
            link: span.extra.link(),
        });
    }

    fn close(&mut self) -> io::Result<Written> {
        self.advance(0)?;
        Ok(Written::default())
    }
}
