//! Integers in few bits each that can be read one by one: 128 at a time as a straight line and what
//! each lies above it, all in as many bits as the largest needs.
//!
//! ```text
//! frames = record* rest*      record = base:u64 slope:u64 place:u32 bits:u8 zero:u8×3
//! ```
//!
//! Item `i` of a frame is `base + slope × i` plus its rest, wrapping. The rests of a frame take
//! 16 × `bits` bytes from byte 16 × `place` after the records on, the first in the lowest bits.

use bytemuck::{Pod, Zeroable};

/// Items a frame; the last may have fewer, and keeps rests for all.
const ITEMS: usize = 128;

#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
struct Record {
    base: u64,
    slope: u64,
    place: u32,
    bits: u8,
    zeros: [u8; 3],
}

/// Packs items of `width` bytes (1, 2, 4 or 8).
pub(super) fn pack(raw: &[u8], width: usize) -> Vec<u8> {
    let items: Vec<u64> = raw.chunks_exact(width).map(number).collect();
    let mut records = Vec::with_capacity(items.len().div_ceil(ITEMS));
    let mut rests: Vec<u8> = Vec::new();
    for frame in items.chunks(ITEMS) {
        let (slope, base, most) = line(frame);
        let bits = u64::BITS - most.leading_zeros();
        let place = (rests.len() / 16) as u32;
        records.push(Record { base, slope, place, bits: bits as u8, zeros: [0; 3] });
        let begin = rests.len();
        rests.resize(begin + 16 * bits as usize, 0);
        for (at, item) in frame.iter().enumerate() {
            let rest = item.wrapping_sub(base).wrapping_sub(slope.wrapping_mul(at as u64));
            put(&mut rests[begin..], at * bits as usize, rest);
        }
    }
    [bytemuck::cast_slice(&records), &rests[..]].concat()
}

/// The slope, the base and the largest rest of a frame by the better of two lines: a level one, and
/// one from the first item to the last.
fn line(frame: &[u64]) -> (u64, u64, u64) {
    let (first, last) = (frame[0], frame[frame.len() - 1]);
    let steps = (frame.len() as i64 - 1).max(1);
    let slope = (last.wrapping_sub(first).cast_signed() / steps).cast_unsigned();
    let of = |slope: u64| {
        let over = |(at, item): (usize, &u64)| item.wrapping_sub(slope.wrapping_mul(at as u64));
        // Sloping lines are measured from the first item, where no difference wraps.
        let origin = if slope == 0 { 0 } else { first };
        let signed = |number: u64| number.wrapping_sub(origin).cast_signed();
        let rests = || frame.iter().enumerate().map(over);
        let base = match slope {
            0 => rests().min(),
            _ => rests().min_by_key(|rest| signed(*rest)),
        };
        let base = base.unwrap_or(0);
        let most = rests().map(|rest| rest.wrapping_sub(base)).max().unwrap_or(0);
        (slope, base, most)
    };
    let (level, sloping) = (of(0), of(slope));
    if sloping.2 < level.2 { sloping } else { level }
}

/// Where item `index` of `len` is kept: first its record, then, by what that says, its rest.
pub(super) fn place(index: usize) -> std::ops::Range<usize> {
    let at = index / ITEMS * size_of::<Record>();
    at..at + size_of::<Record>()
}

/// The bytes in which the rest of item `index` of `len` lies, given its record.
pub(super) fn rest(record: &[u8], index: usize, len: usize) -> Option<std::ops::Range<usize>> {
    let record: Record = bytemuck::try_pod_read_unaligned(record).ok()?;
    let first = index % ITEMS * usize::from(record.bits);
    let begin = len.div_ceil(ITEMS) * size_of::<Record>() + record.place as usize * 16;
    let last = first + usize::from(record.bits);
    (record.bits <= 64).then(|| begin + first / 8..begin + last.div_ceil(8))
}

/// The item at `index`, given its record and the bytes in which its rest lies.
pub(super) fn item(record: &[u8], rest: &[u8], index: usize) -> Option<u64> {
    let record: Record = bytemuck::try_pod_read_unaligned(record).ok()?;
    let at = index % ITEMS;
    let rest = get(rest, at * usize::from(record.bits) % 8, record.bits.into());
    Some(record.base.wrapping_add(record.slope.wrapping_mul(at as u64)).wrapping_add(rest))
}

/// Unpacks all; `None` if the frames are not those of so many items.
pub(super) fn unpack(packed: &[u8], raw: &mut [u8], width: usize) -> Option<()> {
    match width {
        1 => unpack_items::<1>(packed, raw),
        2 => unpack_items::<2>(packed, raw),
        4 => unpack_items::<4>(packed, raw),
        8 => unpack_items::<8>(packed, raw),
        _ => None,
    }
}

fn unpack_items<const WIDTH: usize>(packed: &[u8], raw: &mut [u8]) -> Option<()> {
    let items = raw.as_chunks_mut::<WIDTH>().0;
    let records = items.len().div_ceil(ITEMS) * size_of::<Record>();
    let (records, rests) = packed.split_at_checked(records)?;
    let records = records.chunks_exact(size_of::<Record>());
    for (record, items) in records.zip(items.chunks_mut(ITEMS)) {
        let record: Record = bytemuck::pod_read_unaligned(record);
        let bits = usize::from(record.bits);
        let begin = record.place as usize * 16;
        let own = rests.get(begin..begin + 16 * bits).filter(|_| bits <= 64)?;
        let mut line = record.base;
        for (at, item) in items.iter_mut().enumerate() {
            let rest = get(&own[at * bits / 8..], at * bits % 8, bits as u32);
            item.copy_from_slice(&line.wrapping_add(rest).to_le_bytes()[..WIDTH]);
            line = line.wrapping_add(record.slope);
        }
    }
    Some(())
}

fn number(bytes: &[u8]) -> u64 {
    let mut number = [0; 8];
    number[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(number)
}

/// Sets bits that are zero.
fn put(bytes: &mut [u8], bit: usize, value: u64) {
    let spread = u128::from(value) << (bit % 8);
    let own = bytes.iter_mut().skip(bit / 8);
    own.zip(spread.to_le_bytes()).take(9).for_each(|(byte, bits)| *byte |= bits);
}

/// The `bits` bits from `shift` (below 8) on.
#[inline]
fn get(bytes: &[u8], shift: usize, bits: u32) -> u64 {
    // Nearly always all lie in eight bytes.
    if let (Some(bytes), 0..=56) = (bytes.first_chunk(), bits) {
        return u64::from_le_bytes(*bytes) >> shift & ((1 << bits) - 1);
    }
    let mut whole = [0; 16];
    let len = bytes.len().min(16);
    whole[..len].copy_from_slice(&bytes[..len]);
    (u128::from_le_bytes(whole) >> shift & ((1 << bits) - 1)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(items: &[u64], width: usize) -> usize {
        let raw: Vec<u8> =
            items.iter().flat_map(|item| item.to_le_bytes()[..width].to_vec()).collect();
        let packed = pack(&raw, width);
        let mut unpacked = vec![0; raw.len()];
        unpack(&packed, &mut unpacked, width).expect("it was packed");
        assert_eq!(unpacked, raw);
        for (index, bytes) in raw.chunks_exact(width).enumerate() {
            let record = &packed[place(index)];
            let rest = rest(record, index, items.len()).expect("it was packed");
            let item = item(record, &packed[rest], index).expect("it was packed");
            assert_eq!(&item.to_le_bytes()[..width], bytes, "{index}");
        }
        if !packed.is_empty() {
            let short = &packed[..packed.len() - 1];
            assert!(packed.len() == 24 || unpack(short, &mut unpacked, width).is_none());
        }
        packed.len()
    }

    #[test]
    fn what_is_packed_comes_back_whole_and_one_by_one() {
        let noise = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for width in [1, 2, 4, 8] {
            for len in [0, 1, 2, 127, 128, 129, 1000] {
                check(&(0..len).map(noise).collect::<Vec<_>>(), width);
                check(&(0..len).map(|at| noise(at) >> 60).collect::<Vec<_>>(), width);
                check(&(0..len).map(|at| u64::MAX - 3 * at).collect::<Vec<_>>(), width);
            }
        }
        check(&[0, u64::MAX, 0, 1 << 63], 8);
    }

    #[test]
    fn lines_take_no_rests_and_near_lines_few() {
        assert_eq!(check(&(0..128).map(|at| 7_000 + 20 * at).collect::<Vec<_>>(), 4), 24);
        assert_eq!(check(&(0..128).map(|at| 1 << (at % 2)).collect::<Vec<_>>(), 8), 24 + 16);
        let starts: Vec<u64> = (0..128).map(|at| at * 1_000_000 + at * at % 64).collect();
        assert!(check(&starts, 8) <= 24 + 16 * 8);
    }
}
