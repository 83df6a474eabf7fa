//! How many different values there are, exactly as long as they are few, else about: of evenly spread
//! hashes the smallest tell how many there are.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Hashes that are kept: the count of more values is off by about one in a hundred.
const KEPT: usize = 1 << 14;

/// The smallest hashes of the values so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Sketch {
    least: BTreeSet<u64>,
    full: bool,
}

impl Sketch {
    /// Adds a value.
    pub(super) fn add(&mut self, value: &(impl Hash + ?Sized)) {
        // The same in each run, so that reports are.
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        let hash = hasher.finish();
        if self.least.len() < KEPT {
            self.least.insert(hash);
        } else if self.least.last().is_some_and(|last| hash < *last) && self.least.insert(hash) {
            self.least.pop_last();
            self.full = true;
        } else if !self.least.contains(&hash) {
            self.full = true;
        }
    }

    /// How many different values were added, and whether that is exact.
    pub(super) fn count(&self) -> (u64, bool) {
        match self.least.last() {
            Some(&last) if self.full => {
                let share = last as f64 / u64::MAX as f64;
                (((KEPT - 1) as f64 / share) as u64, false)
            }
            _ => (self.least.len() as u64, true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_counted_and_many_are_estimated() {
        for (values, exact) in [(0, true), (1, true), (KEPT as u64, true), (300_000, false)] {
            let mut sketch = Sketch::default();
            (0..values).chain(0..values).for_each(|value| sketch.add(&value));
            let (count, is_exact) = sketch.count();
            assert_eq!(is_exact, exact, "{values}");
            assert!(count.abs_diff(values) * 25 <= values, "{count} of {values}");
            assert!(!exact || count == values, "{count} of {values}");
        }
    }
}
