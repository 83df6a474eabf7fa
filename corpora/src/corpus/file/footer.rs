//! The footer of a file that was written to its end, found from the end.

use std::io;

use bytes::Bytes;

use super::layout::{Header, LINE, MAGIC, Trailer, VERSION};
use super::source::Source;

/// Why a file cannot be opened.
pub(super) enum Unopened {
    Io(io::Error),
    /// It is of this later version.
    Newer(u32),
    Damaged(&'static str),
}

impl From<io::Error> for Unopened {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<&'static str> for Unopened {
    fn from(what: &'static str) -> Self {
        Self::Damaged(what)
    }
}

/// What is read of the end of a file before it is known how long the footer is.
const TAIL: usize = 24 << 10;

/// The footer of a file that was written to its end, where it begins, and how many blocks it lists.
pub(super) fn footer(source: &Source) -> Result<(Bytes, Trailer), Unopened> {
    if source.len() < LINE {
        return Err("is no segment of a corpus: it is too short".into());
    }
    let header: Header = bytemuck::pod_read_unaligned(&source.read(0..LINE)?);
    if header.magic != MAGIC {
        return Err("is no segment of a corpus: it does not begin as one".into());
    }
    if header.version > VERSION {
        return Err(Unopened::Newer(header.version));
    }
    if header.version != VERSION || header.zeros != [0; 13] {
        return Err("has a header that was never written".into());
    }
    let cut = "does not end as it was written: it was cut short or added to";
    let end = source.len().checked_sub(LINE).filter(|end| *end >= LINE).ok_or(cut)?;
    let begin = source.len().saturating_sub(TAIL);
    let tail = source.read(begin..source.len())?;
    let trailer: Trailer = bytemuck::pod_read_unaligned(&tail[end - begin..]);
    let whole = trailer.magic == MAGIC
        && trailer.own_crc == trailer.checksum()
        && trailer.file == source.len() as u64;
    if !whole {
        return Err(cut.into());
    }
    let outside = "has a footer outside of the file";
    let at = |number: u64| usize::try_from(number).map_err(|_| outside);
    let (from, length) = (at(trailer.footer)?, at(trailer.length)?);
    let to = from.checked_add(length).filter(|to| *to <= end && from >= LINE).ok_or(outside)?;
    let footer = match from.checked_sub(begin) {
        Some(from) => tail.slice(from..to - begin),
        None => source.read(from..to)?,
    };
    if crc32fast::hash(&footer) != trailer.crc {
        return Err("has another footer than was written: its checksum differs".into());
    }
    Ok((footer, trailer))
}
