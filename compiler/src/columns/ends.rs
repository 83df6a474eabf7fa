//! Rows to their traces, a trace at a time: worth it where many rows of each trace are meant. With
//! few, going from row to row is as fast, and nothing has to be prepared.

use std::cell::RefCell;
use std::rc::Rc;

use ir::Mask;

use super::kernel::bits;

/// One of so many rows at least has to be meant.
const DENSE: usize = 4;

/// The ends of the traces of one operation.
#[derive(Default)]
pub struct LastEnds(RefCell<Option<(usize, Rc<Ends>)>>);

impl LastEnds {
    /// The ends of `traces`, those of the rows of `operation`, if they pay where so many of these
    /// rows are meant.
    pub fn get(&self, operation: usize, traces: &[u32], meant: usize) -> Option<Rc<Ends>> {
        let (first, last) = (traces.first()?, traces.last()?);
        if meant < traces.len() / DENSE || (last - first) as usize > traces.len() / 2 {
            return None;
        }
        let mut kept = self.0.borrow_mut();
        match &*kept {
            Some((own, ends)) if *own == operation => Some(Rc::clone(ends)),
            _ => Some(Rc::clone(&kept.insert((operation, Rc::new(Ends::of(traces)))).1)),
        }
    }
}

/// The last row of each trace, a bit each.
pub struct Ends(Mask);

impl Ends {
    /// The ends of the traces of some rows, which ascend.
    pub fn of(traces: &[u32]) -> Self {
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
        Self(ends)
    }

    /// Calls `visit` with the last row of each trace that has one of `rows`.
    pub fn project(&self, rows: &Mask, mut visit: impl FnMut(usize)) {
        let mut carry = false;
        for (at, (&rows, &ends)) in rows.words().iter().zip(self.0.words()).enumerate() {
            // Ones before each end let a set bit carry into it, as bits of the trace in the word
            // before do; an end stops what is carried.
            let (sum, over) = (rows & !ends).overflowing_add(!ends);
            let (sum, over_by_carry) = sum.overflowing_add(u64::from(carry));
            carry = over || over_by_carry;
            let mut hits = (sum | rows) & ends;
            while hits != 0 {
                visit(at * 64 + hits.trailing_zeros() as usize);
                hits &= hits - 1;
            }
        }
    }

    /// Calls `visit` with the last row of each trace that has some of `rows`, and their number.
    pub fn count(&self, rows: &Mask, mut visit: impl FnMut(usize, u32)) {
        let mut open = 0;
        for (at, (&rows, &ends)) in rows.words().iter().zip(self.0.words()).enumerate() {
            let (mut rows, mut ends) = (rows, ends);
            while ends != 0 {
                let through = ends ^ (ends - 1);
                let count = open + (rows & through).count_ones();
                if count > 0 {
                    visit(at * 64 + ends.trailing_zeros() as usize, count);
                }
                open = 0;
                rows &= !through;
                ends &= ends - 1;
            }
            open += rows.count_ones();
        }
    }
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
            let (len, step, share) = (noise(seed) % 400, 1 + noise(seed + 1) % 90, seed % 17);
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
            let ends = Ends::of(&traces);
            let mut counts = vec![0; len + 4];
            ends.count(&rows, |row, count| counts[traces[row] as usize] += count);
            assert_eq!(counts, expected, "seed {seed}");
            let mut found = vec![0; len + 4];
            ends.project(&rows, |row| found[traces[row] as usize] += 1);
            let once: Vec<u32> = expected.iter().map(|count| u32::from(*count > 0)).collect();
            assert_eq!(found, once, "seed {seed}");
        }
    }
}
