//! Subjects, operators and operands of tests as the module has them.

use ir::module::{
    Comparison as IrComparison, Field, FieldId, Order, Pattern, Scalar, Test, TraceField,
};

use super::Malformed;
use super::table::Table;
use crate::ast::{
    AttributeRef, Comparison, Number, Operand, Operator, Scope, SpanIntrinsic, Subject,
    TraceIntrinsic, Value,
};

/// A test, and whether the rule asks for its negation.
pub(super) struct LoweredTest {
    pub(super) test: Test,
    pub(super) negated: bool,
}

/// Lowers an operator with its operand.
pub(super) fn test(
    fields: &mut Table<Field, FieldId>,
    operator: Operator,
    operand: &Operand,
) -> Result<LoweredTest, Malformed> {
    let negated = matches!(operator, Operator::NotIn | Operator::Compare(Comparison::NotEqual));
    let test = match (operator, operand) {
        (Operator::In | Operator::NotIn, Operand::List(values)) if !values.is_empty() => {
            Test::In(values.iter().map(scalar).collect())
        }
        (Operator::Compare(how), Operand::Value(value)) => match comparison(how) {
            IrComparison::Order(order) => Test::Order(order, scalar(value)),
            IrComparison::Equal | IrComparison::NotEqual => Test::Equal(scalar(value)),
        },
        (Operator::Compare(how), Operand::Attribute(attribute)) => {
            let other = fields.add(field(attribute));
            match comparison(how) {
                IrComparison::Order(order) => Test::OrderField(order, other),
                IrComparison::Equal | IrComparison::NotEqual => Test::EqualField(other),
            }
        }
        (Operator::Matches, Operand::Value(Value::Text(pattern))) => {
            Test::Matches(Pattern::new(pattern)?)
        }
        (Operator::Contains, Operand::Value(value)) => Test::Contains(text(value)),
        (Operator::StartsWith, Operand::Value(value)) => Test::StartsWith(text(value)),
        (Operator::EndsWith, Operand::Value(value)) => Test::EndsWith(text(value)),
        _ => return Err(Malformed::Operand(operator.to_string())),
    };
    Ok(LoweredTest { test, negated })
}

/// Lowers one of the six comparisons.
pub(super) fn comparison(comparison: Comparison) -> IrComparison {
    match comparison {
        Comparison::Equal => IrComparison::Equal,
        Comparison::NotEqual => IrComparison::NotEqual,
        Comparison::Less => IrComparison::Order(Order::Less),
        Comparison::LessEqual => IrComparison::Order(Order::LessEqual),
        Comparison::Greater => IrComparison::Order(Order::Greater),
        Comparison::GreaterEqual => IrComparison::Order(Order::GreaterEqual),
    }
}

/// Lowers a number.
pub(super) fn number(number: &Number) -> Scalar {
    match number {
        Number::Integer(integer) => Scalar::Int(*integer),
        Number::Decimal { value, .. } => Scalar::Float(*value),
    }
}

/// Lowers an attribute.
pub(super) fn field(attribute: &AttributeRef) -> Field {
    let key = attribute.key.as_str().into();
    match attribute.scope {
        Scope::Any => Field::Any(key),
        Scope::Span => Field::Span(key),
        Scope::Resource => Field::Resource(key),
    }
}

/// Lowers the left side of a test on a span.
pub(super) fn span_field(subject: &Subject) -> Field {
    match subject {
        Subject::Attribute(attribute) => field(attribute),
        Subject::Intrinsic(SpanIntrinsic::Name) => Field::Name,
        Subject::Intrinsic(SpanIntrinsic::Kind) => Field::Kind,
        Subject::Intrinsic(SpanIntrinsic::Status) => Field::Status,
        Subject::Intrinsic(SpanIntrinsic::StatusMessage) => Field::StatusMessage,
        Subject::Intrinsic(SpanIntrinsic::Duration) => Field::Duration,
    }
}

/// Lowers the left side of a test on a trace.
pub(super) fn trace_field(intrinsic: TraceIntrinsic) -> TraceField {
    match intrinsic {
        TraceIntrinsic::Duration => TraceField::Duration,
        TraceIntrinsic::RootName => TraceField::RootName,
        TraceIntrinsic::RootService => TraceField::RootService,
    }
}

fn scalar(value: &Value) -> Scalar {
    match value {
        Value::Number(constant) => number(constant),
        Value::Bool(truth) => Scalar::Bool(*truth),
        Value::Text(text) => Scalar::Text(text.as_str().into()),
        Value::Duration(nanoseconds) => Scalar::Int(*nanoseconds),
    }
}

/// The canonical text of a constant.
fn text(value: &Value) -> Box<str> {
    scalar(value).datum().text().into()
}
