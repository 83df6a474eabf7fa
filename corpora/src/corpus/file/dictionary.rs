//! Dictionaries in files: entries by text, then type, so that codes are ranks; in pages, each packed
//! by itself, of which a search reads few.
//!
//! ```text
//! page = size:u32 body      body = length:u32* type:u8* text
//! ```
//!
//! `size` is twice the length of the body, plus 1 where the body is packed by zstd.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use ir::Type;
use ir::segment::{Buffer, Dictionary, PAGE, Page, Texts};
use zstd::bulk::{Compressor, Decompressor};

use super::blocks::{Blocks, Kept, small, too_large};
use super::check::Refused;
use super::layout::{DictionaryEntry, Encoding};
use super::store::StoredBlock;

/// A page of less is not packed.
const SMALL: usize = 512;
/// A body that packs better than this is not packed: what a file can ask of a reader is bounded.
const BEST_RATIO: usize = 64;
/// zstd's level. Of generated segments 3 is no smaller and 6 is 1% smaller: most texts are as good
/// as random.
const LEVEL: i32 = 1;

/// Writes pages.
pub(super) struct Pages {
    compressor: Compressor<'static>,
}

impl Pages {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { compressor: Compressor::new(LEVEL)? })
    }

    /// Writes the blocks of a dictionary of these entries, which are in order.
    pub(super) fn write<W: Write>(
        &mut self,
        blocks: &mut Blocks<'_, W>,
        entries: &[(&str, Type)],
    ) -> io::Result<DictionaryEntry> {
        let mut ends: Vec<u32> = Vec::with_capacity(entries.len().div_ceil(PAGE));
        let (mut bytes, mut raw) = (Vec::new(), 0);
        for page in entries.chunks(PAGE) {
            raw += self.add(page, &mut bytes)?;
            ends.push(small(bytes.len())?);
        }
        Ok(DictionaryEntry {
            len: small(entries.len())?,
            pages: blocks.put(raw, &bytes, Encoding::Pages, 1)?,
            ends: blocks.add(bytemuck::cast_slice(&ends), 4, Kept::Frames)?,
            classes: classes(entries),
        })
    }

    /// Adds a page; the length of its body.
    fn add(&mut self, entries: &[(&str, Type)], bytes: &mut Vec<u8>) -> io::Result<usize> {
        let mut body = Vec::new();
        for (text, _) in entries {
            body.extend_from_slice(&small(text.len())?.to_le_bytes());
        }
        body.extend(entries.iter().map(|(_, value_type)| value_type.number()));
        entries.iter().for_each(|(text, _)| body.extend_from_slice(text.as_bytes()));
        let size = small(body.len())?.checked_mul(2).ok_or_else(too_large)?;
        let packed = if body.len() > SMALL { self.compressor.compress(&body)? } else { Vec::new() };
        let is_packed = packed.len() > body.len() / BEST_RATIO && packed.len() < body.len();
        bytes.extend_from_slice(&(size + u32::from(is_packed)).to_le_bytes());
        bytes.extend_from_slice(if is_packed { &packed } else { &body });
        Ok(body.len())
    }
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

/// The texts of a dictionary.
pub(super) struct StoredPages {
    pub(super) pages: StoredBlock,
    pub(super) ends: Buffer<u32>,
    /// How many entries there are.
    pub(super) len: usize,
}

impl Texts for StoredPages {
    fn page(&self, number: usize) -> Page {
        self.read(number).unwrap_or_else(|refused| {
            self.pages.damage(&refused);
            Page::new((0..self.entries(number)).map(|_| ("", Type::Text)))
        })
    }
}

impl fmt::Debug for StoredPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredPages").field("len", &self.len).finish_non_exhaustive()
    }
}

impl StoredPages {
    fn read(&self, number: usize) -> Result<Page, Refused> {
        let begin = number.checked_sub(1).map_or(0, |before| self.ends.at(before) as usize);
        let page = self.pages.part(begin..self.ends.at(number) as usize)?;
        self.unpack(&page, self.entries(number)).ok_or_else(|| "does not hold texts".into())
    }

    fn unpack(&self, page: &[u8], entries: usize) -> Option<Page> {
        let (size, stored) = page.split_first_chunk()?;
        let size = u32::from_le_bytes(*size);
        let mut unpacked;
        let body = if size & 1 == 0 {
            stored
        } else {
            let len = (size / 2) as usize;
            if len > SMALL.max(stored.len().saturating_mul(BEST_RATIO)) {
                return None;
            }
            unpacked = vec![0; len];
            unzstd(stored, &mut unpacked)?;
            &unpacked[..]
        };
        let (lengths, rest) = body.split_at_checked(4 * entries)?;
        let (types, text) = rest.split_at_checked(entries)?;
        let lengths: Vec<u32> =
            lengths.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        let types: Option<Vec<Type>> = types.iter().map(|own| Type::of_number(*own)).collect();
        let whole = body.len() == (size / 2) as usize;
        Page::of_parts(str::from_utf8(text).ok()?.to_owned(), &lengths, types?).filter(|_| whole)
    }

    /// How many entries a page has.
    fn entries(&self, number: usize) -> usize {
        (self.len - number * PAGE).min(PAGE)
    }
}

/// Whether entries are in order, each once, and of the classes that are described.
pub(super) fn check(dictionary: &Arc<Dictionary>, entry: &DictionaryEntry) -> Result<(), Refused> {
    let order = |code: usize| {
        let value = dictionary.get(code as u32);
        (dictionary.text(code as u32), value.value_type().number())
    };
    if (1..dictionary.len()).any(|code| order(code - 1) >= order(code)) {
        return Err("is out of order".into());
    }
    let entries: Vec<(&str, Type)> = (0..dictionary.len() as u32)
        .map(|code| (dictionary.text(code), dictionary.get(code).value_type()))
        .collect();
    let same = classes(&entries) == entry.classes;
    if same { Ok(()) } else { Err("has other equal texts than are described".into()) }
}

/// Unpacks what zstd packed; `None` if it is not zstd's or of another length.
fn unzstd(packed: &[u8], into: &mut [u8]) -> Option<()> {
    thread_local! {
        /// Making one takes longer than unpacking a few texts.
        static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new().ok()?),
        };
        let unpacked = decompressor.decompress_to_buffer(packed, into).ok()?;
        (unpacked == into.len()).then_some(())
    })
}
