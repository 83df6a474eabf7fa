//! What grows with the input or the rules: segments are cut by spans too, and ten thousand rules
//! cost what spans bear of them, not what they could.

use std::sync::Arc;
use std::time::{Duration, Instant};

use betrace_corpora::build::{Builder, Finished, SegmentSize, finish};
use ir::module::{Field, FieldId, Module, Operation, OperationId, Predicate, PredicateId, Rule};
use ir::module::{Severity, SpanSet, Test};
use ir::segment::{RowRef, Slot};
use ir::{Schema, Segment, Value};

use crate::model::{Attributes, Span, schema};

fn finished(spans: &[Span], size: SegmentSize) -> Finished {
    let mut builder = Builder::new(Arc::new(schema()));
    spans.iter().for_each(|span| span.add_to(&mut builder));
    finish(vec![builder], size)
}

#[test]
fn segments_end_at_whole_traces_before_they_have_too_many_spans() {
    // Traces of 3, 4, 5, 1, 20 and 2 spans.
    let spans: Vec<Span> = [3, 4, 5, 1, 20, 2]
        .into_iter()
        .enumerate()
        .flat_map(|(trace, spans)| {
            let start = trace as u64 * 100;
            (0..spans).map(move |id| Span::new(trace as u128 + 1, id + 1, "pay", start, start))
        })
        .collect();
    let cut = |traces, rows| -> Vec<(usize, usize)> {
        let segments = finished(&spans, SegmentSize { traces, rows }).segments.into_iter();
        let segments = segments.map(|unsealed| unsealed.seal().segment);
        segments.map(|segment| (segment.len(), segment.operations[0].rows.len())).collect()
    };
    assert_eq!(cut(100, 35), [(6, 35)]);
    assert_eq!(cut(100, 7), [(2, 7), (2, 6), (1, 20), (1, 2)]);
    assert_eq!(cut(1, 35).len(), 6);
    assert_eq!(cut(0, 0).len(), 6, "one whole trace at least");
}

#[test]
fn a_copy_that_alone_bears_what_is_read_of_all_spans_is_a_duplicate() {
    let plain = Span::new(1, 1, "other", 5, 6);
    let bearing = plain.clone().with("ctx", Value::Int(7));
    let spans = [plain.clone(), bearing.clone(), plain, bearing];
    let mut finished = finished(&spans, SegmentSize { traces: 9, rows: 9 });
    assert_eq!(finished.duplicates, 3);
    let sealed = finished.segments.pop_front().expect("one segment").seal();
    assert_eq!((sealed.duplicates, sealed.segment.operations[0].rows.len()), (0, 1));
}

#[test]
fn a_span_may_start_any_time_after_its_trace() {
    let starts = [0, 5, 1 << 63, (1 << 63) + 1, u64::MAX];
    let spans = starts.map(|start| Span::new(1, start ^ 7, "pay", start, start));
    let mut finished = finished(&spans, SegmentSize { traces: 9, rows: 9 });
    let segment = finished.segments.pop_front().expect("one segment").seal().segment;
    let found = [0, 1, 2, 3, 4].map(|row| segment.start(RowRef { operation: 0, row }));
    assert_eq!(found, starts);
}

/// So many rules, each of an operation of its own with a key of its own and one for its context.
fn many(rules: usize) -> Schema {
    let mut module = Module::default();
    for number in 0..rules {
        module.operations.push(Operation::Named(format!("op{number}").into()));
        module.fields.push(Field::Span(format!("own.{number}").into()));
        let own = Predicate::Test(FieldId::new(module.fields.len() - 1), Test::Exists);
        module.predicates.push(own);
        let (operation, predicate) = (OperationId::new(number), PredicateId::new(number));
        module.sets.push(SpanSet { operation, predicate });
        module.fields.push(Field::Any(format!("context.{number}").into()));
        module.rules.push(Rule {
            id: format!("rule-{number}").into(),
            severity: Severity::Info,
            signal_type: None,
            hash: "".into(),
            message: "".into(),
            when: None,
            always: Vec::new(),
            never: Vec::new(),
            operations: Vec::new(),
            context: vec![("value".into(), FieldId::new(module.fields.len() - 1))],
        });
    }
    Schema::of(&module)
}

#[test]
fn ten_thousand_rules_cost_what_spans_bear_of_them() {
    let begun = Instant::now();
    let rules = 10_000;
    let schema = Arc::new(many(rules));
    let mut builders = [0, 1].map(|_| Builder::new(Arc::clone(&schema)));
    for number in 0..rules {
        let mut span = Span::new(1 + number as u128 / 10, number as u64, "", number as u64, 0)
            .with(&format!("own.{number}"), Value::Int(number as i64))
            .with(&format!("context.{number}"), Value::Text("x".to_owned()));
        span.name = format!("op{number}");
        span.resource.push((format!("context.{}", number % 5), Value::Text("zone".to_owned())));
        span.add_to(&mut builders[number % 2]);
    }
    let bytes: usize = builders.iter().map(Builder::bytes).sum();
    assert!(bytes < 200 << 20, "{bytes} bytes");
    let size = SegmentSize { traces: 1 << 16, rows: 1 << 18 };
    let segments = finish(builders.into(), size).segments.into_iter();
    let segments: Vec<_> = segments.map(|unsealed| unsealed.seal().segment).collect();
    let rows: usize = segments.iter().flat_map(|s| &s.operations).map(|o| o.rows.len()).sum();
    assert_eq!((segments.len(), rows), (1, rules));
    let segment = &segments[0];
    for number in [0, 1, 4321, 9999] {
        let name = format!("op{number}");
        let operation = segment.operations.iter().position(|own| *own.name == *name);
        let operation = operation.expect("its span is kept");
        let at = RowRef {
            operation: operation as u32,
            row: segment.operations[operation].rows.start as u32,
        };
        let text = |field: Field| {
            let value = segment.value(at, &field).expect("it is decoded");
            value.map(|datum| datum.text().into_owned())
        };
        assert_eq!(text(Field::Span(format!("own.{number}").into())), Some(number.to_string()));
        assert_eq!(text(Field::Any(format!("context.{number}").into())), Some("x".to_owned()));
        assert_eq!(text(Field::Span("context.77".into())), None, "decoded, but absent");
        let zone = Field::Resource(format!("context.{}", number % 5).into());
        assert_eq!(text(zone), Some("zone".to_owned()));
        assert!(segment.value(at, &Field::Span("own.77".into())).is_err(), "not decoded");
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn where_spans_bear_many_different_attributes_segments_have_fewer_spans() {
    let schema = Arc::new(many(3000));
    let mut builder = Builder::new(schema);
    for number in 0..6000_u64 {
        Span::new(number.into(), 1, "op0", number, number)
            .with(&format!("context.{}", number % 3000), Value::Int(number as i64))
            .add_to(&mut builder);
    }
    let segments =
        finish(vec![builder], SegmentSize { traces: usize::MAX, rows: 1 << 16 }).segments;
    let sizes: Vec<usize> = segments
        .into_iter()
        .map(|unsealed| unsealed.seal().segment.operations[0].rows.len())
        .collect();
    // 3000 columns are 24 times as many as usual.
    let full = (1 << 16) / 24;
    assert_eq!(sizes, [full, full, 6000 - 2 * full]);
}

#[test]
fn numbers_and_texts_of_rare_attributes_meet_in_one_column() {
    let spans: Vec<Span> = (0..3000)
        .map(|at| {
            let span = Span::new(1, at, "pay", at, at);
            match at {
                5 => span.with("n", Value::Int(5)),
                1500 => span.with("n", Value::Text("five".to_owned())),
                2999 => span.with("n", Value::Float(0.5)),
                _ => span,
            }
        })
        .collect();
    let size = SegmentSize { traces: 9, rows: usize::MAX };
    let segment = finished(&spans, size).segments.pop_front().expect("one").seal().segment;
    let key = segment.key("n").expect("it is read");
    let Some(Slot::Decoded(column)) = segment.table(0).attributes.get(key) else {
        panic!("it is decoded")
    };
    let text = |row| column.get(row).map(|datum| datum.text().into_owned());
    assert_eq!([5, 1500, 2999].map(text), ["5", "five", "0.5"].map(|t| Some(t.to_owned())));
    assert_eq!((0..3000).filter(|&row| column.has(row)).count(), 3);
}

#[test]
fn keys_that_are_ever_new_fill_memory_and_make_segments_small() {
    let size = SegmentSize { traces: 1 << 16, rows: 1 << 11 };
    let (spans, new) = (128_u64, 64);
    let entry = |key: u64| (format!("k{key}"), Value::Bool(true));
    let bear: [fn(&mut Span, Attributes); 3] = [
        |span, entries| span.attributes = entries,
        |span, entries| span.attributes = vec![("map".to_owned(), Value::Map(entries))],
        |span, entries| span.resource = entries,
    ];
    for bear in bear {
        let mut builder = Builder::new(Arc::new(Schema::everything()));
        for number in 0..spans {
            let mut span = Span::new(1 + u128::from(number), 1, "op", number, number);
            bear(&mut span, (number * new..(number + 1) * new).map(entry).collect());
            span.add_to(&mut builder);
        }
        let keys = (spans * new) as usize;
        assert!(builder.bytes() > keys << 11, "{} bytes", builder.bytes());
        let sealed = finish(vec![builder], size).segments.into_iter();
        let segments: Vec<_> = sealed.map(|unsealed| unsealed.seal().segment).collect();
        assert!(segments.len() > 3, "{} segments", segments.len());
        for segment in &segments {
            let cells = segment.len() * segment.keys.len();
            assert!(cells <= 128 * size.rows, "{cells} in {} columns", segment.keys.len());
        }
        assert_eq!(segments.iter().map(Segment::len).sum::<usize>(), spans as usize);
    }
}
