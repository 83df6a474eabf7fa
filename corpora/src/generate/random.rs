//! Chance: a small seeded source of random numbers, and faults that strike at a steady rate.

/// The splitmix64 sequence (Steele, Lea and Flood, 2014): one addition and one mixing step a number, the same on
/// every machine. Ample for traffic that only has to look irregular.
pub(super) struct Random(u64);

impl Random {
    /// A sequence that depends on the seed alone.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end - 1`; 0 if `end` is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }

    /// A number from `low` to `high - 1`, where `low <= high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low)
    }

    /// True in `share` of 1,000 cases.
    pub(super) fn per_mille(&mut self, share: u64) -> bool {
        self.below(1000) < share
    }

    /// One of the items, which must not be empty.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }
}

/// A fault that strikes exactly once in every `period` opportunities, at a random one of them: rare faults are
/// then present in small workloads too, which plain chance would not promise.
pub(super) struct Fault {
    period: u64,
    seen: u64,
    victim: u64,
}

impl Fault {
    /// A fault that strikes once in `period` opportunities.
    pub(super) fn every(period: u64) -> Self {
        Self { period, seen: 0, victim: 0 }
    }

    /// Takes one opportunity and says whether it is the one that is struck.
    pub(super) fn strikes(&mut self, random: &mut Random) -> bool {
        if self.seen == 0 {
            self.victim = random.below(self.period);
        }
        let struck = self.seen == self.victim;
        self.seen = (self.seen + 1) % self.period;
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Random};

    #[test]
    fn the_sequence_is_splitmix64() {
        let mut random = Random::new(1_234_567);
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_fault_strikes_once_a_period() {
        let mut random = Random::new(7);
        let mut fault = Fault::every(50);
        for _ in 0..20 {
            let struck = (0..50).filter(|_| fault.strikes(&mut random)).count();
            assert_eq!(struck, 1);
        }
    }
}
