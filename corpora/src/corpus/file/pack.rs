//! Packing of what is seldom read: bytes of equal significance together, since those of numbers
//! that lie close are alike, then zstd.

use std::cell::RefCell;
use std::io;

use bytemuck::Pod;
use ir::segment::Buffer;
use zstd::bulk::{Compressor, Decompressor};

/// Packs blocks.
pub(super) struct Packer {
    compressor: Compressor<'static>,
    scratch: Vec<u8>,
}

/// zstd's level. Of generated segments 3 is no smaller and 6 is 1% smaller: most of a file are
/// numbers as good as random, or columns that are not packed.
const LEVEL: i32 = 1;

impl Packer {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { compressor: Compressor::new(LEVEL)?, scratch: Vec::new() })
    }

    /// Packs items of `width` bytes, their differences if `deltas` says.
    pub(super) fn pack(&mut self, raw: &[u8], width: usize, deltas: bool) -> io::Result<Vec<u8>> {
        if width == 1 && !deltas {
            return self.compressor.compress(raw);
        }
        self.scratch.clear();
        self.scratch.resize(raw.len(), 0);
        let items = raw.len() / width;
        let mut last = [0; 16];
        for (at, item) in raw.chunks_exact(width).enumerate() {
            let mut bytes = [0; 16];
            bytes[..width].copy_from_slice(item);
            let kept = if deltas { difference(bytes, last) } else { bytes };
            for (plane, byte) in kept[..width].iter().enumerate() {
                self.scratch[plane * items + at] = *byte;
            }
            last = bytes;
        }
        self.compressor.compress(&self.scratch)
    }
}

/// Bytes of packed items of `width` bytes; `None` if they are not `len` bytes.
pub(super) fn unpack(packed: &[u8], len: usize, width: usize, deltas: bool) -> Option<Buffer<u8>> {
    let mut bytes = Buffer::zeroed(len);
    if width == 1 && !deltas {
        return (unzstd(packed, &mut bytes)? == len).then_some(bytes);
    }
    let mut planes = vec![0; len];
    if !len.is_multiple_of(width) || unzstd(packed, &mut planes)? != len {
        return None;
    }
    match width {
        1 => join::<u8, 1>(&planes, &mut bytes, deltas),
        2 => join::<u16, 2>(&planes, &mut bytes, deltas),
        4 => join::<u32, 4>(&planes, &mut bytes, deltas),
        8 => join::<u64, 8>(&planes, &mut bytes, deltas),
        16 => join::<u128, 16>(&planes, &mut bytes, deltas),
        _ => return None,
    }
    Some(bytes)
}

/// Unpacks what zstd packed; the number of bytes, `None` if it is not zstd's or does not fit.
pub(super) fn unzstd(packed: &[u8], into: &mut [u8]) -> Option<usize> {
    thread_local! {
        /// Making one takes longer than unpacking a few texts.
        static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new().ok()?),
        };
        decompressor.decompress_to_buffer(packed, into).ok()
    })
}

/// Puts the bytes of each item side by side, and adds up items that are differences.
fn join<T: Item, const WIDTH: usize>(planes: &[u8], bytes: &mut [u8], deltas: bool) {
    let items: &mut [T] = bytemuck::cast_slice_mut(bytes);
    let len = items.len();
    for (number, plane) in planes.chunks_exact(len.max(1)).take(WIDTH).enumerate() {
        for (item, &byte) in items.iter_mut().zip(plane) {
            item.set_byte(number, byte);
        }
    }
    if deltas {
        let mut last = T::zeroed();
        for item in items {
            last = last.plus(*item);
            *item = last;
        }
    }
}

/// An unsigned integer.
trait Item: Pod {
    /// Sets a byte that is zero, the lowest is number 0.
    fn set_byte(&mut self, number: usize, byte: u8);

    /// The sum, wrapping.
    fn plus(self, other: Self) -> Self;
}

macro_rules! item {
    ($($item:ty)*) => {$(
        impl Item for $item {
            fn set_byte(&mut self, number: usize, byte: u8) {
                *self |= <$item>::from(byte) << (8 * number);
            }

            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
        }
    )*};
}

item!(u8 u16 u32 u64 u128);

/// `a - b` of little-endian numbers, of whose bytes the lower ones may be taken alone.
fn difference(a: [u8; 16], b: [u8; 16]) -> [u8; 16] {
    u128::from_le_bytes(a).wrapping_sub(u128::from_le_bytes(b)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        let mut packer = Packer::new().expect("zstd has memory");
        let bytes: Vec<u8> = (0..4096_u32).map(|at| ((at * at) >> 3) as u8).collect();
        for width in [1, 2, 4, 8, 16] {
            for deltas in [false, true] {
                for len in [0, width, 4096] {
                    let packed = packer.pack(&bytes[..len], width, deltas).expect("it packs");
                    let unpacked = unpack(&packed, len, width, deltas).expect("it unpacks");
                    assert_eq!(&unpacked[..], &bytes[..len], "{width} {deltas}");
                    assert!(unpack(&packed, len + width, width, deltas).is_none());
                    assert!(unpack(&packed[..packed.len() - 1], len, width, deltas).is_none());
                }
            }
        }
    }
}
