//! `betrace generate`: traffic whose violations are known.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::args::GenerateArgs;
use super::console::Console;
use super::exit::{Exit, Failure};
use super::progress::{Progress, Unit};
use super::table::{bytes, grouped};
use crate::generate::{TRUTH_FILE, Workload, write};

/// Writes a workload and says what is in it.
pub fn run(args: &GenerateArgs, console: &mut Console) -> Result<Exit, Failure> {
    let workload = Workload::new(args.traces, args.days, args.seed);
    let done = Arc::<AtomicU64>::default();
    let progress = Progress::start(console, Unit::Traces, Some(args.traces), done.clone());
    let truth = write(&workload, &args.dir, &mut |traces| done.store(traces, Ordering::Relaxed));
    drop(progress);
    let truth = truth.map_err(Failure::usage)?;
    writeln!(
        console.out,
        "{} traces, {} spans, {} in {}; the truth is in {}",
        grouped(truth.traces),
        grouped(truth.spans),
        bytes(truth.bytes),
        args.dir.display(),
        args.dir.join(TRUTH_FILE).display(),
    )?;
    Ok(Exit::Clean)
}
