//! Puts a bare condition into the clauses that it is read as, in its own words: parameters, comments
//! and layout stay.

use crate::ast::{Condition, Statement};
use crate::diagnostic::{Diagnostics, Edit, Fix};
use crate::lexer::{self, Kind, Token};
use crate::{ReadOptions, parse_rule};

/// The changes that write out the clauses of a bare condition: around its own words, or else as
/// [`canonical`] text. None where neither is read as the very same statement.
pub(crate) fn clauses(text: &str, statement: &Statement, options: &ReadOptions<'_>) -> Option<Fix> {
    let tokens = tokens(text);
    let ways = [around(&tokens, statement), anew(&tokens, text, statement, options)];
    first_same(ways, text, statement, options)
}

/// The changes that give a rule text its canonical form, if that loses no comment and no parameter,
/// or else at least its clauses. None where neither is read as the very same statement.
pub fn canonical(text: &str, statement: &Statement, options: &ReadOptions<'_>) -> Option<Fix> {
    let tokens = tokens(text);
    let ways = [anew(&tokens, text, statement, options), around(&tokens, statement)];
    first_same(ways, text, statement, options)
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = lexer::tokens(text, &mut Diagnostics::default());
    tokens.pop();
    tokens
}

fn first_same(
    ways: [Option<Vec<Edit>>; 2],
    text: &str,
    statement: &Statement,
    options: &ReadOptions<'_>,
) -> Option<Fix> {
    let is_same = |edits: &Vec<Edit>| {
        let changed = Edit::apply(text, edits);
        changed.is_some_and(|text| parse_rule(&text, options).statement.as_ref() == Some(statement))
    };
    let edits = ways.into_iter().flatten().find(is_same)?;
    Some(Fix { edits, exact: true })
}

/// The canonical text in place of all tokens.
fn anew(
    tokens: &[Token],
    text: &str,
    statement: &Statement,
    options: &ReadOptions<'_>,
) -> Option<Vec<Edit>> {
    let (first, last) = (tokens.first()?, tokens.last()?);
    let mut gaps = tokens.windows(2).map(|pair| &text[pair[0].span.end..pair[1].span.start]);
    let has_comments = gaps.any(|gap| !gap.trim().is_empty());
    let names_param = |token: &Token| options.params.contains_key(&text[token.span.clone()]);
    let edit = Edit { span: first.span.start..last.span.end, text: statement.to_string() };
    (!has_comments && !tokens.iter().any(names_param)).then_some(vec![edit])
}

fn around(tokens: &[Token], statement: &Statement) -> Option<Vec<Edit>> {
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
