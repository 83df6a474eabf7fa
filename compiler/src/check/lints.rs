//! Rules that are legal and probably not what was meant.

use crate::ast::{
    Comparison, Condition, ConditionId, Number, Operand, OperationName, Operator, Predicate,
    PredicateId, Statement, Subject, Value,
};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};

/// Warns about a rule; `whole` is the place of its text, `description` what its writer says of it.
pub(crate) fn lint(
    statement: &Statement,
    description: Option<&str>,
    whole: Span,
    diagnostics: &mut Diagnostics,
) {
    let (Some(when), Some(always)) = (statement.when, statement.always) else { return };
    guard_hides_span(statement, when, always, &whole, diagnostics);
    order_not_checked(statement, always, description, whole, diagnostics);
}

/// Guard and requirement ask for the same operation: one good span hides a bad one.
fn guard_hides_span(
    statement: &Statement,
    when: ConditionId,
    always: ConditionId,
    whole: &Span,
    diagnostics: &mut Diagnostics,
) {
    let guards: Vec<_> = has_terms(statement, when).collect();
    for (operation, required) in has_terms(statement, always) {
        let Some(required) = required else { continue };
        let Some((_, guard)) = guards.iter().find(|(guarded, _)| *guarded == operation) else {
            continue;
        };
        // No span can be both: the two speak of different spans on purpose.
        if guard.is_some_and(|guard| exclude_each_other(statement, guard, required)) {
            continue;
        }
        let requirement = statement.predicate_text(required);
        let bad = match guard {
            Some(guard) => format!("{} and not ({requirement})", statement.conjunct_text(*guard)),
            None => format!("not ({requirement})"),
        };
        diagnostics.push(
            Diagnostic::warning(
                "guard-hides-span",
                format!("one good `{operation}` hides a bad one in the same trace"),
                whole.clone(),
            )
            .label("guard and requirement may be met by different spans")
            .help(format!(
                "to ask it of every span: never {{ trace.has({operation}).where({bad}) }}"
            )),
        );
    }
}

/// Whether two predicates ask for different constants under one key.
fn exclude_each_other(statement: &Statement, one: PredicateId, other: PredicateId) -> bool {
    let others = asked(statement, other);
    asked(statement, one).iter().any(|(subject, values)| {
        let different = |theirs: &&[Value]| {
            theirs.iter().all(|theirs| values.iter().all(|own| text(own) != text(theirs)))
        };
        others.iter().any(|(key, theirs)| key == subject && different(theirs))
    })
}

/// The constants of which a predicate asks one, by what it asks of, among the terms that it joins by
/// `and`.
fn asked(statement: &Statement, id: PredicateId) -> Vec<(&Subject, &[Value])> {
    let terms = match &statement[id] {
        Predicate::And(terms) => terms.as_slice(),
        _ => std::slice::from_ref(&id),
    };
    let tests = terms.iter().filter_map(|term| match &statement[*term] {
        Predicate::Test { subject, operator, operand } => match (operator, operand) {
            (Operator::Compare(Comparison::Equal), Operand::Value(value)) => {
                Some((subject, std::slice::from_ref(value)))
            }
            (Operator::In, Operand::List(values)) => Some((subject, values.as_slice())),
            _ => None,
        },
        _ => None,
    });
    tests.collect()
}

/// A constant by its canonical text, of which equality is.
fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(Number::Integer(integer)) => integer.to_string(),
        Value::Number(Number::Decimal { value, .. }) => ir::Number::Float(*value).canonical(),
        Value::Bool(truth) => truth.to_string(),
        Value::Duration(length) => length.to_string(),
    }
}

/// The description speaks of order, and the language asks for presence only.
fn order_not_checked(
    statement: &Statement,
    always: ConditionId,
    description: Option<&str>,
    whole: Span,
    diagnostics: &mut Diagnostics,
) {
    let description = description.unwrap_or_default().to_lowercase();
    let mut words = description.split(|c: char| !c.is_alphanumeric());
    let Some(word) = words.find(|word| matches!(*word, "before" | "preceded")) else { return };
    if has_terms(statement, always).next().is_some() {
        diagnostics.push(
            Diagnostic::warning(
                "order-not-checked",
                format!("the description says `{word}`, the rule asks only for presence"),
                whole,
            )
            .help("a trace where the operations come in the wrong order passes"),
        );
    }
}

/// The `has` terms that a condition joins by `and`.
fn has_terms(
    statement: &Statement,
    condition: ConditionId,
) -> impl Iterator<Item = (&OperationName, Option<PredicateId>)> {
    statement.conjuncts(condition).into_iter().filter_map(|term| match &statement[term] {
        Condition::Has { operation, filter } => Some((operation, *filter)),
        _ => None,
    })
}
