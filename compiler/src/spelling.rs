//! How the words and constants of the language are spelled: operators, intrinsics, durations,
//! strings, names. Reading and printing both use these tables, so they cannot drift apart.

use std::fmt::{self, Write};

use crate::ast::{Comparison, Number, OperationName, Operator, SpanIntrinsic, TraceIntrinsic};
use crate::lexer::is_plain_name;

/// The intrinsics of a span by their spelling.
pub(crate) const SPAN_INTRINSICS: [(&str, SpanIntrinsic); 5] = [
    ("span:name", SpanIntrinsic::Name),
    ("span:kind", SpanIntrinsic::Kind),
    ("span:status", SpanIntrinsic::Status),
    ("span:statusMessage", SpanIntrinsic::StatusMessage),
    ("span:duration", SpanIntrinsic::Duration),
];

/// The intrinsics of a trace by their spelling.
pub(crate) const TRACE_INTRINSICS: [(&str, TraceIntrinsic); 3] = [
    ("trace:duration", TraceIntrinsic::Duration),
    ("trace:rootName", TraceIntrinsic::RootName),
    ("trace:rootService", TraceIntrinsic::RootService),
];

/// Units of durations in nanoseconds, from large to small.
const UNITS: [(&str, i64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl fmt::Display for SpanIntrinsic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(spelling_of(&SPAN_INTRINSICS, self))
    }
}

impl fmt::Display for TraceIntrinsic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(spelling_of(&TRACE_INTRINSICS, self))
    }
}

fn spelling_of<T: PartialEq>(table: &[(&'static str, T)], wanted: &T) -> &'static str {
    let entry = table.iter().find(|(_, meaning)| meaning == wanted);
    entry.expect("every intrinsic has its row in the table of spellings").0
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
        })
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compare(comparison) => return comparison.fmt(f),
            Self::In => "in",
            Self::NotIn => "not in",
            Self::Matches => "matches",
            Self::Contains => "contains",
            Self::StartsWith => "starts_with",
            Self::EndsWith => "ends_with",
        })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => integer.fmt(f),
            Self::Decimal { text, .. } => f.write_str(text),
        }
    }
}

/// As the name stands in a rule: quoted if it needs to be.
impl fmt::Display for OperationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) if is_plain_name(name) && suffix_of(name).is_none() => {
                f.write_str(name)
            }
            Self::Exact(name) => write_name(f, std::slice::from_ref(name)),
            Self::Pattern(pieces) => write_name(f, pieces),
        }
    }
}

/// The suffix that a dotted name ends in: as part of a name it needs quotes.
pub(crate) fn suffix_of(name: &str) -> Option<&str> {
    let (_, last) = name.rsplit_once('.')?;
    matches!(last, "where" | "by" | "within").then_some(last)
}

fn write_name(f: &mut fmt::Formatter<'_>, pieces: &[String]) -> fmt::Result {
    f.write_char('"')?;
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            f.write_char('*')?;
        }
        for c in piece.chars() {
            match c {
                '"' | '\\' | '*' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                _ => f.write_char(c)?,
            }
        }
    }
    f.write_char('"')
}

/// Reads the inside of a quoted name, where `*` is a wildcard and `\*` a star.
pub(crate) fn read_name(inside: &str) -> OperationName {
    let mut pieces = vec![String::new()];
    let mut chars = inside.chars().peekable();
    while let Some(c) = chars.next() {
        let first = pieces.len() == 1;
        let piece = pieces.last_mut().expect("the list begins with one piece and only grows");
        match (c, chars.peek()) {
            ('\\', Some('*')) => {
                piece.push('*');
                chars.next();
            }
            ('\\', Some(&next)) => match unescaped(next) {
                Some(meant) => {
                    piece.push(meant);
                    chars.next();
                }
                None => piece.push('\\'),
            },
            // Stars in a row ask for no more than one.
            ('*', _) if !first && piece.is_empty() => {}
            ('*', _) => pieces.push(String::new()),
            _ => piece.push(c),
        }
    }
    match pieces.len() {
        1 => OperationName::Exact(pieces.swap_remove(0)),
        _ => OperationName::Pattern(pieces),
    }
}

/// Reads the inside of a quoted string.
pub(crate) fn read_text(inside: &str) -> String {
    let mut text = String::with_capacity(inside.len());
    let mut chars = inside.chars().peekable();
    while let Some(c) = chars.next() {
        let meant = chars.peek().copied().and_then(unescaped).filter(|_| c == '\\');
        text.push(meant.unwrap_or(c));
        if meant.is_some() {
            chars.next();
        }
    }
    text
}

fn unescaped(after_backslash: char) -> Option<char> {
    match after_backslash {
        '"' | '\\' => Some(after_backslash),
        'n' => Some('\n'),
        't' => Some('\t'),
        _ => None,
    }
}

/// Writes a quoted string. A backslash is doubled only where it would be read otherwise, so that
/// patterns stay legible.
pub(crate) fn write_text(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.write_str("\\\"")?,
            '\n' => out.write_str("\\n")?,
            '\t' => out.write_str("\\t")?,
            '\\' => match chars.peek() {
                // What follows is written as an escape itself, or would be taken for one.
                None | Some('"' | '\\' | 'n' | 't' | '\n' | '\t') => out.write_str("\\\\")?,
                Some(_) => out.write_char('\\')?,
            },
            _ => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

/// Writes a duration in its largest units: `1h30m`, `-5ms`, `0s`.
pub(crate) fn write_duration(out: &mut impl Write, nanoseconds: i64) -> fmt::Result {
    if nanoseconds == 0 {
        return out.write_str("0s");
    }
    if nanoseconds < 0 {
        out.write_char('-')?;
    }
    let mut rest = nanoseconds.unsigned_abs();
    for (unit, length) in UNITS {
        let length = length.unsigned_abs();
        if rest >= length {
            write!(out, "{}{unit}", rest / length)?;
            rest %= length;
        }
    }
    Ok(())
}

/// Reads a duration such as `1h30m` or `1.5s`. None if it is no duration, is no whole number of
/// nanoseconds or goes beyond 64 bits of them (292 years).
pub(crate) fn read_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let unit = if unit == "µs" { "us" } else { unit };
        let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(read_part(number, i128::from(*length))?)?;
        rest = tail;
    }
    i64::try_from(if negative { -total } else { total }).ok().filter(|_| text.len() > 1)
}

/// One number of a duration times its unit, in whole nanoseconds.
fn read_part(number: &str, length: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut total = whole.parse::<i128>().ok()?.checked_mul(length)?;
    let mut length = length;
    for digit in fraction.bytes() {
        let digit = i128::from(char::from(digit).to_digit(10)?);
        // Each digit is worth a tenth of the one before; a tenth must be a whole number of
        // nanoseconds wherever the digit is not 0.
        if digit != 0 && length % 10 != 0 {
            return None;
        }
        length /= 10;
        total = total.checked_add(digit * length)?;
    }
    Some(total)
}

/// Reads a number. None if it is no number or goes beyond its range: 64 bits signed for integers,
/// finite doubles for the rest.
pub(crate) fn read_number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Number::Integer);
    }
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
    Some(Number::Decimal { value, text: text.to_owned() })
}
