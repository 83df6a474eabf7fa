//! The reference semantics: one atom, one trace, one span at a time.

use hashbrown::HashMap;

use crate::module::{
    Atom, AtomId, Count, FieldId, Module, Operation, Predicate, PredicateId, Quantity, SetId,
};
use crate::number::Number;
use crate::segment::{Fault, RowRef, Segment};

/// Whether `atom` holds on `trace`.
///
/// # Errors
/// A fault where the segment was not made to hold what the module reads.
pub fn atom(module: &Module, segment: &Segment, atom: AtomId, trace: usize) -> Result<bool, Fault> {
    match &module.atoms[atom.index()] {
        Atom::Has(set) => Ok(!rows(module, segment, *set, trace)?.is_empty()),
        Atom::Compare(left, comparison, right) => {
            let left = quantity(module, segment, left, trace)?;
            let right = quantity(module, segment, right, trace)?;
            Ok(comparison.holds(left, right))
        }
        Atom::Trace(field, test) => {
            let value = segment.trace_value(trace, *field)?;
            Ok(value.is_some_and(|value| test.passes(value, None)))
        }
    }
}

/// The rows of `trace` that belong to `set`, by operation, then start.
///
/// # Errors
/// As for [`atom`].
pub fn rows(
    module: &Module,
    segment: &Segment,
    set: SetId,
    trace: usize,
) -> Result<Vec<RowRef>, Fault> {
    let set = module.sets[set.index()];
    let mut found = Vec::new();
    for at in meant(segment, &module.operations[set.operation.index()], trace)? {
        if predicate(module, segment, set.predicate, at)? {
            found.push(at);
        }
    }
    Ok(found)
}

/// The rows of `trace` that `operation` means, by operation, then row.
fn meant(segment: &Segment, operation: &Operation, trace: usize) -> Result<Vec<RowRef>, Fault> {
    if let Operation::Wildcard(_) = operation {
        segment.covers(operation)?;
        // Names are asked of the trace, not of the segment: a segment of names with numbers in
        // them has about as many names as traces, and every trace comes here.
        let name = |at: &RowRef| &*segment.operations[at.operation as usize].name;
        let spans = segment.spans_of(trace).into_iter();
        let mut rows: Vec<RowRef> = spans.filter(|at| operation.matches(name(at))).collect();
        rows.sort_unstable();
        return Ok(rows);
    }
    let operations = segment.select(operation)?.into_iter();
    let rows = operations.flat_map(|operation| {
        let rows = segment.rows_of(operation, trace);
        rows.map(move |row| RowRef { operation: operation as u32, row: row as u32 })
    });
    Ok(rows.collect())
}

/// Whether the span at `at` satisfies a predicate.
///
/// # Errors
/// As for [`atom`].
pub fn predicate(
    module: &Module,
    segment: &Segment,
    id: PredicateId,
    at: RowRef,
) -> Result<bool, Fault> {
    let value = |field: FieldId| segment.value(at, &module.fields[field.index()]);
    Ok(match &module.predicates[id.index()] {
        Predicate::Const(always) => *always,
        Predicate::Not(inner) => !predicate(module, segment, *inner, at)?,
        Predicate::And(parts) => {
            for &part in parts {
                if !predicate(module, segment, part, at)? {
                    return Ok(false);
                }
            }
            true
        }
        Predicate::Or(parts) => {
            for &part in parts {
                if predicate(module, segment, part, at)? {
                    return Ok(true);
                }
            }
            false
        }
        Predicate::Test(field, test) => {
            let other = test.other_field().map(value).transpose()?.flatten();
            value(*field)?.is_some_and(|value| test.passes(value, other))
        }
    })
}

/// What `quantity` comes to on `trace`.
///
/// # Errors
/// As for [`atom`].
pub fn quantity(
    module: &Module,
    segment: &Segment,
    quantity: &Quantity,
    trace: usize,
) -> Result<Number, Fault> {
    match quantity {
        Quantity::Number(number) => {
            Ok(number.datum().number().expect("the verifier admits numbers only"))
        }
        Quantity::Count(count) => {
            let spans = counted(module, segment, count, trace)?;
            Ok(Number::Int(largest(spans, count) as i64))
        }
    }
}

/// A span as counts see it.
struct Counted {
    start: u64,
    /// Canonical text of the `by` field; the same for all without one.
    group: String,
    /// Canonical text of the counted field; none where spans themselves are counted.
    value: Option<String>,
}

/// The spans that a count ranges over: those of its set that bear its fields, by start.
fn counted(
    module: &Module,
    segment: &Segment,
    count: &Count,
    trace: usize,
) -> Result<Vec<Counted>, Fault> {
    let mut spans = Vec::new();
    for at in rows(module, segment, count.set, trace)? {
        let text = |field: Option<FieldId>| -> Result<Option<Option<String>>, Fault> {
            let Some(field) = field else { return Ok(Some(None)) };
            let value = segment.value(at, &module.fields[field.index()])?;
            Ok(value.map(|value| Some(value.text().into_owned())))
        };
        if let (Some(group), Some(value)) = (text(count.by)?, text(count.distinct)?) {
            let group = group.unwrap_or_default();
            spans.push(Counted { start: segment.start(at), group, value });
        }
    }
    spans.sort_by_key(|span| span.start);
    Ok(spans)
}

/// The largest count over all groups and windows; 0 if there is none.
fn largest(spans: Vec<Counted>, count: &Count) -> usize {
    let mut groups: HashMap<String, Vec<(u64, Option<String>)>> = HashMap::new();
    for span in spans {
        groups.entry(span.group).or_default().push((span.start, span.value));
    }
    groups.values().map(|spans| largest_window(spans, count.within)).max().unwrap_or(0)
}

/// The largest count over the windows of one group: each ends where the next can only lose its
/// first span, so that one pass over the starts meets them all.
fn largest_window(spans: &[(u64, Option<String>)], within: Option<u64>) -> usize {
    let mut inside: HashMap<&str, usize> = HashMap::new();
    let (mut end, mut largest) = (0, 0);
    for (first, (start, value)) in spans.iter().enumerate() {
        while let Some((other, value)) = spans.get(end)
            && within.is_none_or(|within| other - start < within)
        {
            if let Some(value) = value {
                *inside.entry(value).or_default() += 1;
            }
            end += 1;
        }
        let spans_inside = end.saturating_sub(first);
        largest = largest.max(if value.is_some() { inside.len() } else { spans_inside });
        if let Some(value) = value
            && let Some(left) = inside.get_mut(value.as_str())
        {
            *left -= 1;
            if *left == 0 {
                inside.remove(value.as_str());
            }
        }
        if within.is_none() {
            break;
        }
    }
    largest
}
