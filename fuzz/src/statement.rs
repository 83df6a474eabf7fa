//! Random statements, as a rule text could have made them: every form of the language, names and
//! texts that need quotes and escapes, numbers at the edges.

use compiler::Statement;
use compiler::ast::{
    AttributeRef, Comparison, Condition, ConditionId, Count, Number, Operand, OperationName,
    Operator, Predicate, PredicateId, Quantity, Scope, SpanIntrinsic, Subject, TraceIntrinsic,
    Value,
};

use crate::bytes::Bytes;

/// A statement of moderate size.
pub fn statement(random: &mut Bytes<'_>) -> Statement {
    let mut statement = Statement::default();
    let clauses = random.below(6);
    if clauses < 3 {
        statement.when = Some(condition(random, &mut statement, 3));
    }
    if clauses != 1 {
        statement.always = Some(condition(random, &mut statement, 3));
    }
    if clauses % 2 == 1 {
        statement.never = Some(condition(random, &mut statement, 3));
    }
    statement
}

/// What stands around an expression, which it must not be itself.
#[derive(Clone, Copy, PartialEq)]
enum Around {
    Nothing,
    And,
    Or,
}

fn condition(random: &mut Bytes<'_>, out: &mut Statement, depth: usize) -> ConditionId {
    condition_in(random, out, depth, Around::Nothing)
}

fn condition_in(
    random: &mut Bytes<'_>,
    out: &mut Statement,
    depth: usize,
    around: Around,
) -> ConditionId {
    let condition = match random.below(if depth == 0 { 4 } else { 8 }) {
        0 | 1 => {
            let filter = filter(random, out);
            Condition::Has { operation: operation(random), filter }
        }
        2 => {
            let left = quantity(random, out);
            let both = matches!(left, Quantity::Number(_)) || random.below(3) == 0;
            let right = if both {
                Quantity::Count(count(random, out))
            } else {
                Quantity::Number(number(random))
            };
            Condition::Compare { left, comparison: comparison(random), right }
        }
        3 => trace_test(random),
        4 | 5 if around != Around::And => {
            Condition::And(conditions(random, out, depth, Around::And))
        }
        4..=6 if around != Around::Or => Condition::Or(conditions(random, out, depth, Around::Or)),
        _ => Condition::Not(condition_in(random, out, depth - 1, Around::Nothing)),
    };
    out.add_condition(condition)
}

fn conditions(
    random: &mut Bytes<'_>,
    out: &mut Statement,
    depth: usize,
    around: Around,
) -> Vec<ConditionId> {
    (0..2 + random.below(3)).map(|_| condition_in(random, out, depth - 1, around)).collect()
}

fn quantity(random: &mut Bytes<'_>, out: &mut Statement) -> Quantity {
    if random.below(4) == 0 {
        Quantity::Number(number(random))
    } else {
        Quantity::Count(count(random, out))
    }
}

fn count(random: &mut Bytes<'_>, out: &mut Statement) -> Count {
    Count {
        operation: operation(random),
        distinct: (random.below(3) == 0).then(|| attribute(random)),
        filter: filter(random, out),
        by: (random.below(3) == 0).then(|| attribute(random)),
        within: (random.below(3) == 0).then(|| duration(random).saturating_abs().max(1)),
    }
}

fn trace_test(random: &mut Bytes<'_>) -> Condition {
    let intrinsic = pick(
        random,
        &[TraceIntrinsic::Duration, TraceIntrinsic::RootName, TraceIntrinsic::RootService],
    );
    let (operator, operand) = match intrinsic {
        TraceIntrinsic::Duration => duration_test(random),
        _ => text_test(random, false),
    };
    Condition::Trace { intrinsic, operator, operand }
}

fn filter(random: &mut Bytes<'_>, out: &mut Statement) -> Option<PredicateId> {
    (random.below(3) > 0).then(|| predicate(random, out, 2, Around::Nothing))
}

fn predicate(
    random: &mut Bytes<'_>,
    out: &mut Statement,
    depth: usize,
    around: Around,
) -> PredicateId {
    let predicate = match random.below(if depth == 0 { 4 } else { 8 }) {
        0 => Predicate::Exists(attribute(random)),
        1..=3 => test(random),
        4 | 5 if around != Around::And => {
            Predicate::And(predicates(random, out, depth, Around::And))
        }
        4..=6 if around != Around::Or => Predicate::Or(predicates(random, out, depth, Around::Or)),
        _ => Predicate::Not(predicate(random, out, depth - 1, Around::Nothing)),
    };
    out.add_predicate(predicate)
}

fn predicates(
    random: &mut Bytes<'_>,
    out: &mut Statement,
    depth: usize,
    around: Around,
) -> Vec<PredicateId> {
    (0..2 + random.below(3)).map(|_| predicate(random, out, depth - 1, around)).collect()
}

fn test(random: &mut Bytes<'_>) -> Predicate {
    let intrinsic = match random.below(10) {
        0 => SpanIntrinsic::Name,
        1 => SpanIntrinsic::Kind,
        2 => SpanIntrinsic::Status,
        3 => SpanIntrinsic::StatusMessage,
        4 => SpanIntrinsic::Duration,
        _ => {
            let subject = Subject::Attribute(attribute(random));
            let (operator, operand) = text_test(random, true);
            return Predicate::Test { subject, operator, operand };
        }
    };
    let (operator, operand) = match intrinsic {
        SpanIntrinsic::Kind => {
            constant_test(random, &["unspecified", "internal", "server", "client"])
        }
        SpanIntrinsic::Status => constant_test(random, &["unset", "ok", "error"]),
        SpanIntrinsic::Duration => duration_test(random),
        SpanIntrinsic::Name | SpanIntrinsic::StatusMessage => text_test(random, true),
    };
    Predicate::Test { subject: Subject::Intrinsic(intrinsic), operator, operand }
}

fn constant_test(random: &mut Bytes<'_>, constants: &[&str]) -> (Operator, Operand) {
    let text = |random: &mut Bytes<'_>| Value::Text(pick(random, constants).to_owned());
    match random.below(4) {
        0 => (Operator::In, Operand::List(vec![text(random), text(random)])),
        1 => (Operator::NotIn, Operand::List(vec![text(random)])),
        2 => (Operator::Compare(Comparison::Equal), Operand::Value(text(random))),
        _ => (Operator::Compare(Comparison::NotEqual), Operand::Value(text(random))),
    }
}

fn duration_test(random: &mut Bytes<'_>) -> (Operator, Operand) {
    match random.below(8) {
        0 => (
            Operator::NotIn,
            Operand::List((0..3).map(|_| Value::Duration(duration(random))).collect()),
        ),
        _ => (
            Operator::Compare(comparison(random)),
            Operand::Value(Value::Duration(duration(random))),
        ),
    }
}

/// A test of an attribute or of text; `on_span` if attributes may stand on the right and order may
/// be asked for.
fn text_test(random: &mut Bytes<'_>, on_span: bool) -> (Operator, Operand) {
    match random.below(if on_span { 9 } else { 6 }) {
        0 => (
            Operator::Matches,
            Operand::Value(Value::Text(
                pick(random, &["^a\\d+\\.b$", "", "\"", "\\\\n", "x|\\t", "é"]).into(),
            )),
        ),
        1 => (
            pick(random, &[Operator::Contains, Operator::StartsWith, Operator::EndsWith]),
            Operand::Value(value(random)),
        ),
        2 => {
            (Operator::In, Operand::List((0..1 + random.below(3)).map(|_| value(random)).collect()))
        }
        3 => (Operator::NotIn, Operand::List(vec![value(random)])),
        4 => (Operator::Compare(Comparison::Equal), Operand::Value(value(random))),
        5 => (Operator::Compare(Comparison::NotEqual), Operand::Value(value(random))),
        6 => (Operator::Compare(comparison(random)), Operand::Value(value(random))),
        7 => {
            let scope = pick(random, &[Scope::Span, Scope::Resource]);
            (
                Operator::Compare(comparison(random)),
                Operand::Attribute(AttributeRef { scope, key: key(random) }),
            )
        }
        _ => {
            let key = pick(random, &["max_pool_size", "a.b.c", "x", "time_window", "AB", "count"])
                .to_owned();
            let ordering = [
                Comparison::Less,
                Comparison::LessEqual,
                Comparison::Greater,
                Comparison::GreaterEqual,
            ];
            let ordering = Operator::Compare(pick(random, &ordering));
            (ordering, Operand::Attribute(AttributeRef { scope: Scope::Any, key }))
        }
    }
}

fn value(random: &mut Bytes<'_>) -> Value {
    match random.below(4) {
        0 => Value::Number(number(random)),
        1 => Value::Bool(random.below(2) == 0),
        _ => Value::Text(text(random)),
    }
}

fn number(random: &mut Bytes<'_>) -> Number {
    match random.below(4) {
        0 => Number::Integer(pick(random, &[0, 1, -1, i64::MAX, i64::MIN, 1000])),
        1 => Number::Integer(random.bits() as i64),
        2 => Number::decimal(pick(
            random,
            &[0.5, -0.0, 5.0, 1e300, 5e-324, f64::MAX, -2.25e-7, 1e16],
        )),
        _ => Number::decimal(random.bits() as i64 as f64 / 4096.0),
    }
}

fn duration(random: &mut Bytes<'_>) -> i64 {
    match random.below(3) {
        0 => pick(
            random,
            &[0, 1, -1, i64::MAX, i64::MIN, 1_000_000, 5_400_000_000_000, 2_592_000_000_000_000],
        ),
        1 => random.below(100_000) as i64 * 1_000_000,
        _ => random.bits() as i64,
    }
}

fn comparison(random: &mut Bytes<'_>) -> Comparison {
    pick(
        random,
        &[
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::Less,
            Comparison::LessEqual,
            Comparison::Greater,
            Comparison::GreaterEqual,
        ],
    )
}

fn operation(random: &mut Bytes<'_>) -> OperationName {
    if random.below(4) > 0 {
        return OperationName::Exact(key(random));
    }
    let edge =
        |random: &mut Bytes<'_>| if random.below(2) == 0 { String::new() } else { key(random) };
    let mut pieces = vec![edge(random)];
    pieces.extend((0..random.below(3)).map(|_| key(random)));
    pieces.push(edge(random));
    OperationName::Pattern(pieces)
}

fn pick<T: Clone>(random: &mut Bytes<'_>, from: &[T]) -> T {
    random.pick(from).clone()
}

fn attribute(random: &mut Bytes<'_>) -> AttributeRef {
    AttributeRef {
        scope: pick(random, &[Scope::Any, Scope::Span, Scope::Resource]),
        key: key(random),
    }
}

/// A name that is not empty.
fn key(random: &mut Bytes<'_>) -> String {
    const NAMES: [&str; 24] = [
        "payment.charge",
        "a",
        "X",
        "not",
        "and.or",
        "span.key",
        "resource",
        "resource.service.name",
        "GET /users/{id}",
        "a*b",
        "\\*",
        "\\",
        "a\\",
        "\"quoted\"",
        "line\nend",
        "\t",
        "Änderung",
        "time_window",
        "trace.has",
        "a.where",
        "k8s.0.x",
        "http-status",
        "//",
        "#",
    ];
    match random.below(3) {
        0 => Some(text(random)).filter(|text| !text.is_empty()).unwrap_or_else(|| "x".to_owned()),
        _ => pick(random, &NAMES).to_owned(),
    }
}

fn text(random: &mut Bytes<'_>) -> String {
    const PARTS: [&str; 20] = [
        "a", "n", "t", "\\", "\"", "\n", "\t", "*", " ", "unique", "5", "true", "é", "漢", "{",
        ")", "//", "#", "'", "and",
    ];
    (0..random.below(6)).map(|_| pick(random, &PARTS)).collect()
}
