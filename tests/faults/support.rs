//! Corpora of a few inputs, and their answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use betrace::generate::{Workload, lines};
use betrace::{
    CompileOptions, Corpus, CorpusError, Folder, Ingest, IngestOptions, Program, ReplayOptions,
    RuleReport, RuleSet,
};

/// What a replay says that depends on what is in the corpus.
#[derive(Debug, PartialEq)]
pub struct Answer {
    /// One report a rule.
    pub rules: Vec<RuleReport>,
    /// Traces, spans, duplicates.
    pub counts: [u64; 3],
    /// How much could not be read.
    pub unread: u64,
}

/// The rules of the example.
pub fn program() -> Program {
    let rules = RuleSet::from_paths(["rules/omnicart.yaml"]).expect("the rules are there");
    Program::compile(&rules, &CompileOptions::default()).expect("the rules compile")
}

/// Deals the lines of a workload to files in turn: so most traces are in several of them.
pub fn inputs(folder: &Path, traces: u64, count: usize) -> Vec<PathBuf> {
    let mut texts = vec![Vec::new(); count];
    let mut number = 0;
    lines(&Workload::new(traces, 3, 7), &mut |line| {
        number += 1;
        texts[number % count].extend_from_slice(line);
        Ok(())
    })
    .expect("memory takes every line");
    let write = |(number, text): (usize, Vec<u8>)| {
        let path = folder.join(format!("{number}.jsonl"));
        fs::write(&path, text).expect("there is room");
        path
    };
    texts.into_iter().enumerate().map(write).collect()
}

/// Ingests by the library, in this process.
pub fn ingest(corpus: &Path, input: &Path) -> Result<(), CorpusError> {
    let mut ingest = Ingest::new(Folder::new(corpus).write()?, IngestOptions::default());
    ingest.read([input])?;
    ingest.finish().map(drop)
}

/// What a replay of the corpus says.
pub fn answer(program: &Program, corpus: &Path) -> Result<Answer, String> {
    let corpus = Corpus::open(corpus).map_err(|error| error.to_string())?;
    let report = corpus.replay(program, &ReplayOptions::default(), &mut |_| Ok(()));
    let report = report.map_err(|error| error.to_string())?;
    let done = report.completeness;
    let counts = [done.traces, done.spans, done.duplicates];
    Ok(Answer { rules: report.rules, counts, unread: done.unread_count })
}

/// The number of the last commit of a corpus, 0 if it cannot be read.
pub fn generation(corpus: &Path) -> u64 {
    Folder::new(corpus).read().map_or(0, |snapshot| snapshot.manifest.generation)
}

/// What is wrong with the files of a corpus.
pub fn verify(corpus: &Path) -> Vec<String> {
    let verified = Folder::new(corpus).read().and_then(|read| read.verify(1 << 30, &mut |_| ()));
    match verified {
        Ok(verified) => verified.problems.iter().map(|problem| format!("{problem:?}")).collect(),
        Err(error) => vec![format!("it cannot be verified: {error}")],
    }
}

/// Completes the program, or what runs it, to an ingest of `input`, `-` for standard input.
pub fn ingesting<'c>(command: &'c mut Command, corpus: &Path, input: &Path) -> &'c mut Command {
    command.args(["ingest", "--threads", "2", "--corpus"]).arg(corpus).arg(input);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // No file of settings is there.
    command.current_dir(corpus.parent().expect("it is a folder in a folder"))
}

/// The program.
pub fn betrace() -> Command {
    Command::new(env!("CARGO_BIN_EXE_betrace"))
}

/// How often to try: `short`, or what the environment says in `variable`.
pub fn times(variable: &str, short: u32) -> u32 {
    let asked = std::env::var(variable).ok();
    asked.map_or(short, |asked| asked.parse().expect("the variable is a number"))
}
