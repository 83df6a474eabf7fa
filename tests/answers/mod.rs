//! What files and corpora answer to the same rules, and whether that is the same.

use std::path::{Path, PathBuf};

use betrace::{Completeness, Corpus, Program, Replay, ReplayOptions, Report, Signal};

/// What a replay says, without what depends on time or on how bytes arrived.
pub type Answer = (Report, Vec<Signal>);

/// The answer of files; each can be read, and the options mean something.
pub fn of_files(program: &Program, files: &[PathBuf], options: &ReplayOptions) -> Answer {
    let mut replay = Replay::new(program, options.clone());
    replay.read(files).expect("memory holds the spans");
    let mut signals = Vec::new();
    let report = replay.finish(&mut |signal| {
        signals.push(signal);
        Ok(())
    });
    (report.expect("the range means something"), signals)
}

/// The answer of a corpus that is whole.
pub fn of_corpus(program: &Program, corpus: &Path, options: &ReplayOptions) -> Answer {
    let mut signals = Vec::new();
    let corpus = Corpus::open(corpus).expect("it was written");
    let report = corpus.replay(program, options, &mut |signal| {
        signals.push(signal);
        Ok(())
    });
    (report.expect("nothing is damaged"), signals)
}

/// Fails at the first rule or signal that differs.
pub fn assert_same(found: &Answer, expected: &Answer, what: &str) {
    let counts = |done: &Completeness| {
        let Completeness { spans, traces, duplicates, rootless, clock_defects, .. } = *done;
        (spans, traces, duplicates, rootless, clock_defects, done.malformed.clone())
    };
    assert_eq!(counts(&found.0.completeness), counts(&expected.0.completeness), "{what}");
    assert_eq!((found.0.first, found.0.last), (expected.0.first, expected.0.last), "{what}");
    for (found, expected) in found.0.rules.iter().zip(&expected.0.rules) {
        assert_eq!(found, expected, "{what}");
    }
    for (found, expected) in found.1.iter().zip(&expected.1) {
        assert_eq!(found, expected, "{what}");
    }
    let sizes = |answer: &Answer| (answer.0.rules.len(), answer.1.len());
    assert_eq!(sizes(found), sizes(expected), "{what}");
}
