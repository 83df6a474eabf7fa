//! The spans of a plan while they are sealed, field by field: each is read out, put in order and
//! packed by itself, so that what a pass needs lies side by side.

use super::interner::MISSING;
use super::merge::Shared;

/// Fields of spans, by number of the span, with the run's numbers and codes.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Start in nanoseconds since 1970.
    pub(super) start: Vec<u64>,
    /// End in nanoseconds since 1970.
    pub(super) end: Vec<u64>,
    pub(super) id: Vec<u64>,
    /// Ordinals in the segment.
    pub(super) trace: Vec<u32>,
    /// Places among the plan's operations, by name.
    pub(super) operation: Vec<u32>,
    pub(super) resource: Vec<u32>,
    /// One more than the code of the status message; 0 for none.
    pub(super) message: Vec<u32>,
    pub(super) kind: Vec<u8>,
    pub(super) status: Vec<u8>,
    /// Whether the structure is kept, and what belongs to it; else that is empty.
    pub(super) structure: bool,
    pub(super) parent: Vec<u64>,
    pub(super) scope: Vec<u32>,
    pub(super) flags: Vec<u32>,
    /// Whether everything is kept, and one more than the code of the text of what else spans bear,
    /// 0 for none; else that is empty.
    pub(super) everything: bool,
    pub(super) rest: Vec<u32>,
}

impl Fields {
    /// Makes space for so many spans.
    pub(super) fn reserve(&mut self, spans: usize) {
        let Self { start, end, id, trace, operation, resource, message, kind, status, .. } = self;
        [start, end, id].into_iter().for_each(|field| field.reserve_exact(spans));
        let numbers = [trace, operation, resource, message];
        numbers.into_iter().for_each(|field| field.reserve_exact(spans));
        [kind, status].into_iter().for_each(|field| field.reserve_exact(spans));
    }

    /// What spans of one trace and operation have to agree in to be the same, in the order of rows.
    pub(super) fn identity(&self, number: u32) -> (u64, u64, u8, u64) {
        let at = number as usize;
        (self.start[at], self.id[at], self.kind[at], self.end[at])
    }

    /// Replaces codes of the operations' names by their places in the list of names, which is
    /// returned, by name. `places` has [`MISSING`] for every name, before and after.
    pub(super) fn number_operations(&mut self, shared: &Shared, places: &mut [u32]) -> Vec<u32> {
        let operations = &mut self.operation;
        let mut names: Vec<u32> = Vec::new();
        for &operation in &*operations {
            if std::mem::replace(&mut places[operation as usize], 0) == MISSING {
                names.push(operation);
            }
        }
        names.sort_unstable_by_key(|&name| shared.names.text(name));
        for (place, name) in names.iter().enumerate() {
            places[*name as usize] = place as u32;
        }
        operations.iter_mut().for_each(|operation| *operation = places[*operation as usize]);
        names.iter().for_each(|&name| places[name as usize] = MISSING);
        names
    }
}

/// A field of these spans, in their order.
pub(super) fn of<T: Copy>(field: &[T], spans: &[u32]) -> Vec<T> {
    spans.iter().map(|&span| field[span as usize]).collect()
}
