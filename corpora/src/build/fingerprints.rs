//! Finds duplicates among spans of which nothing else is kept: eight bytes a span.

use super::tight;

/// A power of two, so that the top bits of a fingerprint choose: few enough to stay in cache while
/// spans arrive, enough to make each short to sort.
const BUCKETS: usize = 64;

/// Fingerprints of spans, in buckets by their top bits.
#[derive(Debug)]
pub(super) struct Fingerprints(Vec<Vec<u64>>);

impl Default for Fingerprints {
    fn default() -> Self {
        Self(vec![Vec::new(); BUCKETS])
    }
}

impl Fingerprints {
    /// Adds one.
    pub(super) fn push(&mut self, fingerprint: u64) {
        let bucket = (fingerprint >> (u64::BITS - BUCKETS.ilog2())) as usize;
        tight::push(&mut self.0[bucket], fingerprint);
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(|bucket| bucket.capacity() * size_of::<u64>()).sum()
    }

    /// How many are there beyond the first of each, over all workers.
    pub(super) fn duplicates(mut workers: Vec<Self>) -> u64 {
        let Some(mut first) = workers.pop() else { return 0 };
        let mut duplicates = 0;
        for (number, bucket) in first.0.iter_mut().enumerate() {
            let mut all = std::mem::take(bucket);
            for worker in &mut workers {
                all.append(&mut std::mem::take(&mut worker.0[number]));
            }
            all.sort_unstable();
            duplicates += all.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
        }
        duplicates
    }
}
