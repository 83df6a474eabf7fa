//! Takes apart a text that the parser refused: several documents on a line, or the rest of a line
//! that was never finished with a whole one written behind it.

use memchr::memchr_iter;

use super::documents::{Chunk, Kind, begins_root, opens};
use super::scan::{Breakage, Scan, Scanner};

/// The pieces of a text, found one by one; see [`Chunk::split`].
#[derive(Debug, Clone)]
pub struct Split<'a> {
    /// What documents are taken from.
    piece: Chunk<'a>,
    /// What follows `piece`.
    rest: Chunk<'a>,
    /// Whether the text must be cut before each `{"resourceSpans"` from here on.
    cutting: bool,
}

impl<'a> Chunk<'a> {
    /// The documents and the broken stretches of this text, in order; each byte but blanks is in
    /// one of them. A document comes as [`Kind::Block`]. From the first place that is no document
    /// the text is cut before each `{"resourceSpans"` and its like, since a quoted text cannot
    /// contain that: what balances from there is a document again.
    ///
    /// `{"a":1}{"b":2}` gives two blocks; `{"resourceSpans":[{"sco{"resourceSpans":[]}` gives
    /// broken text and a block; a single document gives one block that is the whole text.
    pub fn split(&self) -> Split<'a> {
        let nothing = self.part(self.bytes.len(), self.bytes.len(), self.kind);
        Split { piece: *self, rest: nothing, cutting: false }
    }

    /// The document with which this text begins, and what follows it.
    fn first_document(&self) -> Option<(Chunk<'a>, Chunk<'a>)> {
        let Ending::Closed(end) = self.ending() else { return None };
        Some((self.part(0, end, Kind::Block), self.part(end, self.bytes.len(), self.kind)))
    }

    /// This text, which is no document, with the reason. Only the `last` piece can be unfinished.
    fn judged(mut self, last: bool) -> Self {
        self.kind = match self.ending() {
            Ending::Broken(why) => Kind::Broken(why),
            _ if last && self.ends_input => Kind::Unfinished,
            _ => Kind::Broken(Breakage::Unclosed),
        };
        self
    }

    fn ending(&self) -> Ending {
        if !self.bytes.first().is_some_and(|&byte| opens(byte)) {
            return Ending::Broken(Breakage::NotADocument);
        }
        let mut scanner = Scanner::new();
        let mut at = 0;
        loop {
            match scanner.scan(&self.bytes[at..]) {
                Scan::NextLine(n) => at += n,
                Scan::Closed(n) => return Ending::Closed(at + n),
                Scan::Broken(_, why) => return Ending::Broken(why),
                Scan::More => return Ending::Open,
            }
        }
    }

    /// The part from `from` to `to` without the blanks around it.
    fn part(&self, from: usize, to: usize, kind: Kind) -> Chunk<'a> {
        let text = &self.bytes[from..to];
        let start = from + (text.len() - text.trim_ascii_start().len());
        let lines = memchr_iter(b'\n', &self.bytes[..start]).count();
        Chunk {
            bytes: text.trim_ascii(),
            offset: self.offset + start as u64,
            line: self.line + lines as u64,
            kind,
            ends_input: self.ends_input && to == self.bytes.len(),
        }
    }
}

impl<'a> Iterator for Split<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        if let Some((document, after)) = self.piece.first_document() {
            self.piece = after;
            return Some(document);
        }
        if !self.cutting {
            self.cutting = true;
            self.rest = self.piece;
            self.next_piece();
            return self.next();
        }
        let broken = self.piece;
        self.next_piece();
        match broken.bytes {
            [] if self.piece.bytes.is_empty() => None,
            [] => self.next(),
            _ => Some(broken.judged(self.piece.bytes.is_empty())),
        }
    }
}

impl Split<'_> {
    /// Takes from the rest what lies before the next beginning of an OTLP document.
    fn next_piece(&mut self) {
        let text = self.rest.bytes;
        let end = memchr_iter(b'{', text)
            .find(|&at| at > 0 && begins_root(&text[at..]))
            .unwrap_or(text.len());
        self.piece = self.rest.part(0, end, self.rest.kind);
        self.rest = self.rest.part(end, text.len(), self.rest.kind);
    }
}

/// How a text goes on from its first byte.
enum Ending {
    Closed(usize),
    Broken(Breakage),
    Open,
}
