//! What is said about a rule text: [`Diagnostic`] is the spec of a message, [`Diagnostics`] the
//! list that the stages of reading a rule add to. Showing them is the work of
//! [`render`](crate::render).

use std::ops::Range;

use crate::limits;

/// Byte range in the rule text.
pub type Span = Range<usize>;

/// Whether a rule is refused or only remarked upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The rule is refused.
    Error,
    /// The rule is accepted; its writer should look again.
    Warning,
}

/// A place in the rule text and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Bytes of the rule text.
    pub span: Span,
    /// What is there, or empty.
    pub text: String,
    /// Whether this is the place the message is about, rather than context.
    pub primary: bool,
}

/// What to write instead, where that is mechanical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// Changes of the text; they do not overlap.
    pub edits: Vec<Edit>,
    /// Whether the rule means the very same after it, on any data.
    pub exact: bool,
}

/// One change of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Bytes that go; none where something is only put in.
    pub span: Span,
    /// What comes there.
    pub text: String,
}

/// One message about a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Stable kebab-case name of the kind of message, such as `polarity-guessed`.
    pub code: &'static str,
    /// The message in one line.
    pub title: String,
    /// Places; the first is where the message is filed.
    pub labels: Vec<Label>,
    /// What to write instead, if that can be said.
    pub help: Option<String>,
    /// How a program would mend it.
    pub fix: Option<Box<Fix>>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, title: impl Into<String>, span: Span) -> Self {
        Self::new(Severity::Error, code, title.into(), span)
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, title: impl Into<String>, span: Span) -> Self {
        Self::new(Severity::Warning, code, title.into(), span)
    }

    fn new(severity: Severity, code: &'static str, title: String, span: Span) -> Self {
        let label = Label { span, text: String::new(), primary: true };
        Self { severity, code, title, labels: vec![label], help: None, fix: None }
    }

    /// Says something at the primary place.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.labels[0].text = text.into();
        self
    }

    /// Adds a second place as context.
    pub fn context(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into(), primary: false });
        self
    }

    /// Adds the help line.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Adds what a program would write instead.
    pub fn fix(mut self, fix: Option<Fix>) -> Self {
        self.fix = fix.map(Box::new);
        self
    }

    /// Where the message is filed: the start of its first place, 0 if it has none.
    pub fn start(&self) -> usize {
        self.labels.first().map_or(0, |label| label.span.start)
    }
}

/// The diagnostics of one rule, at most [`limits::DIAGNOSTICS_PER_RULE`] and one that says there
/// were more.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    list: Vec<Diagnostic>,
    errors: usize,
}

impl Diagnostics {
    /// Adds a diagnostic.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        match self.list.len() {
            limits::DIAGNOSTICS_PER_RULE => self.list.push(Diagnostic::error(
                "too-many-errors",
                format!("more than {} messages for one rule", limits::DIAGNOSTICS_PER_RULE),
                diagnostic.labels[0].span.clone(),
            )),
            listed if listed > limits::DIAGNOSTICS_PER_RULE => {}
            _ => self.list.push(diagnostic),
        }
    }

    /// Whether any error was reported, listed or not.
    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether the list is full, so that reading on is pointless.
    pub(crate) fn full(&self) -> bool {
        self.list.len() > limits::DIAGNOSTICS_PER_RULE
    }

    /// The list, by place.
    pub(crate) fn into_list(mut self) -> Vec<Diagnostic> {
        self.list
            .sort_by_key(|diagnostic| (diagnostic.code == "too-many-errors", diagnostic.start()));
        self.list
    }
}

impl Edit {
    /// A text with some of its bytes changed; of edits that overlap the first counts. None where an
    /// edit cuts a character or lies outside of the text.
    pub fn apply(text: &str, edits: &[Self]) -> Option<String> {
        let mut edits: Vec<&Self> = edits.iter().collect();
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        let mut changed = String::with_capacity(text.len() + 64);
        let mut done = 0;
        for edit in edits {
            if edit.span.start < done {
                continue;
            }
            changed += text.get(done..edit.span.start)?;
            changed += &edit.text;
            done = edit.span.end.max(edit.span.start);
        }
        changed += text.get(done..)?;
        Some(changed)
    }
}
