//! What a predicate costs to ask, roughly, in bytes read a row: cheap ones go first.

use ir::module::{Field, FieldId, Predicate, PredicateId, Scalar, Test};

/// The cost of `predicate`, given that of its parts.
pub fn predicate<'a>(
    predicate: &Predicate,
    field: impl Fn(FieldId) -> &'a Field,
    part: impl Fn(PredicateId) -> u64,
) -> u64 {
    match predicate {
        Predicate::Const(_) => 0,
        Predicate::Not(inner) => part(*inner),
        Predicate::And(parts) | Predicate::Or(parts) => {
            parts.iter().fold(0, |sum: u64, &id| sum.saturating_add(part(id)))
        }
        Predicate::Test(id, test) => {
            let place = match field(*id) {
                Field::Name => 0,
                Field::Any(_) | Field::Resource(_) => 2,
                _ => 1,
            };
            place + self::test(test)
        }
    }
}

/// Presence, then comparisons of integers, of codes, searches in texts, and field against field.
fn test(test: &Test) -> u64 {
    match test {
        Test::Exists => 0,
        Test::Equal(Scalar::Int(_) | Scalar::Float(_))
        | Test::Order(_, Scalar::Int(_) | Scalar::Float(_)) => 2,
        Test::Equal(_) | Test::Order(..) => 4,
        Test::In(_) => 6,
        Test::StartsWith(_) | Test::EndsWith(_) => 8,
        Test::Contains(_) => 12,
        Test::Matches(_) => 32,
        Test::EqualField(_) | Test::OrderField(..) => 64,
    }
}
