//! The attributes of the spans of a plan, read out one after the other while they are sealed.

use hashbrown::HashSet;

use super::cells::Kind;
use super::merge::Shared;
use super::seal::{Part, PlanSpans};
use super::twins::join_values;

/// The values of an attribute that the spans of a plan bear; its memory serves the next one, too.
#[derive(Default)]
pub(super) struct KeyValues {
    /// How to read them; all chunks have one kind, `None` where none has the attribute.
    pub(super) kind: Option<Kind>,
    /// By number of the span; anything where there is no value.
    pub(super) bits: Vec<u64>,
    /// Which spans have a value.
    pub(super) present: Vec<bool>,
}

impl KeyValues {
    /// Sets them to those of the rows of these parts, with the run's codes: read chunk by chunk, since
    /// sorted rows would jump between chunks.
    fn read(&mut self, shared: &Shared, key: usize, parts: &[Part<'_>]) {
        self.kind = None;
        self.bits.clear();
        self.present.clear();
        for Part { worker, chunk, rows } in parts {
            let begin = self.bits.len();
            let Some(column) = chunk.cells(key) else {
                self.bits.resize(begin + rows.len(), 0);
                self.present.resize(begin + rows.len(), false);
                continue;
            };
            self.kind = Some(column.kind());
            column.read(rows, &mut self.bits, &mut self.present);
            let codes = &shared.workers[*worker as usize].dictionaries[key];
            if column.kind() == Kind::Codes && !codes.is_same() {
                let read = self.bits[begin..].iter_mut().zip(&self.present[begin..]);
                for (bits, _) in read.filter(|(_, present)| **present) {
                    *bits = codes.get(*bits as u32).into();
                }
            }
        }
    }

    /// Whether all spans have one.
    pub(super) fn are_all(&self) -> bool {
        !self.present.contains(&false)
    }
}

impl PlanSpans {
    /// Calls `each` with each attribute that spans bear and its values.
    pub(super) fn values(&self, shared: &Shared, mut each: impl FnMut(usize, &KeyValues)) {
        let (parts, mut values) = (self.rows.parts(), KeyValues::default());
        for key in self.keys() {
            values.read(shared, key, &parts);
            join_values(&mut values, &self.twins, &shared.dictionaries[key]);
            each(key, &values);
        }
    }

    /// Numbers of the keys that spans may bear, ascending.
    fn keys(&self) -> Vec<usize> {
        let chunks = self.rows.chunks.iter();
        let keys: HashSet<usize> =
            chunks.flat_map(|(_, chunk)| chunk.kinds().map(|(key, _)| key)).collect();
        let mut keys: Vec<usize> = keys.into_iter().collect();
        keys.sort_unstable();
        keys
    }
}
