//! Memory whose neighbouring pages cannot be read: a kernel that reads one byte too many dies.

use std::ffi::c_void;
use std::ptr::null_mut;

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

const PAGE: usize = 4096;
/// Bytes between the fences.
const ROOM: usize = 4 * PAGE;

/// Which edge columns lie at.
#[derive(Clone, Copy, Debug)]
pub enum Side {
    /// They begin after an unreadable page.
    Start,
    /// They end before one.
    End,
}

/// Places for columns, each between two unreadable pages.
pub struct Fences {
    side: Side,
    places: Vec<*mut u8>,
    used: usize,
}

/// A column that was put between fences.
#[derive(Clone, Copy)]
pub struct Place {
    number: usize,
    len: usize,
}

impl Fences {
    /// No place yet.
    pub fn new(side: Side) -> Self {
        Self { side, places: Vec::new(), used: 0 }
    }

    /// Frees all places.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// Copies a column into a place of its own.
    pub fn put(&mut self, bytes: &[u8]) -> Place {
        assert!(bytes.len() <= ROOM);
        let number = self.used;
        self.used += 1;
        if number == self.places.len() {
            self.places.push(fenced());
        }
        let place = Place { number, len: bytes.len() };
        let start = self.start(place);
        // SAFETY: `start..start + len` lies in the readable and writable room of a place that
        // nothing borrows, as `self` is borrowed mutably.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len()) };
        place
    }

    /// The column at a place.
    pub fn at(&self, place: Place) -> &[u8] {
        // SAFETY: the bytes were written by `put`, and stay as they are while `self` is borrowed.
        unsafe { std::slice::from_raw_parts(self.start(place), place.len) }
    }

    fn start(&self, place: Place) -> *mut u8 {
        let room = self.places[place.number];
        let offset = if let Side::Start = self.side { 0 } else { ROOM - place.len };
        // SAFETY: `offset` is within the room.
        unsafe { room.add(offset) }
    }
}

impl Drop for Fences {
    fn drop(&mut self) {
        for &place in &self.places {
            // SAFETY: each place was mapped by `fenced` with a page before and one after, and no
            // borrow of it is left.
            unsafe { munmap(place.sub(PAGE).cast::<c_void>(), ROOM + 2 * PAGE).unwrap() };
        }
    }
}

/// Room between two pages that cannot be read.
fn fenced() -> *mut u8 {
    // SAFETY: a new mapping where the kernel finds room; the part made accessible lies inside.
    unsafe {
        let all = ROOM + 2 * PAGE;
        let base = mmap_anonymous(null_mut(), all, ProtFlags::empty(), MapFlags::PRIVATE).unwrap();
        let room = base.cast::<u8>().add(PAGE);
        let flags = MprotectFlags::READ | MprotectFlags::WRITE;
        mprotect(room.cast::<c_void>(), ROOM, flags).unwrap();
        room
    }
}
