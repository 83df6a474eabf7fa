//! Shows diagnostics as text for people, in the file that holds the rule. A rule's text is rarely
//! a file of its own: [`Placement`] says where its bytes lie in the file.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Severity};

/// Shows diagnostics with file, line, column, the source lines with labels, and help.
///
/// `source` is the whole file, `placement` says where the rule text lies in it. Nothing that a
/// terminal would obey is passed on raw from the file, its name or the messages.
pub fn render(
    diagnostics: &[Diagnostic],
    source_name: &str,
    source: &str,
    placement: &Placement,
    color: bool,
) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let name = printable(source_name);
    let lines = Lines::of(source);
    let mut shown = String::new();
    for diagnostic in diagnostics {
        if !shown.is_empty() {
            shown.push_str("\n\n");
        }
        shown.push_str(&renderer.render(&[group(diagnostic, &name, source, &lines, placement)]));
    }
    shown
}

/// Where the bytes of a rule text lie in its file: piecewise, because a YAML block is de-indented
/// and a quoted scalar loses its escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    segments: Vec<(usize, usize)>,
}

impl Placement {
    /// The rule text is the file.
    pub fn identity() -> Self {
        Self { segments: vec![(0, 0)] }
    }

    /// From pairs of (offset in the rule text, offset in the file), ascending in the first: from
    /// each pair on, both advance byte by byte until the next.
    pub fn new(segments: Vec<(usize, usize)>) -> Self {
        Self { segments }
    }

    /// The place in the file of a byte of the rule text.
    pub fn offset(&self, text_offset: usize) -> usize {
        let after = self.segments.partition_point(|&(text, _)| text <= text_offset);
        match after.checked_sub(1).and_then(|at| self.segments.get(at)) {
            Some(&(text, file)) => file + (text_offset - text),
            None => self.segments.first().map_or(text_offset, |&(_, file)| file),
        }
    }

    /// The place in the file of a range of the rule text.
    pub fn range(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.offset(span.start);
        let end = if span.is_empty() { start } else { self.offset(span.end - 1) + 1 };
        start..end.max(start)
    }
}

/// A place for people and machines: both count from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line of the file.
    pub line: usize,
    /// Character of the line.
    pub column: usize,
}

impl Position {
    /// The position of a byte of the source; the end of the source if it lies beyond.
    pub fn of(source: &str, offset: usize) -> Self {
        let before = &source[..floor_boundary(source, offset)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: 1 + before.bytes().filter(|&byte| byte == b'\n').count(),
            column: 1 + before[line_start..].chars().count(),
        }
    }
}

/// Where the lines of a source begin: for those who ask for many places.
#[derive(Debug)]
pub struct Lines {
    /// Offset of the byte behind each line end.
    starts: Vec<usize>,
}

impl Lines {
    /// Looks for the line ends of a source.
    pub fn of(source: &str) -> Self {
        Self { starts: source.match_indices('\n').map(|(at, _)| at + 1).collect() }
    }

    /// The line of a byte, from 1.
    pub fn line(&self, offset: usize) -> usize {
        1 + self.starts.partition_point(|&start| start <= offset)
    }
}

/// Replaces what a terminal would obey, control and bidirectional characters, by its escape.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unprintable(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// Whether a character has no business in text for a terminal: controls, bidirectional marks,
/// line separators, byte order marks.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn group<'a>(
    diagnostic: &Diagnostic,
    name: &'a str,
    source: &str,
    table: &Lines,
    placement: &Placement,
) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(printable(&diagnostic.title)).id(diagnostic.code);
    let places: Vec<Range<usize>> = diagnostic
        .labels
        .iter()
        .map(|label| {
            let range = placement.range(&label.span);
            floor_boundary(source, range.start)..floor_boundary(source, range.end)
        })
        .collect();
    let mut group = Group::with_title(title);
    if let Some(lines) = lines_around(source, &places) {
        let line = table.line(lines.start);
        let mut snippet =
            Snippet::source(same_length(&source[lines.clone()])).path(name).line_start(line);
        for (label, place) in diagnostic.labels.iter().zip(&places) {
            let kind =
                if label.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let span = place.start - lines.start..place.end - lines.start;
            let text = (!label.text.is_empty()).then(|| printable(&label.text));
            snippet = snippet.annotation(kind.span(span).label(text));
        }
        group = group.element(snippet);
    }
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(printable(help))),
        None => group,
    }
}

/// The whole lines that hold all places; showing only these keeps a message's cost free of the
/// size of the file.
fn lines_around(source: &str, places: &[Range<usize>]) -> Option<Range<usize>> {
    let first = places.iter().map(|place| place.start).min()?;
    let last = places.iter().map(|place| place.end).max()?;
    let start = source[..first].rfind('\n').map_or(0, |at| at + 1);
    let end = source[last..].find('\n').map_or(source.len(), |at| last + at);
    Some(start..end)
}

/// Source text with unprintable characters replaced by printable ones of the same length in bytes,
/// so that places stay right. Line ends and ASCII controls stay: the renderer shows the latter as
/// symbols.
fn same_length(source: &str) -> String {
    source
        .chars()
        .map(|c| match c.len_utf8() {
            2 if is_unprintable(c) => '¿',
            3 if is_unprintable(c) => '\u{fffd}',
            _ => c,
        })
        .collect()
}

fn floor_boundary(source: &str, offset: usize) -> usize {
    let mut at = offset.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}
