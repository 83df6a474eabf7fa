//! The rule by which a stream of text falls apart into JSON documents.
//!
//! At the start of a line, leading blanks aside:
//!
//! | the line | is handed up as |
//! |---|---|
//! | begins with `{` and ends with `}`, or `[` and `]` | [`Kind::Line`], unseen: the parser judges |
//! | begins with `{` or `[` and ends otherwise | the start of a document over many lines |
//! | is longer than 16 MiB or the size limit | likewise |
//! | is blank | nothing |
//! | is anything else | [`Kind::Broken`] |
//!
//! A document over many lines is scanned to its closing bracket and is a [`Kind::Block`]; what
//! follows on that line is scanned likewise (`}{` ends one and begins the next). It is broken when
//! the grammar forbids its next byte, or when a line begins at its first column with the key of an
//! OTLP document (`{"resourceSpans"`), because that is an exporter that was killed in the middle
//! of a line and started again. A broken document reaches to the next line that has `{` or `[` at
//! its first column, so it takes no whole line after it along:
//!
//! ```text
//! {"resourceSpans":[]}             Line
//! {this is not JSON                Broken
//! {"resourceSpans":[{"scope        Broken
//! {"resourceSpans":[]}             Line
//! {                                Block, to its bracket
//!   "resourceSpans": []
//! }{"resourceSpans":               Unfinished, if the input ends here
//! ```
//!
//! A line of several documents (`{}{}`) has the shape of one: the parser refuses it and
//! [`Chunk::split`] takes it apart. Documents above the size limit are passed over up to the next
//! line with a bracket at its first column. Every byte is looked at a bounded number of times, and
//! the outcome does not depend on how the text was cut into reads.

use memchr::memchr;

use super::scan::{Breakage, Scan, Scanner};

/// What a piece of text is, as far as its brackets tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A line with the outer brackets of a document; its inside was not looked at.
    Line,
    /// A document whose brackets balance.
    Block,
    /// Text that is no document.
    Broken(Breakage),
    /// The beginning of a document at the end of the input.
    Unfinished,
}

/// A piece of an input: a document, or what stands in place of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The text as it was read, without blanks around it.
    pub bytes: &'a [u8],
    /// Byte offset of its beginning in the decompressed input, from 0.
    pub offset: u64,
    /// Line of its beginning in the decompressed input, from 1.
    pub line: u64,
    /// What it is.
    pub kind: Kind,
    /// Whether nothing follows, not even a line end: if the parser refuses it, it may be cut.
    pub ends_input: bool,
}

/// Bytes that must follow a document in the buffer given to simd-json.
pub const PADDING: usize = simd_json::INPUT_PADDING;

impl Chunk<'_> {
    /// Copies the text into `scratch`, followed by [`PADDING`] bytes, for a parser that writes
    /// into its input. Gives the length of the text.
    pub fn copy_padded(&self, scratch: &mut Vec<u8>) -> usize {
        scratch.clear();
        scratch.reserve(self.bytes.len() + PADDING);
        scratch.extend_from_slice(self.bytes);
        scratch.resize(self.bytes.len() + PADDING, b' ');
        self.bytes.len()
    }
}

/// A [`Chunk`] by its place in a buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) line: u64,
    pub(super) kind: Kind,
    pub(super) ends_input: bool,
}

impl Frame {
    /// The chunk in the buffer whose first byte is byte `base` of the input.
    pub(super) fn chunk<'a>(&self, bytes: &'a [u8], base: u64) -> Chunk<'a> {
        Chunk {
            bytes: &bytes[self.start..self.end],
            offset: base + self.start as u64,
            line: self.line,
            kind: self.kind,
            ends_input: self.ends_input,
        }
    }
}

/// The next thing in a text.
pub(super) enum Step {
    Chunk(Frame),
    /// A document above the limit starts at `start`; it is passed over.
    TooLarge {
        start: usize,
        line: u64,
    },
    /// The text at hand is used up, but for what follows [`Framer::keep_from`].
    More,
}

enum State {
    /// Before the first byte of a line that is not blank.
    Line,
    /// After a document, on the same line.
    Rest,
    Inside(Scanner),
    /// In broken text, which is kept.
    Skipping(Breakage),
    /// In text that is too large and is not kept.
    Dropping,
}

/// Longest line that is handed up unseen. A longer one may be many documents without a line end
/// between them, which would not fit in memory together.
const LONG_LINE: usize = 16 << 20;

/// Longest beginning of a line that decides whether an OTLP document begins there.
const LOOKAHEAD: usize = 64;

/// The keys with which OTLP documents, and Tempo's answers, begin.
const ROOT_KEYS: [&[u8]; 9] = [
    b"resourceSpans",
    b"resource_spans",
    b"resourceLogs",
    b"resource_logs",
    b"resourceMetrics",
    b"resource_metrics",
    b"resourceProfiles",
    b"resource_profiles",
    b"batches",
];

/// Finds documents in a text that arrives in pieces.
pub(super) struct Framer {
    max_document: usize,
    state: State,
    /// First byte of the document at hand.
    from: usize,
    /// Line of `from`.
    from_line: u64,
    /// Next byte to look at.
    at: usize,
    /// Line of `at`.
    line: u64,
    /// No line end lies between `from` and here.
    searched: usize,
    /// Whether `at` begins a line inside a document and was not yet looked at as such.
    fresh: bool,
}

impl Framer {
    pub(super) fn new(max_document: usize) -> Self {
        Framer {
            max_document,
            state: State::Line,
            from: 0,
            from_line: 1,
            at: 0,
            line: 1,
            searched: 0,
            fresh: false,
        }
    }

    /// Says that the text begins at this line; before any of it was looked at.
    pub(super) fn begin_at_line(&mut self, line: u64) {
        self.line = line;
        self.from_line = line;
    }

    /// The first byte that is still needed.
    pub(super) fn keep_from(&self) -> usize {
        self.from
    }

    /// Says that the bytes before [`Self::keep_from`] were taken out of the text.
    pub(super) fn rebase(&mut self) {
        self.at -= self.from;
        self.searched = self.searched.saturating_sub(self.from);
        self.from = 0;
    }

    /// Finds the next chunk in `text`, which begins with what was kept and goes on with new bytes;
    /// `ended` says that no more will come.
    pub(super) fn next(&mut self, text: &[u8], ended: bool) -> Step {
        loop {
            let step = match self.state {
                State::Line | State::Rest => self.begin(text, ended),
                State::Inside(_) => self.go_on(text, ended),
                State::Skipping(why) => self.skip(text, ended, why),
                State::Dropping => self.pass_over(text, ended),
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    fn begin(&mut self, text: &[u8], ended: bool) -> Option<Step> {
        while let Some(blank) = text.get(self.at).filter(|byte| byte.is_ascii_whitespace()) {
            if *blank == b'\n' {
                self.line += 1;
                self.state = State::Line;
            }
            self.at += 1;
        }
        if self.from != self.at {
            self.from = self.at;
            self.searched = self.at;
        }
        self.from_line = self.line;
        let Some(&first) = text.get(self.at) else {
            return Some(Step::More);
        };
        if matches!(self.state, State::Rest) {
            self.look_inside(first);
            return None;
        }
        let end = match memchr(b'\n', &text[self.searched..]) {
            Some(n) => self.searched + n,
            None => text.len(),
        };
        self.searched = end;
        if end - self.from > self.max_document.min(LONG_LINE) {
            self.look_inside(first);
            return None;
        }
        if end == text.len() && !ended {
            return Some(Step::More);
        }
        let last = text[self.from..end].trim_ascii_end().last();
        let kind = match (first, last) {
            (b'{', Some(b'}')) | (b'[', Some(b']')) => Kind::Line,
            (b'{' | b'[', _) => {
                self.look_inside(first);
                return None;
            }
            _ => Kind::Broken(Breakage::NotADocument),
        };
        self.at = end;
        Some(self.chunk(text, kind, end == text.len(), State::Line))
    }

    /// Goes on byte by byte from here.
    fn look_inside(&mut self, first: u8) {
        self.fresh = false;
        self.state = if opens(first) {
            State::Inside(Scanner::new())
        } else {
            State::Skipping(Breakage::NotADocument)
        };
    }

    fn go_on(&mut self, text: &[u8], ended: bool) -> Option<Step> {
        let State::Inside(scanner) = &mut self.state else { return None };
        if self.fresh {
            let head = &text[self.at..text.len().min(self.at + LOOKAHEAD)];
            if head.len() < LOOKAHEAD && !ended {
                return Some(Step::More);
            }
            self.fresh = false;
            if begins_root(head) && !scanner.in_outer_list() {
                let kind = Kind::Broken(Breakage::Unclosed);
                return Some(self.chunk(text, kind, false, State::Line));
            }
        }
        let limit = text.len().min(self.from.saturating_add(self.max_document));
        match scanner.scan(&text[self.at..limit]) {
            Scan::NextLine(n) => {
                self.at += n;
                self.line += 1;
                self.fresh = true;
                None
            }
            Scan::Closed(n) => {
                self.at += n;
                Some(self.chunk(text, Kind::Block, false, State::Rest))
            }
            Scan::Broken(n, why) => {
                self.at += n;
                if self.at > self.from && text[self.at - 1] == b'\n' && opens(text[self.at]) {
                    return Some(self.chunk(text, Kind::Broken(why), false, State::Line));
                }
                self.state = State::Skipping(why);
                None
            }
            Scan::More => self.used_up(text, limit, ended, Kind::Unfinished),
        }
    }

    fn skip(&mut self, text: &[u8], ended: bool, why: Breakage) -> Option<Step> {
        let limit = text.len().min(self.from.saturating_add(self.max_document));
        let Some(n) = memchr(b'\n', &text[self.at..limit]) else {
            return self.used_up(text, limit, ended, Kind::Broken(why));
        };
        self.at += n;
        if self.at + 1 == text.len() && !ended {
            return Some(Step::More);
        }
        self.at += 1;
        self.line += 1;
        text.get(self.at)
            .is_some_and(|&byte| opens(byte))
            .then(|| self.chunk(text, Kind::Broken(why), false, State::Line))
    }

    fn pass_over(&mut self, text: &[u8], ended: bool) -> Option<Step> {
        let newline = memchr(b'\n', &text[self.at..]).map_or(text.len(), |n| self.at + n);
        self.at = newline;
        self.from = newline;
        if newline == text.len() || (newline + 1 == text.len() && !ended) {
            // A last line end stays, so that the byte after it is seen at a line's start.
            self.from_line = self.line;
            return Some(Step::More);
        }
        self.at += 1;
        self.line += 1;
        if text.get(self.at).is_some_and(|&byte| opens(byte)) {
            self.state = State::Line;
        }
        None
    }

    /// The text ended, or its part within the size limit, inside a document or broken text.
    fn used_up(&mut self, text: &[u8], limit: usize, ended: bool, kind: Kind) -> Option<Step> {
        self.at = limit;
        if limit < text.len() {
            let (start, line) = (self.from, self.from_line);
            if text[limit - 1] == b'\n' {
                self.at -= 1;
                self.line -= 1;
            }
            self.state = State::Dropping;
            return Some(Step::TooLarge { start, line });
        }
        Some(if ended { self.chunk(text, kind, true, State::Line) } else { Step::More })
    }

    /// Hands up what lies before `at` and goes on there in state `then`.
    fn chunk(&mut self, text: &[u8], kind: Kind, ends_input: bool, then: State) -> Step {
        self.state = then;
        let end = self.from + text[self.from..self.at].trim_ascii_end().len();
        let (start, line) = (self.from, self.from_line);
        self.from = self.at;
        self.searched = self.at;
        Step::Chunk(Frame { start, end, line, kind, ends_input })
    }
}

/// Says whether a document can begin with `byte`.
pub(super) fn opens(byte: u8) -> bool {
    matches!(byte, b'{' | b'[')
}

/// Says whether `text` begins with the bracket and first key of an OTLP document.
pub(super) fn begins_root(text: &[u8]) -> bool {
    let key = text
        .strip_prefix(b"{")
        .map(<[u8]>::trim_ascii_start)
        .and_then(|rest| rest.strip_prefix(b"\""))
        .unwrap_or_default();
    ROOT_KEYS.iter().any(|root| key.strip_prefix(*root).is_some_and(|rest| rest.starts_with(b"\"")))
}
