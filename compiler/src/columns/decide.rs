//! What a test asks of integers, of doubles and of dictionary entries, settled before any row is
//! read. Everything here restates `ir`'s comparisons for one kind of value, and is exact.

use std::ops::RangeInclusive;
use std::rc::Rc;

use hashbrown::HashSet;
use ir::module::{Comparison, Order, Scalar, Test};
use ir::segment::Dictionary;
use ir::{Datum, Mask, Number, Type, canonical_integer, whole};

/// What a test without another field asks, kind by kind.
pub struct Decided<'a> {
    /// Of int64 values.
    pub integers: Integer,
    /// Of doubles.
    pub floats: Float,
    /// Of dictionary entries.
    pub entries: Entry<'a>,
}

/// Which int64 values pass.
pub enum Integer {
    /// Those in the range; none where it is empty.
    Range(RangeInclusive<i64>),
    /// These, ascending.
    Points(Rc<[i64]>),
    /// Each has to be asked.
    Each,
}

/// Which doubles pass.
pub enum Float {
    /// All.
    All,
    /// Those that compare so; none for NaN.
    Order(Order, f64),
    /// These, ascending, without NaN; `0.0` means both zeros.
    Points(Rc<[f64]>),
    /// Each has to be asked.
    Each,
}

/// Which dictionary entries pass.
pub enum Entry<'a> {
    /// Those with one of these texts, but no NaN.
    Texts(HashSet<String>),
    /// Each has to be asked.
    Each(&'a Test),
}

/// Which codes of a dictionary, or numbers of resources, pass.
pub enum Codes {
    /// None.
    None,
    /// All.
    All,
    /// Those in the range, and no others.
    Range(RangeInclusive<u64>),
    /// Those in the mask.
    Among(Mask),
}

/// No int64 at all.
#[expect(clippy::reversed_empty_ranges, reason = "an empty range is what is meant")]
const NO_INTEGER: RangeInclusive<i64> = 1..=0;

impl<'a> Decided<'a> {
    /// Settles `test`.
    pub fn new(test: &'a Test) -> Self {
        match test {
            Test::Exists => Self {
                integers: Integer::Range(i64::MIN..=i64::MAX),
                floats: Float::All,
                entries: Entry::Each(test),
            },
            Test::Equal(constant) => Self::among(std::slice::from_ref(constant)),
            Test::In(constants) => Self::among(constants),
            Test::Order(order, constant) => {
                let number = constant.datum().number();
                Self {
                    integers: Integer::Range(
                        number.map_or(NO_INTEGER, |number| {
                            integers(Comparison::Order(*order), number)
                        }),
                    ),
                    floats: number
                        .map_or(Float::Points(Rc::new([])), |number| floats(*order, number)),
                    entries: Entry::Each(test),
                }
            }
            _ => Self { integers: Integer::Each, floats: Float::Each, entries: Entry::Each(test) },
        }
    }

    /// Whether a value passes `test`, which this is: a look at the texts of a list is saved.
    pub fn passes(&self, test: &Test, value: Datum<'_>) -> bool {
        match (&self.entries, value) {
            (Entry::Texts(_), Datum::Entry(..)) => self.entries.passes(value),
            _ => test.passes(value, None),
        }
    }

    fn among(constants: &[Scalar]) -> Self {
        let is_nan = |scalar: &&Scalar| matches!(scalar, Scalar::Float(float) if float.is_nan());
        let texts: HashSet<String> = constants
            .iter()
            .filter(|scalar| !is_nan(scalar))
            .map(|scalar| scalar.datum().text().into_owned())
            .collect();
        let mut points: Vec<i64> =
            texts.iter().filter_map(|text| canonical_integer(text)).collect();
        points.sort_unstable();
        let integers = match *points {
            [] => Integer::Range(NO_INTEGER),
            [only] => Integer::Range(only..=only),
            _ => Integer::Points(points.into()),
        };
        let mut points: Vec<f64> = texts.iter().filter_map(|text| float_of(text)).collect();
        points.sort_unstable_by(f64::total_cmp);
        Self { integers, floats: Float::Points(points.into()), entries: Entry::Texts(texts) }
    }
}

impl Entry<'_> {
    /// Whether an entry of a dictionary passes.
    pub fn passes(&self, entry: Datum<'_>) -> bool {
        match self {
            Self::Texts(texts) => {
                let text = entry.text();
                texts.contains(&*text) && !(entry.value_type() == Type::Float && text == "NaN")
            }
            Self::Each(test) => test.passes(entry, None),
        }
    }

    /// The codes of `dictionary` that pass.
    pub fn codes(&self, dictionary: &Dictionary) -> Codes {
        if let Self::Each(Test::Exists) = self {
            return Codes::All;
        }
        let mut passing = Mask::empty(dictionary.len());
        match self {
            Self::Texts(texts) if dictionary.is_ordered() => {
                let found = texts.iter().filter_map(|text| dictionary.find(text)).flatten();
                found
                    .filter(|&code| self.passes(dictionary.get(code)))
                    .for_each(|code| passing.insert(code as usize));
            }
            Self::Texts(texts) if texts.len() == 1 => {
                let only = texts.iter().next().map_or("", String::as_str);
                for code in 0..dictionary.len() {
                    if dictionary.text(code as u32) == only
                        && self.passes(dictionary.get(code as u32))
                    {
                        passing.insert(code);
                    }
                }
            }
            _ => {
                for (code, entry) in dictionary.iter().enumerate() {
                    if self.passes(entry) {
                        passing.insert(code);
                    }
                }
            }
        }
        Codes::of(passing)
    }
}

impl Codes {
    /// The codes of a mask over all of them.
    pub fn of(mask: Mask) -> Self {
        let count = mask.count();
        let (Some(first), Some(last)) = (mask.iter().next(), last(&mask)) else {
            return Self::None;
        };
        if count == mask.len() {
            Self::All
        } else if last - first + 1 == count {
            Self::Range(first as u64..=last as u64)
        } else {
            Self::Among(mask)
        }
    }
}

/// The int64 values that compare so with `number`, where `comparison` is not `!=`.
pub fn integers(comparison: Comparison, number: Number) -> RangeInclusive<i64> {
    if Number::Int(0).compare(number).is_none() {
        return NO_INTEGER;
    }
    let first = |order: Order| first_integer(|int| order.holds(Number::Int(int).compare(number)));
    let before = |first: Option<i64>| first.map_or(Some(i64::MAX), |first| first.checked_sub(1));
    let (low, high) = match comparison {
        Comparison::Order(Order::Less) => (Some(i64::MIN), before(first(Order::GreaterEqual))),
        Comparison::Order(Order::LessEqual) => (Some(i64::MIN), before(first(Order::Greater))),
        Comparison::Order(order) => (first(order), Some(i64::MAX)),
        Comparison::Equal | Comparison::NotEqual => {
            (first(Order::GreaterEqual), before(first(Order::Greater)))
        }
    };
    match (low, high) {
        (Some(low), Some(high)) => low..=high,
        _ => NO_INTEGER,
    }
}

/// The least int64 that passes a test that every greater one passes too.
fn first_integer(passes: impl Fn(i64) -> bool) -> Option<i64> {
    if !passes(i64::MAX) {
        return None;
    }
    let (mut low, mut high) = (i64::MIN, i64::MAX);
    while low < high {
        let middle = low.wrapping_add_unsigned(high.abs_diff(low) / 2);
        if passes(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

/// The doubles that are in this order to `number`, decided by doubles alone where that is exact.
fn floats(order: Order, number: Number) -> Float {
    match number {
        Number::Float(float) => Float::Order(order, float),
        Number::Int(int) if whole(int as f64) == Some(int) => Float::Order(order, int as f64),
        Number::Int(_) => Float::Each,
    }
}

/// The double whose canonical text this is; not NaN.
fn float_of(text: &str) -> Option<f64> {
    let float = text.parse().ok().filter(|float: &f64| !float.is_nan())?;
    (Number::Float(float).canonical() == text).then_some(float + 0.0)
}

fn last(mask: &Mask) -> Option<usize> {
    let (at, word) = mask.words().iter().enumerate().rev().find(|(_, word)| **word != 0)?;
    Some(at * 64 + 63 - word.leading_zeros() as usize)
}
