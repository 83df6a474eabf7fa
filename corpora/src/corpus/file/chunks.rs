//! Parts of a block as they lie in the file, chunk by chunk: of what is looked at here and there no more
//! is read than the chunks that it lies in.

use std::ops::Range;
use std::sync::Mutex;

use bytes::Bytes;
use hashbrown::HashMap;

use super::check::Refused;
use super::layout::{Block, CHUNK};
use super::opened::Opened;
use super::store::locked;

/// What was read of a block.
#[derive(Default)]
pub(super) struct Chunks(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    checksums: Bytes,
    /// Chunks by their number.
    chunks: HashMap<usize, Bytes>,
    /// All of the block, instead of chunks.
    whole: Option<Bytes>,
}

/// Parts that reach over more chunks than these are read by themselves.
const FEW: usize = 2;
/// Once one chunk in so many of a block was read alone, all of it is read: chunk by chunk that takes
/// a few times as long.
const SPARSE: usize = 4;

impl Chunks {
    /// Some of the bytes of a block as they lie in the file, checked. The chunks of small parts are
    /// kept, for others are likely to be asked for.
    pub(super) fn read(
        &self,
        file: &Opened,
        block: &Block,
        range: Range<usize>,
    ) -> Result<Bytes, Refused> {
        let stored = block.stored as usize;
        if range.start > range.end || range.end > stored {
            return Err("refers to what is not there".into());
        }
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let (first, last) = (range.start / CHUNK, (range.end - 1) / CHUNK);
        // Its checksums lie behind it: one look at the file gives both.
        if range.len() == stored {
            return file.whole(block);
        }
        let mut kept = locked(&self.0);
        if kept.whole.is_none() && kept.chunks.len() > stored / CHUNK / SPARSE {
            *kept = Kept { whole: Some(file.whole(block)?), ..Kept::default() };
        }
        if let Some(whole) = &kept.whole {
            return Ok(whole.slice(range));
        }
        if kept.checksums.is_empty() {
            kept.checksums = file.checksums(block)?;
        }
        if last - first > FEW {
            let begin = first * CHUNK;
            let end = stored.min((last + 1) * CHUNK);
            let whole = file.read(block, begin..end, &kept.checksums)?;
            return Ok(whole.slice(range.start - begin..range.end - begin));
        }
        let mut parts = Vec::new();
        for number in first..=last {
            let begin = number * CHUNK;
            let chunk = match kept.chunks.get(&number) {
                Some(chunk) => chunk.clone(),
                None => {
                    let end = stored.min(begin + CHUNK);
                    let chunk = file.read(block, begin..end, &kept.checksums)?;
                    kept.chunks.insert(number, chunk.clone());
                    chunk
                }
            };
            let own = range.start.max(begin) - begin..range.end.min(begin + CHUNK) - begin;
            if first == last {
                return Ok(chunk.slice(own));
            }
            parts.extend_from_slice(&chunk[own]);
        }
        Ok(parts.into())
    }
}
