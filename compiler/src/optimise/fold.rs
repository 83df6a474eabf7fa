//! One test or connective at a time: its simplest form with the same meaning on every span.
//!
//! Predicates are two-valued, and a test of a missing field is false; so a test that no value can
//! pass is false everywhere, but one that every value passes is `exists`, not true.

use hashbrown::HashSet;
use ir::module::{Field, FieldId, Order, Predicate, PredicateId, Scalar, Test};
use ir::{Number, canonical_integer};

/// The simplest form of a test of `field`.
pub fn test(id: FieldId, field: &Field, test: Test) -> Predicate {
    let simple = match test {
        Test::Exists if *field == Field::Name => return Predicate::Const(true),
        Test::Equal(constant) => return among(id, [constant]),
        Test::In(constants) => return among(id, constants),
        Test::Order(_, constant) if unordered(&constant) => return Predicate::Const(false),
        Test::OrderField(Order::Less | Order::Greater, other) if other == id => {
            return Predicate::Const(false);
        }
        Test::StartsWith(part) | Test::EndsWith(part) if part.is_empty() => Test::Exists,
        other => other,
    };
    match simple {
        Test::Exists if *field == Field::Name => Predicate::Const(true),
        simple => Predicate::Test(id, simple),
    }
}

/// The parts of an `and` (`neutral` is true) or of an `or` (`neutral` is false), after nested ones
/// were opened: what they come to if constants decide, the parts that matter otherwise.
pub fn parts<'a>(
    neutral: bool,
    parts: Vec<PredicateId>,
    at: impl Fn(PredicateId) -> &'a Predicate,
) -> Result<Vec<PredicateId>, bool> {
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for part in parts {
        match at(part) {
            Predicate::Const(value) if *value == neutral => {}
            Predicate::Const(_) => return Err(!neutral),
            _ if seen.insert(part) => kept.push(part),
            _ => {}
        }
    }
    let opposed =
        kept.iter().any(|&part| matches!(at(part), Predicate::Not(inner) if seen.contains(inner)));
    match kept.is_empty() {
        _ if opposed => Err(!neutral),
        true => Err(neutral),
        false => Ok(kept),
    }
}

/// Equality with any of some constants: each text once, in the order of the texts, so that the
/// same list written otherwise is the same test.
fn among(id: FieldId, constants: impl IntoIterator<Item = Scalar>) -> Predicate {
    let mut constants: Vec<(String, Scalar)> =
        constants.into_iter().filter_map(canonical).collect();
    constants.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    constants.dedup_by(|(a, _), (b, _)| a == b);
    let mut constants: Vec<Scalar> = constants.into_iter().map(|(_, scalar)| scalar).collect();
    match constants.len() {
        0 => Predicate::Const(false),
        1 => Predicate::Test(id, Test::Equal(constants.remove(0))),
        _ => Predicate::Test(id, Test::In(constants.into())),
    }
}

/// A constant of an equality by its text, with the form that all constants of that text take:
/// equality is of texts, so `5`, `5.0` and `"5"` are one. None for NaN, which equals nothing.
fn canonical(scalar: Scalar) -> Option<(String, Scalar)> {
    if matches!(&scalar, Scalar::Float(float) if float.is_nan()) {
        return None;
    }
    let text = scalar.datum().text().into_owned();
    let form =
        canonical_integer(&text).map_or_else(|| Scalar::Text(text.as_str().into()), Scalar::Int);
    Some((text, form))
}

/// Whether nothing is in any order to the constant.
fn unordered(constant: &Scalar) -> bool {
    match constant.datum().number() {
        Some(Number::Float(float)) => float.is_nan(),
        Some(Number::Int(_)) => false,
        None => !matches!(constant, Scalar::Text(_)),
    }
}
