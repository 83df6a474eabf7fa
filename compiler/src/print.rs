//! Statements as canonical text, which reads back, without parameters, as the very same statement
//! and without a warning.
//!
//! Text is always in quotes, so nothing depends on how a bare word is read. An attribute on the
//! right is `span.key` or `resource.key` where the rule says which; one of any scope can only
//! stand behind `<`, `<=`, `>` or `>=`, where a bare word is that attribute, and is printed bare.

use std::borrow::Cow;
use std::fmt;

use crate::ast::{
    AttributeRef, Condition, ConditionId, Count, Operand, Predicate, PredicateId, Quantity, Scope,
    Statement, Subject, Value,
};
use crate::lexer::is_plain_name;
use crate::spelling::{write_duration, write_text};

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clauses = [("when", self.when), ("always", self.always), ("never", self.never)];
        let mut jobs = Vec::new();
        for (keyword, clause) in clauses.into_iter().rev() {
            if let Some(condition) = clause {
                let space = if jobs.is_empty() { " }" } else { " } " };
                jobs.push(Job::text(space));
                jobs.push(Job::Condition(condition, Binding::Loose));
                jobs.push(Job::Text(format!("{keyword} {{ ").into()));
            }
        }
        write(self, jobs, f)
    }
}

impl Statement {
    /// One predicate as canonical text.
    pub fn predicate_text(&self, id: PredicateId) -> String {
        Shown(self, Job::Predicate(id, Binding::Loose)).to_string()
    }

    /// One condition as canonical text.
    pub fn condition_text(&self, id: ConditionId) -> String {
        Shown(self, Job::Condition(id, Binding::Loose)).to_string()
    }

    /// A predicate as it stands among others joined by `and`.
    pub(crate) fn conjunct_text(&self, id: PredicateId) -> String {
        Shown(self, Job::Predicate(id, Binding::And)).to_string()
    }
}

struct Shown<'a>(&'a Statement, Job<'a>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self.0, vec![self.1.clone()], f)
    }
}

/// Something still to be written. The jobs lie on a stack of our own, so that no depth of a
/// statement exhausts the machine's.
#[derive(Clone)]
enum Job<'a> {
    Text(Cow<'a, str>),
    Condition(ConditionId, Binding),
    Predicate(PredicateId, Binding),
}

/// What stands around an expression, and so whether it needs parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Loose,
    Or,
    And,
    Not,
}

impl Job<'_> {
    fn text(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

fn write(statement: &Statement, mut jobs: Vec<Job<'_>>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    while let Some(job) = jobs.pop() {
        match job {
            Job::Text(text) => f.write_str(&text)?,
            Job::Condition(id, around) => condition(&statement[id], around, &mut jobs),
            Job::Predicate(id, around) => predicate(&statement[id], around, &mut jobs),
        }
    }
    Ok(())
}

fn condition<'a>(condition: &Condition, around: Binding, jobs: &mut Vec<Job<'a>>) {
    match condition {
        Condition::And(terms) => join(terms, " and ", Binding::And, around, jobs, Job::Condition),
        Condition::Or(terms) => join(terms, " or ", Binding::Or, around, jobs, Job::Condition),
        Condition::Not(term) => {
            jobs.push(Job::Condition(*term, Binding::Not));
            jobs.push(Job::text("not "));
        }
        Condition::Has { operation, filter } => {
            push_filter(*filter, jobs);
            jobs.push(Job::Text(format!("trace.has({operation})").into()));
        }
        Condition::Compare { left, comparison, right } => {
            push_quantity(right, jobs);
            jobs.push(Job::Text(format!(" {comparison} ").into()));
            push_quantity(left, jobs);
        }
        Condition::Trace { intrinsic, operator, operand } => {
            let operand = operand_text(operand);
            jobs.push(Job::Text(format!("{intrinsic} {operator} {operand}").into()));
        }
    }
}

fn predicate<'a>(predicate: &Predicate, around: Binding, jobs: &mut Vec<Job<'a>>) {
    match predicate {
        Predicate::And(terms) => join(terms, " and ", Binding::And, around, jobs, Job::Predicate),
        Predicate::Or(terms) => join(terms, " or ", Binding::Or, around, jobs, Job::Predicate),
        Predicate::Not(term) => {
            jobs.push(Job::Predicate(*term, Binding::Not));
            jobs.push(Job::text("not "));
        }
        Predicate::Exists(attribute) => {
            jobs.push(Job::Text(format!("exists({attribute})").into()));
        }
        Predicate::Test { subject, operator, operand } => {
            let operand = operand_text(operand);
            jobs.push(Job::Text(format!("{subject} {operator} {operand}").into()));
        }
    }
}

fn join<'a, Id: Copy>(
    terms: &[Id],
    word: &'static str,
    own: Binding,
    around: Binding,
    jobs: &mut Vec<Job<'a>>,
    job: impl Fn(Id, Binding) -> Job<'a>,
) {
    let parentheses = own < around;
    if parentheses {
        jobs.push(Job::text(")"));
    }
    for (index, &term) in terms.iter().enumerate().rev() {
        jobs.push(job(term, own));
        if index > 0 {
            jobs.push(Job::text(word));
        }
    }
    if parentheses {
        jobs.push(Job::text("("));
    }
}

fn push_quantity(quantity: &Quantity, jobs: &mut Vec<Job<'_>>) {
    let Count { operation, distinct, filter, by, within } = match quantity {
        Quantity::Number(number) => return jobs.push(Job::Text(number.to_string().into())),
        Quantity::Count(count) => count,
    };
    let mut grouping = String::new();
    if let Some(key) = by {
        grouping += &format!(".by({key})");
    }
    if let Some(length) = within {
        grouping += &format!(".within({})", duration_text(*length));
    }
    jobs.push(Job::Text(grouping.into()));
    push_filter(*filter, jobs);
    let head = match distinct {
        Some(attribute) => format!("trace.count_distinct({operation}, {attribute})"),
        None => format!("trace.count({operation})"),
    };
    jobs.push(Job::Text(head.into()));
}

fn push_filter(filter: Option<PredicateId>, jobs: &mut Vec<Job<'_>>) {
    if let Some(filter) = filter {
        jobs.push(Job::text(")"));
        jobs.push(Job::Predicate(filter, Binding::Loose));
        jobs.push(Job::text(".where("));
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(attribute) => attribute.fmt(f),
            Self::Intrinsic(intrinsic) => intrinsic.fmt(f),
        }
    }
}

/// As the attribute stands in a rule: with its scope, and quoted if it needs to be.
impl fmt::Display for AttributeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.key.split('.').next();
        let like_scope = matches!(first, Some("span" | "resource")) && self.key.contains('.');
        let plain = is_plain_name(&self.key);
        match self.scope {
            Scope::Any if plain && !like_scope => return f.write_str(&self.key),
            Scope::Any => {}
            Scope::Span => f.write_str("span.")?,
            Scope::Resource => f.write_str("resource.")?,
        }
        if plain && self.scope != Scope::Any {
            f.write_str(&self.key)
        } else {
            write_text(f, &self.key)
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Bool(truth) => truth.fmt(f),
            Self::Text(text) => write_text(f, text),
            Self::Duration(length) => write_duration(f, *length),
        }
    }
}

fn duration_text(length: i64) -> String {
    Value::Duration(length).to_string()
}

fn operand_text(operand: &Operand) -> String {
    match operand {
        Operand::Value(value) => value.to_string(),
        Operand::Attribute(attribute) => attribute.to_string(),
        Operand::List(values) => {
            let values: Vec<String> = values.iter().map(Value::to_string).collect();
            format!("[{}]", values.join(", "))
        }
    }
}
