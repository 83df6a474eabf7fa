//! The second evaluator: a rule's syntax tree over the spans of one trace as OTLP JSON, each
//! question answered by brute force. It shares nothing with the product's engines, so that an
//! error common to all of them has somewhere to show.
//!
//! A trace is a list of OTLP JSON spans, each with the attributes of its resource under
//! `resource`; ids are hex, times and int64 decimal text.

mod value;
mod witness;

use std::cmp::Ordering;
use std::collections::BTreeSet;

use compiler::ast::{
    AttributeRef, Comparison, Condition, ConditionId, Count, Number, Operand, OperationName,
    Operator, Predicate, PredicateId, Quantity, Scope, SpanIntrinsic, Statement, Subject,
    TraceIntrinsic, Value,
};
use regex::Regex;
use serde_json::Value as Json;

use value::{Scalar, found};
pub use witness::witness;

/// What a rule says of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// `when` does not hold.
    NotApplicable,
    /// It applies and is kept.
    Passed,
    /// It applies and is not kept.
    Violated,
}

/// The verdict of a rule on a trace.
pub fn verdict(rule: &Statement, trace: &[Json]) -> Verdict {
    let spans = distinct_spans(trace);
    let holds = |id: ConditionId| condition(rule, id, &spans);
    if !rule.when.is_none_or(holds) {
        Verdict::NotApplicable
    } else if rule.always.is_none_or(holds) && !rule.never.is_some_and(holds) {
        Verdict::Passed
    } else {
        Verdict::Violated
    }
}

/// Whether the trace holds an operation that the rule names.
pub fn exercised(rule: &Statement, trace: &[Json]) -> bool {
    trace.iter().any(|span| rule.operations().any(|name| is_named(name, text(span, "name"))))
}

/// The spans, each once: two are the same if ids, name, kind, start and end agree.
fn distinct_spans(trace: &[Json]) -> Vec<&Json> {
    let identity = |span: &Json| {
        ["traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"]
            .map(|key| span[key].to_string())
    };
    let mut seen = BTreeSet::new();
    trace.iter().filter(|span| seen.insert(identity(span))).collect()
}

fn condition(rule: &Statement, id: ConditionId, spans: &[&Json]) -> bool {
    match &rule[id] {
        Condition::And(terms) => terms.iter().all(|&term| condition(rule, term, spans)),
        Condition::Or(terms) => terms.iter().any(|&term| condition(rule, term, spans)),
        Condition::Not(term) => !condition(rule, *term, spans),
        Condition::Has { operation, filter } => {
            spans.iter().any(|span| selects(rule, operation, *filter, span))
        }
        Condition::Compare { left, comparison, right } => {
            let side = |quantity: &Quantity| match quantity {
                Quantity::Number(number) => constant(&Value::Number(number.clone())),
                Quantity::Count(count) => Scalar::int(largest(rule, count, spans) as i64),
            };
            compare(Some(&side(left)), *comparison, Some(&side(right)))
        }
        Condition::Trace { intrinsic, operator, operand } => {
            test(trace_fact(*intrinsic, spans), *operator, operand, |_| None)
        }
    }
}

/// Whether a span bears the name and satisfies the filter.
fn selects(
    rule: &Statement,
    operation: &OperationName,
    filter: Option<PredicateId>,
    span: &Json,
) -> bool {
    is_named(operation, text(span, "name")) && filter.is_none_or(|id| predicate(rule, id, span))
}

fn is_named(operation: &OperationName, name: &str) -> bool {
    match operation {
        OperationName::Exact(exact) => exact == name,
        OperationName::Pattern(pieces) => {
            name.strip_prefix(&*pieces[0]).is_some_and(|rest| any_text_then(&pieces[1..], rest))
        }
    }
}

/// Whether `name` is any text, the first piece, any text, the second piece and so on to its end.
fn any_text_then(pieces: &[String], name: &str) -> bool {
    let [piece, others @ ..] = pieces else { return name.is_empty() };
    let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
    ends.filter_map(|at| name[at..].strip_prefix(&**piece)).any(|rest| any_text_then(others, rest))
}

/// The spans that a count ranges over: selected, and bearing the attributes it asks of each.
fn counted<'a>(rule: &Statement, count: &Count, spans: &[&'a Json]) -> Vec<&'a Json> {
    let bears = |span: &Json, key: &Option<AttributeRef>| {
        key.as_ref().is_none_or(|key| attribute(span, key).is_some())
    };
    let spans = spans.iter().filter(|span| {
        selects(rule, &count.operation, count.filter, span)
            && bears(span, &count.distinct)
            && bears(span, &count.by)
    });
    spans.copied().collect()
}

/// The largest number over all values of `by` and all windows that begin at a span's start.
fn largest(rule: &Statement, count: &Count, spans: &[&Json]) -> usize {
    let spans = counted(rule, count, spans);
    let value = |span: &Json, key: &Option<AttributeRef>| {
        key.as_ref().and_then(|key| attribute(span, key)).map(|value| value.text)
    };
    let candidates = spans.iter().map(|first| {
        let inside = spans.iter().filter(|span| {
            let late = start(span) - start(first);
            value(span, &count.by) == value(first, &count.by)
                && count.within.is_none_or(|length| (0..i128::from(length)).contains(&late))
        });
        match &count.distinct {
            None => inside.count(),
            distinct => inside.map(|span| value(span, distinct)).collect::<BTreeSet<_>>().len(),
        }
    });
    candidates.max().unwrap_or(0)
}

fn predicate(rule: &Statement, id: PredicateId, span: &Json) -> bool {
    match &rule[id] {
        Predicate::And(terms) => terms.iter().all(|&term| predicate(rule, term, span)),
        Predicate::Or(terms) => terms.iter().any(|&term| predicate(rule, term, span)),
        Predicate::Not(term) => !predicate(rule, *term, span),
        Predicate::Exists(key) => attribute(span, key).is_some(),
        Predicate::Test { subject, operator, operand } => {
            let value = match subject {
                Subject::Attribute(key) => attribute(span, key),
                Subject::Intrinsic(intrinsic) => span_fact(*intrinsic, span),
            };
            test(value, *operator, operand, |key| attribute(span, key))
        }
    }
}

/// One comparison; a missing side makes it false, but `!=` and `not in` true.
fn test(
    subject: Option<Scalar>,
    operator: Operator,
    operand: &Operand,
    look_up: impl Fn(&AttributeRef) -> Option<Scalar>,
) -> bool {
    let equals_one_of = |values: &[Value]| {
        let equal = |value| compare(subject.as_ref(), Comparison::Equal, Some(&constant(value)));
        values.iter().any(equal)
    };
    match (operator, operand) {
        (Operator::In, Operand::List(values)) => return equals_one_of(values),
        (Operator::NotIn, Operand::List(values)) => return !equals_one_of(values),
        _ => {}
    }
    let other = match operand {
        Operand::Value(value) => Some(constant(value)),
        Operand::Attribute(key) => look_up(key),
        Operand::List(_) => unreachable!("only `in` and `not in` take lists"),
    };
    if let Operator::Compare(comparison) = operator {
        return compare(subject.as_ref(), comparison, other.as_ref());
    }
    let (Some(subject), Some(other)) = (subject, other) else { return false };
    match operator {
        Operator::Matches => Regex::new(&other.text).unwrap().is_match(&subject.text),
        Operator::Contains => match subject.elements {
            Some(elements) => elements.contains(&other.text),
            None => subject.text.contains(&other.text),
        },
        Operator::StartsWith => subject.text.starts_with(&other.text),
        Operator::EndsWith => subject.text.ends_with(&other.text),
        Operator::Compare(_) | Operator::In | Operator::NotIn => unreachable!("answered above"),
    }
}

fn compare(left: Option<&Scalar>, comparison: Comparison, right: Option<&Scalar>) -> bool {
    let sides = left.zip(right);
    let equal = sides.is_some_and(|(left, right)| left.equals(right));
    let order = sides.and_then(|(left, right)| left.order(right));
    match comparison {
        Comparison::Equal => equal,
        Comparison::NotEqual => !equal,
        Comparison::Less => order.is_some_and(Ordering::is_lt),
        Comparison::LessEqual => order.is_some_and(Ordering::is_le),
        Comparison::Greater => order.is_some_and(Ordering::is_gt),
        Comparison::GreaterEqual => order.is_some_and(Ordering::is_ge),
    }
}

fn constant(value: &Value) -> Scalar {
    match value {
        Value::Number(Number::Integer(int)) | Value::Duration(int) => Scalar::int(*int),
        Value::Number(Number::Decimal { value, .. }) => Scalar::double(*value),
        Value::Bool(truth) => Scalar::other(truth.to_string()),
        Value::Text(text) => Scalar::text(text),
    }
}

fn attribute(span: &Json, key: &AttributeRef) -> Option<Scalar> {
    let on = |owner: &str| found(&span[owner], &key.key).and_then(Scalar::of);
    match key.scope {
        Scope::Span => on("attributes"),
        Scope::Resource => on("resource"),
        Scope::Any => on("attributes").or_else(|| on("resource")),
    }
}

fn span_fact(intrinsic: SpanIntrinsic, span: &Json) -> Option<Scalar> {
    const KINDS: [&str; 6] =
        ["unspecified", "internal", "server", "client", "producer", "consumer"];
    const STATUSES: [&str; 3] = ["unset", "ok", "error"];
    let one_of = |names: &[&str], number: &Json| {
        let number = number.as_u64().unwrap_or(0) as usize;
        Some(Scalar::text(names.get(number).unwrap_or(&names[0])))
    };
    match intrinsic {
        SpanIntrinsic::Name => Some(Scalar::text(text(span, "name"))),
        SpanIntrinsic::Kind => one_of(&KINDS, &span["kind"]),
        SpanIntrinsic::Status => one_of(&STATUSES, &span["status"]["code"]),
        SpanIntrinsic::StatusMessage => {
            let message = text(&span["status"], "message");
            (!message.is_empty()).then(|| Scalar::text(message))
        }
        SpanIntrinsic::Duration => Some(nanoseconds(end(span) - start(span))),
    }
}

fn trace_fact(intrinsic: TraceIntrinsic, spans: &[&Json]) -> Option<Scalar> {
    let roots = spans.iter().filter(|span| text(span, "parentSpanId").is_empty());
    let root = roots.min_by_key(|span| (start(span), text(span, "spanId")));
    match intrinsic {
        TraceIntrinsic::Duration => {
            let first = spans.iter().map(|span| start(span)).min()?;
            let last = spans.iter().map(|span| end(span)).max()?;
            Some(nanoseconds(last - first))
        }
        TraceIntrinsic::RootName => root.map(|span| Scalar::text(text(span, "name"))),
        TraceIntrinsic::RootService => {
            root.and_then(|span| found(&span["resource"], "service.name")).and_then(Scalar::of)
        }
    }
}

fn nanoseconds(length: i128) -> Scalar {
    Scalar::int(length.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
}

fn start(span: &Json) -> i128 {
    text(span, "startTimeUnixNano").parse().unwrap()
}

fn end(span: &Json) -> i128 {
    text(span, "endTimeUnixNano").parse().unwrap()
}

fn text<'a>(object: &'a Json, key: &str) -> &'a str {
    object[key].as_str().unwrap_or_default()
}
