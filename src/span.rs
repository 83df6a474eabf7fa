//! Spans as other programs hand them over one by one.

use corpora::otlp::VALUE_DEPTH;
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
    /// Start in nanoseconds since 1970, not zero.
    pub start: u64,
    /// End in nanoseconds since 1970.
    pub end: u64,
    /// W3C trace flags.
    pub flags: u32,
    /// Attributes of the span; of repeated keys the last counts. Lists and maps may be nested 32
    /// deep.
    pub attributes: Vec<(String, Value)>,
    /// Attributes of its resource.
    pub resource: Vec<(String, Value)>,
}

impl Span {
    /// About how many bytes its values hold; the key of a value that is nested too deep where there
    /// is one.
    pub(crate) fn size(&self) -> Result<usize, &str> {
        let attributes = self.attributes.iter().chain(&self.resource);
        attributes.map(|(key, value)| size(value, 1).ok_or(key.as_str())).sum()
    }
}

/// None where the lists and maps, of which this may be number `depth`, go deeper than allowed.
fn size(value: &Value, depth: usize) -> Option<usize> {
    let members: usize = match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(_) | Value::Map(_) if depth > VALUE_DEPTH => return None,
        Value::List(list) => list.iter().map(|one| size(one, depth + 1)).sum::<Option<_>>()?,
        Value::Map(map) => {
            let sizes = map.iter().map(|(key, one)| Some(key.len() + size(one, depth + 1)?));
            sizes.sum::<Option<_>>()?
        }
        Value::Empty | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 0,
    };
    Some(size_of::<Value>() + members)
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

impl Kind {
    /// All kinds, by their OTLP numbers.
    pub const ALL: [Self; 6] = [
        Self::Unspecified,
        Self::Internal,
        Self::Server,
        Self::Client,
        Self::Producer,
        Self::Consumer,
    ];
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

impl Status {
    /// All statuses, by their OTLP numbers.
    pub const ALL: [Self; 3] = [Self::Unset, Self::Ok, Self::Error];
}
