//! The library as another program meets it: what may be shared, what is an error, and that spans
//! mean the same however they come in.

use std::fs;
use std::num::NonZeroUsize;

use betrace::{
    CompileError, CompileOptions, Kind, LoadError, Program, Replay, ReplayError, ReplayOptions,
    Report, RuleSet, Signal, Span, Status, Value,
};

#[expect(dead_code, reason = "only the example itself calls its main")]
#[path = "../examples/embed.rs"]
mod embed;

const RULES: &str = r#"
rules:
  - id: reserve
    severity: critical
    condition: when { trace.has(charge).where(amount >= 10) } always { trace.has(reserve) }
    signal: { context: [customer, amount, list, host.name] }
  - id: slow
    severity: low
    violation: trace.has(charge).where(span:duration > 1us and span:kind == server)
"#;

/// Two traces, one of which breaks both rules.
const DOCUMENT: &str = r#"{"resourceSpans":[{"resource":{"attributes":[
    {"key":"host.name","value":{"stringValue":"h1"}}]},"scopeSpans":[{"spans":[
    {"traceId":"00000000000000000000000000000001","spanId":"0000000000000001","name":"charge",
     "kind":2,"startTimeUnixNano":"1000","endTimeUnixNano":"9000","status":{"code":2,"message":"no"},
     "attributes":[{"key":"amount","value":{"intValue":"25"}},
        {"key":"customer","value":{"stringValue":"caf\u00e9 \"7\""}},
        {"key":"list","value":{"arrayValue":{"values":[{"boolValue":true},{"doubleValue":1.5}]}}}]},
    {"traceId":"00000000000000000000000000000002","spanId":"0000000000000002","name":"reserve",
     "startTimeUnixNano":"5000","endTimeUnixNano":"5500","attributes":[]}]}]}]}"#;

fn program() -> Program {
    compile(RULES)
}

fn compile(text: &str) -> Program {
    let rules = RuleSet::from_text("rules.yaml", text);
    assert_eq!(rules.errors(), 0, "{}", rules.render(false));
    Program::compile(&rules, &CompileOptions::default()).expect("the rules compile")
}

fn replay() -> Replay {
    Replay::new(&program(), ReplayOptions::default())
}

fn finish(replay: Replay) -> (Report, Vec<Signal>) {
    let mut signals = Vec::new();
    let report = replay.finish(&mut |signal| {
        signals.push(signal);
        Ok(())
    });
    (report.expect("memory takes every signal"), signals)
}

#[test]
fn the_example_prints_what_it_says() {
    let mut printed = Vec::new();
    embed::run(&mut printed).expect("the example runs");
    let printed = String::from_utf8(printed).expect("UTF-8");
    let source = include_str!("../examples/embed.rs");
    let said = source.split("```").nth(1).expect("its documentation holds its output");
    let said = said.lines().filter_map(|line| line.strip_prefix("//! "));
    let said = said.filter(|line| !line.is_empty());
    assert_eq!(printed.lines().collect::<Vec<_>>(), said.collect::<Vec<_>>());
}

#[test]
fn a_program_is_shared_by_threads() {
    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    fn moved<T: Send>(_: &T) {}
    let program = program();
    shared(&program);
    moved(&replay());
    assert!(std::ptr::eq(program.module(), program.clone().module()), "a clone copies nothing");
    let threads = [0; 4].map(|_| {
        let program = program.clone();
        std::thread::spawn(move || {
            let mut replay = Replay::new(&program, ReplayOptions::default());
            replay.push_otlp("request", DOCUMENT.as_bytes()).expect("no limit is set");
            finish(replay).1
        })
    });
    let signals = threads.map(|thread| thread.join().expect("no panic"));
    assert_eq!(signals[0].len(), 2);
    assert!(signals.iter().all(|other| *other == signals[0]));
}

#[test]
fn pushed_bytes_mean_what_the_same_file_means() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("traces.json");
    fs::write(&path, DOCUMENT).expect("a file");
    let (mut read, mut pushed) = (replay(), replay());
    read.read([&path]).expect("no limit is set");
    pushed.push_otlp("traces.json", DOCUMENT.as_bytes()).expect("no limit is set");
    let ((read, read_signals), (pushed, pushed_signals)) = (finish(read), finish(pushed));
    assert_eq!(read_signals, pushed_signals);
    assert_eq!(read.rules, pushed.rules);
    let counts = |report: &Report| {
        let done = &report.completeness;
        (done.files, done.bytes, done.documents, done.spans, done.traces, done.is_complete())
    };
    assert_eq!(counts(&read), counts(&pushed));
    assert_eq!(counts(&read), (1, DOCUMENT.len() as u64, 1, 2, 2, true));
}

#[test]
fn a_pushed_span_means_what_its_json_means() {
    let span = Span {
        trace_id: 1_u128.to_be_bytes(),
        span_id: 1_u64.to_be_bytes(),
        name: "charge".to_owned(),
        kind: Kind::Server,
        status: Status::Error,
        message: "no".to_owned(),
        start: 1_000,
        end: 9_000,
        attributes: vec![
            ("amount".to_owned(), Value::Int(25)),
            ("customer".to_owned(), Value::Text("café \"7\"".to_owned())),
            ("list".to_owned(), Value::List(vec![Value::Bool(true), Value::Float(1.5)])),
        ],
        resource: vec![("host.name".to_owned(), Value::Text("h1".to_owned()))],
        ..Span::default()
    };
    let other = Span {
        trace_id: 2_u128.to_be_bytes(),
        span_id: 2_u64.to_be_bytes(),
        name: "reserve".to_owned(),
        start: 5_000,
        end: 5_500,
        resource: span.resource.clone(),
        ..Span::default()
    };
    let (mut spans, mut document) = (replay(), replay());
    spans.push_span(&other).expect("it has ids");
    spans.push_span(&span).expect("it has ids");
    document.push_otlp("request", DOCUMENT.as_bytes()).expect("no limit is set");
    let ((spans, signals), (document, expected)) = (finish(spans), finish(document));
    assert_eq!(signals, expected);
    assert_eq!(spans.rules, document.rules);
    assert_eq!(expected.len(), 2);

    let mut both = replay();
    both.push_otlp("request", DOCUMENT.as_bytes()).expect("no limit is set");
    both.push_span(&span).expect("it has ids");
    both.push_span(&other).expect("it has ids");
    let (report, signals) = finish(both);
    assert_eq!(signals, expected, "the same spans again change nothing");
    assert_eq!((report.completeness.spans, report.completeness.duplicates), (2, 2));
}

#[test]
fn a_span_that_cannot_be_is_refused_and_the_rest_goes_on() {
    let mut replay = replay();
    let lost = Span { name: "lost".to_owned(), ..Span::default() };
    let refused = replay.push_span(&lost);
    assert!(matches!(refused, Err(ReplayError::SpanId { name }) if name == "lost"));
    let refused = replay.push_span(&Span { start: 0, ..charge(1) });
    assert!(matches!(refused, Err(ReplayError::SpanTime { name }) if name == "charge"));
    for (depth, is_right) in [(32, true), (33, false), (300, false)] {
        for map in [false, true] {
            let values = vec![("deep".to_owned(), nested(depth, map))];
            for span in [
                Span { attributes: values.clone(), ..charge(1) },
                Span { resource: values, ..charge(1) },
            ] {
                let refused = replay.push_span(&span);
                let is_depth = matches!(
                    &refused,
                    Err(ReplayError::SpanDepth { name, key }) if name == "charge" && key == "deep"
                );
                assert!(if is_right { refused.is_ok() } else { is_depth }, "{depth}: {refused:?}");
            }
        }
    }
    replay.push_otlp("request", DOCUMENT.as_bytes()).expect("no limit is set");
    let done = finish(replay).0.completeness;
    assert_eq!((done.spans + done.duplicates, done.traces), (4 + 2, 2));
}

/// Span number `id` of a trace of one charge.
fn charge(id: u64) -> Span {
    Span {
        trace_id: 1_u128.to_be_bytes(),
        span_id: id.to_be_bytes(),
        name: "charge".to_owned(),
        start: 1_000,
        end: 2_000,
        ..Span::default()
    }
}

fn nested(depth: usize, map: bool) -> Value {
    (0..depth).fold(Value::Int(1), |value, _| {
        if map { Value::Map(vec![("k".to_owned(), value)]) } else { Value::List(vec![value]) }
    })
}

#[test]
fn memory_has_its_own_error_and_what_was_read_stays() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("traces.json");
    fs::write(&path, DOCUMENT).expect("a file");
    for threads in [1, 3] {
        let threads = NonZeroUsize::new(threads).expect("not zero");
        let options = ReplayOptions { memory: Some(10), threads, ..ReplayOptions::default() };
        let mut replay = Replay::new(&program(), options);
        let expect = |stopped: Result<(), ReplayError>| {
            let Err(ReplayError::Memory { needed, limit: 10 }) = stopped else {
                panic!("{stopped:?}")
            };
            assert!(needed > 10);
        };
        expect(replay.push_otlp("request", DOCUMENT.as_bytes()));
        expect(replay.push_otlp("request", DOCUMENT.as_bytes()));
        expect(replay.read([&path]));
        expect(replay.read([&path]));
        replay.push_span(&charge(7)).expect("memory is not looked at for every span");
        let done = finish(replay).0.completeness;
        assert!(!done.is_complete() && done.stopped && done.has_lost(), "{done:?}");
        assert_eq!((done.files, done.bytes), (4, 4 * DOCUMENT.len() as u64));
    }
}

#[test]
fn pushed_spans_are_held_to_the_limit_of_memory() {
    for text in [0, 60_000] {
        let options = ReplayOptions { memory: Some(1 << 20), ..ReplayOptions::default() };
        let mut replay = Replay::new(&program(), options);
        let customer = |id: u64| ("customer".to_owned(), Value::Text(format!("{id:>text$}")));
        let stopped = (1..100_000).find_map(|id| {
            let span = Span { attributes: vec![customer(id)], ..charge(id) };
            replay.push_span(&span).err().map(|error| (id, error))
        });
        let Some((id, ReplayError::Memory { needed, .. })) = stopped else { panic!("no limit") };
        assert!(needed < 4 << 20, "{needed} bytes after {id} spans");
        let done = finish(replay).0.completeness;
        assert_eq!((done.spans, done.stopped), (id, true));
    }
}

#[test]
fn rules_have_typed_errors() {
    let path = |name: &str| RuleSet::from_paths([name]).expect_err("there is nothing to load");
    assert!(matches!(path("/nowhere/rules.yaml"), LoadError::Io { .. }));
    assert!(matches!(path("/nowhere/*.yaml"), LoadError::Nothing(_)));
    assert!(matches!(path("/nowhere/[.yaml"), LoadError::Glob { .. }));
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert!(matches!(RuleSet::from_paths([folder.path()]), Err(LoadError::Nothing(_))));
    let binary = folder.path().join("binary.yaml");
    fs::write(&binary, [b'a', 0xff]).expect("a file");
    assert!(matches!(RuleSet::from_paths([&binary]), Err(LoadError::NotText { at: 1, .. })));

    let rules = RuleSet::from_text("rules.yaml", RULES);
    let compile = |ids: &[&str], labels: &[(&str, &str)]| {
        let options = CompileOptions {
            ids: ids.iter().map(|&id| id.to_owned()).collect(),
            labels: labels.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect(),
            ..CompileOptions::default()
        };
        Program::compile(&rules, &options).err()
    };
    let Some(CompileError::UnknownRule { id, nearest }) = compile(&["reserv"], &[]) else {
        panic!("an unknown rule compiles")
    };
    assert_eq!((id.as_str(), &nearest[..]), ("reserv", &["reserve".to_owned()][..]));
    assert!(matches!(compile(&[], &[("a", "b")]), Some(CompileError::Nothing)));
    assert!(compile(&["slow"], &[]).is_none());
}

#[test]
fn wrong_rules_are_diagnostics_and_the_right_ones_stay() {
    let text = RULES.replace("violation:", "violetion:");
    let rules = RuleSet::from_text("rules.yaml", &text);
    assert!(rules.errors() > 0);
    let ids: Vec<_> = rules.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["reserve"]);
    assert!(rules.render(false).contains("rules.yaml:9:5"), "{}", rules.render(false));
}

#[test]
fn what_a_caller_fails_with_comes_back() {
    let mut replay = replay();
    replay.push_otlp("request", DOCUMENT.as_bytes()).expect("no limit is set");
    let failed = replay.finish(&mut |_| Err(std::io::Error::other("the queue is full")));
    let Err(ReplayError::Io(error)) = failed else { panic!("{failed:?}") };
    assert_eq!(error.to_string(), "the queue is full");
}

#[test]
fn a_caller_that_panics_is_not_waited_for() {
    let mut replay = replay();
    replay.push_otlp("request", DOCUMENT.as_bytes()).expect("no limit is set");
    let finish = std::panic::AssertUnwindSafe(|| replay.finish(&mut |_| panic!("a bad caller")));
    assert!(std::panic::catch_unwind(finish).is_err());
}

#[test]
fn signals_that_nobody_takes_are_counted() {
    let all = ReplayOptions::default();
    let run = |options: &ReplayOptions| {
        let mut replay = Replay::new(&program(), options.clone());
        replay.push_otlp("request", DOCUMENT.as_bytes()).expect("no limit is set");
        finish(replay)
    };
    let (report, expected) = run(&all);
    for signals in 0..4 {
        let (limited, some) = run(&ReplayOptions { signals, ..all.clone() });
        assert_eq!(limited.rules, report.rules);
        assert_eq!(some, expected[..expected.len().min(signals as usize)]);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let program = program();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut whole, mut broken) = (0, 0);
    for _ in 0..4_000 {
        let bytes = random.mutate(DOCUMENT.as_bytes());
        let mut replay = Replay::new(&program, ReplayOptions::default());
        replay.push_otlp("junk", &bytes).expect("no limit is set");
        let (report, _) = finish(replay);
        assert!(report.completeness.spans <= 2, "{}", String::from_utf8_lossy(&bytes));
        let complete = report.completeness.is_complete();
        *(if complete { &mut whole } else { &mut broken }) += 1;
    }
    assert!(whole > 100 && broken > 1_000, "{whole} whole and {broken} broken documents");
}

/// Chance that is the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    /// The document with one to four bytes changed, taken out or put in, or with its end cut off.
    fn mutate(&mut self, document: &[u8]) -> Vec<u8> {
        const TELLING: &[u8] = b"\"{}[],:\\0-eE.\x00\xff\n";
        let mut bytes = document.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let byte = TELLING[self.below(TELLING.len())];
            match self.below(8) {
                0 => bytes.truncate(at.max(1)),
                1 | 2 => bytes.insert(at, byte),
                3 if bytes.len() > 1 => drop(bytes.remove(at)),
                4 => bytes[at] ^= 1 << self.below(8),
                _ => bytes[at] = byte,
            }
        }
        bytes
    }
}
