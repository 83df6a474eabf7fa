//! Tokens to [`Syntax`]. Nesting lies on a stack of our own, not on the machine's, and is limited;
//! after an error the parser goes on at the next `and`, `or`, `)` or `}`, so that one run reports
//! all errors of a text.

mod boolean;
mod span_terms;
mod trace_terms;
mod values;

use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::lexer::{self, Kind, Token};
use crate::params::Params;
use crate::syntax::{Clauses, Form, NodeId, NodeKind, Syntax};

use boolean::Ending;

/// Parses a rule text of at most [`RULE_TEXT_BYTES`](crate::limits::RULE_TEXT_BYTES). What could
/// not be understood has been reported and is an error node, or no clause at all.
pub(crate) fn parse(text: &str, params: &Params, diagnostics: &mut Diagnostics) -> Syntax {
    let tokens = lexer::tokens(text, diagnostics);
    let mut parser = Parser {
        text,
        tokens,
        at: 0,
        depth: 0,
        stopped: false,
        quiet: false,
        params,
        syntax: Syntax::new(),
        diagnostics,
    };
    parser.rule();
    parser.syntax
}

/// Where a boolean expression stands, and so what its terms are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a clause: conditions over the trace.
    Trace,
    /// In `where`: predicates over a span.
    Span,
}

/// A term could not be parsed; this has been reported.
struct Reported;

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    /// Open parentheses and `not`s here.
    depth: usize,
    /// Reading on is pointless: every further message would be a consequence of one given.
    stopped: bool,
    /// The clause under way is broken as a whole: its details are not reported.
    quiet: bool,
    params: &'a Params,
    syntax: Syntax,
    diagnostics: &'a mut Diagnostics,
}

impl Parser<'_> {
    fn rule(&mut self) {
        match self.peek() {
            Kind::End => {
                let span = self.span();
                self.report(
                    Diagnostic::error("empty-rule", "there is no rule in this text", span)
                        .help("the shortest rule is `never { operation.name }`"),
                );
            }
            _ if self.at_clause() => self.clauses(),
            _ => self.bare_condition(),
        }
    }

    fn bare_condition(&mut self) {
        let condition = self.boolean(Place::Trace, &Ending { kind: Kind::End, opened: None });
        self.syntax.form = Form::Bare(condition);
    }

    fn clauses(&mut self) {
        let mut clauses = Clauses::default();
        let mut seen: [Option<Span>; 3] = [None, None, None];
        while self.peek() != Kind::End && !self.stopped {
            if !self.at_clause() {
                self.unexpected("`when`, `always` or `never`", None);
                while !self.at_clause() && self.peek() != Kind::End {
                    self.advance();
                }
                continue;
            }
            let clause = self.peek();
            let keyword = self.advance();
            let index = match clause {
                Kind::When => 0,
                Kind::Always => 1,
                _ => 2,
            };
            self.report_clause_order(
                clause,
                &keyword,
                &seen[index],
                seen.iter().any(Option::is_some),
            );
            seen[index] = Some(keyword);
            let body = self.clause_body();
            let slot = [&mut clauses.when, &mut clauses.always, &mut clauses.never];
            slot.into_iter()
                .nth(index)
                .expect("three clauses have three slots")
                .get_or_insert(body);
        }
        if let [Some(when), None, None] = &seen
            && !self.stopped
        {
            self.report(
                Diagnostic::error("when-alone", "`when` alone can never be violated", when.clone())
                    .help("add `always { … }` with what must hold then, or `never { … }`"),
            );
        }
        self.syntax.form = Form::Clauses(clauses);
    }

    fn report_clause_order(&mut self, clause: Kind, at: &Span, before: &Option<Span>, any: bool) {
        let name = &self.text[at.clone()];
        if let Some(before) = before {
            let diagnostic =
                Diagnostic::error("clause-twice", format!("`{name}` stands twice"), at.clone())
                    .context(before.clone(), "first here")
                    .help("join the two by `and` or `or` in one clause");
            self.report(diagnostic);
        } else if clause == Kind::When && any {
            let title = "`when` comes before `always` and `never`";
            self.report(Diagnostic::error("clause-order", title, at.clone()));
        }
    }

    fn clause_body(&mut self) -> NodeId {
        let brace = self.span();
        let opened = self.accept(Kind::LeftBrace).then(|| brace.clone());
        if opened.is_none() {
            self.unexpected("`{`", None);
        }
        if self.peek() == Kind::RightBrace {
            let span = brace.start..self.advance().end;
            self.report(
                Diagnostic::error("empty-clause", "this clause is empty", span.clone())
                    .help("leave the clause out, or say what it asks for"),
            );
            return self.syntax.add(NodeKind::Error, span);
        }
        // Without its opening brace a clause ends where the next begins, and no brace is missed.
        self.quiet = opened.is_none();
        let body = self.boolean(Place::Trace, &Ending { kind: Kind::RightBrace, opened });
        self.quiet = false;
        self.accept(Kind::RightBrace);
        body
    }

    /// Whether a clause begins here, in whatever letters its keyword is written.
    fn at_clause(&mut self) -> bool {
        if self.peek() == Kind::Word && self.peek_after() == Kind::LeftBrace {
            self.adopt_keyword();
        }
        matches!(self.peek(), Kind::When | Kind::Always | Kind::Never)
    }

    /// Takes a keyword in capitals for what it means, and says so.
    fn adopt_keyword(&mut self) {
        let word = self.word().to_ascii_lowercase();
        let kind = match word.as_str() {
            "when" => Kind::When,
            "always" => Kind::Always,
            "never" => Kind::Never,
            "and" => Kind::And,
            "or" => Kind::Or,
            "not" => Kind::Not,
            _ => return,
        };
        let span = self.span();
        let title = format!("the keyword `{}` is in capitals", self.word());
        self.report(Diagnostic::error("keyword-case", title, span).help(format!("write `{word}`")));
        self.tokens[self.at].kind = kind;
    }

    fn peek(&self) -> Kind {
        self.tokens[self.at].kind
    }

    fn peek_after(&self) -> Kind {
        self.tokens[(self.at + 1).min(self.tokens.len() - 1)].kind
    }

    fn span(&self) -> Span {
        self.tokens[self.at].span.clone()
    }

    /// The end of the token before this one.
    fn end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |before| self.tokens[before].span.end)
    }

    /// The text of the token here.
    fn word(&self) -> &str {
        &self.text[self.span()]
    }

    fn advance(&mut self) -> Span {
        let span = self.span();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        span
    }

    fn accept(&mut self, kind: Kind) -> bool {
        let there = self.peek() == kind;
        if there {
            self.advance();
        }
        there
    }

    fn expect(&mut self, kind: Kind, name: &str) -> Result<(), Reported> {
        if self.accept(kind) {
            return Ok(());
        }
        self.unexpected(name, None);
        Err(Reported)
    }

    /// Reports that something else was expected here; not if what is here has been reported as no
    /// token at all.
    fn unexpected(&mut self, expected: &str, opened: Option<(Span, &str)>) {
        let kind = self.peek();
        if matches!(
            kind,
            Kind::OpenString
                | Kind::Unknown
                | Kind::OddNumber
                | Kind::OddWord
                | Kind::Assign
                | Kind::DoubleAnd
                | Kind::DoubleOr
                | Kind::Bang
                | Kind::SingleQuoted
        ) {
            self.stopped |= kind == Kind::OpenString;
            return;
        }
        let found = match kind {
            Kind::End => "the end of the rule".to_owned(),
            _ => format!("`{}`", self.word()),
        };
        let span = self.span();
        let mut diagnostic = Diagnostic::error(
            "expected-token",
            format!("expected {expected}, found {found}"),
            span,
        )
        .label(format!("expected {expected}"));
        if let Some((place, text)) = opened {
            diagnostic = diagnostic.context(place, text);
        }
        self.report(diagnostic);
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if !self.stopped && !self.quiet {
            self.diagnostics.push(diagnostic);
        }
        self.stopped |= self.diagnostics.full();
    }

    /// Skips to where a term may end: `and`, `or`, `)`, `}` outside of parentheses opened since,
    /// or the next clause.
    fn recover(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.peek() {
                Kind::End | Kind::RightBrace => return,
                Kind::When | Kind::Always | Kind::Never => return,
                Kind::And | Kind::Or | Kind::DoubleAnd | Kind::DoubleOr if open == 0 => return,
                Kind::RightParen if open == 0 => return,
                Kind::RightParen => open -= 1,
                Kind::LeftParen => open += 1,
                Kind::OpenString => self.stopped = true,
                _ => {}
            }
            self.advance();
        }
    }
}
