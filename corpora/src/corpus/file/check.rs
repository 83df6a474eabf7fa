//! Content checks: what a block must be beyond its checksum, so that no file, however it came about,
//! makes a reader leave its bounds or two engines disagree.

/// Why a block is refused.
pub(super) type Refused = String;

/// Items of `width` bytes, little-endian, all in the range.
pub(super) fn within(bytes: &[u8], width: u8, least: u64, most: u64) -> Result<(), Refused> {
    let (low, high) = match width {
        1 => bounds(bytemuck::cast_slice::<u8, u8>(bytes)),
        2 => bounds(bytemuck::cast_slice::<u8, u16>(bytes)),
        4 => bounds(bytemuck::cast_slice::<u8, u32>(bytes)),
        _ => bounds(bytemuck::cast_slice::<u8, u64>(bytes)),
    };
    if bytes.is_empty() || (least <= low && high <= most) {
        return Ok(());
    }
    Err(format!("has numbers from {low} to {high} where {least} to {most} can be"))
}

fn bounds<T: Copy + Ord + Into<u64>>(items: &[T]) -> (u64, u64) {
    let low = items.iter().copied().min().map_or(0, T::into);
    (low, items.iter().copied().max().map_or(0, T::into))
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
    if rows.windows(2).any(|pair| pair[0] > pair[1]) {
        return Err("is out of order".into());
    }
    match presence {
        Some(presence) if !same_bits(rows, presence) => Err("is not as the presence says".into()),
        _ => Ok(()),
    }
}

/// Whether the bits of `words` are just those of ascending numbers, all within them.
fn same_bits(ascending: &[u32], words: &[u64]) -> bool {
    let (mut word, mut at) = (0_u64, 0);
    for &number in ascending {
        let next = number as usize / 64;
        if next != at {
            if words[at] != word || words[at + 1..next].iter().any(|word| *word != 0) {
                return false;
            }
            (word, at) = (0, next);
        }
        word |= 1 << (number % 64);
    }
    words.get(at).is_none_or(|last| *last == word)
        && words.iter().skip(at + 1).all(|word| *word == 0)
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
