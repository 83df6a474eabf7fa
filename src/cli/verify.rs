//! `betrace corpus verify`: whether a corpus is whole, and how to go on if it is not.

use std::io::{self, Write};
use std::sync::atomic::Ordering;

use compiler::printable;
use serde::Serialize;

use super::args::{Common, CorpusArgs, Shape};
use super::console::Console;
use super::corpus::{opened, progress, shown, write_json};
use super::corpus_stat::day;
use super::exit::{Exit, Failure};
use super::table::{bytes, plural};
use crate::{Dropped, Verified};

/// Checks the corpus, goes on without what is damaged if asked to, and says so.
pub fn run(
    common: &Common,
    drop: bool,
    args: &CorpusArgs,
    console: &mut Console,
) -> Result<Exit, Failure> {
    let (folder, settings) = opened(common, args)?;
    let memory = settings.memory.value;
    let (done, dropped) = {
        let snapshot = folder.read()?;
        let (_bar, read) = progress(&snapshot, console);
        let progress = &mut |bytes| {
            read.fetch_add(bytes, Ordering::Relaxed);
        };
        match drop {
            false => (snapshot.verify(memory, progress)?, Vec::new()),
            true => {
                // Files that are read are not removed.
                std::mem::drop(snapshot);
                folder.change()?.drop_damaged(memory, progress)?
            }
        }
    };
    match args.format {
        Shape::Table => table(&done, &dropped, drop, &mut console.out)?,
        Shape::Json => write_json(&Json::of(&done, &dropped), &mut console.out)?,
    }
    Ok(if done.problems.is_empty() { Exit::Clean } else { Exit::Unread })
}

fn table(done: &Verified, dropped: &[Dropped], drop: bool, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "Checked {}, {}: {} and {}.",
        plural(done.segments, "segment"),
        bytes(done.bytes),
        plural(done.traces, "trace"),
        plural(done.spans, "span"),
    )?;
    for problem in &done.problems {
        writeln!(out, "Damaged {}: {}", shown(&problem.file), printable(&problem.what))?;
        if !(drop && problem.is_dropped()) {
            writeln!(out, "  {}", problem.mend)?;
        }
    }
    for one in dropped {
        let entry = &one.entry;
        writeln!(
            out,
            "Dropped {}: {} and {} of {} to {} are lost",
            shown(&one.file),
            plural(entry.traces, "trace"),
            plural(entry.spans, "span"),
            day(entry.first),
            day(entry.last),
        )?;
        if one.partial > 0 {
            writeln!(
                out,
                "  {} of the traces have other spans elsewhere, and are judged by these alone",
                one.partial
            )?;
        }
        if let Some(kept) = &one.kept {
            writeln!(out, "  what is left of it is in {}", shown(kept))?;
        }
    }
    for file in &done.unnamed {
        writeln!(out, "Not part of the corpus: {}; the next ingest removes it", shown(file))?;
    }
    match done.problems.len() {
        0 => writeln!(out, "Whole: everything is as it was written."),
        _ => Ok(()),
    }
}

#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    generation: u64,
    segments: u64,
    bytes: u64,
    traces: u64,
    spans: u64,
    problems: Vec<ProblemJson<'a>>,
    dropped: Vec<DroppedJson>,
    unnamed: Vec<String>,
}

#[derive(Serialize)]
struct ProblemJson<'a> {
    file: String,
    what: &'a str,
    mend: &'static str,
}

#[derive(Serialize)]
struct DroppedJson {
    file: String,
    kept: Option<String>,
    first_day: String,
    last_day: String,
    traces: u64,
    spans: u64,
    partial: u64,
}

impl<'a> Json<'a> {
    fn of(done: &'a Verified, dropped: &[Dropped]) -> Self {
        let problems = done.problems.iter().map(|problem| ProblemJson {
            file: shown(&problem.file),
            what: &problem.what,
            mend: problem.mend,
        });
        let dropped = dropped.iter().map(|one| DroppedJson {
            file: shown(&one.file),
            kept: one.kept.as_deref().map(shown),
            first_day: day(one.entry.first),
            last_day: day(one.entry.last),
            traces: one.entry.traces,
            spans: one.entry.spans,
            partial: one.partial,
        });
        Self {
            schema: "betrace.corpus.verify/1",
            generation: done.generation,
            segments: done.segments,
            bytes: done.bytes,
            traces: done.traces,
            spans: done.spans,
            problems: problems.collect(),
            dropped: dropped.collect(),
            unnamed: done.unnamed.iter().map(|path| shown(path)).collect(),
        }
    }
}
