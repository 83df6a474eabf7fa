//! Tables whose equal entries are one.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

/// A table of a module under construction: adding what is there gives the entry that is there.
pub struct Table<T> {
    items: Vec<T>,
    numbers: HashTable<usize>,
    hasher: DefaultHashBuilder,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { items: Vec::new(), numbers: HashTable::new(), hasher: DefaultHashBuilder::default() }
    }
}

impl<T: Eq + Hash> Table<T> {
    /// The index of the entry that equals `item`, which is added if there is none.
    pub fn add(&mut self, item: T) -> usize {
        let Self { items, numbers, hasher } = self;
        let hash = hasher.hash_one(&item);
        if let Some(&at) = numbers.find(hash, |&at| items[at] == item) {
            return at;
        }
        let at = items.len();
        items.push(item);
        numbers.insert_unique(hash, at, |&at| hasher.hash_one(&items[at]));
        at
    }

    /// The entry at `index`.
    pub fn get(&self, index: usize) -> &T {
        &self.items[index]
    }

    /// The entries, in the order in which they were added.
    pub fn finish(self) -> Vec<T> {
        self.items
    }
}
