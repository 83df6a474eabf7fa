//! Segments at rest: what opening one costs, how fast what rules read is loaded and checked, beside
//! merely reading the same bytes, and what writing takes. The size of each part is said first.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use betrace_corpora::build::{Builder, SegmentSize, finish};
use betrace_corpora::corpus::file::{SegmentFile, write};
use betrace_corpora::generate::{Workload, lines};
use betrace_corpora::otlp::Decoder;
use betrace_corpora::source::{Chunk, Kind};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use ir::segment::{Buffer, Column, Integers, Narrow, OperationRows, Slot, Table, Traces, Values};
use ir::{Mask, Schema, Segment};

/// Operations and keys of the segment that is opened.
const SHAPE: (usize, usize) = (40, 15);
/// Rows of each of its operations, and its traces.
const ROWS: usize = 1 << 14;

fn segment(criterion: &mut Criterion) {
    let file = opened(&wide());
    let bytes = file_bytes(&wide());
    let mut group = criterion.benchmark_group("segment");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(500));
    group.bench_function("open", |bencher| {
        bencher.iter(|| black_box(open(&bytes).segment(None).len()));
    });
    group.bench_function("tables", |bencher| {
        bencher.iter(|| {
            let segment = file.segment(None);
            (0..SHAPE.0).map(|number| segment.tables.get(number).id.len()).sum::<usize>()
        });
    });
    let rows = SHAPE.0 * ROWS;
    group.throughput(Throughput::Bytes(4 * rows as u64));
    let words = vec![1_u32; rows];
    group.bench_function("read", |bencher| bencher.iter(|| black_box(&words).iter().sum::<u32>()));
    for (name, touch) in PARTS {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || {
                    let segment = file.segment(None);
                    black_box((0..SHAPE.0).map(|number| segment.tables.get(number).id.len()).max());
                    segment
                },
                |segment| {
                    let tables = (0..SHAPE.0).map(|number| segment.tables.get(number));
                    black_box(tables.map(touch).sum::<usize>());
                    segment.sound().expect("it is whole");
                },
                criterion::BatchSize::LargeInput,
            );
        });
    }
    group.finish();
    generated(criterion);
}

/// Looks at a column.
type Touch = fn(&Table) -> usize;

/// Four bytes a row each: trace ordinals, which are held against the presence; durations; starts,
/// which are packed.
const PARTS: [(&str, Touch); 3] = [
    ("ordinals", |table| table.trace.last().map_or(0, |last| *last as usize)),
    ("durations", |table| match &table.duration {
        Slot::Decoded(Column { values: Values::Integers(integers), .. }) => {
            integers.offsets.get(0) as usize
        }
        _ => 0,
    }),
    ("starts", |table| table.start.get(0) as usize),
];

/// Writes a generated segment, and says how large its parts are.
fn generated(criterion: &mut Criterion) {
    let mut decoder = Decoder::with_sink(Builder::new(Arc::new(Schema::everything())));
    let mut json = 0;
    let written = lines(&Workload::new(20_000, 1, 1), &mut |line| {
        json += line.len() as u64;
        let bytes = line.strip_suffix(b"\n").unwrap_or(line);
        let chunk = Chunk { bytes, offset: 0, line: 1, kind: Kind::Line, ends_input: false };
        decoder.decode(&chunk, 0, &"memory".into());
        Ok(())
    });
    written.expect("a workload");
    let whole = SegmentSize { traces: usize::MAX, rows: usize::MAX };
    let mut finished = finish(vec![decoder.into_parts().0], whole);
    let segment = finished.segments.pop_front().expect("there are spans").seal().segment;
    say(&opened(&segment), json);
    let mut group = criterion.benchmark_group("segment");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.throughput(Throughput::Bytes(json));
    group.bench_function("write", |bencher| bencher.iter(|| file_bytes(&segment).len()));
}

/// Bytes a span of each part, with the share of the JSON.
fn say(file: &SegmentFile, json: u64) {
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    for size in file.sizes() {
        let field = size.name.split(": ").last().unwrap_or_default();
        let field = field.split(' ').next().unwrap_or_default();
        *parts.entry(field.to_owned()).or_default() += size.stored;
    }
    let spans = file.spans() as f64;
    let mut out = std::io::stderr().lock();
    let mut line = |text: String| writeln!(out, "{text}").expect("there is an error stream");
    for (part, bytes) in parts {
        line(format!("{:9.3} bytes a span: {part}", bytes as f64 / spans));
    }
    let bytes = file.bytes();
    let share = bytes as f64 * 100.0 / json as f64;
    line(format!("{:9.3} bytes a span in all: {share:.1}% of the JSON", bytes as f64 / spans));
}

fn file_bytes(segment: &Segment) -> bytes::Bytes {
    let mut file = Vec::new();
    write(segment, &mut file).expect("it can be kept");
    let mut aligned = Buffer::<u8>::zeroed(file.len());
    aligned.copy_from_slice(&file);
    bytes::Bytes::from_owner(Aligned(aligned))
}

/// Bytes that a file may be read from without a copy.
struct Aligned(Buffer<u8>);

impl AsRef<[u8]> for Aligned {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn open(bytes: &bytes::Bytes) -> SegmentFile {
    SegmentFile::from_bytes("a.seg".as_ref(), bytes.clone()).expect("it opens")
}

fn opened(segment: &Segment) -> SegmentFile {
    let file = open(&file_bytes(segment));
    file.verify().expect("it is whole");
    file
}

/// A segment of many operations with a table each, and many keys.
fn wide() -> Segment {
    let (operations, keys) = SHAPE;
    let mut state = 1_u64;
    let mut random = move || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        state >> 33
    };
    let numbers = |random: &mut dyn FnMut() -> u64, bits: u32| {
        let numbers: Vec<i64> = (0..ROWS).map(|_| (random() >> (31 - bits)) as i64).collect();
        Column { values: Values::Integers(Integers::pack(numbers.into_iter())), present: None }
    };
    let tables = (0..operations).map(|_| Table {
        trace: Buffer::collect(0..ROWS as u32),
        start: Narrow::pack((0..ROWS).map(|_| random() >> 3).collect::<Vec<_>>().into_iter()),
        id: Buffer::collect((0..ROWS).map(|_| random())),
        resource: Narrow::pack((0..ROWS).map(|row| row as u64 % 8)),
        duration: Slot::Decoded(numbers(&mut random, 30)),
        attributes: (0..keys).map(|_| Slot::Decoded(numbers(&mut random, 8))).collect(),
        ..Table::default()
    });
    let tables: Vec<Table> = tables.collect();
    let operation = |table| OperationRows {
        name: format!("operation {table}").into(),
        table,
        rows: 0..ROWS,
        presence: Some(Mask::full(ROWS)),
    };
    Segment {
        traces: Traces {
            id: Buffer::collect((0..ROWS).map(|trace| trace as u128)),
            start: Buffer::collect((0..ROWS).map(|trace| trace as u64)),
            end: Buffer::zeroed(ROWS),
            spans: Narrow::pack((0..ROWS).map(|_| operations as u64)),
            flags: Buffer::zeroed(ROWS),
            ..Traces::default()
        },
        keys: Arc::new((0..keys).map(|key| format!("key {key}").into()).collect()),
        operations: (0..operations).map(operation).collect(),
        tables: tables.into_iter().collect(),
        ..Segment::default()
    }
}

criterion_group!(benches, segment);
criterion_main!(benches);
