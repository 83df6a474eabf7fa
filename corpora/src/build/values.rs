//! The attributes of the spans of a plan, read out one after the other while they are sealed.

use hashbrown::HashSet;

use super::cells::{Cell, Kind};
use super::chunk::ROWS;
use super::merge::Shared;
use super::seal::{Content, PlanRows, PlanSpans, same_chunk, set_rows};
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
    /// How many spans of each part have one.
    pub(super) counts: Vec<u32>,
}

impl PlanSpans {
    /// Calls `each` with each attribute that spans bear and its values, which are counted by the
    /// tables that spans are rows of.
    pub(super) fn values(
        &self,
        shared: &Shared,
        tables: &[&Content],
        mut each: impl FnMut(usize, &KeyValues),
    ) {
        // Spans that came twice are in no table.
        let mut parts = vec![tables.len() as u32; self.rows.rows.len()];
        for (number, table) in tables.iter().enumerate() {
            table.rows.iter().for_each(|&row| parts[row as usize] = number as u32);
        }
        let mut values = KeyValues { counts: vec![0; tables.len() + 1], ..KeyValues::default() };
        for key in self.keys() {
            self.rows.read(shared, key, &parts, &mut values);
            join_values(&mut values, &self.twins, &parts, &shared.dictionaries[key]);
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

impl PlanRows {
    /// Sets `values` to those of an attribute of the rows, of which `parts` says to which part each
    /// belongs, with the run's codes: read chunk by chunk, since sorted rows would jump between
    /// chunks.
    fn read(&self, shared: &Shared, key: usize, parts: &[u32], values: &mut KeyValues) {
        let KeyValues { kind, bits, present, counts } = values;
        *kind = None;
        bits.resize(self.rows.len(), 0);
        present.clear();
        present.resize(self.rows.len(), false);
        counts.fill(0);
        let mut before = 0;
        let mut rows = Vec::with_capacity(ROWS);
        for part in self.rows.chunk_by(same_chunk) {
            let (worker, chunk) = &self.chunks[part[0] as usize / ROWS];
            let codes = &shared.workers[*worker as usize].dictionaries[key];
            if let Some(column) = chunk.cells(key) {
                let all = *kind.insert(column.kind());
                let after = before + part.len();
                let (bits, present) = (&mut bits[before..after], &mut present[before..after]);
                let parts = &parts[before..after];
                set_rows(&mut rows, part);
                column.read(&rows, |place, found| {
                    let cell = Cell { kind: all, bits: found }.recoded(|code| codes.get(code));
                    (bits[place], present[place]) = (cell.bits, true);
                    counts[parts[place] as usize] += 1;
                });
            }
            before += part.len();
        }
    }
}
