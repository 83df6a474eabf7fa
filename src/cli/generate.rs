//! `betrace generate`: traffic whose violations are known.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use compiler::printable;

use super::args::GenerateArgs;
use super::console::Console;
use super::exit::{Exit, Failure};
use super::progress::{Progress, Unit};
use super::table::{bytes, plural};
use crate::generate::{TRUTH_FILE, Truth, Workload, write};
use crate::{Folder, GenerateError, generate_corpus};

/// Writes a workload and says what is in it.
pub fn run(args: &GenerateArgs, console: &mut Console) -> Result<Exit, Failure> {
    let workload = Workload::new(args.traces, args.days, args.seed);
    let done = Arc::<AtomicU64>::default();
    let progress = Progress::start(console, Unit::Traces, Some(args.traces), done.clone());
    let truth = if args.corpus {
        corpus(&workload, &args.dir, &done)
    } else {
        let told = &mut |traces| done.store(traces, Ordering::Relaxed);
        write(&workload, &args.dir, told).map_err(Failure::usage)
    };
    drop(progress);
    let truth = truth?;
    let written = match args.corpus {
        true => Folder::new(&args.dir).read()?.manifest.segments.iter().map(|one| one.bytes).sum(),
        false => truth.bytes,
    };
    let shown = |path: &Path| printable(&path.to_string_lossy());
    writeln!(
        console.out,
        "{}, {}, {} in {}; the truth is in {}",
        plural(truth.traces, "trace"),
        plural(truth.spans, "span"),
        bytes(written),
        shown(&args.dir),
        shown(&args.dir.join(TRUTH_FILE)),
    )?;
    Ok(Exit::Clean)
}

/// Writes the workload as a corpus, with its truth beside it.
fn corpus(workload: &Workload, dir: &Path, done: &AtomicU64) -> Result<Truth, Failure> {
    let writer = Folder::new(dir).write()?;
    if !writer.manifest().segments.is_empty() {
        let shown = printable(&dir.to_string_lossy());
        let what = "there is a corpus already: generate into an empty folder";
        return Err(Failure::usage(format!("{shown}: {what}")));
    }
    let truth = generate_corpus(writer, workload, done).map_err(|error| match error {
        GenerateError::Corpus(error) => error.into(),
        GenerateError::Workload(error) => Failure::usage(error),
    })?;
    let path = dir.join(TRUTH_FILE);
    std::fs::write(&path, truth.to_json()).map_err(Failure::from)?;
    Ok(truth)
}
