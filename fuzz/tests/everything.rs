//! Segments that hold everything: every rule has the answer that it has over a segment made for it;
//! what went in comes out again; and what comes out, put in again, gives the same segment.

#[expect(dead_code, reason = "shared with the decoder's own tests, which use all of it")]
#[path = "../../corpora/tests/otlp/recorder.rs"]
mod recorder;

extern crate corpora as betrace_corpora;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use betrace_fuzz::campaign::campaign;
use betrace_fuzz::engines::Engines;
use betrace_fuzz::segment::{Draft, KEYS, OPERATIONS};
use betrace_fuzz::{Bytes, module, otlp};
use corpora::build::{Builder, SegmentSize, Stored, finish, refill};
use corpora::otlp::Decoder;
use corpora::source::{Chunk, Kind};
use ir::module::{AtomId, Field, Operation};
use ir::segment::Slot;
use ir::value::entries_of_maps;
use ir::{Engine, Interpreter, Module, Schema, Segment, Value};
use recorder::{Recorder, Span};

/// Keys of generated documents: plain ones, paths into maps, paths into maps of maps.
const PATHS: [&str; 6] = ["a", "a.b", "service.name", "a.a", "a.a.b", "a.a.a"];
/// Names of generated documents.
const NAMES: [&str; 7] = ["", "a", "é\u{e9}\n\t\"\\/", "\u{1f600}", "resourceSpans", "\0", "x"];

const WHOLE: SegmentSize = SegmentSize { traces: usize::MAX, rows: usize::MAX };

/// What every atom says of each trace.
type Answers = BTreeMap<u128, Vec<bool>>;

/// Documents, and questions about what they may hold.
struct Case {
    documents: Vec<String>,
    module: Module,
}

#[test]
fn every_rule_has_the_same_answer_over_everything() {
    campaign("everything", 400, |bytes| Case::new(bytes).check(bytes));
}

#[test]
fn every_rule_of_a_fuzzer_has_the_same_answer_over_everything() {
    bolero::check!().with_iterations(60).with_max_len(4096).for_each(|input: &[u8]| {
        let mut bytes = Bytes::new(input);
        Case::new(&mut bytes).check(&mut bytes);
    });
}

#[test]
fn what_went_in_comes_out() {
    campaign("everything-out", 600, |bytes| {
        let case = Case::new(bytes);
        let segments = case.segments(Schema::everything(), 1 + bytes.below(3), WHOLE);
        let found: BTreeSet<String> = segments.iter().flat_map(stored_lines).collect();
        let mut decoder = Decoder::with_sink(Recorder::default());
        case.documents.iter().for_each(|document| decode(&mut decoder, document));
        let spans = decoder.into_parts().0.spans;
        let expected: BTreeSet<String> = spans.iter().map(span_line).collect();
        // Spans that differ in no more than values are one.
        let identities: BTreeSet<_> = spans.iter().map(identity).collect();
        if identities.len() == expected.len() {
            assert_eq!(found, expected, "{:#?}", case.documents);
        }
    });
}

impl Case {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let documents = (0..1 + bytes.below(6)).map(|_| otlp::document(bytes)).collect();
        let values = Draft::random(bytes).values();
        let mut module = module::random(bytes, &values);
        for field in &mut module.fields {
            let (Field::Any(key) | Field::Span(key) | Field::Resource(key)) = field else {
                continue;
            };
            let at = KEYS.iter().position(|known| **known == **key).expect("one of the keys");
            *key = PATHS[at].into();
        }
        for operation in &mut module.operations {
            let Operation::Named(name) = operation else { continue };
            let at = OPERATIONS.iter().position(|known| **known == **name);
            *name = NAMES[at.unwrap_or(NAMES.len() - 1)].into();
        }
        Self { documents, module }
    }

    fn check(&self, bytes: &mut Bytes<'_>) {
        let schema = Schema::of(&self.module);
        let expected = self.answers(&self.segments(schema, 1, WHOLE), &Interpreter);
        let size = SegmentSize { traces: *bytes.pick(&[1, 2, usize::MAX]), ..WHOLE };
        let segments = self.segments(Schema::everything(), 1 + bytes.below(4), size);
        let again: Vec<Segment> = segments.iter().map(again).collect();
        for engine in Engines::shared().iter() {
            for segments in [&segments, &again] {
                let found = self.answers(segments, engine);
                let (name, documents) = (engine.name(), &self.documents);
                assert_eq!(found, expected, "{name}: {:#?}, {documents:#?}", self.module);
            }
        }
        for (segment, again) in segments.iter().zip(&again) {
            assert_eq!(segment_lines(segment), segment_lines(again), "{:#?}", self.documents);
        }
    }

    /// The documents in segments, decoded by so many builders.
    fn segments(&self, schema: Schema, builders: usize, size: SegmentSize) -> Vec<Segment> {
        let schema = Arc::new(schema);
        let decoders = (0..builders).map(|_| Decoder::new(Arc::clone(&schema)).strict());
        let mut decoders: Vec<Decoder> = decoders.collect();
        for (at, document) in self.documents.iter().enumerate() {
            decode(&mut decoders[at % builders], document);
        }
        let builders = decoders.into_iter().map(|decoder| decoder.into_parts().0).collect();
        finish(builders, size)
            .segments
            .into_iter()
            .map(|unsealed| unsealed.seal().segment)
            .collect()
    }

    fn answers(&self, segments: &[Segment], engine: &dyn Engine) -> Answers {
        let atoms: Vec<_> = (0..self.module.atoms.len()).map(AtomId::new).collect();
        let mut answers = Answers::new();
        for segment in segments {
            let masks = engine.probe(&self.module, segment, &atoms).expect("all is decoded");
            for (at, id) in segment.traces.id.iter().enumerate() {
                let answer = masks.iter().map(|mask| mask.get(at)).collect();
                assert_eq!(answers.insert(*id, answer), None, "trace {id} is there twice");
            }
        }
        answers
    }
}

fn decode<S: corpora::otlp::SpanSink>(decoder: &mut Decoder<S>, document: &str) {
    let bytes = document.as_bytes();
    let chunk = Chunk { bytes, offset: 0, line: 1, kind: Kind::Block, ends_input: true };
    decoder.decode(&chunk, 0, &"memory".into());
}

/// The segment of what comes out of a segment.
fn again(segment: &Segment) -> Segment {
    let mut builder = Builder::new(Arc::new(Schema::everything()));
    refill(segment, 0..segment.len(), &mut builder).expect("the segment holds everything");
    let mut finished = finish(vec![builder], WHOLE);
    finished.segments.pop_front().expect("no segment is empty").seal().segment
}

/// All of a segment but numbers and the count of spans, in which duplicates are.
fn segment_lines(segment: &Segment) -> Vec<String> {
    let traces = &segment.traces;
    let mut lines: Vec<String> = (0..segment.len())
        .map(|at| {
            let text = |column: &Option<ir::segment::Column>| {
                let datum = column.as_ref().and_then(|column| column.get(at));
                datum.map(|datum| (datum.value_type(), datum.text().into_owned()))
            };
            let names = (text(&traces.root_name), text(&traces.root_service));
            let times = (traces.start[at], traces.end[at], traces.flags[at]);
            format!("{:x} {times:?} {names:?}", traces.id[at])
        })
        .collect();
    lines.push(format!("{:?}", segment.keys));
    let columns = |slot: &Slot, row: usize| match slot {
        Slot::Decoded(column) => {
            let datum = column.get(row);
            datum.map(|datum| (datum.value_type(), datum.text().into_owned()))
        }
        Slot::NotDecoded => panic!("all is decoded"),
    };
    for operation in &segment.operations {
        let table = segment.tables.get(operation.table);
        for row in operation.rows.clone() {
            let fields = [
                &table.duration,
                &table.kind,
                &table.status,
                &table.message,
                &table.parent,
                &table.flags,
                &table.rest,
            ];
            let fields = fields.map(|slot| columns(slot, row));
            let own: Vec<_> = (0..segment.keys.len())
                .map(|key| columns(table.attributes.get(key).expect("all is decoded"), row))
                .collect();
            let number = table.resource.get(row) as usize;
            let resource: Vec<_> =
                segment.resources.iter().map(|slot| columns(slot, number)).collect();
            let rest = columns(&segment.resource_rest, number);
            let scope = columns(&table.scope, row).map_or(0, |(_, text)| text.parse().unwrap_or(0));
            let scopes = [&segment.scopes.name, &segment.scopes.version, &segment.scopes.rest];
            let scope = scopes.map(|slot| columns(slot, scope));
            let at = (table.trace[row], table.start.get(row), table.id[row]);
            let name = &operation.name;
            lines.push(format!("{name} {at:?} {fields:?} {own:?} {resource:?} {rest:?} {scope:?}"));
        }
    }
    lines
}

/// The spans of a segment, as [`span_line`] writes them.
fn stored_lines(segment: &Segment) -> Vec<String> {
    let stored = Stored::new(segment);
    let owned = |attributes: corpora::build::Attributes<'_>| -> Vec<(String, Value)> {
        attributes.into_iter().map(|(key, value)| (key.into_owned(), value)).collect()
    };
    let all = (0..segment.len()).flat_map(|trace| segment.spans_of(trace));
    let lines = all.map(|at| {
        let record = stored.record(at).expect("all is decoded");
        let [name, version, _] = stored.scope(record.scope).expect("all is decoded");
        let (resource, _) = stored.resource(record.resource).expect("all is decoded");
        span_line(&Span {
            trace_id: record.trace_id,
            span_id: record.span_id,
            parent_id: record.parent_id,
            name: record.name.to_owned(),
            kind: record.kind,
            status: record.status,
            message: record.message.to_owned(),
            start: record.start,
            end: record.end,
            flags: record.flags,
            scope: (name.to_owned(), version.to_owned()),
            resource: owned(resource),
            attributes: owned(stored.attributes(at).expect("all is decoded")),
            known: Vec::new(),
        })
    });
    lines.collect()
}

/// A span as text, in which attributes stand as the values that each path has.
fn span_line(span: &Span) -> String {
    let paths = |attributes: &[(String, Value)]| -> BTreeMap<String, String> {
        let pairs = || attributes.iter().map(|(key, value)| (key.as_str(), value));
        let own: BTreeMap<&str, &Value> = pairs().collect();
        let own = own.into_iter().map(|(key, value)| (key.to_owned(), value));
        let all = own.chain(entries_of_maps(pairs()));
        all.filter_map(|(path, value)| Some((path, format!("{:?}", value.canonical()?)))).collect()
    };
    let attributes = (paths(&span.attributes), paths(&span.resource));
    let Span { parent_id, status, message, flags, scope, .. } = span;
    let identity = identity(span);
    format!("{identity:?} {parent_id} {status} {message:?} {flags} {scope:?} {attributes:?}")
}

/// What makes a span that span.
fn identity(span: &Span) -> (u128, u64, &str, u8, u64, u64) {
    (span.trace_id, span.span_id, &span.name, span.kind, span.start, span.end)
}
