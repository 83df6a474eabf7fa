//! Sorts the rows of one segment into the tables of their operations.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use ir::Mask;
use ir::segment::{Buffer, Column, Dictionary, Narrow, Values};
use ir::segment::{OperationRows, ROOTLESS, Segment, Traces};

use super::chunk::{Chunk, ROWS};
use super::fields::Fields;
use super::interner::MISSING;
use super::merge::Shared;
use super::table::Tables;
use super::traces::Entry;
use super::twins::{Resources, Twin, join_fields};

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
    pub(super) rows: PlanRows,
    fields: Fields,
    /// Numbers of the spans in their order.
    order: Vec<u32>,
    /// Codes of the operations' names, by name, with their part of `order`.
    operations: Vec<(u32, Range<usize>)>,
    /// Spans that are in none of these.
    pub(super) twins: Vec<Twin>,
}

/// The rows of a table to be: spans of a plan.
pub(super) struct Content {
    pub(super) plan: usize,
    /// Numbers of the spans in the plan, in the order of the table.
    pub(super) rows: Vec<u32>,
}

impl Unsealed {
    /// Start of its first trace, in nanoseconds since 1970.
    pub fn first(&self) -> u64 {
        let first = self.shared.order.get(self.traces.start);
        first.map_or(0, |&at| self.shared.entries[at as usize].start)
    }

    /// Sorts the spans into a segment.
    pub fn seal(self) -> Sealed {
        let Self { shared, traces, plans } = self;
        let mut duplicates = 0;
        let mut places = vec![MISSING; shared.names.len()];
        let mut resources = Resources::new(&shared);
        let plans: Vec<PlanSpans> = (plans.into_iter())
            .map(|rows| {
                let named = shared.reads[rows.plan].named;
                let mut plan = PlanSpans::sort(&shared, traces.start, rows, &mut places);
                join_fields(&mut plan.fields, &plan.twins, &shared, &mut resources);
                duplicates += if named { plan.twins.len() as u64 } else { 0 };
                plan
            })
            .collect();
        let starts = shared.order[traces.clone()].iter();
        let starts = starts.map(|&at| shared.entries[at as usize].start).collect();
        let (operations, contents) = directory(&shared, &plans, traces.len());
        let tables = Tables::new(&shared, starts, &plans, &contents, &resources);
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
            let rows = rows.iter().map(|&row| spans.fields.trace[row as usize] as usize);
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
    fn fields(&self, shared: &Shared, first: usize) -> Fields {
        let (structure, everything) = (shared.schema.structure(), shared.schema.keeps_everything());
        let mut all = Fields { structure, everything, ..Fields::default() };
        let mut rows = Vec::with_capacity(ROWS);
        for part in self.rows.chunk_by(same_chunk) {
            let (worker, chunk) = &self.chunks[part[0] as usize / ROWS];
            let maps = &shared.workers[*worker as usize];
            let before = all.start.len();
            set_rows(&mut rows, part);
            chunk.read(&rows, &mut all);
            for trace in &mut all.trace[before..] {
                *trace = (maps.ranks[*trace as usize] as usize - first) as u32;
            }
            for resource in &mut all.resource[before..] {
                *resource = maps.resources[*resource as usize];
            }
            maps.names.renew(&mut all.operation[before..]);
            maps.messages.renew_some(&mut all.message[before..]);
            if all.structure {
                let scopes = &mut all.scope[before..];
                scopes.iter_mut().for_each(|scope| *scope = maps.scopes[*scope as usize]);
            }
            if all.everything {
                maps.rests.renew_some(&mut all.rest[before..]);
            }
        }
        all
    }
}

impl PlanSpans {
    /// `places` has [`MISSING`] for every name, before and after.
    fn sort(shared: &Shared, first: usize, rows: PlanRows, places: &mut [u32]) -> Self {
        let mut fields = rows.fields(shared, first);
        let names = fields.number_operations(shared, places);
        let (order, operations, twins) = (Vec::new(), Vec::new(), Vec::new());
        let mut plan = Self { rows, fields, order, operations, twins };
        plan.order_spans(&names);
        plan
    }

    /// What is kept of these spans, by number of the schema's plans.
    pub(super) fn plan(&self) -> usize {
        self.rows.plan
    }

    /// The spans, by number.
    pub(super) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Finds the order of the spans, each once, and the parts of the operations, which have these
    /// names.
    fn order_spans(&mut self, names: &[u32]) {
        let fields = &self.fields;
        let mut ends = vec![0_usize; names.len()];
        fields.operation.iter().for_each(|&operation| ends[operation as usize] += 1);
        let mut end = 0;
        for count in &mut ends {
            end += std::mem::replace(count, end);
        }
        let mut keys = vec![0_u64; fields.operation.len()];
        for (number, (&operation, &trace)) in fields.operation.iter().zip(&fields.trace).enumerate()
        {
            let end = &mut ends[operation as usize];
            keys[*end] = u64::from(trace) << 32 | number as u64;
            *end += 1;
        }
        let mut order = Vec::with_capacity(keys.len());
        let mut rest = &mut keys[..];
        let mut begin = 0;
        for (name, end) in names.iter().zip(ends) {
            let (own, after) = rest.split_at_mut(end - begin);
            (rest, begin) = (after, end);
            let first = order.len();
            self.order_operation(own, &mut order);
            self.operations.push((*name, first..order.len()));
        }
        self.order = order;
    }

    /// Orders spans of one operation, given as their traces and numbers, by what makes a span itself.
    fn order_operation(&mut self, keys: &mut [u64], order: &mut Vec<u32>) {
        keys.sort_unstable();
        for run in keys.chunk_by_mut(|a, b| a >> 32 == b >> 32) {
            if run.len() > 1 {
                run.sort_unstable_by_key(|key| self.fields.identity(*key as u32));
            }
            let mut last = None;
            for number in run.iter().map(|key| *key as u32) {
                let same = |kept: &u32| self.fields.identity(*kept) == self.fields.identity(number);
                match last.filter(same) {
                    Some(kept) => self.twins.push(Twin { kept, other: number }),
                    None => {
                        order.push(number);
                        last = Some(number);
                    }
                }
            }
        }
    }
}

/// Whether two rows of a [`PlanRows`] are in one chunk.
pub(super) fn same_chunk(a: &u32, b: &u32) -> bool {
    *a as usize / ROWS == *b as usize / ROWS
}

/// Sets `rows` to those that `part` has of its one chunk.
pub(super) fn set_rows(rows: &mut Vec<u16>, part: &[u32]) {
    rows.clear();
    rows.extend(part.iter().map(|&at| (at as usize % ROWS) as u16));
}
