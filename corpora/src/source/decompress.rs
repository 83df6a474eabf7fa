//! Turns an input into plain text, piece by piece, whatever its name says: gzip of any number of
//! members, zstd of any number of frames, or bytes as they are.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use flate2::bufread::GzDecoder;
use zstd::stream::raw::{DParameter, Decoder as ZstdFrame, InBuffer, Operation, OutBuffer};

use super::report::Why;

/// Largest window of a zstd frame, as a power of two: 128 MiB, what `zstd --long` writes.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Bytes of compressed input held at a time.
const INPUT_BUFFER: usize = 256 << 10;

/// Bytes of the longest magic number known.
const MAGIC: usize = 6;

type Source<R> = BufReader<Chain<Cursor<Vec<u8>>, R>>;

/// A decompressing reader that tells apart the ways in which data can be bad.
pub(super) enum Decoder<R: Read> {
    /// Nothing was read yet.
    New(R),
    Plain(Chain<Cursor<Vec<u8>>, R>),
    Gzip(Box<GzDecoder<Source<R>>>),
    Zstd {
        source: Source<R>,
        frame: ZstdFrame<'static>,
        started: bool,
    },
    Ended,
}

impl<R: Read> Decoder<R> {
    /// Reads some text into `out`, which is not empty. Gives 0 at the end, and also after an
    /// error; all text before a cut was given before it is reported.
    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, Why> {
        let outcome = match self {
            Decoder::New(_) => self.read_first(out),
            Decoder::Plain(source) => read_retrying(source, out).map_err(system),
            Decoder::Gzip(_) => self.read_gzip(out),
            Decoder::Zstd { source, frame, started } => read_zstd(source, frame, started, out),
            Decoder::Ended => Ok(0),
        };
        if matches!(outcome, Ok(0) | Err(_)) {
            *self = Decoder::Ended;
        }
        outcome
    }

    /// Looks at the first bytes and chooses.
    fn read_first(&mut self, out: &mut [u8]) -> Result<usize, Why> {
        let Decoder::New(mut raw) = std::mem::replace(self, Decoder::Ended) else { return Ok(0) };
        let mut magic = Vec::with_capacity(MAGIC);
        raw.by_ref().take(MAGIC as u64).read_to_end(&mut magic).map_err(system)?;
        let form = form(&magic)?;
        let source = Cursor::new(magic).chain(raw);
        *self = match form {
            Form::Plain => Decoder::Plain(source),
            Form::Gzip => Decoder::Gzip(Box::new(GzDecoder::new(buffered(source)))),
            Form::Zstd => {
                let mut frame = ZstdFrame::new().map_err(system)?;
                frame.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG)).map_err(system)?;
                Decoder::Zstd { source: buffered(source), frame, started: false }
            }
        };
        self.read(out)
    }

    fn read_gzip(&mut self, out: &mut [u8]) -> Result<usize, Why> {
        while let Decoder::Gzip(member) = self {
            match read_retrying(member.as_mut(), out) {
                Ok(0) => {}
                Ok(n) => return Ok(n),
                Err(error) => return Err(gzip_error(&error)),
            }
            let Decoder::Gzip(member) = std::mem::replace(self, Decoder::Ended) else { break };
            let mut source = member.into_inner();
            match after_padding(&mut source)? {
                None => break,
                Some(0x1f) => *self = Decoder::Gzip(Box::new(GzDecoder::new(source))),
                Some(_) => return Err(Why::Trailing("gzip")),
            }
        }
        Ok(0)
    }
}

fn read_zstd<R: Read>(
    source: &mut Source<R>,
    frame: &mut ZstdFrame<'static>,
    started: &mut bool,
    out: &mut [u8],
) -> Result<usize, Why> {
    loop {
        if !*started {
            match after_padding(source)? {
                None => return Ok(0),
                Some(0x28 | 0x50..=0x5f) => *started = true,
                Some(_) => return Err(Why::Trailing("zstd")),
            }
        }
        let input = match source.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other.map_err(system)?,
        };
        let (at_end, mut from) = (input.is_empty(), InBuffer::around(input));
        let mut to = OutBuffer::around(&mut *out);
        let left = frame
            .run(&mut from, &mut to)
            .map_err(|error| Why::Damaged("zstd", error.to_string()))?;
        let (consumed, produced) = (from.pos(), to.pos());
        source.consume(consumed);
        if left == 0 {
            *started = false;
        }
        if produced > 0 {
            return Ok(produced);
        }
        if *started && at_end {
            return Err(Why::Truncated("zstd"));
        }
    }
}

enum Form {
    Plain,
    Gzip,
    Zstd,
}

fn form(magic: &[u8]) -> Result<Form, Why> {
    match magic {
        [0x1f, 0x8b, ..] => Ok(Form::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Form::Zstd),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, ..] => Err(Why::OtherCompression("bzip2")),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Err(Why::OtherCompression("xz")),
        [b'P', b'K', 3, 4, ..] => Err(Why::OtherCompression("zip")),
        [0x04, 0x22, 0x4d, 0x18, ..] => Err(Why::OtherCompression("lz4")),
        _ => Ok(Form::Plain),
    }
}

fn buffered<R: Read>(source: Chain<Cursor<Vec<u8>>, R>) -> Source<R> {
    BufReader::with_capacity(INPUT_BUFFER, source)
}

/// Passes over zero bytes, with which tapes and disk images fill up, and gives what follows.
fn after_padding(source: &mut impl BufRead) -> Result<Option<u8>, Why> {
    loop {
        let input = match source.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other.map_err(system)?,
        };
        if input.is_empty() {
            return Ok(None);
        }
        let zeros = input.iter().take_while(|&&byte| byte == 0).count();
        let next = input.get(zeros).copied();
        source.consume(zeros);
        if next.is_some() {
            return Ok(next);
        }
    }
}

fn read_retrying(source: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn gzip_error(error: &io::Error) -> Why {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Why::Truncated("gzip"),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            Why::Damaged("gzip", error.to_string())
        }
        _ => Why::System(error.to_string()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "shape of map_err")]
fn system(error: io::Error) -> Why {
    Why::System(error.to_string())
}
