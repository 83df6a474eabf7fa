//! The spans of one workload in the three forms that `benches/peers/run` needs.
//!
//! - `spans columns TRACES`: to standard output, the columns of the table of the OpenTelemetry Collector's ClickHouse
//!   exporter in batches of rows, straight from the generator. `columns.py` reads them.
//! - `spans lines TRACES TRUTH`: to standard output, OTLP JSON lines as `betrace generate` writes them; the truth to
//!   a file.
//! - `spans rows TRACES FILE`: one JSON object a span, in the shape of that table's `JSONEachRow`.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use betrace_corpora::generate::{
    Rates, Resource, SpanRecord, Value, Workload, lines, resources, spans,
};
use serde_json::{Map, json};

/// Traces in a million that violate each rule: a hundredth of a percent.
const VIOLATIONS: u32 = 100;
/// Days of traffic.
const DAYS: u32 = 10;
const SEED: u64 = 20;
/// Rows of a batch.
const BATCH: u32 = 1 << 16;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let workload = |traces: &str| -> Result<Workload, Box<dyn Error>> {
        let rates = Rates::Each(VIOLATIONS);
        Ok(Workload { rates, ..Workload::new(traces.parse()?, DAYS, SEED) })
    };
    match arguments[..] {
        ["columns", traces] => columns(&workload(traces)?),
        ["lines", traces, truth] => otlp(&workload(traces)?, Path::new(truth)),
        ["rows", traces, file] => rows(&workload(traces)?, Path::new(file)),
        _ => Err("usage: spans columns TRACES | lines TRACES TRUTH | rows TRACES FILE".into()),
    }
}

/// Writes batches: the number of rows as 4 bytes, then each buffer of [`Columns`] in order as its length in 8 bytes
/// and its bytes. All numbers are little-endian.
fn columns(workload: &Workload) -> Result<(), Box<dyn Error>> {
    let resources = resources();
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let mut batch = Columns::default();
    spans(workload, &mut |span| {
        batch.add(span, &resources[span.resource]);
        if batch.rows == BATCH { batch.send(&mut out) } else { Ok(()) }
    })?;
    batch.send(&mut out)?;
    Ok(out.flush()?)
}

/// A batch of rows as the buffers of Arrow: of a text, the ends of all values and their bytes; of a map, the ends of
/// all rows and then keys and values as texts; of a list, the ends of all rows and then its elements.
#[derive(Default)]
struct Columns {
    rows: u32,
    start: Vec<u8>,
    duration: Vec<u8>,
    trace_id: Texts,
    span_id: Texts,
    parent_id: Texts,
    name: Texts,
    kind: Texts,
    service: Texts,
    resource: Maps,
    scope: Texts,
    version: Texts,
    attributes: Maps,
    status: Texts,
    message: Texts,
    event_ends: Ends,
    event_time: Vec<u8>,
    event_name: Texts,
    event_attributes: Maps,
    link_ends: Ends,
    link_trace: Texts,
    link_span: Texts,
}

impl Columns {
    fn add(&mut self, span: &SpanRecord, resource: &Resource) {
        self.rows += 1;
        self.start.extend_from_slice(&span.start.to_le_bytes());
        self.duration.extend_from_slice(&(span.end - span.start).to_le_bytes());
        self.trace_id.add(&format!("{:032x}", span.trace_id));
        self.span_id.add(&format!("{:016x}", span.span_id));
        self.parent_id.add(&parent(span));
        self.name.add(span.name);
        self.kind.add(kind(span));
        self.service.add(service(resource));
        self.resource.add(&resource.attributes);
        self.scope.add(resource.scope);
        self.version.add(resource.version);
        self.attributes.add(&span.attributes);
        self.status.add(status(span));
        self.message.add(&span.message);
        if let Some((name, attributes)) = &span.event {
            self.event_time.extend_from_slice(&span.end.to_le_bytes());
            self.event_name.add(name);
            self.event_attributes.add(attributes);
            self.event_ends.last += 1;
        }
        self.event_ends.close();
        if let Some((trace, id)) = span.link {
            self.link_trace.add(&format!("{trace:032x}"));
            self.link_span.add(&format!("{id:016x}"));
            self.link_ends.last += 1;
        }
        self.link_ends.close();
    }

    /// Writes the batch and begins another.
    fn send(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.rows.to_le_bytes())?;
        let texts = |texts: &Texts| [texts.ends.bytes.clone(), texts.bytes.clone()];
        let maps = |maps: &Maps| {
            let [a, b] = texts(&maps.keys);
            let [c, d] = texts(&maps.values);
            [maps.ends.bytes.clone(), a, b, c, d]
        };
        let buffers: Vec<Vec<u8>> = [self.start.clone(), self.duration.clone()]
            .into_iter()
            .chain(texts(&self.trace_id))
            .chain(texts(&self.span_id))
            .chain(texts(&self.parent_id))
            .chain(texts(&self.name))
            .chain(texts(&self.kind))
            .chain(texts(&self.service))
            .chain(maps(&self.resource))
            .chain(texts(&self.scope))
            .chain(texts(&self.version))
            .chain(maps(&self.attributes))
            .chain(texts(&self.status))
            .chain(texts(&self.message))
            .chain([self.event_ends.bytes.clone(), self.event_time.clone()])
            .chain(texts(&self.event_name))
            .chain(maps(&self.event_attributes))
            .chain([self.link_ends.bytes.clone()])
            .chain(texts(&self.link_trace))
            .chain(texts(&self.link_span))
            .collect();
        for buffer in buffers {
            out.write_all(&(buffer.len() as u64).to_le_bytes())?;
            out.write_all(&buffer)?;
        }
        *self = Self::default();
        Ok(())
    }
}

/// The ends of items in a buffer, 4 bytes each, after a first 0.
struct Ends {
    last: u32,
    bytes: Vec<u8>,
}

impl Default for Ends {
    fn default() -> Self {
        Self { last: 0, bytes: vec![0; 4] }
    }
}

impl Ends {
    fn close(&mut self) {
        self.bytes.extend_from_slice(&self.last.to_le_bytes());
    }
}

#[derive(Default)]
struct Texts {
    ends: Ends,
    bytes: Vec<u8>,
}

impl Texts {
    fn add(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.last = self.bytes.len() as u32;
        self.ends.close();
    }
}

#[derive(Default)]
struct Maps {
    ends: Ends,
    keys: Texts,
    values: Texts,
}

impl Maps {
    fn add(&mut self, attributes: &[(String, Value)]) {
        for (key, value) in attributes {
            self.keys.add(key);
            self.values.add(&text(value));
        }
        self.ends.last += attributes.len() as u32;
        self.ends.close();
    }
}

fn otlp(workload: &Workload, truth: &Path) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let told = lines(workload, &mut |line| out.write_all(line))?;
    out.flush()?;
    Ok(fs::write(truth, told.to_json())?)
}

/// Writes the rows of the table as JSON objects.
fn rows(workload: &Workload, file: &Path) -> Result<(), Box<dyn Error>> {
    let resources = resources();
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    spans(workload, &mut |span| {
        serde_json::to_writer(&mut out, &row(span, &resources[span.resource]))?;
        out.write_all(b"\n")
    })?;
    Ok(out.flush()?)
}

fn row(span: &SpanRecord, resource: &Resource) -> serde_json::Value {
    let map = |attributes: &[(String, Value)]| -> Map<String, serde_json::Value> {
        attributes.iter().map(|(key, value)| (key.clone(), text(value).into())).collect()
    };
    let event = span.event.as_ref();
    let moment = |nanos: u64| format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    json!({
        "Timestamp": moment(span.start),
        "TraceId": format!("{:032x}", span.trace_id),
        "SpanId": format!("{:016x}", span.span_id),
        "ParentSpanId": parent(span),
        "SpanName": span.name,
        "SpanKind": kind(span),
        "ServiceName": service(resource),
        "ResourceAttributes": map(&resource.attributes),
        "ScopeName": resource.scope,
        "ScopeVersion": resource.version,
        "SpanAttributes": map(&span.attributes),
        "Duration": span.end - span.start,
        "StatusCode": status(span),
        "StatusMessage": span.message,
        "Events.Timestamp": event.map(|_| moment(span.end)).into_iter().collect::<Vec<_>>(),
        "Events.Name": event.map(|(name, _)| name).into_iter().collect::<Vec<_>>(),
        "Events.Attributes": event.map(|(_, list)| map(list)).into_iter().collect::<Vec<_>>(),
        "Links.TraceId": span.link.map(|(id, _)| format!("{id:032x}")).into_iter().collect::<Vec<_>>(),
        "Links.SpanId": span.link.map(|(_, id)| format!("{id:016x}")).into_iter().collect::<Vec<_>>(),
        "Links.TraceState": span.link.map(|_| "").into_iter().collect::<Vec<_>>(),
        "Links.Attributes": span.link.map(|_| json!({})).into_iter().collect::<Vec<_>>(),
    })
}

/// A value as the exporter's maps have it: all as text, a list as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Texts(texts) => json!(texts).to_string(),
    }
}

fn parent(span: &SpanRecord) -> String {
    if span.parent_id == 0 { String::new() } else { format!("{:016x}", span.parent_id) }
}

fn kind(span: &SpanRecord) -> &'static str {
    ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"][usize::from(span.kind)]
}

fn status(span: &SpanRecord) -> &'static str {
    ["Unset", "Ok", "Error"][usize::from(span.status)]
}

fn service(resource: &Resource) -> &str {
    match resource.attributes.iter().find(|(key, _)| key == "service.name") {
        Some((_, Value::Text(name))) => name,
        _ => "",
    }
}
