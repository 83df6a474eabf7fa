//! One test of a file: its rule or rules, and what it expects of them.

use std::ops::Range;

use compiler::Diagnostic;
use compiler::ast::{Number, Value};
use ir::Datum;
use rules::yaml::{Content, NodeId};
use rules::{Fields, first_line};

use super::file::Draft;
use super::model::{Case, Verdict};

const TEST_KEYS: [&str; 9] =
    ["name", "rule", "trace", "file", "trace_id", "verdict", "witness", "context", "expect"];
const EXPECTATION_KEYS: [&str; 3] = ["verdict", "witness", "context"];

/// What is expected of one rule.
struct Expectation {
    verdict: Verdict,
    witness: Option<Vec<u64>>,
    context: Option<Vec<(String, Vec<String>)>>,
}

impl Draft<'_> {
    /// Reads a test.
    pub(super) fn test(&mut self, node: NodeId) {
        if !self.reader.is_map(node, "a test") {
            return;
        }
        let owner = first_line(self.reader.source, &self.reader.yaml.node(node).span);
        let mut fields = self.reader.fields(node, "a test", &TEST_KEYS);
        let name = self.reader.required(&mut fields, "name", &owner);
        let [trace, file, trace_id] = ["trace", "file", "trace_id"].map(|key| fields.take(key));
        let trace = self.trace(trace, file, trace_id, &owner);
        let expected = match fields.take("expect") {
            Some(expect) => {
                for key in ["rule", "verdict", "witness", "context"] {
                    if let Some(node) = fields.take(key) {
                        let span = self.reader.yaml.node(node).span.clone();
                        let title =
                            format!("`{key}:` beside `expect:`, which says it for each rule");
                        self.reader.error("bad-value", &title, span);
                    }
                }
                self.several(expect)
            }
            None => self.single(&mut fields, &owner).into_iter().collect(),
        };
        let (Some((name, place)), Some(trace)) = (name, trace) else { return };
        for (rule, expectation) in expected {
            let Expectation { verdict, witness, context } = expectation;
            let (name, place) = (name.clone(), place.clone());
            self.add_case(Case { name, rule, trace, verdict, witness, context, place });
        }
    }

    /// `rule:` and `verdict:`.
    fn single(
        &mut self,
        fields: &mut Fields,
        owner: &Range<usize>,
    ) -> Option<(usize, Expectation)> {
        let rule = self.reader.required(fields, "rule", owner);
        let rule = rule.and_then(|(id, span)| self.rule(&id, span));
        let expectation = self.expectation(fields, owner);
        Some((rule?, expectation?)).filter(|(rule, expected)| self.admits(*rule, expected, owner))
    }

    /// `expect:`, a verdict or more for each rule.
    fn several(&mut self, node: NodeId) -> Vec<(usize, Expectation)> {
        let mut expected = Vec::new();
        for (key, value) in self.reader.entries(node, "`expect:`") {
            let Some((id, span)) = self.reader.text(key) else { continue };
            let rule = self.rule(&id, span.clone());
            let expectation = match &self.reader.yaml.node(value).content {
                Content::Map(_) => {
                    let mut fields = self.reader.fields(value, "an expectation", &EXPECTATION_KEYS);
                    self.expectation(&mut fields, &span)
                }
                _ => self.verdict(value).map(|verdict| Expectation {
                    verdict,
                    witness: None,
                    context: None,
                }),
            };
            if let (Some(rule), Some(expectation)) = (rule, expectation)
                && self.admits(rule, &expectation, &span)
            {
                expected.push((rule, expectation));
            }
        }
        expected
    }

    fn expectation(&mut self, fields: &mut Fields, owner: &Range<usize>) -> Option<Expectation> {
        let witness = fields.take("witness").map(|node| self.witness(node));
        let context = fields.take("context").map(|node| self.context(node));
        let Some(verdict) = fields.take("verdict") else {
            let error = Diagnostic::error("missing-key", "`verdict:` is missing", owner.clone());
            self.reader.push(error.help(verdicts()));
            return None;
        };
        let verdict = self.verdict(verdict)?;
        if verdict != Verdict::Violated && (witness.is_some() || context.is_some()) {
            let title = "only a violation has a witness and a context";
            self.reader.error("bad-value", title, owner.clone());
        }
        Some(Expectation { verdict, witness, context })
    }

    fn verdict(&mut self, node: NodeId) -> Option<Verdict> {
        let (text, span) = self.reader.text(node)?;
        let verdict = Verdict::from_name(&text);
        if verdict.is_none() {
            let title = format!("`{text}` is not a verdict");
            self.reader.push(Diagnostic::error("bad-verdict", title, span).help(verdicts()));
        }
        verdict
    }

    /// Whether the rule can come to the verdict.
    fn admits(&mut self, rule: usize, expected: &Expectation, place: &Range<usize>) -> bool {
        let rule = &self.file.rules.rules[rule];
        let admits = expected.verdict != Verdict::NotApplicable || rule.statement.when.is_some();
        if !admits {
            let id = &rule.id;
            let title = format!("the rule `{id}` has no `when`, so it applies to every trace");
            let help = "expect `passed` or `violated`";
            let error = Diagnostic::error("never-not-applicable", title, place.clone());
            self.reader.push(error.help(help));
        }
        admits
    }

    fn witness(&mut self, node: NodeId) -> Vec<u64> {
        let mut ids = Vec::new();
        for item in self.reader.list(node, "`witness:`") {
            let Some((text, span)) = self.reader.text(item) else { continue };
            let hex = || u64::from_str_radix(&text, 16).ok().filter(|_| text.len() == 16);
            match hex().or_else(|| text.parse().ok()) {
                Some(id) => ids.push(id),
                None => {
                    let title = format!("`{text}` is not the id of a span");
                    let help = "a number, as ids count up from 1, or 16 hex digits";
                    self.reader.push(Diagnostic::error("bad-value", title, span).help(help));
                }
            }
        }
        ids
    }

    fn context(&mut self, node: NodeId) -> Vec<(String, Vec<String>)> {
        let mut context = Vec::new();
        for (key, value) in self.reader.entries(node, "`context:`") {
            let Some((key, _)) = self.reader.text(key) else { continue };
            let items = match &self.reader.yaml.node(value).content {
                Content::List(items) => items.clone(),
                _ => vec![value],
            };
            let values = items.into_iter().filter_map(|item| self.canonical(item)).collect();
            context.push((key, values));
        }
        context
    }

    /// The canonical text of a scalar.
    fn canonical(&mut self, node: NodeId) -> Option<String> {
        let plain = self.reader.yaml.node(node).is_plain();
        let (text, _) = self.reader.text(node)?;
        let value = if plain { Value::from_plain_scalar(&text) } else { Value::Text(text.clone()) };
        Some(match value {
            Value::Number(Number::Integer(int)) => Datum::Int(int).text().into_owned(),
            Value::Number(Number::Decimal { value, .. }) => Datum::Float(value).text().into_owned(),
            _ => text,
        })
    }
}

fn verdicts() -> String {
    format!("one of {}", Verdict::ALL.map(Verdict::name).join(", "))
}
