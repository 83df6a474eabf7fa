//! A file by its lines, and pieces of it that move as a whole.

use std::ops::Range;

/// Lines that belong together.
pub struct Chunk {
    /// Their numbers.
    pub lines: Range<usize>,
    /// Comments and blank lines above them.
    pub leading: Vec<String>,
}

impl Chunk {
    /// The comments above, at a column: blank lines only where they part comments, one at a time.
    pub fn comments(&self, column: usize) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for line in &self.leading {
            match line.trim() {
                "" if found.last().is_none_or(String::is_empty) => {}
                "" => found.push(String::new()),
                comment => found.push(format!("{:column$}{comment}", "")),
            }
        }
        if found.last().is_some_and(String::is_empty) {
            found.pop();
        }
        found
    }
}

/// A source and where its lines begin.
pub struct Lines<'a> {
    pub source: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub fn of(source: &'a str) -> Self {
        let ends = source.match_indices('\n').map(|(at, _)| at + 1);
        let mut starts: Vec<usize> = std::iter::once(0).chain(ends).collect();
        if source.ends_with('\n') {
            starts.pop();
        }
        Self { source, starts }
    }

    /// How many lines there are.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// The number of the line of a byte, from 0.
    pub fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at) - 1
    }

    /// A line without its end.
    pub fn line_text(&self, line: usize) -> &'a str {
        let start = self.starts[line];
        let end = self.starts.get(line + 1).copied().unwrap_or(self.source.len());
        self.source[start..end].trim_end_matches('\n')
    }

    /// Lines by their numbers.
    pub fn of_range(&self, lines: Range<usize>) -> impl Iterator<Item = &'a str> {
        lines.map(|line| self.line_text(line))
    }

    /// Bytes of a line before a byte of it.
    pub fn column(&self, at: usize) -> usize {
        at - self.starts[self.line(at)]
    }

    /// What stands on a line before a byte of it.
    pub fn before(&self, at: usize) -> &'a str {
        &self.source[self.starts[self.line(at)]..at]
    }

    /// The last line of a block scalar whose first byte is given.
    pub fn end_of_block(&self, at: usize) -> usize {
        let own = |line: usize| {
            let text = self.line_text(line);
            (text.trim().len(), text.len() - text.trim_start().len())
        };
        let lines = self.line(at)..self.count();
        let first = lines.clone().map(own).find(|(text, _)| *text > 0);
        let inside = first.map_or(0, |(_, indent)| indent);
        let inner = lines.take_while(|&line| {
            let (text, indent) = own(line);
            text == 0 || indent >= inside
        });
        inner.filter(|&line| own(line).0 > 0).last().unwrap_or_else(|| self.line(at))
    }
}

/// A line further in or out.
pub fn moved(line: &str, shift: isize) -> String {
    let text = line.trim_start_matches(' ');
    let indent = (line.len() - text.len()).saturating_add_signed(shift);
    if text.is_empty() { String::new() } else { format!("{:indent$}{text}", "") }
}
