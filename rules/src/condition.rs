//! The text of a rule: parsed, with everything that is said of it placed in the file.

use std::ops::Range;

use compiler::{
    Diagnostic, Key, Placement, Places, ReadOptions, Severity, Statement, WordReading, parse_rule,
};

use crate::reader::Reader;
use crate::written::escaped;
use crate::yaml::NodeId;

/// A rule's text as read.
pub struct Condition {
    pub statement: Statement,
    pub words: Vec<WordReading>,
    /// Where its parts stand in the file.
    pub parts: Places,
    /// Codes of warnings that the rule allows and that would have been given.
    pub silenced: Vec<&'static str>,
}

impl Reader<'_> {
    /// Parses the rule's text, which must stand under exactly one of the three keys. Warnings whose
    /// codes are `allowed` are not given.
    pub fn condition<'p>(
        &mut self,
        texts: &[(NodeId, Key)],
        rule: &Range<usize>,
        options: impl Fn(Key) -> ReadOptions<'p>,
        allowed: &[&str],
    ) -> Option<Condition> {
        let &[(node, key)] = texts else {
            self.report_texts(texts, rule);
            return None;
        };
        let (text, _) = self.text(node)?;
        let mut parsed = parse_rule(&text, &options(key));
        let placement = self.yaml.placement(self.source, node);
        // YAML gives a block at the end of a file a line end that the file may not have.
        let end = self.yaml.node(node).span.end;
        let place = |span: &mut Range<usize>| *span = placed(&placement, span, end);
        let mut silenced = Vec::new();
        for mut diagnostic in std::mem::take(&mut parsed.diagnostics) {
            if diagnostic.severity == Severity::Warning && allowed.contains(&diagnostic.code) {
                silenced.push(diagnostic.code);
                continue;
            }
            diagnostic.labels.iter_mut().for_each(|label| place(&mut label.span));
            for edit in diagnostic.fix.iter_mut().flat_map(|fix| &mut fix.edits) {
                place(&mut edit.span);
                edit.text = escaped(self.source, &self.yaml.node(node).span, &edit.text);
            }
            self.push(diagnostic);
        }
        let mut parts = parsed.places;
        parts.conditions.iter_mut().chain(&mut parts.predicates).for_each(place);
        parts.attributes.iter_mut().for_each(|(_, span)| place(span));
        Some(Condition { statement: parsed.statement?, words: parsed.words, parts, silenced })
    }

    fn report_texts(&mut self, texts: &[(NodeId, Key)], rule: &Range<usize>) {
        let error = match texts {
            [_, (second, _), ..] => {
                let span = self.yaml.node(*second).span.clone();
                Diagnostic::error("two-texts", "the rule has more than one text", span)
                    .help("keep one of `condition:`, `invariant:` and `violation:`")
            }
            _ => Diagnostic::error("missing-key", "the rule has no text", rule.clone())
                .help("write it under `condition:`, `invariant:` or `violation:`"),
        };
        self.push(error);
    }
}

/// A place of a text in its file, which ends at `end`.
fn placed(placement: &Placement, span: &Range<usize>, end: usize) -> Range<usize> {
    let place = placement.range(span);
    place.start.min(end)..place.end.min(end)
}
