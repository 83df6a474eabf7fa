//! Raw replay of 16 rules over exporter lines in the page cache, beside what bounds it: reading the
//! bytes, and simd-json making tapes of them. One file, one run, one thread unless it says so;
//! answers are checked against the generator's truth before anything is timed.

use std::fs::File;
use std::hint::black_box;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use betrace::generate::{Workload, lines};
use betrace::{CompileOptions, Program, Replay, ReplayOptions, Report, RuleSet};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::{Advice, fadvise};

/// About 100 MB: well beyond the caches, and a run takes a fifth of a second.
const WORKLOAD: (u64, u32, u64) = (20_000, 2, 1);

fn raw_replay(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("omnicart.jsonl");
    let violated = write(&path);
    let program = program();
    let report = replay(&program, &path, 1);
    assert_eq!(report.rules.iter().map(|rule| rule.violated).sum::<u64>(), violated);

    let mut group = criterion.benchmark_group("raw_replay");
    let bytes = std::fs::metadata(&path).expect("the file is there").len();
    group.throughput(Throughput::Bytes(bytes)).sample_size(15);
    read_only(&mut group, &path);
    tape_only(&mut group, &path);
    for threads in [1, 2] {
        group.bench_function(format!("replay_{threads}_threads"), |bencher| {
            bencher.iter(|| black_box(replay(&program, &path, threads)));
        });
    }
    for packed in [gzip(&path), zstd(&path)] {
        let report = replay(&program, &packed, 1);
        assert_eq!(report.rules.iter().map(|rule| rule.violated).sum::<u64>(), violated);
        let extension = packed.extension().unwrap_or_default().to_string_lossy();
        for threads in [1, 2] {
            group.bench_function(format!("replay_{extension}_{threads}_threads"), |bencher| {
                bencher.iter(|| black_box(replay(&program, &packed, threads)));
            });
        }
    }
    group.finish();
}

/// Packs the file as `gzip` does by default.
fn gzip(path: &Path) -> PathBuf {
    let packed = path.with_extension("jsonl.gz");
    let file = File::create(&packed).expect("a new file");
    let mut encoder = GzEncoder::new(file, Compression::default());
    std::io::copy(&mut File::open(path).expect("the file is there"), &mut encoder)
        .and_then(|_| encoder.finish())
        .expect("the disk takes it");
    packed
}

/// Packs the file as `zstd` does by default.
fn zstd(path: &Path) -> PathBuf {
    let packed = path.with_extension("jsonl.zst");
    let from = File::open(path).expect("the file is there");
    let to = File::create(&packed).expect("a new file");
    zstd::stream::copy_encode(from, to, zstd::DEFAULT_COMPRESSION_LEVEL)
        .expect("the disk takes it");
    packed
}

/// Writes the workload; gives the number of violations of all rules. The file's pages are dropped, so
/// that it comes back into the page cache as one does that was recorded earlier: in large pages.
fn write(path: &Path) -> u64 {
    let (traces, days, seed) = WORKLOAD;
    let mut file = std::io::BufWriter::new(File::create(path).expect("a new file"));
    let mut sink = |line: &[u8]| std::io::Write::write_all(&mut file, line);
    let truth = lines(&Workload::new(traces, days, seed), &mut sink).expect("a workload");
    let file = file.into_inner().expect("the disk takes it");
    file.sync_all().expect("the disk takes it");
    fadvise(&file, 0, None, Advice::DontNeed).expect("it is a file");
    truth.rules.iter().map(|rule| rule.total.violated).sum()
}

fn program() -> Program {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("rules/omnicart.yaml");
    let rules = RuleSet::from_paths([path]).expect("the rules are there");
    Program::compile(&rules, &CompileOptions::default()).expect("the rules compile")
}

fn replay(program: &Program, path: &Path, threads: usize) -> Report {
    let threads = NonZeroUsize::new(threads).expect("at least one thread");
    let mut replay = Replay::new(program, ReplayOptions { threads, ..ReplayOptions::default() });
    replay.read([path]).expect("the file can be read");
    replay
        .finish(&mut |signal| {
            black_box(signal);
            Ok(())
        })
        .expect("the replay ends")
}

fn read_only(group: &mut BenchmarkGroup<'_, WallTime>, path: &Path) {
    let mut buffer = vec![0; 1 << 20];
    group.bench_function("read", |bencher| {
        bencher.iter(|| {
            let mut file = File::open(path).expect("the file is there");
            while file.read(&mut buffer).expect("the file can be read") > 0 {
                black_box(&buffer);
            }
        });
    });
}

/// Reads the file and makes a tape of each line, with all buffers reused.
fn tape_only(group: &mut BenchmarkGroup<'_, WallTime>, path: &Path) {
    let mut text = Vec::new();
    group.bench_function("read_and_fill_tape", |bencher| {
        bencher.iter(|| {
            text.clear();
            File::open(path).and_then(|mut file| file.read_to_end(&mut text)).expect("readable");
            let mut buffers = simd_json::Buffers::default();
            let mut tape = simd_json::Tape::null();
            let mut rest = &mut text[..];
            while let Some(end) = memchr::memchr(b'\n', rest) {
                let (line, behind) = rest.split_at_mut(end + 1);
                let mut own = tape.reset();
                simd_json::fill_tape(&mut line[..end], &mut buffers, &mut own).expect("valid JSON");
                tape = black_box(own).reset();
                rest = behind;
            }
        });
    });
}

criterion_group!(benches, raw_replay);
criterion_main!(benches);
