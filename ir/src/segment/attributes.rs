//! The attribute columns of a table, kept only where a row has a value: with ten thousand rules a
//! table may be asked for as many keys and bear three of them.

use std::sync::Arc;

use super::{Column, Slot};

/// See the module's text. Built from slots, it has a column for each key number from 0 on.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    /// Columns by key number, ascending.
    columns: Vec<(usize, Slot)>,
    decoded: Vec<Arc<[usize]>>,
}

impl Attributes {
    /// Columns by key number, ascending, and lists of the numbers of all keys that were decoded,
    /// each ascending: a decoded key without a column is one that no row has.
    pub fn new(columns: Vec<(usize, Column)>, decoded: Vec<Arc<[usize]>>) -> Self {
        let slots = columns.into_iter().map(|(key, column)| (key, Slot::Decoded(column)));
        Self { columns: slots.collect(), decoded }
    }

    /// The column of a key, `None` where it was not decoded.
    pub fn get(&self, key: usize) -> Option<&Slot> {
        const EMPTY: &Slot = &Slot::Decoded(Column::EMPTY);
        match self.columns.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(at) => Some(&self.columns[at].1),
            Err(_) => {
                let decoded = self.decoded.iter().any(|list| list.binary_search(&key).is_ok());
                decoded.then_some(EMPTY)
            }
        }
    }

    /// Key numbers, ascending, and columns of the keys that rows may have.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Slot)> {
        self.columns.iter().map(|(key, slot)| (*key, slot))
    }
}

impl FromIterator<Slot> for Attributes {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        Self { columns: slots.into_iter().enumerate().collect(), decoded: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{Integers, Values};

    #[test]
    fn a_key_that_no_row_bears_is_not_one_that_was_not_decoded() {
        let values = Values::Integers(Integers::pack([5].into_iter()));
        let column = Column { values, present: None };
        let attributes = Attributes::new(
            vec![(4, column)],
            vec![[1, 4].as_slice().into(), [7].as_slice().into()],
        );
        let present = |key| match attributes.get(key) {
            Some(Slot::Decoded(column)) => Some(column.has(0)),
            _ => None,
        };
        let found = [0, 1, 4, 5, 7, 9].map(present);
        assert_eq!(found, [None, Some(false), Some(true), None, Some(false), None]);
    }
}
