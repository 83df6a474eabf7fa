//! What files, folders, patterns and odd things are found, and that several workers see the same.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use betrace_corpora::source::{Options, Walk, Why, run, walk};
use tempfile::TempDir;

use crate::Owned;

fn folder(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{{\"file\":\"{file}\"}}\n")).unwrap();
    }
    folder
}

fn names(walk: &Walk, folder: &Path) -> Vec<String> {
    let prefix = format!("{}/", folder.display());
    walk.inputs.iter().map(|input| input.name.replace(&prefix, "")).collect()
}

fn reasons(walk: &Walk, folder: &Path) -> Vec<(String, Why)> {
    let prefix = format!("{}/", folder.display());
    let notes = [&walk.report.skipped, &walk.report.unread];
    notes
        .iter()
        .flat_map(|notes| notes.first())
        .map(|note| (note.input.replace(&prefix, ""), note.why.clone()))
        .collect()
}

#[test]
fn a_folder_gives_its_trace_files_sorted_and_says_what_it_skips() {
    let files = [
        "b.jsonl",
        "a.json",
        "c/d.NDJSON",
        "c/e.json.gz",
        "c/f.jsonl.zst",
        "c/g.ndjson.zstd",
        "readme.txt",
        "c/h.json.bak",
        ".truth.json",
        ".git/x.json",
    ];
    let folder = folder(&files);
    let walk = walk([folder.path()]);
    let expected =
        ["a.json", "b.jsonl", "c/d.NDJSON", "c/e.json.gz", "c/f.jsonl.zst", "c/g.ndjson.zstd"];
    assert_eq!(names(&walk, folder.path()), expected);
    assert_eq!(
        reasons(&walk, folder.path()),
        [
            (".git".into(), Why::Hidden),
            (".truth.json".into(), Why::Hidden),
            ("c/h.json.bak".into(), Why::OtherName),
            ("readme.txt".into(), Why::OtherName),
        ]
    );
    assert_eq!(walk.total_bytes(), Some(walk.inputs.iter().map(|i| i.bytes.unwrap()).sum()));
}

#[test]
fn files_named_and_patterns_are_read_whatever_their_name_and_once() {
    let folder = folder(&["a.txt", "b.json", ".hidden", "odd[1].json", "sub/c.json"]);
    let at = |name: &str| folder.path().join(name);
    let walk = walk([
        at("a.txt"),
        at(".hidden"),
        at("odd[1].json"),
        at("*.json"),
        at("a.txt"),
        at("**/c.json"),
        at("*.none"),
        at("none.json"),
        at("a***b"),
        "-".into(),
        "-".into(),
    ]);
    assert_eq!(
        names(&walk, folder.path()),
        ["a.txt", ".hidden", "odd[1].json", "b.json", "sub/c.json", "-"]
    );
    let shown = |name: &str| at(name).display().to_string().into();
    let reasons = reasons(&walk, folder.path());
    assert_eq!(
        reasons[..3],
        [
            ("odd[1].json".into(), Why::Repeated(shown("odd[1].json"))),
            ("a.txt".into(), Why::Repeated(shown("a.txt"))),
            ("-".into(), Why::Repeated("-".into())),
        ]
    );
    assert_eq!(reasons[3], ("*.none".into(), Why::NoMatch));
    assert!(matches!(&reasons[4], (name, Why::System(_)) if name == "none.json"));
    assert!(matches!(&reasons[5], (name, Why::BadPattern(_)) if name == "a***b"));
    assert_eq!(walk.total_bytes(), None);
}

#[test]
fn what_stands_for_no_trace_file_is_unread() {
    let folder = folder(&["notes/a.txt", "notes/.b.json", "deep/er/c.md", "full/d.json"]);
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("bare")).unwrap();
    symlink("../bare", at("bare/up")).unwrap();
    let walk = walk([at("bare"), at("notes"), at("dee*"), at("f*/"), at("full"), at("*")]);
    assert_eq!(names(&walk, folder.path()), ["full/d.json"]);
    let unread = walk.report.unread.first().iter();
    let unread: Vec<_> = unread.map(|note| (note.input.as_ref(), note.why.to_string())).collect();
    let named = ["bare", "notes", "dee*"].map(|name| at(name).display().to_string());
    let expected = named.each_ref().map(|name| (name.as_str(), "no trace file in it".to_owned()));
    assert_eq!(unread, expected);
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting() {
    let folder = folder(&["a.json"]);
    let fifo = folder.path().join("fifo.json");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    symlink("nowhere", folder.path().join("dangling.json")).unwrap();
    let walk = walk([folder.path(), &fifo, Path::new("/dev/zero")]);
    assert_eq!(names(&walk, folder.path()), ["a.json"]);
    let reasons = reasons(&walk, folder.path());
    assert!(matches!(&reasons[0], (name, Why::System(_)) if name == "dangling.json"));
    assert_eq!(
        reasons[1..],
        [
            ("fifo.json".into(), Why::NotRegular("a FIFO")),
            ("socket".into(), Why::NotRegular("a socket")),
            ("fifo.json".into(), Why::NotRegular("a FIFO")),
            ("/dev/zero".into(), Why::NotRegular("a device")),
        ]
    );
}

#[test]
fn links_are_followed_but_not_for_ever() {
    let folder = folder(&["a/one.json"]);
    symlink(folder.path(), folder.path().join("a/up")).unwrap();
    symlink("one.json", folder.path().join("a/same.json")).unwrap();
    for level in 0..30 {
        let here = folder.path().join(format!("deep{level}"));
        fs::create_dir(&here).unwrap();
        let below = format!("../deep{}", level + 1);
        symlink(&below, here.join("left")).unwrap();
        symlink(&below, here.join("right")).unwrap();
    }
    fs::create_dir(folder.path().join("deep30")).unwrap();
    let walk = walk([folder.path()]);
    assert_eq!(names(&walk, folder.path()), ["a/one.json"]);
    assert!(reasons(&walk, folder.path()).contains(&("a/up".into(), Why::Loop)));
}

#[test]
fn names_need_not_be_text() {
    let folder = folder(&[]);
    let name = OsStr::from_bytes(b"\xff\xfe.json");
    if fs::write(folder.path().join(name), "{}\n").is_err() {
        println!("skipped: the file system takes only UTF-8 names");
        return;
    }
    for named in ["", "*.json", "**/*.json"] {
        let (chunks, report) = read(&walk([folder.path().join(named)]), 1);
        assert_eq!((chunks.len(), report.unread.count()), (1, 0), "{named}");
    }
}

#[test]
fn patterns_go_through_folders_and_links_in_order_and_not_in_circles() {
    let folder = folder(&["a/x.json", "a/b/x.json", "c/x.json", ".h/x.json", "x.json", "d"]);
    let at = |name: &str| folder.path().join(name);
    symlink("..", at("a/up")).unwrap();
    symlink("../../c", at("a/b/c")).unwrap();
    let found = |pattern: &str| names(&walk([at(pattern)]), folder.path());
    assert_eq!(found("**/x.json"), ["x.json", "a/x.json", "a/b/x.json", "a/b/c/x.json"]);
    assert_eq!(found("**/**/b/**/x.json"), ["a/b/x.json", "a/b/c/x.json"]);
    assert_eq!(found("*/x.json"), ["a/x.json", "c/x.json"]);
    assert_eq!(found("[a-c]/b//?.json"), ["a/b/x.json"]);
    assert_eq!(found(".*/x.json"), [".h/x.json"]);
    assert_eq!(found("c/**"), ["c/x.json"]);
    assert_eq!(found("[cd]/"), ["c/x.json"]);
    assert!(found("d/*").is_empty() && found("*/*/*/none").is_empty());
}

#[test]
fn a_file_that_vanishes_is_unread() {
    let folder = folder(&["a.json", "b.json"]);
    let walk = walk([folder.path()]);
    fs::remove_file(folder.path().join("a.json")).unwrap();
    let (chunks, report) = read(&walk, 1);
    assert_eq!((chunks.len(), report.files, report.unread.count()), (1, 1, 1));
}

type Chunks = Vec<(usize, Owned)>;

fn read(walk: &Walk, workers: usize) -> (Chunks, betrace_corpora::source::SourceReport) {
    let options = Options { block_bytes: 512, read_bytes: 300, ..Options::default() };
    let mut found = vec![Vec::new(); workers];
    let (report, outcome) = run(&walk.inputs, &options, &mut found, |found, block| {
        found.extend(block.chunks().map(|chunk| (block.order, Owned::from(chunk))));
        Ok::<(), ()>(())
    });
    outcome.unwrap();
    assert_eq!(options.progress.load(std::sync::atomic::Ordering::Relaxed), report.bytes);
    (found.into_iter().flatten().collect(), report)
}

#[test]
fn any_number_of_workers_sees_the_same() {
    let folder = folder(&[]);
    for file in 0..40 {
        let lines = if file == 7 { 20_000 } else { file * 3 };
        let mut text: String = (0..lines).map(|n| format!("{{\"n\":{n}}}\n")).collect();
        text.push_str("{\n \"pretty\": 1\n}{\"cut\":");
        let mut bytes = text.into_bytes();
        if file % 3 == 0 {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            encoder.write_all(&bytes).unwrap();
            bytes = encoder.finish().unwrap();
            bytes.truncate(bytes.len() - 3);
        }
        fs::write(folder.path().join(format!("{file:02}.json")), bytes).unwrap();
    }
    let walk = walk([folder.path()]);
    let (one, report) = read(&walk, 1);
    assert!(one.is_sorted_by_key(|(order, chunk)| (*order, chunk.offset)));
    assert_eq!((report.files, report.truncated.count()), (40, 14));
    for workers in [2, 3, 8] {
        let (mut several, other) = read(&walk, workers);
        several.sort();
        let mut sorted = one.clone();
        sorted.sort();
        assert!(several == sorted, "{workers} workers saw other chunks");
        assert_eq!(other, report);
    }
}

#[test]
fn an_error_stops_all_workers() {
    let folder = folder(&[]);
    for file in 0..4 {
        fs::write(folder.path().join(format!("{file}.json")), "{\"a\":1}\n".repeat(50_000))
            .unwrap();
    }
    let walk = walk([folder.path()]);
    for workers in [1, 4] {
        let options = Options { block_bytes: 64, read_bytes: 64, ..Options::default() };
        let mut seen = vec![0_u64; workers];
        let (report, stopped) = run(&walk.inputs, &options, &mut seen, |seen, _| {
            *seen += 1;
            if *seen == 10 { Err("enough") } else { Ok(()) }
        });
        assert_eq!(stopped.unwrap_err(), "enough");
        assert!(seen.contains(&10) && seen.iter().all(|seen| *seen <= 10), "{seen:?}");
        let read = options.progress.load(std::sync::atomic::Ordering::Relaxed);
        assert!((640..40_000).contains(&read), "{read} bytes were read until the error");
        assert_eq!((report.bytes, report.unread.count()), (read, 4));
        assert!(report.unread.first().iter().all(|note| note.why == Why::Stopped));
        assert!(report.files as usize <= workers, "{} files for {workers}", report.files);
    }
}

#[test]
fn an_error_at_the_very_end_leaves_nothing_unread() {
    let folder = folder(&["a.json"]);
    let walk = walk([folder.path()]);
    let (report, stopped) = run(&walk.inputs, &Options::default(), &mut [()], |(), _| Err("late"));
    assert_eq!(stopped, Err("late"));
    assert_eq!((report.files, report.unread.count()), (1, 0));
}

#[test]
fn without_a_worker_nothing_is_read() {
    let folder = folder(&["a.json"]);
    let walk = walk([folder.path()]);
    let mut workers: [(); 0] = [];
    let (report, outcome) =
        run(&walk.inputs, &Options::default(), &mut workers, |(), _| Ok::<(), ()>(()));
    assert_eq!((outcome, report.files, report.unread.count()), (Ok(()), 0, 1));
}
