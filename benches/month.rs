//! A corpus by kind of rule: `cargo bench --bench month [-- --small] [TRACES…]`.
//!
//! For each number of traces (1, 10 and 30 million of the whole workload unless others are named) a
//! corpus is generated, unless the folder of an earlier run is there, and each rule is replayed
//! alone: cold, its pages dropped from the page cache, then warm, best of five; then all together, on
//! one day of the thirty, and with narrowed copies up to 160. Violations are held to the generator's
//! truth before any time is printed. With several sizes a line is fitted through the warm times:
//! nanoseconds a trace, without the fixed cost. The most anonymous memory is that of the whole
//! process: run it once more on corpora that are there, for making them takes some of its own.
//!
//! `--small` makes traces of two or three spans each. `BETRACE_MONTH` names the folder for corpora.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use betrace::generate::{Rates, Truth, Workload};
use betrace::{
    CompileOptions, Corpus, Folder, Program, ReplayOptions, Report, RuleSet, generate_corpus,
};
use rustix::fs::{Advice, fadvise};

#[path = "input/rules.rs"]
mod rules;
#[path = "input/small.rs"]
mod small;

/// Warm runs, of which the best counts.
const RUNS: usize = 5;
/// The rules of each kind that the whole workload is asked.
const KINDS: [(&str, &[&str]); 6] = [
    ("existence", &["payment-inventory"]),
    ("comparison", &["fraud-check-high-value"]),
    ("regex", &["api-auth"]),
    ("distinct", &["payment-idempotency"]),
    ("count", &["retry-limit"]),
    ("all 16 rules", &[]),
];

/// Rules of a kind, and the days that they are asked of.
struct Kind {
    name: &'static str,
    program: Program,
    day: Option<&'static str>,
}

/// The rules that small traces are asked.
const SMALL: [&str; 5] = ["existence", "comparison", "regex", "distinct", "count-by"];

/// A corpus and what is known of it.
struct Made {
    folder: PathBuf,
    traces: u64,
    spans: u64,
    bytes: u64,
    /// By rule, how many traces break it.
    broken: Vec<(String, u64)>,
}

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|text| text != "--bench").collect();
    let small = arguments.iter().any(|text| text == "--small");
    let mut sizes: Vec<u64> = arguments.iter().filter_map(|text| text.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![1_000_000, 10_000_000, 30_000_000];
    }
    let root = std::env::var_os("BETRACE_MONTH").map_or_else(std::env::temp_dir, PathBuf::from);
    let mut times: Vec<Vec<f64>> = Vec::new();
    say("| traces | spans | bytes | rule | violations | cold | warm | traces/s warm | anonymous |");
    say("|---|---|---|---|---|---|---|---|---|");
    let kinds = kinds(small);
    let anonymous = watch_memory();
    for &traces in &sizes {
        let made = make(&root, traces, small);
        times.push(kinds.iter().map(|kind| measure(&made, kind, anonymous)).collect());
    }
    if sizes.len() > 1 {
        say("\n| rule | fixed | a trace |\n|---|---|---|");
        for (at, Kind { name, .. }) in kinds.iter().enumerate() {
            let points: Vec<(f64, f64)> =
                sizes.iter().zip(&times).map(|(&size, times)| (size as f64, times[at])).collect();
            let (fixed, slope) = line(&points);
            say(&format!("| {name} | {:.1} ms | {:.3} ns |", fixed * 1e3, slope * 1e9));
        }
    }
}

/// Replays one program cold and warm, and prints a row; the best warm time in seconds.
fn measure(made: &Made, Kind { name, program, day }: &Kind, anonymous: &AtomicU64) -> f64 {
    anonymous.store(0, Ordering::Relaxed);
    let once = || {
        let started = Instant::now();
        let corpus = Corpus::open(&made.folder).expect("it was made");
        let report = corpus.replay(program, &options(*day), &mut |_| Ok(()));
        (report.expect("it is whole"), started.elapsed())
    };
    // The first run also compiles what is compiled; its answer is held to the truth.
    let (report, _) = once();
    let violated = hold(&report, made, day.is_some());
    drop_pages(&made.folder);
    let (_, cold) = once();
    let warm = (0..RUNS).map(|_| once().1).min().unwrap_or(Duration::MAX).as_secs_f64();
    say(&format!(
        "| {} | {} | {:.2} GB | {name} | {violated} | {:.0} ms | {:.1} ms | {:.1} M | {} MiB |",
        made.traces,
        made.spans,
        made.bytes as f64 / 1e9,
        cold.as_secs_f64() * 1e3,
        warm * 1e3,
        made.traces as f64 / warm / 1e6,
        anonymous.load(Ordering::Relaxed) >> 10,
    ));
    warm
}

/// Holds a report to the truth; how many violations it has.
fn hold(report: &Report, made: &Made, part: bool) -> u64 {
    for rule in report.rules.iter().filter(|_| !part) {
        assert_eq!(rule.traces, made.traces, "{}", rule.id);
        // Narrowed copies are nobody's truth.
        if let Some((_, broken)) = made.broken.iter().find(|(id, _)| *id == rule.id) {
            assert_eq!(rule.violated, *broken, "{}", rule.id);
        }
    }
    report.rules.iter().map(|rule| rule.violated).sum()
}

fn kinds(small: bool) -> Vec<Kind> {
    let compile = |name, rules: &RuleSet, ids: &[&str], day| {
        let ids = ids.iter().map(|&id| id.to_owned()).collect();
        let options = CompileOptions { ids, ..CompileOptions::default() };
        Kind { name, program: Program::compile(rules, &options).expect("the rules compile"), day }
    };
    let read = |name: &str, text: &str| {
        let rules = RuleSet::from_text(name, text);
        assert_eq!(rules.errors(), 0, "{}", rules.render(false));
        rules
    };
    if small {
        let rules = read("small.yaml", small::RULES);
        let single = SMALL.map(|id| compile(id, &rules, &[id], None));
        return single.into_iter().chain([compile("all 5 rules", &rules, &[], None)]).collect();
    }
    let rules = RuleSet::from_paths(["rules/omnicart.yaml"]).expect("the rules are there");
    let mut kinds: Vec<Kind> = KINDS.map(|(name, ids)| compile(name, &rules, ids, None)).into();
    kinds.push(compile("all 16 rules, one day", &rules, &[], Some("Day15")));
    let many = read("many.yaml", &rules::many(160));
    kinds.push(compile("160 rules", &many, &[], None));
    kinds
}

/// Makes a corpus, or finds it.
fn make(root: &Path, traces: u64, small: bool) -> Made {
    let name = if small { "small" } else { "whole" };
    let folder = root.join(format!("betrace-month-{name}-{traces}"));
    let truth = folder.join(".broken");
    if !truth.exists() {
        let started = Instant::now();
        // What an earlier run left half made.
        let _ = fs::remove_dir_all(&folder);
        let broken = if small { make_small(&folder, traces) } else { make_whole(&folder, traces) };
        let lines: String = broken.iter().map(|(id, count)| format!("{id} {count}\n")).collect();
        fs::write(&truth, lines).expect("the folder takes files");
        eprintln_seconds(&folder, started.elapsed());
    }
    let broken = fs::read_to_string(&truth).expect("it was written");
    let broken = broken.lines().filter_map(|line| {
        let (id, count) = line.split_once(' ')?;
        Some((id.to_owned(), count.parse().ok()?))
    });
    let manifest = Folder::new(&folder).read().expect("it was made").manifest;
    Made {
        traces: manifest.traces(),
        spans: manifest.segments.iter().map(|segment| segment.spans).sum(),
        bytes: manifest.segments.iter().map(|segment| segment.bytes).sum(),
        broken: broken.collect(),
        folder,
    }
}

fn make_whole(folder: &Path, traces: u64) -> Vec<(String, u64)> {
    let workload = Workload { rates: Rates::Each(100), ..Workload::new(traces, 30, 1) };
    let writer = Folder::new(folder).write().expect("the folder takes a corpus");
    let truth: Truth =
        generate_corpus(writer, &workload, &AtomicU64::new(0)).expect("the disk takes it");
    truth.rules.iter().map(|rule| (rule.id.to_string(), rule.total.violated)).collect()
}

fn make_small(folder: &Path, traces: u64) -> Vec<(String, u64)> {
    let mut writer = Folder::new(folder).write().expect("the folder takes a corpus");
    let count = traces.div_ceil(small::TRACES);
    let next = AtomicU64::new(0);
    let work = || {
        let mut made = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return made;
            }
            made.push(small::write(&writer, number).expect("the disk takes it"));
        }
    };
    let mut made = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut made = work();
        made.extend(other.join().expect("it does not panic"));
        made
    });
    made.sort_by_key(|(entry, _)| entry.number);
    let mut manifest = writer.manifest().clone();
    manifest.next_file = count;
    let mut broken = [0; 5];
    for (entry, own) in made {
        broken.iter_mut().zip(own).for_each(|(all, own)| *all += own);
        manifest.segments.push(entry);
    }
    writer.commit(manifest).expect("the disk takes it");
    SMALL.iter().zip(broken).map(|(id, count)| ((*id).to_owned(), count)).collect()
}

fn options(day: Option<&str>) -> ReplayOptions {
    let moment = || day.map(|day| day.parse().expect("it is a day"));
    let threads = std::thread::available_parallelism().expect("the machine has cores");
    // Reports as `betrace replay --format json` prints them: no signals, no examples.
    ReplayOptions {
        threads,
        from: moment(),
        to: moment(),
        signals: 0,
        examples: 0,
        ..ReplayOptions::default()
    }
}

/// Drops the pages of all segments from the page cache.
fn drop_pages(folder: &Path) {
    let files = fs::read_dir(folder.join("segments")).expect("it was made");
    for entry in files.flatten() {
        let file = File::open(entry.path()).expect("it is there");
        fadvise(&file, 0, None, Advice::DontNeed).expect("it is a file");
    }
}

/// Looks at the anonymous memory of this process again and again; the most that was seen, in KiB.
fn watch_memory() -> &'static AtomicU64 {
    static MOST: AtomicU64 = AtomicU64::new(0);
    std::thread::spawn(|| {
        loop {
            let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            MOST.fetch_max(number.unwrap_or(0), Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    &MOST
}

/// The line of least squares through points: what x = 0 takes, and what one more does.
fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len() as f64;
    let sum = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>();
    let (x, y) = (sum(|point| point.0) / count, sum(|point| point.1) / count);
    let across: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let along: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let slope = across / along;
    (y - slope * x, slope)
}

#[expect(clippy::print_stderr, reason = "making takes long; people wait for it")]
fn eprintln_seconds(folder: &Path, took: Duration) {
    eprintln!("{} was made in {:.1} s", folder.display(), took.as_secs_f64());
}

#[expect(clippy::print_stdout, reason = "what was measured is for people")]
fn say(text: &str) {
    println!("{text}");
}
