//! From rows to their traces by bits alone, 64 at a time.
//!
//! The rows of an operation lie trace by trace: each trace with such spans is one run of rows. A
//! segment at rest knows which traces these are, a bit a trace, and which rows end a run, a bit a
//! row. In others both are found out by the numbers of the traces, which pays where many rows are
//! meant.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use ir::segment::Ends;
use ir::{Answer, Mask, Segment};

use super::kernel::bits;
use super::rows::Rows;

/// One of so many rows at least has to be meant for it to be found out which end a run.
const DENSE: usize = 4;

/// The runs of the operation that was asked last.
#[derive(Default)]
pub struct LastRuns<'a>(RefCell<Option<(usize, Rc<Runs<'a>>)>>);

impl<'a> LastRuns<'a> {
    /// The runs of `operation`, if they are kept, or known, or pay where so many of its rows are meant.
    pub fn get(
        &self,
        segment: &'a Segment,
        operation: usize,
        meant: usize,
    ) -> Option<Rc<Runs<'a>>> {
        let mut kept = self.0.borrow_mut();
        match &*kept {
            Some((own, runs)) if *own == operation => Some(Rc::clone(runs)),
            _ => {
                let runs = Runs::of(segment, operation, meant)?;
                Some(Rc::clone(&kept.insert((operation, Rc::new(runs))).1))
            }
        }
    }
}

/// The runs of one operation.
pub struct Runs<'a> {
    /// The traces, one a run.
    presence: Cow<'a, Mask>,
    /// The last row of each run; none where each run is one row.
    ends: Option<Cow<'a, Mask>>,
    /// How many runs there are, and rows.
    len: usize,
    rows: usize,
}

impl<'a> Runs<'a> {
    fn of(segment: &'a Segment, operation: usize, meant: usize) -> Option<Self> {
        let rows = segment.operations[operation].rows.len();
        if let Some((presence, ends)) = segment.runs(operation) {
            let (ends, len) = match ends {
                Ends::All => (None, rows),
                Ends::Some(ends) => (Some(Cow::Borrowed(ends)), ends.count()),
            };
            return Some(Self { presence: Cow::Borrowed(presence), ends, len, rows });
        }
        let range = segment.operations[operation].rows.clone();
        let found = || Self::found(&segment.table(operation).trace[range], segment.len());
        // With fewer rows than words of a mask of traces, the mask would be most of the work.
        (meant >= rows / DENSE && rows >= segment.len() / 64).then(found)
    }

    /// The runs of rows by their traces, which ascend and are below `len`.
    fn found(traces: &[u32], len: usize) -> Self {
        let ends = ends(traces);
        let mut presence = Mask::empty(len);
        ends.iter().for_each(|row| presence.insert(traces[row] as usize));
        let (len, rows) = (ends.count(), traces.len());
        Self { presence: Cow::Owned(presence), ends: Some(Cow::Owned(ends)), len, rows }
    }

    /// The runs, by number, that have one of `rows`.
    pub fn having(&self, rows: &Mask) -> Mask {
        let Some(ends) = &self.ends else { return rows.clone() };
        let mut hits = Mask::empty(rows.len());
        let mut carry = false;
        let words = rows.words().iter().zip(ends.words());
        for (hits, (&rows, &ends)) in hits.words_mut().iter_mut().zip(words) {
            // Ones before each end let a set bit carry into it, as bits of the run in the word before
            // do; an end stops what is carried.
            let (sum, over) = (rows & !ends).overflowing_add(!ends);
            let (sum, over_by_carry) = sum.overflowing_add(u64::from(carry));
            carry = over || over_by_carry;
            *hits = sum | rows;
        }
        hits.gathered(ends, self.len)
    }

    /// Adds the traces of `rows` to `traces`.
    pub fn project(&self, rows: &Mask, traces: &mut Mask) {
        traces.spread(&self.having(rows), &self.presence);
    }

    /// That something holds on these runs of `operation`, whose runs these are, and whether on the
    /// traces without one.
    pub fn answer(
        &self,
        segment: &Segment,
        operation: usize,
        holding: Mask,
        elsewhere: bool,
    ) -> Answer {
        if segment.operations[operation].presence.is_some() {
            return Answer::Among { operation, holding, elsewhere };
        }
        let mut traces = Mask::empty(self.presence.len());
        if elsewhere {
            traces.unite(&self.presence);
            traces.invert();
        }
        traces.spread(&holding, &self.presence);
        Answer::Traces(traces)
    }

    /// What `measure` says of each run, by its first row, its last row and how many of `rows` it has.
    /// A run of one row counts that, and is measured only where `each` is asked for: most are.
    pub fn counts(
        &self,
        rows: &Rows,
        each: bool,
        mut measure: impl FnMut(usize, usize, u32) -> u32,
    ) -> RunCounts {
        let rows = match rows {
            Rows::None => Cow::Owned(Mask::empty(self.rows)),
            Rows::All => Cow::Owned(Mask::full(self.rows)),
            Rows::Some(mask) => Cow::Borrowed(mask),
        };
        let ends = match &self.ends {
            Some(ends) => Cow::Borrowed(&**ends),
            None if each => Cow::Owned(Mask::full(self.rows)),
            None => return RunCounts { ones: rows.into_owned(), others: Vec::new() },
        };
        let ones = if each { Mask::empty(self.len) } else { rows.gathered(&ends, self.len) };
        let mut others = Vec::new();
        let (mut runs, mut first, mut ended) = (0, 0, 1);
        for (at, &ends) in ends.words().iter().enumerate() {
            let mut left = if each { ends } else { ends & !(ends << 1 | ended) };
            while left != 0 {
                let last = left.trailing_zeros();
                left &= left - 1;
                let before = ends & !(u64::MAX << last);
                let first = before.checked_ilog2().map_or(first, |end| at * 64 + end as usize + 1);
                let last = at * 64 + last as usize;
                let count = measure(first, last, count(rows.words(), first, last));
                others.push((runs + before.count_ones(), count));
            }
            runs += ends.count_ones();
            first = ends.checked_ilog2().map_or(first, |end| at * 64 + end as usize + 1);
            ended = ends >> 63;
        }
        RunCounts { ones, others }
    }

    /// The counts of all traces, by number.
    pub fn by_trace(&self, counts: &RunCounts) -> Vec<u32> {
        let mut all = vec![0; self.presence.len()];
        let mut others = counts.others.iter().peekable();
        for (run, trace) in self.presence.iter().enumerate() {
            all[trace] = match others.next_if(|(other, _)| *other as usize == run) {
                Some((_, count)) => *count,
                None => u32::from(counts.ones.get(run)),
            };
        }
        all
    }
}

/// How many each run has.
pub struct RunCounts {
    /// The runs that have one; those that are among the others whatever they have.
    ones: Mask,
    /// Of some runs by number, ascending, how many.
    others: Vec<(u32, u32)>,
}

impl RunCounts {
    /// The runs whose count is wanted.
    pub fn holding(&self, wanted: impl Fn(u32) -> bool) -> Mask {
        let mut holding = match (wanted(0), wanted(1)) {
            (false, false) => Mask::empty(self.ones.len()),
            (true, true) => Mask::full(self.ones.len()),
            (inverted, _) => {
                let mut holding = self.ones.clone();
                if inverted {
                    holding.invert();
                }
                holding
            }
        };
        for &(run, count) in &self.others {
            if wanted(count) {
                holding.insert(run as usize);
            } else {
                holding.remove(run as usize);
            }
        }
        holding
    }
}

/// How many bits from the first to the last are set.
fn count(words: &[u64], first: usize, last: usize) -> u32 {
    let (low, high) = (u64::MAX << (first % 64), u64::MAX >> (63 - last % 64));
    let (from, to) = (first / 64, last / 64);
    if from == to {
        return (words[from] & low & high).count_ones();
    }
    let between = words[from + 1..to].iter().map(|word| word.count_ones());
    (words[from] & low).count_ones() + between.sum::<u32>() + (words[to] & high).count_ones()
}

/// The last row of each trace of some rows, which ascend.
fn ends(traces: &[u32]) -> Mask {
    let len = traces.len();
    let mut ends = Mask::empty(len);
    for (at, word) in ends.words_mut().iter_mut().enumerate() {
        let from = at * 64;
        let own = &traces[from..len.min(from + 64)];
        let next = &traces[from + 1..len.min(from + 65)];
        let mut hits = [0_u8; 64];
        for ((hit, own), next) in hits.iter_mut().zip(own).zip(next) {
            *hit = u8::from(own != next);
        }
        *word = bits(&hits);
    }
    if let Some(last) = len.checked_sub(1) {
        ends.insert(last);
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random.
    fn noise(number: usize) -> usize {
        let mixed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 31) as usize >> 8
    }

    #[test]
    fn traces_are_those_of_the_rows() {
        for seed in 0..2_000 {
            let edges = [0, 1, 63, 64, 65, 127, 128, 129, 192];
            let len = edges.get(seed / 5).copied().unwrap_or(noise(seed) % 400);
            // Of steps of 1 each trace has one row.
            let step = if seed % 5 == 0 { 1 } else { 1 + noise(seed + 1) % 90 };
            let share = seed % 17;
            let mut trace = 3;
            let traces: Vec<u32> = (0..len)
                .map(|row| {
                    trace += u32::from(noise(seed * 1_000 + row).is_multiple_of(step));
                    trace
                })
                .collect();
            let mut rows = Mask::empty(len);
            (0..len)
                .filter(|row| noise(seed * 777 + row) % 17 <= share)
                .for_each(|row| rows.insert(row));
            let mut expected = vec![0; len + 4];
            rows.iter().for_each(|row| expected[traces[row] as usize] += 1);
            let begins = |row: usize| row == 0 || traces[row] != traces[row - 1];
            let is_last = |row: usize| row + 1 == len || begins(row + 1);
            assert_eq!(ends(&traces), Mask::collect((0..len).map(is_last)), "seed {seed}");
            let mut all = vec![Runs::found(&traces, len + 4)];
            if (0..len).all(begins) {
                all.push(Runs { ends: None, ..Runs::found(&traces, len + 4) });
            }
            for runs in all {
                for each in [false, true] {
                    let counts =
                        runs.counts(&Rows::of(rows.clone()), each, |first, last, count| {
                            assert!(begins(first) && is_last(last));
                            let own = (first..=last).filter(|row| rows.get(*row)).count();
                            assert_eq!(count as usize, own, "seed {seed}");
                            count
                        });
                    assert_eq!(runs.by_trace(&counts), expected, "seed {seed}");
                    for wanted in [0..=0, 0..=1, 1..=1, 2..=9, 1..=400] {
                        let holding = counts.holding(|count| wanted.contains(&count));
                        let present = runs.presence.iter();
                        let holds: Vec<bool> =
                            present.map(|trace| wanted.contains(&expected[trace])).collect();
                        let holds = Mask::collect(holds.into_iter());
                        assert_eq!(holding, holds, "seed {seed}, {wanted:?}");
                    }
                }
                let mut found = Mask::empty(len + 4);
                found.insert(1);
                runs.project(&rows, &mut found);
                let mut once = Mask::collect(expected.iter().map(|count| *count > 0));
                once.insert(1);
                assert_eq!(found, once, "seed {seed}");
            }
        }
    }
}
