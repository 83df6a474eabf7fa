//! `betrace ingest`: trace files into a corpus.

use std::ffi::OsString;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use corpora::source::walk;
use serde::Serialize;

use super::args::{Common, IngestArgs, Shape};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::progress::{Progress, Unit};
use super::settings::{Flags, Setting, Settings};
use super::table::{bytes, defects, plural};
use crate::{Completeness, CorpusError, Folder, Ingest, IngestOptions, IngestReport};

/// Ingests, prints what was read, and says how it ended.
pub fn run(common: &Common, args: &IngestArgs, console: &mut Console) -> Result<Exit, Failure> {
    let flags = Flags {
        inputs: &args.inputs,
        corpus: args.corpus.as_ref(),
        threads: args.threads.as_deref(),
        memory: args.memory.as_deref(),
        max_document: args.max_document.as_deref(),
        ..Flags::default()
    };
    let settings = Settings::load(common, &flags)?;
    let folder = folder(&settings.corpus)?;
    if settings.inputs.value.is_empty() {
        return Err(Failure::usage(
            "no traces are named; give a file, a folder, a glob or `-` for standard input, \
             or `inputs:` in betrace.yaml",
        ));
    }
    let started = Instant::now();
    let inputs = walk(&settings.inputs.value);
    let progress = Arc::<AtomicU64>::default();
    let options = IngestOptions {
        threads: settings.threads.value,
        memory: settings.memory.value,
        max_document: usize::try_from(settings.max_document.value).unwrap_or(usize::MAX),
        progress: Arc::clone(&progress),
        ..IngestOptions::default()
    };
    let mut ingest = Ingest::new(folder.write()?, options);
    let report = {
        let _bar = Progress::start(console, Unit::Bytes, inputs.total_bytes(), progress);
        ingest.read_found(inputs)?;
        ingest.finish()?
    };
    let seconds = started.elapsed().as_secs_f64();
    match args.format {
        Shape::Table => table(&report, seconds, &mut console.out)?,
        Shape::Json => {
            serde_json::to_writer(&mut console.out, &Json::of(&report, seconds))
                .map_err(std::io::Error::from)?;
            writeln!(console.out)?;
        }
    }
    Ok(exit(&completeness(&report)))
}

/// The folder of the corpus.
///
/// # Errors
/// Where none is named, or several.
pub fn folder(corpus: &Setting<Vec<OsString>>) -> Result<Folder, Failure> {
    match &corpus.value[..] {
        [one] => Ok(Folder::new(one)),
        _ => Err(Failure::usage(
            "no corpus is named, or more than one; give --corpus DIR, or `corpus:` in betrace.yaml",
        )),
    }
}

impl From<CorpusError> for Failure {
    fn from(error: CorpusError) -> Self {
        let exit = match &error {
            CorpusError::Missing(_)
            | CorpusError::Foreign(_)
            | CorpusError::Unusable { .. }
            | CorpusError::Busy { .. } => Exit::Usage,
            CorpusError::Memory { .. } => Exit::Limit,
            CorpusError::Io { .. } | CorpusError::Damaged { .. } | CorpusError::Newer { .. } => {
                Exit::Unread
            }
        };
        let mend = match error.is_lost_segment() {
            true => {
                "; put the file back from a copy of the corpus, or go on without it by `betrace \
                 corpus verify --drop`"
            }
            false => "",
        };
        Self { exit, message: format!("{error}{mend}") }
    }
}

fn table(report: &IngestReport, seconds: f64, out: &mut impl Write) -> std::io::Result<()> {
    let read = &report.statement;
    writeln!(
        out,
        "Read {} from {} of {}, {}, in {seconds:.2} s.",
        plural(report.spans, "span"),
        plural(read.documents, "document"),
        plural(read.files, "file"),
        bytes(read.bytes),
    )?;
    writeln!(out, "Wrote {}, {}.", plural(report.segments, "segment"), bytes(report.written))?;
    if report.known > 0 {
        writeln!(out, "Of {} everything was in the corpus already", plural(report.known, "file"))?;
    }
    if report.resumed > 0 {
        writeln!(out, "Of {} what was new was read", plural(report.resumed, "file"))?;
    }
    if report.splits > 0 {
        writeln!(
            out,
            "The spans of {} are in several segments; `betrace corpus compact` puts them together",
            plural(report.splits, "trace")
        )?;
    }
    defects(&completeness(report)).iter().try_for_each(|line| writeln!(out, "{line}"))
}

#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    spans: u64,
    duplicates: u64,
    segments: u64,
    written: u64,
    known: u64,
    resumed: u64,
    splits: u64,
    read: &'a corpora::statement::Statement,
    seconds: f64,
}

impl<'a> Json<'a> {
    fn of(report: &'a IngestReport, seconds: f64) -> Self {
        Self {
            schema: "betrace.ingest/1",
            spans: report.spans,
            duplicates: report.duplicates,
            segments: report.segments,
            written: report.written,
            known: report.known,
            resumed: report.resumed,
            splits: report.splits,
            read: &report.statement,
            seconds,
        }
    }
}

/// What was read and what not, in the words of a replay.
fn completeness(report: &IngestReport) -> Completeness {
    Completeness {
        spans: report.spans,
        duplicates: report.duplicates,
        ..Completeness::of(report.statement.clone())
    }
}

/// Nothing new in files that are known is nothing wrong.
fn exit(done: &Completeness) -> Exit {
    if done.has_refused() {
        Exit::Limit
    } else if done.unread_count > 0 || !done.malformed.is_empty() {
        Exit::Unread
    } else {
        Exit::Clean
    }
}
