//! Numbers, written as such or as text.

use super::super::text;
use super::holes::Reader;
use super::lanes::Lanes;
use super::place::Usual;

/// Longest number, in bytes, that is read here: what every reader takes the same way.
const LONGEST_NUMBER: usize = 24;
/// Digits that always fit an int64.
const SAFE_DIGITS: usize = 18;

impl<L: Lanes> Reader<'_, L> {
    /// A number as text: digits that fit 64 bits.
    #[inline(always)]
    pub(super) fn unsigned_text(self, at: usize) -> Option<(u64, usize)> {
        /// Of a time in our century.
        const USUAL: usize = 19;
        if let Some(digits) = self.text.get(at..).and_then(<[u8]>::first_chunk::<USUAL>)
            && self.text.get(at + USUAL) == Some(&b'"')
            && let Some(time) = text::digits_19(digits)
        {
            return Some((time, at + USUAL));
        }
        self.read_plain(at, text::unsigned)
    }

    /// An int64 as text.
    #[inline(always)]
    pub(super) fn int_text(self, at: usize, usual: &mut Usual) -> Option<(i64, usize)> {
        if let Some(few) = self.few_int_text(at) {
            return Some(few);
        }
        let end = at + self.plain_as(at, usual);
        let inside = self.text.get(at..end)?;
        let number = inside.strip_prefix(b"-").unwrap_or(inside);
        if self.text.get(end) != Some(&b'"') {
            return None;
        }
        let negative = number.len() < inside.len();
        if number.len() > SAFE_DIGITS {
            return Some((long_int(negative, number)?, end));
        }
        let size = text::digits(number)?.cast_signed();
        Some((if negative { -size } else { size }, end))
    }

    /// An integer as number; `-0` is none.
    #[inline(always)]
    pub(super) fn int(self, at: usize) -> Option<(i64, usize)> {
        let rest = &self.text[at..];
        let negative = rest.first() == Some(&b'-');
        let digits = &rest[usize::from(negative)..];
        let count = count_digits(digits);
        let is_integer = !matches!(digits.get(count), Some(b'.' | b'e' | b'E'));
        let leads = count > 1 && digits[0] == b'0';
        if !is_integer || leads || count == 0 {
            return None;
        }
        let end = at + usize::from(negative) + count;
        if count > SAFE_DIGITS {
            return Some((long_int(negative, &digits[..count])?, end));
        }
        let size = text::digits(&digits[..count])?.cast_signed();
        if negative && size == 0 {
            return None;
        }
        Some((if negative { -size } else { size }, end))
    }

    /// An integer from 0 on as number: one digit more than [`Self::int`] takes.
    #[inline(always)]
    pub(super) fn unsigned(self, at: usize) -> Option<(u64, usize)> {
        if let Some(few) = self.few_unsigned(at) {
            return Some(few);
        }
        let digits = &self.text[at..];
        let count = count_digits(digits);
        let is_integer = !matches!(digits.get(count), Some(b'.' | b'e' | b'E'));
        let leads = count > 1 && digits[0] == b'0';
        if !is_integer || leads || count > SAFE_DIGITS + 1 {
            return None;
        }
        Some((text::digits(&digits[..count])?, at + count))
    }

    /// Where a number ends that is one by the grammar and far from the ends of every range.
    #[inline(always)]
    pub(super) fn number(self, at: usize) -> Option<usize> {
        let rest = &self.text[at..];
        let window = &rest[..rest.len().min(LONGEST_NUMBER)];
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let len = window.iter().position(|byte| !is_part(byte))?;
        let number = &window[..len];
        if !text::is_number(number) {
            return None;
        }
        let good = match number.iter().position(|byte| byte | 0x20 == b'e') {
            Some(e) => is_moderate(&number[..e], &number[e + 1..]),
            None => number.contains(&b'.') || (number != b"-0" && len <= SAFE_DIGITS),
        };
        good.then_some(at + len)
    }

    /// The double at `at`, which ends at `end`.
    pub(super) fn double(self, at: usize, end: usize) -> Option<f64> {
        std::str::from_utf8(&self.text[at..end]).ok()?.parse().ok()
    }

    /// The same as [`Self::int_text`] of up to seven digits.
    #[inline(always)]
    pub(super) fn few_int_text(self, at: usize) -> Option<(i64, usize)> {
        let (number, count, _, end) = self.few_digits(at)?;
        (end == b'"').then_some((number.cast_signed(), at + count))
    }

    /// The same as [`Self::unsigned`] of up to seven digits.
    #[inline(always)]
    pub(super) fn few_unsigned(self, at: usize) -> Option<(u64, usize)> {
        let (number, count, first, end) = self.few_digits(at)?;
        let leads = count > 1 && first == b'0';
        let is_integer = !matches!(end, b'.' | b'e' | b'E');
        (is_integer && !leads).then_some((number, at + count))
    }

    /// The number of up to seven digits at `at`, how many they are, the first of them, and what is
    /// behind them.
    #[inline(always)]
    fn few_digits(self, at: usize) -> Option<(u64, usize, u8, u8)> {
        let word: &[u8; 8] = self.text.get(at..at.checked_add(8)?)?.first_chunk()?;
        let (number, count) = text::few_digits(*word);
        let count = count as usize;
        (1..8).contains(&count).then(|| (number, count, word[0], word[count]))
    }
}

/// An integer of more digits than always fit an int64.
#[cold]
#[inline(never)]
fn long_int(negative: bool, digits: &[u8]) -> Option<i64> {
    let size = text::digits(digits)?;
    if negative { 0_i64.checked_sub_unsigned(size) } else { i64::try_from(size).ok() }
}

/// Whether a number with an exponent is one that every reader takes the same way: the exponent has at
/// most two digits, far from what a double cannot hold, and what is before it fits an integer if it
/// is one.
#[cold]
#[inline(never)]
fn is_moderate(number: &[u8], exponent: &[u8]) -> bool {
    let digits = exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+")).unwrap_or(exponent);
    let size = number.strip_prefix(b"-").unwrap_or(number);
    digits.len() <= 2 && (size.contains(&b'.') || size.len() <= SAFE_DIGITS)
}

#[inline(always)]
fn count_digits(text: &[u8]) -> usize {
    text.iter().take(LONGEST_NUMBER).take_while(|byte| byte.is_ascii_digit()).count()
}
