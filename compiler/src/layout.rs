//! The one layout of a rule text, comments kept.
//!
//! A text that fits on a line is one line. Otherwise each clause begins a line; in a clause that does
//! not fit each term does, and so on inward through `where`, parentheses and lists. Where a comment
//! stands, a line ends.

use crate::diagnostic::{Diagnostics, Span};
use crate::lexer::{self, Kind};
use crate::limits;

/// What stands between the sides of a comparison.
const COMPARISONS: [Kind; 6] =
    [Kind::Less, Kind::LessEqual, Kind::Greater, Kind::GreaterEqual, Kind::Equal, Kind::NotEqual];
/// Columns by which what is inside of something stands further in.
const STEP: usize = 2;

/// Lays out a rule text in lines of at most `width` columns, where that can be. None for a text that is
/// not made of tokens of the language, or nests deeper than a rule may.
pub fn layout(text: &str, width: usize) -> Option<String> {
    let pieces = pieces(text)?;
    let closing = closing(&pieces)?;
    let mut layout = Layout { text, pieces, closing, width, ..Layout::default() };
    layout.rule();
    Some(layout.out)
}

/// A token, or a comment, which has no kind.
struct Piece {
    kind: Option<Kind>,
    span: Span,
    /// Whether it is a comment on a line of its own.
    alone: bool,
}

/// The tokens and comments of a text.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut diagnostics = Diagnostics::default();
    let tokens = lexer::tokens(text, &mut diagnostics);
    if diagnostics.has_errors() {
        return None;
    }
    let mut pieces = Vec::with_capacity(tokens.len());
    let mut done = 0;
    for token in tokens {
        let mut alone = pieces.is_empty();
        for line in text[done..token.span.start].split_inclusive('\n') {
            let start =
                done + (line.len() - line.trim_start_matches([' ', '\t', '\u{feff}']).len());
            let comment = text[start..done + line.len()].trim_end();
            if !comment.is_empty() {
                let span = start..start + comment.len();
                pieces.push(Piece { kind: None, span, alone });
            }
            done += line.len();
            alone = true;
        }
        done = token.span.end;
        if token.kind != Kind::End {
            pieces.push(Piece { kind: Some(token.kind), span: token.span, alone: false });
        }
    }
    Some(pieces)
}

/// For each piece that opens a bracket the one that closes it, for all others themselves.
fn closing(pieces: &[Piece]) -> Option<Vec<usize>> {
    let mut closing: Vec<usize> = (0..pieces.len()).collect();
    let mut open = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        match piece.kind {
            Some(Kind::LeftParen | Kind::LeftBrace | Kind::LeftBracket) => open.push(at),
            Some(Kind::RightParen | Kind::RightBrace | Kind::RightBracket) => {
                closing[open.pop()?] = at;
            }
            _ => {}
        }
        // Braces, calls and lists come on top of what a rule may nest.
        if open.len() > limits::NESTING + 4 {
            return None;
        }
    }
    open.is_empty().then_some(closing)
}

#[derive(Default)]
struct Layout<'a> {
    text: &'a str,
    pieces: Vec<Piece>,
    closing: Vec<usize>,
    width: usize,
    out: String,
    /// Column of the next character.
    column: usize,
    /// Whether a comment ended the line.
    ended: bool,
    /// Where a line begins that a comment ended.
    indent: usize,
}

impl Layout<'_> {
    fn rule(&mut self) {
        let end = self.pieces.len();
        if self.fits(0, end) {
            return self.flat(0, end);
        }
        let is_clause = |kind| matches!(kind, Some(Kind::When | Kind::Always | Kind::Never));
        if !self.pieces.iter().any(|piece| is_clause(piece.kind)) {
            return self.sequence(0, end, 0);
        }
        let mut at = 0;
        while at < end {
            if is_clause(self.pieces[at].kind) && at + 1 < end && self.closing[at + 1] > at + 1 {
                let closing = self.closing[at + 1];
                self.new_line(0);
                self.clause(at, closing);
                at = closing + 1;
            } else {
                self.emit(at);
                at += 1;
            }
        }
    }

    /// A keyword and what stands in its braces.
    fn clause(&mut self, at: usize, closing: usize) {
        if self.fits(at, closing + 1) {
            return self.flat(at, closing + 1);
        }
        self.flat(at, at + 2);
        self.indent = STEP;
        self.new_line(STEP);
        self.sequence(at + 2, closing, STEP);
        self.indent = 0;
        self.new_line(0);
        self.emit(closing);
    }

    /// Terms that are joined by `and` and `or`: on one line, or each on its own.
    fn sequence(&mut self, from: usize, to: usize, indent: usize) {
        if self.fits(from, to) {
            return self.flat(from, to);
        }
        let connectives = self.outermost(from, to, Kind::Or);
        let connectives = match connectives.is_empty() {
            true => self.outermost(from, to, Kind::And),
            false => connectives,
        };
        if connectives.is_empty() {
            return self.term(from, to, indent);
        }
        let outer = std::mem::replace(&mut self.indent, indent + STEP);
        let mut start = from;
        for at in connectives.into_iter().chain([to]) {
            // What begins the line stands where it is, unless it goes on below.
            let goes_on = !self.outermost(start, at, Kind::And).is_empty();
            let inner = if start == from && !goes_on { indent } else { indent + STEP };
            self.sequence(start, at, inner);
            if at < to {
                self.new_line(indent + STEP);
                self.emit(at);
            }
            start = at + 1;
        }
        self.indent = outer;
    }

    /// One term: broken before its comparison, if that helps; brackets that do not fit are opened up.
    fn term(&mut self, from: usize, to: usize, indent: usize) {
        let comparison = COMPARISONS.iter().find_map(|kind| {
            self.outermost(from, to, *kind).first().copied().filter(|&at| self.fits(from, at))
        });
        if let Some(at) = comparison {
            let outer = std::mem::replace(&mut self.indent, indent + STEP);
            self.flat(from, at);
            self.new_line(indent + STEP);
            self.brackets(at, to, indent + STEP);
            self.indent = outer;
        } else {
            self.brackets(from, to, indent);
        }
    }

    fn brackets(&mut self, from: usize, to: usize, indent: usize) {
        let mut at = from;
        while at < to {
            let closing = self.closing[at];
            if closing == at || self.fits(at, closing + 1) {
                self.flat(at, closing + 1);
            } else {
                let list = self.pieces[at].kind == Some(Kind::LeftBracket);
                self.emit(at);
                let outer = std::mem::replace(&mut self.indent, indent + STEP);
                self.new_line(indent + STEP);
                match list {
                    true => self.list(at + 1, closing, indent + STEP),
                    false => self.sequence(at + 1, closing, indent + STEP),
                }
                self.indent = outer;
                self.new_line(indent);
                self.emit(closing);
            }
            at = closing + 1;
        }
    }

    /// The values of a list, as many on a line as fit.
    fn list(&mut self, from: usize, to: usize, indent: usize) {
        for at in from..to {
            let with_comma = if at + 1 < to { at + 2 } else { at + 1 };
            let comma = self.pieces[at].kind == Some(Kind::Comma);
            if !comma && !self.fits(at, with_comma) {
                self.new_line(indent);
            }
            self.emit(at);
        }
    }

    /// The connectives of a kind that no bracket is around.
    fn outermost(&self, from: usize, to: usize, kind: Kind) -> Vec<usize> {
        let mut found = Vec::new();
        let mut at = from;
        while at < to {
            if self.pieces[at].kind == Some(kind) {
                found.push(at);
            }
            at = self.closing[at].max(at) + 1;
        }
        found
    }

    /// Whether pieces fit on what is left of the line, which a comment never does.
    fn fits(&self, from: usize, to: usize) -> bool {
        let mut column = if self.ended { self.indent } else { self.column };
        for at in from..to {
            let piece = &self.pieces[at];
            let space = self.is_apart(at) && column > 0;
            column += usize::from(space) + self.text[piece.span.clone()].chars().count();
            if piece.kind.is_none() || column > self.width {
                return false;
            }
        }
        true
    }

    fn flat(&mut self, from: usize, to: usize) {
        (from..to).for_each(|at| self.emit(at));
    }

    fn emit(&mut self, at: usize) {
        let piece = &self.pieces[at];
        let (is_comment, alone) = (piece.kind.is_none(), piece.alone);
        let text = &self.text[piece.span.clone()];
        if self.ended || is_comment && alone {
            self.new_line(self.indent);
        }
        let blank = self.out.is_empty() || self.out.ends_with(['\n', ' ']);
        let space = if blank {
            ""
        } else if is_comment {
            "  "
        } else {
            " "
        };
        if is_comment || self.is_apart(at) {
            self.out.push_str(space);
            self.column += space.len();
        }
        self.out.push_str(text);
        self.column += text.chars().count();
        self.ended = is_comment;
    }

    /// Begins a line, unless one has begun.
    fn new_line(&mut self, indent: usize) {
        self.ended = false;
        let kept = self.out.trim_end_matches(' ').len();
        self.out.truncate(kept);
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        if !self.out.is_empty() {
            self.out.extend(std::iter::repeat_n(' ', indent));
            self.column = indent;
        }
    }

    /// Whether there is a space between a piece and the one before it.
    fn is_apart(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1).map(|before| self.pieces[before].kind) else {
            return false;
        };
        let own = self.pieces[at].kind;
        let opens = matches!(before, Some(Kind::LeftParen | Kind::LeftBracket | Kind::Dot));
        let closes =
            matches!(own, Some(Kind::RightParen | Kind::RightBracket | Kind::Dot | Kind::Comma));
        let called = own == Some(Kind::LeftParen)
            && matches!(before, Some(Kind::Word | Kind::Exists | Kind::Text));
        !(opens || closes || called)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_layout() {
        for (text, expected) in [
            ("when{a}always { b }", "when { a } always { b }"),
            (
                "never { trace.has( \"GET /x\" ) .where( a==1 and not(b in [1,2] or exists( c )) ) }",
                "never {\n  trace.has(\"GET /x\").where(\n    a == 1\n      and not (b in [1, 2] \
                 or exists(c))\n  )\n}",
            ),
            (
                "when { trace.has(first.operation) } # why\n always { trace.has(second.operation) }",
                "when { trace.has(first.operation) }  # why\nalways { trace.has(second.operation) }",
            ),
            (
                "// top\n# more\nnever { a // one\n and b\n # two\n }\n# last",
                "// top\n# more\nnever {\n  a  // one\n    and b\n    # two\n}\n# last",
            ),
            (
                "trace.has(first) and trace.has(second.operation) or trace.has(third)",
                "trace.has(first)\n    and trace.has(second.operation)\n  or trace.has(third)",
            ),
            (
                "never { a.where(key in [1111111, 2222222, 3333333, 4444444, 5555555, 6666666]) }",
                "never {\n  a.where(\n    key in [\n      1111111, 2222222, 3333333, 4444444,\n      \
                 5555555, 6666666\n    ]\n  )\n}",
            ),
            (
                "never { trace.count(first.operation) >= trace.count(second.operation) }",
                "never {\n  trace.count(first.operation)\n    >= trace.count(second.operation)\n}",
            ),
            ("span.\"a b\" == 5", "span.\"a b\" == 5"),
        ] {
            let found = layout(text, 42).expect(text);
            assert_eq!(found, expected);
            assert_eq!(layout(&found, 42).as_deref(), Some(expected), "a second time");
        }
        assert_eq!(layout("never { 'a' }", 42), None);
        assert_eq!(layout("never { a", 42), None);
    }
}
