//! Single items of blocks: of a column of which few rows are looked at no more than these are read.

use super::check::{self, Refused};
use super::frames;
use super::layout::Encoding;
use super::parents;
use super::store::{Stored, StoredBlock, locked};
use super::usage::Check;

impl Stored {
    /// One item of a block, checked, with a look at no more than must be.
    pub(super) fn read_item(
        &self,
        own: &StoredBlock,
        at: usize,
        item: &mut [u8],
    ) -> Result<(), Refused> {
        let StoredBlock { number, record: block, usage, chunks, .. } = own;
        self.note_access(usage);
        let width = item.len();
        let index = at / width;
        match (Encoding::of(block.encoding), usage.check) {
            (Some(Encoding::Zeros), _) => item.fill(0),
            (Some(Encoding::Plain), _) => {
                item.copy_from_slice(&chunks.read(&self.file, block, at..at + width)?);
            }
            (Some(Encoding::Frames), _) => {
                let value = self.framed(own, 0, index, block.raw as usize / width)?;
                item.copy_from_slice(&value.to_le_bytes()[..width]);
            }
            (Some(Encoding::Ordinals), Check::Ordinals(table)) => {
                let ordinal = self.ordinals(block, table)?.get(index);
                item.copy_from_slice(&ordinal.to_le_bytes());
            }
            _ => {
                let known = locked(&self.held).get(number).cloned();
                let all = match known {
                    Some(all) => all,
                    None => self.read(own)?,
                };
                item.copy_from_slice(&all[at..at + width]);
                locked(&self.held).insert(*number, all);
            }
        }
        match usage.check {
            Check::Within { least, most, .. } => check::item_within(item, least, most),
            Check::Times { first, last } => check::item_within(item, first, last),
            Check::Ordinals(_) => {
                check::item_within(item, 0, (self.file.traces as u64).saturating_sub(1))
            }
            Check::Bits(len) if at + width == block.raw as usize => check::bits(item, len),
            Check::Any | Check::Bits(_) | Check::Parents { .. } | Check::Pages => Ok(()),
        }
    }

    /// Whether an item is this one, if the block has parents and this one is none: then the parent's
    /// place tells, without the spans that it is a place among.
    pub(super) fn is_parent(
        &self,
        own: &StoredBlock,
        at: usize,
        item: &[u8],
    ) -> Result<Option<bool>, Refused> {
        let StoredBlock { record: block, usage, .. } = own;
        let (Some(Encoding::Parents), Check::Parents { base, .. }) =
            (Encoding::of(block.encoding), usage.check)
        else {
            return Ok(None);
        };
        if item != base.wrapping_neg().to_le_bytes() {
            return Ok(None);
        }
        self.note_access(usage);
        let width = item.len();
        let place = self.framed(own, parents::PLACES, at / width, block.raw as usize / width)?;
        Ok(Some(place == u64::from(parents::NONE)))
    }

    /// Item `index` of the `len` that are kept in frames from byte `begin` of a block on.
    fn framed(
        &self,
        own: &StoredBlock,
        begin: usize,
        index: usize,
        len: usize,
    ) -> Result<u64, Refused> {
        let read = |part: std::ops::Range<usize>| {
            own.chunks.read(&self.file, &own.record, begin + part.start..begin + part.end)
        };
        let record = read(frames::place(index))?;
        let rest = frames::rest(&record, index, len).ok_or("does not unpack")?;
        let rest = read(rest)?;
        frames::item(&record, &rest, index).ok_or_else(|| "does not unpack".into())
    }
}
