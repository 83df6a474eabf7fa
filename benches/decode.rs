//! Decoding of exporter lines in memory, one thread: the whole decoder with its ways of reading,
//! beside what bounds it, on lines as an exporter writes them, on the same spans written otherwise,
//! and on real ones. All in one run; answers are compared before anything is timed.

mod input;

use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use betrace::{Recognition, Replay, ReplayOptions};
use corpora::otlp::Decoder;
use corpora::source::{Chunk, Kind};
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use input::Input;
use memchr::memchr_iter;

fn decode(criterion: &mut Criterion) {
    let generated = input::generated();
    let mut answers = generated.iter().map(check);
    let first = answers.next().expect("there is an input");
    assert!(answers.all(|answer| answer == first), "the same spans, however they are written");
    let real = input::real();
    if real.is_empty() {
        say("the real lines are not there: generated ones only");
    }
    real.iter().for_each(|input| {
        check(input);
    });
    for input in generated.iter().chain(&real) {
        let mut group = criterion.benchmark_group(format!("decode/{}", input.name));
        group.sampling_mode(SamplingMode::Flat).sample_size(10);
        group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(1));
        group.throughput(Throughput::Bytes(input.text.len() as u64));
        if input.name == "regular" {
            floors(&mut group, &input.text);
        }
        rivals(&mut group, &input.text);
        for way in [Way::Strict, Way::Portable, Way::Fast] {
            group.bench_function(way.name(), |bencher| {
                bencher.iter(|| black_box(way.decode(input).sink().bytes()));
            });
        }
        group.finish();
    }
}

/// A way of reading.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// A tape of every line.
    Strict,
    /// The fast reader without vector instructions.
    Portable,
    /// As a replay decodes.
    Fast,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Portable => "portable",
            Self::Fast => "fast",
        }
    }

    fn decode(self, input: &Input) -> Decoder {
        let decoder = Decoder::new(input.program.schema().clone());
        let mut decoder = match self {
            Self::Strict => decoder.strict(),
            Self::Portable => decoder.portable(),
            Self::Fast => decoder,
        };
        let name: Arc<str> = input.name.into();
        let mut offset = 0;
        for (number, bytes) in lines(&input.text).enumerate() {
            let line = number as u64 + 1;
            let chunk = Chunk { bytes, offset, line, kind: Kind::Line, ends_input: false };
            decoder.decode(&chunk, 0, &name);
            offset += bytes.len() as u64 + 1;
        }
        decoder
    }
}

/// Holds the ways of reading together and to the generator's truth; gives the spans, the traces and
/// the violations of each rule.
fn check(input: &Input) -> (u64, u64, Vec<u64>) {
    let spans = |way: Way| {
        let decoder = way.decode(input);
        assert_eq!(
            decoder.tally().malformed.len(),
            0,
            "{} reads {} wholly",
            way.name(),
            input.name
        );
        decoder.tally().spans
    };
    let expected = spans(Way::Strict);
    assert!(expected > 0, "{} has spans", input.name);
    assert_eq!([spans(Way::Fast), spans(Way::Portable)], [expected; 2], "{}", input.name);

    let mut replay = Replay::new(&input.program, ReplayOptions::default());
    replay.push_otlp(input.name, &input.text).expect("memory suffices");
    let report = replay.finish(&mut |_| Ok(())).expect("the replay ends");
    let violated: Vec<u64> = report.rules.iter().map(|rule| rule.violated).collect();
    if let Some(known) = input.violated {
        assert_eq!(violated.iter().sum::<u64>(), known, "violations of {}", input.name);
    }
    let Recognition { nodes, restarts, spans, spans_left, documents_left } =
        report.completeness.decoder;
    say(&format!(
        "{}: {} bytes, {expected} spans; the fast reader knows {nodes} nodes after {restarts} restarts, read {spans} spans, \
         left {spans_left} spans and {documents_left} documents",
        input.name,
        input.text.len(),
    ));
    (report.completeness.spans, report.completeness.traces, violated)
}

#[expect(clippy::print_stdout, reason = "what was decoded is for people")]
fn say(text: &str) {
    println!("{text}");
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    memchr_iter(b'\n', text).map(move |end| {
        let line = &text[from..end];
        from = end + 1;
        line
    })
}

/// What any reader has to do.
fn floors(group: &mut BenchmarkGroup<'_, WallTime>, text: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(text).expect("room for the lines");
    let mut buffer = vec![0; 1 << 20];
    group.bench_function("read", |bencher| {
        bencher.iter(|| {
            let mut file = File::open(file.path()).expect("the file is there");
            while file.read(&mut buffer).expect("the file can be read") > 0 {
                black_box(&buffer);
            }
        });
    });
    let mut scratch = Vec::new();
    group.bench_function("copy", |bencher| {
        bencher.iter(|| {
            for line in lines(text) {
                scratch.clear();
                scratch.extend_from_slice(line);
                black_box(&scratch);
            }
        });
    });
    group.bench_function("newlines", |bencher| {
        bencher.iter(|| black_box(memchr_iter(b'\n', text).count()));
    });
}

/// What other readers do with each line: less than decoding.
fn rivals(group: &mut BenchmarkGroup<'_, WallTime>, text: &[u8]) {
    let mut own = text.to_vec();
    group.bench_function("fill_tape", |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| fill_tape(text, &mut own)).sum());
    });
    group.bench_function("sonic_dom", |bencher| {
        bencher.iter(|| {
            for line in lines(text) {
                let value: sonic_rs::Value = sonic_rs::from_slice(line).expect("valid JSON");
                black_box(value);
            }
        });
    });
    group.bench_function("sonic_skip", |bencher| {
        bencher.iter(|| {
            for line in lines(text) {
                let value: sonic_rs::LazyValue<'_> =
                    sonic_rs::from_slice(line).expect("valid JSON");
                black_box(value);
            }
        });
    });
}

/// The time in which simd-json makes a tape of each line, all buffers reused. It unescapes in
/// place, so that the text is laid out afresh before the clock runs.
fn fill_tape(text: &[u8], own: &mut [u8]) -> Duration {
    own.copy_from_slice(text);
    let start = Instant::now();
    let mut buffers = simd_json::Buffers::default();
    let mut tape = simd_json::Tape::null();
    let mut rest = own;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (line, behind) = rest.split_at_mut(end + 1);
        let mut filled = tape.reset();
        simd_json::fill_tape(&mut line[..end], &mut buffers, &mut filled).expect("valid JSON");
        tape = black_box(filled).reset();
        rest = behind;
    }
    start.elapsed()
}

criterion_group!(benches, decode);
criterion_main!(benches);
