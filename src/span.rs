//! Spans as other programs hand them over one by one.

use ir::Value;

/// One span with everything that rules may ask of it.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// Trace id, not zero.
    pub trace_id: [u8; 16],
    /// Span id, not zero.
    pub span_id: [u8; 8],
    /// Span id of the parent; zero for a root.
    pub parent_id: [u8; 8],
    /// The operation.
    pub name: String,
    /// Kind.
    pub kind: Kind,
    /// Status.
    pub status: Status,
    /// Status message; empty for none.
    pub message: String,
    /// Start in nanoseconds since 1970.
    pub start: u64,
    /// End in nanoseconds since 1970.
    pub end: u64,
    /// W3C trace flags.
    pub flags: u32,
    /// Attributes of the span; of repeated keys the last counts.
    pub attributes: Vec<(String, Value)>,
    /// Attributes of its resource.
    pub resource: Vec<(String, Value)>,
}

/// The kind of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Not given.
    #[default]
    Unspecified,
    /// Within one process.
    Internal,
    /// Answers a request.
    Server,
    /// Makes a request.
    Client,
    /// Sends a message.
    Producer,
    /// Receives a message.
    Consumer,
}

/// The status of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Not given.
    #[default]
    Unset,
    /// It went well.
    Ok,
    /// It failed.
    Error,
}
