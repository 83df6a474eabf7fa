//! Parents as places: which span of its own trace a span's parent is takes a few bits, the parent's
//! id would take eight random bytes.
//!
//! The spans of a trace have places in the order of table, then row. A block has four bytes a row,
//! in frames: 0 for no parent, 1 for one that is not in the trace, else its place plus 2; then the ids
//! of those that are not in their traces, in the order of rows.

use hashbrown::HashMap;
use ir::segment::Segment;

use super::frames;

/// Where in a block the frames of places begin: behind their length.
pub(super) const PLACES: usize = size_of::<u32>();
/// No parent.
pub(super) const NONE: u32 = 0;
/// The parent's id stands at the end.
const ELSEWHERE: u32 = 1;
/// What is added to places.
const FIRST: u32 = 2;

/// Places of spans by trace and span id.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<(u32, u64), u32>);

impl Places {
    /// The places of all spans of a segment. Of spans with one id the first counts.
    pub(super) fn of(segment: &Segment) -> Self {
        let mut next = vec![0_u32; segment.len()];
        let mut places = HashMap::new();
        for table in (0..segment.tables.len()).map(|number| segment.tables.get(number)) {
            for (&trace, &id) in table.trace.iter().zip(table.id.iter()) {
                places.entry((trace, id)).or_insert(next[trace as usize]);
                next[trace as usize] += 1;
            }
        }
        Self(places)
    }

    /// The block of the parents of rows of these traces.
    pub(super) fn pack(&self, traces: &[u32], parents: impl Iterator<Item = u64>) -> Vec<u8> {
        let mut places = Vec::with_capacity(traces.len());
        let mut elsewhere: Vec<u64> = Vec::new();
        for (&trace, parent) in traces.iter().zip(parents) {
            places.push(match (parent, self.0.get(&(trace, parent))) {
                (0, _) => NONE,
                (_, Some(&place)) if place <= u32::MAX - FIRST => place + FIRST,
                _ => {
                    elsewhere.push(parent);
                    ELSEWHERE
                }
            });
        }
        let places = frames::pack(bytemuck::cast_slice(&places), 4);
        let mut block = (places.len() as u32).to_le_bytes().to_vec();
        block.extend_from_slice(&places);
        block.extend_from_slice(bytemuck::cast_slice(&elsewhere));
        block
    }
}

/// The ids of all spans, trace by trace, in the order of their places.
#[derive(Debug)]
pub(super) struct Ids {
    /// Where the ids of each trace begin, and where the last end.
    starts: Vec<usize>,
    ids: Vec<u64>,
}

impl Ids {
    /// The ids of tables, each with the trace ordinals of its rows and their ids; ordinals are
    /// below `traces`.
    pub(super) fn of(tables: &[(&[u32], &[u64])], traces: usize) -> Self {
        let mut starts = vec![0; traces + 1];
        for trace in tables.iter().flat_map(|(traces, _)| traces.iter()) {
            starts[*trace as usize + 1] += 1;
        }
        for trace in 0..traces {
            starts[trace + 1] += starts[trace];
        }
        let mut next = starts.clone();
        let mut ids = vec![0; starts[traces]];
        for (traces, own) in tables {
            for (&trace, &id) in traces.iter().zip(own.iter()) {
                ids[next[trace as usize]] = id;
                next[trace as usize] += 1;
            }
        }
        Self { starts, ids }
    }

    /// The parents of rows of these traces; `None` if the block is not of such.
    pub(super) fn unpack(&self, block: &[u8], traces: &[u32]) -> Option<Vec<u64>> {
        let (len, rest) = block.split_first_chunk()?;
        let (places, elsewhere) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        let mut own = vec![0_u32; traces.len()];
        frames::unpack(places, bytemuck::cast_slice_mut(&mut own), 4)?;
        let places = own;
        let (elsewhere, odd) = elsewhere.as_chunks();
        let mut elsewhere = elsewhere.iter().map(|bytes| u64::from_le_bytes(*bytes));
        let parent = |(&place, &trace): (&u32, &u32)| match place {
            NONE => Some(0),
            ELSEWHERE => elsewhere.next(),
            _ => {
                let trace = trace as usize;
                let own = &self.ids[self.starts[trace]..self.starts[trace + 1]];
                own.get((place - FIRST) as usize).copied()
            }
        };
        let parents: Option<Vec<u64>> = places.iter().zip(traces).map(parent).collect();
        parents.filter(|_| elsewhere.next().is_none() && odd.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ir::segment::{Buffer, Table, Traces};

    #[test]
    fn parents_come_back_wherever_they_are() {
        let tables: [(&[u32], &[u64]); 2] =
            [(&[0, 0, 1, 2], &[10, 11, 10, 12]), (&[0, 2, 2], &[10, 13, 14])];
        let segment = Segment {
            traces: Traces { start: Buffer::zeroed(3), ..Traces::default() },
            tables: tables
                .iter()
                .map(|(trace, id)| Table {
                    trace: Buffer::collect(trace.iter().copied()),
                    id: Buffer::collect(id.iter().copied()),
                    ..Table::default()
                })
                .collect(),
            ..Segment::default()
        };
        let places = Places::of(&segment);
        let parents = [[0, 10, 11, 14], [11, 12, 99, 0]];
        let ids = Ids::of(&tables, 3);
        for ((traces, _), parents) in tables.iter().zip(parents) {
            let parents = &parents[..traces.len()];
            let block = places.pack(traces, parents.iter().copied());
            assert_eq!(ids.unpack(&block, traces).as_deref(), Some(parents));
            assert_eq!(ids.unpack(&[&block[..], &[0; 8]].concat(), traces), None);
            assert_eq!(ids.unpack(&block[..block.len() - 1], traces), None);
        }
    }
}
