//! Attributes that are compared with constants of types that cannot all be theirs.

use std::collections::HashMap;

use crate::ast::{
    AttributeRef, Condition, Count, Operand, OperationName, Operator, Predicate, PredicateId,
    Quantity, Statement, Subject, Value,
};
use crate::check::Places;
use crate::diagnostic::{Diagnostic, Span};

/// What a test takes an attribute for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    Number,
    Text,
    Truth,
}

impl Taken {
    fn name(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "text",
            Self::Truth => "true or false",
        }
    }
}

/// The first place where an attribute of an operation is put in order with numbers, and the first
/// where it is compared with what is none.
#[derive(Default)]
struct Uses {
    ordered: Option<Span>,
    other: Option<(Taken, Span)>,
}

/// Tests whose constants cannot be of the type of what they are compared with.
pub(super) fn mismatches(statement: &Statement, places: &Places) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (predicate, at) in statement.predicates().iter().zip(&places.predicates) {
        if let Predicate::Test { operator: Operator::Compare(how), operand, .. } = predicate
            && how.is_ordering()
            && let Operand::Value(Value::Bool(truth)) = operand
        {
            let title = format!("nothing is smaller or larger than `{truth}`");
            found.push(
                Diagnostic::warning("type-mismatch", title, at.clone())
                    .help("the test is always false; compare with `==` or `!=`"),
            );
        }
    }
    let mut uses: HashMap<(&OperationName, &AttributeRef), Uses> = HashMap::new();
    for (operation, filter) in filtered(statement) {
        for id in below(statement, filter) {
            note(statement, operation, id, places, &mut uses);
        }
    }
    for ((operation, attribute), Uses { ordered, other }) in uses {
        let (Some(ordered), Some((taken, at))) = (ordered, other) else { continue };
        let title = format!("`{attribute}` of `{operation}` is taken for {} here", taken.name());
        let both = format!("and for {} here", Taken::Number.name());
        found.push(
            Diagnostic::warning("type-mismatch", title, at)
                .context(ordered, both)
                .help("an attribute has one type; where one is right, the other never holds"),
        );
    }
    found
}

fn note<'s>(
    statement: &'s Statement,
    operation: &'s OperationName,
    id: PredicateId,
    places: &Places,
    uses: &mut HashMap<(&'s OperationName, &'s AttributeRef), Uses>,
) {
    let Predicate::Test { subject: Subject::Attribute(attribute), operator, operand } =
        &statement[id]
    else {
        return;
    };
    let values = match (operator, operand) {
        (Operator::Compare(_), Operand::Value(value)) => std::slice::from_ref(value),
        (Operator::In | Operator::NotIn, Operand::List(values)) => values,
        _ => return,
    };
    let place = &places.predicates[id.0 as usize];
    let uses = uses.entry((operation, attribute)).or_default();
    for taken in values.iter().map(taken) {
        let ordering = matches!(operator, Operator::Compare(how) if how.is_ordering());
        match taken {
            Taken::Number if ordering => {
                uses.ordered.get_or_insert_with(|| place.clone());
            }
            Taken::Number => {}
            Taken::Truth if ordering => {}
            taken => {
                uses.other.get_or_insert_with(|| (taken, place.clone()));
            }
        }
    }
}

fn taken(value: &Value) -> Taken {
    match value {
        Value::Number(_) | Value::Duration(_) => Taken::Number,
        Value::Bool(_) => Taken::Truth,
        Value::Text(text) if ir::Number::from_text(text).is_some() => Taken::Number,
        Value::Text(_) => Taken::Text,
    }
}

/// Each operation with each filter that is asked of it.
fn filtered(statement: &Statement) -> Vec<(&OperationName, PredicateId)> {
    let mut found = Vec::new();
    let mut add = |operation, filter: Option<PredicateId>| {
        found.extend(filter.map(|filter| (operation, filter)));
    };
    for condition in statement.conditions() {
        match condition {
            Condition::Has { operation, filter } => add(operation, *filter),
            Condition::Compare { left, right, .. } => {
                for side in [left, right] {
                    if let Quantity::Count(Count { operation, filter, .. }) = side {
                        add(operation, *filter);
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// A predicate and all that it is made of.
fn below(statement: &Statement, root: PredicateId) -> Vec<PredicateId> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(&id) = found.get(at) {
        match &statement[id] {
            Predicate::And(terms) | Predicate::Or(terms) => found.extend(terms),
            Predicate::Not(term) => found.push(*term),
            _ => {}
        }
        at += 1;
    }
    found
}
