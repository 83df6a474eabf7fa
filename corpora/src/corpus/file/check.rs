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

/// One item, little-endian, in the range.
pub(super) fn item_within(item: &[u8], least: u64, most: u64) -> Result<(), Refused> {
    let mut number = [0; 8];
    number[..item.len()].copy_from_slice(item);
    within(bytemuck::bytes_of(&u64::from_le_bytes(number)), 8, least, most)
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

/// Times that ascend from the first to the last.
pub(super) fn times(times: &[u64], first: u64, last: u64) -> Result<(), Refused> {
    ascending(times)?;
    let (Some(low), Some(high)) = (times.first(), times.last()) else { return Ok(()) };
    within(bytemuck::cast_slice(&[*low, *high]), 8, first, last)
}

/// Items that ascend, such as trace ordinals of the rows of an operation.
pub(super) fn ascending<T: PartialOrd>(items: &[T]) -> Result<(), Refused> {
    // The loop does not end early: so it runs over whole vectors.
    let pairs = items.iter().zip(items.iter().skip(1));
    let falls = pairs.fold(false, |falls, (a, b)| falls | (a > b));
    if falls { Err("is out of order".into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_both_its_ends() {
        let bytes: &[u8] = bytemuck::cast_slice(&[3_u64, 9]);
        assert!(within(bytes, 8, 3, 9).is_ok());
        assert!(within(bytes, 8, 4, 9).is_err() && within(bytes, 8, 3, 8).is_err());
        assert!(within(&bytes[..0], 8, 3, 9).is_ok());
        assert!(bits(bytes, 128).is_ok() && bits(bytes, 68).is_ok() && bits(bytes, 67).is_err());
    }
}
