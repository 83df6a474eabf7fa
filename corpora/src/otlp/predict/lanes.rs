//! The few operations over many bytes at once that recognition is made of, for processors with AVX2
//! and in plain Rust.

#[cfg(target_arch = "x86_64")]
mod avx2;

#[cfg(target_arch = "x86_64")]
pub(super) use self::avx2::Avx2;
use super::super::text;

/// Bytes that are looked at together.
pub(super) const BLOCK: usize = 64;
/// Bytes of the longest run of literals with holes between.
pub(super) const LONG: usize = 3 * BLOCK;

/// Operations over a block of bytes; both implementations give the same.
pub(super) trait Lanes: Copy {
    /// Whether the first `len` bytes (1 to [`BLOCK`]) of both agree.
    fn agree(self, text: &[u8; BLOCK], literal: &[u8; BLOCK], len: usize) -> bool;

    /// Whether all bytes agree but those that `holes` marks with all bits set; other bytes of it are 0.
    fn fits(self, text: &[u8; LONG], literal: &[u8; LONG], holes: &[u8; LONG]) -> bool;

    /// Which bytes, the first being the lowest bit, are a quote, backslash, control or no ASCII: all
    /// bits up to the lowest that is set are right, those above may be anything.
    fn ends(self, text: &[u8; BLOCK]) -> u64;

    /// The number that 16 hex digits are.
    fn hex_16(self, digits: &[u8; 16]) -> Option<u64>;

    /// The number that 32 hex digits are.
    fn hex_32(self, digits: &[u8; 32]) -> Option<u128>;

    /// The numbers that twice 16 hex digits are.
    fn hex_16s(self, first: &[u8; 16], second: &[u8; 16]) -> Option<(u64, u64)>;

    /// The numbers that twice 16 decimal digits are.
    fn decimal_16s(self, first: &[u8; 16], second: &[u8; 16]) -> Option<(u64, u64)>;

    /// Asks for the bytes `ahead` of here to be brought into the cache.
    fn fetch(self, text: &[u8], ahead: usize);

    /// Does work, into which these operations can be inlined.
    fn run<W: Work>(self, work: W) -> W::Output;
}

/// Work that uses [`Lanes`]. All that does so must be inlined into [`Self::run`], closures not being
/// so reliably; otherwise it gives the same, more slowly.
pub(super) trait Work {
    type Output;

    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// Plain Rust, a word at a time.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Lanes for Portable {
    #[inline]
    fn agree(self, text: &[u8; BLOCK], literal: &[u8; BLOCK], len: usize) -> bool {
        text[..len] == literal[..len]
    }

    #[inline]
    fn fits(self, text: &[u8; LONG], literal: &[u8; LONG], holes: &[u8; LONG]) -> bool {
        let bytes = text.iter().zip(literal).zip(holes);
        bytes.fold(0, |differ, ((text, literal), hole)| differ | ((text ^ literal) & !hole)) == 0
    }

    #[inline]
    fn ends(self, text: &[u8; BLOCK]) -> u64 {
        let (words, _) = text.as_chunks::<8>();
        for (at, word) in words.iter().enumerate() {
            let ends = ends(u64::from_le_bytes(*word));
            if ends != 0 {
                return 1 << (at * 8 + ends.trailing_zeros() as usize / 8);
            }
        }
        0
    }

    #[inline]
    fn hex_16(self, digits: &[u8; 16]) -> Option<u64> {
        text::hex(digits)
    }

    #[inline]
    fn hex_32(self, digits: &[u8; 32]) -> Option<u128> {
        let (high, low) = digits.split_at(16);
        Some(u128::from(text::hex(high)?) << 64 | u128::from(text::hex(low)?))
    }

    #[inline]
    fn hex_16s(self, first: &[u8; 16], second: &[u8; 16]) -> Option<(u64, u64)> {
        Some((text::hex(first)?, text::hex(second)?))
    }

    #[inline]
    fn decimal_16s(self, first: &[u8; 16], second: &[u8; 16]) -> Option<(u64, u64)> {
        Some((text::digits(first)?, text::digits(second)?))
    }

    #[inline]
    fn fetch(self, _: &[u8], _: usize) {}

    #[inline(always)]
    fn run<W: Work>(self, work: W) -> W::Output {
        work.run(self)
    }
}

/// The top bits of the bytes of a word that end a plain text: the lowest that is set is exact.
fn ends(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let same = |byte: u8| zero(word ^ (ONES * u64::from(byte)));
    let below_blank = word.wrapping_sub(ONES * 0x20) & !word;
    (same(b'"') | same(b'\\') | below_blank | word) & (ONES << 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lanes: impl Lanes) {
        let mut block = [b'a'; BLOCK];
        assert_eq!(lanes.ends(&block), 0);
        for at in 0..BLOCK {
            for byte in 0..=u8::MAX {
                block[at] = byte;
                let ends = matches!(byte, b'"' | b'\\' | 0..0x20 | 0x80..);
                let first = lanes.ends(&block).trailing_zeros() as usize;
                assert_eq!(first, if ends { at } else { BLOCK }, "{byte} at {at}");
                for len in [1, at.max(1), at + 1, BLOCK] {
                    let agree = byte == b'a' || len <= at;
                    assert_eq!(lanes.agree(&block, &[b'a'; BLOCK], len), agree, "{len}");
                }
            }
            block[at] = b'b';
            for at in [at, at + BLOCK, at + 2 * BLOCK] {
                let (mut long, literal, mut holes) = ([b'a'; LONG], [b'a'; LONG], [0; LONG]);
                long[at] = b'b';
                assert!(!lanes.fits(&long, &literal, &holes));
                holes[at] = !0;
                assert!(lanes.fits(&long, &literal, &holes));
                holes.rotate_left(1);
                assert!(!lanes.fits(&long, &literal, &holes));
            }
            block[at] = if at % 3 == 0 { 0x7f } else { b'a' };
            if at % 3 == 0 {
                assert!(!lanes.agree(&block, &[b'a'; BLOCK], BLOCK));
                block[at] = b'a';
            }
        }
        let digits = *b"0123456789abcdefABCDEF9876543210";
        let (high, low) = (0x0123_4567_89ab_cdef, 0xabcd_ef98_7654_3210);
        assert_eq!(lanes.hex_32(&digits), Some(high << 64 | low));
        assert_eq!(lanes.hex_16(digits.first_chunk().unwrap()), Some(high as u64));
        for at in 0..32 {
            for byte in 0..=u8::MAX {
                let mut digits = digits;
                digits[at] = byte;
                let (left, right) = (text::hex(&digits[..16]), text::hex(&digits[16..]));
                let both = left.zip(right).map(|(l, r)| u128::from(l) << 64 | u128::from(r));
                assert_eq!(lanes.hex_32(&digits), both, "{byte} at {at}");
                assert_eq!(lanes.hex_16(digits.first_chunk().unwrap()), left);
                let [first, last] = [digits.first_chunk(), digits.last_chunk()].map(Option::unwrap);
                assert_eq!(lanes.hex_16s(first, last), left.zip(right), "{byte} at {at}");
            }
        }
        let decimal = *b"01234567899876543210135792468000";
        for at in 0..32 {
            for byte in 0..=u8::MAX {
                let mut digits = decimal;
                digits[at] = byte;
                let (left, right) = (text::digits(&digits[..16]), text::digits(&digits[16..]));
                let [first, last] = [digits.first_chunk(), digits.last_chunk()].map(Option::unwrap);
                assert_eq!(lanes.decimal_16s(first, last), left.zip(right), "{byte} at {at}");
            }
        }
        lanes.fetch(b"short", 4000);
    }

    #[test]
    fn both_ways_give_the_same() {
        check(Portable);
        #[cfg(target_arch = "x86_64")]
        match Avx2::new() {
            Some(lanes) => check(lanes),
            None => println!("skipped: this processor has no AVX2"),
        }
    }
}
