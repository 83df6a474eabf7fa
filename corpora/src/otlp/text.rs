//! Ids and numbers that OTLP JSON writes as text.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// A trace id of 32 hex digits, or 16 bytes in base64 with or without padding.
#[inline]
pub(super) fn trace_id(text: &str) -> Option<u128> {
    let text = text.as_bytes();
    match text.len() {
        32 => Some(u128::from(hex(&text[..16])?) << 64 | u128::from(hex(&text[16..])?)),
        22 | 24 => Some(u128::from_be_bytes(base64(text)?.try_into().ok()?)),
        _ => None,
    }
}

/// A span id of 16 hex digits, or 8 bytes in base64 with or without padding.
#[inline]
pub(super) fn span_id(text: &str) -> Option<u64> {
    let text = text.as_bytes();
    match text.len() {
        16 => hex(text),
        11 | 12 => Some(u64::from_be_bytes(base64(text)?.try_into().ok()?)),
        _ => None,
    }
}

/// A span id in the place of text that is none: its FNV-1a hash, the same for ever, never 0.
#[cold]
pub(super) fn stand_in(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.max(1)
}

/// Bytes from base64, standard or URL-safe, with or without padding.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let url_safe = text.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = if url_safe { &BASE64_URL } else { &BASE64 };
    engine.decode(text).ok()
}

/// An unsigned integer in digits only.
#[inline]
pub(super) fn unsigned(text: &str) -> Option<u64> {
    match text.as_bytes().try_into() {
        Ok(time) => digits_19(time),
        Err(_) => digits(text.as_bytes()),
    }
}

/// The same of bytes.
#[inline]
pub(super) fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let (blocks, rest) = text.as_chunks::<8>();
    let mut number = 0_u64;
    for block in blocks {
        number = number.checked_mul(100_000_000)?.checked_add(eight_digits(*block)?)?;
    }
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(number)
}

/// The same of as many digits as a time in our century has.
#[inline]
pub(super) fn digits_19(text: &[u8; 19]) -> Option<u64> {
    let [ref high @ .., a, b, c] = *text;
    let (words, _) = high.as_chunks::<8>();
    let (high, middle) = (eight_digits(words[0])?, eight_digits(words[1])?);
    Some((high * 100_000_000 + middle) * 1000 + three_digits([a, b, c])?)
}

/// Three digits at once.
#[inline]
pub(super) fn three_digits([a, b, c]: [u8; 3]) -> Option<u64> {
    let word = u32::from_le_bytes([b'0', a, b, c]) ^ 0x3030_3030;
    let others = (word.wrapping_add(0x7676_7676) | word) & 0x8080_8080;
    // The first and third byte are what they and those behind them come to.
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8);
    let number = (pairs & 0xff) * 100 + (pairs >> 16 & 0xff);
    (others == 0).then_some(number.into())
}

/// The number that the digits are with which a word of text begins, and how many they are; of eight,
/// not one byte is left to say that they end.
#[inline]
pub(super) fn few_digits(text: [u8; 8]) -> (u64, u32) {
    let word = u64::from_le_bytes(text) ^ 0x3030_3030_3030_3030;
    // The lowest top bit that is set is that of the first byte that is no digit.
    let others = (word.wrapping_add(0x7676_7676_7676_7676) | word) & 0x8080_8080_8080_8080;
    let count = others.trailing_zeros() / 8;
    // Digits move to the end of the word, as if zeros came first.
    let digits = if count == 0 { 0 } else { word << (u64::BITS - 8 * count) };
    (sum_up(digits), count)
}

/// An int64: digits, or any other spelling that JSON has for the same whole number (`1e3`).
#[inline]
pub(super) fn int(text: &str) -> Option<i64> {
    let plain = match text.strip_prefix('-') {
        Some(digits) => unsigned(digits).and_then(|number| 0_i64.checked_sub_unsigned(number)),
        None => unsigned(text).and_then(|number| i64::try_from(number).ok()),
    };
    plain.or_else(|| number(text).and_then(whole))
}

/// A double: a JSON number, or what protobuf writes for those that JSON has not.
pub(super) fn double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => number(text),
    }
}

/// The integer that a double is, where doubles are exact.
pub(super) fn whole(float: f64) -> Option<i64> {
    const EXACT: f64 = (1_u64 << 53) as f64;
    (float.abs() < EXACT && float.fract() == 0.0).then_some(float as i64)
}

/// Whether `text` is a number by JSON's grammar.
pub(super) fn is_number(text: &[u8]) -> bool {
    let after_sign = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, mut rest) = after_sign.split_at(count_digits(after_sign));
    if whole.is_empty() || (whole.len() > 1 && whole[0] == b'0') {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = count_digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', unsigned @ ..] => unsigned,
            unsigned => unsigned,
        };
        let length = count_digits(exponent);
        return length > 0 && length == exponent.len();
    }
    rest.is_empty()
}

fn number(text: &str) -> Option<f64> {
    let float = is_number(text.as_bytes()).then(|| text.parse::<f64>().ok())??;
    float.is_finite().then_some(float)
}

fn count_digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The number that hex digits are, 8 or 16.
#[inline]
pub(super) fn hex(digits: &[u8]) -> Option<u64> {
    let (words, rest) = digits.as_chunks::<8>();
    let mut words = words.iter().map(|word| eight_hex_digits(*word));
    let number = words.try_fold(0, |number, word| Some(number << 32 | u64::from(word?)));
    number.filter(|_| rest.is_empty())
}

/// Eight hex digits at once, each compared with the ends of ranges within its byte.
#[inline]
fn eight_hex_digits(text: [u8; 8]) -> Option<u32> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOP: u64 = ONES << 7;
    let word = u64::from_le_bytes(text);
    // The top bit of each byte, all below 128, that is at least this.
    let from = |word: u64, least: u8| word.wrapping_add(ONES * u64::from(128 - least));
    let lower = word | ONES << 5;
    let is_digit = from(word, b'0') & !from(word, b'9' + 1);
    let is_letter = from(lower, b'a') & !from(lower, b'f' + 1);
    if word & TOP != 0 || (is_digit | is_letter) & TOP != TOP {
        return None;
    }
    let values = (word & (ONES * 0xf)) + ((word >> 6) & ONES) * 9;
    let pairs = (values << 4 | values >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    Some(((fours | fours >> 16) as u32).swap_bytes())
}

/// Eight digits at once: pairs, then fours, then all are added up within one word.
#[inline]
fn eight_digits(text: [u8; 8]) -> Option<u64> {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    let word = u64::from_le_bytes(text);
    let above_nine = word.wrapping_add(0x0606_0606_0606_0606);
    if word & HIGH | (above_nine & HIGH) >> 4 != 0x3333_3333_3333_3333 {
        return None;
    }
    Some(sum_up(word & 0x0f0f_0f0f_0f0f_0f0f))
}

/// The number of eight digits, the first in the lowest byte.
#[inline]
fn sum_up(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul((10 << 8) + 1) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul((100 << 16) + 1) >> 16;
    (fours & 0x0000_ffff_0000_ffff).wrapping_mul((10_000 << 32) + 1) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_hex_or_base64_by_length() {
        let trace = 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10;
        for text in [
            "0102030405060708090a0b0c0d0e0f10",
            "0102030405060708090A0B0C0D0E0F10",
            "AQIDBAUGBwgJCgsMDQ4PEA==",
            "AQIDBAUGBwgJCgsMDQ4PEA",
        ] {
            assert_eq!(trace_id(text), Some(trace), "{text}");
        }
        for text in ["0102030405060708", "AQIDBAUGBwg=", "AQIDBAUGBwg"] {
            assert_eq!(span_id(text), Some(0x0102_0304_0506_0708), "{text}");
        }
        assert_eq!(span_id("-_________8"), Some(0xfbff_ffff_ffff_ffff));
        for text in
            ["", "0102", "010203040506070g", "AQIDBAUGBwg", "0102030405060708090a0b0c0d0e0fxx"]
        {
            assert_eq!(trace_id(text), None, "{text}");
        }
        assert_eq!(span_id("01020304050607 8"), None);
    }

    #[test]
    fn hex_digits_are_read_in_any_case_and_nothing_else() {
        assert_eq!(hex(b"0123456789abcdef"), Some(0x0123_4567_89ab_cdef));
        assert_eq!(hex(b"FEDCBA9876543210"), Some(0xfedc_ba98_7654_3210));
        for at in 0..16 {
            for byte in 0..=u8::MAX {
                let mut digits = *b"09afAF5501234567";
                digits[at] = byte;
                let text = std::str::from_utf8(&digits).ok();
                let text = text.filter(|text| !text.contains('+'));
                let number = text.and_then(|text| u64::from_str_radix(text, 16).ok());
                assert_eq!(hex(&digits), number, "{byte} at {at}");
            }
        }
        assert_eq!(hex(b"012345678"), None);
    }

    #[test]
    fn unsigned_numbers_agree_with_the_standard_library() {
        let mut number = 1_u64;
        for _ in 0..64 {
            for near in [number - 1, number, number.wrapping_add(number / 3)] {
                assert_eq!(unsigned(&near.to_string()), Some(near));
            }
            number = number.wrapping_mul(2).max(1);
        }
        assert_eq!(unsigned("18446744073709551615"), Some(u64::MAX));
        for text in ["", "18446744073709551616", "99999999999999999999999", "1234567:", "/2345678"]
        {
            assert_eq!(unsigned(text), None, "{text}");
        }
        for byte in (0..=127).filter(|byte: &u8| !byte.is_ascii_digit()) {
            for at in 0..8 {
                let mut text = *b"12345678";
                text[at] = byte;
                assert_eq!(eight_digits(text), None);
            }
        }
    }

    #[test]
    fn three_digits_are_digits() {
        for number in 0..1000_u64 {
            let text = format!("{number:03}");
            assert_eq!(three_digits(*text.as_bytes().first_chunk().unwrap()), Some(number));
        }
        for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
            for text in [[byte, b'9', b'9'], [b'9', byte, b'9'], [b'9', b'9', byte]] {
                assert_eq!(three_digits(text), None, "{text:?}");
            }
        }
    }

    #[test]
    fn digits_are_read_up_to_the_first_byte_that_is_none() {
        for len in 0..=8 {
            for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
                let mut text = *b"90817263";
                text[len..].fill(byte);
                let number = if len == 0 { 0 } else { digits(&text[..len]).unwrap() };
                assert_eq!(few_digits(text), (number, len as u32), "{byte}");
            }
        }
    }

    #[test]
    fn integers_are_exact_or_refused() {
        for (text, expected) in [
            ("25", Some(25)),
            ("-25", Some(-25)),
            ("-0", Some(0)),
            ("1e3", Some(1000)),
            ("1.50e1", Some(15)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("1e18", None),
            ("1.5", None),
            ("+1", None),
            ("--1", None),
            (" 1", None),
            ("0x10", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(int(text), expected, "{text}");
        }
    }

    #[test]
    fn json_numbers_are_told_from_others() {
        for text in ["0", "-0", "10", "1.5", "1e5", "1E+5", "-1.25e-7", "0.0"] {
            assert!(is_number(text.as_bytes()), "{text}");
        }
        for text in ["", "-", "01", "1.", ".5", "1e", "1e+", "+1", "1.5.5", "1e5e", "0x1", "1a"] {
            assert!(!is_number(text.as_bytes()), "{text}");
        }
        assert_eq!(double("1e400"), None);
        assert!(double("NaN").is_some_and(f64::is_nan));
        assert_eq!(double("nan"), None);
    }
}
