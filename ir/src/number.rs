//! Numbers as rules compare them: int64 exactly, doubles as they are, never one rounded into the other.

use std::cmp::Ordering;

/// A number of a rule or of an attribute.
///
/// Two numbers compare by their exact mathematical value, whichever variant holds them.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// An integer, exact.
    Int(i64),
    /// A double; may be infinite or NaN.
    Float(f64),
}

/// 2^63, the first double above every `i64`.
const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;

impl Number {
    /// Reads text of the form `-?digits[.digits][e[+-]digits]`; anything else is not a number.
    ///
    /// Integers that fit an `i64` stay exact; everything else is the nearest double.
    pub fn from_text(text: &str) -> Option<Self> {
        let plain_integer = numeric_form(text.as_bytes())?;
        if plain_integer && let Ok(int) = text.parse() {
            return Some(Self::Int(int));
        }
        text.parse().ok().map(Self::Float)
    }

    /// The exact order of two numbers; `None` if either is NaN.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            (Self::Int(a), Self::Float(b)) => int_against_float(a, b),
            (Self::Float(a), Self::Int(b)) => int_against_float(b, a).map(Ordering::reverse),
        }
    }

    /// The canonical text: integers in decimal, doubles in shortest round-trip decimal, as an
    /// integer where they are one below 2^63.
    pub fn canonical(self) -> String {
        match self {
            Self::Int(int) => int.to_string(),
            Self::Float(float) if float.is_nan() => "NaN".to_owned(),
            Self::Float(float) if float.is_infinite() => {
                if float > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
            }
            Self::Float(float) => match whole(float) {
                Some(int) => int.to_string(),
                None => format!("{float:?}"),
            },
        }
    }
}

/// The int64 whose canonical text this is: `5`, but neither `05` nor `5.0`.
pub fn canonical_integer(text: &str) -> Option<i64> {
    text.parse().ok().filter(|int: &i64| int.to_string() == text)
}

/// The integer that `float` is, if it is one whose magnitude is below 2^63.
pub fn whole(float: f64) -> Option<i64> {
    (float.fract() == 0.0 && float.abs() < TWO_POW_63).then_some(float as i64)
}

fn int_against_float(int: i64, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        None
    } else if float >= TWO_POW_63 {
        Some(Ordering::Less)
    } else if float < -TWO_POW_63 {
        Some(Ordering::Greater)
    } else {
        let floor = float.floor();
        let fraction = if float > floor { Ordering::Less } else { Ordering::Equal };
        Some(int.cmp(&(floor as i64)).then(fraction))
    }
}

/// Whether `text` has the numeric form, and then whether it is a plain integer.
fn numeric_form(text: &[u8]) -> Option<bool> {
    let digits = |from: usize| text[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    let mut plain = true;
    let whole_digits = digits(at);
    if whole_digits == 0 {
        return None;
    }
    at += whole_digits;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
        plain = false;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at);
        if exponent == 0 {
            return None;
        }
        at += exponent;
        plain = false;
    }
    (at == text.len()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_text_has_one_form() {
        for text in ["0", "-1", "007", "5.0", "1e3", "1E+3", "2.5e-7", "99999999999999999999"] {
            assert!(Number::from_text(text).is_some(), "{text}");
        }
        for text in
            ["", "-", "+1", ".5", "5.", "1e", "1e+", " 1", "1 ", "0x10", "NaN", "inf", "1_0"]
        {
            assert!(Number::from_text(text).is_none(), "{text}");
        }
    }

    #[test]
    fn int64_is_never_rounded_through_a_double() {
        let order = |a: Number, b: Number| a.compare(b).expect("no NaN here");
        let big = 9_007_199_254_740_993;
        assert_eq!(
            order(Number::Int(big), Number::Float(9_007_199_254_740_992.0)),
            Ordering::Greater
        );
        assert_eq!(order(Number::Int(i64::MAX), Number::Float(TWO_POW_63)), Ordering::Less);
        assert_eq!(order(Number::Int(i64::MIN), Number::Float(-TWO_POW_63)), Ordering::Equal);
        assert_eq!(order(Number::Int(-1), Number::Float(-0.5)), Ordering::Less);
        assert_eq!(order(Number::Float(f64::INFINITY), Number::Int(i64::MAX)), Ordering::Greater);
    }

    #[test]
    fn canonical_text_of_doubles() {
        let canonical = |float: f64| Number::Float(float).canonical();
        assert_eq!(canonical(5.0), "5");
        assert_eq!(canonical(-0.0), "0");
        assert_eq!(canonical(0.1), "0.1");
        assert_eq!(canonical(1e17), "100000000000000000");
        assert_eq!(canonical(1e19), "1e19");
        assert_eq!(canonical(f64::NAN), "NaN");
        assert_eq!(canonical(f64::NEG_INFINITY), "-Infinity");
    }
}
