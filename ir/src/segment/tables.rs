//! The tables of a segment: made with it, or stored, and then each described when first looked at.

use std::sync::{Arc, OnceLock};

use super::{Store, Table};

/// See the module's text. Built from tables, it has them by position.
#[derive(Debug, Default)]
pub struct Tables {
    tables: Vec<OnceLock<Table>>,
    store: Option<Arc<dyn Store>>,
}

impl Tables {
    /// The `len` tables of a store.
    pub fn stored(store: Arc<dyn Store>, len: usize) -> Self {
        Self { tables: (0..len).map(|_| OnceLock::new()).collect(), store: Some(store) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.tables.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Table `number`.
    ///
    /// # Panics
    /// Where there is none.
    pub fn get(&self, number: usize) -> &Table {
        self.tables[number].get_or_init(|| match &self.store {
            Some(store) => store.table(number),
            None => unreachable!("without a store each table was there from the start"),
        })
    }
}

impl FromIterator<Table> for Tables {
    fn from_iter<I: IntoIterator<Item = Table>>(tables: I) -> Self {
        Self { tables: tables.into_iter().map(OnceLock::from).collect(), store: None }
    }
}
