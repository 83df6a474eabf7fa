//! Writes blocks one after another, and at last what says where they are.

use std::io::{self, Write};

use ir::segment::Narrow;

use super::frames;
use super::layout::{
    Block, CHUNK, Directory, Encoding, Header, Heat, LINE, MAGIC, NarrowEntry, Trailer, VERSION,
};

/// How a block is to be kept; one of zeros alone never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Plain,
    /// In frames, if that makes it smaller by a sixteenth.
    Frames,
}

impl From<Heat> for Kept {
    fn from(heat: Heat) -> Self {
        match heat {
            Heat::Hot => Self::Plain,
            Heat::Cold => Self::Frames,
        }
    }
}

/// The blocks of a file so far.
pub(super) struct Blocks<'a, W> {
    out: &'a mut W,
    at: u64,
    records: Vec<Block>,
}

impl<'a, W: Write> Blocks<'a, W> {
    /// Writes the header.
    pub(super) fn begin(out: &'a mut W) -> io::Result<Self> {
        let header = Header { magic: MAGIC, version: VERSION, zeros: [0; 13] };
        out.write_all(bytemuck::bytes_of(&header))?;
        Ok(Self { out, at: LINE as u64, records: Vec::new() })
    }

    /// Adds a block of items of `width` bytes; its number.
    pub(super) fn add(&mut self, raw: &[u8], width: u8, kept: Kept) -> io::Result<u32> {
        if raw.iter().all(|byte| *byte == 0) {
            return self.put(raw.len(), &[], Encoding::Zeros, width);
        }
        if kept == Kept::Frames && width <= 8 {
            let packed = frames::pack(raw, width.into());
            if packed.len() < raw.len() - raw.len() / 16 {
                return self.put(raw.len(), &packed, Encoding::Frames, width);
            }
        }
        self.put(raw.len(), raw, Encoding::Plain, width)
    }

    /// Adds a block that is as it is to be stored, of `raw` bytes; its number.
    pub(super) fn put(
        &mut self,
        raw: usize,
        stored: &[u8],
        encoding: Encoding,
        width: u8,
    ) -> io::Result<u32> {
        let number = small(self.records.len())?;
        let chunks = stored.chunks(CHUNK);
        let checksums: Vec<u32> = chunks.map(crc32fast::hash).collect();
        let checksums: &[u8] = bytemuck::cast_slice(&checksums);
        let several = checksums.len() > 4;
        self.records.push(Block {
            place: if stored.is_empty() { 0 } else { small((self.at / LINE as u64) as usize)? },
            stored: small(stored.len())?,
            raw: small(raw)?,
            crc: crc32fast::hash(if several { checksums } else { stored }),
            encoding: encoding as u8,
            width,
            zeros: [0; 2],
        });
        self.out.write_all(stored)?;
        self.pad(stored.len())?;
        if several {
            self.out.write_all(checksums)?;
            self.pad(checksums.len())?;
        }
        Ok(number)
    }

    fn pad(&mut self, written: usize) -> io::Result<()> {
        let padded = written.next_multiple_of(LINE);
        self.out.write_all(&[0; LINE][..padded - written])?;
        self.at += padded as u64;
        Ok(())
    }

    /// Writes the footer; the bytes of the file and the checksum of the footer.
    pub(super) fn finish(mut self, directory: &Directory<'_>) -> io::Result<(u64, u32)> {
        self.out.write_all(&[0; LINE])?;
        let begin = self.at + LINE as u64;
        let mut footer = bytemuck::cast_slice::<Block, u8>(&self.records).to_vec();
        footer.extend(encoded(directory)?);
        let crc = crc32fast::hash(&footer);
        self.out.write_all(&footer)?;
        self.at = begin;
        self.pad(footer.len())?;
        let bytes = self.at + LINE as u64;
        let mut trailer = Trailer {
            footer: begin,
            length: footer.len() as u64,
            file: bytes,
            blocks: self.records.len() as u32,
            crc,
            zeros: [0; 5],
            own_crc: 0,
            magic: MAGIC,
        };
        trailer.own_crc = trailer.checksum();
        self.out.write_all(bytemuck::bytes_of(&trailer))?;
        self.out.flush()?;
        Ok((bytes, crc))
    }
}

/// Adds a block of narrow numbers.
pub(super) fn narrow<W: Write>(
    blocks: &mut Blocks<'_, W>,
    values: &Narrow,
    kept: Kept,
) -> io::Result<NarrowEntry> {
    let (bytes, width): (&[u8], u8) = match values {
        Narrow::U8(values) => (values, 1),
        Narrow::U16(values) => (bytemuck::cast_slice(values), 2),
        Narrow::U32(values) => (bytemuck::cast_slice(values), 4),
        Narrow::U64(values) => (bytemuck::cast_slice(values), 8),
    };
    Ok(NarrowEntry { width, block: blocks.add(bytes, width, kept)? })
}

/// What the footer keeps of a value.
pub(super) fn encoded(value: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(io::Error::other)
}

/// A number as the footer keeps it.
pub(super) fn small(number: usize) -> io::Result<u32> {
    u32::try_from(number).map_err(|_| too_large())
}

/// The error of numbers that the footer has no room for.
pub(super) fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "a segment has less than 4 GiB a buffer")
}
