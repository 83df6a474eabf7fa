//! Reading nodes whose shape is known: what does not fit is reported and left out.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use compiler::Diagnostic;

use crate::fields::Fields;
use crate::findings::Findings;
use crate::yaml::{Content, NodeId, Yaml};

/// A file that is being read, and what is to say of it so far.
pub struct Reader<'a> {
    /// The file as nodes.
    pub yaml: &'a Yaml,
    /// The file as text.
    pub source: &'a str,
    /// Errors and warnings; places are bytes of the file.
    pub findings: Findings,
}

impl<'a> Reader<'a> {
    /// A file of which nothing has been read.
    pub fn new(yaml: &'a Yaml, source: &'a str) -> Self {
        Self { yaml, source, findings: Findings::default() }
    }

    /// `true` or `false`; `true` where it is neither.
    pub fn boolean(&mut self, node: NodeId) -> bool {
        let Some((text, span)) = self.text(node) else { return true };
        if !matches!(&*text, "true" | "false") {
            self.error("bad-value", "expected `true` or `false`", span);
        }
        text != "false"
    }

    /// A map of texts.
    pub fn texts(&mut self, node: NodeId) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for (key, value) in self.entries(node, "a map of texts") {
            if let (Some((key, _)), Some((value, _))) = (self.text(key), self.text(value)) {
                texts.insert(key, value);
            }
        }
        texts
    }

    /// A text that must be there, with its place; `owner` is where it is missed.
    pub fn required(
        &mut self,
        fields: &mut Fields,
        key: &str,
        owner: &Range<usize>,
    ) -> Option<(String, Range<usize>)> {
        match fields.take(key) {
            Some(node) => self.text(node),
            None => {
                self.error("missing-key", &format!("`{key}:` is missing"), owner.clone());
                None
            }
        }
    }

    /// A text that may be there.
    pub fn optional(&mut self, fields: &mut Fields, key: &str) -> Option<String> {
        let node = fields.take(key)?;
        self.text(node).map(|(text, _)| text)
    }

    /// The text of a scalar, which must be one and must not be null.
    pub fn text(&mut self, id: NodeId) -> Option<(String, Range<usize>)> {
        let node = self.yaml.node(id);
        let span = node.span.clone();
        match node.text() {
            Some(_) if node.is_null() => {
                self.push(null_value(self.source, span));
                None
            }
            Some(text) => Some((text.to_owned(), span)),
            None => {
                self.error("bad-value", "expected text, found a list or map", span);
                None
            }
        }
    }

    /// The entries of a list; none of what is null.
    pub fn list(&mut self, id: NodeId, what: &str) -> Vec<NodeId> {
        let node = self.yaml.node(id);
        match &node.content {
            Content::List(items) => items.clone(),
            Content::Scalar { .. } if node.is_null() => Vec::new(),
            _ => {
                let span = first_line(self.source, &node.span);
                self.error("bad-value", &format!("{what} must be a list"), span);
                Vec::new()
            }
        }
    }

    /// Whether it is a map, which it must be.
    pub fn is_map(&mut self, id: NodeId, what: &str) -> bool {
        let node = self.yaml.node(id);
        let map = matches!(node.content, Content::Map(_));
        if !map {
            let span = first_line(self.source, &node.span);
            self.error("bad-value", &format!("{what} must be a map"), span);
        }
        map
    }

    /// The entries of a map whose keys may be any; none of what is null.
    pub fn entries(&mut self, id: NodeId, what: &str) -> Vec<(NodeId, NodeId)> {
        let node = self.yaml.node(id);
        let entries = match &node.content {
            Content::Map(entries) => entries.clone(),
            Content::Scalar { .. } if node.is_null() => Vec::new(),
            _ => {
                self.is_map(id, what);
                Vec::new()
            }
        };
        let mut seen = HashSet::new();
        for &(key, _) in &entries {
            let node = self.yaml.node(key);
            if let Some(name) = node.text()
                && !seen.insert(name)
            {
                self.push(Diagnostic::error(
                    "repeated-key",
                    format!("`{name}` twice"),
                    node.span.clone(),
                ));
            }
        }
        entries
    }

    /// The entries of a map whose keys are known; others are errors, as are keys given twice.
    pub fn fields(&mut self, id: NodeId, owner: &str, known: &[&'static str]) -> Fields {
        let entries = self.entries(id, owner);
        let (fields, errors) = Fields::new(self.yaml, &entries, owner, known);
        errors.into_iter().for_each(|error| self.push(error));
        fields
    }

    /// How many errors there are so far.
    pub fn errors(&self) -> usize {
        self.findings.errors()
    }

    /// Adds an error.
    pub fn error(&mut self, code: &'static str, title: &str, span: Range<usize>) {
        self.push(Diagnostic::error(code, title, span));
    }

    /// Adds a diagnostic.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.findings.push(diagnostic);
    }
}

/// The error for a value that is not there; most often a `#` has made it a comment.
fn null_value(source: &str, span: Range<usize>) -> Diagnostic {
    let line = source[span.start..].lines().next().unwrap_or("");
    let comment = line.trim_start_matches([':', '-', ' ', '\t']);
    if comment.starts_with('#') {
        let start = span.start + (line.len() - comment.len());
        let end = start + comment.trim_end().len();
        let help = format!("quote it: \"{}\"", comment.trim_end());
        return Diagnostic::error(
            "value-is-comment",
            "`#` starts a comment, so there is no value",
            start..end,
        )
        .label("YAML ignores this")
        .help(help);
    }
    Diagnostic::error("bad-value", "there is no value", span)
}

/// The first line of a span, so that a label does not cover a whole rule.
pub fn first_line(source: &str, span: &Range<usize>) -> Range<usize> {
    let len = source[span.clone()].lines().next().map_or(0, str::len);
    span.start..span.start + len
}
