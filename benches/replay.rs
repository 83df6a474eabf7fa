//! What rules cost: the whole replay of the same lines by 1, 16, 160 and 1,600 rules, and judging
//! alone, on engines; the share of judging in the replay is said at the end. Engines' verdicts are
//! compared, and those of the generator's rules held to its truth, before anything is timed.

use std::hint::black_box;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use betrace::generate::{Truth, Workload, lines};
use betrace::{CompileOptions, EngineChoice, Program, Replay, ReplayOptions, Report, RuleSet};
use corpora::build::{SegmentSize, finish};
use corpora::otlp::Decoder;
use corpora::source::{Buffer, Options, Stream};
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use ir::{Fault, Segment};

#[path = "input/rules.rs"]
mod rules;

/// About 100 MB.
const WORKLOAD: (u64, u32, u64) = (20_000, 2, 1);
/// What the interpreter judges.
const SMALL: (u64, u32, u64) = (2_000, 2, 1);
/// As a replay seals.
const SEGMENTS: SegmentSize = SegmentSize { traces: 1 << 16, rows: 1 << 18 };

fn replay(criterion: &mut Criterion) {
    let (text, truth) = generate(WORKLOAD);
    let mut group = criterion.benchmark_group("replay");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(500));
    let mut shares = Vec::new();
    for count in [1, 16, 160, 1_600] {
        let yaml = rules::many(count);
        let program = program(&yaml, EngineChoice::Auto);
        let report = whole(&program, &text);
        hold(&report, &truth, count);
        let loops = self::program(&yaml, EngineChoice::Columns);
        assert_eq!(verdicts(&report), verdicts(&whole(&loops, &text)), "{count} rules");

        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("whole/{count}"), |bencher| {
            bencher.iter(|| black_box(whole(&program, &text)));
        });
        group.throughput(Throughput::Elements(count as u64 * truth.traces));
        judging(&mut group, &format!("judge_auto/{count}"), &program, &text);
        judging(&mut group, &format!("judge_columns/{count}"), &loops, &text);
        let violated: u64 = report.rules.iter().map(|rule| rule.violated).sum();
        shares.push((count, violated, share(&program, &text)));
    }
    let (text, truth) = generate(SMALL);
    group.throughput(Throughput::Elements(truth.traces));
    let interpreter = program(&rules::many(1), EngineChoice::Interpreter);
    judging(&mut group, "judge_interpreter_small/1", &interpreter, &text);
    group.finish();
    for (count, violated, share) in shares {
        let percent = share * 100.0;
        say(&format!(
            "{count} rules, {violated} violations: {percent:.1}% of the replay is judging"
        ));
    }
}

#[expect(clippy::print_stdout, reason = "what was measured is for people")]
fn say(text: &str) {
    println!("{text}");
}

fn generate((traces, days, seed): (u64, u32, u64)) -> (Vec<u8>, Truth) {
    let mut text = Vec::new();
    let truth = lines(&Workload::new(traces, days, seed), &mut |line| {
        text.extend_from_slice(line);
        Ok(())
    });
    (text, truth.expect("a workload"))
}

fn program(yaml: &str, engine: EngineChoice) -> Program {
    let rules = RuleSet::from_text("rules.yaml", yaml);
    assert_eq!(rules.errors(), 0, "rules are well formed");
    Program::compile(&rules, &CompileOptions { engine, ..CompileOptions::default() })
        .expect("the rules compile")
}

fn whole(program: &Program, text: &[u8]) -> Report {
    let mut replay = Replay::new(program, ReplayOptions::default());
    replay.push_otlp("lines", text).expect("memory suffices");
    replay
        .finish(&mut |signal| {
            black_box(signal);
            Ok(())
        })
        .expect("the replay ends")
}

/// What each rule found.
fn verdicts(report: &Report) -> Vec<(&str, u64, u64)> {
    report.rules.iter().map(|rule| (rule.id.as_str(), rule.applied, rule.violated)).collect()
}

/// The rules as they are known to the generator must find what it put there.
fn hold(report: &Report, truth: &Truth, count: usize) {
    let known = report.rules.iter().filter_map(|rule| {
        let own = truth.rules.iter().find(|own| own.id == rule.id)?;
        Some((own.total.violated, rule.violated))
    });
    let known: Vec<_> = known.collect();
    assert_eq!(known.len(), count.min(truth.rules.len()));
    assert!(known.iter().all(|(expected, found)| expected == found), "{known:?}");
}

/// The segments that a replay makes of the lines.
fn segments(program: &Program, text: &[u8]) -> Vec<Segment> {
    let mut decoder = Decoder::new(program.schema().clone());
    let mut stream = Stream::new(0, "lines".into(), text, Options::default());
    let mut buffer = Buffer::default();
    while let Some(block) = stream.next_block(&mut buffer) {
        decoder.decode_block(&block);
    }
    let finished = finish(vec![decoder.into_parts().0], SEGMENTS);
    finished.segments.into_iter().map(|unsealed| unsealed.seal().segment).collect()
}

/// The time of judging segments that nobody looked at yet.
fn judge(program: &Program, segments: Vec<Segment>) -> Duration {
    let segments: Vec<_> = segments.into_iter().map(|segment| Mutex::new(Some(segment))).collect();
    let next = |number: usize| {
        let segment = segments.get(number).and_then(|segment| segment.lock().ok()?.take());
        Ok::<_, Fault>(segment)
    };
    let mut taken = |signal| {
        black_box(signal);
        Ok(())
    };
    let options = runtime::Options::default();
    let start = Instant::now();
    let outcome = runtime::replay(program.module(), program.engine(), &options, &next, &mut taken);
    black_box(outcome.expect("segments hold what rules read"));
    start.elapsed()
}

fn judging(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, program: &Program, text: &[u8]) {
    group.bench_function(name, |bencher| {
        bencher
            .iter_custom(|times| (0..times).map(|_| judge(program, segments(program, text))).sum());
    });
}

/// Judging as a part of a whole replay, each the best of three.
fn share(program: &Program, text: &[u8]) -> f64 {
    let best = |run: &dyn Fn() -> Duration| (0..3).map(|_| run()).min().expect("three runs");
    let judging = best(&|| judge(program, segments(program, text)));
    let all = best(&|| {
        let start = Instant::now();
        black_box(whole(program, text));
        start.elapsed()
    });
    judging.as_secs_f64() / all.as_secs_f64()
}

criterion_group!(benches, replay);
criterion_main!(benches);
