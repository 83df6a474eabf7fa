//! Generated traffic straight into a corpus, without lines in between.

use std::io;
use std::mem;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, mpsc};

use ir::{Schema, Value};
use serde_json::json;

use super::CorpusError;
use super::ingest::SEGMENT_SIZE;
use super::manifest::SegmentEntry;
use super::writer::Writer;
use crate::build::{self, Builder, SpanRecord};
use crate::generate::{self, Truth, Workload, resources, spans};

/// Full builders that wait to be sealed.
const WAITING: usize = 1;

/// Why a workload could not be generated into a corpus.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The corpus cannot be written.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// The workload means nothing.
    #[error(transparent)]
    Workload(#[from] generate::Error),
}

/// Adds a workload to a corpus: one thread makes spans, one seals and writes segments. Counts traces
/// in `progress`. Its traces must not be there yet: they are not looked for.
///
/// # Errors
/// [`GenerateError`]; then nothing was added.
pub fn generate(
    mut writer: Writer,
    workload: &Workload,
    progress: &AtomicU64,
) -> Result<Truth, GenerateError> {
    let mut next = writer.manifest().clone();
    let first = next.next_file;
    let (full, waiting) = mpsc::sync_channel::<Builder>(WAITING);
    let (truth, sealed) = std::thread::scope(|scope| {
        let writer = &writer;
        let sealing = scope.spawn(move || seal(writer, first, &waiting));
        let mut filling = Filling::new(full);
        let truth = spans(workload, &mut |span| filling.add(span, progress));
        let truth = truth.map_err(GenerateError::from).and_then(|truth| {
            let sent = filling.send();
            sent.map_err(|error| generate::Error::from(error).into()).map(|()| truth)
        });
        drop(filling);
        let sealed = sealing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (truth, sealed)
    });
    // What the disk says comes first: it is why nobody took spans any more.
    let sealed = sealed?;
    let truth = truth?;
    next.next_file += sealed.len() as u64;
    next.segments.extend(sealed);
    writer.commit(next)?;
    Ok(truth)
}

/// Seals and writes what comes, under numbers from `first` on.
fn seal(
    writer: &Writer,
    first: u64,
    waiting: &mpsc::Receiver<Builder>,
) -> Result<Vec<SegmentEntry>, CorpusError> {
    let mut sealed = Vec::new();
    for builder in waiting {
        for segment in build::finish(vec![builder], SEGMENT_SIZE).segments {
            let number = first + sealed.len() as u64;
            sealed.push(writer.put_segment(number, &segment.seal().segment)?);
        }
    }
    Ok(sealed)
}

/// A builder that is being filled with whole traces.
struct Filling {
    schema: Arc<Schema>,
    resources: Vec<generate::Resource>,
    builder: Builder,
    /// Resource and scope of each pod, once the builder has it.
    numbers: Vec<Option<(u32, u32)>>,
    traces: usize,
    trace: u128,
    full: mpsc::SyncSender<Builder>,
}

impl Filling {
    fn new(full: mpsc::SyncSender<Builder>) -> Self {
        let schema = Arc::new(Schema::everything());
        let resources = resources();
        Self {
            builder: Builder::new(Arc::clone(&schema)),
            numbers: vec![None; resources.len()],
            schema,
            resources,
            traces: 0,
            trace: 0,
            full,
        }
    }

    fn add(&mut self, span: &generate::SpanRecord, progress: &AtomicU64) -> io::Result<()> {
        if span.trace_id != self.trace {
            if self.traces == SEGMENT_SIZE.traces {
                self.send()?;
            }
            self.trace = span.trace_id;
            self.traces += 1;
            progress.fetch_add(1, Relaxed);
        }
        let (resource, scope) = self.numbers(span.resource);
        let rest = rest(span);
        let record = SpanRecord {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_id: span.parent_id,
            name: span.name,
            kind: span.kind,
            status: span.status,
            message: &span.message,
            start: span.start,
            end: span.end,
            flags: span.flags,
            resource,
            scope,
            rest: &rest,
        };
        let attributes: Vec<(&str, Value)> =
            span.attributes.iter().map(|(key, value)| (key.as_str(), value.into())).collect();
        self.builder.span(&record, attributes.iter().map(|(key, value)| (*key, value)));
        Ok(())
    }

    fn numbers(&mut self, pod: usize) -> (u32, u32) {
        let Self { builder, numbers, resources, .. } = self;
        *numbers[pod].get_or_insert_with(|| {
            let generate::Resource { attributes, scope, version } = &resources[pod];
            let attributes: Vec<(&str, Value)> =
                attributes.iter().map(|(key, value)| (key.as_str(), value.into())).collect();
            let resource =
                builder.resource(attributes.iter().map(|(key, value)| (*key, value)), "");
            (resource, builder.scope(scope, version, ""))
        })
    }

    /// Hands over what is there.
    fn send(&mut self) -> io::Result<()> {
        let builder = mem::replace(&mut self.builder, Builder::new(Arc::clone(&self.schema)));
        self.numbers.fill(None);
        self.traces = 0;
        self.full.send(builder).map_err(|_| io::Error::other("segments cannot be written"))
    }
}

/// What a span bears beside columns, as readers keep it of the lines.
fn rest(span: &generate::SpanRecord) -> String {
    if span.event.is_none() && span.link.is_none() {
        return String::new();
    }
    let attributes = |list: &[(String, generate::Value)]| {
        let attribute = |(key, value): &(String, generate::Value)| {
            let value = match value {
                generate::Value::Text(text) => json!({ "stringValue": text }),
                generate::Value::Int(int) => json!({ "intValue": int.to_string() }),
                generate::Value::Flag(flag) => json!({ "boolValue": flag }),
                generate::Value::Double(double) => json!({ "doubleValue": double }),
                generate::Value::Texts(texts) => {
                    let values = texts.iter().map(|text| json!({ "stringValue": text }));
                    json!({ "arrayValue": { "values": values.collect::<Vec<_>>() } })
                }
            };
            json!({ "key": key, "value": value })
        };
        list.iter().map(attribute).collect::<Vec<_>>()
    };
    let mut rest = serde_json::Map::new();
    if let Some((name, list)) = &span.event {
        let event = json!({
            "timeUnixNano": span.end.to_string(), "name": name, "attributes": attributes(list),
        });
        rest.insert("events".to_owned(), json!([event]));
    }
    if let Some((trace, id)) = span.link {
        let link = json!({ "traceId": format!("{trace:032x}"), "spanId": format!("{id:016x}"), "flags": generate::LINK_FLAGS });
        rest.insert("links".to_owned(), json!([link]));
    }
    serde_json::Value::Object(rest).to_string()
}

impl From<&generate::Value> for Value {
    fn from(value: &generate::Value) -> Self {
        match value {
            generate::Value::Text(text) => Self::Text(text.clone()),
            generate::Value::Int(int) => Self::Int(i64::try_from(*int).unwrap_or(i64::MAX)),
            generate::Value::Flag(flag) => Self::Bool(*flag),
            generate::Value::Double(double) => Self::Float(*double),
            generate::Value::Texts(texts) => {
                Self::List(texts.iter().cloned().map(Self::Text).collect())
            }
        }
    }
}
