//! A corpus gives what the files gave that were read into it: whatever came when, in whatever
//! pieces, and however often.

mod answers;

use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use answers::{Answer, assert_same, of_corpus, of_files};
use betrace::generate::{Workload, lines};
use betrace::{
    CompileOptions, Corpus, CorpusError, Folder, Ingest, IngestOptions, IngestReport, PassedOver,
    Program, ReplayOptions, RuleSet, SegmentSize, generate_corpus,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

fn program() -> Program {
    let rules = RuleSet::from_paths(["rules/omnicart.yaml"]).expect("the rules are there");
    Program::compile(&rules, &CompileOptions::default()).expect("the rules compile")
}

fn options(threads: usize) -> ReplayOptions {
    ReplayOptions {
        threads: NonZeroUsize::new(threads).expect("some thread"),
        ..ReplayOptions::default()
    }
}

fn ingest(corpus: &Path, files: &[PathBuf], options: IngestOptions) -> IngestReport {
    let writer = Folder::new(corpus).write().expect("nobody else writes");
    let mut ingest = Ingest::new(writer, options);
    ingest.read(files).expect("the disk takes it");
    ingest.finish().expect("the disk takes it")
}

/// Lines of generated traffic, dealt into files so that most traces are in several.
fn dealt(folder: &Path, traces: u64, count: usize) -> Vec<PathBuf> {
    let names: Vec<PathBuf> = (0..count).map(|at| folder.join(format!("{at}.jsonl"))).collect();
    let mut files: Vec<Vec<u8>> = vec![Vec::new(); count];
    let mut number = 0_usize;
    lines(&Workload::new(traces, 6, 7), &mut |line| {
        number += 1;
        files[number * 31 / 7 % count].extend_from_slice(line);
        Ok(())
    })
    .expect("memory takes every line");
    for (name, text) in names.iter().zip(files) {
        fs::write(name, text).expect("the folder takes files");
    }
    names
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("there is room for files")
}

#[test]
fn a_corpus_of_many_ingests_gives_what_the_files_give() {
    let folder = folder();
    let files = dealt(folder.path(), 1500, 3);
    let program = program();
    let expected = of_files(&program, &files, &options(1));
    assert!(expected.1.len() > 10, "{} signals", expected.1.len());
    let small = SegmentSize { traces: 200, rows: 1 << 20 };
    // At once, file by file, and in batches of what little memory holds.
    let at_once = folder.path().join("at-once");
    ingest(&at_once, &files, IngestOptions { segments: small, ..IngestOptions::default() });
    let by_file = folder.path().join("by-file");
    for file in &files {
        let options = IngestOptions { segments: small, ..IngestOptions::default() };
        ingest(&by_file, std::slice::from_ref(file), options);
    }
    let batches = folder.path().join("batches");
    let tight = IngestOptions {
        threads: NonZeroUsize::new(2).expect("two threads"),
        memory: 1 << 20,
        ..IngestOptions::default()
    };
    let report = ingest(&batches, &files, tight);
    assert!(report.segments > 3, "{} segments", report.segments);
    assert!(report.splits > 100, "{} traces in several segments", report.splits);
    for corpus in [at_once, by_file, batches] {
        for threads in [1, 4] {
            let answer = of_corpus(&program, &corpus, &options(threads));
            assert_same(&answer, &expected, &corpus.display().to_string());
        }
        let writer = Folder::new(&corpus).write().expect("nobody else writes");
        let done = writer.compact(1 << 30).expect("the disk takes it");
        assert!(done.segments < done.segments_before && done.swept, "{done:?}");
        let answer = of_corpus(&program, &corpus, &options(2));
        assert_same(&answer, &expected, &format!("{}, compacted", corpus.display()));
    }
}

#[test]
fn a_generated_corpus_holds_what_the_lines_hold() {
    let folder = folder();
    let workload = Workload::new(1500, 6, 7);
    let files = dealt(folder.path(), 1500, 1);
    let (ingested, generated) = (folder.path().join("ingested"), folder.path().join("generated"));
    ingest(&ingested, &files, IngestOptions::default());
    let writer = Folder::new(&generated).write().expect("nobody else writes");
    let truth = generate_corpus(writer, &workload, &AtomicU64::new(0)).expect("the disk takes it");
    let program = program();
    let [lines, spans] =
        [ingested, generated].map(|corpus| of_corpus(&program, &corpus, &options(2)));
    assert_eq!((spans.0.rules, spans.1), (lines.0.rules, lines.1));
    let done = spans.0.completeness;
    assert_eq!((done.traces, done.spans), (truth.traces, truth.spans));
}

#[test]
fn a_corpus_says_what_rules_will_touch_and_when_operations_were_last_seen() {
    let folder = folder();
    let files = dealt(folder.path(), 5000, 1);
    let path = folder.path().join("corpus");
    ingest(&path, &files, IngestOptions::default());
    let corpus = Corpus::open(&path).expect("it was written");
    let compile = |text: &str| {
        let rules = RuleSet::from_text("rules.yaml", &format!("rules: [{text}]"));
        assert_eq!(rules.errors(), 0, "{}", rules.render(false));
        Program::compile(&rules, &CompileOptions::default()).expect("the rules compile")
    };
    let touched = |text: &str| {
        let outlook = corpus.outlook(&compile(text)).expect("nothing is damaged");
        assert!(outlook.columns.values().sum::<u64>() < outlook.bytes / 10, "{outlook:?}");
        let [segment] = &outlook.segments[..] else { panic!("one segment") };
        assert_eq!(segment.bytes, outlook.columns.values().sum::<u64>(), "{outlook:?}");
        (segment.passed_over, outlook.columns.into_keys().collect::<Vec<_>>().join(", "))
    };
    let rule = |condition: &str| format!("{{id: r, severity: low, violation: '{condition}'}}");
    let presence = "payment.charge: presence";
    assert_eq!(touched(&rule("trace.has(payment.charge)")), (None, presence.to_owned()));
    let (passed_over, columns) = touched(&rule("trace:duration > 5s"));
    assert_eq!((passed_over, &*columns), (None, "traces: end, traces: start"));
    let (_, rare) = touched(&rule("trace.has(order.cancel)"));
    assert!(rare.is_empty() || rare.ends_with(": trace"), "{rare}");
    let (_, columns) = touched(&rule("trace.has(payment.charge).where(attempt > 1)"));
    for column in [presence, "payment.charge: attribute attempt", "payment.charge: trace"] {
        assert!(columns.contains(column), "{columns}");
    }
    let nothing = |why| (Some(why), String::new());
    assert_eq!(touched(&rule("trace.has(payment.chrge)")), nothing(PassedOver::Operations));
    for beyond in
        ["attempt > 1000", "attempt == 1000 or attempt < 0", "attempt > 1 and duration < 0"]
    {
        let beyond = format!("trace.has(payment.charge).where({beyond})");
        assert_eq!(touched(&rule(&beyond)), nothing(PassedOver::Bounds), "{beyond}");
    }

    let program = compile(&rule("trace.has(payment.chrge) and trace.has(payment.charge)"));
    let rule = &program.module().rules[0];
    let sightings = corpus.sightings(&program, rule).expect("nothing is damaged");
    let names: Vec<&str> = sightings.iter().map(|seen| &*seen.operation).collect();
    assert_eq!(names, ["payment.chrge", "payment.charge"]);
    assert_eq!(sightings[0].last, None);
    assert_eq!(sightings[0].nearest[0], "payment.charge");
    let last = of_corpus(&program, &path, &options(1)).0.last;
    assert!(sightings[1].last > Some(0) && sightings[1].last <= last);
}

#[test]
fn a_range_of_days_is_judged_as_in_files() {
    let folder = folder();
    let files = dealt(folder.path(), 800, 2);
    let corpus = folder.path().join("corpus");
    for file in &files {
        let segments = SegmentSize { traces: 100, rows: 1 << 20 };
        let options = IngestOptions { segments, ..IngestOptions::default() };
        ingest(&corpus, std::slice::from_ref(file), options);
    }
    let program = program();
    for (from, to) in
        [("Day2", "Day3"), ("Day6", "Day9"), ("-1d", "Day30"), ("2024-10-28", "2024-10-28")]
    {
        let options = ReplayOptions {
            from: Some(from.parse().expect("a time")),
            to: Some(to.parse().expect("a time")),
            ..options(2)
        };
        let expected = of_files(&program, &files, &options);
        assert_same(&of_corpus(&program, &corpus, &options), &expected, from);
    }
}

#[test]
fn traces_that_start_at_once_come_by_their_ids_whichever_segments_they_lie_in() {
    let folder = folder();
    let corpus = folder.path().join("corpus");
    let mut files = Vec::new();
    // The second begins when the first ends, with a trace that comes between two of that time.
    for (name, traces) in [
        ("first", &[(9, 1_000), (1, 2_000), (5, 2_000)][..]),
        ("second", &[(3, 2_000), (2, 3_000)]),
    ] {
        let spans = traces.iter().map(|(id, start)| {
            format!(
                r#"{{"traceId":"{id:032x}","spanId":"{id:016x}","name":"a","startTimeUnixNano":"{start}","endTimeUnixNano":"{start}"}}"#
            )
        });
        let spans = spans.collect::<Vec<_>>().join(",");
        let file = folder.path().join(format!("{name}.jsonl"));
        let line = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#);
        fs::write(&file, line).expect("the folder takes files");
        ingest(&corpus, std::slice::from_ref(&file), IngestOptions::default());
        files.push(file);
    }
    let rule = "rules: [{id: r, severity: low, violation: trace.has(a)}]";
    let rules = RuleSet::from_text("rules.yaml", rule);
    let program = Program::compile(&rules, &CompileOptions::default()).expect("the rule compiles");
    let expected = of_files(&program, &files, &options(1));
    let ids = expected.1.iter().map(|signal| signal.trace_id.trim_start_matches('0'));
    assert!(ids.eq(["9", "1", "3", "5", "2"]), "{:?}", expected.1);
    for threads in [1, 2] {
        let found = of_corpus(&program, &corpus, &options(threads));
        assert_same(&found, &expected, &format!("{threads} threads"));
    }
}

#[test]
fn what_is_known_is_not_read_again_whatever_its_name_and_compression() {
    let folder = folder();
    let files = dealt(folder.path(), 300, 2);
    let corpus = folder.path().join("corpus");
    let first = ingest(&corpus, &files, IngestOptions::default());
    assert_eq!((first.known, first.resumed, first.segments), (0, 0, 1));
    let generation = |path: &Path| fs::read(path.join("MANIFEST")).expect("there is a manifest");
    let before = generation(&corpus);
    let again = folder.path().join("other.json.gz");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&fs::read(&files[1]).expect("it was written")).expect("memory takes it");
    fs::write(&again, encoder.finish().expect("memory takes it")).expect("the folder takes files");
    let known = ingest(&corpus, &[again, files[0].clone()], IngestOptions::default());
    assert_eq!((known.known, known.spans, known.segments), (2, 0, 0));
    assert_eq!(generation(&corpus), before, "nothing was committed");
}

#[test]
fn a_file_that_grew_is_read_on_and_an_unfinished_line_counts_once_it_is_whole() {
    let folder = folder();
    let files = dealt(folder.path(), 300, 1);
    let program = program();
    let whole = fs::read(&files[0]).expect("it was written");
    let corpus = folder.path().join("corpus");
    let grown = folder.path().join("grown.jsonl");
    let mut ends: Vec<usize> = (1..6).map(|part| whole.len() * part / 6).collect();
    ends.push(whole.len());
    for (at, end) in ends.into_iter().enumerate() {
        fs::write(&grown, &whole[..end]).expect("the folder takes files");
        let report = ingest(&corpus, std::slice::from_ref(&grown), IngestOptions::default());
        assert_eq!((report.known, report.resumed), (0, u64::from(at > 0)));
        let answer = of_corpus(&program, &corpus, &options(1));
        let expected = of_files(&program, std::slice::from_ref(&grown), &options(1));
        assert_eq!(answer.0.rules, expected.0.rules, "{end} bytes");
        assert_eq!(answer.1, expected.1, "{end} bytes");
        let malformed = |answer: &Answer| answer.0.completeness.malformed.clone();
        assert_eq!(malformed(&answer), malformed(&expected), "{end} bytes");
        let known = ingest(&corpus, std::slice::from_ref(&grown), IngestOptions::default());
        assert_eq!((known.known, known.spans), (1, 0), "{end} bytes");
    }
}

#[test]
fn what_cannot_be_read_of_inputs_stays_in_the_statement() {
    let folder = folder();
    let file = folder.path().join("a.jsonl");
    let broken = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"x","spanId":"1","name":"a","startTimeUnixNano":"1"}]}]}]}"#;
    fs::write(&file, format!("{broken}\nnonsense\n{broken}")).expect("the folder takes files");
    let missing = folder.path().join("missing.jsonl");
    // Rights say nothing to who may do everything.
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).expect("the folder takes folders");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).expect("it is the test's");
    let named = [file, missing, closed.clone()];
    let corpus = folder.path().join("corpus");
    ingest(&corpus, &named, IngestOptions::default());
    let program = program();
    let answer = of_corpus(&program, &corpus, &options(1));
    assert_same(&answer, &of_files(&program, &named, &options(1)), "a.jsonl");
    let done = answer.0.completeness;
    assert!(done.malformed.len() > 1);
    let said: Vec<&str> = done.unread.iter().map(|note| &*note.input).collect();
    let paths = [&closed, &named[1]].map(|path| path.display().to_string());
    assert_eq!((done.unread_count, said), (2, paths.iter().map(|path| &**path).collect()));
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).expect("it is the test's");
    fs::write(closed.join("b.jsonl"), "").expect("the folder takes files");
    ingest(&corpus, std::slice::from_ref(&closed), IngestOptions::default());
    let unread = of_corpus(&program, &corpus, &options(1)).0.completeness.unread;
    assert!(unread.len() == 1 && unread[0].input.ends_with("missing.jsonl"), "{unread:?}");
}

#[test]
fn a_damaged_end_is_said_though_all_before_it_is_known_and_forgotten_once_it_is_mended() {
    let folder = folder();
    let files = dealt(folder.path(), 100, 2);
    let packed = |text: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    };
    let text = fs::read(&files[0]).expect("it was written");
    let sound = packed(&text);
    let [empty, bare, cut] =
        ["empty.jsonl", "bare.gz", "cut.gz"].map(|name| folder.path().join(name));
    let corpus = folder.path().join("corpus");
    let program = program();
    let mut all = Vec::new();
    let mut expect_same = |path: &PathBuf, bytes: &[u8]| {
        fs::write(path, bytes).expect("the folder takes files");
        if !all.contains(path) {
            all.push(path.clone());
        }
        for _ in 0..2 {
            ingest(&corpus, std::slice::from_ref(path), IngestOptions::default());
            let found = of_corpus(&program, &corpus, &options(1));
            let expected = of_files(&program, &all, &options(1));
            let malformed = |answer: &Answer| answer.0.completeness.malformed.clone();
            assert_eq!(malformed(&found), malformed(&expected), "{}", path.display());
            assert_eq!((&found.0.rules, found.1), (&expected.0.rules, expected.1));
        }
    };
    expect_same(&empty, b"");
    expect_same(&bare, &sound[..9]);
    expect_same(&files[0], &text);
    expect_same(&cut, &sound[..sound.len() - 1]);
    expect_same(&files[0], &text);
    expect_same(&bare, &packed(&fs::read(&files[1]).expect("it was written")));
    expect_same(&cut, &sound);
}

#[test]
fn a_folder_has_one_writer_and_only_a_corpus_is_written_to() {
    let folder = folder();
    let corpus = folder.path().join("corpus");
    let missing = Corpus::open(&corpus).expect_err("nothing is there");
    assert!(matches!(missing, CorpusError::Missing(_)), "{missing}");
    let writer = Folder::new(&corpus).write().expect("nobody else writes");
    let busy = Folder::new(&corpus).write().expect_err("one writes");
    let holder = format!("process {}", std::process::id());
    assert!(busy.to_string().contains(&holder), "{busy}");
    assert!(Corpus::open(&corpus).is_ok(), "reading is free");
    drop(writer);
    assert!(Folder::new(&corpus).write().is_ok());
    fs::write(folder.path().join("notes.txt"), "mine").expect("the folder takes files");
    let foreign = Folder::new(folder.path()).write().expect_err("it is somebody's");
    assert!(matches!(foreign, CorpusError::Foreign(_)), "{foreign}");
}

#[test]
fn a_torn_manifest_gives_way_to_the_one_before() {
    let folder = folder();
    let files = dealt(folder.path(), 200, 2);
    let corpus = folder.path().join("corpus");
    let program = program();
    ingest(&corpus, &files[..1], IngestOptions::default());
    let before = of_corpus(&program, &corpus, &options(1));
    ingest(&corpus, &files[1..], IngestOptions::default());
    let after = of_corpus(&program, &corpus, &options(1));
    assert_ne!(before.0.completeness.spans, after.0.completeness.spans);
    let manifest = corpus.join("MANIFEST");
    let text = fs::read(&manifest).expect("it was committed");
    for at in (0..text.len()).step_by(97) {
        let mut torn = text.clone();
        torn[at] ^= 0x10;
        fs::write(&manifest, &torn).expect("it may be written");
        let answer = of_corpus(&program, &corpus, &options(1));
        assert_same(&answer, &before, "the one before");
        assert!(answer.0.completeness.has_lost(), "what is missing is said");
        let refused = Folder::new(&corpus).write().expect_err("nothing is lost without a word");
        assert!(matches!(refused, CorpusError::Damaged { .. }), "{refused}");
    }
    // It is for people to decide to go on from there.
    fs::remove_file(&manifest).expect("it may be removed");
    ingest(&corpus, &files[1..], IngestOptions::default());
    assert_same(&of_corpus(&program, &corpus, &options(1)), &after, "ingested again");
}
