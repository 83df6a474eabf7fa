//! Buffers that kernels may read in whole vectors: aligned to 64 bytes, with 64 readable bytes after.
//!
//! A buffer owns its memory, or it is a [`Block`] of a file, fetched when it is first looked at; of
//! one of which few items are looked at no more than those.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use bytemuck::Pod;
use bytes::Bytes;

use super::lines::Lines;
use super::store::{Block, Ends};

/// A fixed-length run of `T`, 64-byte aligned; where it owns its memory, followed by at least 64
/// readable zero bytes.
#[derive(Clone)]
pub struct Buffer<T> {
    memory: Memory,
    len: usize,
    items: PhantomData<T>,
}

#[derive(Clone)]
enum Memory {
    Own(Lines),
    Stored(Arc<Stored<dyn Block>>),
}

/// A block and what was fetched of it; clones of a buffer share it.
struct Stored<B: ?Sized> {
    bytes: OnceLock<Bytes>,
    /// How often single items were read.
    reads: AtomicU32,
    block: B,
}

/// Of a block of which more items than these are read, and more than one in [`SPARSE`], all are fetched:
/// an item read alone costs as much as tens or, far from the others, hundreds in a row.
const READS: usize = 256;
const SPARSE: usize = 64;
/// Of a block of at most so many bytes all are fetched at once.
const SMALL: usize = 4 << 10;

impl<T: Pod> Buffer<T> {
    /// `len` zeros.
    pub fn zeroed(len: usize) -> Self {
        Self::of(Lines::zeroed(Self::lines(len)), len)
    }

    /// `len` items of which nothing is known, to be written.
    pub fn unwritten(len: usize) -> Self {
        Self::of(Lines::unwritten(Self::lines(len)), len)
    }

    fn lines(len: usize) -> usize {
        (len * size_of::<T>()).div_ceil(64) + 1
    }

    fn of(lines: Lines, len: usize) -> Self {
        Self { memory: Memory::Own(lines), len, items: PhantomData }
    }

    /// The `len` items of a block, which is asked for them at the first look.
    pub fn stored(block: impl Block + 'static, len: usize) -> Self {
        let stored = Stored { block, bytes: OnceLock::new(), reads: AtomicU32::new(0) };
        Self { memory: Memory::Stored(Arc::new(stored)), len, items: PhantomData }
    }

    /// The items of an iterator of known length.
    pub fn collect(items: impl ExactSizeIterator<Item = T>) -> Self {
        let mut buffer = Self::zeroed(items.len());
        for (slot, item) in buffer.iter_mut().zip(items) {
            *slot = item;
        }
        buffer
    }

    #[cold]
    fn copy(&mut self) {
        *self = Self::collect(self.iter().copied());
    }

    /// The item at `index`; of a block that was not fetched yet, it alone is read.
    ///
    /// # Panics
    /// Where there is no such item.
    #[inline]
    pub fn at(&self, index: usize) -> T {
        match &self.memory {
            Memory::Stored(stored) if stored.bytes.get().is_none() => stored.read(index, self),
            _ => self[index],
        }
    }

    /// Whether the item at `index` is `value`: of a block that was not fetched yet no more is looked at
    /// than must be, wherever it takes less to know this than to know the item.
    ///
    /// # Panics
    /// Where there is no such item.
    pub fn is(&self, index: usize, value: T) -> bool {
        let value = bytemuck::bytes_of(&value);
        let known = match &self.memory {
            Memory::Stored(stored) if stored.bytes.get().is_none() => {
                assert!(index < self.len, "item {index} of {}", self.len);
                stored.block.is(index * size_of::<T>(), value)
            }
            _ => None,
        };
        known.unwrap_or_else(|| bytemuck::bytes_of(&self.at(index)) == value)
    }

    /// Where `value` stands among items that ascend, if that is known without a look at them.
    pub fn run(&self, value: T) -> Option<Range<usize>> {
        match &self.memory {
            Memory::Stored(stored) if stored.bytes.get().is_none() => {
                let run = stored.block.run(bytemuck::bytes_of(&value))?;
                Some(run.start.min(self.len)..run.end.min(self.len))
            }
            _ => None,
        }
    }

    /// Which items end a run of equal ones among items that ascend, if that is known without a look
    /// at them.
    pub fn ends(&self) -> Option<Ends<'_>> {
        match &self.memory {
            Memory::Own(_) => None,
            Memory::Stored(stored) => stored.block.ends(),
        }
    }

    /// How many items there are; no look at them.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that it takes, padding included; none of its own where they are a store's.
    pub fn bytes(&self) -> usize {
        match &self.memory {
            Memory::Own(lines) => size_of_val(&**lines),
            Memory::Stored(_) => 0,
        }
    }
}

impl Stored<dyn Block> {
    #[cold]
    fn read<T: Pod>(&self, index: usize, items: &Buffer<T>) -> T {
        let small = items.len * size_of::<T>() <= SMALL;
        let most = READS.max(items.len / SPARSE);
        if small || self.reads.fetch_add(1, Ordering::Relaxed) as usize >= most {
            return items[index];
        }
        assert!(index < items.len, "item {index} of {}", items.len);
        let mut item = T::zeroed();
        self.block.read(index * size_of::<T>(), bytemuck::bytes_of_mut(&mut item));
        item
    }
}

impl<T: Pod> Default for Buffer<T> {
    fn default() -> Self {
        Self::zeroed(0)
    }
}

impl<T: Pod> Deref for Buffer<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match &self.memory {
            Memory::Own(lines) => &bytemuck::cast_slice(lines)[..self.len],
            Memory::Stored(stored) => {
                let bytes = stored.bytes.get_or_init(|| stored.block.load());
                &bytemuck::cast_slice(bytes)[..self.len]
            }
        }
    }
}

/// What is stored is copied before it is changed.
impl<T: Pod> DerefMut for Buffer<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        if let Memory::Stored(_) = self.memory {
            self.copy();
        }
        match &mut self.memory {
            Memory::Own(lines) => &mut bytemuck::cast_slice_mut(lines)[..self.len],
            Memory::Stored(_) => unreachable!("it was copied"),
        }
    }
}

impl<T: Pod + PartialEq> PartialEq for Buffer<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Pod + Eq> Eq for Buffer<T> {}

impl<T: Pod + std::fmt::Debug> std::fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_padded() {
        for len in [0_usize, 1, 7, 8, 9, 64] {
            let buffer: Buffer<u64> = Buffer::collect((0..len).map(|item| item as u64));
            assert_eq!(buffer.as_ptr().align_offset(64), 0);
            assert!(buffer.bytes() >= len * 8 + 64);
            assert!(buffer.iter().copied().eq(0..len as u64));
        }
    }
}
