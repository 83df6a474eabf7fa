//! Bits moved together from where other bits are set, and apart to where others are, and counted, a word at a
//! time: an instruction each where the machine has them.

/// Words that are looked at together.
const LINE: usize = 32;

/// Puts the `bits` that stand where `places` are set one behind the other into `into`, which has zeros.
/// Where it has room behind the last, what is there stays.
pub fn gather(bits: &[u64], places: &[u64], into: &mut [u64]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("bmi2") && is_x86_feature_detected!("popcnt") {
        #[expect(unsafe_code, reason = "only here is it known what the machine can do")]
        // SAFETY: it has been asked for both features that the function needs.
        return unsafe { fast::gather(bits, places, into) };
    }
    gather_by(bits, places, into, gathered);
}

/// How many bits are set.
pub fn count(words: &[u64]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("popcnt") {
        #[expect(unsafe_code, reason = "only here is it known what the machine can do")]
        // SAFETY: it has been asked for the feature that the function needs.
        return unsafe { fast::count(words) };
    }
    count_by(words)
}

/// How many bits of `all` are set in any of `parts`, which are as long.
pub fn count_any(parts: &[&[u64]], all: &[u64]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("popcnt") {
        #[expect(unsafe_code, reason = "only here is it known what the machine can do")]
        // SAFETY: it has been asked for the feature that the function needs.
        return unsafe { fast::count_any(parts, all) };
    }
    count_any_by(parts, all)
}

/// Adds `bits`, the first to where the first of `places` is set, and so on, to `sum`; bits beyond the
/// last are zero.
pub fn spread(bits: &[u64], places: &[u64], sum: &mut [u64]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("bmi2") && is_x86_feature_detected!("popcnt") {
        #[expect(unsafe_code, reason = "only here is it known what the machine can do")]
        // SAFETY: it has been asked for both features that the function needs.
        return unsafe { fast::spread(bits, places, sum) };
    }
    spread_by(bits, places, sum, put);
}

#[cfg(target_arch = "x86_64")]
mod fast {
    use std::arch::x86_64::{_pdep_u64, _pext_u64};

    #[target_feature(enable = "bmi2,popcnt")]
    pub fn gather(bits: &[u64], places: &[u64], into: &mut [u64]) {
        super::gather_by(bits, places, into, |bits, places| _pext_u64(bits, places));
    }

    #[target_feature(enable = "popcnt")]
    pub fn count(words: &[u64]) -> usize {
        super::count_by(words)
    }

    #[target_feature(enable = "popcnt")]
    pub fn count_any(parts: &[&[u64]], all: &[u64]) -> usize {
        super::count_any_by(parts, all)
    }

    #[target_feature(enable = "bmi2,popcnt")]
    pub fn spread(bits: &[u64], places: &[u64], sum: &mut [u64]) {
        super::spread_by(bits, places, sum, |bits, places| _pdep_u64(bits, places));
    }
}

#[inline(always)]
fn count_by(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}

#[inline(always)]
fn count_any_by(parts: &[&[u64]], all: &[u64]) -> usize {
    let mut count = 0;
    for (number, all) in all.chunks(LINE).enumerate() {
        let mut any = [0; LINE];
        for part in parts {
            let own = &part[number * LINE..][..all.len()];
            any.iter_mut().zip(own).for_each(|(any, own)| *any |= own);
        }
        count +=
            any.iter().zip(all).map(|(any, all)| (any & all).count_ones() as usize).sum::<usize>();
    }
    count
}

#[inline(always)]
fn gather_by(bits: &[u64], places: &[u64], into: &mut [u64], gathered: impl Fn(u64, u64) -> u64) {
    let (mut at, mut open, mut used) = (0, 0_u64, 0);
    for (&bits, &places) in bits.iter().zip(places) {
        let Some(word) = into.get_mut(at) else { return };
        let own = gathered(bits, places);
        open |= own << used;
        *word = open;
        let end = used + places.count_ones();
        // What did not fit; nothing where all did.
        let rest = own.checked_shr(64 - used).unwrap_or(0);
        let is_full = end >= 64;
        open = if is_full { rest } else { open };
        at += usize::from(is_full);
        used = end % 64;
    }
    if let Some(word) = into.get_mut(at) {
        *word = open;
    }
}

#[inline(always)]
fn spread_by(bits: &[u64], places: &[u64], sum: &mut [u64], put: impl Fn(u64, u64) -> u64) {
    let mut at = 0;
    for (sum, &places) in sum.iter_mut().zip(places) {
        let (word, shift) = (at / 64, at % 64);
        let low = bits.get(word).copied().unwrap_or(0) >> shift;
        let high = bits.get(word + 1).copied().unwrap_or(0).unbounded_shl(64 - shift as u32);
        *sum |= put(low | high, places);
        at += places.count_ones() as usize;
    }
}

fn gathered(bits: u64, mut places: u64) -> u64 {
    let (mut all, mut number) = (0, 0);
    while places != 0 {
        all |= (bits >> places.trailing_zeros() & 1) << number;
        number += 1;
        places &= places - 1;
    }
    all
}

fn put(mut bits: u64, mut places: u64) -> u64 {
    let mut all = 0;
    while places != 0 && bits != 0 {
        all |= (bits & 1) << places.trailing_zeros();
        bits >>= 1;
        places &= places - 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of which one bit in `2 << thin` is set, or all.
    fn noise(seed: u64, len: usize, thin: u32) -> Vec<u64> {
        let mut state = seed | 1;
        let mut next = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            state ^ state >> 31
        };
        (0..len)
            .map(
                |_| if next() % 7 == 0 { !0 } else { (0..=thin).fold(!0, |word, _| word & next()) },
            )
            .collect()
    }

    fn places(words: &[u64]) -> Vec<usize> {
        (0..words.len() * 64).filter(|bit| words[bit / 64] >> (bit % 64) & 1 == 1).collect()
    }

    #[test]
    fn bits_go_where_they_are_told_with_and_without_instructions_for_it() {
        for seed in 0..300_u64 {
            let (len, thin) = (seed as usize % 10 * (seed as usize % 9), seed as u32 % 5);
            let (bits, set) = (noise(seed, len, 0), noise(seed + 1_000, len, thin));
            let mut expected = vec![0_u64; len + 1];
            for (number, place) in places(&set).into_iter().enumerate() {
                expected[number / 64] |= (bits[place / 64] >> (place % 64) & 1) << (number % 64);
            }
            let mut found = [vec![0; len + 1], vec![0; len + 1]];
            gather(&bits, &set, &mut found[0]);
            gather_by(&bits, &set, &mut found[1], gathered);
            assert_eq!(found, [expected.clone(), expected.clone()], "seed {seed}");
            let own = places(&set).len();
            assert_eq!([count(&set), count_by(&set)], [own, own], "seed {seed}");
            let other = noise(seed + 2_000, len, thin);
            let is_any = |bit: &usize| (bits[bit / 64] | other[bit / 64]) >> (bit % 64) & 1 == 1;
            let any = places(&set).into_iter().filter(is_any).count();
            let parts = [&bits[..], &other[..]];
            let counts = [count_any(&parts, &set), count_any_by(&parts, &set)];
            assert_eq!(counts, [any, any], "seed {seed}");
            let mut exact = vec![0; own.div_ceil(64)];
            gather(&bits, &set, &mut exact);
            assert_eq!(exact, expected[..exact.len()], "seed {seed}");
            // All bits, and fewer than there are places.
            for given in [&bits[..], &bits[..len / 2]] {
                let mut expected = bits.clone();
                for (number, place) in places(&set).into_iter().enumerate() {
                    let bit = given.get(number / 64).map_or(0, |word| word >> (number % 64) & 1);
                    expected[place / 64] |= bit << (place % 64);
                }
                let mut sums = [bits.clone(), bits.clone()];
                spread(given, &set, &mut sums[0]);
                spread_by(given, &set, &mut sums[1], put);
                assert_eq!(sums, [expected.clone(), expected], "seed {seed}");
            }
        }
    }
}
