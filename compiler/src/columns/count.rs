//! Counts: how many spans of a set, or distinct values on them, each trace has.

use ir::module::Count;
use ir::segment::{Fault, RowRef};

use super::evaluate::Evaluator;
use super::key::Keys;
use super::rows::Rows;

/// The rows of a set: each operation that it means, with the rows of it that satisfy its predicate.
pub type Selected = [(usize, Rows)];

/// A span that is counted.
#[derive(Clone, Copy)]
struct Counted {
    /// In nanoseconds since 1970; 0 where no window asks for it.
    start: u64,
    /// Number of the `by` value; 0 without one.
    group: u64,
    /// Number of the counted value; 0 where spans themselves are counted.
    value: u64,
}

/// The count on each trace.
///
/// # Errors
/// A fault where a field of the count was not decoded.
pub fn counts(
    evaluator: &Evaluator<'_>,
    count: &Count,
    selected: &Selected,
) -> Result<Vec<u32>, Fault> {
    let mut counts = vec![0; evaluator.segment.len()];
    if selected.iter().all(|(_, rows)| rows.is_none()) {
        return Ok(counts);
    }
    if let Count { distinct: None, by: None, within: None, .. } = count {
        for (operation, rows) in selected {
            let range = evaluator.segment.operations[*operation].rows.clone();
            let traces = &evaluator.segment.table(*operation).trace[range];
            let mut add = |row: usize, count| counts[traces[row] as usize] += count;
            match (rows, evaluator.ends.get(*operation, traces, rows.count(traces.len()))) {
                (Rows::Some(rows), Some(ends)) => ends.count(rows, add),
                _ => rows.for_each(traces.len(), |row| add(row, 1)),
            }
        }
        return Ok(counts);
    }
    let mut tally = Tally::new(evaluator, count, selected)?;
    match selected {
        [(operation, rows)] => {
            let range = evaluator.segment.operations[*operation].rows.clone();
            let traces = &evaluator.segment.table(*operation).trace;
            rows.for_each(range.len(), |row| {
                let row = range.start + row;
                tally.add(traces[row], 0, row, &mut counts);
            });
        }
        _ => {
            for (trace, at, row) in by_trace(evaluator, selected) {
                tally.add(trace, at as usize, row as usize, &mut counts);
            }
        }
    }
    tally.finish(&mut counts);
    Ok(counts)
}

/// Rows of several operations, merged: trace, place of the operation in `selected`, row.
fn by_trace(evaluator: &Evaluator<'_>, selected: &Selected) -> Vec<(u32, u32, u32)> {
    let mut merged = Vec::new();
    for (at, (operation, rows)) in selected.iter().enumerate() {
        let range = evaluator.segment.operations[*operation].rows.clone();
        let traces = &evaluator.segment.table(*operation).trace;
        rows.for_each(range.len(), |row| {
            let row = range.start + row;
            merged.push((traces[row], at as u32, row as u32));
        });
    }
    merged.sort_unstable();
    merged
}

/// Gathers the counted spans of one trace after another.
struct Tally<'a> {
    evaluator: &'a Evaluator<'a>,
    operations: Vec<usize>,
    count: &'a Count,
    by: Option<Keys<'a>>,
    distinct: Option<Keys<'a>>,
    trace: u32,
    spans: Vec<Counted>,
}

impl<'a> Tally<'a> {
    fn new(
        evaluator: &'a Evaluator<'_>,
        count: &'a Count,
        selected: &Selected,
    ) -> Result<Self, Fault> {
        let keys = |field: Option<ir::module::FieldId>| {
            let Some(field) = field else { return Ok(None) };
            let field = &evaluator.module.fields[field.index()];
            let sources = selected
                .iter()
                .map(|(operation, _)| evaluator.sources.find(*operation, field))
                .collect::<Result<Vec<_>, Fault>>()?;
            Ok(Some(Keys::new(sources)))
        };
        Ok(Self {
            by: keys(count.by)?,
            distinct: keys(count.distinct)?,
            operations: selected.iter().map(|(operation, _)| *operation).collect(),
            evaluator,
            count,
            trace: 0,
            spans: Vec::new(),
        })
    }

    /// Adds a row; rows of a trace come one after another.
    fn add(&mut self, trace: u32, at: usize, row: usize, counts: &mut [u32]) {
        if trace != self.trace {
            self.finish(counts);
            self.trace = trace;
        }
        let number = |keys: &mut Option<Keys<'_>>| match keys {
            None => Some(0),
            Some(keys) => keys.get(at, row),
        };
        let (Some(group), Some(value)) = (number(&mut self.by), number(&mut self.distinct)) else {
            return;
        };
        let start = if self.count.within.is_some() {
            let at = RowRef { operation: self.operations[at] as u32, row: row as u32 };
            self.evaluator.segment.start(at)
        } else {
            0
        };
        self.spans.push(Counted { start, group, value });
    }

    /// Writes down the count of the trace whose rows were added.
    fn finish(&mut self, counts: &mut [u32]) {
        if let Some(count) = counts.get_mut(self.trace as usize)
            && !self.spans.is_empty()
        {
            *count = largest(&mut self.spans, self.count);
            self.spans.clear();
        }
    }
}

/// The largest count over all groups and windows of the spans of one trace.
fn largest(spans: &mut [Counted], count: &Count) -> u32 {
    let distinct = count.distinct.is_some();
    match count {
        Count { within: Some(_), .. } => {
            spans.sort_unstable_by_key(|span| (span.group, span.start));
        }
        Count { by: Some(_), .. } => spans.sort_unstable_by_key(|span| (span.group, span.value)),
        _ => spans.sort_unstable_by_key(|span| span.value),
    }
    let groups = spans.chunk_by(|a, b| a.group == b.group);
    let sizes = groups.map(|group| match count.within {
        None if distinct => group.chunk_by(|a, b| a.value == b.value).count(),
        None => group.len(),
        Some(within) if distinct => largest_distinct_window(group, within),
        Some(within) => largest_window(group, within),
    });
    sizes.max().unwrap_or(0) as u32
}

/// The most spans in a window that begins at one of them; `spans` are by start.
fn largest_window(spans: &[Counted], within: u64) -> usize {
    let mut end = 0;
    let sizes = spans.iter().enumerate().map(|(first, span)| {
        while spans.get(end).is_some_and(|other| other.start - span.start < within) {
            end += 1;
        }
        end - first
    });
    sizes.max().unwrap_or(0)
}

/// The most distinct values in a window that begins at one of the spans; `spans` are by start.
fn largest_distinct_window(spans: &[Counted], within: u64) -> usize {
    let mut values: Vec<u64> = spans.iter().map(|span| span.value).collect();
    values.sort_unstable();
    values.dedup();
    let number = |span: &Counted| values.partition_point(|&value| value < span.value);
    let mut inside = vec![0_u32; values.len()];
    let (mut end, mut distinct, mut largest) = (0, 0, 0);
    for span in spans {
        while let Some(other) = spans.get(end).filter(|other| other.start - span.start < within) {
            let times = &mut inside[number(other)];
            distinct += usize::from(*times == 0);
            *times += 1;
            end += 1;
        }
        largest = largest.max(distinct);
        let times = &mut inside[number(span)];
        *times -= 1;
        distinct -= usize::from(*times == 0);
    }
    largest
}
