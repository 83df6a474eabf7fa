//! One rule over one segment on each engine, by what the rule asks: bytes of the columns that it
//! reads a second, in cache (64 Ki rows) and out of it (16 Mi rows), beside what merely reading eight
//! bytes a row gives. All engines' answers are compared before anything is timed; the interpreter
//! runs in cache only.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use betrace_compiler::{
    Columns, Jit, JitOptions, Key, Params, ReadOptions, RuleSource, lower, optimise, parse_rule,
};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use ir::module::{AtomId, Severity};
use ir::segment::{
    Attributes, Buffer, Column, DictionaryBuilder, Integers, Narrow, OperationRows, Slot, Table,
    Traces, Values,
};
use ir::{Engine, Interpreter, Mask, Module, Segment, Type};

const IN_CACHE: usize = 1 << 16;
const OUT_OF_CACHE: usize = 1 << 24;
/// Spans of a trace.
const SPANS: usize = 8;

/// A question: its name, its condition on a trace, and the bytes of a row that it reads.
struct Case {
    name: String,
    rule: String,
    bytes: usize,
}

fn cases() -> Vec<Case> {
    let case = |name: &str, predicate: &str, bytes| Case {
        name: name.to_owned(),
        rule: format!("never {{ trace.has(op).where({predicate}) }}"),
        bytes,
    };
    let whole = |name: &str, rule: &str, bytes| Case {
        name: name.to_owned(),
        rule: format!("never {{ {rule} }}"),
        bytes,
    };
    let mut cases = vec![
        case("int8", "span.i8 > 250", 1),
        case("int16", "span.i16 > 65000", 2),
        case("int32", "span.i32 > 3000000000", 4),
        case("int64", "span.i64 > 9000000000000000000", 8),
        case("double", "span.f64 > 0.99", 8),
        case("code", "span.few == t7", 1),
        case("set8", "span.few in [t1, t5, t9, t20, t33, t47, t60, t71, t90]", 1),
        case("set16", "span.many matches \"[02468]7$\"", 2),
        case("presence", "span.some > 65000", 2),
        case("missing", "not (span.some <= 65000)", 2),
        case("against16", "span.i16 == span.j16", 4),
        case("against64", "span.i64 < span.j64", 16),
    ];
    for fused in [2, 4, 8, 16, 32] {
        let tests: Vec<String> = (0..fused)
            .map(|number| {
                let low = 65_000 - number * 100;
                let key = ["i16", "j16"][number % 2];
                format!("(span.{key} > {low} and span.{key} < {})", low + 40)
            })
            .collect();
        cases.push(case(&format!("fused{fused}"), &tests.join(" or "), 4));
    }
    let mixed = "span.i8 > 200 and span.i16 > 30000 and span.i32 > 2000000000 and span.f64 > 0.5";
    cases.push(case("mixed4", mixed, 15));
    cases.push(case("dense", "span.i8 > 100", 5));
    cases.push(whole("count", "trace.count(op).where(span.i8 > 100) > 7", 5));
    cases.push(whole("distinct", "trace.count_distinct(op, few).where(span.i8 > 100) > 7", 6));
    cases.push(whole("window", "trace.count(op).where(span.i8 > 100).within(3ns) > 2", 6));
    cases
}

fn kernel(criterion: &mut Criterion) {
    let jit = Jit::new(JitOptions::default()).expect("this machine runs code");
    let engines: [&dyn Engine; 3] = [&jit, &Columns, &Interpreter];
    for (place, rows) in [("cache", IN_CACHE), ("memory", OUT_OF_CACHE)] {
        let segment = segment(rows);
        let mut group = criterion.benchmark_group(place);
        group.sampling_mode(SamplingMode::Flat).sample_size(10);
        group.warm_up_time(Duration::from_millis(50)).measurement_time(Duration::from_millis(200));
        let words = vec![1_u64; rows];
        group.throughput(Throughput::Bytes(8 * rows as u64));
        group.bench_function("read", |bencher| bencher.iter(|| sum(black_box(&words))));
        for case in cases() {
            let module = module(&case.rule);
            let expected = probe(&Columns, &module, &segment);
            assert_eq!(expected, probe(&jit, &module, &segment), "{}", case.name);
            if rows == IN_CACHE {
                assert_eq!(expected, probe(&Interpreter, &module, &segment), "{}", case.name);
            }
            group.throughput(Throughput::Bytes((rows * case.bytes) as u64));
            for engine in &engines[..if rows == IN_CACHE { 3 } else { 2 }] {
                group.bench_function(format!("{}/{}", case.name, engine.name()), |bencher| {
                    bencher.iter(|| black_box(probe(*engine, &module, &segment)));
                });
            }
        }
        group.finish();
    }
    assert_eq!(jit.left_to_loops(), [], "every rule was compiled");
}

/// The sum of some words, in as many accumulators as vectors need to keep up with memory.
fn sum(words: &[u64]) -> u64 {
    let mut sums = [0_u64; 32];
    for chunk in words.as_chunks::<32>().0 {
        sums.iter_mut().zip(chunk).for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
    }
    sums.into_iter().fold(0, u64::wrapping_add)
}

fn module(rule: &str) -> Module {
    let params = Params::default();
    let options =
        ReadOptions { key: Key::Condition, has_signal: false, params: &params, description: None };
    let parsed = parse_rule(rule, &options);
    let statement = parsed.statement.unwrap_or_else(|| panic!("{rule}: {:?}", parsed.diagnostics));
    let source = RuleSource {
        id: "rule",
        severity: Severity::High,
        signal_type: None,
        message: "",
        statement: &statement,
        context: &[],
    };
    optimise(lower([source], None).expect("a rule that was read can be lowered"))
}

fn probe(engine: &dyn Engine, module: &Module, segment: &Segment) -> Vec<Mask> {
    let atoms: Vec<AtomId> = (0..module.atoms.len()).map(AtomId::new).collect();
    engine.probe(module, segment, &atoms).expect("everything is decoded")
}

/// Numbers that look random, one a row.
fn noise(row: usize, column: u64) -> u64 {
    let mut word = (row as u64 ^ column << 48).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word ^= word >> 29;
    word = word.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word ^ word >> 32
}

fn segment(rows: usize) -> Segment {
    let traces = rows / SPANS;
    let keys = ["few", "f64", "i16", "i32", "i64", "i8", "j16", "j64", "many", "some"];
    let columns = keys.iter().map(|key| Slot::Decoded(column(key, rows)));
    let table = Table {
        trace: Buffer::collect((0..rows).map(|row| (row / SPANS) as u32)),
        start: Narrow::pack((0..rows).map(|row| (row % SPANS) as u64)),
        id: Buffer::collect((0..rows).map(|row| row as u64)),
        attributes: columns.collect::<Attributes>(),
        ..Table::default()
    };
    let operation = OperationRows {
        name: "op".into(),
        table: 0,
        rows: 0..rows,
        presence: Some(Mask::full(traces)),
    };
    Segment {
        traces: Traces {
            id: Buffer::collect((0..traces).map(|trace| trace as u128)),
            start: Buffer::zeroed(traces),
            end: Buffer::zeroed(traces),
            ..Traces::default()
        },
        keys: Arc::new(keys.map(Into::into).into_iter().collect()),
        operations: vec![operation],
        tables: [table].into_iter().collect(),
        resources: keys.iter().map(|_| Slot::Decoded(Column::EMPTY)).collect(),
        ..Segment::default()
    }
}

fn column(key: &str, rows: usize) -> Column {
    let integers = |column, bits: u32| {
        let values = (0..rows).map(move |row| (noise(row, column) >> (64 - bits)).cast_signed());
        Values::Integers(Integers::pack(values))
    };
    let texts = |column, count: u64| {
        let mut builder = DictionaryBuilder::default();
        for number in 0..count {
            builder.intern(Type::Text, &format!("t{number}"));
        }
        let codes = Narrow::pack((0..rows).map(move |row| noise(row, column) % count));
        Values::Codes(codes, Arc::new(builder.finish()))
    };
    let values = match key {
        "i8" => integers(1, 8),
        "i16" | "some" => integers(2, 16),
        "j16" => integers(3, 16),
        "i32" => integers(4, 32),
        "i64" => integers(5, 63),
        "j64" => integers(6, 63),
        "few" => texts(7, 100),
        "many" => texts(8, 5_000),
        _ => Values::Floats(Buffer::collect(
            (0..rows).map(|row| (noise(row, 9) >> 11) as f64 / (1_u64 << 53) as f64),
        )),
    };
    let mut present = Mask::full(rows);
    if key == "some" {
        (0..rows).filter(|&row| noise(row, 10).is_multiple_of(4)).for_each(|row| {
            present.words_mut()[row / 64] &= !(1 << (row % 64));
        });
    }
    Column::new(values, present)
}

criterion_group!(benches, kernel);
criterion_main!(benches);
