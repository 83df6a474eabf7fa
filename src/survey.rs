//! What a corpus has for rules, before they are run or where nothing came of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use compiler::Jit;
use corpora::corpus::SegmentEntry;
use corpora::corpus::file::SegmentFile;
use hashbrown::HashSet;
use ir::module::{Atom, AtomId, Field, Operation, Predicate, Quantity, Rule};
use ir::{Engine, Fault, Module};

use crate::corpus::{Corpus, open};
use crate::program::{Program, nearest};
use crate::replay::ReplayError;

/// What a replay of a corpus will touch.
#[derive(Clone, Debug, Default)]
pub struct Outlook {
    /// Segments of the corpus.
    pub segments: usize,
    /// Of those, segments that hold no operation which a rule names: no more than their list of
    /// operations is read.
    pub passed_over: usize,
    /// Bytes of the corpus.
    pub bytes: u64,
    /// What is read of the other segments unless bounds and bitmaps settle it before, with the bytes of
    /// all segments together, by name.
    pub columns: BTreeMap<String, u64>,
}

/// An operation that a rule names, and what a corpus knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The operation as the rule has it.
    pub operation: String,
    /// When the last trace with such a span started, in nanoseconds since 1970.
    pub last: Option<u64>,
    /// Where there is none, names of the corpus that are most like it.
    pub nearest: Vec<String>,
}

impl Corpus {
    /// What a replay of these rules will touch; only lists of operations and columns are read for it.
    ///
    /// # Errors
    /// A segment that cannot be opened.
    pub fn outlook(&self, program: &Program) -> Result<Outlook, ReplayError> {
        let wanted: Vec<(&Operation, HashSet<String>)> = reads(program.module());
        let manifest = &self.snapshot.manifest;
        let mut outlook = Outlook { segments: manifest.segments.len(), ..Outlook::default() };
        for entry in &manifest.segments {
            let file = open(&self.snapshot.folder, entry)?;
            outlook.bytes += entry.bytes;
            outlook.passed_over += usize::from(!outlook.add(&file, &wanted));
        }
        Ok(outlook)
    }

    /// Runs the rules' questions over all segments by `jit`, which then has the code of all shapes
    /// that columns have there. All is read that a replay would read.
    ///
    /// # Errors
    /// A segment that is damaged, cannot be opened or was not made to hold what the rules read.
    pub fn compile(&self, program: &Program, jit: &Jit) -> Result<(), ReplayError> {
        let module = program.module();
        let atoms: Vec<AtomId> = (0..module.atoms.len()).map(AtomId::new).collect();
        for entry in &self.snapshot.manifest.segments {
            let segment = open(&self.snapshot.folder, entry)?.segment(None);
            jit.probe(module, &segment, &atoms)?;
            segment.sound()?;
        }
        Ok(())
    }

    /// When the operations that a rule names were last seen, each, in the order of the module.
    /// Segments that are damaged tell nothing; a replay names them.
    ///
    /// # Errors
    /// A segment that was not made to hold what the rule reads.
    pub fn sightings(&self, program: &Program, rule: &Rule) -> Result<Vec<Sighting>, ReplayError> {
        let operations = &program.module().operations;
        let wanted: Vec<&Operation> =
            rule.operations.iter().map(|operation| &operations[operation.index()]).collect();
        let mut last = vec![None; wanted.len()];
        let mut names: HashSet<Arc<str>> = HashSet::new();
        let mut entries: Vec<_> = self.snapshot.manifest.segments.iter().collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.last));
        for entry in entries {
            if last.iter().all(|last| *last >= Some(entry.last)) {
                break;
            }
            match self.last_seen(entry, &wanted, &mut names) {
                Ok(starts) => {
                    last.iter_mut().zip(starts).for_each(|(last, start)| *last = start.max(*last));
                }
                Err(Fault::Damaged { .. }) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        let sighting = |(operation, last): (&&Operation, Option<u64>)| {
            let operation = name(operation);
            let like = || nearest(&operation, names.iter().map(|name| &**name));
            Sighting { nearest: if last.is_none() { like() } else { Vec::new() }, operation, last }
        };
        Ok(wanted.iter().zip(last).map(sighting).collect())
    }

    /// When the last traces of a segment with each of these operations started; adds the names of
    /// all its operations.
    fn last_seen(
        &self,
        entry: &SegmentEntry,
        wanted: &[&Operation],
        names: &mut HashSet<Arc<str>>,
    ) -> Result<Vec<Option<u64>>, Fault> {
        let segment = open(&self.snapshot.folder, entry)?.segment(None);
        names.extend(segment.operations.iter().map(|operation| operation.name.clone()));
        let mut last = vec![None; wanted.len()];
        for (operation, last) in wanted.iter().zip(&mut last) {
            for number in segment.select(operation)? {
                let rows = segment.operations[number].rows.clone();
                let trace = rows.last().map(|row| segment.table(number).trace.at(row));
                let start = trace.map(|trace| segment.traces.start.at(trace as usize));
                *last = start.max(*last);
            }
        }
        segment.sound()?;
        Ok(last)
    }
}

impl Outlook {
    /// Adds what is read of a segment; whether it has an operation of the rules.
    fn add(&mut self, file: &SegmentFile, wanted: &[(&Operation, HashSet<String>)]) -> bool {
        let segment = file.segment(None);
        let is_there = |operation: &Operation| {
            segment.operations.iter().any(|own| operation.matches(&own.name))
        };
        let wanted: Vec<_> = wanted.iter().filter(|(operation, _)| is_there(operation)).collect();
        for size in file.sizes() {
            let of_resources = size.name.starts_with("resources: ");
            // Operations of few rows have no bitmap of their own.
            let shared = size.operations.len() > 1 && size.field == "trace";
            let is_read = wanted.iter().any(|(operation, fields)| {
                let own = size.operations.iter().any(|name| operation.matches(name));
                own && shared || (own || of_resources) && fields.contains(&size.field)
            });
            if is_read {
                *self.columns.entry(size.name).or_default() += size.stored;
            }
        }
        !wanted.is_empty()
    }
}

/// The fields that rules read of each operation, as segments name them.
fn reads(module: &Module) -> Vec<(&Operation, HashSet<String>)> {
    let mut reads: Vec<(&Operation, HashSet<String>)> =
        module.operations.iter().map(|operation| (operation, HashSet::new())).collect();
    let mut add = |set: usize, fields: Vec<String>| {
        let operation = module.sets[set].operation.index();
        reads[operation].1.extend(fields);
    };
    for (number, set) in module.sets.iter().enumerate() {
        let mut fields = vec!["presence".to_owned()];
        let mut left = vec![set.predicate.index()];
        while let Some(at) = left.pop() {
            match &module.predicates[at] {
                Predicate::Const(_) => {}
                Predicate::Not(inner) => left.push(inner.index()),
                Predicate::And(parts) | Predicate::Or(parts) => {
                    left.extend(parts.iter().map(|part| part.index()));
                }
                Predicate::Test(field, test) => {
                    fields.push("trace".to_owned());
                    let both = [Some(*field), test.other_field()].into_iter().flatten();
                    both.for_each(|field| fields.extend(names(&module.fields[field.index()])));
                }
            }
        }
        add(number, fields);
    }
    for atom in &module.atoms {
        let Atom::Compare(left, _, right) = atom else { continue };
        for quantity in [left, right] {
            let Quantity::Count(count) = quantity else { continue };
            let mut fields = vec!["trace".to_owned()];
            fields.extend(count.within.map(|_| "start".to_owned()));
            for field in [count.distinct, count.by].into_iter().flatten() {
                fields.extend(names(&module.fields[field.index()]));
            }
            add(count.set.index(), fields);
        }
    }
    reads
}

/// The columns of a field, as segments name them.
fn names(field: &Field) -> Vec<String> {
    let attribute = |key: &str| format!("attribute {key}");
    match field {
        Field::Name => Vec::new(),
        Field::Kind => vec!["kind".to_owned()],
        Field::Status => vec!["status".to_owned()],
        Field::StatusMessage => vec!["message".to_owned()],
        Field::Duration => vec!["duration".to_owned()],
        Field::Span(key) => vec![attribute(key)],
        Field::Resource(key) | Field::Any(key) => vec![attribute(key), "resource".to_owned()],
    }
}

fn name(operation: &Operation) -> String {
    match operation {
        Operation::Named(name) => name.to_string(),
        Operation::Wildcard(pieces) => pieces.join("*"),
    }
}
