//! Rule text to tokens. Spellings of other languages (`&&`, `=`, `'text'`) are tokens too, so that
//! the parser can say what to write instead and read on.

use logos::Logos;

use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::render::is_unprintable;
use crate::spelling::suffix_of;

/// Cuts a rule text into tokens, the last of which is [`Kind::End`]. What is no token is reported
/// here, once, and handed on as [`Kind::Unknown`].
pub(crate) fn tokens(text: &str, diagnostics: &mut Diagnostics) -> Vec<Token> {
    report_unprintable(text, diagnostics);
    let start = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    let mut tokens = Vec::new();
    for (kind, span) in Kind::lexer(&text[start..]).spanned() {
        let span = start + span.start..start + span.end;
        let kind = kind.unwrap_or(Kind::Unknown);
        report_malformed(kind, &text[span.clone()], &span, diagnostics);
        tokens.push(Token { kind, span });
        // The rest of the line is inside the open string: nothing after it can be judged.
        if kind == Kind::OpenString {
            break;
        }
    }
    tokens.push(Token { kind: Kind::End, span: text.len()..text.len() });
    tokens
}

/// One token and its place.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// Kinds of tokens.
#[derive(Logos, Debug, Clone, Copy, PartialEq, Eq)]
#[logos(skip r"[ \t\r\n]+")]
#[logos(skip(r"(//|#)[^\n]*", allow_greedy = true))]
pub(crate) enum Kind {
    #[token("when")]
    When,
    #[token("always")]
    Always,
    #[token("never")]
    Never,
    #[token("and")]
    And,
    #[token("or")]
    Or,
    #[token("not")]
    Not,
    #[token("in")]
    In,
    #[token("matches")]
    Matches,
    #[token("contains")]
    Contains,
    #[token("starts_with")]
    StartsWith,
    #[token("ends_with")]
    EndsWith,
    #[token("exists")]
    Exists,
    #[token("true")]
    True,
    #[token("false")]
    False,
    #[token("(")]
    LeftParen,
    #[token(")")]
    RightParen,
    #[token("{")]
    LeftBrace,
    #[token("}")]
    RightBrace,
    #[token("[")]
    LeftBracket,
    #[token("]")]
    RightBracket,
    #[token(",")]
    Comma,
    #[token(".")]
    Dot,
    #[token("==")]
    Equal,
    #[token("!=")]
    NotEqual,
    #[token("<")]
    Less,
    #[token("<=")]
    LessEqual,
    #[token(">")]
    Greater,
    #[token(">=")]
    GreaterEqual,
    /// A dotted identifier.
    #[regex(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")]
    Word,
    /// What was meant as a name but needs quotes.
    #[regex(r"[A-Za-z_\u{80}-\u{10ffff}][A-Za-z0-9_\u{80}-\u{10ffff}]*([.\-]+[A-Za-z0-9_\u{80}-\u{10ffff}]+)*", priority = 1)]
    OddWord,
    /// `span:kind` and the like.
    #[regex(r"[A-Za-z_][A-Za-z0-9_]*:[A-Za-z_][A-Za-z0-9_]*")]
    Intrinsic,
    #[regex(r"-?[0-9]+(\.[0-9]+)?([eE][+\-]?[0-9]+)?", priority = 4)]
    Number,
    #[regex(r"-?([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+", priority = 4)]
    Duration,
    /// A number with something stuck to it.
    #[regex(r"-?[0-9][A-Za-z0-9_.\u{80}-\u{10ffff}]*", priority = 1)]
    OddNumber,
    #[regex(r#""([^"\\\n\r]|\\[^\n\r])*""#, priority = 4)]
    Text,
    /// A string without its closing quote.
    #[regex(r#""([^"\\\n\r]|\\[^\n\r])*"#, priority = 1)]
    OpenString,
    /// A string in single quotes.
    #[regex(r"'[^'\n\r]*'")]
    SingleQuoted,
    #[token("&&")]
    DoubleAnd,
    #[token("||")]
    DoubleOr,
    #[token("=")]
    Assign,
    #[token("!")]
    Bang,
    /// No token at all.
    Unknown,
    /// After the last token.
    End,
}

/// Whether a name may be written without quotes: a dotted identifier that is no keyword.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let mut lexer = Kind::lexer(name);
    lexer.next() == Some(Ok(Kind::Word)) && lexer.span() == (0..name.len())
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Characters that hide or reorder what is written are refused everywhere, comments and strings
/// included: what a reviewer sees must be what runs.
fn report_unprintable(text: &str, diagnostics: &mut Diagnostics) {
    for (at, c) in text.char_indices() {
        let allowed = matches!(c, '\n' | '\t' | '\r') || (at == 0 && c == BYTE_ORDER_MARK);
        if is_unprintable(c) && !allowed {
            diagnostics.push(
                Diagnostic::error(
                    "invisible-character",
                    format!("the character U+{:04X} does not belong in a rule", u32::from(c)),
                    at..at + c.len_utf8(),
                )
                .label("invisible here")
                .help("delete it"),
            );
        }
        if diagnostics.full() {
            return;
        }
    }
}

fn report_malformed(kind: Kind, text: &str, span: &Span, diagnostics: &mut Diagnostics) {
    let error = |code, title: String| Diagnostic::error(code, title, span.clone());
    // Characters that nobody sees have been reported, and spoil what they stand in. Tabs have not.
    if text.chars().any(|c| is_unprintable(c) && c != '\t') {
        return;
    }
    let diagnostic = match kind {
        Kind::OddWord => error("name-needs-quotes", format!("the name `{text}` needs quotes"))
            .help(match text.rsplit_once('.') {
                Some((name, suffix)) if suffix_of(text).is_some() => {
                    format!("write \"{name}\".{suffix}(…)")
                }
                _ => format!("write \"{text}\""),
            }),
        Kind::OddNumber => error("malformed-number", format!("`{text}` is not a number"))
            .help("durations are written 200ms, 30s, 1h30m or 30d; names and text that begin with a digit in quotes"),
        Kind::OpenString => {
            error("unclosed-string", "this string has no closing quote on its line".into())
                .help("write \\\" for a quote and \\n for a line end inside a string")
        }
        Kind::SingleQuoted => error("single-quotes", "strings take double quotes".into())
            .help(format!("write \"{}\"", text.trim_matches('\''))),
        Kind::DoubleAnd => error("foreign-operator", "`&&` is not an operator".into()).help("write `and`"),
        Kind::DoubleOr => error("foreign-operator", "`||` is not an operator".into()).help("write `or`"),
        Kind::Assign => error("foreign-operator", "`=` is not an operator".into()).help("write `==`"),
        Kind::Bang => error("foreign-operator", "`!` is not an operator".into()).help("write `not`"),
        Kind::Unknown => {
            let diagnostic = error("unknown-character", format!("`{text}` has no meaning in a rule"));
            match text {
                "+" | "-" | "*" | "/" | "%" => diagnostic.help("there is no arithmetic; a name with other characters is quoted"),
                "$" => diagnostic.help("a parameter is declared in `params:` and named without a sign"),
                _ => diagnostic.help("a name with other characters is quoted"),
            }
        }
        _ => return,
    };
    diagnostics.push(diagnostic);
}
