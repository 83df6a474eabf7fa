//! Constants moved by one: by one in the last place that their writer wrote.

use compiler::ast::{Number, Value};

/// Nanoseconds of the units of durations.
const UNITS: [i64; 7] =
    [1, 1_000, 1_000_000, 1_000_000_000, 60_000_000_000, 3_600_000_000_000, 86_400_000_000_000];

/// A number or duration one step up and one step down; nothing for other constants.
pub(super) fn steps(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(Number::Integer(integer)) => {
            let moved = [integer.checked_add(1), integer.checked_sub(1)].into_iter().flatten();
            moved.map(|integer| Value::Number(Number::Integer(integer))).collect()
        }
        Value::Number(Number::Decimal { value, text }) => {
            let step = last_place(text);
            let moved = [value + step, value - step].into_iter().filter(|moved| moved.is_finite());
            moved.map(|moved| Value::Number(rounded(moved, text))).collect()
        }
        Value::Duration(length) => {
            let step = last_unit(*length);
            let moved = [length.checked_add(step), length.checked_sub(step)].into_iter().flatten();
            moved.map(Value::Duration).collect()
        }
        Value::Bool(_) | Value::Text(_) => Vec::new(),
    }
}

/// Places behind the point of a number as written; none of one with an exponent.
fn places(text: &str) -> usize {
    let (_, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.bytes().all(|byte| byte.is_ascii_digit()) { fraction.len() } else { 0 }
}

fn last_place(text: &str) -> f64 {
    0.1_f64.powi(places(text) as i32)
}

/// A number with as many places as another has in its text.
fn rounded(value: f64, like: &str) -> Number {
    let text = format!("{value:.*}", places(like));
    Number::decimal(text.parse().unwrap_or(value))
}

/// The unit of a duration's last number; the one below where the duration is one of that unit, as one
/// less would be none.
fn last_unit(length: i64) -> i64 {
    let at = UNITS.iter().rposition(|unit| length % unit == 0).unwrap_or(0);
    if length.abs() == UNITS[at] { UNITS[at.saturating_sub(1)] } else { UNITS[at] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_place_is_what_moves() {
        for (constant, expected) in [
            ("5", "6 4"),
            ("-1", "0 -2"),
            ("0.95", "0.96 0.94"),
            ("1.0", "1.1 0.9"),
            ("9223372036854775807", "9223372036854775806"),
            ("5m", "6m 4m"),
            ("1m", "1m1s 59s"),
            ("1h30m", "1h31m 1h29m"),
            ("500ms", "501ms 499ms"),
            ("1ns", "2ns 0s"),
            ("true", ""),
        ] {
            let moved = steps(&Value::from_plain_scalar(constant));
            let moved: Vec<String> = moved.iter().map(ToString::to_string).collect();
            assert_eq!(moved.join(" "), expected, "{constant}");
        }
    }
}
