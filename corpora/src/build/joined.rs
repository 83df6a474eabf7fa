//! Dictionaries of several workers in one numbering.

use std::sync::Arc;

use ir::segment::{Dictionary, DictionaryBuilder};

use super::interner::MISSING;

/// A dictionary of all workers: that of the first one, continued.
#[derive(Default)]
pub(super) struct Joined {
    pub(super) all: DictionaryBuilder,
    /// From the codes of each worker to those of all.
    pub(super) maps: Vec<Remap>,
}

impl Joined {
    /// Joins the dictionaries of the workers.
    pub(super) fn of(parts: Vec<DictionaryBuilder>) -> Self {
        let mut joined = Self::default();
        for part in parts {
            let map = if joined.all.dictionary().is_empty() {
                joined.all = part;
                Remap(None)
            } else {
                Remap(Some(joined.all.absorb(part.dictionary())))
            };
            joined.maps.push(map);
        }
        joined
    }

    /// The dictionary and the maps; nothing is added after that.
    pub(super) fn finish(self) -> (Arc<Dictionary>, Vec<Remap>) {
        (Arc::new(self.all.finish()), self.maps)
    }
}

/// New numbers for old; without a list they stay.
#[derive(Debug)]
pub(super) struct Remap(Option<Vec<u32>>);

impl Remap {
    /// Whether all numbers stay.
    pub(super) fn is_same(&self) -> bool {
        self.0.is_none()
    }

    /// The new number.
    pub(super) fn get(&self, old: u32) -> u32 {
        self.0.as_ref().map_or(old, |list| list[old as usize])
    }

    /// The same, where the old number may be [`MISSING`], which it stays.
    pub(super) fn get_any(&self, old: u32) -> u32 {
        if old == MISSING { MISSING } else { self.get(old) }
    }

    /// Replaces all numbers by new ones.
    pub(super) fn renew(&self, numbers: &mut [u32]) {
        if let Some(list) = &self.0 {
            numbers.iter_mut().for_each(|number| *number = list[*number as usize]);
        }
    }

    /// The same for numbers that are one more, or 0 for none.
    pub(super) fn renew_some(&self, numbers: &mut [u32]) {
        for number in numbers.iter_mut().filter(|number| **number != 0) {
            *number = self.get(*number - 1) + 1;
        }
    }
}
