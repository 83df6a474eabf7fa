//! Spans on their way into segments: their order, the number of builders and the size of segments
//! change no answer, nor does any defect of a trace's tree or clock; two batches of traces give what
//! both together give.

use std::collections::BTreeMap;
use std::sync::Arc;

use betrace_fuzz::campaign::campaign;
use betrace_fuzz::engines::Engines;
use betrace_fuzz::segment::{Draft, KEYS, OPERATIONS};
use betrace_fuzz::{Bytes, module};
use corpora::build::{Builder, SegmentSize, SpanRecord, finish};
use ir::module::AtomId;
use ir::{Engine, Interpreter, Module, Schema, Value};

/// Times at the edges: durations of them are negative, zero and beyond 63 bits.
const TIMES: [u64; 6] = [0, 1, 1_700_000_000_000_000_000, i64::MAX as u64, u64::MAX - 1, u64::MAX];

/// What every atom says of each trace.
type Answers = BTreeMap<u128, Vec<bool>>;

/// A span with all that belongs to it; its name is one of [`OPERATIONS`].
#[derive(Clone, Debug)]
struct Span {
    trace_id: u128,
    span_id: u64,
    parent_id: u64,
    operation: usize,
    kind: u8,
    status: u8,
    message: &'static str,
    start: u64,
    end: u64,
    resource: usize,
    attributes: Vec<(String, Value)>,
}

/// Trees of spans and the questions to ask about them.
struct Case {
    spans: Vec<Span>,
    resources: Vec<Vec<(String, Value)>>,
    module: Module,
}

#[test]
fn no_way_into_segments_changes_an_answer() {
    campaign("builds", 250, |bytes| check(&Case::new(bytes), bytes));
}

#[test]
fn no_way_into_segments_changes_an_answer_to_a_fuzzer() {
    bolero::check!().with_iterations(40).with_max_len(4096).for_each(|input: &[u8]| {
        let mut bytes = Bytes::new(input);
        check(&Case::new(&mut bytes), &mut bytes);
    });
}

fn check(case: &Case, bytes: &mut Bytes<'_>) {
    let whole = SegmentSize { traces: usize::MAX, rows: usize::MAX };
    let expected = case.answers(&case.spans, 1, whole, &Interpreter);
    let mut spans = case.spans.clone();
    for at in (1..spans.len()).rev() {
        spans.swap(at, bytes.below(at + 1));
    }
    let builders = 1 + bytes.below(4);
    let size = SegmentSize {
        traces: *bytes.pick(&[1, 2, 7, usize::MAX]),
        rows: *bytes.pick(&[0, 9, usize::MAX]),
    };
    let engines = Engines::shared();
    for engine in engines.iter() {
        let found = case.answers(&spans, builders, size, engine);
        let what = format!("{}, {builders} builders, {size:?}", engine.name());
        assert_eq!(found, expected, "{what}: {:#?}", case.module);
    }
    let (one, other): (Vec<_>, Vec<_>) =
        spans.into_iter().partition(|span| span.trace_id.is_multiple_of(3));
    let small = SegmentSize { traces: 2, ..whole };
    let engine = *bytes.pick(&engines.iter().collect::<Vec<_>>());
    let mut union = case.answers(&one, 1, whole, engine);
    union.extend(case.answers(&other, builders, small, engine));
    assert_eq!(union, expected, "{}, in two batches: {:#?}", engine.name(), case.module);
}

impl Case {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let draft = Draft::random(bytes);
        let module = module::random(bytes, &draft.values());
        let keyed = |values: &[Option<Value>]| -> Vec<(String, Value)> {
            let pairs = KEYS.iter().zip(values);
            pairs.filter_map(|(key, value)| Some(((*key).to_owned(), value.clone()?))).collect()
        };
        let mut spans: Vec<Span> = draft
            .spans
            .iter()
            .map(|span| {
                let start = draft.traces[span.trace].start + span.start.cast_unsigned();
                let odd = bytes.chance(8);
                Span {
                    trace_id: 1 + span.trace as u128,
                    span_id: 1 + span.id,
                    parent_id: 0,
                    operation: span.operation,
                    kind: bytes.below(7) as u8,
                    status: bytes.below(4) as u8,
                    message: span.texts[2].unwrap_or_default(),
                    start: if odd { *bytes.pick(&TIMES) } else { start },
                    end: match bytes.below(8) {
                        0 => *bytes.pick(&TIMES),
                        1 => start,
                        2 => start - 5,
                        _ => start.saturating_add_signed(span.duration),
                    },
                    resource: span.resource,
                    attributes: keyed(&span.attributes),
                }
            })
            .collect();
        graft(bytes, &mut spans);
        let resources = draft.resources.iter().map(|values| keyed(values)).collect();
        Self { spans, resources, module }
    }

    fn answers(
        &self,
        spans: &[Span],
        builders: usize,
        size: SegmentSize,
        engine: &dyn Engine,
    ) -> Answers {
        let schema = Arc::new(Schema::of(&self.module));
        let mut workers: Vec<_> = (0..builders).map(|_| Builder::new(schema.clone())).collect();
        for (at, span) in spans.iter().enumerate() {
            span.add_to(&mut workers[at % builders], &self.resources[span.resource]);
        }
        let atoms: Vec<_> = (0..self.module.atoms.len()).map(AtomId::new).collect();
        let mut answers = Answers::new();
        for unsealed in finish(workers, size).segments {
            let segment = unsealed.seal().segment;
            let masks = engine.probe(&self.module, &segment, &atoms).expect("all is decoded");
            for (at, id) in segment.traces.id.iter().enumerate() {
                let answer = masks.iter().map(|mask| mask.get(at)).collect();
                assert_eq!(answers.insert(*id, answer), None, "trace {id} is there twice");
            }
        }
        answers
    }
}

/// Gives spans parents: none, one that is missing, another span, themselves, or one another.
fn graft(bytes: &mut Bytes<'_>, spans: &mut Vec<Span>) {
    for at in 0..spans.len() {
        let other = bytes.below(spans.len());
        let (own, id) = (spans[at].span_id, spans[other].span_id);
        spans[at].parent_id = *bytes.pick(&[0, own, id, 99_999, id]);
        if spans[at].parent_id == id && bytes.chance(20) {
            spans[other].parent_id = own;
        }
    }
    for at in 0..spans.len() {
        if bytes.chance(4) {
            let mut twin = spans[at].clone();
            if bytes.chance(50) {
                twin.attributes.pop();
            }
            spans.push(twin);
        }
    }
}

impl Span {
    fn add_to(&self, builder: &mut Builder, resource: &[(String, Value)]) {
        let record = SpanRecord {
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_id: self.parent_id,
            name: OPERATIONS[self.operation],
            kind: self.kind,
            status: self.status,
            message: self.message,
            start: self.start,
            end: self.end,
            flags: 0,
            resource: builder
                .resource(resource.iter().map(|(key, value)| (key.as_str(), value)), ""),
            scope: builder.scope("", "", ""),
            rest: "",
        };
        builder.span(&record, self.attributes.iter().map(|(key, value)| (key.as_str(), value)));
    }
}
