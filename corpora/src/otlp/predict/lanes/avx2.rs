//! The operations for processors with AVX2. All unsafe code of the recognizer is here: loads from
//! arrays of known length, and instructions whose presence [`Avx2`] proves.
#![expect(unsafe_code, reason = "vector instructions need a proof of their presence and pointers")]

use std::arch::x86_64::{
    __m128i, __m256i, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm256_add_epi8,
    _mm256_and_si256, _mm256_blendv_epi8, _mm256_castsi128_si256, _mm256_cmpeq_epi8,
    _mm256_cmpgt_epi8, _mm256_extract_epi64, _mm256_inserti128_si256, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_min_epu8, _mm256_movemask_epi8,
    _mm256_or_si256, _mm256_packus_epi16, _mm256_packus_epi32, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_sub_epi8,
};

use super::{BLOCK, LONG, Lanes, Work};

/// Proof that the processor has AVX2, BMI1 and BMI2.
#[derive(Clone, Copy)]
pub(in super::super) struct Avx2(());

impl Avx2 {
    /// The proof, if the processor has them.
    pub(in super::super) fn new() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        has.then_some(Self(()))
    }
}

impl Lanes for Avx2 {
    #[inline(always)]
    fn agree(self, text: &[u8; BLOCK], literal: &[u8; BLOCK], len: usize) -> bool {
        // SAFETY: `self` proves the features.
        unsafe { agree(text, literal, len) }
    }

    #[inline(always)]
    fn fits(self, text: &[u8; LONG], literal: &[u8; LONG], holes: &[u8; LONG]) -> bool {
        // SAFETY: `self` proves the features.
        unsafe { fits(text, literal, holes) }
    }

    #[inline(always)]
    fn ends(self, text: &[u8; BLOCK]) -> u64 {
        // SAFETY: `self` proves the features.
        unsafe { ends(text) }
    }

    #[inline(always)]
    fn hex_16(self, digits: &[u8; 16]) -> Option<u64> {
        // SAFETY: `self` proves the features.
        unsafe { hex_16(digits) }
    }

    #[inline(always)]
    fn hex_32(self, digits: &[u8; 32]) -> Option<u128> {
        // SAFETY: `self` proves the features.
        unsafe { hex_32(digits) }
    }

    #[inline(always)]
    fn hex_16s(self, first: &[u8; 16], second: &[u8; 16]) -> Option<(u64, u64)> {
        // SAFETY: `self` proves the features.
        unsafe { hex_16s(first, second) }
    }

    #[inline(always)]
    fn decimal_16s(self, first: &[u8; 16], second: &[u8; 16]) -> Option<(u64, u64)> {
        // SAFETY: `self` proves the features.
        unsafe { decimal_16s(first, second) }
    }

    #[inline(always)]
    fn fetch(self, text: &[u8], ahead: usize) {
        let address = text.as_ptr().wrapping_add(ahead).cast::<i8>();
        // SAFETY: a prefetch reads nothing that the program could see, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
    }

    #[inline(always)]
    fn run<W: Work>(self, work: W) -> W::Output {
        // SAFETY: `self` proves the features.
        unsafe { run(self, work) }
    }
}

#[inline(never)]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn run<W: Work>(lanes: Avx2, work: W) -> W::Output {
    work.run(lanes)
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn agree(text: &[u8; BLOCK], literal: &[u8; BLOCK], len: usize) -> bool {
    let ((a, b), (c, d)) = (load(text), load(literal));
    let differ = !mask(_mm256_cmpeq_epi8(a, c), _mm256_cmpeq_epi8(b, d));
    differ << ((BLOCK - len) & 63) == 0
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn fits(text: &[u8; LONG], literal: &[u8; LONG], holes: &[u8; LONG]) -> bool {
    let [(text, _), (literal, _), (holes, _)] =
        [text, literal, holes].map(|bytes| bytes.as_chunks::<BLOCK>());
    let mut all = _mm256_set1_epi8(-1);
    for at in 0..LONG / BLOCK {
        let ((a, b), (c, d), (e, f)) = (load(&text[at]), load(&literal[at]), load(&holes[at]));
        let first = _mm256_or_si256(_mm256_cmpeq_epi8(a, c), e);
        let second = _mm256_or_si256(_mm256_cmpeq_epi8(b, d), f);
        all = _mm256_and_si256(all, _mm256_and_si256(first, second));
    }
    _mm256_movemask_epi8(all) == -1
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn ends(text: &[u8; BLOCK]) -> u64 {
    let (a, b) = load(text);
    mask(is_end(a), is_end(b))
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn hex_16(digits: &[u8; 16]) -> Option<u64> {
    // SAFETY: 16 bytes are read from an array of 16.
    let half = unsafe { _mm_loadu_si128(digits.as_ptr().cast::<__m128i>()) };
    let (bytes, good) = hex(_mm256_castsi128_si256(half));
    let number = _mm256_extract_epi64::<0>(bytes).cast_unsigned().swap_bytes();
    (good & 0xffff == 0xffff).then_some(number)
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn hex_32(digits: &[u8; 32]) -> Option<u128> {
    // SAFETY: 32 bytes are read from an array of 32.
    let both = unsafe { _mm256_loadu_si256(digits.as_ptr().cast::<__m256i>()) };
    let (bytes, good) = hex(both);
    let high = _mm256_extract_epi64::<0>(bytes).cast_unsigned().swap_bytes();
    let low = _mm256_extract_epi64::<2>(bytes).cast_unsigned().swap_bytes();
    (good == u32::MAX).then_some(u128::from(high) << 64 | u128::from(low))
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn hex_16s(first: &[u8; 16], second: &[u8; 16]) -> Option<(u64, u64)> {
    let (bytes, good) = hex(both(first, second));
    let first = _mm256_extract_epi64::<0>(bytes).cast_unsigned().swap_bytes();
    let second = _mm256_extract_epi64::<2>(bytes).cast_unsigned().swap_bytes();
    (good == u32::MAX).then_some((first, second))
}

/// Adds up pairs of digits, then pairs of these, and again.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn decimal_16s(first: &[u8; 16], second: &[u8; 16]) -> Option<(u64, u64)> {
    let digits = _mm256_sub_epi8(both(first, second), _mm256_set1_epi8(b'0'.cast_signed()));
    let is_digit = _mm256_cmpeq_epi8(_mm256_min_epu8(digits, _mm256_set1_epi8(9)), digits);
    let pairs = _mm256_maddubs_epi16(digits, _mm256_set1_epi16(0x010a));
    let fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x0001_0064));
    let fours = _mm256_packus_epi32(fours, fours);
    let eights = _mm256_madd_epi16(fours, _mm256_set1_epi32(0x0001_2710));
    let number = |eights: i64| {
        let eights = eights.cast_unsigned();
        (eights & u64::from(u32::MAX)) * 100_000_000 + (eights >> 32)
    };
    let numbers =
        (number(_mm256_extract_epi64::<0>(eights)), number(_mm256_extract_epi64::<2>(eights)));
    (_mm256_movemask_epi8(is_digit) == -1).then_some(numbers)
}

/// Two halves.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn both(first: &[u8; 16], second: &[u8; 16]) -> __m256i {
    // SAFETY: 16 bytes are read from arrays of 16.
    unsafe {
        let first = _mm_loadu_si128(first.as_ptr().cast::<__m128i>());
        let second = _mm_loadu_si128(second.as_ptr().cast::<__m128i>());
        _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(first), second)
    }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn load(block: &[u8; BLOCK]) -> (__m256i, __m256i) {
    let (first, second) = block.split_at(BLOCK / 2);
    // SAFETY: 32 bytes are read from halves of 32.
    unsafe {
        (
            _mm256_loadu_si256(first.as_ptr().cast::<__m256i>()),
            _mm256_loadu_si256(second.as_ptr().cast::<__m256i>()),
        )
    }
}

/// The top bits of 64 bytes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn mask(first: __m256i, second: __m256i) -> u64 {
    let (low, high) = (_mm256_movemask_epi8(first), _mm256_movemask_epi8(second));
    u64::from(high.cast_unsigned()) << 32 | u64::from(low.cast_unsigned())
}

/// Marks the bytes that end a plain text: compared as signed, non-ASCII is below a blank, too.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn is_end(bytes: __m256i) -> __m256i {
    let quote = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'"'.cast_signed()));
    let escape = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'\\'.cast_signed()));
    let below = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), bytes);
    _mm256_or_si256(_mm256_or_si256(quote, escape), below)
}

/// The bytes that pairs of hex digits are, the first eight of each half twice; and a bit a digit
/// that is one.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn hex(digits: __m256i) -> (__m256i, u32) {
    let splat = |byte: u8| _mm256_set1_epi8(byte.cast_signed());
    let at_most = |bytes, limit| _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, limit), bytes);
    let decimal = _mm256_sub_epi8(digits, splat(b'0'));
    let is_decimal = at_most(decimal, splat(9));
    let letter = _mm256_sub_epi8(_mm256_or_si256(digits, splat(0x20)), splat(b'a'));
    let is_letter = at_most(letter, splat(5));
    let letter = _mm256_add_epi8(letter, splat(10));
    let values = _mm256_and_si256(_mm256_blendv_epi8(letter, decimal, is_decimal), splat(0xf));
    let pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi16(0x0110));
    let good = _mm256_movemask_epi8(_mm256_or_si256(is_decimal, is_letter));
    (_mm256_packus_epi16(pairs, pairs), good.cast_unsigned())
}
