//! Trace ordinals of the rows of an operation without the ordinals: the operation's presence says
//! which traces there are, in the order of rows, and a bit a row which rows begin a trace. Where
//! each trace has one row these bits are left out.

use std::ops::Range;

use bytes::Bytes;
use ir::Mask;
use ir::segment::Ends;

/// The bits of the rows that begin a trace, 64 to a word; none where all do.
pub(super) fn pack(ordinals: &[u32]) -> Vec<u64> {
    let mut words = vec![0_u64; ordinals.len().div_ceil(64)];
    let mut last = None;
    let mut all = true;
    for (row, &ordinal) in ordinals.iter().enumerate() {
        if last == Some(ordinal) {
            all = false;
        } else {
            words[row / 64] |= 1 << (row % 64);
        }
        last = Some(ordinal);
    }
    if all { Vec::new() } else { words }
}

/// The ordinals of all rows.
#[derive(Debug)]
pub(super) struct Ordinals {
    presence: Ranked<Bytes>,
    /// The rows that end a trace; none where all do.
    ends: Option<Ranked<Mask>>,
}

impl Ordinals {
    /// Of `rows` rows, by the bits of presence and those of [`pack`]; `None` if they do not belong together.
    pub(super) fn new(presence: Bytes, firsts: &[u8], rows: usize) -> Option<Self> {
        let presence = Ranked::new(presence);
        if firsts.is_empty() {
            return (presence.count == rows).then_some(Self { presence, ends: None });
        }
        let firsts: &[u64] = bytemuck::try_cast_slice(firsts).ok()?;
        let beyond = if rows.is_multiple_of(64) { 0 } else { firsts.last()? >> (rows % 64) };
        let whole = firsts.len() == rows.div_ceil(64) && beyond == 0 && firsts.first()? & 1 == 1;
        let ends = whole.then(|| Ranked::new(before(firsts, rows)))?;
        (ends.count == presence.count).then_some(Self { presence, ends: Some(ends) })
    }

    /// The ordinal of a row that there is.
    pub(super) fn get(&self, row: usize) -> u32 {
        self.presence.select(self.ends.as_ref().map_or(row, |ends| ends.rank(row)))
    }

    /// The rows that end a trace.
    pub(super) fn ends(&self) -> Ends<'_> {
        self.ends.as_ref().map_or(Ends::All, |ends| Ends::Some(&ends.bits))
    }

    /// The rows of a trace.
    pub(super) fn run(&self, trace: u32) -> Range<usize> {
        let trace = trace as usize;
        if !self.presence.has(trace) {
            return 0..0;
        }
        let number = self.presence.rank(trace);
        let Some(ends) = &self.ends else { return number..number + 1 };
        let behind = |number| ends.select(number) as usize + 1;
        number.checked_sub(1).map_or(0, behind)..behind(number)
    }

    /// All of them.
    pub(super) fn write(&self, all: &mut [u32]) {
        match &self.ends {
            None => self.presence.list(all),
            Some(ends) => {
                let mut traces = vec![0; self.presence.count];
                self.presence.list(&mut traces);
                let mut number = 0_usize;
                for (word, rows) in ends.words().iter().zip(all.chunks_mut(64)) {
                    for (bit, row) in rows.iter_mut().enumerate() {
                        *row = traces[number];
                        number += (word >> bit & 1) as usize;
                    }
                }
            }
        }
    }
}

/// The rows before those that begin a trace, the first of which does, and the last row.
fn before(firsts: &[u64], rows: usize) -> Mask {
    let mut ends = Mask::empty(rows);
    for (at, word) in ends.words_mut().iter_mut().enumerate() {
        *word = firsts[at] >> 1 | firsts.get(at + 1).copied().unwrap_or(0) << 63;
    }
    if let Some(last) = rows.checked_sub(1) {
        ends.insert(last);
    }
    ends
}

/// Words of bits, 64 to each, low bit first.
trait Words {
    fn words(&self) -> &[u64];
}

impl Words for Bytes {
    fn words(&self) -> &[u64] {
        bytemuck::cast_slice(self)
    }
}

impl Words for Mask {
    fn words(&self) -> &[u64] {
        self.words()
    }
}

/// Bits, and how many are set before each line of them.
#[derive(Debug)]
struct Ranked<W> {
    bits: W,
    before: Vec<u32>,
    count: usize,
}

/// Words a line.
const LINE: usize = 8;

impl<W: Words> Ranked<W> {
    fn new(bits: W) -> Self {
        let words = bits.words();
        let mut count = 0;
        let mut before = Vec::with_capacity(words.len() / LINE + 1);
        for line in words.chunks(LINE) {
            before.push(count);
            count += line.iter().map(|word| word.count_ones()).sum::<u32>();
        }
        Self { bits, before, count: count as usize }
    }

    fn words(&self) -> &[u64] {
        self.bits.words()
    }

    /// Whether `bit` is there and set.
    fn has(&self, bit: usize) -> bool {
        self.words().get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// How many are set before `bit`.
    fn rank(&self, bit: usize) -> usize {
        let (words, word) = (self.words(), bit / 64);
        let line = (word / LINE).min(self.before.len().saturating_sub(1));
        let whole = words[line * LINE..word].iter().map(|word| word.count_ones());
        let part = words.get(word).map_or(0, |own| (own & ((1 << (bit % 64)) - 1)).count_ones());
        self.before.get(line).map_or(0, |&before| (before + whole.sum::<u32>() + part) as usize)
    }

    /// The bit before which `number` are set, and which is set itself.
    fn select(&self, number: usize) -> u32 {
        let line = self.before.partition_point(|&before| before as usize <= number) - 1;
        let mut left = number as u32 - self.before[line];
        for (at, word) in self.words().iter().enumerate().skip(line * LINE) {
            let own = word.count_ones();
            if left < own {
                let word = (0..left).fold(*word, |word, _| word & (word - 1));
                return at as u32 * 64 + word.trailing_zeros();
            }
            left -= own;
        }
        0
    }

    /// The numbers of the bits that are set.
    fn list(&self, into: &mut [u32]) {
        let mut at = 0;
        for (number, &word) in self.words().iter().enumerate() {
            let base = number as u32 * 64;
            if word == !0 {
                let own = into[at..at + 64].iter_mut();
                own.enumerate().for_each(|(bit, item)| *item = base + bit as u32);
                at += 64;
                continue;
            }
            let mut left = word;
            while left != 0 {
                into[at] = base + left.trailing_zeros();
                left &= left - 1;
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(words: &[u64]) -> Bytes {
        Bytes::copy_from_slice(bytemuck::cast_slice(words))
    }

    #[test]
    fn ordinals_come_back_whole_and_one_by_one() {
        let spread = |rows: u32, step: u32, each: u32| -> Vec<u32> {
            (0..rows).map(|row| row / each * step).collect()
        };
        let mut few = spread(700, 3, 1);
        few[501] = few[500];
        few[502] = few[500];
        let lists =
            [vec![5], spread(300, 1, 1), spread(1000, 2, 1), spread(1000, 5, 3), few, vec![9; 130]];
        // Runs that end and begin where words do.
        let edges = [63, 64, 65, 128, 129].map(|rows| [spread(rows, 7, 2), spread(rows, 3, 64)]);
        for list in lists.into_iter().chain(edges.into_iter().flatten()) {
            let mut presence = vec![0_u64; 80];
            list.iter().for_each(|at| presence[*at as usize / 64] |= 1 << (at % 64));
            let packed = pack(&list);
            let ordinals = Ordinals::new(bytes(&presence), &bytes(&packed), list.len());
            let ordinals = ordinals.expect("they belong together");
            assert!((0..list.len()).all(|row| ordinals.get(row) == list[row]), "{list:?}");
            for trace in 0..6_000 {
                let from = list.partition_point(|&own| own < trace);
                let to = list.partition_point(|&own| own <= trace);
                let run = ordinals.run(trace);
                assert!(run == (from..to) || run.is_empty() && from == to, "{trace} of {list:?}");
            }
            let mut all = vec![0; list.len()];
            ordinals.write(&mut all);
            assert_eq!(all, list);
            let own =
                Mask::collect((0..list.len()).map(|row| list.get(row + 1) != Some(&list[row])));
            let expected = if own.count() == list.len() { Ends::All } else { Ends::Some(&own) };
            assert_eq!(ordinals.ends(), expected, "{list:?}");
            presence[79] |= 1;
            assert!(Ordinals::new(bytes(&presence), &bytes(&packed), list.len()).is_none());
        }
    }
}
