//! Segments whose every buffer lies beside a page that cannot be read: an engine that reads one byte
//! too many dies.
//!
//! That is more than buffers promise: those that own their memory have 64 readable bytes after them,
//! those of a file need not.

#![expect(unsafe_code, reason = "pages are made unreadable, and what lies between them is read")]

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::{Mutex, PoisonError};

use bytemuck::Pod;
use bytes::Bytes;
use ir::segment::{
    Attributes, Block, Buffer, Column, Integers, Later, Narrow, OperationRows, Scopes, Slot, Table,
    Traces, Values,
};
use ir::{Mask, Segment};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

const PAGE: usize = 4096;
/// Bytes between the fences of places that are used again.
const ROOM: usize = 4 * PAGE;

/// Which edge buffers lie at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// They begin after an unreadable page.
    Start,
    /// They end before one.
    End,
}

/// The same segment, each buffer of it between two unreadable pages, at one of them.
pub fn fenced(segment: &Segment, side: Side) -> Segment {
    let Traces { id, start, end, spans, root_name, root_service, flags } = &segment.traces;
    let root = |root: &Option<Column>| root.as_ref().map(|own| side.column(own));
    let operation = |operation: &OperationRows| OperationRows {
        presence: operation.presence.as_ref().map(|mask| side.mask(mask)),
        ..operation.clone()
    };
    Segment {
        traces: Traces {
            id: side.buffer(id),
            start: side.buffer(start),
            end: side.buffer(end),
            spans: side.narrow(spans),
            root_name: root(root_name),
            root_service: root(root_service),
            flags: side.buffer(flags),
        },
        keys: segment.keys.clone(),
        operations: segment.operations.iter().map(operation).collect(),
        tables: (0..segment.tables.len()).map(|at| side.table(segment.tables.get(at))).collect(),
        resources: segment.resources.iter().map(|slot| side.slot(slot)).collect(),
        resource_rest: side.slot(&segment.resource_rest).into(),
        scopes: Later::from(Scopes {
            name: side.slot(&segment.scopes.name),
            version: side.slot(&segment.scopes.version),
            rest: side.slot(&segment.scopes.rest),
        }),
        coverage: segment.coverage.clone(),
        hidden: segment.hidden.as_ref().map(|mask| side.mask(mask)),
        ..Segment::default()
    }
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Start, Self::End];

    fn table(self, table: &Table) -> Table {
        let Table { trace, start, id, resource, attributes, .. } = table;
        let mut fenced: Vec<Slot> = Vec::new();
        for (key, slot) in attributes.iter() {
            assert_eq!(key, fenced.len(), "generated tables have a column for each key");
            fenced.push(self.slot(slot));
        }
        Table {
            trace: self.buffer(trace),
            start: self.narrow(start),
            id: self.buffer(id),
            resource: self.narrow(resource),
            duration: self.slot(&table.duration),
            kind: self.slot(&table.kind),
            status: self.slot(&table.status),
            message: self.slot(&table.message),
            parent: self.slot(&table.parent),
            scope: self.slot(&table.scope),
            flags: self.slot(&table.flags),
            rest: self.slot(&table.rest),
            attributes: fenced.into_iter().collect::<Attributes>(),
        }
    }

    fn slot(self, slot: &Slot) -> Slot {
        match slot {
            Slot::NotDecoded => Slot::NotDecoded,
            Slot::Decoded(column) => Slot::Decoded(self.column(column)),
        }
    }

    fn column(self, column: &Column) -> Column {
        let values = match &column.values {
            Values::Empty => Values::Empty,
            Values::Integers(Integers { base, max, offsets }) => {
                Values::Integers(Integers { base: *base, max: *max, offsets: self.narrow(offsets) })
            }
            Values::Floats(values) => Values::Floats(self.buffer(values)),
            Values::Codes(codes, dictionary) => {
                Values::Codes(self.narrow(codes), dictionary.clone())
            }
        };
        Column { values, present: column.present.as_ref().map(|mask| self.mask(mask)) }
    }

    fn narrow(self, narrow: &Narrow) -> Narrow {
        match narrow {
            Narrow::U8(values) => Narrow::U8(self.buffer(values)),
            Narrow::U16(values) => Narrow::U16(self.buffer(values)),
            Narrow::U32(values) => Narrow::U32(self.buffer(values)),
            Narrow::U64(values) => Narrow::U64(self.buffer(values)),
        }
    }

    fn mask(self, mask: &Mask) -> Mask {
        Mask::of_words(self.buffer(mask.words()), mask.len())
    }

    fn buffer<T: Pod>(self, items: &[T]) -> Buffer<T> {
        let fenced = Fenced::new(bytemuck::cast_slice(items), self);
        Buffer::stored(Fence(Bytes::from_owner(fenced)), items.len())
    }
}

/// What a buffer asks for its content.
struct Fence(Bytes);

impl Block for Fence {
    fn load(&self) -> Bytes {
        self.0.clone()
    }

    fn read(&self, at: usize, item: &mut [u8]) {
        item.copy_from_slice(&self.0[at..at + item.len()]);
    }
}

/// Bytes at one edge of a place.
struct Fenced {
    place: Place,
    from: usize,
    len: usize,
}

impl Fenced {
    fn new(bytes: &[u8], side: Side) -> Self {
        let place = Place::new(bytes.len());
        let from = if side == Side::Start { 0 } else { place.room - bytes.len() };
        // SAFETY: `from..from + len` lies in the readable and writable room of a place that is
        // borrowed by nobody yet.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), place.start.add(from), bytes.len());
        }
        Self { place, from, len: bytes.len() }
    }
}

impl AsRef<[u8]> for Fenced {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the bytes were written by `new`, stay as they are, and the place lives as long as
        // `self`.
        unsafe { std::slice::from_raw_parts(self.place.start.add(self.from), self.len) }
    }
}

/// Room between two pages that cannot be read.
struct Place {
    start: *mut u8,
    room: usize,
}

// SAFETY: a place is memory that belongs to nobody else, not even to a thread.
unsafe impl Send for Place {}
// SAFETY: through a shared place nothing is written.
unsafe impl Sync for Place {}

/// Places that nobody uses: making one takes three calls of the system.
static FREE: Mutex<Vec<Place>> = Mutex::new(Vec::new());

impl Place {
    fn new(len: usize) -> Self {
        let free = if len <= ROOM { free().pop() } else { None };
        free.unwrap_or_else(|| Self::map(len.next_multiple_of(PAGE).max(ROOM)))
    }

    fn map(room: usize) -> Self {
        // SAFETY: a new mapping where the kernel finds room; the part made accessible lies inside.
        let start = unsafe {
            let all = room + 2 * PAGE;
            let base = mmap_anonymous(null_mut(), all, ProtFlags::empty(), MapFlags::PRIVATE)
                .expect("there is room for a few pages");
            let start = base.cast::<u8>().add(PAGE);
            mprotect(start.cast::<c_void>(), room, MprotectFlags::READ | MprotectFlags::WRITE)
                .expect("pages of one's own can be made readable");
            start
        };
        Self { start, room }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.room == ROOM {
            return free().push(Self { ..*self });
        }
        // SAFETY: `map` mapped the room with a page before and one after, and no borrow is left.
        unsafe {
            munmap(self.start.sub(PAGE).cast::<c_void>(), self.room + 2 * PAGE)
                .expect("what was mapped can be unmapped");
        }
    }
}

fn free() -> std::sync::MutexGuard<'static, Vec<Place>> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}
