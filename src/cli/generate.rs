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
use crate::generate::{TRUTH_FILE, Workload, write};

/// Writes a workload and says what is in it.
pub fn run(args: &GenerateArgs, console: &mut Console) -> Result<Exit, Failure> {
    let workload = Workload::new(args.traces, args.days, args.seed);
    let done = Arc::<AtomicU64>::default();
    let progress = Progress::start(console, Unit::Traces, Some(args.traces), done.clone());
    let truth = write(&workload, &args.dir, &mut |traces| done.store(traces, Ordering::Relaxed));
    drop(progress);
    let truth = truth.map_err(Failure::usage)?;
    let shown = |path: &Path| printable(&path.to_string_lossy());
    writeln!(
        console.out,
        "{}, {}, {} in {}; the truth is in {}",
        plural(truth.traces, "trace"),
        plural(truth.spans, "span"),
        bytes(truth.bytes),
        shown(&args.dir),
        shown(&args.dir.join(TRUTH_FILE)),
    )?;
    Ok(Exit::Clean)
}
