//! One field against another field of the same span.

use std::ops::Range;

use hashbrown::HashMap;
use ir::module::{Comparison, Order, Test};
use ir::segment::{Column, Dictionary, Integers, Narrow, Values};
use ir::value::Type;

use super::evaluate::present;
use super::kernel;
use super::rows::Rows;
use super::settle::Leaf;
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
    if let Some(leaf) = settle(columns, test) {
        return Some(leaf.rows(range));
    }
    match (&columns.0.values, &columns.1.values, test) {
        (Values::Codes(left, own), Values::Codes(right, other), Test::EqualField(_))
            if own.len().saturating_add(other.len()) <= alive.count(range.len()) =>
        {
            Some(equal_codes((left, own), (right, other), range, alive))
        }
        _ => None,
    }
}

/// The leaf that a test of one column against another comes to, where both hold integers.
pub fn settle<'c>((left, right): (&'c Column, &'c Column), test: &Test) -> Option<Leaf<'c>> {
    let (Values::Integers(left), Values::Integers(right)) = (&left.values, &right.values) else {
        return None;
    };
    let comparison = match test {
        Test::OrderField(order, _) => Comparison::Order(*order),
        _ => Comparison::Equal,
    };
    Some(Leaf::Against(left, right, comparison))
}

/// The rows on which two columns of integers compare so; never `!=`.
pub fn integers(
    pair: (&Integers, &Integers),
    range: &Range<usize>,
    comparison: Comparison,
) -> Rows {
    match comparison {
        Comparison::Order(Order::Less) => kernel::integers_against(pair, range, |a, b| a < b),
        Comparison::Order(Order::LessEqual) => kernel::integers_against(pair, range, |a, b| a <= b),
        Comparison::Order(Order::Greater) => kernel::integers_against(pair, range, |a, b| a > b),
        Comparison::Order(Order::GreaterEqual) => {
            kernel::integers_against(pair, range, |a, b| a >= b)
        }
        _ => kernel::integers_against(pair, range, |a, b| a == b),
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
