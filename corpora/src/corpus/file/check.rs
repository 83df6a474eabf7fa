//! Content checks: what a block must be beyond its checksum, so that no file, however it came about,
//! makes a reader leave its bounds or two engines disagree.

/// Why a block is refused.
pub(super) type Refused = String;

/// Items of `width` bytes, little-endian, all in the range.
pub(super) fn within(bytes: &[u8], width: u8, least: u64, most: u64) -> Result<(), Refused> {
    let fits = match width {
        1 => in_range::<u8>(bytemuck::cast_slice(bytes), least, most),
        2 => in_range::<u16>(bytemuck::cast_slice(bytes), least, most),
        4 => in_range::<u32>(bytemuck::cast_slice(bytes), least, most),
        _ => in_range::<u64>(bytemuck::cast_slice(bytes), least, most),
    };
    if fits { Ok(()) } else { Err(format!("has numbers that are not from {least} to {most}")) }
}

/// Each pass is a loop over whole vectors, and most ranges begin at 0.
fn in_range<T: Copy + Ord + Into<u64>>(items: &[T], least: u64, most: u64) -> bool {
    items.iter().copied().max().is_none_or(|high| high.into() <= most)
        && (least == 0 || items.iter().copied().min().is_none_or(|low| low.into() >= least))
}

/// A bitmap without bits beyond its range.
pub(super) fn bits(bytes: &[u8], len: usize) -> Result<(), Refused> {
    let words: &[u64] = bytemuck::cast_slice(bytes);
    match (words.last(), len % 64) {
        (Some(last), used @ 1..) if last >> used != 0 => Err("has bits beyond its range".into()),
        _ => Ok(()),
    }
}

/// Trace ordinals of the rows of an operation: ascending, and just those of its presence.
pub(super) fn ordinals(rows: &[u32], presence: Option<&[u64]>) -> Result<(), Refused> {
    // Neither loop ends early: so they run over whole vectors.
    let falls = rows.iter().zip(rows.iter().skip(1)).fold(false, |falls, (a, b)| falls | (a > b));
    if falls {
        return Err("is out of order".into());
    }
    match presence {
        Some(presence) if !same_bits(rows, presence) => Err("is not as the presence says".into()),
        _ => Ok(()),
    }
}

/// Whether the bits of `words` are just those of ascending numbers: each is there, and they are as
/// many.
fn same_bits(ascending: &[u32], words: &[u64]) -> bool {
    let next = ascending.iter().skip(1);
    let changes: u32 = ascending.iter().zip(next).map(|(a, b)| u32::from(a != b)).sum();
    let distinct = changes + u32::from(!ascending.is_empty());
    let set: u32 = words.iter().map(|word| word.count_ones()).sum();
    let bit = |number: &u32| {
        let word = words.get(*number as usize / 64).copied().unwrap_or(0);
        word >> (number % 64) & 1
    };
    distinct == set && ascending.iter().fold(1, |all, number| all & bit(number)) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_compared_word_by_word() {
        let words = |bits: &[u32]| {
            let mut words = [0_u64; 4];
            bits.iter().for_each(|bit| words[*bit as usize / 64] |= 1 << (bit % 64));
            words
        };
        let lists: [&[u32]; 6] = [&[], &[0], &[5, 5, 63], &[64], &[1, 200, 255], &[1, 255]];
        for (at, list) in lists.iter().enumerate() {
            for (other, bits) in lists.iter().enumerate() {
                assert_eq!(same_bits(list, &words(bits)), at == other, "{list:?} {bits:?}");
            }
        }
    }

    #[test]
    fn a_range_holds_both_its_ends() {
        let bytes: &[u8] = bytemuck::cast_slice(&[3_u64, 9]);
        assert!(within(bytes, 8, 3, 9).is_ok());
        assert!(within(bytes, 8, 4, 9).is_err() && within(bytes, 8, 3, 8).is_err());
        assert!(within(&bytes[..0], 8, 3, 9).is_ok());
        assert!(bits(bytes, 128).is_ok() && bits(bytes, 68).is_ok() && bits(bytes, 67).is_err());
    }
}
