//! `betrace corpus`: what lies in a corpus, whether it is whole, and what looks after it.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use compiler::printable;
use serde::Serialize;

use super::args::{Common, CorpusArgs, CorpusVerb, Shape};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::progress::{Progress, Unit};
use super::settings::{Flags, Settings};
use super::table::{bytes, plural};
use super::{corpus_stat, export, ingest, json, verify};
use crate::{Compacted, Erased, Extent, Folder, Moment, Pruned, Snapshot};

/// Said where files of before are kept.
const KEPT: &str = "another process reads the corpus, so files of before stay on disk; the next \
                    command that writes to it removes them";

/// Runs one of the verbs, prints what it did, and says how it ended.
pub fn run(common: &Common, verb: &CorpusVerb, console: &mut Console) -> Result<Exit, Failure> {
    match verb {
        CorpusVerb::Stat(args) => stat(common, args, console),
        CorpusVerb::Verify { drop, corpus } => verify::run(common, *drop, corpus, console),
        CorpusVerb::Compact(args) => compact(common, args, console),
        CorpusVerb::Prune { before, all, tz, corpus } => {
            prune(common, (before, *all, tz.as_deref()), corpus, console)
        }
        CorpusVerb::Erase { subject, corpus } => erase(common, subject, corpus, console),
        CorpusVerb::Export { to, corpus, memory } => {
            let (folder, settings) = open(common, corpus.as_ref(), memory.as_deref(), None)?;
            export::run(&folder.read()?, settings.memory.value, to, console)
        }
    }
}

fn stat(common: &Common, args: &CorpusArgs, console: &mut Console) -> Result<Exit, Failure> {
    let (folder, settings) = opened(common, args)?;
    let snapshot = folder.read()?;
    let stat = {
        let (_bar, read) = progress(&snapshot, console);
        let progress = &mut |bytes| {
            read.fetch_add(bytes, Ordering::Relaxed);
        };
        snapshot.stat(settings.memory.value, progress)?
    };
    match args.format {
        Shape::Table => corpus_stat::table(&stat, &mut console.out)?,
        Shape::Json => corpus_stat::json(&stat, &mut console.out)?,
    }
    Ok(newest(&snapshot, console))
}

fn compact(common: &Common, args: &CorpusArgs, console: &mut Console) -> Result<Exit, Failure> {
    let (folder, settings) = opened(common, args)?;
    let done = folder.change()?.compact(settings.memory.value)?;
    let Compacted { segments_before, segments, bytes_before, bytes: size, healed, swept } = done;
    match args.format {
        Shape::Table => {
            writeln!(
                console.out,
                "{}, {}, became {}, {}.",
                plural(segments_before, "segment"),
                bytes(bytes_before),
                plural(segments, "segment"),
                bytes(size)
            )?;
            print_healed(healed, &mut console.out)?;
        }
        Shape::Json => {
            let report = CompactedJson {
                schema: "betrace.corpus.compact/1",
                segments_before,
                segments,
                bytes_before,
                bytes: size,
                healed,
                swept,
            };
            write_json(&report, &mut console.out)?;
        }
    }
    note_kept(swept, console);
    Ok(Exit::Clean)
}

fn prune(
    common: &Common,
    (before, all, tz): (&str, bool, Option<&str>),
    args: &CorpusArgs,
    console: &mut Console,
) -> Result<Exit, Failure> {
    let (folder, settings) = open(common, args.corpus.as_ref(), args.memory.as_deref(), tz)?;
    let moment: Moment =
        before.parse().map_err(|error| Failure::usage(format!("--before: {error}")))?;
    let before = |there: Extent| {
        let Extent { first, last, traces, spans } = there;
        let start = moment.start(first, last, &settings.tz.value).map_err(Failure::usage)?;
        if start > last && !all {
            return Err(Failure::usage(format!(
                "--before {before} would remove everything, {} in {}; if that is meant, give --all",
                plural(spans, "span"),
                plural(traces, "trace"),
            )));
        }
        Ok(start)
    };
    let done = folder.change()?.prune(before, settings.memory.value)?;
    let Pruned { traces, spans, dropped, rewritten, healed, swept } = done;
    match args.format {
        Shape::Table => {
            writeln!(
                console.out,
                "Removed {} in {}: {} went, {} written again.",
                plural(spans, "span"),
                plural(traces, "trace"),
                plural(dropped, "segment"),
                plural(rewritten, "segment"),
            )?;
            print_healed(healed, &mut console.out)?;
        }
        Shape::Json => {
            let schema = "betrace.corpus.prune/1";
            let report = PrunedJson { schema, traces, spans, dropped, rewritten, healed, swept };
            write_json(&report, &mut console.out)?;
        }
    }
    note_kept(swept, console);
    Ok(Exit::Clean)
}

fn erase(
    common: &Common,
    (key, value): &(String, String),
    args: &CorpusArgs,
    console: &mut Console,
) -> Result<Exit, Failure> {
    let (folder, settings) = opened(common, args)?;
    let done = folder.change()?.erase(key, value, settings.memory.value)?;
    let Erased { spans, traces, gone, segments, healed, swept } = done;
    match args.format {
        Shape::Table => {
            writeln!(
                console.out,
                "Removed {} of {}, {} of which nothing is left; {} written again.",
                plural(spans, "span"),
                plural(traces, "trace"),
                gone,
                plural(segments, "segment"),
            )?;
            print_healed(healed, &mut console.out)?;
        }
        Shape::Json => {
            let schema = "betrace.corpus.erase/1";
            let report = ErasedJson { schema, spans, traces, gone, segments, healed, swept };
            write_json(&report, &mut console.out)?;
        }
    }
    let quarantine = folder.quarantine();
    if quarantine.exists() {
        let quarantine = shown(&quarantine);
        console.note(&format!(
            "note: {quarantine} holds damaged segments of before, which were not looked at; remove it"
        ));
    }
    if swept {
        return Ok(Exit::Clean);
    }
    let message = "another process reads the corpus, so files of before, with what was erased, stay on \
                   disk; run the same command again when that process has ended";
    Err(Failure { exit: Exit::Unread, message: message.to_owned() })
}

pub(super) fn opened(common: &Common, args: &CorpusArgs) -> Result<(Folder, Settings), Failure> {
    open(common, args.corpus.as_ref(), args.memory.as_deref(), None)
}

fn open(
    common: &Common,
    corpus: Option<&OsString>,
    memory: Option<&str>,
    tz: Option<&str>,
) -> Result<(Folder, Settings), Failure> {
    let flags = Flags { corpus, memory, tz, ..Flags::default() };
    let settings = Settings::load(common, &flags)?;
    Ok((ingest::folder(&settings.corpus)?, settings))
}

/// A bar over the bytes of all segments, and its counter.
pub(super) fn progress(snapshot: &Snapshot, console: &Console) -> (Progress, Arc<AtomicU64>) {
    let total = snapshot.manifest.segments.iter().map(|entry| entry.bytes).sum();
    let read = Arc::<AtomicU64>::default();
    (Progress::start(console, Unit::Bytes, Some(total), Arc::clone(&read)), read)
}

/// Says so where the newest commit could not be read, and the one before it was.
pub(super) fn newest(snapshot: &Snapshot, console: &mut Console) -> Exit {
    let Some(why) = &snapshot.fallback else { return Exit::Clean };
    let folder = shown(snapshot.folder.path());
    console.error(&format!("{folder}: {why}; what the last commit added is not here"));
    Exit::Unread
}

fn print_healed(healed: u64, out: &mut impl Write) -> io::Result<()> {
    match healed {
        0 => Ok(()),
        _ => {
            writeln!(out, "{} that lay in several segments put together.", plural(healed, "trace"))
        }
    }
}

fn note_kept(swept: bool, console: &mut Console) {
    if !swept {
        console.note(&format!("note: {KEPT}"));
    }
}

/// Writes a report as JSON, a member a line.
pub fn write_json(report: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    writeln!(out, "{}", json::harmless(&text))
}

/// A path for people.
pub(super) fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

#[derive(Serialize)]
struct CompactedJson {
    schema: &'static str,
    segments_before: u64,
    segments: u64,
    bytes_before: u64,
    bytes: u64,
    healed: u64,
    swept: bool,
}

#[derive(Serialize)]
struct PrunedJson {
    schema: &'static str,
    traces: u64,
    spans: u64,
    dropped: u64,
    rewritten: u64,
    healed: u64,
    swept: bool,
}

#[derive(Serialize)]
struct ErasedJson {
    schema: &'static str,
    spans: u64,
    traces: u64,
    gone: u64,
    segments: u64,
    healed: u64,
    swept: bool,
}
