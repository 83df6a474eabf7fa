//! Reads holes. What is refused here is left to the strict reader, so that only what both take the
//! same way need be understood.

use super::super::strings::{self, Reading};
use super::super::text;
use super::lanes::{BLOCK, Lanes, Portable};
use super::place::Usual;

/// A string: a range of the document, or of what was unescaped if its first bit is set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Piece {
    start: u32,
    len: u32,
}

const UNESCAPED: u32 = 1 << 31;
/// Longest document whose pieces can be named.
pub(super) const LONGEST: usize = UNESCAPED as usize - 1;

impl Piece {
    pub(super) fn of_text(start: usize, end: usize) -> Self {
        Self { start: start as u32, len: (end - start) as u32 }
    }

    /// The string as bytes.
    #[inline(always)]
    pub(super) fn bytes<'t>(self, text: &'t [u8], unescaped: &'t str) -> &'t [u8] {
        let start = (self.start & !UNESCAPED) as usize;
        let within = if self.start & UNESCAPED != 0 { unescaped.as_bytes() } else { text };
        &within[start..start + self.len as usize]
    }

    /// The string.
    pub(super) fn get<'t>(self, text: &'t [u8], unescaped: &'t str) -> &'t str {
        let start = (self.start & !UNESCAPED) as usize;
        let range = start..start + self.len as usize;
        if self.len == 0 {
            return "";
        }
        if self.start & UNESCAPED != 0 {
            return &unescaped[range];
        }
        std::str::from_utf8(&text[range]).unwrap_or_default()
    }
}

/// A document on its way through the recognizer.
#[derive(Clone, Copy)]
pub(super) struct Reader<'t, L> {
    pub(super) lanes: L,
    pub(super) text: &'t [u8],
}

impl<'t, L: Lanes> Reader<'t, L> {
    /// The block at `at`, unless less is left.
    #[inline(always)]
    pub(super) fn block(self, at: usize) -> Option<&'t [u8; BLOCK]> {
        self.text.get(at..at.checked_add(BLOCK)?)?.first_chunk()
    }

    /// Two blocks at `at`, unless less is left.
    #[inline(always)]
    pub(super) fn blocks(self, at: usize) -> Option<&'t [u8; 2 * BLOCK]> {
        self.text.get(at..at.checked_add(2 * BLOCK)?)?.first_chunk()
    }

    /// Whether the first `len` bytes at `at` are those of a literal.
    #[inline(always)]
    pub(super) fn agree(self, at: usize, literal: &[u8; BLOCK], len: usize) -> bool {
        match self.block(at) {
            Some(block) => self.lanes.agree(block, literal, len),
            None => Portable.agree(&self.last_block(at), literal, len),
        }
    }

    /// How many bytes from `at` on are plain, at most a block.
    #[inline(always)]
    pub(super) fn plain(self, at: usize) -> usize {
        self.ends(at).trailing_zeros() as usize
    }

    /// The same as [`Self::plain`], where it was `usual` before. If it is that again, the processor
    /// need not wait for the text to go on behind it: what is there was guessed, not worked out.
    #[inline(always)]
    pub(super) fn plain_as(self, at: usize, usual: &mut Usual) -> usize {
        let ends = self.ends(at);
        if usual.is_first(ends) {
            return usual.len();
        }
        let len = ends.trailing_zeros() as usize;
        usual.set(len);
        len
    }

    #[inline(always)]
    fn ends(self, at: usize) -> u64 {
        match self.block(at) {
            Some(block) => self.lanes.ends(block),
            None => Portable.ends(&self.last_block(at)),
        }
    }

    /// What is left from `at` on, then zeros: no literal and no string has them.
    #[cold]
    #[inline(never)]
    fn last_block(self, at: usize) -> [u8; BLOCK] {
        let rest = self.text.get(at..).unwrap_or_default();
        let mut padded = [0; BLOCK];
        padded[..rest.len()].copy_from_slice(rest);
        padded
    }

    /// Where the string ends that begins at `at`, after its quote. Plain ones end at once; what
    /// others read as goes to `unescaped`, if that is asked for.
    #[inline(always)]
    pub(super) fn string(
        self,
        at: usize,
        unescaped: Option<&mut String>,
    ) -> Option<(Piece, usize)> {
        self.string_of(at, at + self.plain(at), unescaped)
    }

    /// The same, where the plain part is probably as long as it was before.
    #[inline(always)]
    pub(super) fn string_as(
        self,
        at: usize,
        usual: &mut Usual,
        unescaped: Option<&mut String>,
    ) -> Option<(Piece, usize)> {
        self.string_of(at, at + self.plain_as(at, usual), unescaped)
    }

    /// The same, where the plain part ends at `end`.
    #[inline(always)]
    fn string_of(
        self,
        at: usize,
        end: usize,
        unescaped: Option<&mut String>,
    ) -> Option<(Piece, usize)> {
        if self.text.get(end) == Some(&b'"') {
            return Some((Piece::of_text(at, end), end));
        }
        self.long_string(at, end, unescaped)
    }

    #[cold]
    #[inline(never)]
    fn long_string(
        self,
        start: usize,
        mut at: usize,
        unescaped: Option<&mut String>,
    ) -> Option<(Piece, usize)> {
        let (mut ascii, mut escaped) = (true, false);
        loop {
            at += self.plain(at);
            match *self.text.get(at)? {
                b'"' => break,
                b'\\' => {
                    // Single characters need no look at what they stand for where nobody asks.
                    let is_single = matches!(
                        *self.text.get(at + 1)?,
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'
                    );
                    escaped |= unescaped.is_some() || !is_single;
                    at += 2;
                }
                0x80.. => {
                    ascii = false;
                    at += 1;
                }
                0..0x20 => return None,
                _ => {}
            }
        }
        let inside = &self.text[start..at];
        if !escaped {
            let good = ascii || std::str::from_utf8(inside).is_ok();
            return good.then(|| (Piece::of_text(start, at), at));
        }
        let mut apart = String::new();
        let unescaped = unescaped.unwrap_or(&mut apart);
        match strings::read(inside, false, unescaped) {
            Reading::Unescaped(from) if unescaped.len() < LONGEST => {
                let len = (unescaped.len() - from) as u32;
                Some((Piece { start: from as u32 | UNESCAPED, len }, at))
            }
            _ => None,
        }
    }

    /// A trace id in hex or base64, and where it ends; never 0.
    #[inline(always)]
    pub(super) fn trace_id(self, at: usize) -> Option<(u128, usize)> {
        if let Some(digits) = self.text.get(at..).and_then(<[u8]>::first_chunk)
            && self.text.get(at + 32) == Some(&b'"')
            && let Some(id) = self.lanes.hex_32(digits)
        {
            return (id != 0).then_some((id, at + 32));
        }
        self.read_plain(at, text::trace_id).filter(|(id, _)| *id != 0)
    }

    /// A span id in hex or base64, and where it ends; 0 if it is empty.
    #[inline(always)]
    pub(super) fn span_id(self, at: usize) -> Option<(u64, usize)> {
        if let Some(digits) = self.text.get(at..).and_then(<[u8]>::first_chunk)
            && self.text.get(at + 16) == Some(&b'"')
            && let Some(id) = self.lanes.hex_16(digits)
        {
            return Some((id, at + 16));
        }
        match self.text.get(at) {
            Some(b'"') => Some((0, at)),
            _ => self.read_plain(at, text::span_id),
        }
    }

    /// Bytes in base64, passed over.
    #[cold]
    #[inline(never)]
    pub(super) fn bytes(self, at: usize) -> Option<usize> {
        let (_, end) = self.string(at, None)?;
        // As it is written: base64 has no escapes.
        text::base64(&self.text[at..end]).map(|_| end)
    }

    /// A boolean.
    #[inline(always)]
    pub(super) fn bool(self, at: usize) -> Option<(bool, usize)> {
        let rest = &self.text[at..];
        if rest.starts_with(b"true") {
            return Some((true, at + 4));
        }
        rest.starts_with(b"false").then_some((false, at + 5))
    }

    /// What `read` makes of a plain string.
    #[inline(always)]
    pub(super) fn read_plain<V>(
        self,
        at: usize,
        read: impl FnOnce(&'t str) -> Option<V>,
    ) -> Option<(V, usize)> {
        let end = at + self.plain(at);
        if self.text.get(end) != Some(&b'"') {
            return None;
        }
        Some((read(std::str::from_utf8(&self.text[at..end]).ok()?)?, end))
    }
}
