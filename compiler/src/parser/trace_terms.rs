//! Terms of a condition over a trace: operations, counts and facts of the trace.

use crate::ast::{OperationName, TraceIntrinsic};
use crate::diagnostic::{Diagnostic, Span};
use crate::lexer::Kind;
use crate::spelling::TRACE_INTRINSICS;
use crate::syntax::{Count, Junction, NodeId, NodeKind, Operand, OperandKind, Quantity};

use super::boolean::Ending;
use super::{Parser, Place, Reported};

/// What follows an operation or a count with a dot.
#[derive(Default)]
struct Suffixes {
    filters: Vec<NodeId>,
    by: Option<crate::ast::AttributeRef>,
    within: Option<Operand>,
    /// The first `.by` or `.within`.
    grouping: Option<Span>,
}

/// How much of a test is repeated in a help line.
const WORDS_IN_HELP: usize = 8;

/// How a term that begins with a word goes on.
enum Head {
    Has,
    Count {
        distinct: bool,
    },
    Operation,
    /// Something else before `(`.
    Other,
}

impl Parser<'_> {
    pub(super) fn trace_term(&mut self) -> Result<NodeId, Reported> {
        let start = self.span().start;
        match self.peek() {
            Kind::Word | Kind::OddWord => match self.head() {
                Head::Has => {
                    self.advance();
                    self.expect(Kind::LeftParen, "`(`")?;
                    let operation = self.operation()?;
                    self.expect(Kind::RightParen, "`)`")?;
                    self.has(operation, start, None)
                }
                Head::Count { .. } => {
                    let count = self.count()?;
                    self.comparison_of(Quantity::Count(Box::new(count)), start)
                }
                Head::Other => Err(self.unknown_function()),
                Head::Operation if self.is_number_parameter() => {
                    let word = self.word().to_owned();
                    let span = self.advance();
                    let constant = Operand { kind: OperandKind::Word(word), span };
                    self.comparison_of(Quantity::Constant(constant), start)
                }
                Head::Operation => self.plain_operation(start),
            },
            Kind::Text | Kind::SingleQuoted | Kind::OpenString => self.plain_operation(start),
            Kind::Number | Kind::Duration | Kind::OddNumber => {
                let constant = self.operand()?;
                self.comparison_of(Quantity::Constant(constant), start)
            }
            Kind::Intrinsic => self.trace_fact(start),
            Kind::Exists => {
                let span = self.span();
                let title = "`exists` asks about a span, so it stands inside `where`";
                self.report(
                    Diagnostic::error("attribute-outside-where", title, span)
                        .help("write `operation.where(exists(key))`"),
                );
                Err(Reported)
            }
            _ => {
                self.unexpected("an operation, a count or `trace:…`", None);
                Err(Reported)
            }
        }
    }

    fn head(&self) -> Head {
        if self.peek_after() != Kind::LeftParen {
            return Head::Operation;
        }
        match self.word() {
            "trace.has" => Head::Has,
            "trace.count" | "count" => Head::Count { distinct: false },
            "trace.count_distinct" | "count_distinct" => Head::Count { distinct: true },
            word => match word.rsplit_once('.') {
                Some((_, "where" | "by" | "within")) => Head::Operation,
                _ => Head::Other,
            },
        }
    }

    fn is_number_parameter(&self) -> bool {
        comparison(self.peek_after()).is_some() && self.params.contains_key(self.word())
    }

    fn unknown_function(&mut self) -> Reported {
        let span = self.span();
        let word = self.word().to_owned();
        let help = match word.as_str() {
            "has" => "write `trace.has(operation)`, or just the operation",
            "where" => "`.where(…)` follows an operation: `operation.where(…)`",
            _ => "over a trace there are `trace.has`, `trace.count` and `trace.count_distinct`",
        };
        self.report(
            Diagnostic::error("unknown-function", format!("`{word}(…)` is not known"), span)
                .help(help),
        );
        Reported
    }

    /// An operation without `trace.has`, or with a suffix stuck to its name.
    fn plain_operation(&mut self, start: usize) -> Result<NodeId, Reported> {
        if self.peek_after() == Kind::LeftParen
            && matches!(self.peek(), Kind::Word | Kind::OddWord)
            && let Some((name, suffix)) = self.word().rsplit_once('.')
        {
            let (name, suffix) = (name.to_owned(), suffix.to_owned());
            let span = self.advance();
            let suffix_span = span.end - suffix.len()..span.end;
            return self.has(OperationName::Exact(name), start, Some((suffix, suffix_span)));
        }
        if self.attribute_test_follows() {
            return Err(self.attribute_outside_where());
        }
        let operation = self.operation()?;
        self.has(operation, start, None)
    }

    /// Whether the name here is compared, which only attributes are.
    fn attribute_test_follows(&self) -> bool {
        let after = self.peek_after();
        comparison(after).is_some()
            || matches!(
                after,
                Kind::Not
                    | Kind::In
                    | Kind::Matches
                    | Kind::Contains
                    | Kind::StartsWith
                    | Kind::EndsWith
                    | Kind::Assign
            )
    }

    fn attribute_outside_where(&mut self) -> Reported {
        let span = self.span();
        let name = self.word().to_owned();
        let rest_start = self.tokens[self.at + 1].span.start;
        self.advance();
        self.advance();
        self.recover();
        let rest = self.text[rest_start..self.end().max(rest_start)].split_whitespace();
        let rest = rest.take(WORDS_IN_HELP).collect::<Vec<_>>().join(" ");
        let fact = name.replacen('.', ":", 1);
        let help = match name.rsplit_once('.') {
            _ if TRACE_INTRINSICS.iter().any(|(spelling, _)| *spelling == fact) => {
                format!("write `{fact} {rest}`")
            }
            Some(("span" | "resource", _)) => {
                format!("write `operation.where({name} {rest})`")
            }
            Some((operation, key)) => format!("write `{operation}.where({key} {rest})`"),
            None => format!("write `operation.where({name} {rest})` with the operation's name"),
        };
        let title = format!("`{name}` is compared outside of `where`");
        self.report(
            Diagnostic::error("attribute-outside-where", title, span)
                .label("a condition over a trace names operations")
                .help(help),
        );
        Reported
    }

    fn has(
        &mut self,
        operation: OperationName,
        start: usize,
        glued: Option<(String, Span)>,
    ) -> Result<NodeId, Reported> {
        let suffixes = self.suffixes(glued)?;
        if let Some(span) = suffixes.grouping {
            let title = "`.by` and `.within` belong to counts";
            self.report(
                Diagnostic::error("misplaced-suffix", title, span)
                    .help("write `trace.count(operation).by(key).within(1m) > 5`"),
            );
            return Err(Reported);
        }
        let filter = self.join_filters(suffixes.filters);
        let end = self.end();
        Ok(self.syntax.add(NodeKind::Has { operation, filter }, start..end))
    }

    fn join_filters(&mut self, filters: Vec<NodeId>) -> Option<NodeId> {
        (!filters.is_empty()).then(|| self.syntax.join(Junction::And, filters))
    }

    fn count(&mut self) -> Result<Count, Reported> {
        let distinct = matches!(self.head(), Head::Count { distinct: true });
        let start = self.advance().start;
        self.expect(Kind::LeftParen, "`(`")?;
        let operation = self.operation()?;
        let mut attribute = None;
        if distinct {
            self.expect(Kind::Comma, "`,` and the attribute whose values are counted")?;
            attribute = Some(self.attribute()?);
        }
        self.expect(Kind::RightParen, "`)`")?;
        let suffixes = self.suffixes(None)?;
        let filter = self.join_filters(suffixes.filters);
        let (by, within) = (suffixes.by, suffixes.within);
        let span = start..self.end();
        Ok(Count { operation, distinct: attribute, filter, by, within, span })
    }

    fn suffixes(&mut self, mut glued: Option<(String, Span)>) -> Result<Suffixes, Reported> {
        let mut suffixes = Suffixes::default();
        loop {
            let (name, span) = match glued.take() {
                Some(suffix) => suffix,
                None if self.accept(Kind::Dot) => {
                    if self.peek() != Kind::Word {
                        self.unexpected("`where`, `by` or `within`", None);
                        return Err(Reported);
                    }
                    (self.word().to_owned(), self.advance())
                }
                None => return Ok(suffixes),
            };
            self.suffix(&name, span, &mut suffixes)?;
        }
    }

    fn suffix(&mut self, name: &str, span: Span, into: &mut Suffixes) -> Result<(), Reported> {
        if !matches!(name, "where" | "by" | "within") {
            let title = format!("`.{name}` is not known");
            self.report(
                Diagnostic::error("unknown-function", title, span).help(
                    "an operation takes `.where(…)`, a count also `.by(key)` and `.within(1m)`",
                ),
            );
            return Err(Reported);
        }
        let open = self.span();
        self.expect(Kind::LeftParen, "`(`")?;
        match name {
            "where" => {
                let ending = Ending { kind: Kind::RightParen, opened: Some(open.clone()) };
                self.deepen(&open);
                let filter = self.boolean(Place::Span, &ending);
                self.depth -= 1;
                into.filters.push(filter);
                // A missing parenthesis has been reported by the expression.
                self.accept(Kind::RightParen);
                return Ok(());
            }
            "by" => {
                let key = self.attribute()?;
                self.report_repetition(name, &span, into.by.replace(key).is_some());
            }
            _ => {
                let length = self.operand()?;
                self.report_repetition(name, &span, into.within.replace(length).is_some());
            }
        }
        into.grouping.get_or_insert(span);
        self.expect(Kind::RightParen, "`)`")
    }

    fn report_repetition(&mut self, name: &str, span: &Span, repeated: bool) {
        if repeated {
            let title = format!("`.{name}` stands twice on one count");
            self.report(Diagnostic::error("suffix-twice", title, span.clone()));
        }
    }

    fn comparison_of(&mut self, left: Quantity, start: usize) -> Result<NodeId, Reported> {
        let Some(comparison) = comparison(self.peek()) else {
            let expected = "`==`, `!=`, `<`, `<=`, `>` or `>=`";
            self.unexpected(expected, None);
            return Err(Reported);
        };
        self.advance();
        let right = match (self.peek(), self.head()) {
            (Kind::Word, Head::Count { .. }) => Quantity::Count(Box::new(self.count()?)),
            _ => Quantity::Constant(self.operand()?),
        };
        let span = start..self.end();
        Ok(self.syntax.add(NodeKind::Compare { left, comparison, right }, span))
    }

    fn trace_fact(&mut self, start: usize) -> Result<NodeId, Reported> {
        let spelling = self.word().to_owned();
        let known = TRACE_INTRINSICS.iter().find(|(name, _)| *name == spelling);
        let Some(&(_, intrinsic)) = known else {
            return Err(self.unknown_intrinsic());
        };
        self.advance();
        self.trace_test(intrinsic, start)
    }

    fn trace_test(&mut self, intrinsic: TraceIntrinsic, start: usize) -> Result<NodeId, Reported> {
        let operator = self.operator(&format!("a comparison of `{intrinsic}`"))?;
        let operand = self.operand()?;
        let span = start..self.end();
        Ok(self.syntax.add(NodeKind::Trace { intrinsic, operator, operand }, span))
    }
}

/// The comparison that a token stands for.
pub(super) fn comparison(kind: Kind) -> Option<crate::ast::Comparison> {
    use crate::ast::Comparison;
    Some(match kind {
        Kind::Equal | Kind::Assign => Comparison::Equal,
        Kind::NotEqual => Comparison::NotEqual,
        Kind::Less => Comparison::Less,
        Kind::LessEqual => Comparison::LessEqual,
        Kind::Greater => Comparison::Greater,
        Kind::GreaterEqual => Comparison::GreaterEqual,
        _ => return None,
    })
}
