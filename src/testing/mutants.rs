//! Rules that say nearly what a rule says: each differs by one change that a test should notice.

use compiler::ast::{
    Comparison, Condition, ConditionId, Count, Number, Operand, Operator, Predicate, PredicateId,
    Quantity, Value,
};
use compiler::{Key, Params, ReadOptions, Statement, parse_rule};

use super::steps::steps;

/// Bytes of the texts of all mutants of a rule: beyond any that people write.
const TEXT_BYTES: usize = 4 << 20;

/// A rule with one change.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What was changed, in words and canonical text.
    pub change: String,
    /// What it says.
    pub statement: Statement,
}

/// All mutants of a rule: `always` and `never` swapped; each clause, filter, `by` and `within`, each
/// term of an `and` or `or`, each `not` and each value of a list left out; each comparison turned
/// round and moved over its boundary; each number and duration moved by one, up and down.
///
/// None where their texts would take more than 4 MiB.
pub fn mutants(statement: &Statement) -> Option<Vec<Mutant>> {
    let mut changes = Changes { statement, found: Vec::new(), room: Some(TEXT_BYTES) };
    changes.clauses();
    for (number, condition) in statement.conditions().iter().enumerate() {
        changes.of_condition(ConditionId(number as u32), condition);
    }
    for (number, predicate) in statement.predicates().iter().enumerate() {
        changes.of_predicate(PredicateId(number as u32), predicate);
    }
    changes.room.map(|_| changes.found)
}

struct Changes<'a> {
    statement: &'a Statement,
    found: Vec<Mutant>,
    /// Bytes that may still be made; none once they did not suffice.
    room: Option<usize>,
}

impl Changes<'_> {
    fn clauses(&mut self) {
        let Statement { when, always, never, .. } = *self.statement;
        self.add("`always` and `never` swapped".to_owned(), |copy| {
            (copy.always, copy.never) = (never, always);
        });
        if when.is_some() {
            self.add("without `when`".to_owned(), |copy| copy.when = None);
        }
        if always.is_some() && never.is_some() {
            self.add("without `always`".to_owned(), |copy| copy.always = None);
            self.add("without `never`".to_owned(), |copy| copy.never = None);
        }
    }

    fn of_condition(&mut self, id: ConditionId, condition: &Condition) {
        match condition {
            Condition::And(terms) | Condition::Or(terms) => {
                let joins_all = matches!(condition, Condition::And(_));
                for left_out in terms {
                    let rest: Vec<_> =
                        terms.iter().copied().filter(|term| term != left_out).collect();
                    let new = match rest[..] {
                        [single] => self.statement[single].clone(),
                        _ if joins_all => Condition::And(rest),
                        _ => Condition::Or(rest),
                    };
                    let change = format!("without `{}`", self.statement.condition_text(*left_out));
                    self.add(change, |copy| replace_condition(copy, id, new));
                }
            }
            Condition::Not(term) => self.condition(id, self.statement[*term].clone()),
            Condition::Has { operation, filter: Some(_) } => {
                self.condition(id, Condition::Has { operation: operation.clone(), filter: None });
            }
            Condition::Has { .. } => {}
            Condition::Compare { left, comparison, right } => {
                let compare = |left: &Quantity, comparison, right: &Quantity| Condition::Compare {
                    left: left.clone(),
                    comparison,
                    right: right.clone(),
                };
                for other in others(*comparison) {
                    self.condition(id, compare(left, other, right));
                }
                for left in quantities(left) {
                    self.condition(id, compare(&left, *comparison, right));
                }
                for right in quantities(right) {
                    self.condition(id, compare(left, *comparison, &right));
                }
            }
            Condition::Trace { intrinsic, operator, operand } => {
                if !is_compared(*operator) {
                    self.negated_condition(id, condition.clone());
                }
                for (operator, operand) in tests(*operator, operand) {
                    if self.room.is_none() {
                        return;
                    }
                    let intrinsic = *intrinsic;
                    self.condition(id, Condition::Trace { intrinsic, operator, operand });
                }
            }
        }
    }

    fn of_predicate(&mut self, id: PredicateId, predicate: &Predicate) {
        match predicate {
            Predicate::And(terms) | Predicate::Or(terms) => {
                let joins_all = matches!(predicate, Predicate::And(_));
                for left_out in terms {
                    let rest: Vec<_> =
                        terms.iter().copied().filter(|term| term != left_out).collect();
                    let new = match rest[..] {
                        [single] => self.statement[single].clone(),
                        _ if joins_all => Predicate::And(rest),
                        _ => Predicate::Or(rest),
                    };
                    let change = format!("without `{}`", self.statement.predicate_text(*left_out));
                    self.add(change, |copy| replace_predicate(copy, id, new));
                }
            }
            Predicate::Not(term) => self.predicate(id, self.statement[*term].clone()),
            Predicate::Exists(_) => self.negated_predicate(id, predicate.clone()),
            Predicate::Test { subject, operator, operand } => {
                if !is_compared(*operator) {
                    self.negated_predicate(id, predicate.clone());
                }
                for (operator, operand) in tests(*operator, operand) {
                    if self.room.is_none() {
                        return;
                    }
                    let subject = subject.clone();
                    self.predicate(id, Predicate::Test { subject, operator, operand });
                }
            }
        }
    }

    fn condition(&mut self, id: ConditionId, new: Condition) {
        let mut copy = self.statement.clone();
        replace_condition(&mut copy, id, new);
        let [old, new] = [self.statement, &copy].map(|of| of.condition_text(id));
        self.keep(format!("`{old}` becomes `{new}`"), &copy);
    }

    fn predicate(&mut self, id: PredicateId, new: Predicate) {
        let mut copy = self.statement.clone();
        replace_predicate(&mut copy, id, new);
        let [old, new] = [self.statement, &copy].map(|of| of.predicate_text(id));
        self.keep(format!("`{old}` becomes `{new}`"), &copy);
    }

    fn negated_condition(&mut self, id: ConditionId, own: Condition) {
        let text = self.statement.condition_text(id);
        self.add(format!("`{text}` becomes `not {text}`"), |copy| {
            let inner = copy.add_condition(own);
            replace_condition(copy, id, Condition::Not(inner));
        });
    }

    fn negated_predicate(&mut self, id: PredicateId, own: Predicate) {
        let text = self.statement.predicate_text(id);
        self.add(format!("`{text}` becomes `not {text}`"), |copy| {
            let inner = copy.add_predicate(own);
            replace_predicate(copy, id, Predicate::Not(inner));
        });
    }

    fn add(&mut self, change: String, edit: impl FnOnce(&mut Statement)) {
        let mut copy = self.statement.clone();
        edit(&mut copy);
        self.keep(change, &copy);
    }

    /// Keeps what a changed statement says, read from its text: so its nodes lie as they should, and
    /// what says nothing new or cannot be said is dropped.
    fn keep(&mut self, change: String, changed: &Statement) {
        let text = changed.to_string();
        self.room = self.room.and_then(|room| room.checked_sub(text.len()));
        if self.room.is_none() {
            return;
        }
        let params = Params::new();
        let options = ReadOptions {
            key: Key::Condition,
            has_signal: true,
            params: &params,
            description: None,
        };
        if let Some(statement) = parse_rule(&text, &options).statement
            && statement != *self.statement
        {
            self.found.push(Mutant { change, statement });
        }
    }
}

fn replace_condition(statement: &mut Statement, id: ConditionId, new: Condition) {
    let mut copy = Statement::default();
    (copy.when, copy.always, copy.never) = (statement.when, statement.always, statement.never);
    for predicate in statement.predicates() {
        copy.add_predicate(predicate.clone());
    }
    for (number, old) in statement.conditions().iter().enumerate() {
        copy.add_condition(if number as u32 == id.0 { new.clone() } else { old.clone() });
    }
    *statement = copy;
}

fn replace_predicate(statement: &mut Statement, id: PredicateId, new: Predicate) {
    let mut copy = Statement::default();
    (copy.when, copy.always, copy.never) = (statement.when, statement.always, statement.never);
    for (number, old) in statement.predicates().iter().enumerate() {
        copy.add_predicate(if number as u32 == id.0 { new.clone() } else { old.clone() });
    }
    for condition in statement.conditions() {
        copy.add_condition(condition.clone());
    }
    *statement = copy;
}

/// A count without one of its limits, or a number moved.
fn quantities(quantity: &Quantity) -> Vec<Quantity> {
    let count = match quantity {
        Quantity::Number(number) => {
            let moved = steps(&Value::Number(number.clone())).into_iter();
            return moved.filter_map(|value| as_number(value).map(Quantity::Number)).collect();
        }
        Quantity::Count(count) => count,
    };
    let mut changed: Vec<Count> = Vec::new();
    if count.filter.is_some() {
        changed.push(Count { filter: None, ..count.clone() });
    }
    if count.by.is_some() {
        changed.push(Count { by: None, ..count.clone() });
    }
    if let Some(length) = count.within {
        changed.push(Count { within: None, ..count.clone() });
        for value in steps(&Value::Duration(length)) {
            if let Value::Duration(length @ 1..) = value {
                changed.push(Count { within: Some(length), ..count.clone() });
            }
        }
    }
    changed.into_iter().map(Quantity::Count).collect()
}

fn as_number(value: Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number),
        _ => None,
    }
}

/// Tests that differ from this one: turned round, over the boundary, with a constant moved or a value
/// of a list left out. They are made one by one, as a list may be long.
fn tests(
    operator: Operator,
    operand: &Operand,
) -> impl Iterator<Item = (Operator, Operand)> + use<'_> {
    let turned = match operator {
        Operator::Compare(comparison) => {
            others(comparison).into_iter().map(Operator::Compare).collect()
        }
        Operator::In => vec![Operator::NotIn],
        Operator::NotIn => vec![Operator::In],
        _ => Vec::new(),
    };
    let moved = match (operator, operand) {
        (Operator::Compare(_), Operand::Value(value)) => steps(value),
        _ => Vec::new(),
    };
    let values: &[Value] = match operand {
        Operand::List(values) if values.len() > 1 => values,
        _ => &[],
    };
    let shorter = (0..values.len()).map(move |left_out| {
        let mut rest = values.to_vec();
        rest.remove(left_out);
        (operator, Operand::List(rest))
    });
    let turned = turned.into_iter().map(|turned| (turned, operand.clone()));
    let moved = moved.into_iter().map(move |value| (operator, Operand::Value(value)));
    turned.chain(moved).chain(shorter)
}

/// Whether an operator has an opposite; what has none is negated.
fn is_compared(operator: Operator) -> bool {
    matches!(operator, Operator::Compare(_) | Operator::In | Operator::NotIn)
}

/// The opposite of a comparison and, of an order, the one that differs at the boundary.
fn others(comparison: Comparison) -> Vec<Comparison> {
    use Comparison::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    match comparison {
        Equal => vec![NotEqual],
        NotEqual => vec![Equal],
        Less => vec![GreaterEqual, LessEqual],
        LessEqual => vec![Greater, Less],
        Greater => vec![LessEqual, GreaterEqual],
        GreaterEqual => vec![Less, Greater],
    }
}

#[cfg(test)]
mod tests;
