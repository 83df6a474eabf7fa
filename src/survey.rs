//! What a corpus has for rules, before they are run or where nothing came of it.

use std::sync::Arc;

use compiler::Jit;
use corpora::corpus::SegmentEntry;
use hashbrown::HashSet;
use ir::module::{AtomId, Operation, Rule};
use ir::{Engine, Fault};

use crate::corpus::{Corpus, open};
use crate::program::{Program, nearest};
use crate::replay::ReplayError;

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

fn name(operation: &Operation) -> String {
    match operation {
        Operation::Named(name) => name.to_string(),
        Operation::Wildcard(pieces) => pieces.join("*"),
    }
}
