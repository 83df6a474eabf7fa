//! Puts a bare condition into the clauses that it is read as, in its own words: parameters, comments
//! and layout stay.

use crate::ast::{Condition, Statement};
use crate::diagnostic::{Diagnostics, Edit, Fix};
use crate::lexer::{self, Kind, Token};
use crate::{ReadOptions, parse_rule};

/// The changes that write out the clauses of a bare condition. None where they would not be read as
/// the very same statement.
pub(crate) fn written_out(
    text: &str,
    statement: &Statement,
    options: &ReadOptions<'_>,
) -> Option<Fix> {
    let mut tokens = lexer::tokens(text, &mut Diagnostics::default());
    tokens.pop();
    let edits = edits(&tokens, statement)?;
    let changed = Edit::apply(text, &edits)?;
    let same = parse_rule(&changed, options).statement.as_ref() == Some(statement);
    same.then_some(Fix { edits, exact: true })
}

fn edits(tokens: &[Token], statement: &Statement) -> Option<Vec<Edit>> {
    let (first, last) = (tokens.first()?, tokens.last()?);
    let put = |at: usize, text: &str| Edit { span: at..at, text: text.to_owned() };
    let (start, end) = (first.span.start, put(last.span.end, " }"));
    match (statement.when, statement.always, statement.never) {
        (Some(_), Some(_), None) => {
            let and = outer_and(tokens)?.span.clone();
            let middle = Edit { span: and, text: "} always {".to_owned() };
            Some(vec![put(start, "when { "), middle, end])
        }
        (None, Some(_), None) => Some(vec![put(start, "always { "), end]),
        (None, None, Some(never)) if first.kind == Kind::Not && !is_not(statement, never) => {
            let not = Edit { span: first.span.clone(), text: "never {".to_owned() };
            Some(vec![not, end])
        }
        (None, None, Some(_)) => Some(vec![put(start, "never { "), end]),
        _ => None,
    }
}

fn is_not(statement: &Statement, id: crate::ast::ConditionId) -> bool {
    matches!(statement[id], Condition::Not(_))
}

/// The first `and` outside of parentheses and lists.
fn outer_and(tokens: &[Token]) -> Option<&Token> {
    let mut open = 0_usize;
    tokens.iter().find(|token| {
        match token.kind {
            Kind::LeftParen | Kind::LeftBracket => open += 1,
            Kind::RightParen | Kind::RightBracket => open = open.saturating_sub(1),
            _ => {}
        }
        open == 0 && token.kind == Kind::And
    })
}
