//! The builder against a brute-force reading of the same spans, and its promises on memory and time.

mod large;
mod model;
mod readers;
mod reference;

use std::sync::Arc;
use std::time::{Duration, Instant};

use betrace_corpora::build::{Builder, Finished, SegmentSize, finish};
use ir::segment::{Slot, Values};
use ir::{Schema, Segment, Value};
use model::{Random, Span, builders, schema};
use reference::{Outcome, expected, found};

/// Deals the spans out to so many builders and finishes.
fn run(schema: &Arc<Schema>, spans: &[Span], workers: usize, traces: usize) -> Outcome {
    let mut builders = builders(schema, workers);
    for (number, span) in spans.iter().enumerate() {
        span.add_to(&mut builders[number % workers]);
    }
    found(finish(builders, of_traces(traces)))
}

/// Segments of so many traces, whatever their spans.
fn of_traces(traces: usize) -> SegmentSize {
    SegmentSize { traces, rows: usize::MAX }
}

/// The only segment of these spans.
fn segment(spans: &[Span]) -> Segment {
    let mut builder = Builder::new(Arc::new(schema()));
    spans.iter().for_each(|span| span.add_to(&mut builder));
    let mut finished = finish(vec![builder], of_traces(usize::MAX));
    finished.segments.pop_front().expect("there are spans").seal().segment
}

#[test]
fn any_order_and_any_number_of_builders_give_what_the_definition_says() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let schema = match seed % 2 {
            0 => Arc::new(schema()),
            _ => Arc::new(schema().with_structure()),
        };
        let traces = 1 + random.below(12);
        let count = 1 + random.below(200);
        let mut spans: Vec<Span> = (0..count).map(|_| random.span(traces)).collect();
        // Duplicates: the very same, and such as differ in what does not make them another span.
        for number in (0..spans.len()).step_by(5) {
            let (same, other) = (spans[number].clone(), random.span(1));
            let resource = Span { resource: other.resource, ..same.clone() };
            let attributes = Span { attributes: other.attributes, ..same.clone() };
            spans.extend([same, resource, attributes]);
        }
        for traces_per_segment in [1, 3, 1000] {
            let expected = expected(&schema, &spans, traces_per_segment);
            assert!(seed > 0 || expected.duplicates > 0, "the test is to have duplicates");
            for workers in 1..=4 {
                random.shuffle(&mut spans);
                let found = run(&schema, &spans, workers, traces_per_segment);
                assert_eq!(found, expected, "seed {seed}, {workers} workers");
            }
        }
    }
}

#[test]
fn many_rows_fill_chunks_and_tables_of_their_own() {
    let schema = Arc::new(schema());
    let mut random = Random(9);
    let mut spans: Vec<Span> = (0..6000)
        .map(|number| Span {
            trace_id: number % 900,
            start: 1_000_000 + random.below(50),
            ..random.span(1)
        })
        .collect();
    let expected = expected(&schema, &spans, 500);
    for workers in [1, 3] {
        random.shuffle(&mut spans);
        let found = run(&schema, &spans, workers, 500);
        assert!(found == expected, "{workers} workers");
    }
    let segment = segment(&spans);
    let own: Vec<&str> = (segment.operations.iter())
        .filter(|operation| operation.presence.is_some())
        .map(|operation| &*operation.name)
        .collect();
    assert!(!own.is_empty(), "some operation has many rows");
    for operation in &segment.operations {
        let traces = &segment.tables.get(operation.table).trace[operation.rows.clone()];
        assert!(traces.is_sorted());
        assert_eq!(own.contains(&&*operation.name), operation.rows.len() >= 1024);
        if let Some(presence) = &operation.presence {
            assert!(traces.iter().all(|&trace| presence.get(trace as usize)));
            let distinct = traces.chunk_by(|a, b| a == b).count();
            assert_eq!(presence.count(), distinct);
        }
    }
}

#[test]
fn nothing_in_nothing_out() {
    let Finished { spans, traces, first, segments, .. } = finish(Vec::new(), of_traces(10));
    assert_eq!((spans, traces, first, segments.len()), (0, 0, None, 0));
    let finished = finish(vec![Builder::new(Arc::new(schema()))], of_traces(10));
    assert_eq!((finished.spans, finished.segments.len()), (0, 0));
}

#[test]
fn a_column_is_of_numbers_if_all_its_values_are_of_one_numeric_type() {
    let values = |list: &[Value]| {
        let spans: Vec<Span> = (list.iter().enumerate())
            .map(|(at, value)| Span::new(1, at as u64, "pay", 0, 1).with("n", value.clone()))
            .collect();
        let segment = segment(&spans);
        let key = segment.key("n").expect("a rule reads it");
        match segment.tables.get(0).attributes.get(key).expect("it is read") {
            Slot::Decoded(column) => match column.values {
                Values::Empty => "empty",
                Values::Integers(_) => "integers",
                Values::Floats(_) => "floats",
                Values::Codes(..) => "codes",
            },
            Slot::NotDecoded => "not decoded",
        }
    };
    let text = || Value::Text("5".to_owned());
    assert_eq!(values(&[Value::Empty]), "empty");
    assert_eq!(values(&[Value::Int(5), Value::Empty, Value::Int(i64::MIN)]), "integers");
    assert_eq!(values(&[Value::Float(5.0), Value::Float(f64::NAN)]), "floats");
    assert_eq!(values(&[text()]), "codes");
    assert_eq!(values(&[Value::Int(5), text()]), "codes");
    assert_eq!(values(&[text(), Value::Int(5)]), "codes");
    assert_eq!(values(&[Value::Int(5), Value::Float(5.0)]), "codes");
    let big = segment(&[
        Span::new(1, 1, "pay", 0, 1).with("n", Value::Int(1 << 40)),
        Span::new(1, 2, "pay", 0, 1),
    ]);
    let slot = big.tables.get(0).attributes.get(big.key("n").expect("a rule reads it"));
    let Some(Slot::Decoded(column)) = slot else { panic!("it is read") };
    let Values::Integers(integers) = &column.values else { panic!("all are integers") };
    assert_eq!((integers.base, integers.max), (1 << 40, 1 << 40), "a missing value is no value");
    // Another chunk, or an overwritten value of the same chunk, does not show.
    let mut spans: Vec<Span> = (0..3000)
        .map(|at| Span::new(1, at, "GET /a", 0, 1).with("n", Value::Int(at as i64)))
        .collect();
    spans.push(Span::new(1, 9999, "GET /b", 0, 1).with("n", text()));
    spans[7] = spans[7].clone().with("n", text()).with("n", Value::Int(7));
    let segment = segment(&spans);
    let key = segment.key("n").expect("a rule reads it");
    let slot = segment.table(0).attributes.get(key);
    let Some(Slot::Decoded(column)) = slot else { panic!("it is read") };
    assert!(matches!(column.values, Values::Integers(_)), "{:?}", segment.operations[0].name);
}

#[test]
fn defects_of_ids_and_clocks_have_their_flags() {
    let mut own_parent = Span::new(1, 7, "pay", 10, 20);
    own_parent.parent_id = 7;
    let mut cycle = [Span::new(2, 1, "pay", 10, 5), Span::new(2, 2, "pay", 10, 10)];
    (cycle[0].parent_id, cycle[1].parent_id) = (2, 1);
    let extreme = Span::new(3, 1, "pay", 0, u64::MAX);
    let [a, b] = cycle;
    let mut builder = Builder::new(Arc::new(schema()));
    [own_parent, a, b, extreme].iter().for_each(|span| span.add_to(&mut builder));
    let finished = finish(vec![builder], of_traces(10));
    assert_eq!((finished.traces, finished.rootless, finished.clock_defects), (3, 2, 1));
    let segment = segment(&[Span::new(3, 1, "pay", 0, u64::MAX), Span::new(3, 2, "pay", 9, 0)]);
    assert_eq!([0, 1].map(|row| segment.start(ir::segment::RowRef { operation: 0, row })), [0, 9]);
    let durations: Vec<String> = (0..2)
        .map(|row| {
            let at = ir::segment::RowRef { operation: 0, row };
            let duration = segment.value(at, &ir::module::Field::Duration);
            duration.expect("decoded").expect("present").text().into_owned()
        })
        .collect();
    assert_eq!(durations, [i64::MAX.to_string(), "-9".to_owned()]);
}

#[test]
fn a_million_children_of_one_trace_take_no_more_than_many_traces() {
    let begun = Instant::now();
    let mut builder = Builder::new(Arc::new(schema()));
    for number in 0..1_000_000 {
        Span::new(1, number, "pay", number % 7, 10).add_to(&mut builder);
    }
    let mut finished = finish(vec![builder], of_traces(1 << 16));
    let sealed = finished.segments.pop_front().expect("one segment").seal();
    assert_eq!(sealed.segment.operations[0].rows.len(), 1_000_000);
    assert_eq!(sealed.duplicates, 0);
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
}

#[test]
fn memory_stays_within_what_is_promised() {
    let (traces, per_trace) = (100_000_u64, 10);
    let mut builder = Builder::new(Arc::new(schema()));
    let empty = builder.bytes();
    let mut random = Random(3);
    let id = |random: &mut Random| u128::from(random.below(u64::MAX)) << 64;
    let ids: Vec<u128> = (0..traces).map(|_| id(&mut random)).collect();
    for number in 0..traces * per_trace {
        let trace = ids[random.below(traces) as usize];
        let start = 1_700_000_000_000_000_000 + number * 1000;
        let end = start + random.below(1 << 30);
        let id = random.below(u64::MAX);
        let text = format!("customer-{}", number % 1000);
        Span::new(trace, id, "pay", start, end)
            .with("n", Value::Int(number as i64))
            .with("a.b", Value::Text(text))
            .add_to(&mut builder);
    }
    let promised = 64 * traces + 64 * traces * per_trace;
    let held = (builder.bytes() - empty) as u64;
    assert!(held <= promised, "{held} bytes held, {promised} promised");
    assert!(held > 30 * traces * per_trace, "{held} bytes cannot be all");
}
