//! Buffers that kernels may read in whole vectors: aligned to 64 bytes, with 64 readable bytes after.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// A fixed-length run of `T`, 64-byte aligned, followed by at least 64 readable zero bytes.
#[derive(Clone)]
pub struct Buffer<T> {
    lines: Box<[Line]>,
    len: usize,
    items: PhantomData<T>,
}

impl<T: Pod> Buffer<T> {
    /// `len` zeros.
    pub fn zeroed(len: usize) -> Self {
        let lines = (len * size_of::<T>()).div_ceil(64) + 1;
        Self { lines: vec![Line([0; 64]); lines].into(), len, items: PhantomData }
    }

    /// The items of an iterator of known length.
    pub fn collect(items: impl ExactSizeIterator<Item = T>) -> Self {
        let mut buffer = Self::zeroed(items.len());
        for (slot, item) in buffer.iter_mut().zip(items) {
            *slot = item;
        }
        buffer
    }

    /// Bytes that it takes, padding included.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.lines)
    }
}

impl<T: Pod> Default for Buffer<T> {
    fn default() -> Self {
        Self::zeroed(0)
    }
}

impl<T: Pod> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }
}

impl<T: Pod> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
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
