//! Rule text to answers: text → tokens → syntax → [`Statement`] → [`Module`](ir::Module).
//!
//! [`parse_rule`] reads the text of one rule. It never panics, whatever the text, needs little
//! stack, and reports every error of a text in one run as [`Diagnostic`]s, which [`render`] shows
//! in the file that holds the rule. [`lower`] makes one module of the statements of a rule set.

pub mod ast;
mod check;
mod clauses;
mod columns;
mod diagnostic;
mod jit;
mod layout;
mod lexer;
pub mod limits;
mod lint;
mod lower;
mod optimise;
mod params;
mod parser;
mod print;
mod reading;
mod reason;
mod render;
mod spelling;
mod syntax;

pub use ast::Statement;
pub use check::{Places, WordMeaning, WordReading};
pub use clauses::canonical;
pub use columns::Columns;
pub use diagnostic::{Diagnostic, Edit, Fix, Label, Severity, Span};
#[cfg(feature = "faults")]
pub use jit::faults;
pub use jit::{Jit, JitError, JitOptions, LeftToLoops, Limit, Listing};
pub use layout::layout;
pub use lint::{lint, without_literal_patterns};
pub use lower::{LowerError, Lowered, Malformed, RuleSource, lower, lower_parts};
pub use optimise::optimise;
pub use params::{ParamValue, Params};
pub use reading::Key;
pub use render::{Lines, Placement, Position, is_unprintable, printable, render};

use check::Resolved;
use diagnostic::Diagnostics;
use reading::Guess;

/// What is known of a rule besides its text.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions<'a> {
    /// The key under which the text stands.
    pub key: Key,
    /// Whether the rule has a `signal:` block; a bare condition beside one is refused.
    pub has_signal: bool,
    /// The rule's parameters.
    pub params: &'a Params,
    /// What the rule's writer says of it; only lints read it.
    pub description: Option<&'a str>,
}

/// A rule text as read.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The rule in canonical form; `None` if and only if there are errors.
    pub statement: Option<Statement>,
    /// Errors and warnings, by their place in the text.
    pub diagnostics: Vec<Diagnostic>,
    /// How each bare word was read, in order of the text.
    pub words: Vec<WordReading>,
    /// Where the parts of the statement stand in the text.
    pub places: Places,
}

/// Reads the text of one rule.
pub fn parse_rule(text: &str, options: &ReadOptions<'_>) -> Parsed {
    let mut diagnostics = Diagnostics::default();
    let resolved = read(text, options, &mut diagnostics).unwrap_or_default();
    let Resolved { statement, mut words, places } = resolved;
    words.sort_by_key(|word| word.span.start);
    Parsed { statement, diagnostics: diagnostics.into_list(), words, places }
}

fn read(text: &str, options: &ReadOptions<'_>, diagnostics: &mut Diagnostics) -> Option<Resolved> {
    if text.len() > limits::RULE_TEXT_BYTES {
        let limit = limits::RULE_TEXT_BYTES;
        let title = format!("a rule of {} bytes, the limit is {limit}", text.len());
        diagnostics.push(Diagnostic::error("rule-too-long", title, 0..0).help("split the rule"));
        return None;
    }
    let mut syntax = parser::parse(text, options.params, diagnostics);
    let (clauses, guess) =
        reading::clauses(&mut syntax, options.key, options.has_signal, text, diagnostics)?;
    let resolved = check::resolve(&syntax, clauses, options.params, diagnostics);
    if let Some(statement) = &resolved.statement {
        if let Some(guess) = guess {
            diagnostics.push(polarity_guessed(&guess, statement, text, options));
        }
        let end = text.trim_end().len();
        let start = (text.len() - text.trim_start().len()).min(end);
        check::lint(statement, options.description, start..end, diagnostics);
    }
    Some(resolved)
}

fn polarity_guessed(
    guess: &Guess,
    statement: &Statement,
    text: &str,
    options: &ReadOptions<'_>,
) -> Diagnostic {
    Diagnostic::warning("polarity-guessed", guess.reason, guess.span.clone())
        .help(format!("if that is meant, write it: {statement}"))
        .fix(clauses::clauses(text, statement, options))
}
