//! Reads inputs into a corpus, batch by batch.
//!
//! A batch is what fits in memory. At its end all spans that were read are sealed, written and
//! committed together with how far each input was read: so an ingest that is stopped goes on where
//! its last commit ended, and a batch is there wholly or not at all. Inputs are read one after
//! another, each by all workers.

use std::ffi::OsStr;
use std::mem;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ir::Schema;

use super::CorpusError;
use super::manifest::{DAMAGED, InputEntry, Manifest, SegmentEntry, TRUNCATED};
use super::splits::Arrivals;
use super::writer::Writer;
use crate::build::{self, SegmentSize, Unsealed};
use crate::otlp::{Budget, Decoder, Defect, Metered, Tally};
use crate::source::{self, Buffer, Input, Known, Prefix, SourceReport, Stream, Walk, Why, walk};
use crate::statement::{Malformed, Note, Statement};

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
        let (mut stream, mut place) = match self.open(input) {
            Ok(Some(opened)) => opened,
            Ok(None) => {
                self.report.known += 1;
                self.next.unread.remove(&*input.name);
                let bytes = input.bytes.unwrap_or(0);
                self.options.progress.fetch_add(bytes, Ordering::Relaxed);
                return Ok(());
            }
            Err(why) => {
                let note = Note { input: input.name.to_string(), why: why.to_string() };
                self.next.unread.insert(note.input.clone(), note.why.clone());
                self.report.statement.unread.add(note);
                return Ok(());
            }
        };
        let before = place.map(|place| self.next.inputs[place].clone());
        self.report.resumed += u64::from(before.as_ref().is_some_and(|before| before.length > 0));
        let mut unfinished = None;
        while self.pull(&mut stream, &mut unfinished) {
            let digests = stream.digests().cloned().unwrap_or_default();
            let read = InputEntry::new(&input.name, &digests, Vec::new());
            set_entry(&mut self.next.inputs, &mut place, read);
            self.commit()?;
        }
        let mut cut: Vec<(String, String)> =
            unfinished.map(|place| (Defect::Unfinished.to_string(), place)).into_iter().collect();
        let digests = stream.digests().cloned().unwrap_or_default();
        let mut report = stream.into_report();
        self.report.statement.merge(Statement::of(report.clone(), Tally::default()));
        cut.iter().for_each(|(kind, place)| {
            self.report.statement.add_malformed(kind, place.clone());
        });
        for (kind, notes) in [
            (TRUNCATED, mem::take(&mut report.truncated)),
            (DAMAGED, mem::take(&mut report.damaged)),
        ] {
            let words = |note: &source::Note| format!("{}: {}", note.input, note.why);
            cut.extend(notes.first().iter().map(|note| (kind.to_owned(), words(note))));
        }
        self.next.unread.remove(&*input.name);
        for note in mem::take(&mut report.unread).first() {
            self.next.unread.insert(note.input.to_string(), note.why.to_string());
        }
        self.found.merge(Statement::of(report, Tally::default()));
        let read = InputEntry::new(&input.name, &digests, cut);
        // What was sound stays known beside a copy of it that ends in damage.
        if read.is_damaged()
            && before.is_some_and(|before| before.digest == read.digest && !before.is_damaged())
        {
            place = None;
        }
        set_entry(&mut self.next.inputs, &mut place, read);
        Ok(())
    }

    /// Opens an input behind what is known of it, and the place of its entry if it has one; nothing
    /// where all is known: then damage that it had at its end before is mended.
    fn open(&mut self, input: &Input) -> Result<Option<(Stream<'static>, Option<usize>)>, Why> {
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
            Some(Prefix { known, digest, lines, .. }) if digest.length() > 0 => {
                let place = inputs.iter().position(|other| std::ptr::eq(other, known));
                Some((source::open(input, &options)?.resumed(digest, lines), place))
            }
            // Of which nothing could be read before, nothing is known but the name.
            _ => {
                let same = |other: &InputEntry| other.length == 0 && *other.name == *input.name;
                let place = inputs.iter().position(same);
                Some((source::open(input, &options)?.digested(), place))
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
        std::thread::scope(|scope| {
            let mut workers = self.workers.iter_mut();
            let first = workers.next();
            // Workers pull, so where the system gives no more threads, fewer read the same.
            for worker in workers {
                let work = || work(worker);
                if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            first.into_iter().for_each(work);
        });
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
        let sealed = self.write(first, mem::take(&mut finished.segments).into())?;
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

    /// Seals and writes segments under numbers from `first` on, with all threads.
    fn write(
        &self,
        first: u64,
        segments: Vec<Unsealed>,
    ) -> Result<Vec<WrittenSegment>, CorpusError> {
        let count = segments.len();
        let segments: Vec<_> = segments.into_iter().map(|one| Mutex::new(Some(one))).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut written = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(slot) = segments.get(at) else { return Ok(written) };
                let unsealed = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some(unsealed) = unsealed else { continue };
                let sealed = unsealed.seal();
                let number = first + at as u64;
                let entry = self.writer.put_segment(number, &sealed.segment).inspect_err(|_| {
                    next.store(count, Ordering::Relaxed);
                })?;
                let ids = sealed.segment.traces.id.to_vec();
                written.push(WrittenSegment { entry, ids, duplicates: sealed.duplicates });
            }
        };
        let parts: Vec<Result<Vec<WrittenSegment>, CorpusError>> = std::thread::scope(|scope| {
            let others = (1..self.options.threads.get().min(count))
                .map_while(|_| std::thread::Builder::new().spawn_scoped(scope, work).ok());
            let others: Vec<_> = others.collect();
            let own = work();
            let joined = others.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            std::iter::once(own).chain(joined).collect()
        });
        let mut all = Vec::with_capacity(count);
        for part in parts {
            all.extend(part?);
        }
        all.sort_unstable_by_key(|written| written.entry.number);
        Ok(all)
    }

    /// Finds traces of new segments in older ones, and lists them in a file if there are new ones.
    fn find_splits(&mut self, new: Vec<(u64, Vec<u128>)>) -> Result<(), CorpusError> {
        let older = self.writer.manifest().segments.clone();
        if older.is_empty() || new.is_empty() {
            return Ok(());
        }
        let mut arrivals = Arrivals::new(new);
        for entry in &older {
            let segment = self.writer.folder().open(entry)?.segment(None);
            arrivals.meet(entry.number, &segment.traces.id);
            segment.sound().map_err(CorpusError::from)?;
        }
        let before = self.writer.splits()?;
        let splits = arrivals.splits(&before);
        if splits != before {
            let number = self.next.next_file;
            self.writer.put_splits(number, &splits)?;
            self.next.next_file += 1;
            self.next.splits = Some(number);
        }
        self.report.splits = splits.traces() as u64;
        Ok(())
    }
}

struct WrittenSegment {
    entry: SegmentEntry,
    ids: Vec<u128>,
    duplicates: u64,
}

/// Decoders learn what they read anew for each batch, so that their memory stays bounded.
fn decoder() -> Metered {
    Metered::new(Decoder::new(Arc::new(Schema::everything())))
}

fn set_entry(inputs: &mut Vec<InputEntry>, place: &mut Option<usize>, entry: InputEntry) {
    match *place {
        Some(place) => inputs[place] = entry,
        None => {
            *place = Some(inputs.len());
            inputs.push(entry);
        }
    }
}
