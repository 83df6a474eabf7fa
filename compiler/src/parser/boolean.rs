//! `and`, `or`, `not` and parentheses, over whatever terms the place has.

use crate::diagnostic::{Diagnostic, Span};
use crate::lexer::Kind;
use crate::limits;
use crate::syntax::{Junction, NodeId, NodeKind};

use super::{Parser, Place};

/// An expression under way: the rule's, a clause's or one in parentheses.
struct Level {
    /// The parenthesis that opened it.
    open: Option<Span>,
    /// Finished operands of `or`.
    alternatives: Vec<NodeId>,
    /// Finished operands of the `and` under way.
    factors: Vec<NodeId>,
    /// The `not`s before the operand under way.
    nots: Vec<Span>,
}

impl Level {
    fn new(open: Option<Span>) -> Self {
        Self { open, alternatives: Vec::new(), factors: Vec::new(), nots: Vec::new() }
    }
}

/// What ends an expression, and what that closes.
pub(super) struct Ending {
    pub(super) kind: Kind,
    pub(super) opened: Option<Span>,
}

impl Parser<'_> {
    /// Parses an expression up to its ending, which is left to the caller. What else follows has
    /// been reported, so that a caller who finds no ending has nothing to add.
    pub(super) fn boolean(&mut self, place: Place, ending: &Ending) -> NodeId {
        let outer_depth = self.depth;
        let mut levels = vec![Level::new(None)];
        'operand: loop {
            if self.peek() == Kind::LeftParen {
                let open = self.advance();
                self.deepen(&open);
                levels.push(Level::new(Some(open)));
                continue;
            }
            if self.at_not() {
                let not = self.advance();
                self.deepen(&not);
                level(&mut levels).nots.push(not);
                continue;
            }
            let operand = self.term(place);
            self.take_operand(level(&mut levels), operand);
            loop {
                match self.connective() {
                    Some(Junction::And) => continue 'operand,
                    Some(Junction::Or) => {
                        self.close_factors(level(&mut levels));
                        continue 'operand;
                    }
                    None if levels.len() > 1 && self.accept(Kind::RightParen) => {
                        self.close(&mut levels);
                    }
                    None if levels.len() == 1 && self.peek() == ending.kind => break 'operand,
                    None if self.resume(&mut levels, ending) => {}
                    None => break 'operand,
                }
            }
        }
        while levels.len() > 1 {
            self.close(&mut levels);
        }
        let outermost = levels.pop().expect("the outermost expression is never closed in a loop");
        self.depth = outer_depth;
        self.close_level(outermost)
    }

    /// Reports what cannot follow an operand and skips it. Whether the expression goes on behind.
    fn resume(&mut self, levels: &mut [Level], ending: &Ending) -> bool {
        let inner = levels.len() > 1;
        let level = level(levels);
        let opened = if inner { &level.open } else { &ending.opened };
        let expected = match (inner, ending.kind) {
            (true, _) | (_, Kind::RightParen) => "`and`, `or` or `)`",
            (_, Kind::RightBrace) => "`and`, `or` or `}`",
            _ => "`and`, `or` or the end of the rule",
        };
        let at = self.span();
        let last = level.factors.last_mut().expect("an operand has just been taken");
        // What follows a term that was not understood cannot be judged.
        if !matches!(self.syntax.kind(*last), NodeKind::Error) {
            self.unexpected(expected, opened.clone().map(|place| (place, "opened here")));
            *last = self.syntax.add(NodeKind::Error, at);
        }
        self.recover();
        while !inner && ending.kind != Kind::RightParen && self.accept(Kind::RightParen) {
            self.recover();
        }
        matches!(
            self.peek(),
            Kind::And | Kind::Or | Kind::DoubleAnd | Kind::DoubleOr | Kind::RightParen
        ) || self.peek() == ending.kind && !inner
    }

    fn term(&mut self, place: Place) -> NodeId {
        let start = self.span().start;
        let term = match place {
            Place::Trace => self.trace_term(),
            Place::Span => self.span_term(),
        };
        term.unwrap_or_else(|_| {
            self.recover();
            let end = self.end().max(start);
            self.syntax.add(NodeKind::Error, start..end)
        })
    }

    fn at_not(&mut self) -> bool {
        if self.peek() == Kind::Word
            && matches!(self.peek_after(), Kind::Word | Kind::Text | Kind::LeftParen)
            && self.word().eq_ignore_ascii_case("not")
        {
            self.adopt_keyword();
        }
        matches!(self.peek(), Kind::Not | Kind::Bang)
    }

    fn connective(&mut self) -> Option<Junction> {
        if self.peek() == Kind::Word && !self.stopped {
            self.adopt_connective();
        }
        let junction = match self.peek() {
            Kind::And | Kind::DoubleAnd => Junction::And,
            Kind::Or | Kind::DoubleOr => Junction::Or,
            _ => return None,
        };
        self.advance();
        Some(junction)
    }

    fn adopt_connective(&mut self) {
        if ["and", "or"].iter().any(|keyword| self.word().eq_ignore_ascii_case(keyword)) {
            self.adopt_keyword();
        }
    }

    /// One level deeper; past the limit the rest of the text is not read.
    pub(super) fn deepen(&mut self, at: &Span) {
        self.depth += 1;
        if self.depth > limits::NESTING && !self.stopped {
            let title = format!("nesting deeper than {}", limits::NESTING);
            self.report(
                Diagnostic::error("nesting-too-deep", title, at.clone())
                    .help("drop parentheses and `not`s that say nothing, or split the rule"),
            );
            self.stopped = true;
            self.at = self.tokens.len() - 1;
        }
    }

    /// Adds an operand with the `not`s before it.
    fn take_operand(&mut self, level: &mut Level, mut operand: NodeId) {
        while let Some(not) = level.nots.pop() {
            let end = self.syntax.span(operand).end;
            operand = self.syntax.add(NodeKind::Not(operand), not.start..end);
            self.depth -= 1;
        }
        level.factors.push(operand);
    }

    fn close_factors(&mut self, level: &mut Level) {
        let factors = std::mem::take(&mut level.factors);
        level.alternatives.push(self.syntax.join(Junction::And, factors));
    }

    /// Ends the innermost expression and hands it to the one around it as an operand.
    fn close(&mut self, levels: &mut Vec<Level>) {
        let inner = levels.pop().expect("only an expression in parentheses is closed");
        self.depth -= 1;
        let expression = self.close_level(inner);
        self.take_operand(level(levels), expression);
    }

    fn close_level(&mut self, mut level: Level) -> NodeId {
        self.close_factors(&mut level);
        self.syntax.join(Junction::Or, level.alternatives)
    }
}

fn level(levels: &mut [Level]) -> &mut Level {
    levels.last_mut().expect("the outermost expression is never closed in the loop")
}
