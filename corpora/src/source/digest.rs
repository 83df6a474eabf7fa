//! What a text is known by: a hash of its beginning, and one of all that was read of it.

use std::io::Read;

use memchr::memchr_iter;

use super::decompress::Decoder;

/// Bytes of a text, at most, by which one is told from others before all of it is read.
pub const HEAD: u64 = 64 << 10;

/// A digest that grows with a text.
#[derive(Clone, Debug, Default)]
pub struct Digest {
    all: blake3::Hasher,
    head: Option<blake3::Hash>,
    length: u64,
}

/// A text that was read once, up to some byte.
pub trait Known {
    /// The hash of the first [`HEAD`] bytes, or of all that was read if there are fewer, in hex.
    fn head(&self) -> &str;
    /// How many bytes were read, and their hash in hex.
    fn read(&self) -> (u64, &str);
    /// The same with the document behind them that was not finished, if there was one.
    fn seen(&self) -> Option<(u64, &str)>;
    /// Whether it ended where it could not be decompressed any further.
    fn is_damaged(&self) -> bool;
}

impl Digest {
    /// Adds the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        if self.head.is_none() {
            let missing = (HEAD - self.length) as usize;
            let (head, rest) = bytes.split_at(missing.min(bytes.len()));
            self.all.update(head);
            self.length += head.len() as u64;
            if head.len() == missing {
                self.head = Some(self.all.finalize());
            }
            bytes = rest;
        }
        self.all.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// Bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The hash of the first [`HEAD`] bytes, or of all if there are fewer, in hex.
    pub fn head(&self) -> String {
        self.head.unwrap_or_else(|| self.all.finalize()).to_hex().to_string()
    }

    /// The hash of all bytes, in hex.
    pub fn digest(&self) -> String {
        self.all.finalize().to_hex().to_string()
    }
}

/// How much of a text is known.
pub struct Prefix<'k, K> {
    /// The longest known text that this one begins with.
    pub known: &'k K,
    /// All of them, by length.
    pub all: Vec<&'k K>,
    /// Its digest, to go on with.
    pub digest: Digest,
    /// Lines that end in it.
    pub lines: u64,
    /// Whether nothing follows that was not seen, neither text nor damage.
    pub whole: bool,
}

/// Finds the longest of the `known` texts that a text begins with; of several that are equal the one
/// that ends alike. What cannot be read ends a text. No more is read than the known ones of the same
/// beginning are long, and a buffer.
pub(super) fn prefix<'k, K: Known, R: Read>(
    known: &'k [K],
    text: &mut Decoder<R>,
) -> Option<Prefix<'k, K>> {
    let mut reader = Ahead { text, buffer: vec![0; HEAD as usize], filled: 0, end: None, lines: 0 };
    reader.fill();
    let mut alike = reader.alike(known);
    alike.sort_by_key(|(length, ..)| *length);
    let mut digest = Digest::default();
    let (mut read, mut seen) = (None, None);
    let mut all: Vec<&K> = Vec::new();
    for (length, hash, one) in alike {
        if !reader.digest_to(length, &mut digest) {
            break;
        }
        if digest.digest() == hash {
            seen = Some(length);
            if one.read().0 == length {
                all.push(one);
                read = Some((digest.clone(), reader.lines));
            }
        }
    }
    let (own, lines) = read?;
    let mut equal = all.iter().filter(|one| one.read().0 == own.length());
    let all_seen = seen == Some(digest.length()) && reader.filled == 0;
    let alike = |one: &&&K| reader.end == Some(End { damaged: one.is_damaged() });
    let alike = equal
        .clone()
        .find(alike)
        .filter(|one| all_seen && !(one.is_damaged() && own.length() == 0));
    let known = alike.or(equal.next_back())?;
    Some(Prefix { known, whole: alike.is_some(), all, digest: own, lines })
}

/// A text with some bytes read ahead.
struct Ahead<'t, R: Read> {
    text: &'t mut Decoder<R>,
    buffer: Vec<u8>,
    filled: usize,
    /// How it ended, once it has.
    end: Option<End>,
    /// Lines that end in what was digested.
    lines: u64,
}

/// How a text ends.
#[derive(PartialEq, Eq)]
struct End {
    damaged: bool,
}

impl<R: Read> Ahead<'_, R> {
    /// Fills the buffer as far as the text reaches.
    fn fill(&mut self) {
        while self.end.is_none() && self.filled < self.buffer.len() {
            match self.text.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.end = Some(End { damaged: false }),
                Ok(read) => self.filled += read,
                Err(_) => self.end = Some(End { damaged: true }),
            }
        }
    }

    /// The lengths and hashes of known texts whose beginning is the buffer's.
    fn alike<'k, K: Known>(&self, known: &'k [K]) -> Vec<(u64, &'k str, &'k K)> {
        let mut heads: Vec<(u64, &K)> =
            known.iter().map(|one| (one.read().0.min(HEAD), one)).collect();
        heads.retain(|(head, _)| *head <= self.filled as u64);
        heads.sort_by_key(|(head, _)| *head);
        let mut alike = Vec::new();
        // One digest grows through all lengths: many short texts may be known.
        let mut digest = Digest::default();
        for same in heads.chunk_by(|a, b| a.0 == b.0) {
            let own = digest.length() as usize;
            digest.update(&self.buffer[own..same[0].0 as usize]);
            let head = digest.head();
            for (_, one) in same.iter().filter(|(_, one)| one.head() == head) {
                let (length, hash) = one.read();
                alike.push((length, hash, *one));
                alike.extend(one.seen().map(|(length, hash)| (length, hash, *one)));
            }
        }
        alike
    }

    /// Adds bytes to `digest` until it has `length`; whether there were as many.
    fn digest_to(&mut self, length: u64, digest: &mut Digest) -> bool {
        while digest.length() < length {
            if self.filled == 0 {
                return false;
            }
            let wanted = usize::try_from(length - digest.length()).unwrap_or(usize::MAX);
            let taken = wanted.min(self.filled);
            digest.update(&self.buffer[..taken]);
            self.lines += memchr_iter(b'\n', &self.buffer[..taken]).count() as u64;
            self.buffer.copy_within(taken..self.filled, 0);
            self.filled -= taken;
            self.fill();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    struct Text {
        head: String,
        read: (u64, String),
        seen: Option<(u64, String)>,
        damaged: bool,
    }

    impl Text {
        fn new(read: &[u8], tail: &[u8]) -> Self {
            let mut digest = Digest::default();
            digest.update(read);
            let (head, read) = (digest.head(), (digest.length(), digest.digest()));
            digest.update(tail);
            let seen = (!tail.is_empty()).then(|| (digest.length(), digest.digest()));
            Self { head, read, seen, damaged: false }
        }
    }

    impl Known for Text {
        fn head(&self) -> &str {
            &self.head
        }

        fn read(&self) -> (u64, &str) {
            (self.read.0, &self.read.1)
        }

        fn seen(&self) -> Option<(u64, &str)> {
            self.seen.as_ref().map(|(length, hash)| (*length, &**hash))
        }

        fn is_damaged(&self) -> bool {
            self.damaged
        }
    }

    /// Number of the known text, bytes and lines that are known, whether all is.
    fn find(known: &[Text], text: &[u8]) -> Option<(usize, u64, u64, bool)> {
        let prefix = prefix(known, &mut Decoder::New(text))?;
        let number = known.iter().position(|one| std::ptr::eq(one, prefix.known))?;
        Some((number, prefix.digest.length(), prefix.lines, prefix.whole))
    }

    #[test]
    fn a_text_is_known_as_far_as_one_that_was_read_reaches() {
        let long: Vec<u8> =
            (0..300_000_u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        let texts = [&b"one\n"[..], b"one\ntwo\n", &long[..70_000], &long[..900_001]];
        let known = texts.map(|text| Text::new(text, b""));
        let lines = |text: &[u8]| memchr_iter(b'\n', text).count() as u64;
        assert_eq!(find(&known, b""), None);
        assert_eq!(find(&known, b"on"), None);
        assert_eq!(find(&known, b"one\n"), Some((0, 4, 1, true)));
        assert_eq!(find(&known, b"one\ntwx\n"), Some((0, 4, 1, false)));
        assert_eq!(find(&known, b"one\ntwo\nthree"), Some((1, 8, 2, false)));
        let read = |end: usize, number, known: usize, whole| {
            let expected = (number, known as u64, lines(&long[..known]), whole);
            assert_eq!(find(&texts.map(|text| Text::new(text, b"")), &long[..end]), Some(expected));
        };
        read(70_000, 2, 70_000, true);
        read(900_000, 2, 70_000, false);
        read(900_001, 3, 900_001, true);
        read(1_200_000, 3, 900_001, false);
        assert_eq!(find(&known, &long[1..]), None);
    }

    #[test]
    fn an_unfinished_document_is_read_again_only_once_it_has_grown() {
        let known = [Text::new(b"{}\n", b"{\"a")];
        assert_eq!(find(&known, b"{}\n{\"a"), Some((0, 3, 1, true)));
        assert_eq!(find(&known, b"{}\n{\"ab"), Some((0, 3, 1, false)));
        assert_eq!(find(&known, b"{}\n{"), Some((0, 3, 1, false)));
        assert_eq!(find(&known, b"{}\n"), Some((0, 3, 1, true)));
    }

    #[test]
    fn a_text_with_a_damaged_end_is_another_than_the_sound_one() {
        let packed = |text: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(text).expect("memory takes it");
            encoder.finish().expect("memory takes it")
        };
        let text = b"one\ntwo\n";
        let mut cut = packed(text);
        cut.pop();
        let known = |damaged: bool| Text { damaged, ..Text::new(text, b"") };
        let (sound, damaged) = ([known(false)], [known(true)]);
        let both = [known(true), known(false)];
        assert_eq!(find(&sound, &packed(text)), Some((0, 8, 2, true)));
        assert_eq!(find(&sound, &cut), Some((0, 8, 2, false)));
        assert_eq!(find(&damaged, &packed(text)), Some((0, 8, 2, false)));
        assert_eq!(find(&damaged, &cut), Some((0, 8, 2, true)));
        assert_eq!(find(&both, &packed(text)), Some((1, 8, 2, true)));
        assert_eq!(find(&both, &cut), Some((0, 8, 2, true)));
        // Of what nothing can be read, nothing tells one from another.
        let nothing = [Text { damaged: true, ..Text::new(b"", b"") }, Text::new(b"", b"")];
        assert_eq!(find(&nothing, &cut[..9]), Some((1, 0, 0, false)));
        assert_eq!(find(&nothing, b""), Some((1, 0, 0, true)));
    }
}
