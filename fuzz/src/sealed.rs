//! Damage to segment files that no checksum tells: what `corpora/FORMAT.md` says of the footer, read
//! from there and not from the writer.

use crate::bytes::Bytes;

const LINE: usize = 64;
const RECORD: usize = 20;

/// Changes bytes of the directory, of block records or of blocks, and puts all checksums right.
pub fn damage(file: &mut [u8], bytes: &mut Bytes<'_>) {
    let (records, directory, end) = parts(file);
    for _ in 0..1 + bytes.below(3) {
        let range = match bytes.below(4) {
            0 => LINE..records,
            1 => records..directory,
            _ => directory..end,
        };
        if range.is_empty() {
            continue;
        }
        let at = range.start + bytes.below(range.len());
        file[at] = match bytes.below(4) {
            0 => file[at].wrapping_add(1),
            1 => file[at].wrapping_sub(1),
            2 => file[at] ^ 1 << bytes.below(8),
            _ => bytes.bits() as u8,
        };
    }
    reseal(file);
}

/// Puts all checksums right.
pub fn reseal(file: &mut [u8]) {
    let (records, directory, end) = parts(file);
    for record in (records..directory).step_by(RECORD) {
        if let Some(crc) = reseal_block(file, number(file, record) * LINE, number(file, record + 4))
        {
            file[record + 12..record + 16].copy_from_slice(&crc.to_le_bytes());
        }
    }
    let trailer = file.len() - LINE;
    let crc = crc32fast::hash(&file[records..end]);
    file[trailer + 28..trailer + 32].copy_from_slice(&crc.to_le_bytes());
    let crc = crc32fast::hash(&file[trailer..trailer + 52]);
    file[trailer + 52..trailer + 56].copy_from_slice(&crc.to_le_bytes());
}

/// Puts the checksums of a block's chunks right; that of the block, if it lies in the file.
fn reseal_block(file: &mut [u8], begin: usize, stored: usize) -> Option<u32> {
    let block = file.get(begin..begin + stored)?;
    let chunks = block.chunks(4096);
    if chunks.len() < 2 {
        return Some(crc32fast::hash(block));
    }
    let sums: Vec<u8> = chunks.flat_map(|chunk| crc32fast::hash(chunk).to_le_bytes()).collect();
    let begin = begin + stored.next_multiple_of(LINE);
    file.get_mut(begin..begin + sums.len())?.copy_from_slice(&sums);
    Some(crc32fast::hash(&sums))
}

/// Where the block records and the directory begin and where the footer ends.
fn parts(file: &[u8]) -> (usize, usize, usize) {
    let trailer = file.len() - LINE;
    let footer = number(file, trailer);
    let blocks = number(file, trailer + 24);
    (footer, footer + blocks * RECORD, footer + number(file, trailer + 8))
}

/// Four bytes, little-endian; the files here are small.
fn number(file: &[u8], at: usize) -> usize {
    file[at..at + 4].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
}
