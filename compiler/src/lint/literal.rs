//! Regular expressions that say no more than a text.

use regex_syntax::hir::{Hir, HirKind, Look};

use crate::ast::{
    Comparison, Condition, Operand, Operator, Predicate, SpanIntrinsic, Statement, Subject, Value,
};
use crate::check::Places;
use crate::diagnostic::{Diagnostic, Edit, Fix, Span};

/// Patterns that an operator on texts would say plainer.
pub(super) fn patterns(statement: &Statement, places: &Places) -> Vec<Diagnostic> {
    let of_spans = statement.predicates().iter().zip(&places.predicates);
    let of_spans = of_spans.filter_map(|(predicate, at)| match predicate {
        Predicate::Test { subject, operator, operand } => {
            let text = matches!(
                subject,
                Subject::Intrinsic(SpanIntrinsic::Name | SpanIntrinsic::StatusMessage)
            );
            finding(&subject.to_string(), text, *operator, operand, at)
        }
        _ => None,
    });
    let of_traces = statement.conditions().iter().zip(&places.conditions);
    let of_traces = of_traces.filter_map(|(condition, at)| match condition {
        Condition::Trace { intrinsic, operator, operand } => {
            finding(&intrinsic.to_string(), true, *operator, operand, at)
        }
        _ => None,
    });
    of_spans.chain(of_traces).collect()
}

/// The statement with an operator on texts for each pattern that is one, for comparison.
pub fn without_literal_patterns(statement: &Statement) -> Statement {
    let mut plainer = Statement::default();
    (plainer.when, plainer.always, plainer.never) =
        (statement.when, statement.always, statement.never);
    let test = |operator: &Operator, operand: &Operand| match (operator, operand) {
        (Operator::Matches, Operand::Value(Value::Text(pattern))) => plain(pattern)
            .map(|(operator, text)| (operator, Operand::Value(Value::Text(text))))
            .unwrap_or((*operator, operand.clone())),
        _ => (*operator, operand.clone()),
    };
    for predicate in statement.predicates() {
        plainer.add_predicate(match predicate {
            Predicate::Test { subject, operator, operand } => {
                let (operator, operand) = test(operator, operand);
                Predicate::Test { subject: subject.clone(), operator, operand }
            }
            other => other.clone(),
        });
    }
    for condition in statement.conditions() {
        plainer.add_condition(match condition {
            Condition::Trace { intrinsic, operator, operand } => {
                let (operator, operand) = test(operator, operand);
                Condition::Trace { intrinsic: *intrinsic, operator, operand }
            }
            other => other.clone(),
        });
    }
    plainer
}

/// `is_text` where the subject is never a list, of which `contains` asks for a member.
fn finding(
    subject: &str,
    is_text: bool,
    operator: Operator,
    operand: &Operand,
    at: &Span,
) -> Option<Diagnostic> {
    let (Operator::Matches, Operand::Value(Value::Text(pattern))) = (operator, operand) else {
        return None;
    };
    let (plain, text) = plain(pattern)?;
    let constant = Value::Text(text);
    let written = format!("{subject} {plain} {constant}");
    let exact = is_text || plain != Operator::Contains;
    let note = if exact { "" } else { " (of a list, `contains` asks for a member)" };
    let edits = vec![Edit { span: at.clone(), text: written.clone() }];
    Some(
        Diagnostic::warning("regex-is-literal", "this pattern is a plain text", at.clone())
            .help(format!("write {written}{note}"))
            .fix(Some(Fix { edits, exact })),
    )
}

/// The operator and text that say the same as a pattern, if there are.
fn plain(pattern: &str) -> Option<(Operator, String)> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let parts = match hir.kind() {
        HirKind::Concat(parts) => parts.as_slice(),
        _ => std::slice::from_ref(&hir),
    };
    // What may be there or not, at an end that may be anywhere, asks for nothing.
    let idle =
        |part: &Hir| matches!(part.kind(), HirKind::Repetition(repetition) if repetition.min == 0);
    let parts = match parts {
        [first, rest @ ..] if idle(first) => rest,
        parts => parts,
    };
    let parts = match parts {
        [rest @ .., last] if idle(last) => rest,
        parts => parts,
    };
    let look =
        |hir: &Hir, wanted: Look| matches!(hir.kind(), HirKind::Look(look) if *look == wanted);
    let (operator, text) = match parts {
        [text] => (Operator::Contains, text),
        [start, text] if look(start, Look::Start) => (Operator::StartsWith, text),
        [text, end] if look(end, Look::End) => (Operator::EndsWith, text),
        [start, text, end] if look(start, Look::Start) && look(end, Look::End) => {
            (Operator::Compare(Comparison::Equal), text)
        }
        _ => return None,
    };
    let HirKind::Literal(literal) = text.kind() else { return None };
    let text = String::from_utf8(literal.0.to_vec()).ok()?;
    // `==` is of texts, except that no number equals NaN.
    (text != "NaN").then_some((operator, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_patterns_without_choice_are_texts() {
        let said = |pattern: &str| plain(pattern).map(|(how, text)| format!("{how} {text}"));
        for (pattern, expected) in [
            ("abc", "contains abc"),
            (r"a\.b", "contains a.b"),
            ("^/api/", "starts_with /api/"),
            (r"\.php$", "ends_with .php"),
            ("^GET$", "== GET"),
            ("/api/.*", "contains /api/"),
            ("^/api/.*", "starts_with /api/"),
            (".*/x$", "ends_with /x"),
            (".*x.*", "contains x"),
            ("^.*x", ""),
            ("x.+", ""),
            ("(abc)", ""),
            ("a.b", ""),
            ("(?i)abc", ""),
            ("a|b", ""),
            ("", ""),
            ("^", ""),
            ("(?m)^a", ""),
            ("a*", ""),
        ] {
            assert_eq!(said(pattern).unwrap_or_default(), expected, "{pattern}");
        }
    }
}
