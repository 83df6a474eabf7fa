//! Terms of a predicate over a span: tests of attributes and intrinsics.

use crate::diagnostic::Diagnostic;
use crate::lexer::Kind;
use crate::spelling::{SPAN_INTRINSICS, TRACE_INTRINSICS};
use crate::syntax::{NodeId, NodeKind, Quoting, Subject};

use super::{Parser, Reported};

impl Parser<'_> {
    pub(super) fn span_term(&mut self) -> Result<NodeId, Reported> {
        let start = self.span().start;
        let subject = match self.peek() {
            Kind::Exists => return self.exists(start),
            Kind::Word if self.peek_after() == Kind::LeftParen => {
                return Err(self.trace_term_in_where());
            }
            Kind::Word | Kind::OddWord | Kind::Text | Kind::SingleQuoted | Kind::OpenString => {
                let quoted = self.peek() != Kind::Word;
                let quoting = if quoted { Quoting::Quoted } else { Quoting::Plain };
                Subject::Attribute(self.attribute()?, quoting)
            }
            Kind::Intrinsic => self.span_intrinsic()?,
            Kind::Number | Kind::Duration | Kind::True | Kind::False => {
                let span = self.span();
                let title = "the constant stands on the left";
                self.report(
                    Diagnostic::error("constant-on-left", title, span)
                        .help("write the attribute first: `amount > 1000`"),
                );
                return Err(Reported);
            }
            _ => {
                self.unexpected("an attribute, `span:…` or `exists(…)`", None);
                return Err(Reported);
            }
        };
        match subject {
            Subject::Attribute(attribute, _) if self.at_term_end() => {
                let span = start..self.end();
                Ok(self.syntax.add(NodeKind::Truth(attribute), span))
            }
            subject => {
                let operator = self.operator("a comparison, `and`, `or` or `)`")?;
                let operand = self.operand()?;
                let span = start..self.end();
                Ok(self.syntax.add(NodeKind::Test { subject, operator, operand }, span))
            }
        }
    }

    fn at_term_end(&self) -> bool {
        matches!(
            self.peek(),
            Kind::And
                | Kind::Or
                | Kind::DoubleAnd
                | Kind::DoubleOr
                | Kind::RightParen
                | Kind::RightBrace
                | Kind::End
        )
    }

    fn exists(&mut self, start: usize) -> Result<NodeId, Reported> {
        self.advance();
        self.expect(Kind::LeftParen, "`(`")?;
        let attribute = self.attribute()?;
        self.expect(Kind::RightParen, "`)`")?;
        let span = start..self.end();
        Ok(self.syntax.add(NodeKind::Exists(attribute), span))
    }

    fn span_intrinsic(&mut self) -> Result<Subject, Reported> {
        let known = SPAN_INTRINSICS.iter().find(|(spelling, _)| *spelling == self.word());
        let Some(&(_, intrinsic)) = known else {
            return Err(self.unknown_intrinsic());
        };
        self.advance();
        Ok(Subject::Intrinsic(intrinsic))
    }

    fn trace_term_in_where(&mut self) -> Reported {
        let span = self.span();
        let title = format!("`{}(…)` cannot stand inside `where`", self.word());
        self.report(
            Diagnostic::error("unknown-function", title, span)
                .help("inside `where` there are tests of one span's attributes, and `exists(key)`"),
        );
        Reported
    }

    /// Reports an intrinsic that does not exist or does not belong here.
    pub(super) fn unknown_intrinsic(&mut self) -> Reported {
        let span = self.span();
        let word = self.word().to_owned();
        let of_span = SPAN_INTRINSICS.iter().any(|(spelling, _)| *spelling == word);
        let of_trace = TRACE_INTRINSICS.iter().any(|(spelling, _)| *spelling == word);
        let diagnostic = if of_span {
            Diagnostic::error(
                "misplaced-intrinsic",
                format!("`{word}` is a fact of a span, which only `where` can ask for"),
                span,
            )
            .help(format!("write `operation.where({word} …)`"))
        } else if of_trace {
            Diagnostic::error(
                "misplaced-intrinsic",
                format!("`{word}` is a fact of the trace, not of a span"),
                span,
            )
            .help("compare it outside of `where`")
        } else {
            let names = SPAN_INTRINSICS.iter().map(|(name, _)| *name);
            let names: Vec<&str> =
                names.chain(TRACE_INTRINSICS.iter().map(|(name, _)| *name)).collect();
            Diagnostic::error("unknown-intrinsic", format!("`{word}` is not known"), span)
                .help(format!("there are {}; a key with a colon is quoted", names.join(", ")))
        };
        self.report(diagnostic);
        Reported
    }
}
