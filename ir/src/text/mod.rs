//! The text form of a module: it prints, and what it prints parses back to an equal module.
//!
//! One entry a line, in the order of the tables, each under its handle; strings as in JSON.
//!
//! ```text
//! betrace-ir 1
//! op0 = "payment.charge"
//! op1 = wildcard "GET " ""
//! field0 = any "attempt"                          any | span | resource "KEY", name, kind, …
//! pred0 = test field0 > 1                         exists, ==, in [..], < <= > >=, matches, …
//! pred1 = not pred0                               true, false, and …, or …
//! set0 = op0 pred0
//! atom0 = has set0
//! atom1 = compare count set0 distinct field0 by field1 within 60000000000 == 1
//! atom2 = trace duration > 5000000000
//! f0 = atom0                                      true, false, not …, and …, or …
//! group field1
//! rule "ID" critical "HASH" "MESSAGE"
//!   type "TYPE"
//!   when f0
//!   always f1 "CLAUSE"
//!   operation op0
//!   context "attempt" field0
//! ```

mod parse;

use std::fmt::{Display, Formatter, Result, Write as _};

pub use parse::{TextError, parse};

use crate::module::{
    Atom, Clause, Comparison, Field, Formula, Module, Operation, Order, Predicate, Quantity, Rule,
    Scalar, Test, TraceField,
};
use crate::value::{bool_text, write_json_text};

const HEADER: &str = "betrace-ir 1";

const ORDERS: [(Order, &str); 4] = [
    (Order::Less, "<"),
    (Order::LessEqual, "<="),
    (Order::Greater, ">"),
    (Order::GreaterEqual, ">="),
];

const TRACE_FIELDS: [(TraceField, &str); 3] = [
    (TraceField::Duration, "duration"),
    (TraceField::RootName, "root_name"),
    (TraceField::RootService, "root_service"),
];

const SPAN_FIELDS: [(Field, &str); 5] = [
    (Field::Name, "name"),
    (Field::Kind, "kind"),
    (Field::Status, "status"),
    (Field::StatusMessage, "message"),
    (Field::Duration, "duration"),
];

impl Display for Module {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "{HEADER}")?;
        table(f, "op", &self.operations, operation)?;
        table(f, "field", &self.fields, field)?;
        table(f, "pred", &self.predicates, predicate)?;
        table(f, "set", &self.sets, |set, f| {
            write!(f, "op{} pred{}", set.operation.0, set.predicate.0)
        })?;
        table(f, "atom", &self.atoms, atom)?;
        table(f, "f", &self.formulas, formula)?;
        if let Some(field) = self.group_by {
            writeln!(f, "group field{}", field.0)?;
        }
        self.rules.iter().try_for_each(|rule| self::rule(rule, f))
    }
}

fn table<T>(
    f: &mut Formatter<'_>,
    handle: &str,
    entries: &[T],
    entry: impl Fn(&T, &mut Formatter<'_>) -> Result,
) -> Result {
    for (at, item) in entries.iter().enumerate() {
        write!(f, "{handle}{at} = ")?;
        entry(item, f)?;
        f.write_char('\n')?;
    }
    Ok(())
}

fn name<'a, T: PartialEq>(names: &[(T, &'a str)], item: &T) -> &'a str {
    names.iter().find(|(own, _)| own == item).map(|(_, name)| *name).expect("each has a name")
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    write_json_text(text, &mut out);
    out
}

fn operation(operation: &Operation, f: &mut Formatter<'_>) -> Result {
    match operation {
        Operation::Named(name) => f.write_str(&quoted(name)),
        Operation::Wildcard(pieces) => {
            f.write_str("wildcard")?;
            pieces.iter().try_for_each(|piece| write!(f, " {}", quoted(piece)))
        }
    }
}

fn field(field: &Field, f: &mut Formatter<'_>) -> Result {
    match field {
        Field::Any(key) => write!(f, "any {}", quoted(key)),
        Field::Span(key) => write!(f, "span {}", quoted(key)),
        Field::Resource(key) => write!(f, "resource {}", quoted(key)),
        other => f.write_str(name(&SPAN_FIELDS, other)),
    }
}

fn parts<T>(
    word: &str,
    handle: &str,
    ids: &[T],
    f: &mut Formatter<'_>,
    id: fn(&T) -> u32,
) -> Result {
    f.write_str(word)?;
    ids.iter().try_for_each(|part| write!(f, " {handle}{}", id(part)))
}

fn predicate(predicate: &Predicate, f: &mut Formatter<'_>) -> Result {
    match predicate {
        Predicate::Const(always) => f.write_str(bool_text(*always)),
        Predicate::Not(inner) => write!(f, "not pred{}", inner.0),
        Predicate::And(ids) => parts("and", "pred", ids, f, |id| id.0),
        Predicate::Or(ids) => parts("or", "pred", ids, f, |id| id.0),
        Predicate::Test(field, test) => {
            write!(f, "test field{} ", field.0)?;
            self::test(test, f)
        }
    }
}

fn test(test: &Test, f: &mut Formatter<'_>) -> Result {
    match test {
        Test::Exists => f.write_str("exists"),
        Test::Equal(constant) => write!(f, "== {}", scalar(constant)),
        Test::In(constants) => {
            let texts: Vec<_> = constants.iter().map(scalar).collect();
            write!(f, "in [ {} ]", texts.join(" "))
        }
        Test::Order(order, constant) => {
            write!(f, "{} {}", name(&ORDERS, order), scalar(constant))
        }
        Test::Matches(pattern) => write!(f, "matches {}", quoted(pattern.source())),
        Test::Contains(text) => write!(f, "contains {}", quoted(text)),
        Test::StartsWith(text) => write!(f, "starts_with {}", quoted(text)),
        Test::EndsWith(text) => write!(f, "ends_with {}", quoted(text)),
        Test::EqualField(field) => write!(f, "== field{}", field.0),
        Test::OrderField(order, field) => write!(f, "{} field{}", name(&ORDERS, order), field.0),
    }
}

/// Doubles always show a point, an exponent or a letter, by which they are told from integers.
fn scalar(constant: &Scalar) -> String {
    match constant {
        Scalar::Text(text) => quoted(text),
        Scalar::Bool(bool) => bool_text(*bool).to_owned(),
        Scalar::Int(int) => int.to_string(),
        Scalar::Float(float) => format!("{float:?}"),
    }
}

fn atom(atom: &Atom, f: &mut Formatter<'_>) -> Result {
    match atom {
        Atom::Has(set) => write!(f, "has set{}", set.0),
        Atom::Compare(left, comparison, right) => {
            f.write_str("compare ")?;
            quantity(left, f)?;
            let sign = match comparison {
                Comparison::Equal => "==",
                Comparison::NotEqual => "!=",
                Comparison::Order(order) => name(&ORDERS, order),
            };
            write!(f, " {sign} ")?;
            quantity(right, f)
        }
        Atom::Trace(field, test) => {
            write!(f, "trace {} ", name(&TRACE_FIELDS, field))?;
            self::test(test, f)
        }
    }
}

fn quantity(quantity: &Quantity, f: &mut Formatter<'_>) -> Result {
    match quantity {
        Quantity::Number(number) => f.write_str(&scalar(number)),
        Quantity::Count(count) => {
            write!(f, "count set{}", count.set.0)?;
            if let Some(field) = count.distinct {
                write!(f, " distinct field{}", field.0)?;
            }
            if let Some(field) = count.by {
                write!(f, " by field{}", field.0)?;
            }
            count.within.map_or(Ok(()), |window| write!(f, " within {window}"))
        }
    }
}

fn formula(formula: &Formula, f: &mut Formatter<'_>) -> Result {
    match formula {
        Formula::Const(always) => f.write_str(bool_text(*always)),
        Formula::Atom(atom) => write!(f, "atom{}", atom.0),
        Formula::Not(inner) => write!(f, "not f{}", inner.0),
        Formula::And(ids) => parts("and", "f", ids, f, |id| id.0),
        Formula::Or(ids) => parts("or", "f", ids, f, |id| id.0),
    }
}

fn rule(rule: &Rule, f: &mut Formatter<'_>) -> Result {
    let Rule { id, severity, hash, signal_type, message, .. } = rule;
    let Rule { when, always, never, operations, context, .. } = rule;
    let (id, hash, message) = (quoted(id), quoted(hash), quoted(message));
    writeln!(f, "rule {id} {} {hash} {message}", severity.name())?;
    if let Some(signal_type) = signal_type {
        writeln!(f, "  type {}", quoted(signal_type))?;
    }
    if let Some(formula) = when {
        writeln!(f, "  when f{}", formula.0)?;
    }
    for (word, clauses) in [("always", always), ("never", never)] {
        for Clause { formula, text } in clauses {
            writeln!(f, "  {word} f{} {}", formula.0, quoted(text))?;
        }
    }
    for operation in operations {
        writeln!(f, "  operation op{}", operation.0)?;
    }
    context
        .iter()
        .try_for_each(|(name, field)| writeln!(f, "  context {} field{}", quoted(name), field.0))
}
