//! Parts of a block as they lie in the file, chunk by chunk: of what is looked at here and there no more
//! is read than the chunks that it lies in.

use std::ops::Range;
use std::sync::Mutex;

use bytes::Bytes;

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
    chunks: Vec<(usize, Bytes)>,
}

/// Parts that reach over more chunks than these are read by themselves.
const FEW: usize = 2;

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
            let known = kept.chunks.iter().find(|(own, _)| *own == number);
            let chunk = match known {
                Some((_, chunk)) => chunk.clone(),
                None => {
                    let end = stored.min(begin + CHUNK);
                    let chunk = file.read(block, begin..end, &kept.checksums)?;
                    kept.chunks.push((number, chunk.clone()));
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
