//! One field against another field of the same span.

use std::ops::Range;

use hashbrown::HashMap;
use ir::module::{Order, Test};
use ir::segment::{Column, Dictionary, Narrow, Values};
use ir::value::Type;

use super::evaluate::present;
use super::kernel;
use super::rows::Rows;
use super::source::Source;

/// The rows among `alive` on which the first field passes the test against the second.
pub fn field(
    (left, right): (&Source<'_>, &Source<'_>),
    range: &Range<usize>,
    test: &Test,
    alive: &Rows,
) -> Rows {
    let Source::Column(first) = left else { return one_by_one((left, right), range, test, alive) };
    let Source::Column(second) = right else {
        return one_by_one((left, right), range, test, alive);
    };
    let alive = present(first, range).and(&present(second, range)).and(alive);
    if alive.is_none() {
        return Rows::None;
    }
    match quick((first, second), range, test, &alive) {
        Some(rows) => rows.and(&alive),
        None => one_by_one((left, right), range, test, &alive),
    }
}

fn one_by_one(
    (left, right): (&Source<'_>, &Source<'_>),
    range: &Range<usize>,
    test: &Test,
    alive: &Rows,
) -> Rows {
    Rows::each(alive, range.len(), |row| {
        let row = range.start + row;
        left.get(row).is_some_and(|value| test.passes(value, right.get(row)))
    })
}

/// What needs no look at texts row by row.
fn quick(
    columns: (&Column, &Column),
    range: &Range<usize>,
    test: &Test,
    alive: &Rows,
) -> Option<Rows> {
    match (&columns.0.values, &columns.1.values, test) {
        (Values::Integers(left), Values::Integers(right), _) => {
            let pair = (left, right);
            Some(match test {
                Test::OrderField(Order::Less, _) => {
                    kernel::integers_against(pair, range, |a, b| a < b)
                }
                Test::OrderField(Order::LessEqual, _) => {
                    kernel::integers_against(pair, range, |a, b| a <= b)
                }
                Test::OrderField(Order::Greater, _) => {
                    kernel::integers_against(pair, range, |a, b| a > b)
                }
                Test::OrderField(Order::GreaterEqual, _) => {
                    kernel::integers_against(pair, range, |a, b| a >= b)
                }
                _ => kernel::integers_against(pair, range, |a, b| a == b),
            })
        }
        (Values::Codes(left, own), Values::Codes(right, other), Test::EqualField(_))
            if own.len().saturating_add(other.len()) <= alive.count(range.len()) =>
        {
            Some(equal_codes((left, own), (right, other), range, alive))
        }
        _ => None,
    }
}

/// Compares codes of two dictionaries after numbering the texts of both alike.
fn equal_codes(
    (left, own): (&Narrow, &Dictionary),
    (right, other): (&Narrow, &Dictionary),
    range: &Range<usize>,
    alive: &Rows,
) -> Rows {
    let mut numbers = HashMap::new();
    for code in 0..own.len() as u32 {
        numbers.entry(own.text(code)).or_insert(code);
    }
    let translate = |dictionary: &Dictionary| -> Vec<Option<u32>> {
        let entries = dictionary.iter().enumerate();
        entries
            .map(|(code, entry)| {
                let text = dictionary.text(code as u32);
                let nan = entry.value_type() == Type::Float && text == "NaN";
                if nan { None } else { numbers.get(text).copied() }
            })
            .collect()
    };
    let (own, other) = (translate(own), translate(other));
    Rows::each(alive, range.len(), |row| {
        let row = range.start + row;
        let number = own[left.get(row) as usize];
        number.is_some() && number == other[right.get(row) as usize]
    })
}
