//! What a segment derives from its columns when first asked: numbers by text, and each trace's rows.

use std::fmt;
use std::hash::BuildHasher;
use std::ops::Deref;
use std::sync::OnceLock;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{RowRef, Segment};

/// See the module's text.
#[derive(Debug, Default)]
pub struct Index {
    operations: OnceLock<Numbers>,
    by_trace: OnceLock<ByTrace>,
}

/// Attribute keys, each once, by number; segments with the same share them.
#[derive(Default)]
pub struct Keys {
    names: Box<[Box<str>]>,
    numbers: OnceLock<Numbers>,
}

/// The first place of each of some texts, which lie elsewhere.
#[derive(Debug, Default)]
struct Numbers {
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// All rows, trace by trace, those of a trace by operation.
#[derive(Debug)]
struct ByTrace {
    /// Where the rows of each trace begin, and where the last ones end.
    starts: Vec<u32>,
    rows: Vec<RowRef>,
}

impl Index {
    /// The number of the operation of this very name.
    pub(super) fn operation(&self, segment: &Segment, name: &str) -> Option<usize> {
        let text = |number: u32| &*segment.operations[number as usize].name;
        self.operations.get_or_init(|| Numbers::of(segment.operations.len(), text)).get(name, text)
    }

    /// All rows of a trace, by start, then span id. They are put in order when they are asked for:
    /// often few traces of a segment are looked at, and ordering all would be most of the work.
    pub(super) fn spans_of(&self, segment: &Segment, trace: usize) -> Vec<RowRef> {
        let ByTrace { starts, rows } = self.by_trace.get_or_init(|| ByTrace::of(segment));
        let mut own = rows[starts[trace] as usize..starts[trace + 1] as usize].to_vec();
        own.sort_by(|&a, &b| segment.by_start(a).cmp(&segment.by_start(b)));
        own
    }
}

impl Keys {
    /// The number of a key, if it is one of them.
    pub fn number(&self, key: &str) -> Option<usize> {
        let text = |number: u32| &*self.names[number as usize];
        self.numbers.get_or_init(|| Numbers::of(self.names.len(), text)).get(key, text)
    }
}

impl Deref for Keys {
    type Target = [Box<str>];

    fn deref(&self) -> &Self::Target {
        &self.names
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.names.fmt(f)
    }
}

impl FromIterator<Box<str>> for Keys {
    fn from_iter<I: IntoIterator<Item = Box<str>>>(names: I) -> Self {
        Self { names: names.into_iter().collect(), numbers: OnceLock::new() }
    }
}

impl ByTrace {
    fn of(segment: &Segment) -> Self {
        let mut starts = vec![0_u32; segment.len() + 1];
        let rows = || {
            segment.operations.iter().enumerate().flat_map(|(number, operation)| {
                let trace = &segment.tables.get(operation.table).trace;
                operation.rows.clone().map(move |row| {
                    let at = RowRef { operation: number as u32, row: row as u32 };
                    (trace[row] as usize, at)
                })
            })
        };
        rows().for_each(|(trace, _)| starts[trace + 1] += 1);
        for trace in 0..segment.len() {
            starts[trace + 1] += starts[trace];
        }
        let mut next = starts.clone();
        let mut list = vec![RowRef { operation: 0, row: 0 }; starts[segment.len()] as usize];
        for (trace, at) in rows() {
            list[next[trace] as usize] = at;
            next[trace] += 1;
        }
        Self { starts, rows: list }
    }
}

impl Numbers {
    fn of<'a>(len: usize, text: impl Fn(u32) -> &'a str) -> Self {
        let hasher = DefaultHashBuilder::default();
        let mut table = HashTable::with_capacity(len);
        for number in 0..len as u32 {
            let hash = hasher.hash_one(text(number));
            let same = |other: &u32| text(*other) == text(number);
            table.entry(hash, same, |number| hasher.hash_one(text(*number))).or_insert(number);
        }
        Self { table, hasher }
    }

    fn get<'a>(&self, wanted: &str, text: impl Fn(u32) -> &'a str) -> Option<usize> {
        let hash = self.hasher.hash_one(wanted);
        self.table.find(hash, |number| text(*number) == wanted).map(|number| *number as usize)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::segment::OperationRows;

    #[test]
    fn keys_and_operations_are_known_by_their_text() {
        let operation =
            |name: &str| OperationRows { name: name.into(), table: 0, rows: 0..0, presence: None };
        let segment = Segment {
            keys: Arc::new(["a", "b"].map(Into::into).into_iter().collect()),
            operations: ["b", "c"].map(operation).into(),
            ..Segment::default()
        };
        assert_eq!(["a", "b", "c"].map(|key| segment.key(key)), [Some(0), Some(1), None]);
        let found = ["a", "b", "c"].map(|name| segment.index.operation(&segment, name));
        assert_eq!(found, [None, Some(0), Some(1)]);
    }
}
