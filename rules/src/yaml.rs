//! YAML with places: a file as a flat tree whose every node knows its bytes.
//!
//! Only what rule files need: aliases and tags are refused, so that what is read is what is
//! written, and nesting is bounded.

use std::ops::Range;

use compiler::{Diagnostic, Placement};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// How deep lists and maps nest at most.
pub const DEPTH: usize = 32;

/// The documents of a file.
#[derive(Debug, Default)]
pub struct Yaml {
    nodes: Vec<Node>,
    /// The root of each document.
    pub roots: Vec<NodeId>,
}

/// A node of [`Yaml`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeId(usize);

/// A value of the file.
#[derive(Debug)]
pub struct Node {
    /// Its bytes in the file.
    pub span: Range<usize>,
    /// What it is.
    pub content: Content,
}

/// What a node is.
#[derive(Debug)]
pub enum Content {
    /// Text; `plain` if it stands without quotes and not as a block.
    Scalar {
        /// The value.
        text: String,
        /// How it is written.
        style: ScalarStyle,
    },
    /// A list.
    List(Vec<NodeId>),
    /// A map, in its order.
    Map(Vec<(NodeId, NodeId)>),
}

impl Yaml {
    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is not YAML, or that rule files do not use.
    pub fn parse(source: &str) -> Result<Self, Diagnostic> {
        let offsets = Offsets::new(source);
        let mut builder = Builder::default();
        let mut parser = Parser::new_from_str(source.strip_prefix('\u{feff}').unwrap_or(source));
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| {
                let at = offsets.byte(error.marker().index());
                Diagnostic::error("yaml", format!("not YAML: {}", error.info()), at..at)
            })?;
            if event == Event::StreamEnd {
                break;
            }
            builder.event(event, offsets.range(&span))?;
        }
        Ok(builder.yaml)
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Where a scalar's text lies in the file, character by character.
    pub fn placement(&self, source: &str, id: NodeId) -> Placement {
        let node = self.node(id);
        match &node.content {
            Content::Scalar { text, style } => align(text, source, node.span.clone(), *style),
            _ => Placement::new(vec![(0, node.span.start)]),
        }
    }
}

impl Node {
    /// The text, if it is a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether it is a scalar without quotes.
    pub fn is_plain(&self) -> bool {
        matches!(self.content, Content::Scalar { style: ScalarStyle::Plain, .. })
    }

    /// Whether it is a scalar that stands as a block.
    pub fn is_block(&self) -> bool {
        use ScalarStyle::{Folded, Literal};
        matches!(self.content, Content::Scalar { style: Folded | Literal, .. })
    }

    /// Whether there is no value: nothing, `~` or `null`.
    pub fn is_null(&self) -> bool {
        self.is_plain() && matches!(self.text(), Some("" | "~" | "null"))
    }
}

/// The parser counts characters; places are bytes.
struct Offsets {
    /// Byte of each character, where the two differ at all.
    bytes: Option<Vec<usize>>,
    /// Bytes of a byte order mark, which the parser does not see.
    skipped: usize,
    len: usize,
}

impl Offsets {
    fn new(source: &str) -> Self {
        let skipped = if source.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let rest = &source[skipped..];
        let bytes = (!rest.is_ascii()).then(|| rest.char_indices().map(|(at, _)| at).collect());
        Self { bytes, skipped, len: source.len() }
    }

    fn byte(&self, character: usize) -> usize {
        let byte = match &self.bytes {
            Some(bytes) => bytes.get(character).copied().unwrap_or(self.len),
            None => character,
        };
        (byte + self.skipped).min(self.len)
    }

    fn range(&self, span: &Span) -> Range<usize> {
        let start = self.byte(span.start.index());
        start..self.byte(span.end.index()).max(start)
    }
}

#[derive(Default)]
struct Builder {
    yaml: Yaml,
    open: Vec<Open>,
}

/// A list or map whose end has not come.
struct Open {
    start: usize,
    items: Vec<NodeId>,
    map: bool,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Range<usize>) -> Result<(), Diagnostic> {
        let refuse = |title: &str| Err(Diagnostic::error("yaml", title, span.clone()));
        match event {
            Event::Alias(_) => return refuse("aliases (`*name`) are not supported here"),
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => {
                return refuse("tags (`!name`) are not supported here");
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if self.open.len() == DEPTH => {
                return refuse("lists and maps nest more than 32 deep");
            }
            Event::Scalar(text, style, ..) => {
                let span = trimmed(span, text.is_empty());
                self.add(Node {
                    span,
                    content: Content::Scalar { text: text.into_owned(), style },
                });
            }
            Event::SequenceStart(..) => {
                self.open.push(Open { start: span.start, items: Vec::new(), map: false });
            }
            Event::MappingStart(..) => {
                self.open.push(Open { start: span.start, items: Vec::new(), map: true });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span.end),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn close(&mut self, end: usize) {
        let Some(Open { start, items, map }) = self.open.pop() else { return };
        let content = if map {
            Content::Map(items.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
        } else {
            Content::List(items)
        };
        self.add(Node { span: start..end.max(start), content });
    }

    fn add(&mut self, node: Node) {
        let id = NodeId(self.yaml.nodes.len());
        self.yaml.nodes.push(node);
        match self.open.last_mut() {
            Some(open) => open.items.push(id),
            None => self.yaml.roots.push(id),
        }
    }
}

fn trimmed(span: Range<usize>, empty: bool) -> Range<usize> {
    if empty { span.start..span.start } else { span }
}

/// Matches the characters of a scalar's value with those of its source. Every style changes
/// nothing but white space and, in quotes, escapes; so all other characters pair up in order.
fn align(text: &str, source: &str, span: Range<usize>, style: ScalarStyle) -> Placement {
    let mut segments: Vec<(usize, usize)> = Vec::new();
    let visible = |c: &char| !c.is_whitespace();
    let mut written = written(&source[span.clone()], style).filter(|(c, _)| visible(c));
    for (at, _) in text.char_indices().filter(|(_, c)| visible(c)) {
        let Some((_, place)) = written.next() else { break };
        let place = span.start + place;
        let continues = segments.last().is_some_and(|&(text, file)| at - text + file == place);
        if !continues {
            segments.push((at, place));
        }
    }
    if segments.is_empty() {
        segments.push((0, span.start));
    }
    Placement::new(segments)
}

/// The characters that a scalar's source stands for, each with its place.
fn written(source: &str, style: ScalarStyle) -> Box<dyn Iterator<Item = (char, usize)> + '_> {
    let mut chars = source.char_indices().peekable();
    match style {
        ScalarStyle::SingleQuoted => {
            chars.next();
            Box::new(std::iter::from_fn(move || {
                let (at, c) = chars.next()?;
                if c == '\'' {
                    chars.next()?;
                }
                Some((c, at))
            }))
        }
        ScalarStyle::DoubleQuoted => {
            chars.next();
            Box::new(std::iter::from_fn(move || {
                let (at, c) = chars.next()?;
                if c != '\\' {
                    return Some((c, at));
                }
                let (_, escape) = chars.next()?;
                let digits = match escape {
                    'x' => 2,
                    'u' => 4,
                    'U' => 8,
                    _ => return Some((unescaped(escape), at)),
                };
                let code: String = chars.by_ref().take(digits).map(|(_, digit)| digit).collect();
                let code = u32::from_str_radix(&code, 16).ok();
                Some((code.and_then(char::from_u32).unwrap_or('?'), at))
            }))
        }
        _ => Box::new(chars.map(|(at, c)| (c, at))),
    }
}

/// The character that a one-letter escape of a double-quoted scalar stands for; all that matters
/// is whether it is white space.
fn unescaped(escape: char) -> char {
    match escape {
        'n' | 'N' | 'L' | 'P' | 'r' | 't' | 'v' | 'f' | '_' | '\n' => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file text at the places of `needle` within the scalar under key `a`.
    fn placed(source: &str, needle: &str) -> String {
        let yaml = Yaml::parse(source).expect("YAML");
        let Content::Map(entries) = &yaml.node(yaml.roots[0]).content else { panic!("a map") };
        let (_, value) = entries[0];
        let text = yaml.node(value).text().expect("a scalar");
        let at = text.find(needle).expect("the needle is in the value");
        let range = yaml.placement(source, value).range(&(at..at + needle.len()));
        source[range].to_owned()
    }

    #[test]
    fn places_in_every_style_of_scalar() {
        assert_eq!(placed("a: plain has(x)\n", "has(x)"), "has(x)");
        assert_eq!(placed("a: plain\n  over é\n  lines\n", "lines"), "lines");
        assert_eq!(placed("# é\na: |\n    one\n\n      é two\n    three\nb: 1\n", "two"), "two");
        assert_eq!(placed("a: |2-\n    one\n    three\n", "three"), "three");
        assert_eq!(placed("a: >\n  one\n  two\n\n  three\n", "three"), "three");
        assert_eq!(placed("a: 'it''s == \"x\"'\n", "\"x\""), "\"x\"");
        assert_eq!(placed(r#"a: "x \"y\" \u0041\n end""#, "end"), "end");
        assert_eq!(placed(r#"a: "x \"y\" \u0041\n end""#, "A"), "\\");
        assert_eq!(placed("\u{feff}a: |\n  é b\n", "b"), "b");
    }

    #[test]
    fn what_rule_files_do_not_use_is_refused() {
        for (source, part) in [
            ("a: &x 1\nb: *x\n", "aliases"),
            ("a: !tag 1\n", "tags"),
            ("a: [1\n", "not YAML"),
            (&"- ".repeat(100_000), "nest more than 32"),
            (&"[".repeat(100_000), "not YAML: recursion limit exceeded"),
        ] {
            let error = Yaml::parse(source).expect_err(part);
            assert!(error.title.contains(part), "{}", error.title);
        }
    }
}
