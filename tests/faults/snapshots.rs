//! Readers while other processes write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::{Answer, answer, betrace, ingest, ingesting, inputs, program, times};

/// How many files are ingested one after another.
const FILES: u32 = 6;

#[test]
fn a_reader_sees_one_commit_while_others_ingest_and_compact() {
    let folder = tempfile::tempdir().expect("there is room");
    let program = program();
    let files = inputs(folder.path(), 150, times("BETRACE_COMMITS", FILES) as usize);
    // What each commit leaves.
    let alone = folder.path().join("alone");
    let commits: Vec<Answer> = files
        .iter()
        .map(|file| {
            ingest(&alone, file).expect("there is room");
            answer(&program, &alone).expect("it was written")
        })
        .collect();
    let corpus = folder.path().join("corpus");
    ingest(&corpus, &files[0]).expect("there is room");
    let done = AtomicBool::new(false);
    let (mut seen, mut last) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for file in &files[1..] {
                let status = ingesting(&mut betrace(), &corpus, file).status();
                assert!(status.expect("it starts").success());
                // What a replay says stays the same, while all files become others.
                let mut compact = betrace();
                compact.args(["corpus", "compact", "--corpus"]).arg(&corpus);
                let output = compact.current_dir(folder.path()).output().expect("it starts");
                assert!(output.status.success(), "{output:?}");
            }
            done.store(true, Ordering::SeqCst);
        });
        loop {
            let is_last = done.load(Ordering::SeqCst);
            let answer = answer(&program, &corpus).expect("a reader is never refused");
            let commit = commits.iter().position(|commit| *commit == answer);
            let commit = commit.unwrap_or_else(|| panic!("of no commit: {:?}", answer.counts));
            assert!(commit >= last, "commit {commit} after {last}");
            (seen, last) = (seen + 1, commit);
            if is_last {
                break;
            }
        }
    });
    println!("{seen} answers were seen, each of a commit");
    assert_eq!(last + 1, commits.len());
}
