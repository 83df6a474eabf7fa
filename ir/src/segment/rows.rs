//! Which traces and rows are meant: found by the order they lie in, and by what is known of them without
//! a look.

use std::ops::Range;

use super::{Column, Ends, Fault, OperationRows, RowRef, Segment, Slot, Values};
use crate::mask::Mask;
use crate::module::Field;

impl Segment {
    /// How many traces start before a time, in nanoseconds since 1970: these come first.
    pub fn traces_before(&self, time: u64) -> usize {
        let (starts, len) = (&self.traces.start, self.len());
        let guess = match self.starts {
            Some((first, _)) if time <= first => return 0,
            Some((_, last)) if time > last => return len,
            // Traces start all the time, so a guess is seldom far off.
            Some((first, last)) => {
                let part = u128::from(time - first) * len as u128 / u128::from(last - first);
                part as usize
            }
            None => len / 2,
        };
        search(0..len, guess, |trace| starts.at(trace) >= time)
    }

    /// The rows of `operation` that are spans of `trace`.
    pub fn rows_of(&self, operation: usize, trace: usize) -> Range<usize> {
        let OperationRows { rows, presence, .. } = &self.operations[operation];
        if presence.as_ref().is_some_and(|presence| !presence.get(trace)) {
            return rows.start..rows.start;
        }
        let traces = &self.table(operation).trace;
        if let Some(own) = traces.run(trace as u32) {
            return own;
        }
        // Rows ascend by trace and are spread over the traces, so a guess is seldom far off.
        let guess = rows.start + (rows.len() as u64 * trace as u64 / self.len() as u64) as usize;
        let first = |least| search(rows.clone(), guess, |row| traces.at(row) as usize >= least);
        let from = first(trace);
        let same = |row: &usize| traces.at(*row) as usize == trace;
        from..from + (from..rows.end).take_while(same).count()
    }

    /// The rows of `operation` that are spans of one of `traces`, which ascend: each with the trace's place
    /// among these, in their order.
    pub fn rows_among(&self, operation: usize, traces: &[u32]) -> Vec<(usize, usize)> {
        let OperationRows { rows, presence, .. } = &self.operations[operation];
        if presence.is_some() || traces.is_empty() {
            let own = |(place, &trace): (usize, &u32)| {
                self.rows_of(operation, trace as usize).map(move |row| (place, row))
            };
            return traces.iter().enumerate().flat_map(own).collect();
        }
        // An operation without presence has few rows.
        let own = rows.clone().zip(&self.table(operation).trace[rows.clone()]);
        own.filter_map(|(row, trace)| Some((traces.binary_search(trace).ok()?, row))).collect()
    }

    /// Whether the span of a row has no parent.
    ///
    /// # Errors
    /// A fault where parents were not decoded.
    pub fn is_root(&self, at: RowRef) -> Result<bool, Fault> {
        let (table, row) = (self.table(at.operation as usize), at.row as usize);
        match &table.parent {
            Slot::Decoded(Column { values: Values::Integers(parents), present }) => {
                let borne = present.as_ref().is_none_or(|present| present.get(row));
                Ok(!borne || parents.is(row, 0))
            }
            Slot::Decoded(_) => Ok(true),
            Slot::NotDecoded => Err(Fault::not_decoded("parents".to_owned())),
        }
    }

    /// The traces with a span of `operation`, and which of its rows are the last of their trace;
    /// where this is known without a look at the rows.
    pub fn runs(&self, operation: usize) -> Option<(&Mask, Ends<'_>)> {
        let OperationRows { rows, presence, .. } = &self.operations[operation];
        let traces = &self.table(operation).trace;
        let presence = presence.as_ref().filter(|_| *rows == (0..traces.len()))?;
        Some((presence, traces.ends()?))
    }

    /// Adds to `mask` the traces with a span of `operation`.
    pub fn add_presence(&self, operation: usize, mask: &mut Mask) {
        let OperationRows { rows, presence, .. } = &self.operations[operation];
        match presence {
            Some(presence) => mask.unite(presence),
            None => {
                let traces = &self.table(operation).trace[rows.clone()];
                traces.iter().for_each(|&trace| mask.insert(trace as usize));
            }
        }
    }

    /// The start of a row, in nanoseconds since 1970.
    pub fn start(&self, at: RowRef) -> u64 {
        let table = self.table(at.operation as usize);
        let trace = table.trace.at(at.row as usize) as usize;
        self.traces.start.at(trace).saturating_add(table.start.get(at.row as usize))
    }

    /// The span id of a row.
    pub fn span_id(&self, at: RowRef) -> u64 {
        self.table(at.operation as usize).id.at(at.row as usize)
    }

    /// All rows of a trace, by start, then span id.
    pub fn spans_of(&self, trace: usize) -> Vec<RowRef> {
        self.index.spans_of(self, trace)
    }

    /// The rows of a trace that may have a value of the attribute `field`, by start, then span id;
    /// found without the index that [`Self::spans_of`] makes of all rows.
    pub fn spans_bearing(&self, trace: usize, field: &Field) -> Vec<RowRef> {
        let (Field::Any(key) | Field::Span(key) | Field::Resource(key)) = field else {
            return self.spans_of(trace);
        };
        let key = self.key(key);
        let bears = |slot: &Slot| !matches!(slot, Slot::Decoded(column) if column.is_empty());
        let by_resource = !matches!(field, Field::Span(_)) && bears(self.resource(key));
        let may = |operation: &usize| {
            let own = || bears(self.attribute(self.table(*operation), key));
            by_resource || !matches!(field, Field::Resource(_)) && own()
        };
        let operations = (0..self.operations.len()).filter(may);
        let mut rows: Vec<RowRef> = operations
            .flat_map(|operation| {
                let rows = self.rows_of(operation, trace);
                rows.map(move |row| RowRef { operation: operation as u32, row: row as u32 })
            })
            .collect();
        rows.sort_by_cached_key(|&at| self.by_start(at));
        rows
    }

    /// What rows are listed by: start, span id, then name, so that the order is total and does
    /// not depend on the order of arrival.
    pub fn by_start(&self, at: RowRef) -> (u64, u64, &str, u32) {
        let name = &*self.operations[at.operation as usize].name;
        (self.start(at), self.span_id(at), name, at.row)
    }
}

/// The first of `rows` from which on `reached` holds, near `guess`; the end if there is none.
fn search(rows: Range<usize>, guess: usize, reached: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (rows.start, rows.end);
    let mut step = 1;
    let mut at = guess.clamp(low, high.saturating_sub(1).max(low));
    // Steps that double, until the row lies between two of them.
    while low < high {
        if reached(at) {
            high = at;
            if at - low <= step {
                break;
            }
            at -= step;
        } else {
            low = at + 1;
            if high - low <= step {
                break;
            }
            at = low + step - 1;
        }
        step *= 2;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if reached(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{Buffer, Traces};

    #[test]
    fn traces_are_found_by_time_wherever_most_of_them_start() {
        for times in
            [vec![], vec![7], vec![7; 40], (0..300).map(|at: u64| at.pow(3) / 50).collect()]
        {
            let ends = times.first().copied().zip(times.last().copied());
            for starts in [None, ends, ends.map(|(first, last)| (first / 2, last * 2))] {
                let start = Buffer::collect(times.iter().copied());
                let id = Buffer::zeroed(times.len());
                let traces = Traces { id, start, ..Traces::default() };
                let segment = Segment { traces, starts, ..Segment::default() };
                let near = times.iter().flat_map(|&time| [time.saturating_sub(1), time, time + 1]);
                for time in near.chain([0, u64::MAX]) {
                    let before = times.iter().filter(|&&start| start < time).count();
                    assert_eq!(segment.traces_before(time), before, "{time} {starts:?}");
                }
            }
        }
    }
}
