//! Reads inputs into a corpus, batch by batch.
//!
//! A batch is what fits in memory. At its end all spans that were read are sealed, written and
//! committed together with how far each input was read: so an ingest that is stopped goes on where
//! its last commit ended, and a batch is there wholly or not at all. Inputs are read one after
//! another, each by all workers.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::mem;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ir::Schema;

use super::CorpusError;
use super::inputs::Reading;
use super::manifest::{DAMAGED, InputEntry, Manifest, TRUNCATED};
use super::meet::read_ids;
use super::seal::seal;
use super::splits::Arrivals;
use super::writer::Writer;
use crate::build::{self, SegmentSize};
use crate::otlp::{Budget, Decoder, Defect, Metered, Tally};
use crate::source::{
    self, Buffer, FirstFew, Input, Known, Origin, Prefix, SourceReport, Stream, Walk, Why, walk,
};
use crate::statement::{Malformed, Note, Statement};
use crate::threads::on_threads;

/// Traces and spans of a segment that is written: so many that opening one is little beside replaying it, and few
/// enough for what is looked at of it to stay near the processor.
pub(super) const SEGMENT_SIZE: SegmentSize = SegmentSize { traces: 1 << 18, rows: 1 << 22 };

/// How to ingest.
#[derive(Clone, Debug)]
pub struct IngestOptions {
    /// Worker threads.
    pub threads: NonZeroUsize,
    /// Bytes of memory for spans that are not written yet, about; what is sealed takes as much.
    pub memory: u64,
    /// Bytes of the largest document that is read.
    pub max_document: usize,
    /// How large segments grow.
    pub segments: SegmentSize,
    /// Counts bytes as they are read, for a progress bar.
    pub progress: Arc<AtomicU64>,
}

impl Default for IngestOptions {
    /// One thread, 1 GiB, documents of 64 MiB, segments of 262,144 traces or four million spans.
    fn default() -> Self {
        Self {
            threads: NonZeroUsize::MIN,
            memory: 1 << 30,
            max_document: source::MAX_DOCUMENT,
            segments: SEGMENT_SIZE,
            progress: Arc::default(),
        }
    }
}

/// What an ingest did.
#[derive(Clone, Debug, Default)]
pub struct IngestReport {
    /// What was read and what was not.
    pub statement: Statement,
    /// Inputs of which everything was there already.
    pub known: u64,
    /// Inputs of which only what followed was read.
    pub resumed: u64,
    /// Spans that were added.
    pub spans: u64,
    /// Spans that came again in one batch, and were left out.
    pub duplicates: u64,
    /// Segments that were written.
    pub segments: u64,
    /// Bytes that were written.
    pub written: u64,
    /// Traces of the corpus that lie in several segments.
    pub splits: u64,
}

/// An ingest.
pub struct Ingest {
    writer: Writer,
    options: IngestOptions,
    workers: Vec<Worker>,
    /// The manifest that is to be.
    next: Manifest,
    /// What was found since the last commit.
    found: Statement,
    report: IngestReport,
}

struct Worker {
    decoder: Metered,
    buffer: Buffer,
}

impl Ingest {
    /// An ingest into a corpus.
    pub fn new(writer: Writer, options: IngestOptions) -> Self {
        let worker = |_| Worker { decoder: decoder(), buffer: Buffer::default() };
        Self {
            workers: (0..options.threads.get()).map(worker).collect(),
            next: writer.manifest().clone(),
            found: Statement::default(),
            report: IngestReport::default(),
            writer,
            options,
        }
    }

    /// Reads trace files, folders, globs and `-`, standard input. What cannot be read is in the
    /// report and stops nothing.
    ///
    /// # Errors
    /// Where the corpus cannot be written; what was committed before stays.
    pub fn read<P: AsRef<OsStr>>(
        &mut self,
        inputs: impl IntoIterator<Item = P>,
    ) -> Result<(), CorpusError> {
        self.read_found(walk(inputs))
    }

    /// Reads inputs that were found before.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_found(&mut self, walk: Walk) -> Result<(), CorpusError> {
        for passed in &walk.passed {
            self.next.unread.remove(&**passed);
        }
        for note in walk.unread {
            self.next.unread.insert(note.input.to_string(), note.why.to_string());
        }
        self.report.statement.merge(Statement::of(walk.report, Tally::default()));
        for input in &walk.inputs {
            self.read_input(input)?;
        }
        Ok(())
    }

    /// Commits what was read.
    ///
    /// # Errors
    /// Where the corpus cannot be written.
    pub fn finish(mut self) -> Result<IngestReport, CorpusError> {
        self.commit()?;
        self.writer.sweep()?;
        Ok(self.report)
    }

    fn read_input(&mut self, input: &Input) -> Result<(), CorpusError> {
        let piped = input.origin == Origin::Stdin && !self.next.inputs.is_empty();
        if piped {
            // Whether all of it is known shows at its end: a batch of its own can be left out then.
            self.commit()?;
        }
        let (mut stream, mut reading) = match self.open(input) {
            Ok(Some(opened)) => opened,
            Ok(None) => {
                let bytes = input.bytes.unwrap_or(0);
                self.options.progress.fetch_add(bytes, Ordering::Relaxed);
                self.pass_known(input);
                return Ok(());
            }
            Err(why) => {
                let note = Note { input: input.name.to_string(), why: why.to_string() };
                self.next.unread.insert(note.input.clone(), note.why.clone());
                self.report.statement.unread.add(note);
                return Ok(());
            }
        };
        self.report.resumed += u64::from(reading.is_resumed());
        let mut unfinished = None;
        while self.pull(&mut stream, &mut unfinished) {
            let digests = stream.digests().cloned().unwrap_or_default();
            let read = InputEntry::new(&input.name, &digests, Vec::new());
            reading.record(&mut self.next, read);
            self.commit()?;
        }
        let digests = stream.digests().cloned().unwrap_or_default();
        let report = stream.into_report();
        let read = InputEntry::new(&input.name, &digests, cut(unfinished.as_ref(), &report));
        if piped && !reading.is_recorded() && self.next.knows(&read) {
            self.workers.iter_mut().for_each(|worker| worker.decoder = decoder());
            self.pass_known(input);
            return Ok(());
        }
        self.report.statement.merge(Statement::of(report.clone(), Tally::default()));
        if let Some(place) = unfinished {
            self.report.statement.add_malformed(&Defect::Unfinished.to_string(), place);
        }
        self.next.unread.remove(&*input.name);
        for note in report.unread.first() {
            self.next.unread.insert(note.input.to_string(), note.why.to_string());
        }
        // What is wrong with its end stays with its entry, until it is mended.
        let found = SourceReport {
            unread: FirstFew::default(),
            truncated: FirstFew::default(),
            damaged: FirstFew::default(),
            ..report
        };
        self.found.merge(Statement::of(found, Tally::default()));
        reading.record(&mut self.next, read);
        reading.forget_earliest(&mut self.next, &input.name);
        Ok(())
    }

    /// Counts an input of which everything was there already.
    fn pass_known(&mut self, input: &Input) {
        self.report.known += 1;
        self.next.unread.remove(&*input.name);
    }

    /// Opens an input behind what is known of it; nothing where all is known: then damage that it had
    /// at its end before is mended.
    fn open(&mut self, input: &Input) -> Result<Option<(Stream<'static>, Reading)>, Why> {
        let options = source::Options {
            max_document: self.options.max_document,
            progress: Arc::clone(&self.options.progress),
            ..source::Options::default()
        };
        let inputs = &self.next.inputs;
        Ok(match source::known(input, inputs)? {
            Some(Prefix { whole: true, known, .. }) => {
                if !known.is_damaged() {
                    let sound = known.digest.clone();
                    self.next.mend(&input.name, &sound);
                }
                None
            }
            Some(prefix) if prefix.digest.length() > 0 => {
                let reading = Reading::resumed(inputs, &prefix);
                let stream = source::open(input, &options)?;
                Some((stream.resumed(prefix.digest, prefix.lines), reading))
            }
            _ => {
                let stream = source::open(input, &options)?;
                Some((stream.digested(), Reading::begun(inputs, &input.name)))
            }
        })
    }

    /// Reads an input to its end, or until memory is full; whether it is. Sets where the input
    /// breaks off, if it does.
    fn pull(&mut self, stream: &mut Stream<'static>, unfinished: &mut Option<String>) -> bool {
        let memory = self.options.memory;
        let budget = Budget::new(self.workers.iter().map(|worker| &worker.decoder), memory);
        let full = AtomicBool::new(false);
        let shared = Mutex::new((stream, unfinished));
        let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
        let work = |worker: &mut Worker| {
            while !full.load(Ordering::Relaxed) {
                let block = lock().0.next_block(&mut worker.buffer);
                let Some(block) = block else { break };
                let decoder = &mut worker.decoder;
                let before = block.unfinished.then(|| decoder.decoder_mut().take_tally());
                // Room for the next document, whatever is held: half is never filled.
                let over = decoder.decode(&block, &budget).is_err();
                if over || budget.held() > memory / 2 {
                    full.store(true, Ordering::Relaxed);
                }
                if let Some(before) = before {
                    let mut own = decoder.decoder_mut().take_tally();
                    if let Some(places) = own.malformed.remove(&Defect::Unfinished) {
                        *lock().1 = Malformed::of(&places).places.into_iter().next();
                    }
                    decoder.decoder_mut().add_tally(before);
                    decoder.decoder_mut().add_tally(own);
                }
            }
        };
        let idle = Mutex::new(self.workers.iter_mut());
        let take = || idle.lock().unwrap_or_else(PoisonError::into_inner).next();
        on_threads(self.options.threads.get(), || take().into_iter().for_each(work));
        full.into_inner()
    }

    /// Writes what was read as segments, and makes them part of the corpus.
    fn commit(&mut self) -> Result<(), CorpusError> {
        let mut builders = Vec::with_capacity(self.workers.len());
        let mut tally = Tally::default();
        for worker in &mut self.workers {
            let full = mem::replace(&mut worker.decoder, decoder());
            let (builder, own) = full.into_decoder().into_parts();
            builders.push(builder);
            tally.merge(own);
        }
        let found = Statement::of(SourceReport::default(), tally);
        self.report.statement.merge(found.clone());
        self.found.merge(found);
        let mut finished = build::finish(builders, self.options.segments);
        let first = self.next.next_file;
        let segments = mem::take(&mut finished.segments).into();
        let sealed = seal(&self.writer, first, segments, self.options.threads)?;
        self.next.next_file += sealed.len() as u64;
        let mut arrivals = Vec::with_capacity(sealed.len());
        let mut duplicates = finished.duplicates;
        for written in sealed {
            self.report.spans += written.entry.spans;
            self.report.segments += 1;
            self.report.written += written.entry.bytes;
            duplicates += written.duplicates;
            arrivals.push((written.entry.number, written.ids));
            self.next.segments.push(written.entry);
        }
        self.report.duplicates += duplicates;
        self.next.duplicates += duplicates;
        self.next.found.merge(mem::take(&mut self.found));
        self.find_splits(arrivals)?;
        if self.next != *self.writer.manifest() {
            self.writer.commit(self.next.clone())?;
            self.next = self.writer.manifest().clone();
        }
        Ok(())
    }

    /// Finds traces of new segments in older ones, and lists them in a file if there are new ones. Older
    /// segments that cannot be read stop nothing: they are met once they can be.
    fn find_splits(&mut self, new: Vec<(u64, Vec<u128>)>) -> Result<(), CorpusError> {
        let older = self.writer.manifest().segments.clone();
        if older.is_empty() || (new.is_empty() && self.next.unmet.is_empty()) {
            return Ok(());
        }
        let before = self.writer.splits()?;
        let mut unmet: BTreeSet<u64> = before.unmet.into_iter().collect();
        let mut arrivals = Arrivals::new(new);
        for entry in &older {
            match read_ids(self.writer.folder(), entry) {
                Ok(segment) => arrivals.meet(entry.number, &segment.traces.id),
                Err(error @ CorpusError::Newer { .. }) => return Err(error),
                Err(error) => {
                    if unmet.insert(entry.number) {
                        let why = format!("{}; read on without it", error.words());
                        let input = error.path().display().to_string();
                        self.report.statement.unread.add(Note { input, why });
                    }
                }
            }
        }
        self.next.unmet = unmet.into_iter().collect();
        let splits = arrivals.splits(&before.splits);
        if splits != before.splits || before.is_anew {
            let number = self.next.next_file;
            self.writer.put_splits(number, &splits)?;
            self.next.next_file += 1;
            self.next.splits = Some(number);
        }
        self.report.splits = splits.traces() as u64;
        Ok(())
    }
}

/// Decoders learn what they read anew for each batch, so that their memory stays bounded.
fn decoder() -> Metered {
    Metered::new(Decoder::new(Arc::new(Schema::everything())))
}

/// The kinds of what is wrong with the end of an input, and the words for it.
fn cut(unfinished: Option<&String>, report: &SourceReport) -> Vec<(String, String)> {
    let unfinished = unfinished.map(|place| (Defect::Unfinished.to_string(), place.clone()));
    let kinds = [(TRUNCATED, &report.truncated), (DAMAGED, &report.damaged)];
    let notes = kinds.into_iter().flat_map(|(kind, notes)| {
        let words =
            move |note: &source::Note| (kind.to_owned(), format!("{}: {}", note.input, note.why));
        notes.first().iter().map(words)
    });
    unfinished.into_iter().chain(notes).collect()
}
