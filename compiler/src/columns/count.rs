//! Counts: how many spans of a set, or distinct values on them, each trace has.

use std::rc::Rc;

use ir::module::{Comparison, Count};
use ir::segment::{Fault, RowRef};
use ir::{Answer, Number, Segment};

use super::evaluate::Evaluator;
use super::key::Keys;
use super::rows::Rows;
use super::runs::{RunCounts, Runs};
use super::{decide, kernel};

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

/// How many each trace has.
pub enum Counts<'a> {
    /// None, so many traces.
    None(usize),
    /// By trace.
    All(Vec<u32>),
    /// By run of the only operation, which has this number.
    Runs(usize, Rc<Runs<'a>>, RunCounts),
}

impl Counts<'_> {
    /// Where the count compares so with a number.
    pub fn holding(&self, segment: &Segment, comparison: Comparison, number: Number) -> Answer {
        let wanted = decide::integers(comparison, number);
        let is_wanted =
            |count: u32| wanted.contains(&i64::from(count)) != (comparison == Comparison::NotEqual);
        match self {
            Self::None(_) => Answer::Each(is_wanted(0)),
            Self::All(counts) => Answer::Traces(kernel::mask(counts, is_wanted)),
            Self::Runs(operation, runs, counts) => {
                let holding = counts.holding(is_wanted);
                runs.answer(segment, *operation, holding, is_wanted(0))
            }
        }
    }

    /// The counts of all traces.
    pub fn by_trace(self) -> Vec<u32> {
        match self {
            Self::None(traces) => vec![0; traces],
            Self::All(counts) => counts,
            Self::Runs(_, runs, counts) => runs.by_trace(&counts),
        }
    }
}

/// The count on each trace.
///
/// # Errors
/// A fault where a field of the count was not decoded.
pub fn counts<'a>(
    evaluator: &Evaluator<'a>,
    count: &'a Count,
    selected: &Selected,
) -> Result<Counts<'a>, Fault> {
    let traces = evaluator.segment.len();
    match selected {
        [] => return Ok(Counts::None(traces)),
        [(operation, rows)] => {
            if let Some(counts) = by_run(evaluator, count, *operation, rows)? {
                return Ok(counts);
            }
        }
        _ => {}
    }
    if is_of_rows(count) {
        return Ok(Counts::All(row_counts(evaluator.segment, selected)));
    }
    let operations = selected.iter().map(|(operation, _)| *operation).collect();
    let mut tally = Tally::new(evaluator, count, operations)?;
    let mut counts = vec![0; traces];
    for own in by_trace(evaluator.segment, selected).chunk_by(|a, b| a.0 == b.0) {
        own.iter().for_each(|&(_, at, row)| tally.add(at as usize, row as usize));
        counts[own[0].0 as usize] = tally.finish();
    }
    Ok(Counts::All(counts))
}

/// Whether rows are counted, whatever their values and times are.
fn is_of_rows(count: &Count) -> bool {
    matches!(count, Count { distinct: None, by: None, within: None, .. })
}

/// What each trace has of one operation alone, run by run; none where going row by row is as fast.
fn by_run<'a>(
    evaluator: &Evaluator<'a>,
    count: &'a Count,
    operation: usize,
    rows: &Rows,
) -> Result<Option<Counts<'a>>, Fault> {
    let segment = evaluator.segment;
    let range = segment.operations[operation].rows.clone();
    let of_rows = is_of_rows(count);
    let meant = if of_rows { rows.count(range.len()) } else { range.len() };
    let Some(runs) = evaluator.runs.get(segment, operation, meant) else { return Ok(None) };
    if of_rows {
        let counts = runs.counts(rows, false, |_, _, count| count);
        return Ok(Some(Counts::Runs(operation, runs, counts)));
    }
    let mut tally = Tally::new(evaluator, count, vec![operation])?;
    // A span by itself counts 1 whatever its values are, so what is known to be there is not looked at.
    let (mut rows, mut each) = (rows.clone(), false);
    for keys in tally.by.iter().chain(&tally.distinct) {
        match keys.present(&range) {
            Some(present) => rows = rows.and(&present),
            None => each = true,
        }
    }
    let counts = runs.counts(&rows, each, |first, last, count| {
        if count == 0 || count == 1 && !each {
            return count;
        }
        let own = (first..=last).filter(|row| rows.has(*row));
        own.for_each(|row| tally.add(0, range.start + row));
        tally.finish()
    });
    Ok(Some(Counts::Runs(operation, runs, counts)))
}

/// How many of the rows each trace has.
fn row_counts(segment: &Segment, selected: &Selected) -> Vec<u32> {
    let mut counts = vec![0; segment.len()];
    for (operation, rows) in selected {
        let range = segment.operations[*operation].rows.clone();
        let traces = &segment.table(*operation).trace[range];
        rows.for_each(traces.len(), |row| counts[traces[row] as usize] += 1);
    }
    counts
}

/// Rows of several operations, merged: trace, place of the operation in `selected`, row.
fn by_trace(segment: &Segment, selected: &Selected) -> Vec<(u32, u32, u32)> {
    let mut merged = Vec::new();
    for (at, (operation, rows)) in selected.iter().enumerate() {
        let range = segment.operations[*operation].rows.clone();
        let traces = &segment.table(*operation).trace;
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
    segment: &'a Segment,
    operations: Vec<usize>,
    count: &'a Count,
    by: Option<Keys<'a>>,
    distinct: Option<Keys<'a>>,
    spans: Vec<Counted>,
}

impl<'a> Tally<'a> {
    fn new(
        evaluator: &Evaluator<'a>,
        count: &'a Count,
        operations: Vec<usize>,
    ) -> Result<Self, Fault> {
        let keys = |field: Option<ir::module::FieldId>| {
            let Some(field) = field else { return Ok(None) };
            let field = &evaluator.module.fields[field.index()];
            let find = |operation: &usize| evaluator.sources.find(*operation, field);
            let sources = operations.iter().map(find).collect::<Result<Vec<_>, Fault>>()?;
            Ok(Some(Keys::new(sources)))
        };
        Ok(Self {
            by: keys(count.by)?,
            distinct: keys(count.distinct)?,
            operations,
            segment: evaluator.segment,
            count,
            spans: Vec::new(),
        })
    }

    /// Adds a row of a trace, of operation `at` of those given to [`Self::new`].
    fn add(&mut self, at: usize, row: usize) {
        let number = |keys: &mut Option<Keys<'_>>| match keys {
            None => Some(0),
            Some(keys) => keys.get(at, row),
        };
        let (Some(group), Some(value)) = (number(&mut self.by), number(&mut self.distinct)) else {
            return;
        };
        let start = if self.count.within.is_some() {
            let at = RowRef { operation: self.operations[at] as u32, row: row as u32 };
            self.segment.start(at)
        } else {
            0
        };
        self.spans.push(Counted { start, group, value });
    }

    /// The count of the trace whose rows were added.
    fn finish(&mut self) -> u32 {
        let count = largest(&mut self.spans, self.count);
        self.spans.clear();
        count
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
