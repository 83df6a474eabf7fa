//! A strict scan of JSON structure that can stop and go on at any byte: it finds where a document
//! that spans lines ends, or the first byte at which the text can no longer become one.
//!
//! Brackets, quotes, commas and colons are held to the grammar; what stands between them (numbers,
//! `true`, escapes) is left to the parser, so that a bad number does not tear a document apart.

use memchr::memchr3;

/// Deepest nesting that a document may have; the parser above refuses more as well.
pub const MAX_DEPTH: usize = 1_024;

/// Why a stretch of text is not a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Breakage {
    /// The text does not begin with `{` or `[`.
    #[error("not a JSON object or list")]
    NotADocument,
    /// A byte that JSON does not allow at its place.
    #[error("not JSON from this byte on")]
    Unexpected,
    /// A quoted text runs over the end of its line.
    #[error("a quoted text is not closed on its line")]
    OpenText,
    /// More than [`MAX_DEPTH`] brackets are open.
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// The next document begins, or the line ends, before this one is closed.
    #[error("not closed before the next document")]
    Unclosed,
}

/// Where a [`Scanner`] stopped; positions count from the start of the text it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    /// The text ended inside the document.
    More,
    /// A line ended inside the document; the position is that of the next line.
    NextLine(usize),
    /// The document is closed; the position is the first byte after it.
    Closed(usize),
    /// The byte at the position cannot follow what was before it.
    Broken(usize, Breakage),
}

/// What the grammar allows next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    /// Inside a number, `true`, `null` or whatever stands there instead.
    Word,
    Text {
        key: bool,
    },
    Escape {
        key: bool,
    },
}

/// The state of a scan between two pieces of text. It starts at the bracket that opens a document.
#[derive(Debug, Clone)]
pub(super) struct Scanner {
    /// One bit a level, set for an object and clear for a list.
    objects: [u64; MAX_DEPTH / 64],
    depth: usize,
    expect: Expect,
}

impl Scanner {
    pub(super) fn new() -> Self {
        Scanner { objects: [0; MAX_DEPTH / 64], depth: 0, expect: Expect::Value }
    }

    /// Says whether the scan is directly inside an outermost list, where any document may begin.
    pub(super) fn in_outer_list(&self) -> bool {
        self.depth == 1 && !self.in_object()
    }

    /// Goes on over `text` until the document is closed or broken, a line ends or the text ends.
    pub(super) fn scan(&mut self, text: &[u8]) -> Scan {
        let mut at = 0;
        while at < text.len() {
            let byte = text[at];
            match self.expect {
                Expect::Text { key } => match memchr3(b'"', b'\\', b'\n', &text[at..]) {
                    None => return Scan::More,
                    Some(n) => {
                        at += n;
                        match text[at] {
                            b'"' if key => self.expect = Expect::Colon,
                            b'"' => self.expect = Expect::CommaOrEnd,
                            b'\\' => self.expect = Expect::Escape { key },
                            _ => return Scan::Broken(at, Breakage::OpenText),
                        }
                    }
                },
                Expect::Escape { .. } if byte == b'\n' => {
                    return Scan::Broken(at, Breakage::OpenText);
                }
                Expect::Escape { key } => self.expect = Expect::Text { key },
                _ if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') => {
                    if self.expect == Expect::Word {
                        self.expect = Expect::CommaOrEnd;
                    }
                    if byte == b'\n' {
                        return Scan::NextLine(at + 1);
                    }
                }
                _ => {
                    if let Err(why) = self.token(byte) {
                        return Scan::Broken(at, why);
                    }
                    if self.depth == 0 {
                        return Scan::Closed(at + 1);
                    }
                }
            }
            at += 1;
        }
        Scan::More
    }

    fn token(&mut self, byte: u8) -> Result<(), Breakage> {
        use Expect::{Colon, CommaOrEnd, Key, KeyOrEnd, Text, Value, ValueOrEnd, Word};
        self.expect = match (byte, self.expect) {
            (b'{', Value | ValueOrEnd) => return self.open(true),
            (b'[', Value | ValueOrEnd) => return self.open(false),
            (b'}', KeyOrEnd | CommaOrEnd | Word) if self.in_object() => return self.close(),
            (b']', ValueOrEnd | CommaOrEnd | Word) if !self.in_object() => return self.close(),
            (b',', CommaOrEnd | Word) if self.in_object() => Key,
            (b',', CommaOrEnd | Word) => Value,
            (b':', Colon) => Value,
            (b'"', Key | KeyOrEnd) => Text { key: true },
            (b'"', Value | ValueOrEnd) => Text { key: false },
            (b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"', _) => {
                return Err(Breakage::Unexpected);
            }
            (_, Value | ValueOrEnd | Word) => Word,
            _ => return Err(Breakage::Unexpected),
        };
        Ok(())
    }

    fn open(&mut self, object: bool) -> Result<(), Breakage> {
        if self.depth == MAX_DEPTH {
            return Err(Breakage::TooDeep);
        }
        let bit = 1 << (self.depth % 64);
        let word = &mut self.objects[self.depth / 64];
        *word = if object { *word | bit } else { *word & !bit };
        self.depth += 1;
        self.expect = if object { Expect::KeyOrEnd } else { Expect::ValueOrEnd };
        Ok(())
    }

    fn close(&mut self) -> Result<(), Breakage> {
        self.depth -= 1;
        self.expect = Expect::CommaOrEnd;
        Ok(())
    }

    /// Says whether the innermost open bracket is that of an object.
    fn in_object(&self) -> bool {
        self.depth > 0 && self.objects[(self.depth - 1) / 64] >> ((self.depth - 1) % 64) & 1 == 1
    }
}
