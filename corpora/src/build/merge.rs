//! Joins what the workers have: one numbering of everything, traces ranked by time, and for each
//! segment the list of its rows. Rows themselves stay where they are until they are sealed.

use std::sync::Arc;

use ir::module::{KINDS, STATUSES};
use ir::segment::{CLOCK_DEFECT, Dictionary, DictionaryBuilder};
use ir::value::Type;
use ir::{Reads, Schema};

use super::chunk::{Chunk, ROWS};
use super::fingerprints::Fingerprints;
use super::interner::{Interner, MISSING};
use super::plan::Plan;
use super::seal::{PlanRows, Unsealed};
use super::traces::{Entry, Part, Root, Texts, TraceTable};
use super::{Builder, Finished};

/// What all segments of a run share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) schema: Arc<Schema>,
    /// What is kept, by plan.
    pub(super) reads: Vec<Reads>,
    pub(super) workers: Vec<Maps>,
    pub(super) entries: Vec<Entry>,
    /// Numbers of entries, by rank: ascending by start, then id.
    pub(super) order: Vec<u32>,
    pub(super) names: Arc<Dictionary>,
    pub(super) dictionaries: Vec<Arc<Dictionary>>,
    pub(super) messages: Arc<Dictionary>,
    pub(super) services: Arc<Dictionary>,
    pub(super) scope_texts: Arc<Dictionary>,
    pub(super) kinds: Arc<Dictionary>,
    pub(super) statuses: Arc<Dictionary>,
    pub(super) resources: Vec<Box<[u32]>>,
    pub(super) scopes: Vec<Box<[u32]>>,
}

/// From the numbers of a worker to those of the run.
#[derive(Debug)]
pub(super) struct Maps {
    pub(super) names: Remap,
    pub(super) messages: Remap,
    pub(super) dictionaries: Vec<Remap>,
    pub(super) resources: Vec<u32>,
    pub(super) scopes: Vec<u32>,
    /// Ranks of traces.
    pub(super) ranks: Vec<u32>,
}

/// New numbers for old; without a list they stay.
#[derive(Debug)]
pub(super) struct Remap(Option<Vec<u32>>);

impl Remap {
    /// The new number.
    pub(super) fn get(&self, old: u32) -> u32 {
        self.0.as_ref().map_or(old, |list| list[old as usize])
    }
}

/// Joins what the workers have, cut by time into segments of `traces_per_segment` traces (at
/// least one).
pub fn finish(mut builders: Vec<Builder>, traces_per_segment: usize) -> Finished {
    let fingerprints = builders.iter_mut().map(|builder| std::mem::take(&mut builder.fingerprints));
    let duplicates = Fingerprints::duplicates(fingerprints.collect());
    let spans = builders.iter().map(|builder| builder.spans).sum();
    let Some(schema) = builders.first().map(|builder| Arc::clone(&builder.schema)) else {
        return Finished::default();
    };
    let plans = Plans::of(&mut builders);
    let mut joint = Joint::default();
    let maps: Vec<JointMaps> = builders.into_iter().map(|builder| joint.absorb(builder)).collect();
    let shared = joint.rank(schema, plans.reads, maps);
    let mut finished = Finished { spans, duplicates, ..Finished::default() };
    finished.summarise(&shared);
    let traces_per_segment = traces_per_segment.max(1);
    let rows = distribute(&shared, plans.chunks, traces_per_segment);
    let shared = Arc::new(shared);
    for (number, plans) in rows.into_iter().enumerate() {
        let first = number * traces_per_segment;
        let traces = traces_per_segment.min(shared.order.len() - first);
        let shared = Arc::clone(&shared);
        finished.segments.push_back(Unsealed { shared, first, traces, plans });
    }
    finished
}

impl Finished {
    fn summarise(&mut self, shared: &Shared) {
        let start = |&number: &u32| shared.entries[number as usize].start;
        self.traces = shared.entries.len() as u64;
        self.first = shared.order.first().map(start);
        self.last = shared.order.last().map(start);
        for entry in &shared.entries {
            self.rootless += u64::from(entry.root_operation == MISSING);
            self.clock_defects += u64::from(entry.flags() & CLOCK_DEFECT != 0);
        }
    }
}

/// Chunks of a plan with the number of the worker that made them.
type WorkersChunks = Vec<(u32, Chunk)>;

/// The plans of all workers, each once.
#[derive(Default)]
struct Plans {
    reads: Vec<Reads>,
    chunks: Vec<WorkersChunks>,
}

impl Plans {
    fn of(builders: &mut [Builder]) -> Self {
        let mut plans = Self::default();
        for (worker, builder) in builders.iter_mut().enumerate() {
            for mut plan in std::mem::take(&mut builder.plans) {
                plan.close();
                plans.add(worker as u32, plan);
            }
        }
        for (reads, chunks) in plans.reads.iter().zip(&mut plans.chunks) {
            for (column, &key) in reads.keys.iter().enumerate() {
                unify(column, key, chunks, builders);
            }
        }
        plans
    }

    fn add(&mut self, worker: u32, plan: Plan) {
        let known = self.reads.iter().position(|reads| *reads == plan.reads);
        let number = known.unwrap_or_else(|| {
            self.reads.push(plan.reads);
            self.chunks.push(Vec::new());
            self.reads.len() - 1
        });
        self.chunks[number].extend(plan.chunks.into_iter().map(|chunk| (worker, chunk)));
    }
}

/// Where chunks differ in the kind of an attribute, turns all its numbers to codes.
fn unify(column: usize, key: usize, chunks: &mut WorkersChunks, builders: &mut [Builder]) {
    let mut kinds = chunks.iter().filter_map(|(_, chunk)| chunk.kind(column));
    let first = kinds.next();
    if kinds.any(|kind| Some(kind) != first) {
        for (worker, chunk) in chunks {
            let dictionary = &mut builders[*worker as usize].dictionaries[key];
            chunk.turn_to_codes(column, dictionary);
        }
    }
}

/// The tables of the workers so far, in one numbering: that of the first worker, continued.
#[derive(Default)]
struct Joint {
    names: DictionaryBuilder,
    dictionaries: Vec<DictionaryBuilder>,
    messages: DictionaryBuilder,
    services: DictionaryBuilder,
    scope_texts: DictionaryBuilder,
    resources: Interner,
    scopes: Interner,
    traces: Option<TraceTable>,
}

/// The maps of a worker before traces are ranked.
struct JointMaps {
    maps: Maps,
    traces: Remap,
}

impl Joint {
    fn absorb(&mut self, builder: Builder) -> JointMaps {
        self.dictionaries.resize_with(builder.dictionaries.len(), DictionaryBuilder::default);
        let names = absorb(&mut self.names, builder.names);
        let services = absorb(&mut self.services, builder.services);
        let scope_texts = absorb(&mut self.scope_texts, builder.scope_texts);
        let dictionaries: Vec<Remap> = (self.dictionaries.iter_mut().zip(builder.dictionaries))
            .map(|(own, other)| absorb(own, other))
            .collect();
        let keys = builder.schema.resource_keys();
        // The service matters to roots only: without it, resources that look alike become one.
        let resource = |list: &[u32]| {
            let codes = list.iter().zip(keys).map(|(&code, &key)| match code {
                MISSING => MISSING,
                code => dictionaries[key].get(code),
            });
            codes.collect()
        };
        let scope = |list: &[u32]| list.iter().map(|&code| scope_texts.get(code)).collect();
        let maps = Maps {
            messages: absorb(&mut self.messages, builder.messages),
            resources: renumber(&mut self.resources, builder.resources.lists(), resource),
            scopes: renumber(&mut self.scopes, builder.scopes.lists(), scope),
            ranks: Vec::new(),
            names,
            dictionaries,
        };
        JointMaps { traces: self.absorb_traces(builder.traces, &maps.names, &services), maps }
    }

    fn absorb_traces(&mut self, other: TraceTable, names: &Remap, services: &Remap) -> Remap {
        let Some(own) = &mut self.traces else {
            self.traces = Some(other);
            return Remap(None);
        };
        let texts = Texts { names: &self.names, services: &self.services };
        let numbers = other.entries().iter().enumerate().map(|(number, entry)| {
            let part = other.part(number as u32);
            let root = part.root.map(|root| Root {
                operation: names.get(root.operation),
                service: match root.service {
                    MISSING => MISSING,
                    service => services.get(service),
                },
                ..root
            });
            own.add(entry.id(), Part { root, ..part }, texts)
        });
        Remap(Some(numbers.collect()))
    }

    /// Ranks the traces; nothing is added after that.
    fn rank(self, schema: Arc<Schema>, reads: Vec<Reads>, maps: Vec<JointMaps>) -> Shared {
        let entries = self.traces.map_or_else(Vec::new, TraceTable::into_entries);
        let mut order: Vec<(u64, u32)> = entries
            .iter()
            .enumerate()
            .map(|(number, entry)| (entry.start, number as u32))
            .collect();
        let id = |number: u32| entries[number as usize].id();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| id(a.1).cmp(&id(b.1))));
        let order: Vec<u32> = order.into_iter().map(|(_, number)| number).collect();
        let mut ranks = vec![0_u32; order.len()];
        for (rank, &number) in order.iter().enumerate() {
            ranks[number as usize] = rank as u32;
        }
        let workers = maps.into_iter().map(|JointMaps { maps, traces }| Maps {
            ranks: match traces.0 {
                None => ranks.clone(),
                Some(numbers) => numbers.iter().map(|&number| ranks[number as usize]).collect(),
            },
            ..maps
        });
        let finished = |builder: DictionaryBuilder| Arc::new(builder.finish());
        Shared {
            workers: workers.collect(),
            names: finished(self.names),
            dictionaries: self.dictionaries.into_iter().map(finished).collect(),
            messages: finished(self.messages),
            services: finished(self.services),
            scope_texts: finished(self.scope_texts),
            kinds: fixed(&KINDS),
            statuses: fixed(&STATUSES),
            resources: self.resources.into_lists(),
            scopes: self.scopes.into_lists(),
            schema,
            reads,
            entries,
            order,
        }
    }
}

/// Adds a worker's dictionary; the first one is taken as it is.
fn absorb(own: &mut DictionaryBuilder, other: DictionaryBuilder) -> Remap {
    if own.dictionary().is_empty() {
        *own = other;
        Remap(None)
    } else {
        Remap(Some(own.absorb(other.dictionary())))
    }
}

/// Adds a worker's lists with their codes renewed; the new number of each.
fn renumber(
    own: &mut Interner,
    lists: &[Box<[u32]>],
    renew: impl Fn(&[u32]) -> Vec<u32>,
) -> Vec<u32> {
    lists.iter().map(|list| own.intern(&renew(list))).collect()
}

/// A dictionary of these texts, whose codes are their positions.
fn fixed(texts: &[&str]) -> Arc<Dictionary> {
    let mut builder = DictionaryBuilder::default();
    for text in texts {
        builder.intern(Type::Text, text);
    }
    Arc::new(builder.finish())
}

/// The rows of each segment, by plan.
fn distribute(
    shared: &Shared,
    plans: Vec<WorkersChunks>,
    traces_per_segment: usize,
) -> Vec<Vec<PlanRows>> {
    let segments = shared.order.len().div_ceil(traces_per_segment);
    let mut rows: Vec<Vec<PlanRows>> = (0..segments).map(|_| Vec::new()).collect();
    for (plan, chunks) in plans.into_iter().enumerate() {
        for (worker, chunk) in chunks {
            let chunk = Arc::new(chunk);
            let ranks = &shared.workers[worker as usize].ranks;
            for row in 0..chunk.len() {
                let rank = ranks[chunk.trace(row) as usize] as usize;
                let segment = &mut rows[rank / traces_per_segment];
                if segment.last().is_none_or(|last| last.plan != plan) {
                    segment.push(PlanRows { plan, chunks: Vec::new(), rows: Vec::new() });
                }
                let own = segment.last_mut().expect("one was pushed if there was none");
                if own.chunks.last().is_none_or(|(_, last)| !Arc::ptr_eq(last, &chunk)) {
                    own.chunks.push((worker, Arc::clone(&chunk)));
                }
                own.rows.push(((own.chunks.len() - 1) * ROWS + row) as u32);
            }
        }
    }
    rows
}
