//! Finds duplicates among spans of which nothing else is kept: eight bytes a span.

use super::tight;

/// A power of two, so that the top bits of a fingerprint choose: few enough to stay in cache while
/// spans arrive, enough to make each short to look through.
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
        let (mut duplicates, mut slots) = (0, Vec::new());
        for (number, bucket) in first.0.iter_mut().enumerate() {
            let mut all = std::mem::take(bucket);
            for worker in &mut workers {
                all.append(&mut std::mem::take(&mut worker.0[number]));
            }
            duplicates += repeated(&all, &mut slots);
        }
        duplicates
    }
}

/// How many fingerprints are there beyond the first of each. Their bits are random, so the low ones
/// say where in `slots`, of which half stay free, each is looked for.
fn repeated(all: &[u64], slots: &mut Vec<u64>) -> u64 {
    const FREE: u64 = 0;
    let len = (2 * all.len()).next_power_of_two();
    slots.clear();
    slots.resize(len, FREE);
    let mut repeated = 0;
    for &fingerprint in all.iter().filter(|&&fingerprint| fingerprint != FREE) {
        let mut at = fingerprint as usize & (len - 1);
        while slots[at] != FREE && slots[at] != fingerprint {
            at = (at + 1) & (len - 1);
        }
        repeated += u64::from(slots[at] == fingerprint);
        slots[at] = fingerprint;
    }
    let free = all.iter().filter(|&&fingerprint| fingerprint == FREE).count() as u64;
    repeated + free.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_beyond_the_first_is_counted() {
        let mut slots = Vec::new();
        for (all, expected) in [
            (vec![], 0),
            (vec![0], 0),
            (vec![0, 5, 0, 5, 5, 0], 4),
            (vec![8, 16, 24, 32, 8, u64::MAX, 32], 2),
        ] {
            assert_eq!(repeated(&all, &mut slots), expected, "{all:?}");
        }
        let many: Vec<u64> = (0..10_000_u64).map(|at| at % 7000 * 0x9e37_79b9).collect();
        assert_eq!(repeated(&many, &mut slots), 3000);
    }
}
