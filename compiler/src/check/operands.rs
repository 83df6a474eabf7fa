//! What a right side means, given what it is compared with.

use crate::ast::{
    AttributeRef, Comparison, Number, Operand, Operator, Predicate, Scope, Subject, Value,
};
use crate::diagnostic::{Diagnostic, Edit, Fix, Span};
use crate::limits;
use crate::params::ParamValue;
use crate::render::is_unprintable;
use crate::syntax::{self, OperandKind};

use super::old_spellings::is_capital;
use super::side::Side;
use super::{Checker, WordMeaning, WordReading, patterns};

/// A bare attribute: true if and only if it equals true.
pub(super) fn is_true(attribute: AttributeRef) -> Predicate {
    Predicate::Test {
        subject: Subject::Attribute(attribute),
        operator: Operator::Compare(Comparison::Equal),
        operand: Operand::Value(Value::Bool(true)),
    }
}

impl Checker<'_> {
    /// Resolves the right side of a test.
    pub(super) fn operand(
        &mut self,
        side: &Side,
        operator: Operator,
        operand: &syntax::Operand,
    ) -> Option<Operand> {
        if let Some(help) = side.refuses(operator) {
            let title = format!("`{operator}` does not fit here");
            self.error("operator-mismatch", title, &operand.span, &help);
            return None;
        }
        if matches!(operator, Operator::In | Operator::NotIn) {
            return self.list(side, operand).map(Operand::List);
        }
        match &operand.kind {
            OperandKind::Attribute(attribute) => {
                self.attribute_operand(side, operator, attribute, &operand.span)
            }
            OperandKind::Word(word) if self.is_attribute(side, operator, word) => {
                self.note(operand, word, WordMeaning::Attribute);
                let attribute = AttributeRef { scope: Scope::Any, key: word.clone() };
                self.places.attributes.push((attribute.clone(), operand.span.clone()));
                self.attribute_operand(side, operator, &attribute, &operand.span)
            }
            _ => {
                let value = self.scalar(side, operator, operand)?;
                self.fit(side, operator, value, &operand.span).map(Operand::Value)
            }
        }
    }

    /// A constant where no test gives words a meaning: a bound or a window.
    pub(super) fn constant(&mut self, operand: &syntax::Operand) -> Option<Value> {
        let nothing = Side::Duration(String::new());
        self.scalar(&nothing, Operator::Compare(Comparison::Equal), operand)
    }

    fn is_attribute(&self, side: &Side, operator: Operator, word: &str) -> bool {
        let ordering =
            matches!(operator, Operator::Compare(comparison) if comparison.is_ordering());
        ordering
            && matches!(side, Side::Attribute(_) | Side::SpanText)
            && !self.params.contains_key(word)
            && !is_capital(word)
            && word != UNIQUE
    }

    fn attribute_operand(
        &mut self,
        side: &Side,
        operator: Operator,
        attribute: &AttributeRef,
        span: &Span,
    ) -> Option<Operand> {
        let fits = matches!(side, Side::Attribute(_) | Side::SpanText);
        if fits && matches!(operator, Operator::Compare(_)) {
            return Some(Operand::Attribute(attribute.clone()));
        }
        let (title, help) = match side {
            Side::Duration(_) => {
                ("a duration is compared with a duration", "write it with its unit, such as 500ms")
            }
            Side::TraceText(_) => {
                ("a trace has no attributes", "attributes are compared inside `where`")
            }
            _ => (
                "an attribute does not fit here",
                "attributes are compared by `==`, `!=`, `<`, `<=`, `>` and `>=`",
            ),
        };
        self.error("attribute-mismatch", title.into(), span, help);
        None
    }

    fn list(&mut self, side: &Side, operand: &syntax::Operand) -> Option<Vec<Value>> {
        let in_list = Operator::In;
        let (values, spans) = match &operand.kind {
            OperandKind::List(items) => {
                self.check_length(items.len(), &operand.span)?;
                let values: Vec<_> =
                    items.iter().map(|item| self.scalar(side, in_list, item)).collect();
                let spans: Vec<&Span> = items.iter().map(|item| &item.span).collect();
                (values.into_iter().collect::<Option<Vec<_>>>()?, spans)
            }
            OperandKind::Word(word) => {
                let Some(ParamValue::List(values)) = self.params.get(word) else {
                    let help =
                        format!("write `[{word}]`, or declare `{word}` as a list under `params:`");
                    self.error(
                        "list-needed",
                        format!("`{word}` is not a list"),
                        &operand.span,
                        &help,
                    );
                    return None;
                };
                let values = values.clone();
                self.note(operand, word, WordMeaning::Parameter);
                self.check_length(values.len(), &operand.span)?;
                for value in &values {
                    self.check_printable(value, &operand.span)?;
                }
                let spans = vec![&operand.span; values.len()];
                (values, spans)
            }
            _ => {
                self.error(
                    "list-needed",
                    "`in` takes a list".into(),
                    &operand.span,
                    "write `in [a, b]`",
                );
                return None;
            }
        };
        let fitted: Vec<_> = values
            .into_iter()
            .zip(spans)
            .map(|(value, span)| self.fit(side, in_list, value, span))
            .collect();
        fitted.into_iter().collect()
    }

    fn check_length(&mut self, length: usize, span: &Span) -> Option<()> {
        if (1..=limits::LIST_VALUES).contains(&length) {
            return Some(());
        }
        if length == 0 {
            let help = "nothing is in an empty list: leave the test out";
            self.error("empty-list", "this list is empty".into(), span, help);
        } else {
            let title = format!("a list of {length} values, the limit is {}", limits::LIST_VALUES);
            self.error("list-too-long", title, span, "use `matches`, or split the list over rules");
        }
        None
    }

    /// One constant, with words read as parameters or text.
    fn scalar(
        &mut self,
        side: &Side,
        operator: Operator,
        operand: &syntax::Operand,
    ) -> Option<Value> {
        let span = &operand.span;
        match &operand.kind {
            OperandKind::Value(value) => Some(value.clone()),
            OperandKind::List(_) => {
                self.error(
                    "single-value-needed",
                    "a list stands where one value belongs".into(),
                    span,
                    "lists go with `in` and `not in`",
                );
                None
            }
            OperandKind::Attribute(attribute) => {
                let title =
                    format!("the attribute `{}` stands where a constant belongs", attribute.key);
                self.error("attribute-mismatch", title, span, "write the value, or a parameter");
                None
            }
            OperandKind::Word(word) => match self.params.get(word) {
                Some(ParamValue::One(value)) => {
                    let value = value.clone();
                    self.note(operand, word, WordMeaning::Parameter);
                    self.check_printable(&value, span)?;
                    Some(value)
                }
                Some(ParamValue::List(_)) => {
                    let title = format!("the parameter `{word}` is a list");
                    self.error(
                        "single-value-needed",
                        title,
                        span,
                        "lists go with `in` and `not in`",
                    );
                    None
                }
                None => self.text(side, operator, operand, word),
            },
        }
    }

    fn text(
        &mut self,
        side: &Side,
        operator: Operator,
        operand: &syntax::Operand,
        word: &str,
    ) -> Option<Value> {
        let span = &operand.span;
        if is_capital(word) {
            let title = format!("`{word}` stands for a value that is not given");
            let help = format!("declare it under `params:`, or write \"{word}\" for the letter");
            self.error("undeclared-parameter", title, span, &help);
            return None;
        }
        if word == UNIQUE {
            let help = "distinct values are counted: `trace.count_distinct(operation, key)`; the text is \"unique\"";
            self.error("misplaced-unique", "`unique` is no value".into(), span, help);
            return None;
        }
        let constant = matches!(side, Side::Constant(..));
        let meaning = if constant { WordMeaning::Constant } else { WordMeaning::Text };
        self.note(operand, word, meaning);
        let equality =
            matches!(operator, Operator::Compare(Comparison::Equal | Comparison::NotEqual));
        let likely_attribute = word.contains(['_', '.']) && !constant;
        if equality && likely_attribute && !matches!(side, Side::Duration(_)) {
            let help = match side {
                Side::TraceText(_) => format!("write \"{word}\""),
                _ => format!("write \"{word}\" for the text, span.{word} for the attribute"),
            };
            let title = format!("`{word}` is compared as text");
            let edits = vec![Edit { span: span.clone(), text: format!("\"{word}\"") }];
            self.diagnostics.push(
                Diagnostic::warning("word-read-as-text", title, span.clone())
                    .help(help)
                    .fix(Some(Fix { edits, exact: true })),
            );
        }
        Some(Value::Text(word.to_owned()))
    }

    /// Checks that a constant suits the left side and the operator, and brings durations to the
    /// unit of an attribute.
    fn fit(&mut self, side: &Side, operator: Operator, value: Value, span: &Span) -> Option<Value> {
        let partial = !matches!(operator, Operator::Compare(_) | Operator::In | Operator::NotIn);
        match (side, value) {
            (Side::Duration(_), Value::Duration(length)) => Some(Value::Duration(length)),
            (Side::Duration(name), value) => {
                let help = match value {
                    Value::Number(number) => format!("write {number}ms or {number}s"),
                    _ => "durations are written 200ms, 30s, 1h30m or 30d".to_owned(),
                };
                self.error(
                    "unit-needed",
                    format!("`{name}` is compared with a duration"),
                    span,
                    &help,
                );
                None
            }
            (Side::Constant(_, constants), Value::Text(text))
                if constants.contains(&text.as_str()) =>
            {
                Some(Value::Text(text))
            }
            (Side::Constant(name, constants), _) => {
                let help = format!("it is one of {}", constants.join(", "));
                self.error("unknown-constant", format!("`{name}` is never that"), span, &help);
                None
            }
            (_, Value::Text(pattern)) if operator == Operator::Matches => {
                patterns::check(&pattern, span, self.diagnostics).then_some(Value::Text(pattern))
            }
            (_, _) if operator == Operator::Matches => {
                self.error(
                    "text-needed",
                    "`matches` takes a pattern".into(),
                    span,
                    "write it in quotes",
                );
                None
            }
            (Side::Attribute(key), Value::Duration(length)) if !partial => {
                Some(Value::Number(self.in_unit_of(key, length, span)))
            }
            (_, Value::Duration(_)) => {
                self.error(
                    "text-needed",
                    "a duration is compared with text here".into(),
                    span,
                    "write it in quotes if it is meant as text",
                );
                None
            }
            (_, value) => Some(value),
        }
    }

    fn in_unit_of(&mut self, key: &str, length: i64, span: &Span) -> Number {
        let known = UNIT_SUFFIXES.iter().find(|(suffix, _)| key.ends_with(suffix));
        let unit = known.map_or(SECOND, |&(_, unit)| unit);
        let number = if length % unit == 0 {
            Number::Integer(length / unit)
        } else {
            Number::decimal(length as f64 / unit as f64)
        };
        if known.is_none() {
            let title = format!("the unit of `{key}` is taken to be seconds");
            self.diagnostics.push(
                Diagnostic::warning("duration-unit-guessed", title, span.clone())
                    .label(format!("compared as {number}"))
                    .help(format!("write the number if it is seconds: {number}")),
            );
        }
        number
    }

    /// Text from parameters has to be writable in a rule, or the canonical form could not be read.
    fn check_printable(&mut self, value: &Value, span: &Span) -> Option<()> {
        let bad = match value {
            Value::Text(text) => {
                text.chars().find(|&c| is_unprintable(c) && !matches!(c, '\n' | '\t'))
            }
            _ => None,
        };
        let Some(bad) = bad else { return Some(()) };
        let title = format!("this text holds the character U+{:04X}", u32::from(bad));
        self.error("invisible-character", title, span, "delete it from the parameter");
        None
    }

    fn note(&mut self, operand: &syntax::Operand, word: &str, meaning: WordMeaning) {
        let (span, word) = (operand.span.clone(), word.to_owned());
        self.words.push(WordReading { span, word, meaning });
    }

    fn error(&mut self, code: &'static str, title: String, span: &Span, help: &str) {
        self.diagnostics.push(Diagnostic::error(code, title, span.clone()).help(help));
    }
}

const UNIQUE: &str = "unique";
const SECOND: i64 = 1_000_000_000;

/// Endings of keys that name a unit, in nanoseconds.
const UNIT_SUFFIXES: [(&str, i64); 8] = [
    ("_ns", 1),
    ("_us", 1_000),
    ("_ms", 1_000_000),
    ("_s", SECOND),
    ("_seconds", SECOND),
    ("_minutes", 60 * SECOND),
    ("_hours", 3_600 * SECOND),
    ("_days", 86_400 * SECOND),
];
