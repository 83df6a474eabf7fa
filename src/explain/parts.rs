//! The parts of a statement as a tree that is written down in order.

use compiler::Statement;
use compiler::ast::{Condition, ConditionId, Predicate, PredicateId, Quantity};

/// A part of a rule's condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// How deep it lies: 0 for a clause, such as `when`.
    pub depth: usize,
    /// What it is.
    pub kind: PartKind,
    /// Its canonical text.
    pub text: String,
}

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// All that `when` asks for.
    When,
    /// All that `always` asks for.
    Always,
    /// All that `never` forbids.
    Never,
    /// Parts joined by `and`.
    And,
    /// Parts joined by `or`.
    Or,
    /// The negation of a part.
    Not,
    /// A `has`, a comparison of counts or a fact of the trace.
    Term,
    /// A comparison of a span.
    Test,
}

impl PartKind {
    /// The word for it; none where only its text says it.
    pub fn word(self) -> Option<&'static str> {
        (!matches!(self, Self::Term | Self::Test)).then(|| self.name())
    }

    /// Its name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::When => "when",
            Self::Always => "always",
            Self::Never => "never",
            Self::And => "and",
            Self::Or => "or",
            Self::Not => "not",
            Self::Term => "term",
            Self::Test => "test",
        }
    }

    /// Whether it is one of the clauses of a rule.
    pub fn is_clause(self) -> bool {
        matches!(self, Self::When | Self::Always | Self::Never)
    }
}

/// Where a part stands in its statement.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    Condition(ConditionId),
    /// A predicate over the spans of a term: of the count on its left side (0), or on its right (1).
    Predicate(PredicateId, ConditionId, usize),
}

/// All parts of a statement, each before those below it. A clause and what it asks for are one value,
/// so a clause that is a single term has two parts.
pub(super) fn tree(statement: &Statement) -> (Vec<Node>, Vec<Part>) {
    let clauses = [
        (PartKind::When, statement.when),
        (PartKind::Always, statement.always),
        (PartKind::Never, statement.never),
    ];
    let (mut nodes, mut parts) = (Vec::new(), Vec::new());
    for (kind, condition) in clauses {
        let Some(id) = condition else { continue };
        nodes.push(Node::Condition(id));
        parts.push(Part { depth: 0, kind, text: statement.condition_text(id) });
        below(statement, id, &mut nodes, &mut parts);
    }
    (nodes, parts)
}

/// Adds a condition and all below it, which wait on a stack of our own.
fn below(statement: &Statement, id: ConditionId, nodes: &mut Vec<Node>, parts: &mut Vec<Part>) {
    let mut waiting = vec![(Node::Condition(id), 1)];
    while let Some((node, depth)) = waiting.pop() {
        let (kind, text) = match node {
            Node::Condition(id) => (condition_kind(&statement[id]), statement.condition_text(id)),
            Node::Predicate(id, ..) => {
                (predicate_kind(&statement[id]), statement.predicate_text(id))
            }
        };
        nodes.push(node);
        parts.push(Part { depth, kind, text });
        let children: Vec<Node> = match node {
            Node::Condition(id) => condition_children(statement, id),
            Node::Predicate(id, owner, side) => {
                let node = |&id: &PredicateId| Node::Predicate(id, owner, side);
                match &statement[id] {
                    Predicate::And(terms) | Predicate::Or(terms) => {
                        terms.iter().map(node).collect()
                    }
                    Predicate::Not(term) => vec![node(term)],
                    Predicate::Exists(_) | Predicate::Test { .. } => Vec::new(),
                }
            }
        };
        waiting.extend(children.into_iter().rev().map(|child| (child, depth + 1)));
    }
}

fn condition_children(statement: &Statement, id: ConditionId) -> Vec<Node> {
    let filter = |quantity: &Quantity| match quantity {
        Quantity::Count(count) => count.filter,
        Quantity::Number(_) => None,
    };
    match &statement[id] {
        Condition::Has { filter: Some(filter), .. } => vec![Node::Predicate(*filter, id, 0)],
        Condition::Compare { left, right, .. } => {
            let sides = [filter(left), filter(right)].into_iter().enumerate();
            sides.filter_map(|(side, filter)| Some(Node::Predicate(filter?, id, side))).collect()
        }
        other => other.children().iter().map(|&child| Node::Condition(child)).collect(),
    }
}

fn condition_kind(condition: &Condition) -> PartKind {
    match condition {
        Condition::And(_) => PartKind::And,
        Condition::Or(_) => PartKind::Or,
        Condition::Not(_) => PartKind::Not,
        Condition::Has { .. } | Condition::Compare { .. } | Condition::Trace { .. } => {
            PartKind::Term
        }
    }
}

fn predicate_kind(predicate: &Predicate) -> PartKind {
    match predicate {
        Predicate::And(_) => PartKind::And,
        Predicate::Or(_) => PartKind::Or,
        Predicate::Not(_) => PartKind::Not,
        Predicate::Exists(_) | Predicate::Test { .. } => PartKind::Test,
    }
}
