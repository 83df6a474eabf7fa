//! The traces that a verb looks at: those of a corpus, or of files.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use corpora::source::{Walk, walk};

use super::args::Reading;
use super::console::Console;
use super::exit::{Exit, Failure};
use super::ingest;
use super::progress::{Progress, Unit};
use super::settings::{Origin, Settings};
use crate::{
    Corpus, Moment, Program, RangeError, Replay, ReplayError, ReplayOptions, Report, Signal,
};

/// Where traces are.
pub enum Traces {
    /// In a corpus.
    Corpus(Corpus),
    /// In files, or on standard input.
    Inputs(Walk),
}

impl Traces {
    /// What the settings name. A corpus that only a file of settings names gives way to inputs that the
    /// command line names.
    ///
    /// # Errors
    /// Where nothing is named, or the corpus cannot be opened.
    pub fn named(settings: &Settings) -> Result<Self, Failure> {
        let (corpus, inputs) = (&settings.corpus, &settings.inputs);
        let asked = corpus.origin == Origin::Flag || inputs.origin != Origin::Flag;
        if !corpus.value.is_empty() && asked {
            return Ok(Self::Corpus(Corpus::open(ingest::folder(corpus)?.path())?));
        }
        if inputs.value.is_empty() {
            return Err(Failure::usage(
                "no traces are named; give a file, a folder, a glob or `-` for standard input, \
                 or --corpus DIR, or `inputs:` or `corpus:` in betrace.yaml",
            ));
        }
        Ok(Self::Inputs(walk(&inputs.value)))
    }

    /// Replays them, with a progress bar where files are read. Inputs are read once.
    ///
    /// # Errors
    /// As [`failure`] says.
    pub fn replay(
        &mut self,
        program: &Program,
        options: &ReplayOptions,
        console: &Console,
        signals: &mut dyn FnMut(Signal) -> io::Result<()>,
    ) -> Result<Report, Failure> {
        match self {
            Self::Corpus(corpus) => corpus.replay(program, options, signals).map_err(failure),
            Self::Inputs(inputs) => {
                let mut replay = Replay::new(program, options.clone());
                read(&mut replay, std::mem::take(inputs), console)?;
                replay.finish(signals).map_err(failure)
            }
        }
    }
}

/// The options of a replay whose report shows no examples.
pub fn replay_options(
    settings: &Settings,
    [from, to]: [Option<Moment>; 2],
    signals: u64,
) -> ReplayOptions {
    ReplayOptions {
        threads: settings.threads.value,
        memory: Some(settings.memory.value),
        max_document: usize::try_from(settings.max_document.value).unwrap_or(usize::MAX),
        from,
        to,
        zone: settings.tz.value.clone(),
        signals,
        examples: 0,
        ..ReplayOptions::default()
    }
}

/// The times that `--from` and `--to` give.
///
/// # Errors
/// A text that is no time.
pub fn moments(reading: &Reading) -> Result<[Option<Moment>; 2], Failure> {
    let moment = |name: &str, text: &Option<String>| {
        let parsed = text.as_deref().map(str::parse).transpose();
        parsed.map_err(|error: RangeError| Failure::usage(format!("--{name}: {error}")))
    };
    Ok([moment("from", &reading.from)?, moment("to", &reading.to)?])
}

/// What a replay that could not be done ends with.
pub fn failure(error: ReplayError) -> Failure {
    match error {
        ReplayError::Memory { .. } => Failure { exit: Exit::Limit, message: error.to_string() },
        ReplayError::Range(_) => Failure::usage(error),
        ReplayError::Io(error) => error.into(),
        ReplayError::Corpus(error) => error.into(),
        ReplayError::Fault(_)
        | ReplayError::SpanId { .. }
        | ReplayError::SpanTime { .. }
        | ReplayError::SpanDepth { .. } => {
            Failure { exit: Exit::Unread, message: error.to_string() }
        }
    }
}

fn read(replay: &mut Replay, inputs: Walk, console: &Console) -> Result<(), Failure> {
    let counter: Arc<AtomicU64> = replay.progress();
    let _progress = Progress::start(console, Unit::Bytes, inputs.total_bytes(), counter);
    replay.read_inputs(inputs).map_err(failure)
}
