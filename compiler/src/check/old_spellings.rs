//! The documents' spellings inside the `where` of a count: `attr == unique` is `count_distinct`,
//! `key == X and time_window == 1m` is `.by(key).within(1m)`. Only terms that the whole `where`
//! joins by `and` qualify; anywhere else they are errors.

use crate::ast::{AttributeRef, Comparison, Operator, Scope, Value};
use crate::diagnostic::{Diagnostic, Span};
use crate::syntax::{Count, NodeId, NodeKind, Operand, OperandKind, Quoting, Subject};

use super::{Checker, WordMeaning, WordReading};

/// The parts of a count once its old spellings are read.
pub(super) struct Parts {
    pub(super) distinct: Option<AttributeRef>,
    pub(super) by: Option<AttributeRef>,
    pub(super) within: Option<Operand>,
    /// The terms of the `where` that remain; `None` if all of it does.
    pub(super) filter: Option<Vec<NodeId>>,
}

/// What one term of the `where` of a count is.
enum Term<'a> {
    Unique(&'a AttributeRef),
    Window(&'a Operand),
    AnyValue(&'a AttributeRef),
    Test,
}

/// Whether a test is the window of an old spelling: the plain word `time_window` and a duration.
/// A real attribute of that name is written `span.time_window` or in quotes.
pub(super) fn is_window(subject: &Subject, operator: Operator, operand: &Operand) -> bool {
    let named = matches!(subject, Subject::Attribute(AttributeRef { scope: Scope::Any, key }, Quoting::Plain)
        if key == "time_window");
    named
        && operator == Operator::Compare(Comparison::Equal)
        && matches!(operand.kind, OperandKind::Value(Value::Duration(_)))
}

impl Checker<'_> {
    pub(super) fn old_spellings(&mut self, count: &Count) -> Parts {
        let mut parts = Parts {
            distinct: count.distinct.clone(),
            by: count.by.clone(),
            within: None,
            filter: None,
        };
        let Some(filter) = count.filter else { return parts };
        let terms = self.syntax.conjuncts(filter);
        let windowed = terms.iter().any(|&term| matches!(self.term(term, false), Term::Window(_)));
        let mut rest = Vec::with_capacity(terms.len());
        for &id in &terms {
            let span = self.syntax.span(id);
            match self.term(id, windowed) {
                Term::Test => rest.push(id),
                Term::Unique(attribute) => {
                    let attribute = attribute.clone();
                    self.note_old_word(id);
                    let before = parts.distinct.replace(attribute);
                    self.report_second(before.is_some(), "counts distinct values twice", span);
                }
                Term::AnyValue(key) => {
                    let key = key.clone();
                    self.note_old_word(id);
                    let before = parts.by.replace(key);
                    self.report_second(before.is_some(), "is grouped by two keys", span);
                }
                Term::Window(length) => {
                    let second = parts.within.is_some() || count.within.is_some();
                    parts.within = Some(length.clone());
                    self.report_second(second, "has two windows", span);
                }
            }
        }
        parts.filter = (rest.len() < terms.len()).then_some(rest);
        parts
    }

    fn term(&self, id: NodeId, windowed: bool) -> Term<'_> {
        let NodeKind::Test { subject, operator, operand } = self.syntax.kind(id) else {
            return Term::Test;
        };
        let Subject::Attribute(attribute, _) = subject else { return Term::Test };
        match &operand.kind {
            _ if is_window(subject, *operator, operand) => Term::Window(operand),
            _ if *operator != Operator::Compare(Comparison::Equal) => Term::Test,
            OperandKind::Word(word) if self.params.contains_key(word) => Term::Test,
            OperandKind::Word(word) if word == "unique" => Term::Unique(attribute),
            OperandKind::Word(word) if windowed && is_capital(word) => Term::AnyValue(attribute),
            _ => Term::Test,
        }
    }

    fn note_old_word(&mut self, id: NodeId) {
        if let NodeKind::Test { operand: Operand { kind: OperandKind::Word(word), span }, .. } =
            self.syntax.kind(id)
        {
            let (span, word) = (span.clone(), word.clone());
            self.words.push(WordReading { span, word, meaning: WordMeaning::OldSpelling });
        }
    }

    fn report_second(&mut self, second: bool, what: &str, span: Span) {
        if second {
            let title = format!("this count {what}");
            self.diagnostics.push(Diagnostic::error("suffix-twice", title, span));
        }
    }

    pub(super) fn report_misplaced_window(&mut self, span: Span) {
        let title = "`time_window` is a window only among the `and` terms of a count's `where`";
        self.diagnostics.push(
            Diagnostic::error("misplaced-window", title, span)
                .help("write `trace.count(operation).within(1m)`; an attribute of that name is `span.time_window`"),
        );
    }
}

/// Whether a word is a single capital letter, which the documents use for any value.
pub(super) fn is_capital(word: &str) -> bool {
    matches!(word.as_bytes(), [b'A'..=b'Z'])
}
