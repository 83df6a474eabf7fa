//! The inside of JSON strings, as strictly as the grammar says.

use memchr::memchr3;

/// What a string reads as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As it is written.
    Plain,
    /// As what was appended from this index on.
    Unescaped(usize),
    /// Nothing: it has half of a surrogate pair.
    Undecodable,
    /// Nothing: the grammar forbids it.
    Forbidden,
}

/// Where the string ends whose quote is at `start`, and whether a quote is there. A line end ends
/// it too, since JSON has none in strings.
pub(super) fn end_of(text: &[u8], start: usize) -> (usize, bool) {
    let mut at = start + 1;
    while let Some(n) = memchr3(b'"', b'\\', b'\n', text.get(at..).unwrap_or_default()) {
        at += n;
        match text[at] {
            b'"' => return (at, true),
            b'\n' => return (at, false),
            _ => at += 2,
        }
    }
    (text.len(), false)
}

/// Reads what is between the quotes; text that is not written as it reads is appended to `out`.
pub(super) fn read(inside: &[u8], is_utf8: bool, out: &mut String) -> Reading {
    if inside.iter().any(|byte| *byte < b' ') {
        return Reading::Forbidden;
    }
    if !is_utf8 && std::str::from_utf8(inside).is_err() {
        return Reading::Forbidden;
    }
    if !inside.contains(&b'\\') {
        return Reading::Plain;
    }
    let start = out.len();
    let reading = unescape(inside, out);
    if !matches!(reading, Reading::Unescaped(_)) {
        out.truncate(start);
    }
    reading
}

fn unescape(inside: &[u8], out: &mut String) -> Reading {
    let start = out.len();
    let mut undecodable = false;
    let mut pieces = std::str::from_utf8(inside).unwrap_or_default();
    while let Some((before, escape)) = pieces.split_once('\\') {
        out.push_str(before);
        let mut after = escape.chars();
        let plain = match after.next() {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let Some((char, rest)) = code_point(after.as_str()) else {
                    return Reading::Forbidden;
                };
                after = rest.chars();
                char.unwrap_or_else(|| {
                    undecodable = true;
                    char::REPLACEMENT_CHARACTER
                })
            }
            _ => return Reading::Forbidden,
        };
        out.push(plain);
        pieces = after.as_str();
    }
    out.push_str(pieces);
    if undecodable { Reading::Undecodable } else { Reading::Unescaped(start) }
}

/// The character after `\u`, `None` for half of a pair, and what follows it.
fn code_point(text: &str) -> Option<(Option<char>, &str)> {
    let (first, rest) = four_digits(text)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first), rest));
    }
    match rest.strip_prefix("\\u").and_then(four_digits) {
        Some((second @ 0xdc00..0xe000, rest)) => {
            let both = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            Some((char::from_u32(both), rest))
        }
        _ => Some((None, rest)),
    }
}

fn four_digits(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((hex.then(|| u32::from_str_radix(digits, 16).ok())??, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_read_as_json_says() {
        for (inside, expected) in [
            (r"a\nb", "a\nb"),
            (r#"\"\\\/\b\f\r\t"#, "\"\\/\u{8}\u{c}\r\t"),
            (r"\u0041\u00e9", "Aé"),
            (r"\ud83d\ude00!", "😀!"),
            (r"é\u0000", "é\0"),
        ] {
            let mut out = String::from("before");
            assert_eq!(read(inside.as_bytes(), true, &mut out), Reading::Unescaped(6), "{inside}");
            assert_eq!(&out[6..], expected);
        }
    }

    #[test]
    fn strings_that_cannot_be_read_leave_nothing() {
        use Reading::{Forbidden, Undecodable};
        for (inside, expected) in [
            (&br"a\ud83d"[..], Undecodable),
            (br"\ude00", Undecodable),
            (br"\ud83d\u0041", Undecodable),
            (br"\x", Forbidden),
            (br"\u00g0", Forbidden),
            (br"\u00", Forbidden),
            (b"a\tb", Forbidden),
            (b"\xff", Forbidden),
            (b"ab\\", Forbidden),
        ] {
            let mut out = String::from("before");
            assert_eq!(read(inside, false, &mut out), expected);
            assert_eq!(out, "before");
        }
        assert_eq!(read("é".as_bytes(), false, &mut String::new()), Reading::Plain);
    }
}
