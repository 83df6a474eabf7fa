//! Numbers for distinct lists of codes: what a resource or a scope comes down to.

use hashbrown::HashMap;

/// The code of a missing value.
pub(super) const MISSING: u32 = u32::MAX;

/// Each distinct list once, known by its number.
#[derive(Debug, Default)]
pub(super) struct Interner {
    lists: Vec<Box<[u32]>>,
    numbers: HashMap<Box<[u32]>, u32>,
    bytes: usize,
}

impl Interner {
    /// The number of `list`: a new one if it is new.
    pub(super) fn intern(&mut self, list: &[u32]) -> u32 {
        if let Some(&number) = self.numbers.get(list) {
            return number;
        }
        let number = u32::try_from(self.lists.len()).expect("fewer than 2^32 lists fit memory");
        self.lists.push(list.into());
        self.numbers.insert(list.into(), number);
        self.bytes += 2 * (size_of_val(list) + size_of::<Box<[u32]>>());
        number
    }

    /// The number of `list`, if it is there.
    pub(super) fn find(&self, list: &[u32]) -> Option<u32> {
        self.numbers.get(list).copied()
    }

    /// The lists, by number.
    pub(super) fn lists(&self) -> &[Box<[u32]>] {
        &self.lists
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.numbers.allocation_size()
    }
}
