//! Gives a bare condition, as the product's documents write it, its polarity: once, by a table;
//! from then on only the canonical form exists.
//!
//! | bare condition | reading |
//! |---|---|
//! | `T1 and T2 and …`, T1 a `has`, or a count with `> >= !=` | `when { T1 } always { T2 and … }` |
//! | `not T` | `never { T }` |
//! | one `has` | `never { T }` |
//! | one count with `<`, `<=`, `==` | `always { T }` |
//! | one count with `>`, `>=`, `!=` | `never { T }` |
//! | anything else | error |
//!
//! Under `invariant:` one term is `always { T }` and a conjunction is read by the first row;
//! under `violation:` the whole condition is `never { … }`.

use crate::ast::Comparison;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::syntax::{Clauses, Form, Junction, NodeId, NodeKind, Quantity, Syntax};

/// The key of the YAML rule under which a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Key {
    /// `condition:`, the documents' spelling.
    #[default]
    Condition,
    /// `invariant:`, what must hold.
    Invariant,
    /// `violation:`, what must not hold.
    Violation,
}

/// Gives a text its clauses. The second result is where a polarity was guessed, for a warning that
/// shows the reading. `None`: refused, and reported.
pub(crate) fn clauses(
    syntax: &mut Syntax,
    key: Key,
    has_signal: bool,
    text: &str,
    diagnostics: &mut Diagnostics,
) -> Option<(Clauses, Option<Guess>)> {
    let condition = match syntax.form {
        Form::Clauses(clauses) => return Some((clauses, None)),
        Form::Bare(condition) => condition,
    };
    match (key, has_signal) {
        (Key::Violation, _) => Some((never(condition), None)),
        (Key::Condition, true) => {
            diagnostics.push(signal_beside_bare_condition(syntax.span(condition), text));
            None
        }
        _ => {
            let reading = read(syntax, key, condition);
            let understood = |&term: &NodeId| !matches!(syntax.kind(term), NodeKind::Error);
            if reading.is_none() && syntax.conjuncts(condition).iter().all(understood) {
                diagnostics.push(unreadable(syntax, condition));
            }
            reading
        }
    }
}

/// Where and why a polarity was guessed.
pub(crate) struct Guess {
    pub(crate) span: Span,
    pub(crate) reason: &'static str,
}

fn read(syntax: &mut Syntax, key: Key, condition: NodeId) -> Option<(Clauses, Option<Guess>)> {
    let terms = syntax.conjuncts(condition);
    if let [first, rest @ ..] = &terms[..]
        && !rest.is_empty()
    {
        return opens(syntax, *first).then(|| guarded(syntax, *first, rest));
    }
    if key == Key::Invariant {
        return Some((always(condition), None));
    }
    let guess = |reason| Some(Guess { span: syntax.span(condition), reason });
    Some(match syntax.kind(condition) {
        NodeKind::Not(term) => (never(*term), None),
        NodeKind::Has { .. } => {
            (never(condition), guess("one operation alone is read as what must not happen"))
        }
        NodeKind::Compare { .. } if opens(syntax, condition) => {
            (never(condition), guess("a count above a bound is read as what must not happen"))
        }
        NodeKind::Compare { left, comparison, right } if counts(left) || counts(right) => {
            debug_assert!(!exceeds(left, *comparison));
            (always(condition), None)
        }
        _ => return None,
    })
}

/// `T1 and rest`: when T1, always the rest.
fn guarded(syntax: &mut Syntax, first: NodeId, rest: &[NodeId]) -> (Clauses, Option<Guess>) {
    let negated = rest.iter().find(|&&term| matches!(syntax.kind(term), NodeKind::Not(_)));
    let guess = negated.map(|&term| Guess {
        span: syntax.span(term),
        reason: "a negated term behind `and` is read as what must hold",
    });
    let required = syntax.join(Junction::And, rest.to_vec());
    (Clauses { when: Some(first), always: Some(required), never: None }, guess)
}

/// Whether a term can be the guard of a conjunction: a `has`, or a count that asks for many.
fn opens(syntax: &Syntax, term: NodeId) -> bool {
    match syntax.kind(term) {
        NodeKind::Has { .. } => true,
        NodeKind::Compare { left, comparison, right } => {
            (counts(left) || counts(right)) && exceeds(left, *comparison)
        }
        _ => false,
    }
}

fn counts(quantity: &Quantity) -> bool {
    matches!(quantity, Quantity::Count(_))
}

/// Whether more of what is counted makes the comparison true, or any other number than one does.
fn exceeds(left: &Quantity, comparison: Comparison) -> bool {
    match comparison {
        Comparison::Greater | Comparison::GreaterEqual => counts(left),
        Comparison::Less | Comparison::LessEqual => !counts(left),
        Comparison::Equal => false,
        Comparison::NotEqual => true,
    }
}

fn always(condition: NodeId) -> Clauses {
    Clauses { always: Some(condition), ..Clauses::default() }
}

fn never(condition: NodeId) -> Clauses {
    Clauses { never: Some(condition), ..Clauses::default() }
}

fn signal_beside_bare_condition(span: Span, text: &str) -> Diagnostic {
    let shown = &text[span.clone()];
    let shown = if shown.contains('\n') || shown.len() > 60 { "…" } else { shown };
    Diagnostic::error(
        "ambiguous-condition",
        "a bare `condition:` beside `signal:` could mean what must hold or what must not",
        span,
    )
    .help(format!(
        "write `violation: {shown}` if a match is the violation, or `invariant: {shown}` if it must hold"
    ))
}

fn unreadable(syntax: &Syntax, condition: NodeId) -> Diagnostic {
    let terms = syntax.conjuncts(condition);
    let label = match (terms.len(), syntax.kind(terms[0])) {
        (1, NodeKind::Junction(Junction::Or, _)) => "an `or` at the top",
        (1, _) => "this term alone",
        (_, NodeKind::Not(_)) => "the first term is negated",
        (_, NodeKind::Compare { .. }) => "the first term asks for few",
        _ => "the first term is no operation and no count",
    };
    Diagnostic::error(
        "polarity-unknown",
        "this condition does not say what must hold and what must not",
        syntax.span(terms[0]),
    )
    .label(label)
    .help("write `when { … } always { … }` or `never { … }`")
}
