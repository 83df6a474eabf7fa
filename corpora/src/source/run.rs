//! Feeds the documents of many inputs to workers. Each worker pulls: it reads a file of its own
//! while there are unread ones, and then helps with a file of another, so many small files and one
//! huge file both keep all workers busy and nothing waits in a queue.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Options;
use super::decompress::Decoder;
use super::digest::{Known, Prefix, prefix};
use super::report::{Note, SourceReport, Why};
use super::stream::{Block, Buffer, Stream};
use super::walk::{Input, Origin, not_regular};

/// Reads all of `inputs` and calls `each` for every block, with one thread a worker; the first
/// worker runs on the calling thread, and where it is the only one it sees the blocks in order.
/// Gives the account of what was read, also beside an error. Inputs that cannot be read are in that
/// account and stop nothing. Without a worker nothing is read.
///
/// # Errors
///
/// The first error that `each` gives stops all workers at their next block and is returned; what
/// was then not read to its end is [`Why::Stopped`] in the account.
pub fn run<W, E, F>(
    inputs: &[Input],
    options: &Options,
    workers: &mut [W],
    each: F,
) -> (SourceReport, Result<(), E>)
where
    W: Send,
    E: Send,
    F: Fn(&mut W, Block<'_>) -> Result<(), E> + Sync,
{
    let feed = Feed {
        inputs,
        options,
        next: AtomicUsize::new(0),
        open: Mutex::default(),
        report: Mutex::default(),
        stop: AtomicBool::new(false),
    };
    let outcome = workers.split_first_mut().map_or(Ok(()), |(first, others)| {
        let (feed, each) = (&feed, &each);
        std::thread::scope(|scope| {
            // Workers pull, so where the system gives no more threads, fewer read the same.
            let others = others.iter_mut().zip(1..).map_while(|(worker, number)| {
                let work = move || work(feed, number, worker, each);
                std::thread::Builder::new().spawn_scoped(scope, work).ok()
            });
            let threads: Vec<_> = others.collect();
            let own = work(feed, 0, first, each);
            threads.into_iter().fold(own, |outcome, thread| {
                let other = thread.join();
                outcome.and(other.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            })
        })
    });
    (feed.into_report(), outcome)
}

fn work<W, E>(
    feed: &Feed<'_>,
    number: usize,
    worker: &mut W,
    each: &impl Fn(&mut W, Block<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let _stop_others_on_panic = StopOnPanic(&feed.stop);
    let mut buffer = Buffer::default();
    let mut own = None;
    while !feed.stop.load(Ordering::Relaxed) {
        let Some(shared) = own.take().or_else(|| feed.stream(number)) else { break };
        let block = match lock(&shared).as_mut() {
            Some(stream) => stream.next_block(&mut buffer),
            None => None,
        };
        let Some(block) = block else {
            feed.close(&shared);
            continue;
        };
        if let Err(error) = each(worker, block) {
            feed.stop.store(true, Ordering::Relaxed);
            return Err(error);
        }
        own = Some(shared);
    }
    Ok(())
}

/// An input that is open; empty once it was read to its end.
type Shared = Arc<Mutex<Option<Stream<'static>>>>;

struct Feed<'a> {
    inputs: &'a [Input],
    options: &'a Options,
    next: AtomicUsize,
    open: Mutex<Vec<Shared>>,
    report: Mutex<SourceReport>,
    stop: AtomicBool,
}

impl Feed<'_> {
    /// An input that nobody reads yet, or else one that another worker reads.
    fn stream(&self, number: usize) -> Option<Shared> {
        // One worker at a time opens, so that none finds nothing open while the last is opened.
        let mut opened = lock(&self.open);
        while let Some(input) = self.inputs.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            match open(input, self.options) {
                Ok(stream) => {
                    let shared = Arc::new(Mutex::new(Some(stream)));
                    opened.push(Arc::clone(&shared));
                    return Some(shared);
                }
                Err(why) => lock(&self.report).note(note(input, why)),
            }
        }
        let helped = number % opened.len().max(1);
        opened.get(helped).map(Arc::clone)
    }

    /// Takes an input that was read to its end off the list and keeps its report.
    fn close(&self, shared: &Shared) {
        lock(&self.open).retain(|other| !Arc::ptr_eq(other, shared));
        if let Some(stream) = lock(shared).take() {
            lock(&self.report).merge(stream.into_report());
        }
    }

    /// The account, with what an error left unread.
    fn into_report(self) -> SourceReport {
        let open = std::mem::take(&mut *lock(&self.open));
        open.iter().for_each(|shared| self.close(shared));
        let mut report = std::mem::take(&mut *lock(&self.report));
        let unopened = self.inputs.get(self.next.into_inner()..).unwrap_or_default();
        unopened.iter().for_each(|input| report.note(note(input, Why::Stopped)));
        report
    }
}

fn note(input: &Input, why: Why) -> Note {
    Note { order: input.order, input: Arc::clone(&input.name), why }
}

/// Makes the other workers end when this one panics, so that the panic reaches the caller soon.
struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Opens an input.
///
/// # Errors
/// Why it cannot be read.
pub fn open(input: &Input, options: &Options) -> Result<Stream<'static>, Why> {
    let name = Arc::clone(&input.name);
    match &input.origin {
        Origin::Stdin => Ok(Stream::new(input.order, name, std::io::stdin(), options.clone())),
        Origin::File(path) => Ok(Stream::new(input.order, name, open_file(path)?, options.clone())),
    }
}

/// How much of an input is known. Of standard input nothing is, since it can be read only once.
///
/// # Errors
/// Why it cannot be read.
pub fn known<'k, K: Known>(input: &Input, known: &'k [K]) -> Result<Option<Prefix<'k, K>>, Why> {
    match &input.origin {
        Origin::File(path) if !known.is_empty() => {
            Ok(prefix(known, &mut Decoder::New(open_file(path)?)))
        }
        _ => Ok(None),
    }
}

fn open_file(path: &Path) -> Result<File, Why> {
    let system = |error: std::io::Error| Why::System(error.to_string());
    // Looked at again: opening a FIFO that took the file's place would wait.
    let kind = std::fs::metadata(path).map_err(system)?.file_type();
    match not_regular(kind) {
        Some(what) => Err(Why::NotRegular(what)),
        None => File::open(path).map_err(system),
    }
}

/// A panic elsewhere is passed on by the thread that had it; the data here stays whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
