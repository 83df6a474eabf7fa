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
                let mut plan = PlanSpans::sort(&shared, traces.clone(), rows, &mut places);
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

/// The rows of a plan that are in one chunk, ascending.
pub(super) struct Part<'p> {
    pub(super) worker: u32,
    pub(super) chunk: &'p Chunk,
    pub(super) rows: Vec<u16>,
}

impl PlanRows {
    /// The rows, chunk by chunk.
    pub(super) fn parts(&self) -> Vec<Part<'_>> {
        let same_chunk = |a: &u32, b: &u32| *a as usize / ROWS == *b as usize / ROWS;
        let parts = self.rows.chunk_by(same_chunk).map(|part| {
            let (worker, chunk) = &self.chunks[part[0] as usize / ROWS];
            let rows = part.iter().map(|&at| (at as usize % ROWS) as u16).collect();
            Part { worker: *worker, chunk, rows }
        });
        parts.collect()
    }

    /// The rows with the run's numbers, and trace ordinals from the trace of rank `first` on.
    fn fields(&self, shared: &Shared, first: usize) -> Fields {
        let (structure, everything) = (shared.schema.structure(), shared.schema.keeps_everything());
        let mut all = Fields { structure, everything, ..Fields::default() };
        all.reserve(self.rows.len());
        for Part { worker, chunk, rows } in self.parts() {
            let maps = &shared.workers[worker as usize];
            let before = all.start.len();
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
    /// Spans of traces of these ranks; `places` has [`MISSING`] for every name, before and after.
    fn sort(shared: &Shared, ranks: Range<usize>, rows: PlanRows, places: &mut [u32]) -> Self {
        let mut fields = rows.fields(shared, ranks.start);
        let names = fields.number_operations(shared, places);
        let (order, operations, twins) = (Vec::new(), Vec::new(), Vec::new());
        let mut plan = Self { rows, fields, order, operations, twins };
        plan.order_spans(&names, ranks.len());
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
    fn order_spans(&mut self, names: &[u32], traces: usize) {
        let Fields { operation, trace, .. } = &self.fields;
        let mut spans: Vec<u32> = (0..operation.len() as u32).collect();
        let of = |field: &[u32], span: u32| field[span as usize];
        // A count a trace costs little beside the spans, unless these are few.
        if spans.len() > traces / 8 {
            spans = by_number(&spans, trace, traces);
            spans = by_number(&spans, operation, names.len());
        } else {
            spans.sort_by_key(|&span| (of(operation, span), of(trace, span)));
        }
        let operations = spans.chunk_by_mut(|a, b| of(operation, *a) == of(operation, *b));
        let mut order = Vec::with_capacity(operation.len());
        for own in operations {
            let (first, name) = (order.len(), names[of(operation, own[0]) as usize]);
            order_operation(&self.fields, own, &mut order, &mut self.twins);
            self.operations.push((name, first..order.len()));
        }
        self.order = order;
    }
}

/// Spans in the order of their numbers in a field, below `count`; those with the same stay as they
/// are.
fn by_number(spans: &[u32], field: &[u32], count: usize) -> Vec<u32> {
    let mut places = vec![0_u32; count];
    field.iter().for_each(|&number| places[number as usize] += 1);
    let mut end = 0;
    for place in &mut places {
        end += std::mem::replace(place, end);
    }
    let mut sorted = vec![0_u32; spans.len()];
    for &span in spans {
        let place = &mut places[field[span as usize] as usize];
        sorted[*place as usize] = span;
        *place += 1;
    }
    sorted
}

/// Appends spans of one operation, which are in the order of their traces, in that of what makes a
/// span itself, each once.
fn order_operation(
    fields: &Fields,
    spans: &mut [u32],
    order: &mut Vec<u32>,
    twins: &mut Vec<Twin>,
) {
    for run in spans.chunk_by_mut(|a, b| fields.trace[*a as usize] == fields.trace[*b as usize]) {
        if run.len() > 1 {
            run.sort_unstable_by_key(|&span| fields.identity(span));
        }
        let mut last = None;
        for &span in &*run {
            let same = |kept: &u32| fields.identity(*kept) == fields.identity(span);
            match last.filter(same) {
                Some(kept) => twins.push(Twin { kept, other: span }),
                None => {
                    order.push(span);
                    last = Some(span);
                }
            }
        }
    }
}
