//! Seals segments and writes them, several at once.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::CorpusError;
use super::manifest::SegmentEntry;
use super::writer::Writer;
use crate::build::Unsealed;
use crate::threads::on_threads;

/// A segment that was written.
pub(super) struct Sealed {
    pub(super) entry: SegmentEntry,
    /// Ids of its traces, by ordinal.
    pub(super) ids: Vec<u128>,
    /// Spans that came again and were left out.
    pub(super) duplicates: u64,
}

/// Seals and writes segments under numbers from `first` on, in their order.
///
/// # Errors
/// The first [`CorpusError::Io`]; what was written stays until the next writer removes it.
pub(super) fn seal(
    writer: &Writer,
    first: u64,
    segments: Vec<Unsealed>,
    threads: NonZeroUsize,
) -> Result<Vec<Sealed>, CorpusError> {
    let count = segments.len();
    let segments: Vec<_> = segments.into_iter().map(|one| Mutex::new(Some(one))).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut written = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(slot) = segments.get(at) else { return Ok::<_, CorpusError>(written) };
            let unsealed = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(unsealed) = unsealed else { continue };
            let sealed = unsealed.seal();
            let number = first + at as u64;
            let entry = writer.put_segment(number, &sealed.segment).inspect_err(|_| {
                next.store(count, Ordering::Relaxed);
            })?;
            let ids = sealed.segment.traces.id.to_vec();
            written.push(Sealed { entry, ids, duplicates: sealed.duplicates });
        }
    };
    let mut all = Vec::with_capacity(count);
    for part in on_threads(threads.get().min(count), work) {
        all.extend(part?);
    }
    all.sort_unstable_by_key(|written| written.entry.number);
    Ok(all)
}
