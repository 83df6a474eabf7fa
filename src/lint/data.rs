//! What rules come to on data: whether what they name is there, and whether they say anything.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ffi::OsStr;

use compiler::ast::{
    AttributeRef, Condition, Count, Operand, OperationName, Predicate, PredicateId, Quantity,
    Scope, Statement, Subject,
};
use compiler::{Diagnostic, Span};
use corpora::otlp::Decoder;
use corpora::source::{self, walk};
use ir::module::Operation;
use rules::{Rule, RuleSet};

use super::seen::Seen;
use crate::completeness::Completeness;
use crate::corpus::{Corpus, open};
use crate::program::{CompileError, CompileOptions, Program, nearest};
use crate::replay::{Replay, ReplayError, ReplayOptions, Report};

/// Data as a set of rules sees it.
#[derive(Debug)]
pub struct Data {
    seen: Seen,
    verdicts: BTreeMap<String, Verdicts>,
    completeness: Completeness,
}

/// How often a rule came to what.
#[derive(Clone, Copy, Debug)]
struct Verdicts {
    exercised: u64,
    applied: u64,
    violated: u64,
}

/// Why data could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The rules cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The data cannot be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

impl Data {
    /// Reads trace files, folders and globs; twice, so standard input will not do.
    ///
    /// # Errors
    /// [`DataError`]. What cannot be read is in [`Self::completeness`] and stops nothing.
    pub fn of_files<P: AsRef<OsStr>>(
        rules: &RuleSet,
        inputs: &[P],
        options: &ReplayOptions,
    ) -> Result<Self, DataError> {
        let mut replay = Replay::new(&program(rules)?, options.clone());
        replay.read(inputs)?;
        let report = replay.finish(&mut |_| Ok(()))?;
        let workers = options.threads.get();
        let mut decoders: Vec<_> =
            (0..workers).map(|_| Decoder::with_sink(Seen::default()).strict()).collect();
        let reading =
            source::Options { max_document: options.max_document, ..source::Options::default() };
        let (_, Ok(())) = source::run(
            &walk(inputs).inputs,
            &reading,
            &mut decoders,
            |decoder, block| -> Result<(), Infallible> {
                decoder.decode_block(&block);
                Ok(())
            },
        );
        let mut seen = Seen::default();
        decoders.into_iter().for_each(|decoder| seen.merge(decoder.into_parts().0));
        Ok(Self::new(seen, report))
    }

    /// Reads a corpus.
    ///
    /// # Errors
    /// [`DataError`]. A segment that is damaged is left out.
    pub fn of_corpus(
        rules: &RuleSet,
        corpus: &Corpus,
        options: &ReplayOptions,
    ) -> Result<Self, DataError> {
        let report = corpus.replay(&program(rules)?, options, &mut |_| Ok(()))?;
        let mut seen = Seen::default();
        for entry in &corpus.snapshot.manifest.segments {
            // The replay has named what cannot be opened.
            let Ok(file) = open(&corpus.snapshot.folder, entry) else { continue };
            let mut own = Seen::default();
            let segment = file.segment(None);
            own.add(&segment);
            if segment.sound().is_ok() {
                seen.merge(own);
            }
        }
        Ok(Self::new(seen, report))
    }

    fn new(seen: Seen, report: Report) -> Self {
        let verdicts = report.rules.into_iter().map(|rule| {
            let (exercised, applied, violated) = (rule.exercised, rule.applied, rule.violated);
            (rule.id, Verdicts { exercised, applied, violated })
        });
        Self { seen, verdicts: verdicts.collect(), completeness: report.completeness }
    }

    /// What was read of it and what was not.
    pub fn completeness(&self) -> &Completeness {
        &self.completeness
    }
}

/// All rules, those that are not enabled as well.
fn program(rules: &RuleSet) -> Result<Program, CompileError> {
    let ids = rules.rules.iter().map(|rule| rule.id.clone()).collect();
    Program::compile(rules, &CompileOptions { ids, ..CompileOptions::default() })
}

/// What the data says of a rule whose condition stands at `whole`.
pub(super) fn findings(data: &Data, rule: &Rule, whole: &Span) -> Vec<Diagnostic> {
    let Some(verdicts) = data.verdicts.get(&rule.id) else { return Vec::new() };
    let mut found = Vec::new();
    let names_any = rule.statement.operations().next().is_some();
    if verdicts.exercised == 0 && names_any {
        let title = "no trace of the data holds an operation of this rule";
        let warning = Diagnostic::warning("never-exercised", title, whole.clone());
        let near = rule.statement.operations().filter_map(|name| like(data, name));
        let near: BTreeSet<String> = near.collect();
        let help = near.into_iter().collect::<Vec<_>>().join("; ");
        found.push(if help.is_empty() { warning } else { warning.help(help) });
        return found;
    }
    if verdicts.applied > 0 && verdicts.violated == verdicts.applied {
        let title =
            format!("all {} traces to which this rule applies violate it", verdicts.applied);
        found
            .push(Diagnostic::warning("always-violated", title, whole.clone()).help(
                "either nothing is as it should be, or the rule asks for what nobody writes",
            ));
    }
    found.extend(unknown_operations(data, rule));
    found.extend(unknown_attributes(data, rule));
    found
}

fn unknown_operations(data: &Data, rule: &Rule) -> Vec<Diagnostic> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (condition, at) in rule.statement.conditions().iter().zip(&rule.written.parts.conditions) {
        for name in operations(condition) {
            if is_seen(data, name) || !seen.insert(name) {
                continue;
            }
            let title = format!("no span of the data is named `{name}`");
            let warning = Diagnostic::warning("unknown-operation", title, at.clone());
            found.push(match like(data, name) {
                Some(help) => warning.help(help),
                None => warning,
            });
        }
    }
    found
}

fn unknown_attributes(data: &Data, rule: &Rule) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, attribute) in asked(&rule.statement) {
        if !is_seen(data, name) {
            continue;
        }
        let keys = keys(data, name, attribute.scope);
        if keys.contains(attribute.key.as_str()) {
            continue;
        }
        let mut places = rule.written.parts.attributes.iter();
        let at = places.find(|(own, _)| own == attribute).map(|(_, at)| at.clone());
        let title = format!("no span `{name}` of the data has the attribute `{attribute}`");
        let at = at.unwrap_or_else(|| rule.source.span.clone());
        let warning = Diagnostic::warning("unknown-attribute", title, at);
        let near = nearest(&attribute.key, keys.iter().copied());
        found.push(match near.is_empty() {
            true => warning,
            false => warning.help(format!("names like it: {}", near.join(", "))),
        });
    }
    found
}

/// Keys that a rule can find on the spans of an operation.
fn keys<'d>(data: &'d Data, name: &OperationName, scope: Scope) -> BTreeSet<&'d str> {
    let operation = operation(name);
    let of_spans = data.seen.operations.iter().filter(|(name, _)| operation.matches(name));
    let of_spans = of_spans.flat_map(|(_, keys)| keys).filter(|_| scope != Scope::Resource);
    let of_resources = data.seen.resources.iter().filter(|_| scope != Scope::Span);
    of_spans.chain(of_resources).map(String::as_str).collect()
}

fn is_seen(data: &Data, name: &OperationName) -> bool {
    let operation = operation(name);
    data.seen.operations.keys().any(|name| operation.matches(name))
}

/// A help line with names of the data that are like one of a rule.
fn like(data: &Data, name: &OperationName) -> Option<String> {
    let shown = name.to_string();
    let wanted = match name {
        OperationName::Exact(name) => name.clone(),
        OperationName::Pattern(pieces) => pieces.join("*"),
    };
    let near = nearest(&wanted, data.seen.operations.keys().map(String::as_str));
    (!near.is_empty()).then(|| format!("names like {shown}: {}", near.join(", ")))
}

fn operation(name: &OperationName) -> Operation {
    match name {
        OperationName::Exact(name) => Operation::Named(name.as_str().into()),
        OperationName::Pattern(pieces) => {
            Operation::Wildcard(pieces.iter().map(|piece| piece.as_str().into()).collect())
        }
    }
}

fn operations(condition: &Condition) -> Vec<&OperationName> {
    match condition {
        Condition::Has { operation, .. } => vec![operation],
        Condition::Compare { left, right, .. } => {
            counts([left, right]).map(|count| &count.operation).collect()
        }
        _ => Vec::new(),
    }
}

fn counts(sides: [&Quantity; 2]) -> impl Iterator<Item = &Count> {
    sides.into_iter().filter_map(|side| match side {
        Quantity::Count(count) => Some(count),
        Quantity::Number(_) => None,
    })
}

/// Each attribute that a statement asks of the spans of an operation.
fn asked(statement: &Statement) -> BTreeSet<(&OperationName, &AttributeRef)> {
    let mut found = BTreeSet::new();
    for condition in statement.conditions() {
        match condition {
            Condition::Has { operation, filter } => {
                found
                    .extend(attributes(statement, *filter).into_iter().map(|own| (operation, own)));
            }
            Condition::Compare { left, right, .. } => {
                for count in counts([left, right]) {
                    let of_filter = attributes(statement, count.filter);
                    let keys = [&count.distinct, &count.by].into_iter().flatten();
                    let own = of_filter.into_iter().chain(keys);
                    found.extend(own.map(|own| (&count.operation, own)));
                }
            }
            _ => {}
        }
    }
    found
}

fn attributes(statement: &Statement, filter: Option<PredicateId>) -> Vec<&AttributeRef> {
    let mut found = Vec::new();
    let mut left: Vec<PredicateId> = filter.into_iter().collect();
    while let Some(id) = left.pop() {
        match &statement[id] {
            Predicate::And(terms) | Predicate::Or(terms) => left.extend(terms),
            Predicate::Not(term) => left.push(*term),
            Predicate::Exists(attribute) => found.push(attribute),
            Predicate::Test { subject, operand, .. } => {
                if let Subject::Attribute(attribute) = subject {
                    found.push(attribute);
                }
                if let Operand::Attribute(attribute) = operand {
                    found.push(attribute);
                }
            }
        }
    }
    found
}
