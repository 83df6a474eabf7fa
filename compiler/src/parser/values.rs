//! Names, keys, operators and right sides.

use crate::ast::{AttributeRef, OperationName, Operator, Scope, Value};
use crate::diagnostic::Diagnostic;
use crate::lexer::Kind;
use crate::spelling::{read_duration, read_name, read_number, read_text, suffix_of};
use crate::syntax::{Operand, OperandKind};

use super::trace_terms::comparison;
use super::{Parser, Reported};

impl Parser<'_> {
    /// The name of an operation.
    pub(super) fn operation(&mut self) -> Result<OperationName, Reported> {
        match self.peek() {
            Kind::Word | Kind::OddWord => {
                let name = self.word().to_owned();
                let span = self.advance();
                if let Some(suffix) = suffix_of(&name) {
                    let title = format!("`.{suffix}` is not followed by parentheses");
                    self.report(
                        Diagnostic::error("malformed-suffix", title, span)
                            .help(format!("write `.{suffix}(…)`, or quote the name: \"{name}\"")),
                    );
                    return Err(Reported);
                }
                Ok(OperationName::Exact(name))
            }
            Kind::Text | Kind::SingleQuoted => {
                let name = read_name(self.inside_quotes());
                self.not_empty("operation")?;
                Ok(name)
            }
            _ => {
                self.unexpected("the name of an operation", None);
                Err(Reported)
            }
        }
    }

    /// An attribute's key: `key`, `"key"`, `span.key`, `resource."key"`.
    pub(super) fn attribute(&mut self) -> Result<AttributeRef, Reported> {
        let start = self.span().start;
        let attribute = self.key()?;
        self.note_attribute(&attribute, start);
        Ok(attribute)
    }

    fn note_attribute(&mut self, attribute: &AttributeRef, start: usize) {
        let span = start..self.end();
        self.syntax.attributes.push((attribute.clone(), span));
    }

    fn key(&mut self) -> Result<AttributeRef, Reported> {
        match self.peek() {
            Kind::Word => Ok(self.plain_attribute()?),
            Kind::OddWord => {
                let key = self.word().to_owned();
                self.advance();
                Ok(AttributeRef { scope: Scope::Any, key })
            }
            Kind::Text | Kind::SingleQuoted => self.quoted_key(Scope::Any),
            Kind::Intrinsic => {
                let span = self.span();
                let title = format!("`{}` is not an attribute", self.word());
                self.report(Diagnostic::error("misplaced-intrinsic", title, span));
                Err(Reported)
            }
            _ => {
                self.unexpected("the key of an attribute", None);
                Err(Reported)
            }
        }
    }

    fn plain_attribute(&mut self) -> Result<AttributeRef, Reported> {
        let word = self.word().to_owned();
        let after_dot = self.tokens.get(self.at + 2).map(|token| token.kind);
        let quoted_follows = self.peek_after() == Kind::Dot
            && matches!(after_dot, Some(Kind::Text | Kind::SingleQuoted));
        self.advance();
        match scope_of(&word) {
            Some((scope, key)) if !key.is_empty() => {
                Ok(AttributeRef { scope, key: key.to_owned() })
            }
            Some((scope, _)) if quoted_follows => {
                self.advance();
                self.quoted_key(scope)
            }
            _ => Ok(AttributeRef { scope: Scope::Any, key: word }),
        }
    }

    fn quoted_key(&mut self, scope: Scope) -> Result<AttributeRef, Reported> {
        let key = read_text(self.inside_quotes());
        self.not_empty("attribute")?;
        Ok(AttributeRef { scope, key })
    }

    fn inside_quotes(&self) -> &str {
        let word = self.word();
        &word[1..word.len() - 1]
    }

    /// Steps over a quoted name, which must not be empty.
    fn not_empty(&mut self, what: &str) -> Result<(), Reported> {
        let span = self.advance();
        if span.len() > 2 {
            return Ok(());
        }
        let title = format!("the name of this {what} is empty");
        self.report(Diagnostic::error("empty-name", title, span));
        Err(Reported)
    }

    /// The operator of a test.
    pub(super) fn operator(&mut self, expected: &str) -> Result<Operator, Reported> {
        let operator = match self.peek() {
            Kind::In => Operator::In,
            Kind::Not if self.peek_after() == Kind::In => {
                self.advance();
                Operator::NotIn
            }
            Kind::Matches => Operator::Matches,
            Kind::Contains => Operator::Contains,
            Kind::StartsWith => Operator::StartsWith,
            Kind::EndsWith => Operator::EndsWith,
            kind => match comparison(kind) {
                Some(comparison) => Operator::Compare(comparison),
                None => {
                    self.unexpected(expected, None);
                    return Err(Reported);
                }
            },
        };
        self.advance();
        Ok(operator)
    }

    /// Whatever stands where a value belongs.
    pub(super) fn operand(&mut self) -> Result<Operand, Reported> {
        if self.peek() != Kind::LeftBracket {
            return self.scalar();
        }
        let open = self.advance();
        let mut items = Vec::new();
        while self.peek() != Kind::RightBracket {
            items.push(self.scalar()?);
            if !self.accept(Kind::Comma) && self.peek() != Kind::RightBracket {
                self.unexpected("`,` or `]`", Some((open, "opened here")));
                return Err(Reported);
            }
        }
        let span = open.start..self.advance().end;
        if items.is_empty() {
            self.report(
                Diagnostic::error("empty-list", "this list is empty", span)
                    .help("nothing is in an empty list: leave the test out"),
            );
            return Err(Reported);
        }
        Ok(Operand { kind: OperandKind::List(items), span })
    }

    fn scalar(&mut self) -> Result<Operand, Reported> {
        let span = self.span();
        let kind = match self.peek() {
            Kind::Number => {
                let number = read_number(self.word());
                OperandKind::Value(Value::Number(self.in_range(
                    number,
                    "number",
                    "integers have 64 bits, decimals are doubles",
                )?))
            }
            Kind::Duration => {
                let duration = read_duration(self.word());
                let range = "durations are whole nanoseconds, at most 292 years";
                OperandKind::Value(Value::Duration(self.in_range(duration, "duration", range)?))
            }
            Kind::True => OperandKind::Value(Value::Bool(true)),
            Kind::False => OperandKind::Value(Value::Bool(false)),
            Kind::Text | Kind::SingleQuoted => {
                OperandKind::Value(Value::Text(read_text(self.inside_quotes())))
            }
            // Reported as such already; what was meant is clear enough to read on.
            Kind::OddWord | Kind::OddNumber => {
                OperandKind::Value(Value::Text(self.word().to_owned()))
            }
            Kind::Word => {
                let word = self.word().to_owned();
                let attribute = self.plain_attribute()?;
                let kind = match attribute.scope {
                    Scope::Any => OperandKind::Word(word),
                    _ => {
                        self.note_attribute(&attribute, span.start);
                        OperandKind::Attribute(attribute)
                    }
                };
                return Ok(Operand { kind, span: span.start..self.end() });
            }
            Kind::Intrinsic => {
                let title = format!("`{}` stands on the right", self.word());
                self.report(
                    Diagnostic::error("misplaced-intrinsic", title, span)
                        .help("intrinsics are compared from the left; text with a colon is quoted"),
                );
                return Err(Reported);
            }
            _ => {
                self.unexpected("a value", None);
                return Err(Reported);
            }
        };
        self.advance();
        Ok(Operand { kind, span })
    }

    fn in_range<T>(&mut self, value: Option<T>, what: &str, range: &str) -> Result<T, Reported> {
        value.ok_or_else(|| {
            let span = self.span();
            let title = format!("the {what} `{}` is out of range", self.word());
            let code =
                if what == "number" { "number-out-of-range" } else { "duration-out-of-range" };
            self.report(Diagnostic::error(code, title, span).help(range));
            Reported
        })
    }
}

/// The scope that a dotted word names, and the key behind it, empty if it is the scope alone.
fn scope_of(word: &str) -> Option<(Scope, &str)> {
    let (first, key) = word.split_once('.').unwrap_or((word, ""));
    match first {
        "span" => Some((Scope::Span, key)),
        "resource" => Some((Scope::Resource, key)),
        _ => None,
    }
}
