//! Dictionaries in files: entries by text, then type, so that codes are ranks; texts in blocks of
//! whole entries, of which a search reads few.

use std::io::{self, Write};
use std::ops::Range;

use ir::Type;

use super::blocks::{Blocks, Kept, too_large};
use super::check::Refused;
use super::layout::{DictionaryBlocks, TextBlock};

/// Bytes of text of a block, about.
const BLOCK: usize = 16 << 10;
/// A dictionary of less text than this has it in one block that is not packed.
pub(super) const SMALL: usize = 4 << 10;
/// Text that packs better than this is not packed: what a file can ask of a reader is bounded.
pub(super) const BEST_RATIO: usize = 64;

/// Writes the blocks of a dictionary of these entries, which are in order.
pub(super) fn write<W: Write>(
    blocks: &mut Blocks<'_, W>,
    entries: &[(&str, Type)],
) -> io::Result<DictionaryBlocks> {
    let all: usize = entries.iter().map(|(text, _)| text.len()).sum();
    let ranges = cut(entries, if all <= SMALL { SMALL } else { BLOCK });
    let mut ends: Vec<u32> = Vec::with_capacity(entries.len());
    let mut texts = Vec::new();
    let mut text = Vec::new();
    for range in ranges.into_iter().filter(|range| !range.is_empty()) {
        text.clear();
        for (entry, _) in &entries[range.clone()] {
            text.extend_from_slice(entry.as_bytes());
            ends.push(u32::try_from(text.len()).map_err(|_| too_large())?);
        }
        let kept = if all <= SMALL { Kept::Plain } else { Kept::Text };
        let block = blocks.add(&text, 1, kept)?;
        let bound = match range.start.checked_sub(1) {
            Some(last) => bound(entries[last].0.as_bytes(), entries[range.start].0.as_bytes()),
            None => Vec::new(),
        };
        texts.push(TextBlock { first_code: range.start as u32, block, bound });
    }
    let types: Vec<u8> = entries.iter().map(|(_, value_type)| value_type.number()).collect();
    Ok(DictionaryBlocks {
        ends: blocks.add(bytemuck::cast_slice(&ends), 4, Kept::Deltas)?,
        types: blocks.add(&types, 1, Kept::Packed)?,
        classes: classes(entries),
        texts,
    })
}

/// The codes of each block of at most so many bytes. Entries of one text stay together.
fn cut(entries: &[(&str, Type)], most: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    let mut at = 0;
    for same in entries.chunk_by(|a, b| a.0 == b.0) {
        let own: usize = same.iter().map(|(text, _)| text.len()).sum();
        if bytes > 0 && bytes + own > most {
            ranges.push(from..at);
            (from, bytes) = (at, 0);
        }
        bytes += own;
        at += same.len();
    }
    ranges.push(from..at);
    ranges
}

/// The least that is greater than `before` and begins `first`.
fn bound(before: &[u8], first: &[u8]) -> Vec<u8> {
    let same = before.iter().zip(first).take_while(|(a, b)| a == b).count();
    first[..(same + 1).min(first.len())].to_vec()
}

fn classes(entries: &[(&str, Type)]) -> Vec<(u32, u32)> {
    let mut classes = Vec::new();
    let mut first = 0;
    for same in entries.chunk_by(|a, b| a.0 == b.0) {
        classes.extend((first + 1..first + same.len()).map(|code| (code as u32, first as u32)));
        first += same.len();
    }
    classes
}

/// Whether what describes a dictionary of `len` entries can be true.
pub(super) fn check_blocks(blocks: &DictionaryBlocks, len: u32) -> Result<(), Refused> {
    let DictionaryBlocks { classes, texts, .. } = blocks;
    let firsts = texts.iter().map(|text| text.first_code);
    let ends = firsts.clone().skip(1).chain([len]);
    let described = texts.first().map_or(len == 0, |text| text.first_code == 0)
        && firsts.zip(ends).all(|(from, to)| from < to)
        && texts.windows(2).all(|pair| pair[0].bound < pair[1].bound)
        && classes.windows(2).all(|pair| pair[0].0 < pair[1].0)
        && classes.iter().all(|&(code, class)| class < code && code < len);
    if described { Ok(()) } else { Err("is not described as dictionaries are".into()) }
}

/// A text block with what the rest of its dictionary says of it.
pub(super) struct Texts<'a> {
    pub(super) blocks: &'a DictionaryBlocks,
    pub(super) ends: &'a [u32],
    pub(super) types: &'a [u8],
    pub(super) number: usize,
}

impl Texts<'_> {
    /// Whether the texts of the block are texts, in order, within the bounds of the block, each
    /// with its type once, and of the classes that are described.
    pub(super) fn check(&self, bytes: &[u8]) -> Result<(), Refused> {
        let own = &self.blocks.texts[self.number];
        let next = self.blocks.texts.get(self.number + 1);
        let last_code = next.map_or(self.ends.len(), |next| next.first_code as usize);
        let mut classes = self.blocks.classes.iter().copied().peekable();
        let (mut from, mut first) = (0, own.first_code);
        let mut before: Option<(&str, u8)> = None;
        for code in own.first_code..last_code as u32 {
            let to = self.ends[code as usize] as usize;
            let text = bytes.get(from..to).and_then(|text| str::from_utf8(text).ok());
            let Some(text) = text else { return Err("does not hold texts".into()) };
            let entry = (text, self.types[code as usize]);
            if before.is_some_and(|before| before >= entry) {
                return Err("is out of order".into());
            }
            if before.is_none_or(|before| before.0 != text) {
                first = code;
            }
            while classes.next_if(|(other, _)| *other < code).is_some() {}
            let class = classes.next_if(|(other, _)| *other == code).map_or(code, |(_, to)| to);
            if class != first {
                return Err("has other equal texts than are described".into());
            }
            (from, before) = (to, Some(entry));
        }
        let last = before.map_or(&[][..], |(text, _)| text.as_bytes());
        let begins = &bytes[..self.ends[own.first_code as usize] as usize];
        if from != bytes.len()
            || begins < &own.bound[..]
            || next.is_some_and(|next| last >= &next.bound[..])
        {
            return Err("is not within its bounds".into());
        }
        Ok(())
    }
}
