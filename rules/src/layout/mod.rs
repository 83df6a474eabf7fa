//! The one layout of a rule file, comments kept: [`format`].
//!
//! Rules stand one blank line apart, their keys in one order and at one depth, their conditions as
//! blocks in the layout of [`compiler::layout`]. What else there is, alerts and rules in braces among
//! it, stays as it stands.

mod lines;

use compiler::{Edit, Key, ReadOptions};

use crate::model::Rule;
use crate::read::{RULE_KEYS, TEXT_KEYS};
use crate::set::RuleSet;
use crate::yaml::{Content, NodeId, Yaml};
use lines::{Chunk, Lines, moved};

/// Columns of a line, where a condition can be broken.
const WIDTH: usize = 120;
/// Columns before the dash of a rule, and before its keys.
const DASH: usize = 2;
const KEYS: usize = 4;

/// Why a file has no layout.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// Something in it is wrong; the messages of the loader say what.
    #[error("{0} errors in the file; `betrace check` says which")]
    Errors(usize),
    /// The new layout would say something else, which is a fault of this library.
    #[error("its layout would change what it says; it stays as it is")]
    Changed,
}

/// A rule file in its one layout; with `canonical`, conditions without comments and parameters are
/// written in canonical form, and others at least with their clauses.
///
/// # Errors
/// [`FormatError`].
pub fn format(source: &str, canonical: bool) -> Result<String, FormatError> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source).replace("\r\n", "\n");
    let before = RuleSet::from_text("", &source);
    match before.errors() {
        0 => {}
        errors => return Err(FormatError::Errors(errors)),
    }
    let Ok(yaml) = Yaml::parse(&source) else { return Err(FormatError::Errors(1)) };
    let file = File { yaml: &yaml, lines: Lines::of(&source), set: &before, canonical };
    let formatted = file.formatted();
    let after = RuleSet::from_text("", &formatted);
    let same = after.errors() == 0
        && before.alerts.len() == after.alerts.len()
        && before.rules.len() == after.rules.len()
        && before.rules.iter().zip(&after.rules).all(|(a, b)| is_same(a, b))
        && comments(&source) == comments(&formatted);
    if same { Ok(formatted) } else { Err(FormatError::Changed) }
}

/// Whether two rules say the same in all that a file says of them.
fn is_same(a: &Rule, b: &Rule) -> bool {
    (&a.id, &a.name, &a.description) == (&b.id, &b.name, &b.description)
        && (&a.statement, &a.params, &a.signal) == (&b.statement, &b.params, &b.signal)
        && (&a.labels, &a.annotations) == (&b.labels, &b.annotations)
        && (&a.runbook_url, &a.owner) == (&b.runbook_url, &b.owner)
        && (a.severity, a.enabled) == (b.severity, b.enabled)
}

/// All that may be a comment, sorted.
fn comments(source: &str) -> Vec<&str> {
    let comment = |line: &'_ str| {
        let mut starts = line.match_indices(['#', '/']).map(|(at, _)| at);
        starts.find(|&at| {
            let (before, rest) = line.split_at(at);
            let apart = before.chars().next_back().is_none_or(char::is_whitespace);
            let quoted = before.matches('"').count() % 2 == 1;
            apart && !quoted && (rest.starts_with('#') || rest.starts_with("//"))
        })
    };
    let found = source.lines().filter_map(|line| comment(line).map(|at| line[at..].trim_end()));
    let mut found: Vec<&str> = found.collect();
    found.sort_unstable();
    found
}

struct File<'a> {
    yaml: &'a Yaml,
    lines: Lines<'a>,
    set: &'a RuleSet,
    canonical: bool,
}

impl File<'_> {
    fn formatted(&self) -> String {
        let mut out: Vec<String> = Vec::new();
        let mut done = 0;
        for list in self.yaml.roots.iter().filter_map(|&root| self.entry(root, "rules")) {
            let Content::List(items) = &self.yaml.node(list).content else { continue };
            let Some(rules) = self.rules(items) else { continue };
            let Some(first) = rules.first() else { continue };
            let head = first.lines.start - first.leading.len();
            out.extend(self.lines.of_range(done..head).map(str::to_owned));
            while out.last().is_some_and(|line| line.trim().is_empty()) {
                out.pop();
            }
            for (number, (rule, &item)) in rules.iter().zip(items).enumerate() {
                if number > 0 {
                    out.push(String::new());
                }
                self.rule(rule, item, &mut out);
                done = rule.lines.end;
            }
        }
        out.extend(self.lines.of_range(done..self.lines.count()).map(str::to_owned));
        let mut text = out.join("\n");
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }

    /// The lines of each rule of a list; none where one of them is not written line by line.
    fn rules(&self, items: &[NodeId]) -> Option<Vec<Chunk>> {
        let mut chunks: Vec<Chunk> = Vec::new();
        for &item in items {
            let start = self.yaml.node(item).span.start;
            let before = self.lines.before(start).strip_suffix(' ').map(str::trim_end)?;
            let dash = before.strip_suffix('-')?;
            let Content::Map(entries) = &self.yaml.node(item).content else { return None };
            let in_braces = self.lines.source[start..].starts_with('{');
            if !dash.trim().is_empty() || in_braces || entries.is_empty() {
                return None;
            }
            let column = self.lines.column(start);
            let apart = |(key, _): &&(NodeId, NodeId)| {
                let at = self.yaml.node(*key).span.start;
                let alone = at == start || self.lines.before(at).trim().is_empty();
                !alone || self.lines.column(at) != column
            };
            if entries.iter().any(|entry| apart(&entry)) {
                return None;
            }
            let from = chunks.last().map_or(0, |chunk| chunk.lines.end);
            chunks.push(self.chunk(from, start, item));
        }
        Some(chunks)
    }

    /// The lines of a node whose first byte is at `start`, with the comments and blank lines above it,
    /// from line `from` on.
    fn chunk(&self, from: usize, start: usize, node: NodeId) -> Chunk {
        let line = self.lines.line(start);
        let end = self.last_line(node) + 1;
        let is_own = |line: &usize| {
            let text = self.lines.line_text(*line).trim();
            text.starts_with('#') || text.is_empty()
        };
        let above = (from..line).rev().take_while(is_own).count();
        let leading = self.lines.of_range(line - above..line).map(str::to_owned).collect();
        Chunk { lines: line..end, leading }
    }

    /// The last line of a node.
    fn last_line(&self, id: NodeId) -> usize {
        let node = self.yaml.node(id);
        let braces = matches!(self.lines.source.as_bytes().get(node.span.start), Some(b'{' | b'['));
        match &node.content {
            Content::Map(entries) if !braces => {
                let ends = entries.iter().map(|(key, value)| {
                    self.lines.line(self.yaml.node(*key).span.start).max(self.last_line(*value))
                });
                ends.max().unwrap_or_else(|| self.lines.line(node.span.start))
            }
            Content::List(items) if !braces => {
                let ends = items.iter().map(|&item| self.last_line(item));
                ends.max().unwrap_or_else(|| self.lines.line(node.span.start))
            }
            _ if node.is_block() => self.lines.end_of_block(node.span.start),
            _ => {
                let text = self.lines.source[node.span.clone()].trim_end();
                self.lines.line(node.span.start + text.len().saturating_sub(1))
            }
        }
    }

    fn rule(&self, chunk: &Chunk, item: NodeId, out: &mut Vec<String>) {
        let Content::Map(entries) = &self.yaml.node(item).content else { return };
        out.extend(chunk.comments(DASH));
        let start = self.yaml.node(item).span.start;
        let shift = KEYS.cast_signed() - self.lines.column(start).cast_signed();
        let mut from = chunk.lines.start;
        let mut parts: Vec<(usize, Chunk, Vec<String>)> = Vec::new();
        for &(key, value) in entries {
            let key_start = self.yaml.node(key).span.start;
            let own = self.chunk(from, key_start, value);
            from = own.lines.end.max(own.lines.start + 1);
            let name = self.yaml.node(key).text().unwrap_or_default();
            let place = RULE_KEYS.iter().position(|known| *known == name);
            let lines = match TEXT_KEYS.iter().find(|(known, _)| *known == name) {
                Some((_, key)) => self.condition(item, name, *key, value, &own),
                None => None,
            };
            let lines = lines.unwrap_or_else(|| {
                let all = self.lines.of_range(own.lines.start..from).enumerate();
                let lines = all.map(|(number, line)| match number {
                    // The first line may begin with the dash.
                    0 => format!("{:KEYS$}{}", "", &line[self.lines.column(key_start)..]),
                    _ => moved(line, shift),
                });
                lines.collect()
            });
            parts.push((place.unwrap_or(RULE_KEYS.len()), own, lines));
        }
        parts.sort_by_key(|(place, ..)| *place);
        for (number, (_, own, mut lines)) in parts.into_iter().enumerate() {
            out.extend(own.comments(if number == 0 { DASH } else { KEYS }));
            if number == 0 {
                lines[0].replace_range(DASH..KEYS, "- ");
            }
            out.append(&mut lines);
        }
    }

    /// The lines of a condition; none where it has to stay as it is.
    fn condition(
        &self,
        item: NodeId,
        name: &str,
        key: Key,
        value: NodeId,
        chunk: &Chunk,
    ) -> Option<Vec<String>> {
        let start = self.yaml.node(item).span.start;
        let rule = self.set.rules.iter().find(|rule| rule.written.rule.start == start)?;
        let node = self.yaml.node(value);
        let text = self.worded(node.text()?, key, rule);
        let text = compiler::layout(&text, WIDTH - KEYS - STEP)?;
        // A comment of the YAML stands behind the sign of a block, or behind the text itself.
        let last = match node.is_block() {
            true => chunk.lines.start,
            false => chunk.lines.end - 1,
        };
        let last = self.lines.line_text(last);
        let quote = self.lines.source[node.span.start..].chars().next();
        let quote = quote.filter(|quote| matches!(quote, '"' | '\'') && !node.is_block());
        let from = quote.and_then(|quote| last.rfind(quote)).unwrap_or(0);
        let behind = last[from..].split_once(" #").map(|(_, comment)| comment);
        let behind = behind.map(|comment| format!("  #{}", comment.trim_end()));
        let mut lines = vec![format!("{:KEYS$}{name}: |{}", "", behind.unwrap_or_default())];
        lines.extend(text.lines().map(|line| format!("{:width$}{line}", "", width = KEYS + STEP)));
        Some(lines)
    }

    /// The words of a condition.
    fn worded(&self, text: &str, key: Key, rule: &Rule) -> String {
        if !self.canonical {
            return text.to_owned();
        }
        let options = ReadOptions {
            key,
            has_signal: rule.written.signal.is_some(),
            params: &rule.params,
            description: None,
        };
        let fix = compiler::canonical(text, &rule.statement, &options);
        fix.and_then(|fix| Edit::apply(text, &fix.edits)).unwrap_or_else(|| text.to_owned())
    }

    fn entry(&self, map: NodeId, name: &str) -> Option<NodeId> {
        let Content::Map(entries) = &self.yaml.node(map).content else { return None };
        let found = entries.iter().find(|(key, _)| self.yaml.node(*key).text() == Some(name));
        found.map(|(_, value)| *value)
    }
}

/// Columns by which a block stands further in than its key.
const STEP: usize = 2;
