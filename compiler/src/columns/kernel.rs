//! The inner loops: tests of 64 rows at a time, written so that the compiler makes vectors of them.

use std::ops::{Range, RangeInclusive};

use ir::Mask;
use ir::segment::{Integers, Narrow};

use super::rows::Rows;

/// The rows whose value passes.
pub fn fill<T: Copy + Default>(values: &[T], test: impl Fn(T) -> bool) -> Rows {
    Rows::of(mask(values, test))
}

/// The mask of the rows whose value passes.
pub fn mask<T: Copy + Default>(values: &[T], test: impl Fn(T) -> bool) -> Mask {
    let mut mask = Mask::empty(values.len());
    let words = mask.words_mut();
    let (blocks, tail) = values.as_chunks::<64>();
    for (word, block) in words.iter_mut().zip(blocks) {
        *word = pack(block, &test);
    }
    if !tail.is_empty() {
        let mut last = [T::default(); 64];
        last[..tail.len()].copy_from_slice(tail);
        words[blocks.len()] = pack(&last, &test) & ((1 << tail.len()) - 1);
    }
    mask
}

/// The rows whose number lies in `wanted`, which is not empty.
pub fn narrow_in(values: &Narrow, rows: &Range<usize>, wanted: RangeInclusive<u64>) -> Rows {
    let (low, width) = (*wanted.start(), wanted.end() - wanted.start());
    macro_rules! range {
        ($values:expr, $type:ty) => {{
            let most = u64::from(<$type>::MAX);
            let (low, width) = (low as $type, width.min(most - low) as $type);
            fill(&$values[rows.clone()], |value: $type| value.wrapping_sub(low) <= width)
        }};
    }
    let most = match values {
        Narrow::U8(_) => u8::MAX.into(),
        Narrow::U16(_) => u16::MAX.into(),
        Narrow::U32(_) => u32::MAX.into(),
        Narrow::U64(_) => u64::MAX,
    };
    if low > most {
        return Rows::None;
    }
    match values {
        Narrow::U8(values) => range!(values, u8),
        Narrow::U16(values) => range!(values, u16),
        Narrow::U32(values) => range!(values, u32),
        Narrow::U64(values) => range!(values, u64),
    }
}

/// The rows whose number is in `wanted`; numbers beyond the mask are not.
pub fn narrow_among(values: &Narrow, rows: &Range<usize>, wanted: &Mask) -> Rows {
    let words = wanted.words();
    let among = |number: usize| {
        let word = words.get(number / 64).copied().unwrap_or(0);
        word >> (number % 64) & 1 == 1
    };
    match values {
        Narrow::U8(values) => fill(&values[rows.clone()], |value| among(value.into())),
        Narrow::U16(values) => fill(&values[rows.clone()], |value| among(value.into())),
        Narrow::U32(values) => fill(&values[rows.clone()], |value| among(value as usize)),
        Narrow::U64(values) => fill(&values[rows.clone()], |value| among(value as usize)),
    }
}

/// The rows on which two columns of integers compare so.
pub fn integers_against(
    (left, right): (&Integers, &Integers),
    rows: &Range<usize>,
    holds: impl Fn(i64, i64) -> bool,
) -> Rows {
    let mut mask = Mask::empty(rows.len());
    let (mut lefts, mut rights) = ([0_i64; 64], [0_i64; 64]);
    for (at, word) in mask.words_mut().iter_mut().enumerate() {
        let from = rows.start + at * 64;
        let block = from..rows.end.min(from + 64);
        let used = block.len();
        decode(left, block.clone(), &mut lefts);
        decode(right, block, &mut rights);
        let mut hits = [0_u8; 64];
        for ((hit, &left), &right) in hits.iter_mut().zip(&lefts).zip(&rights) {
            *hit = u8::from(holds(left, right));
        }
        *word = bits(&hits) & (u64::MAX >> (64 - used));
    }
    Rows::of(mask)
}

fn decode(column: &Integers, rows: Range<usize>, out: &mut [i64; 64]) {
    let base = column.base;
    macro_rules! widen {
        ($values:expr) => {
            for (slot, &offset) in out.iter_mut().zip(&$values[rows]) {
                *slot = base.wrapping_add(u64::from(offset).cast_signed());
            }
        };
    }
    match &column.offsets {
        Narrow::U8(values) => widen!(values),
        Narrow::U16(values) => widen!(values),
        Narrow::U32(values) => widen!(values),
        Narrow::U64(values) => widen!(values),
    }
}

fn pack<T: Copy>(block: &[T; 64], test: impl Fn(T) -> bool) -> u64 {
    let mut hits = [0_u8; 64];
    for (hit, &value) in hits.iter_mut().zip(block) {
        *hit = u8::from(test(value));
    }
    bits(&hits)
}

/// Gathers 64 bytes of 0 or 1 into a word: the multiplication moves the low bits of eight bytes
/// side by side into the top byte.
pub fn bits(hits: &[u8; 64]) -> u64 {
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (eights, _) = hits.as_chunks::<8>();
    eights.iter().enumerate().fold(0, |word, (at, &eight)| {
        word | (u64::from_le_bytes(eight).wrapping_mul(GATHER) >> 56) << (8 * at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(rows: &Rows, len: usize) -> Vec<usize> {
        let mut found = Vec::new();
        rows.for_each(len, |row| found.push(row));
        found
    }

    #[test]
    fn columns_compare_row_by_row() {
        let left: Vec<i64> = (0..150).map(|row| row * 7 % 50).collect();
        let right: Vec<i64> = (0..150).map(|row| row * 400_000_003 % 60).collect();
        let packed =
            (&Integers::pack(left.iter().copied()), &Integers::pack(right.iter().copied()));
        let found = listed(&integers_against(packed, &(3..149), |a, b| a < b), 146);
        let expected: Vec<_> = (0..146).filter(|row| left[row + 3] < right[row + 3]).collect();
        assert_eq!(found, expected);
    }
}
