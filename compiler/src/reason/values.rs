//! One value and several tests of it: which of them can pass together.
//!
//! Constants cut the values into regions within which all tests answer alike, so it is enough to try
//! a value of each region, and each constant itself. Tests that look into a text, or at a second field,
//! may answer either way in a region; of a constant they are asked.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use ir::module::{Field, FieldId, KINDS, STATUSES, Scalar, Test, TraceField};
use ir::value::{Datum, Type};
use ir::{Number, canonical_integer};

/// Answers to tests as bits: bit n is set where test n passes.
pub(super) type Answers = u32;

/// What is known of the values of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Domain<'a> {
    /// Anything, or missing.
    Anything,
    /// Text, or missing.
    Text,
    /// Text that is there.
    Name,
    /// This text.
    Exactly(&'a str),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// An int64.
    Integer,
}

impl<'a> Domain<'a> {
    /// Of a field of spans that bear this name, or any.
    pub(super) fn of_span(field: &Field, name: Option<&'a str>) -> Self {
        match field {
            Field::Any(_) | Field::Span(_) | Field::Resource(_) => Self::Anything,
            Field::Name => name.map_or(Self::Name, Self::Exactly),
            Field::Kind => Self::OneOf(&KINDS),
            Field::Status => Self::OneOf(&STATUSES),
            Field::StatusMessage => Self::Text,
            Field::Duration => Self::Integer,
        }
    }

    /// Of a field of traces.
    pub(super) fn of_trace(field: TraceField) -> Self {
        match field {
            TraceField::Duration => Self::Integer,
            TraceField::RootName | TraceField::RootService => Self::Text,
        }
    }
}

/// All ways in which the tests can answer together. At most 16 tests.
pub(super) fn answers(domain: Domain<'_>, tests: &[&Test]) -> BTreeSet<Answers> {
    let constants: Vec<&Scalar> = tests.iter().flat_map(|test| constants(test)).collect();
    let mut answers = BTreeSet::new();
    if matches!(domain, Domain::Anything | Domain::Text) {
        answers.insert(0);
    }
    let bare = |test: &&&Test| matches!(test, Test::Exists);
    if is_entangled(tests) {
        // Every test may answer as it likes, where there is a value at all.
        let there = tests.iter().enumerate().filter(|(_, test)| bare(test));
        let there: Answers = there.map(|(at, _)| 1 << at).sum();
        answers.extend((0..1 << tests.len()).map(|free: Answers| free | there));
        return answers;
    }
    for sample in samples(domain, &constants) {
        add(&sample, tests, &mut answers);
    }
    answers
}

/// A value to try: one, or one that stands for a region.
struct Sample {
    value: Scalar,
    /// Of which type, where it is no scalar's own.
    composite: Option<Type>,
    exact: bool,
}

impl Sample {
    fn exact(value: Scalar) -> Self {
        Self { value, composite: None, exact: true }
    }

    fn region(value: Scalar) -> Self {
        Self { value, composite: None, exact: false }
    }

    fn datum(&self) -> Datum<'_> {
        match (&self.value, self.composite) {
            (Scalar::Text(text), Some(composite)) => Datum::Entry(composite, text),
            (value, _) => value.datum(),
        }
    }
}

/// Adds what the tests answer of a sample.
fn add(sample: &Sample, tests: &[&Test], answers: &mut BTreeSet<Answers>) {
    let value = sample.datum();
    let mut settled: Answers = 0;
    let mut free: Vec<usize> = Vec::new();
    let mut against: Vec<FieldId> = Vec::new();
    for (at, test) in tests.iter().enumerate() {
        match test {
            Test::EqualField(other) | Test::OrderField(_, other) => against.push(*other),
            Test::Matches(_) | Test::Contains(_) | Test::StartsWith(_) | Test::EndsWith(_)
                if !sample.exact =>
            {
                free.push(at);
            }
            _ => settled |= Answers::from(test.passes(value, None)) << at,
        }
    }
    against.sort_unstable();
    against.dedup();
    let mut found = BTreeSet::from([settled]);
    for at in free {
        found.extend(found.clone().into_iter().map(|answers| answers | 1 << at));
    }
    for other in against {
        let standings: BTreeSet<Answers> =
            STANDINGS.iter().map(|&(equal, order)| standing(tests, other, equal, order)).collect();
        found = found.iter().flat_map(|a| standings.iter().map(move |b| a | b)).collect();
    }
    answers.extend(found);
}

/// How two values can stand to each other: whether their texts are equal, and their order.
const STANDINGS: [(bool, Option<Ordering>); 6] = [
    (true, None),
    (true, Some(Ordering::Equal)),
    (false, None),
    (false, Some(Ordering::Less)),
    (false, Some(Ordering::Equal)),
    (false, Some(Ordering::Greater)),
];

/// What the tests against another field answer where the two stand so.
fn standing(tests: &[&Test], other: FieldId, equal: bool, order: Option<Ordering>) -> Answers {
    let passes = |test: &Test| match test {
        Test::EqualField(field) => *field == other && equal,
        Test::OrderField(how, field) => *field == other && how.holds(order),
        _ => false,
    };
    tests.iter().enumerate().map(|(at, test)| Answers::from(passes(test)) << at).sum()
}

/// The constants that cut values into regions.
fn constants(test: &Test) -> &[Scalar] {
    match test {
        Test::Equal(constant) | Test::Order(_, constant) => std::slice::from_ref(constant),
        Test::In(constants) => constants,
        _ => &[],
    }
}

/// Whether order is asked both of numbers and of texts: texts of numbers stand in both orders, and
/// the regions are no longer few. So are texts of lists and maps, which `contains` reads otherwise.
fn is_entangled(tests: &[&Test]) -> bool {
    let orders = tests.iter().filter_map(|test| match test {
        Test::Order(_, constant) => Some(constant),
        _ => None,
    });
    let orders: Vec<&Scalar> = orders.collect();
    let is_text = |constant: &&&Scalar| matches!(constant, Scalar::Text(_));
    let texts = orders.iter().filter(is_text).count();
    let numeric = orders.iter().filter(|constant| constant.datum().number().is_some()).count();
    let composite = |constant: &Scalar| match constant {
        Scalar::Text(text) => text.starts_with(['[', '{']),
        _ => false,
    };
    texts > 0 && numeric > 0 || tests.iter().flat_map(|test| constants(test)).any(composite)
}

fn samples(domain: Domain<'_>, constants: &[&Scalar]) -> Vec<Sample> {
    let text = |text: &str| Scalar::Text(text.into());
    match domain {
        Domain::Exactly(name) => vec![Sample::exact(text(name))],
        Domain::OneOf(names) => names.iter().map(|name| Sample::exact(text(name))).collect(),
        Domain::Integer => integers(constants),
        Domain::Text | Domain::Name => {
            let mut samples = texts(constants);
            samples.extend(numbers(constants).into_iter().map(|sample| Sample {
                value: Scalar::Text(sample.value.datum().text().into()),
                ..sample
            }));
            samples
        }
        Domain::Anything => {
            let mut samples = texts(constants);
            samples.extend(numbers(constants));
            samples.extend(own_types(constants));
            samples.extend(others());
            samples
        }
    }
}

/// Integers around the constants.
fn integers(constants: &[&Scalar]) -> Vec<Sample> {
    let mut integers = BTreeSet::from([i64::MIN, -1, 0, 1, i64::MAX]);
    for constant in constants {
        if let Scalar::Int(int) = constant {
            integers.extend([int.saturating_sub(1), *int, int.saturating_add(1)]);
        }
    }
    integers.into_iter().map(|int| Sample::exact(Scalar::Int(int))).collect()
}

/// Each constant as text, and the texts between them in the order of bytes.
fn texts(constants: &[&Scalar]) -> Vec<Sample> {
    let region = |text: String| Sample::region(Scalar::Text(text.into()));
    let mut samples = vec![region(String::new()), region("\u{10ffff}".repeat(4))];
    for constant in constants {
        let text = constant.datum().text().into_owned();
        samples.push(region(format!("{text}\0")));
        samples.push(Sample::exact(Scalar::Text(text.into())));
    }
    samples
}

/// Numbers between, below and above the constants, and other spellings of the same numbers, which
/// are in no way smaller or larger and yet not equal.
fn numbers(constants: &[&Scalar]) -> Vec<Sample> {
    let mut found: Vec<Number> =
        constants.iter().filter_map(|constant| constant.datum().number()).collect();
    found.sort_by(|a, b| a.compare(*b).unwrap_or(Ordering::Equal));
    let float = |number: &Number| match number {
        Number::Int(int) => *int as f64,
        Number::Float(float) => *float,
    };
    let mut samples = vec![Scalar::Float(f64::MIN), Scalar::Float(0.5), Scalar::Float(f64::MAX)];
    for pair in found.windows(2) {
        samples.push(Scalar::Float(float(&pair[0]) / 2.0 + float(&pair[1]) / 2.0));
    }
    for number in &found {
        match number {
            Number::Int(int) => {
                let around = [int.saturating_sub(1), int.saturating_add(1)];
                samples.extend(around.map(Scalar::Int));
                samples.push(Scalar::Text(format!("{int}.0").into()));
            }
            Number::Float(float) => {
                samples.extend([float.next_down(), float.next_up()].map(Scalar::Float));
                samples.push(Scalar::Text(respelled(*float).into()));
            }
        }
    }
    samples.into_iter().map(Sample::region).collect()
}

/// A number in numeric form that is not its canonical text.
fn respelled(float: f64) -> String {
    let text = format!("{float:?}");
    match text.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => format!("{digits}0e{exponent}"),
        Some((digits, exponent)) => format!("{digits}.0e{exponent}"),
        None => format!("{text}0"),
    }
}

/// The constants in the types whose canonical text they are.
fn own_types(constants: &[&Scalar]) -> Vec<Sample> {
    let texts = constants.iter().map(|constant| constant.datum().text());
    let typed = texts.flat_map(|text| {
        let int = canonical_integer(&text).map(Scalar::Int);
        let number = text.parse().ok().map(Number::Float);
        let float = number.filter(|number| number.canonical() == text);
        let float = float.map(|number| match number {
            Number::Float(float) => Scalar::Float(float),
            Number::Int(int) => Scalar::Int(int),
        });
        let truth = text.parse().ok().map(Scalar::Bool);
        [int, float, truth].into_iter().flatten()
    });
    typed.map(Sample::exact).collect()
}

/// Values that stand in no order and are equal to no constant.
fn others() -> Vec<Sample> {
    let composite = |of: Type, text: &str| Sample {
        value: Scalar::Text(text.into()),
        composite: Some(of),
        exact: false,
    };
    let mut others = vec![
        composite(Type::List, "[\"\u{1}\"]"),
        composite(Type::Map, "{\"\u{1}\":1}"),
        composite(Type::Bytes, "AAECAwQFBgcICQ=="),
    ];
    let plain = [Scalar::Bool(true), Scalar::Bool(false), Scalar::Float(f64::NAN)];
    others.extend(plain.into_iter().map(Sample::region));
    others
}

#[cfg(test)]
mod tests {
    use super::*;
    use ir::module::Order;

    fn order(order: Order, constant: Scalar) -> Test {
        Test::Order(order, constant)
    }

    fn together(domain: Domain<'_>, tests: &[Test], wanted: Answers) -> bool {
        answers(domain, &tests.iter().collect::<Vec<_>>()).contains(&wanted)
    }

    #[test]
    fn regions_between_constants_are_found() {
        let above = |number| order(Order::Greater, Scalar::Int(number));
        let below = |number| order(Order::Less, Scalar::Int(number));
        assert!(together(Domain::Anything, &[above(1), below(2)], 0b11));
        assert!(!together(Domain::Integer, &[above(1), below(2)], 0b11));
        assert!(!together(Domain::Anything, &[above(2), below(1)], 0b11));
        assert!(!together(Domain::Anything, &[above(2), below(2)], 0b11));
        assert!(together(Domain::Anything, &[above(2), below(2)], 0b00));
        assert!(!together(Domain::Integer, &[above(1), below(2)], 0b00));
    }

    #[test]
    fn equality_is_of_texts_and_order_of_numbers() {
        let same = [
            order(Order::GreaterEqual, Scalar::Int(5)),
            order(Order::LessEqual, Scalar::Int(5)),
            Test::Equal(Scalar::Int(5)),
        ];
        assert!(together(Domain::Anything, &same, 0b111));
        assert!(together(Domain::Anything, &same, 0b011), "the text 5.0");
        assert!(!together(Domain::Anything, &same, 0b101));
        let equal = |text: &str| Test::Equal(Scalar::Text(text.into()));
        assert!(!together(Domain::Anything, &[equal("a"), equal("b")], 0b11));
        assert!(together(Domain::Anything, &[equal("5"), Test::Equal(Scalar::Int(5))], 0b11));
        assert!(!together(Domain::Anything, &[equal("a"), Test::Exists], 0b01));
    }

    #[test]
    fn constants_are_looked_into_and_regions_are_not() {
        let equal = Test::Equal(Scalar::Text("abc".into()));
        let starts = Test::StartsWith("x".into());
        assert!(!together(Domain::Anything, &[equal.clone(), starts.clone()], 0b11));
        assert!(together(Domain::Anything, &[equal, starts], 0b10));
    }

    #[test]
    fn a_second_field_stands_in_one_way() {
        let other = FieldId::new(1);
        let tests = [
            Test::OrderField(Order::Less, other),
            Test::OrderField(Order::GreaterEqual, other),
            Test::EqualField(other),
        ];
        assert!(!together(Domain::Anything, &tests, 0b011));
        assert!(!together(Domain::Anything, &tests, 0b101));
        assert!(together(Domain::Anything, &tests, 0b110));
        assert!(together(Domain::Anything, &tests, 0b010));
        assert!(together(Domain::Anything, &tests, 0b100), "true equals true, without an order");
    }
}
