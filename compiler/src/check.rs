//! [`Syntax`] to [`Statement`]: every bare word gets its meaning, durations become numbers in the
//! unit of their attribute, old spellings become the forms they stand for, and the limits on
//! comparisons and operations are held. Walks recurse at most twice per level of nesting, which
//! the parser has limited.

mod lints;
mod old_spellings;
mod operands;
mod patterns;
mod side;

use hashbrown::HashSet;

use crate::ast::{
    AttributeRef, Condition, ConditionId, Count, Number, OperationName, Predicate, PredicateId,
    Quantity, Statement, Subject, Value,
};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::limits;
use crate::params::Params;
use crate::syntax::{self, Clauses, Junction, NodeId, NodeKind, Operand, OperandKind, Syntax};

pub(crate) use lints::lint;
use side::Side;

/// How a bare word was read.
#[derive(Debug, Clone, PartialEq)]
pub struct WordReading {
    /// Where it stands in the rule text.
    pub span: Span,
    /// The word.
    pub word: String,
    /// What it means there.
    pub meaning: WordMeaning,
}

/// What a bare word can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordMeaning {
    /// The rule's parameter of that name.
    Parameter,
    /// The attribute of that name on the same span.
    Attribute,
    /// The text itself.
    Text,
    /// A constant of the language, such as `server` for `span:kind`.
    Constant,
    /// The `unique` or the capital letter of an old spelling.
    OldSpelling,
}

/// Where the parts of a statement stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// The place of each condition, by its id.
    pub conditions: Vec<Span>,
    /// The place of each predicate, by its id.
    pub predicates: Vec<Span>,
    /// Every attribute that the text names, with its place.
    pub attributes: Vec<(AttributeRef, Span)>,
}

/// What a text was resolved to.
#[derive(Default)]
pub(crate) struct Resolved {
    /// `None` if there were errors, which have been reported.
    pub(crate) statement: Option<Statement>,
    pub(crate) words: Vec<WordReading>,
    pub(crate) places: Places,
}

/// Resolves a rule.
pub(crate) fn resolve(
    syntax: &Syntax,
    clauses: Clauses,
    params: &Params,
    diagnostics: &mut Diagnostics,
) -> Resolved {
    let mut checker = Checker {
        syntax,
        params,
        statement: Statement::default(),
        places: Places { attributes: syntax.attributes.clone(), ..Places::default() },
        words: Vec::new(),
        comparisons: 0,
        operations: HashSet::new(),
        diagnostics,
    };
    let mut whole = true;
    let mut clause = |id: Option<NodeId>| {
        let resolved = id.map(|id| checker.condition(id));
        whole &= !matches!(resolved, Some(None));
        resolved.flatten()
    };
    let (when, always, never) =
        (clause(clauses.when), clause(clauses.always), clause(clauses.never));
    let Checker { mut statement, words, places, .. } = checker;
    statement.when = when;
    statement.always = always;
    statement.never = never;
    let complete = whole && (always.is_some() || never.is_some()) && !diagnostics.has_errors();
    Resolved { statement: complete.then_some(statement), words, places }
}

struct Checker<'a> {
    syntax: &'a Syntax,
    params: &'a Params,
    statement: Statement,
    places: Places,
    words: Vec<WordReading>,
    comparisons: usize,
    operations: HashSet<OperationName>,
    diagnostics: &'a mut Diagnostics,
}

impl Checker<'_> {
    /// The recursion over conditions; what it does not need on every level is done by others, so
    /// that the deepest rule fits a small stack.
    fn condition(&mut self, id: NodeId) -> Option<ConditionId> {
        let syntax = self.syntax;
        match syntax.kind(id) {
            NodeKind::Junction(junction, terms) => {
                let mut resolved = Vec::with_capacity(terms.len());
                for &term in terms {
                    resolved.extend(self.condition(term));
                }
                let whole = resolved.len() == terms.len();
                whole.then(|| self.condition_junction(id, *junction, resolved))
            }
            NodeKind::Not(term) => {
                let term = self.condition(*term)?;
                Some(self.add_condition(id, Condition::Not(term)))
            }
            _ => self.single_condition(id),
        }
    }

    fn condition_junction(
        &mut self,
        id: NodeId,
        junction: Junction,
        terms: Vec<ConditionId>,
    ) -> ConditionId {
        let condition = match junction {
            Junction::And => Condition::And(terms),
            Junction::Or => Condition::Or(terms),
        };
        self.add_condition(id, condition)
    }

    fn add_condition(&mut self, at: NodeId, condition: Condition) -> ConditionId {
        self.places.conditions.push(self.syntax.span(at));
        self.statement.add_condition(condition)
    }

    fn add_predicate(&mut self, at: NodeId, predicate: Predicate) -> PredicateId {
        self.places.predicates.push(self.syntax.span(at));
        self.statement.add_predicate(predicate)
    }

    fn single_condition(&mut self, id: NodeId) -> Option<ConditionId> {
        let condition = match self.syntax.kind(id) {
            NodeKind::Has { operation, filter } => self.has(id, operation, *filter)?,
            NodeKind::Compare { .. } => self.compare(id)?,
            NodeKind::Trace { .. } => self.trace_test(id)?,
            _ => return None,
        };
        Some(self.add_condition(id, condition))
    }

    fn has(
        &mut self,
        id: NodeId,
        operation: &OperationName,
        filter: Option<NodeId>,
    ) -> Option<Condition> {
        self.note_operation(operation, self.syntax.span(id));
        let filter = self.optional_predicate(filter)?;
        Some(Condition::Has { operation: operation.clone(), filter })
    }

    fn optional_predicate(&mut self, id: Option<NodeId>) -> Option<Option<PredicateId>> {
        match id {
            Some(id) => self.predicate(id).map(Some),
            None => Some(None),
        }
    }

    fn compare(&mut self, id: NodeId) -> Option<Condition> {
        let syntax = self.syntax;
        let NodeKind::Compare { left, comparison, right } = syntax.kind(id) else { return None };
        self.note_comparison(&syntax.span(id));
        if let (syntax::Quantity::Constant(_), syntax::Quantity::Constant(_)) = (left, right) {
            self.diagnostics.push(
                Diagnostic::error("no-count", "neither side is a count", syntax.span(id))
                    .help("over a trace, compare a count: `trace.count(operation) > 5`"),
            );
            return None;
        }
        let left = self.quantity(left);
        let right = self.quantity(right);
        Some(Condition::Compare { left: left?, comparison: *comparison, right: right? })
    }

    fn quantity(&mut self, quantity: &syntax::Quantity) -> Option<Quantity> {
        match quantity {
            syntax::Quantity::Count(count) => self.count(count).map(Quantity::Count),
            syntax::Quantity::Constant(operand) => self.bound(operand).map(Quantity::Number),
        }
    }

    /// The number that a count is compared with.
    fn bound(&mut self, operand: &Operand) -> Option<Number> {
        if let OperandKind::Word(word) = &operand.kind
            && !self.params.contains_key(word)
        {
            let title = format!("`{word}` is not a number");
            self.diagnostics.push(
                Diagnostic::error("undeclared-parameter", title, operand.span.clone())
                    .label("a number belongs here")
                    .help(format!(
                        "declare it under `params:`, as in `{word}: 5`, or write the number"
                    )),
            );
            return None;
        }
        match self.constant(operand)? {
            Value::Number(number) => Some(number),
            _ => {
                let title = "a count is compared with a number or a count";
                self.diagnostics.push(Diagnostic::error(
                    "number-needed",
                    title,
                    operand.span.clone(),
                ));
                None
            }
        }
    }

    fn count(&mut self, count: &syntax::Count) -> Option<Count> {
        self.note_operation(&count.operation, count.span.clone());
        let parts = self.old_spellings(count);
        let filter = self.filter_of(&parts.filter, count.filter);
        let within = match count.within.as_ref().or(parts.within.as_ref()) {
            Some(length) => Some(self.window(length)?),
            None => None,
        };
        Some(Count {
            operation: count.operation.clone(),
            distinct: parts.distinct,
            filter: filter?,
            by: parts.by,
            within,
        })
    }

    /// The filter of a count: all of it, or those of its terms that no old spelling has used.
    fn filter_of(
        &mut self,
        terms: &Option<Vec<NodeId>>,
        whole: Option<NodeId>,
    ) -> Option<Option<PredicateId>> {
        let (Some(terms), Some(whole)) = (terms, whole) else {
            return self.optional_predicate(whole);
        };
        let terms: Vec<_> = terms.iter().map(|&term| self.predicate(term)).collect();
        let mut terms = terms.into_iter().collect::<Option<Vec<_>>>()?;
        Some(match terms.len() {
            0 | 1 => terms.pop(),
            _ => Some(self.add_predicate(whole, Predicate::And(terms))),
        })
    }

    fn window(&mut self, length: &Operand) -> Option<i64> {
        match self.constant(length)? {
            Value::Duration(length) if length > 0 => Some(length),
            _ => {
                let title = "a window needs a duration above zero";
                self.diagnostics.push(
                    Diagnostic::error("duration-needed", title, length.span.clone())
                        .help("write `.within(1m)`"),
                );
                None
            }
        }
    }

    fn trace_test(&mut self, id: NodeId) -> Option<Condition> {
        let syntax = self.syntax;
        let NodeKind::Trace { intrinsic, operator, operand } = syntax.kind(id) else { return None };
        self.note_comparison(&syntax.span(id));
        let side = Side::of_trace(*intrinsic);
        let operand = self.operand(&side, *operator, operand)?;
        Some(Condition::Trace { intrinsic: *intrinsic, operator: *operator, operand })
    }

    /// The recursion over predicates, as slim as that over conditions.
    fn predicate(&mut self, id: NodeId) -> Option<PredicateId> {
        let syntax = self.syntax;
        match syntax.kind(id) {
            NodeKind::Junction(junction, terms) => {
                let mut resolved = Vec::with_capacity(terms.len());
                for &term in terms {
                    resolved.extend(self.predicate(term));
                }
                let whole = resolved.len() == terms.len();
                whole.then(|| self.predicate_junction(id, *junction, resolved))
            }
            NodeKind::Not(term) => {
                let term = self.predicate(*term)?;
                Some(self.add_predicate(id, Predicate::Not(term)))
            }
            _ => self.single_predicate(id),
        }
    }

    fn predicate_junction(
        &mut self,
        id: NodeId,
        junction: Junction,
        terms: Vec<PredicateId>,
    ) -> PredicateId {
        let predicate = match junction {
            Junction::And => Predicate::And(terms),
            Junction::Or => Predicate::Or(terms),
        };
        self.add_predicate(id, predicate)
    }

    fn single_predicate(&mut self, id: NodeId) -> Option<PredicateId> {
        let syntax = self.syntax;
        let predicate = match syntax.kind(id) {
            NodeKind::Exists(attribute) => {
                self.note_comparison(&syntax.span(id));
                Predicate::Exists(attribute.clone())
            }
            NodeKind::Truth(attribute) => {
                self.note_comparison(&syntax.span(id));
                operands::is_true(attribute.clone())
            }
            NodeKind::Test { .. } => self.test(id)?,
            _ => return None,
        };
        Some(self.add_predicate(id, predicate))
    }

    fn test(&mut self, id: NodeId) -> Option<Predicate> {
        let syntax = self.syntax;
        let NodeKind::Test { subject, operator, operand } = syntax.kind(id) else { return None };
        self.note_comparison(&syntax.span(id));
        if old_spellings::is_window(subject, *operator, operand) {
            self.report_misplaced_window(syntax.span(id));
            return None;
        }
        let side = Side::of_span(subject);
        let operand = self.operand(&side, *operator, operand)?;
        let subject = match subject {
            syntax::Subject::Attribute(attribute, _) => Subject::Attribute(attribute.clone()),
            syntax::Subject::Intrinsic(intrinsic) => Subject::Intrinsic(*intrinsic),
        };
        Some(Predicate::Test { subject, operator: *operator, operand })
    }

    fn note_comparison(&mut self, at: &Span) {
        self.comparisons += 1;
        if self.comparisons == limits::COMPARISONS + 1 {
            let title = format!("more than {} comparisons in one rule", limits::COMPARISONS);
            self.diagnostics.push(
                Diagnostic::error("too-many-comparisons", title, at.clone())
                    .help("a list (`key in [a, b]`) is one comparison; or split the rule"),
            );
        }
    }

    fn note_operation(&mut self, operation: &OperationName, at: Span) {
        let new = self.operations.insert(operation.clone());
        if new && self.operations.len() == limits::OPERATIONS + 1 {
            let title = format!("more than {} operations in one rule", limits::OPERATIONS);
            self.diagnostics.push(
                Diagnostic::error("too-many-operations", title, at)
                    .help("a quoted name with `*` stands for many operations; or split the rule"),
            );
        }
    }
}
