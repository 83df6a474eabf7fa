//! What a replay of a corpus will touch, worked out from lists of operations and columns.

use std::collections::BTreeMap;

use corpora::corpus::SegmentEntry;
use corpora::corpus::file::SegmentFile;
use hashbrown::HashSet;
use ir::module::{
    Atom, Field, FieldId, Predicate, PredicateId, Quantity, Scalar, SpanSet, Test, TraceField,
};
use ir::segment::{Column, Integers, Table, Values};
use ir::{Datum, Fault, Module, Segment};

use crate::corpus::{Corpus, open};
use crate::program::Program;
use crate::replay::ReplayError;

/// What a replay of a corpus will touch.
#[derive(Clone, Debug, Default)]
pub struct Outlook {
    /// The segments of the corpus, in the order of their files.
    pub segments: Vec<Touched>,
    /// Bytes of the corpus.
    pub bytes: u64,
    /// What is read of segments unless bitmaps and dictionaries settle it before, with the bytes of all
    /// segments together, by name.
    pub columns: BTreeMap<String, u64>,
}

/// What of a segment will be touched beside its list of operations and columns.
#[derive(Clone, Debug)]
pub struct Touched {
    /// The segment.
    pub segment: SegmentEntry,
    /// Bytes that are read of it at most.
    pub bytes: u64,
    /// Why nothing is read of it, if so.
    pub passed_over: Option<PassedOver>,
}

/// Why nothing is read of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PassedOver {
    /// It holds no operation that a rule names.
    Operations,
    /// By the bounds of its columns no span of it is one that a rule speaks of.
    Bounds,
}

/// A set of spans that a rule speaks of, and what must be read to find them.
struct Asked<'m> {
    set: &'m SpanSet,
    /// As segments name them.
    fields: HashSet<String>,
}

impl Corpus {
    /// What a replay of these rules will touch; only lists of operations and columns are read for it.
    ///
    /// # Errors
    /// A segment that cannot be opened, or was not made to hold what the rules read.
    pub fn outlook(&self, program: &Program) -> Result<Outlook, ReplayError> {
        let module = program.module();
        let asked = (asked(module), of_traces(module));
        let mut outlook = Outlook::default();
        for entry in &self.snapshot.manifest.segments {
            let file = open(&self.snapshot.folder, entry)?;
            let touched = outlook.add(module, &asked, entry, &file)?;
            outlook.bytes += entry.bytes;
            outlook.segments.push(touched);
        }
        Ok(outlook)
    }
}

impl Outlook {
    /// Adds the columns that are read of a segment.
    fn add(
        &mut self,
        module: &Module,
        (asked, of_traces): &(Vec<Asked<'_>>, HashSet<&str>),
        entry: &SegmentEntry,
        file: &SegmentFile,
    ) -> Result<Touched, Fault> {
        let segment = file.segment(None);
        let is_there = |asked: &&Asked<'_>| {
            let operation = &module.operations[asked.set.operation.index()];
            segment.operations.iter().any(|own| operation.matches(&own.name))
        };
        let there: Vec<&Asked<'_>> = asked.iter().filter(is_there).collect();
        let mut open = Vec::new();
        for asked in &there {
            if !is_empty(module, &segment, asked.set)? {
                open.push((&module.operations[asked.set.operation.index()], &asked.fields));
            }
        }
        let mut bytes = 0;
        for size in file.sizes() {
            let of_resources = size.name.starts_with("resources: ");
            // Operations of few rows have no bitmap of their own.
            let shared = size.operations.len() > 1 && size.field == "trace";
            let is_read = open.iter().any(|(operation, fields)| {
                let own = size.operations.iter().any(|name| operation.matches(name));
                own && shared || (own || of_resources) && fields.contains(&size.field)
            });
            if is_read || of_traces.contains(&*size.name) {
                bytes += size.stored;
                *self.columns.entry(size.name).or_default() += size.stored;
            }
        }
        let passed_over = match (of_traces.is_empty(), &there[..], &open[..]) {
            (true, [], _) => Some(PassedOver::Operations),
            (true, _, []) => Some(PassedOver::Bounds),
            _ => None,
        };
        Ok(Touched { segment: entry.clone(), bytes, passed_over })
    }
}

/// Whether bounds tell that no span of a segment belongs to a set.
fn is_empty(module: &Module, segment: &Segment, set: &SpanSet) -> Result<bool, Fault> {
    let operation = &module.operations[set.operation.index()];
    for number in segment.select(operation)? {
        if !holds_nowhere(module, segment, segment.table(number), set.predicate)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether bounds tell that a predicate holds on no row of a table. Goes as deep as predicates do,
/// which the compiler bounds.
fn holds_nowhere(
    module: &Module,
    segment: &Segment,
    table: &Table,
    predicate: PredicateId,
) -> Result<bool, Fault> {
    let nowhere = |part: &PredicateId| holds_nowhere(module, segment, table, *part);
    match &module.predicates[predicate.index()] {
        Predicate::Const(holds) => Ok(!holds),
        Predicate::Not(_) => Ok(false),
        Predicate::And(parts) => {
            parts.iter().try_fold(false, |any, part| Ok(any || nowhere(part)?))
        }
        Predicate::Or(parts) => parts.iter().try_fold(true, |all, part| Ok(all && nowhere(part)?)),
        Predicate::Test(field, test) => {
            let columns = columns(segment, table, &module.fields[field.index()])?;
            Ok(columns.is_some_and(|columns| columns.iter().all(|column| fails(column, test))))
        }
    }
}

/// The columns that a field's values are in; none for fields that have no column of their own.
fn columns<'s>(
    segment: &'s Segment,
    table: &'s Table,
    field: &Field,
) -> Result<Option<Vec<&'s Column>>, Fault> {
    let own = |key: &str| segment.attribute(table, segment.key(key)).column(field);
    let of_resource = |key: &str| segment.resource(segment.key(key)).column(field);
    Ok(match field {
        Field::Span(key) => Some(vec![own(key)?]),
        Field::Resource(key) => Some(vec![of_resource(key)?]),
        Field::Any(key) => Some(vec![own(key)?, of_resource(key)?]),
        Field::Duration => Some(vec![table.duration.column(field)?]),
        Field::Name | Field::Kind | Field::Status | Field::StatusMessage => None,
    })
}

/// Whether no value within the bounds of a column passes a test.
fn fails(column: &Column, test: &Test) -> bool {
    let integers = match &column.values {
        Values::Empty => return true,
        Values::Integers(integers) => integers,
        Values::Floats(_) | Values::Codes(..) => return false,
    };
    let Integers { base, max, .. } = integers;
    let beyond =
        |constant: &Scalar| matches!(constant, Scalar::Int(int) if int < base || int > max);
    match test {
        // What orders so does at one of the bounds, if anywhere between them.
        Test::Order(..) => [base, max].iter().all(|bound| !test.passes(Datum::Int(**bound), None)),
        Test::Equal(constant) => beyond(constant),
        Test::In(constants) => constants.iter().all(beyond),
        _ => false,
    }
}

/// The sets of spans that rules speak of, with the fields that are read of them.
fn asked(module: &Module) -> Vec<Asked<'_>> {
    let mut all: Vec<Asked<'_>> =
        module.sets.iter().map(|set| Asked { set, fields: HashSet::new() }).collect();
    let mut add = |set: usize, fields: Vec<String>| all[set].fields.extend(fields);
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
                    both.for_each(|field| fields.extend(names(module, field)));
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
                fields.extend(names(module, field));
            }
            add(count.set.index(), fields);
        }
    }
    all
}

/// The columns of a field, as segments name them.
fn names(module: &Module, field: FieldId) -> Vec<String> {
    let attribute = |key: &str| format!("attribute {key}");
    match &module.fields[field.index()] {
        Field::Name => Vec::new(),
        Field::Kind => vec!["kind".to_owned()],
        Field::Status => vec!["status".to_owned()],
        Field::StatusMessage => vec!["message".to_owned()],
        Field::Duration => vec!["duration".to_owned()],
        Field::Span(key) => vec![attribute(key)],
        Field::Resource(key) | Field::Any(key) => vec![attribute(key), "resource".to_owned()],
    }
}

/// The columns of traces that rules read, by the names that segments have for them.
fn of_traces(module: &Module) -> HashSet<&'static str> {
    let mut names = HashSet::new();
    for atom in &module.atoms {
        match atom {
            Atom::Trace(TraceField::Duration, _) => names.extend(["traces: start", "traces: end"]),
            Atom::Trace(TraceField::RootName, _) => names.extend(["traces: root name"]),
            Atom::Trace(TraceField::RootService, _) => names.extend(["traces: root service"]),
            Atom::Has(_) | Atom::Compare(..) => {}
        }
    }
    names
}
