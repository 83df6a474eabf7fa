//! Bit sets over trace ordinals (or rows), worked on 64 at a time.

use crate::moves;
use crate::segment::Buffer;

/// A set of numbers below `len`, one bit each; bits at `len` and above are always zero.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Mask {
    words: Buffer<u64>,
    len: usize,
}

impl Mask {
    /// The empty set over `0..len`.
    pub fn empty(len: usize) -> Self {
        Self { words: Buffer::zeroed(len.div_ceil(64)), len }
    }

    /// The set of all of `0..len`.
    pub fn full(len: usize) -> Self {
        let mut mask = Self::empty(len);
        mask.invert();
        mask
    }

    /// The set over `0..len` whose bits, 64 to a word, are in `words`; those beyond must be zero.
    pub fn of_words(words: Buffer<u64>, len: usize) -> Self {
        debug_assert_eq!(words.len(), len.div_ceil(64));
        Self { words, len }
    }

    /// The places where an iterator of known length gives `true`.
    pub fn collect(mut items: impl ExactSizeIterator<Item = bool>) -> Self {
        let len = items.len();
        let mut mask = Self::empty(len);
        for (index, word) in mask.words.iter_mut().enumerate() {
            for bit in 0..(len - index * 64).min(64) {
                *word |= u64::from(items.next().unwrap_or_default()) << bit;
            }
        }
        mask
    }

    /// How many numbers it ranges over.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it ranges over nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bits, 64 to a word, low bit first.
    #[inline]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The bits, to be written 64 at a time; bits beyond the range must stay zero.
    #[inline]
    pub fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// Whether `index` is in the set; `false` beyond its range.
    #[inline]
    pub fn get(&self, index: usize) -> bool {
        index < self.len && self.words.at(index / 64) >> (index % 64) & 1 == 1
    }

    /// Adds `index`, which must be below `len`.
    #[inline]
    pub fn insert(&mut self, index: usize) {
        debug_assert!(index < self.len);
        self.words[index / 64] |= 1 << (index % 64);
    }

    /// Removes `index`, which must be below `len`.
    pub fn remove(&mut self, index: usize) {
        debug_assert!(index < self.len);
        self.words[index / 64] &= !(1 << (index % 64));
    }

    /// Whether the bits of another are these very ones.
    pub fn shares(&self, other: &Self) -> bool {
        std::ptr::eq(self.words(), other.words())
    }

    /// How many numbers are in the set.
    pub fn count(&self) -> usize {
        moves::count(&self.words)
    }

    /// How many numbers in the set are in any of `parts`, which are over the same range.
    pub fn count_any(&self, parts: &[&Self]) -> usize {
        let parts: Vec<&[u64]> = parts.iter().map(|part| part.words()).collect();
        moves::count_any(&parts, &self.words)
    }

    /// How many numbers below `index` are in the set.
    pub fn rank(&self, index: usize) -> usize {
        let (whole, part) = self.words.split_at(index / 64);
        let part = part.first().map_or(0, |word| word & ((1 << (index % 64)) - 1));
        moves::count(whole) + part.count_ones() as usize
    }

    /// Whether any number is in the set.
    pub fn any(&self) -> bool {
        self.words.iter().any(|word| *word != 0)
    }

    /// Keeps what is in both.
    pub fn intersect(&mut self, other: &Self) {
        self.zip(other, |a, b| a & b);
    }

    /// Adds what is in `other`.
    pub fn unite(&mut self, other: &Self) {
        self.zip(other, |a, b| a | b);
    }

    /// Removes what is in `other`.
    pub fn subtract(&mut self, other: &Self) {
        self.zip(other, |a, b| a & !b);
    }

    /// Becomes its complement within `0..len`.
    pub fn invert(&mut self) {
        self.words.iter_mut().for_each(|word| *word = !*word);
        self.trim();
    }

    /// Of the numbers in `places`, which are so many, those that are in the set, by their rank there.
    pub fn gathered(&self, places: &Self, count: usize) -> Self {
        let mut gathered = Self::empty(count);
        moves::gather(&self.words, &places.words, &mut gathered.words);
        gathered
    }

    /// Adds the numbers in `places` whose ranks there are in `ranks`; undoes [`Self::gathered`].
    pub fn spread(&mut self, ranks: &Self, places: &Self) {
        moves::spread(&ranks.words, &places.words, &mut self.words);
    }

    /// The numbers in the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(index * 64 + bit)
            })
        })
    }

    fn zip(&mut self, other: &Self, combine: impl Fn(u64, u64) -> u64) {
        debug_assert_eq!(self.len, other.len);
        for (a, b) in self.words.iter_mut().zip(other.words.iter()) {
            *a = combine(*a, *b);
        }
    }

    fn trim(&mut self) {
        if let (Some(last), used @ 1..) = (self.words.last_mut(), self.len % 64) {
            *last &= (1 << used) - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_beyond_the_length_stay_zero() {
        for len in [0, 1, 63, 64, 65, 130] {
            let mut mask = Mask::full(len);
            assert_eq!(mask.count(), len);
            assert_eq!(mask.iter().count(), len);
            assert_eq!((mask.rank(len / 2), mask.rank(len)), (len / 2, len));
            mask.invert();
            assert_eq!(mask, Mask::empty(len));
            mask.invert();
            assert_eq!(mask, Mask::full(len));
        }
    }

    #[test]
    fn ranks_go_where_their_numbers_are() {
        let every = |step: usize| Mask::collect((0..300).map(|at| at % step == 1));
        let (sixth, third) = (every(6), every(3));
        let ranks = sixth.gathered(&third, 100);
        assert_eq!(ranks, Mask::collect((0..100).map(|rank| rank % 2 == 0)));
        let mut found = Mask::empty(300);
        found.spread(&ranks, &third);
        assert_eq!(found, sixth);
        assert_eq!(third.count_any(&[&sixth, &every(5)]), 50 + 10);
        assert!(third.shares(&third) && !third.shares(&third.clone()));
    }

    #[test]
    fn set_algebra() {
        let of = |bits: &[usize]| {
            let mut mask = Mask::empty(100);
            bits.iter().for_each(|&bit| mask.insert(bit));
            mask
        };
        let (a, b) = (of(&[1, 64, 99]), of(&[1, 65]));
        let apply = |change: fn(&mut Mask, &Mask)| {
            let mut result = a.clone();
            change(&mut result, &b);
            result.iter().collect::<Vec<_>>()
        };
        assert_eq!(apply(Mask::intersect), [1]);
        assert_eq!(apply(Mask::unite), [1, 64, 65, 99]);
        assert_eq!(apply(Mask::subtract), [64, 99]);
        assert!(a.get(99) && !a.get(98) && !a.get(1000));
    }
}
