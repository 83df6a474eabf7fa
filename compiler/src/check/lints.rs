//! Rules that are legal and probably not what was meant.

use crate::ast::{Condition, ConditionId, OperationName, PredicateId, Statement};
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
