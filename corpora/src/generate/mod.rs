//! The seeded workload generator: recorded traffic of OmniCart, a shop whose payment service begins to charge
//! twice, with the exact number of violations of every rule known beforehand.
//!
//! Workload ─ calendar ─► traces, each one scene ─► spans ─ pods ─► batches = lines ─► a file a day, and the truth.
//!
//! What a workload is like:
//!
//! - Checkouts, requests of tenants, access to personal data, administration, an assistant, browsing, queue
//!   workers and probes; about 9.6 spans a trace and 490 bytes a span once batches fill up.
//! - Traffic follows a daily curve. At 09:40 UTC of the second day a new version of the payment service goes
//!   live; from then on every retried charge takes a new payment intent. The other rules are broken rarely.
//! - A line is one pod's batch, so a trace is scattered over many lines. One span in a hundred arrives up to
//!   three quarters of an hour late, perhaps in the next day's file; a few arrive twice; six traces in a
//!   thousand lose their root. Some spans have events, links, lists, escapes and text beyond ASCII.
//! - Equal parameters give equal bytes: all chance comes from one seed.

mod assistant;
mod attributes;
mod checkout;
mod clock;
mod exporter;
mod files;
mod gateway;
mod operation;
mod ordinary;
mod output;
mod random;
mod rates;
mod record;
mod service;
mod span;
mod tenants;
mod trace;
mod truth;

use std::io;
use std::path::PathBuf;

use self::assistant::Assistant;
use self::checkout::Checkouts;
use self::clock::Calendar;
use self::exporter::Exporter;
use self::output::{Lines, Output};
use self::random::Random;
use self::record::Records;
use self::tenants::Tenants;
use self::trace::Trace;
use self::truth::Tally;

pub use self::attributes::Value;
pub use self::files::{TRUTH_FILE, write};
pub use self::rates::Rates;
pub use self::record::{Resource, SpanRecord, resources};
pub use self::span::LINK_FLAGS;
pub use self::truth::{Counts, RuleTruth, Truth};

/// Traces are reported to a progress function once in this many.
const PROGRESS_STEP: u64 = 1024;

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Number of traces, spread over the days.
    pub traces: u64,
    /// Number of days, at least 1.
    pub days: u32,
    /// Seed of all chance.
    pub seed: u64,
    /// The UTC day in which this moment lies is the first one; nanoseconds since 1970.
    pub start: u64,
    /// How often the rules are broken.
    pub rates: Rates,
}

impl Workload {
    /// The first day unless another is named: 26 October 2024, so that the deploy falls on the 27th.
    pub const START: u64 = 1_729_900_800_000_000_000;

    /// The workload of the incident, which begins on the usual day.
    pub fn new(traces: u64, days: u32, seed: u64) -> Self {
        Self { traces, days, seed, start: Self::START, rates: Rates::Incident }
    }
}

/// Why a workload could not be generated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No day at all, or days beyond what a timestamp can hold.
    #[error("cannot generate {days} days: at least 1, and none after 2262")]
    Days {
        /// The number of days asked for.
        days: u32,
    },
    /// The folder holds an earlier workload, whose files would be taken for a part of this one.
    #[error("{} is there already: generate into an empty folder", path.display())]
    Occupied {
        /// One of the files in the way.
        path: PathBuf,
    },
    /// A file or folder could not be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The caller's sink failed.
    #[error("cannot write a line: {0}")]
    Sink(#[from] io::Error),
}

/// Generates a workload line by line, each with its newline, in the order of writing.
///
/// # Errors
///
/// [`Error::Days`], and [`Error::Sink`] with whatever the sink returned, which ends the generation.
pub fn lines(
    workload: &Workload,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<Truth, Error> {
    let calendar = Calendar::new(workload)?;
    let mut sink = |_, line: &[u8]| sink(line);
    let mut output = Lines::new(Exporter::new(exporters_chance(workload)), &mut sink);
    Ok(play(workload, &calendar, &mut |_| {}, &mut output)?)
}

/// Generates the same spans as [`lines`], each once and on time, trace by trace, without making lines of them. The
/// truth says that nothing was written, late or doubled.
///
/// # Errors
///
/// [`Error::Days`], and [`Error::Sink`] with whatever the sink returned, which ends the generation.
pub fn spans(
    workload: &Workload,
    sink: &mut dyn FnMut(&SpanRecord) -> io::Result<()>,
) -> Result<Truth, Error> {
    let calendar = Calendar::new(workload)?;
    Ok(play(workload, &calendar, &mut |_| {}, &mut Records::new(sink))?)
}

/// The chance of batches and lateness, apart from that of traces.
fn exporters_chance(workload: &Workload) -> Random {
    Random::new(Random::new(workload.seed).bits())
}

/// Plays all traces in the order of their starts.
fn play(
    workload: &Workload,
    calendar: &Calendar,
    progress: &mut dyn FnMut(u64),
    output: &mut dyn Output,
) -> io::Result<Truth> {
    let mut random = Random::new(workload.seed);
    // The first number is the exporter's.
    random.bits();
    let mut scenes = Scenes::new(workload.rates);
    let mut tally = Tally::default();
    let mut now = 0;
    for n in 0..workload.traces {
        now = calendar.start_of(n, &mut random).max(now);
        output.advance(now)?;
        let deployed = now >= calendar.deploy();
        let mut trace = Trace::begin(now, deployed, &mut random, output);
        scenes.play(&mut trace);
        tally.add(&trace.end(), calendar);
        if n % PROGRESS_STEP == 0 {
            progress(n);
        }
    }
    let written = output.close()?;
    progress(workload.traces);
    Ok(Truth {
        late: written.late,
        duplicates: written.duplicates,
        lines: written.lines,
        bytes: written.bytes,
        ..tally.finish(calendar)
    })
}

/// Everything that happens in the shop.
struct Scenes {
    checkouts: Checkouts,
    tenants: Tenants,
    assistant: Assistant,
}

impl Scenes {
    fn new(rates: Rates) -> Self {
        Self {
            checkouts: Checkouts::new(rates),
            tenants: Tenants::new(rates),
            assistant: Assistant::new(rates),
        }
    }

    fn play(&mut self, trace: &mut Trace<'_>) {
        match trace.random.below(100) {
            0..25 => self.checkouts.play(trace),
            25..45 => self.tenants.records(trace),
            45..51 => self.tenants.personal(trace),
            51..54 => self.tenants.administration(trace),
            54..64 => self.assistant.play(trace),
            64..91 => ordinary::browse(trace),
            91..97 => ordinary::work(trace),
            _ => ordinary::probe(trace),
        }
    }
}
