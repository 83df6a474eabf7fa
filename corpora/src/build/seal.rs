//! Sorts the rows of one segment into the tables of their operations.

use std::cmp::{Ordering, Reverse};
use std::ops::Range;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use ir::segment::{Buffer, Column, Dictionary, Narrow, Values};
use ir::segment::{OperationRows, ROOTLESS, Segment, Traces};
use ir::{Mask, Type};

use super::cells::{Cell, Kind};
use super::chunk::{Chunk, ROWS, Row};
use super::interner::MISSING;
use super::merge::Shared;
use super::resource;
use super::table::Tables;
use super::traces::Entry;

/// An operation with fewer rows shares its table with others.
pub(super) const OWN_TABLE: usize = 1024;

/// The spans of one segment, still in the order of their arrival.
#[derive(Debug)]
pub struct Unsealed {
    pub(super) shared: Arc<Shared>,
    /// Ranks of its traces.
    pub(super) traces: Range<usize>,
    pub(super) plans: Vec<PlanRows>,
}

/// A segment and what its sealing found.
#[derive(Debug)]
pub struct Sealed {
    /// The segment.
    pub segment: Segment,
    /// Spans of it that were there more than once, beyond the first; only of operations that a
    /// rule names, the others are counted before.
    pub duplicates: u64,
}

/// Where the rows of a plan are.
#[derive(Debug)]
pub(super) struct PlanRows {
    pub(super) plan: usize,
    /// Chunks with such rows, and the number of the worker that made each.
    pub(super) chunks: Vec<(u32, Arc<Chunk>)>,
    /// Number of the chunk times [`ROWS`], plus the row in it.
    pub(super) rows: Vec<u32>,
}

/// The spans of a plan by operation, trace, start and id, each once. Their attributes stay in the
/// chunks: a column at a time is read out.
pub(super) struct PlanSpans {
    rows: PlanRows,
    /// The spans with the run's numbers; the operation by its place in `operations`, the trace by
    /// its ordinal.
    spans: Vec<Row>,
    /// Numbers of `spans` in their order.
    order: Vec<u32>,
    /// Codes of the operations' names, by name, with their part of `order`.
    operations: Vec<(u32, Range<usize>)>,
}

/// The values of an attribute that the spans of a plan bear.
pub(super) struct KeyValues {
    /// How to read them; all chunks have one kind, `None` where none has the attribute.
    pub(super) kind: Option<Kind>,
    /// By number of the span.
    pub(super) bits: Vec<u64>,
    /// Which spans have a value.
    pub(super) present: Vec<bool>,
}

/// The rows of a table to be: spans of a plan.
pub(super) struct Content {
    pub(super) plan: usize,
    /// Numbers of the spans in the plan, in the order of the table.
    pub(super) rows: Vec<u32>,
}

impl Unsealed {
    /// Sorts the spans into a segment.
    pub fn seal(self) -> Sealed {
        let Self { shared, traces, plans } = self;
        let mut duplicates = 0;
        let mut places = vec![MISSING; shared.names.len()];
        let plans: Vec<PlanSpans> = (plans.into_iter())
            .map(|rows| {
                let named = shared.reads[rows.plan].named;
                let before = rows.rows.len();
                let plan = PlanSpans::sort(&shared, traces.start, rows, &mut places);
                duplicates += if named { (before - plan.order.len()) as u64 } else { 0 };
                plan
            })
            .collect();
        let starts = shared.order[traces.clone()].iter();
        let starts = starts.map(|&at| shared.entries[at as usize].start).collect();
        let (operations, contents) = directory(&shared, &plans, traces.len());
        let tables = Tables::new(&shared, starts, &plans, &contents);
        let segment = tables.finish(self::traces(&shared, traces), operations);
        Sealed { segment, duplicates }
    }
}

/// Finds a table for every operation.
fn directory(
    shared: &Shared,
    plans: &[PlanSpans],
    traces: usize,
) -> (Vec<OperationRows>, Vec<Content>) {
    let operations = plans.iter().enumerate().flat_map(|(plan, spans)| {
        spans.operations.iter().map(move |(name, range)| (shared.names.text(*name), plan, range))
    });
    let mut operations: Vec<(&str, usize, &Range<usize>)> = operations.collect();
    operations.sort_unstable_by_key(|(name, ..)| *name);
    let mut contents: Vec<Content> = Vec::new();
    let mut common: HashMap<usize, usize> = HashMap::new();
    let mut directory = Vec::with_capacity(operations.len());
    for (name, plan, range) in operations {
        let spans = &plans[plan];
        let rows = &spans.order[range.clone()];
        let own = rows.len() >= OWN_TABLE;
        let fresh = contents.len();
        let table = if own { fresh } else { *common.entry(plan).or_insert(fresh) };
        if table == fresh {
            contents.push(Content { plan, rows: Vec::new() });
        }
        let content = &mut contents[table].rows;
        let start = content.len();
        content.extend_from_slice(rows);
        let presence = own.then(|| {
            let mut presence = Mask::empty(traces);
            let rows = rows.iter().map(|&row| spans.spans[row as usize].trace as usize);
            rows.for_each(|trace| presence.insert(trace));
            presence
        });
        directory.push(OperationRows {
            name: name.into(),
            table,
            rows: start..start + rows.len(),
            presence,
        });
    }
    (directory, contents)
}

fn traces(shared: &Shared, ranks: Range<usize>) -> Traces {
    let entries = || shared.order[ranks.clone()].iter().map(|&at| &shared.entries[at as usize]);
    let codes = |codes: Vec<u32>, dictionary: &Arc<Dictionary>| {
        let mut present = Mask::empty(codes.len());
        let rows = codes.iter().enumerate().filter(|(_, code)| **code != MISSING);
        rows.for_each(|(row, _)| present.insert(row));
        let codes = codes.iter().map(|&code| if code == MISSING { 0 } else { code.into() });
        Column::new(Values::Codes(Narrow::pack(codes), Arc::clone(dictionary)), present)
    };
    let spans: Vec<u64> = entries().map(|entry| entry.spans.into()).collect();
    Traces {
        id: Buffer::collect(entries().map(Entry::id)),
        start: Buffer::collect(entries().map(|entry| entry.start)),
        end: Buffer::collect(entries().map(|entry| entry.end)),
        spans: Narrow::pack(spans.into_iter()),
        root_name: Some(codes(entries().map(|e| e.root_operation).collect(), &shared.names)),
        root_service: Some(codes(entries().map(|e| e.root_service).collect(), &shared.services)),
        flags: Buffer::collect(entries().map(|entry| {
            let rootless = if entry.root_operation == MISSING { ROOTLESS } else { 0 };
            entry.flags() | rootless
        })),
    }
}

impl PlanRows {
    /// The rows with the run's numbers, and trace ordinals from the trace of rank `first` on.
    fn spans(&self, shared: &Shared, first: usize) -> Vec<Row> {
        let mut spans = Vec::with_capacity(self.rows.len());
        let mut rows = Vec::with_capacity(ROWS);
        for part in self.rows.chunk_by(same_chunk) {
            let (worker, chunk) = &self.chunks[part[0] as usize / ROWS];
            let maps = &shared.workers[*worker as usize];
            let before = spans.len();
            set_rows(&mut rows, part);
            chunk.read(&rows, &mut spans);
            for row in &mut spans[before..] {
                let message = row.message.checked_sub(1);
                row.trace = (maps.ranks[row.trace as usize] as usize - first) as u32;
                row.operation = maps.names.get(row.operation);
                row.resource = maps.resources[row.resource as usize];
                row.message = message.map_or(0, |code| maps.messages.get(code) + 1);
                row.rest = row.rest.checked_sub(1).map_or(0, |code| maps.rests.get(code) + 1);
                row.scope = maps.scopes.get(row.scope as usize).copied().unwrap_or(0);
            }
        }
        spans
    }

    /// An attribute of the rows, with the run's codes: read chunk by chunk, since sorted rows
    /// would jump between chunks.
    fn values(&self, shared: &Shared, key: usize) -> KeyValues {
        let (mut bits, mut present) = (vec![0; self.rows.len()], vec![false; self.rows.len()]);
        let mut kind = None;
        let mut before = 0;
        let mut rows = Vec::with_capacity(ROWS);
        for part in self.rows.chunk_by(same_chunk) {
            let (worker, chunk) = &self.chunks[part[0] as usize / ROWS];
            let codes = &shared.workers[*worker as usize].dictionaries[key];
            if let Some(column) = chunk.cells(key) {
                let all = kind.insert(column.kind());
                set_rows(&mut rows, part);
                column.read(&rows, |place, found| {
                    let cell = Cell { kind: *all, bits: found }.recoded(|code| codes.get(code));
                    bits[before + place] = cell.bits;
                    present[before + place] = true;
                });
            }
            before += part.len();
        }
        KeyValues { kind, bits, present }
    }

    /// The attributes of one row, by number of the key, with the run's codes.
    fn attributes(&self, shared: &Shared, number: u32) -> Vec<(usize, Cell)> {
        let at = self.rows[number as usize] as usize;
        let (worker, chunk) = &self.chunks[at / ROWS];
        let maps = &shared.workers[*worker as usize].dictionaries;
        let cells = chunk.row_cells(at % ROWS);
        cells.map(|(key, cell)| (key, cell.recoded(|code| maps[key].get(code)))).collect()
    }
}

impl PlanSpans {
    /// `places` has [`MISSING`] for every name, before and after.
    fn sort(shared: &Shared, first: usize, rows: PlanRows, places: &mut [u32]) -> Self {
        let mut spans = rows.spans(shared, first);
        let names = number_operations(shared, &mut spans, places);
        let mut plan = Self { rows, spans, order: Vec::new(), operations: Vec::new() };
        plan.order_spans(shared);
        plan.operations = plan.find_operations(&names);
        plan
    }

    /// What is kept of these spans, by number of the schema's plans.
    pub(super) fn plan(&self) -> usize {
        self.rows.plan
    }

    /// A span.
    pub(super) fn span(&self, number: u32) -> &Row {
        &self.spans[number as usize]
    }

    /// Numbers of the keys that spans may bear, ascending.
    pub(super) fn keys(&self) -> Vec<usize> {
        let chunks = self.rows.chunks.iter();
        let keys: HashSet<usize> =
            chunks.flat_map(|(_, chunk)| chunk.kinds().map(|(key, _)| key)).collect();
        let mut keys: Vec<usize> = keys.into_iter().collect();
        keys.sort_unstable();
        keys
    }

    /// The values of an attribute, by number of the span, with the run's codes.
    pub(super) fn values(&self, shared: &Shared, key: usize) -> KeyValues {
        self.rows.values(shared, key)
    }

    fn order_spans(&mut self, shared: &Shared) {
        let key = |row: &Row| u64::from(row.operation) << 32 | u64::from(row.trace);
        let mut keys: Vec<(u64, u32)> =
            self.spans.iter().enumerate().map(|(at, row)| (key(row), at as u32)).collect();
        keys.sort_unstable();
        let mut order = Vec::with_capacity(keys.len());
        for run in keys.chunk_by_mut(|a, b| a.0 == b.0) {
            if run.len() > 1 {
                run.sort_unstable_by(|a, b| self.compare(shared, a.1, b.1));
            }
            let mut last = None;
            for &(_, at) in &*run {
                let same = |other: u32| identity(self.span(other)) == identity(self.span(at));
                if !last.is_some_and(same) {
                    order.push(at);
                    last = Some(at);
                }
            }
        }
        self.order = order;
    }

    fn find_operations(&self, names: &[u32]) -> Vec<(u32, Range<usize>)> {
        let mut start = 0;
        let same = |&a: &u32, &b: &u32| self.span(a).operation == self.span(b).operation;
        let runs = self.order.chunk_by(same).map(|run| {
            start += run.len();
            (names[self.span(run[0]).operation as usize], start - run.len()..start)
        });
        runs.collect()
    }

    /// A total order of what can be told apart: what makes a span itself, then its values.
    fn compare(&self, shared: &Shared, a: u32, b: u32) -> Ordering {
        let (left, right) = (self.span(a), self.span(b));
        identity(left).cmp(&identity(right)).then_with(|| self.compare_values(shared, a, b))
    }

    fn compare_values(&self, shared: &Shared, a: u32, b: u32) -> Ordering {
        let (left, right) = (self.span(a), self.span(b));
        let message = |row: &Row| row.message.checked_sub(1).map(|code| shared.messages.text(code));
        let rest = |row: &Row| row.rest.checked_sub(1).map(|code| shared.rests.text(code));
        let scope = |row: &Row| {
            let list = shared.scopes.get(row.scope as usize);
            list.map(|list| [0, 1, 2].map(|at| shared.origin_texts.text(list[at])))
        };
        (left.status, message(left), left.parent, left.flags)
            .cmp(&(right.status, message(right), right.parent, right.flags))
            .then_with(|| rest(left).cmp(&rest(right)))
            .then_with(|| scope(left).cmp(&scope(right)))
            .then_with(|| {
                let attributes = |number| self.rows.attributes(shared, number).into_iter();
                compare_attributes(shared, attributes(a), attributes(b))
            })
            .then_with(|| compare_resources(shared, left.resource, right.resource))
    }
}

/// Whether two rows of a [`PlanRows`] are in one chunk.
fn same_chunk(a: &u32, b: &u32) -> bool {
    *a as usize / ROWS == *b as usize / ROWS
}

/// Sets `rows` to those that `part` has of its one chunk.
fn set_rows(rows: &mut Vec<u16>, part: &[u32]) {
    rows.clear();
    rows.extend(part.iter().map(|&at| (at as usize % ROWS) as u16));
}

/// What spans of one trace and operation have to agree in to be the same, in the order of rows.
fn identity(row: &Row) -> (u64, u64, u8, u64) {
    (row.start, row.id, row.kind, row.end)
}

/// By the value of each key in turn; none is less than any.
fn compare_attributes(
    shared: &Shared,
    a: impl Iterator<Item = (usize, Cell)>,
    b: impl Iterator<Item = (usize, Cell)>,
) -> Ordering {
    let text =
        |(key, cell): (usize, Cell)| (Reverse(key), typed_text(cell, &shared.dictionaries[key]));
    a.map(text).cmp(b.map(text))
}

fn compare_resources(shared: &Shared, a: u32, b: u32) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let attributes = |number: u32| {
        let list = resource::attributes(&shared.resources[number as usize]);
        list.map(|(key, code)| (key, Cell::from_code(code)))
    };
    let rest = |number: u32| {
        let code = resource::rest(&shared.resources[number as usize]);
        (code != MISSING).then(|| shared.origin_texts.text(code))
    };
    compare_attributes(shared, attributes(a), attributes(b)).then_with(|| rest(a).cmp(&rest(b)))
}

fn typed_text(cell: Cell, dictionary: &Dictionary) -> (Type, String) {
    let datum = cell.datum(dictionary);
    (datum.value_type(), datum.text().into_owned())
}

/// Replaces codes of names by their places in the list of names, which is returned, by name.
fn number_operations(shared: &Shared, spans: &mut [Row], places: &mut [u32]) -> Vec<u32> {
    let mut names: Vec<u32> = Vec::new();
    for row in &*spans {
        if std::mem::replace(&mut places[row.operation as usize], 0) == MISSING {
            names.push(row.operation);
        }
    }
    names.sort_unstable_by_key(|&name| shared.names.text(name));
    for (place, name) in names.iter().enumerate() {
        places[*name as usize] = place as u32;
    }
    spans.iter_mut().for_each(|row| row.operation = places[row.operation as usize]);
    names.iter().for_each(|&name| places[name as usize] = MISSING);
    names
}
