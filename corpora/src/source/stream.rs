//! One input on its way to documents: read, decompressed, framed, and handed out in blocks of whole
//! chunks that lie in a buffer of the caller.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Options;
use super::decompress::Decoder;
use super::digest::Digest;
use super::documents::{Chunk, Frame, Framer, Kind, Step};
use super::report::{Note, Place, SourceReport, Why};

/// Most chunks in a block, so that tiny documents do not need many times their size.
const MAX_CHUNKS: usize = 1 << 18;

/// Memory for one block, to be used again for the next.
#[derive(Default)]
pub struct Buffer {
    /// As long as it ever was, so that it is zeroed once; the text fills its beginning.
    bytes: Vec<u8>,
    frames: Vec<Frame>,
}

/// Some chunks of one input, in order.
pub struct Block<'a> {
    /// Place of the input among all that were named or found, from 0.
    pub order: usize,
    /// The input's name for people.
    pub input: Arc<str>,
    bytes: &'a [u8],
    frames: &'a [Frame],
    base: u64,
    /// Whether its last chunk begins a document that the input does not finish; only of a
    /// [digested](Stream::digested) input, which may have grown when it is read again.
    pub unfinished: bool,
}

impl<'a> Block<'a> {
    /// The chunks, in the order of the input.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk<'a>> + use<'a> {
        let (bytes, base) = (self.bytes, self.base);
        self.frames.iter().map(move |frame| frame.chunk(bytes, base))
    }

    /// The place of one of its chunks, for a message.
    pub fn place(&self, chunk: &Chunk<'_>) -> Place {
        Place {
            order: self.order,
            offset: chunk.offset,
            line: chunk.line,
            input: Arc::clone(&self.input),
        }
    }
}

/// An input that is being read.
pub struct Stream<'a> {
    order: usize,
    name: Arc<str>,
    options: Options,
    decoder: Decoder<Counted<Box<dyn Read + Send + 'a>>>,
    framer: Framer,
    /// Text that was read and belongs to the next block; begins at `base`.
    tail: Vec<u8>,
    base: u64,
    sniffed: bool,
    ended: bool,
    raw_bytes: Arc<AtomicU64>,
    report: SourceReport,
    digests: Option<Digests>,
}

/// What an input is known by.
#[derive(Clone, Debug, Default)]
pub struct Digests {
    /// Of all blocks that were handed out, but for a last document that is not finished.
    pub read: Digest,
    /// The same with that document, if there is one.
    pub seen: Option<Digest>,
}

impl<'a> Stream<'a> {
    /// Starts to read `raw`, compressed or not. What goes wrong is found in the report.
    pub fn new(order: usize, name: Arc<str>, raw: impl Read + Send + 'a, options: Options) -> Self {
        let raw_bytes = Arc::new(AtomicU64::new(0));
        let raw: Box<dyn Read + Send + 'a> = Box::new(raw);
        let counted = Counted {
            inner: raw,
            here: Arc::clone(&raw_bytes),
            everywhere: Arc::clone(&options.progress),
        };
        Stream {
            order,
            name,
            decoder: Decoder::New(counted),
            framer: Framer::new(options.max_document.max(1)),
            options,
            tail: Vec::new(),
            base: 0,
            sniffed: false,
            ended: false,
            raw_bytes,
            report: SourceReport::default(),
            digests: None,
        }
    }

    /// The same, with a digest of what is handed out, so that it is known when it comes again.
    pub fn digested(self) -> Self {
        Self { digests: Some(Digests::default()), ..self }
    }

    /// The same from behind the text of `read`, which ends `lines` lines, on.
    pub fn resumed(mut self, read: Digest, lines: u64) -> Self {
        let mut left = read.length();
        let mut passed = vec![0; self.options.read_bytes.max(1)];
        while left > 0 && !self.ended {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(passed.len());
            match self.decoder.read(&mut passed[..wanted]) {
                Ok(n) => {
                    self.ended = n == 0;
                    left -= n as u64;
                }
                Err(why) => {
                    self.note(why);
                    self.ended = true;
                }
            }
        }
        self.base = read.length();
        self.framer.begin_at_line(1 + lines);
        self.sniffed = true;
        self.report.files += 1;
        Self { digests: Some(Digests { read, seen: None }), ..self }
    }

    /// What the text is known by, of which all blocks so far were handed out; only of a
    /// [digested](Self::digested) input.
    pub fn digests(&self) -> Option<&Digests> {
        self.digests.as_ref()
    }

    /// Reads the next block into `buffer`; `None` at the end of the input.
    pub fn next_block<'b>(&mut self, buffer: &'b mut Buffer) -> Option<Block<'b>> {
        let Buffer { bytes, frames } = buffer;
        frames.clear();
        if bytes.len() > 4 * self.options.block_bytes && self.tail.len() < self.options.block_bytes
        {
            *bytes = Vec::new();
        }
        let mut filled = self.tail.len();
        if bytes.len() < filled {
            bytes.resize(filled, 0);
        }
        bytes[..filled].copy_from_slice(&self.tail);
        loop {
            self.frame(&bytes[..filled], frames);
            let enough = !frames.is_empty() && filled >= self.options.block_bytes;
            if self.ended || enough || frames.len() >= MAX_CHUNKS {
                break;
            }
            if frames.is_empty() {
                filled = self.discard(bytes, filled);
            }
            filled = self.read_more(bytes, filled);
        }
        let base = self.base;
        let keep = self.framer.keep_from();
        let unfinished = self.unfinished(bytes, frames);
        self.pass(&bytes[..unfinished.unwrap_or(keep)]);
        if let (Some(start), Some(digests)) = (unfinished, &mut self.digests) {
            let mut seen = digests.read.clone();
            seen.update(&bytes[start..keep]);
            digests.seen = Some(seen);
        }
        self.tail.clear();
        self.tail.extend_from_slice(&bytes[keep..filled]);
        self.framer.rebase();
        self.base += keep as u64;
        if frames.is_empty() {
            return None;
        }
        let input = Arc::clone(&self.name);
        let unfinished = unfinished.is_some();
        Some(Block { order: self.order, input, bytes: &bytes[..filled], frames, base, unfinished })
    }

    /// What was read and what was wrong with it; [`Why::Stopped`] unless all blocks were taken.
    pub fn into_report(mut self) -> SourceReport {
        if !(self.ended && self.tail.is_empty()) {
            self.note(Why::Stopped);
        }
        self.report.bytes = self.raw_bytes.load(Ordering::Relaxed);
        self.report
    }

    /// Where the document begins that a digested input breaks off in.
    fn unfinished(&self, bytes: &[u8], frames: &[Frame]) -> Option<usize> {
        let last = frames.last().filter(|last| last.ends_input && self.digests.is_some())?;
        let chunk = last.chunk(bytes, 0);
        let mut pieces = chunk.split();
        let piece = pieces.find(|piece| piece.kind == Kind::Unfinished)?;
        Some(piece.offset as usize)
    }

    /// Adds what is passed to the digest.
    fn pass(&mut self, bytes: &[u8]) {
        if let Some(digests) = &mut self.digests {
            digests.read.update(bytes);
        }
    }

    /// Finds all chunks that are complete.
    fn frame(&mut self, text: &[u8], frames: &mut Vec<Frame>) {
        if !self.sniffed {
            return;
        }
        while frames.len() < MAX_CHUNKS {
            match self.framer.next(text, self.ended) {
                Step::Chunk(frame) => frames.push(frame),
                Step::TooLarge { start, line } => self.report.refused.add(Place {
                    order: self.order,
                    offset: self.base + start as u64,
                    line,
                    input: Arc::clone(&self.name),
                }),
                Step::More => break,
            }
        }
    }

    /// Moves what is still needed to the front, so that text passed over takes no memory.
    fn discard(&mut self, bytes: &mut [u8], filled: usize) -> usize {
        let keep = self.framer.keep_from();
        if keep > 0 {
            self.pass(&bytes[..keep]);
            bytes.copy_within(keep..filled, 0);
            self.base += keep as u64;
            self.framer.rebase();
        }
        filled - keep
    }

    fn read_more(&mut self, bytes: &mut Vec<u8>, filled: usize) -> usize {
        let wanted = filled + self.options.read_bytes.max(1);
        if bytes.len() < wanted {
            bytes.resize(wanted.max(bytes.len() * 2), 0);
        }
        let mut filled = match self.decoder.read(&mut bytes[filled..wanted]) {
            Ok(n) => {
                self.ended = n == 0;
                self.report.text_bytes += n as u64;
                filled + n
            }
            Err(why) => {
                self.note(why);
                self.ended = true;
                self.sniffed |= filled == 0;
                filled
            }
        };
        if !self.sniffed && (filled >= 4 || self.ended) {
            self.sniffed = true;
            match sniff(&bytes[..filled]) {
                Ok(mark) => {
                    self.report.files += 1;
                    self.pass(&bytes[..mark]);
                    bytes.copy_within(mark..filled, 0);
                    self.base += mark as u64;
                    filled -= mark;
                }
                Err(why) => {
                    self.note(why);
                    self.ended = true;
                    self.decoder = Decoder::Ended;
                    filled = 0;
                }
            }
        }
        filled
    }

    fn note(&mut self, why: Why) {
        self.report.note(Note { order: self.order, input: Arc::clone(&self.name), why });
    }
}

/// Tells text from what is none by its first four bytes. Gives the length of the byte order mark.
fn sniff(text: &[u8]) -> Result<usize, Why> {
    let start = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'{' | b'[');
    match *text {
        [0xef, 0xbb, 0xbf, ..] => Ok(3),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 0, 0xfe, 0xff, ..] => Err(Why::Wide),
        [0, byte, ..] | [0, 0, 0, byte, ..] if start(byte) => Err(Why::Wide),
        [byte, 0, ..] if start(byte) => Err(Why::Wide),
        _ if text.iter().take(4).any(|&byte| byte == 0) => Err(Why::Binary),
        _ => Ok(0),
    }
}

/// Counts bytes as they come from disk, for the report and for a progress bar.
struct Counted<R> {
    inner: R,
    here: Arc<AtomicU64>,
    everywhere: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(out)?;
        self.here.fetch_add(n as u64, Ordering::Relaxed);
        self.everywhere.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
