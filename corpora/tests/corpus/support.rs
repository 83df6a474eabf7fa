//! Segments that hold everything, and all that they hold as text.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use betrace_corpora::build::{Builder, SegmentSize, SpanRecord, Stored, finish};
use betrace_corpora::corpus::CorpusError;
use betrace_corpora::corpus::file::{SegmentFile, write};
use betrace_corpora::generate::{Workload, lines};
use betrace_corpora::otlp::Decoder;
use betrace_corpora::source::{Chunk, Kind};
use bytes::Bytes;
use ir::segment::{Column, RowRef};
use ir::{Mask, Schema, Segment};

/// The segment of a generated workload of so many traces.
pub fn generated(traces: u64, seed: u64) -> Segment {
    let mut decoder = Decoder::with_sink(Builder::new(Arc::new(Schema::everything())));
    let name: Arc<str> = "memory".into();
    let written = lines(&Workload::new(traces, 1, seed), &mut |bytes| {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let chunk = Chunk { bytes, offset: 0, line: 1, kind: Kind::Line, ends_input: false };
        decoder.decode(&chunk, 0, &name);
        Ok(())
    });
    written.expect("a workload");
    let whole = SegmentSize { traces: usize::MAX, rows: usize::MAX };
    let mut finished = finish(vec![decoder.into_parts().0], whole);
    finished.segments.pop_front().expect("there are spans").seal().segment
}

/// The file of a segment.
pub fn written(segment: &Segment) -> Vec<u8> {
    let mut file = Vec::new();
    write(segment, &mut file).expect("it can be kept");
    file
}

/// Opens the bytes of a file.
pub fn opened(file: &[u8]) -> Result<SegmentFile, CorpusError> {
    SegmentFile::from_bytes(Path::new("a.seg"), Bytes::copy_from_slice(file))
}

/// All that a segment holds, a line a trace or span.
pub fn dump(segment: &Segment) -> String {
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("texts take all");
    let value = |column: &Option<Column>, trace| {
        column.as_ref().and_then(|column| Some(column.get(trace)?.text().into_owned()))
    };
    let stored = Stored::new(segment);
    for trace in 0..segment.len() {
        let traces = &segment.traces;
        let root = [&traces.root_name, &traces.root_service].map(|column| value(column, trace));
        let [id, start, end] =
            [traces.id[trace], traces.start[trace].into(), traces.end[trace].into()];
        let (spans, flags) = (traces.spans.get(trace), traces.flags[trace]);
        line(format!("trace {id:032x} {start} {end} {spans} {flags} {root:?}"));
        for at in segment.spans_of(trace) {
            line(format!("  {}", span(segment, stored, at)));
        }
    }
    text
}

fn span(segment: &Segment, stored: Stored<'_>, at: RowRef) -> String {
    let record = stored.record(at).expect("it is decoded");
    let attributes = stored.attributes(at).expect("they are decoded");
    let resource = stored.resource(record.resource).expect("it is decoded");
    let scope = stored.scope(record.scope).expect("it is decoded");
    let operation = &segment.operations[at.operation as usize];
    let present = operation.presence.as_ref().map(Mask::count);
    let SpanRecord { span_id, parent_id, name, kind, status, message, .. } = record;
    let SpanRecord { start, end, flags, rest, .. } = record;
    format!(
        "{span_id:016x} {parent_id:016x} {name:?} {kind} {status} {message:?} {start} {end} {flags} \
         {rest:?} {attributes:?} {resource:?} {scope:?} {present:?}"
    )
}
