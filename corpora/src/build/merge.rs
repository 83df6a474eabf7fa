//! Joins what the workers have: one numbering of everything, traces ranked by time, and for each
//! segment the list of its rows. Rows themselves stay where they are until they are sealed.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use ir::module::{KINDS, STATUSES};
use ir::segment::{Dictionary, DictionaryBuilder};
use ir::value::Type;
use ir::{Reads, Schema};

use super::cells::Kind;
use super::chunk::{Chunk, ROWS};
use super::cut::{Cut, SegmentSize};
use super::fingerprints::Fingerprints;
use super::interner::{Interner, MISSING};
use super::keys;
use super::plan::Plan;
use super::resource::{self, ResourceList};
use super::seal::{PlanRows, Unsealed};
use super::traces::{Entry, Part, Root, Texts, TraceTable};
use super::{Builder, Finished};

/// What all segments of a run share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) schema: Arc<Schema>,
    /// The attribute keys, by number.
    pub(super) keys: Vec<Box<str>>,
    /// What is kept, by plan.
    pub(super) reads: Vec<Kept>,
    pub(super) workers: Vec<Maps>,
    pub(super) entries: Vec<Entry>,
    /// Numbers of entries, by rank: ascending by start, then id.
    pub(super) order: Vec<u32>,
    pub(super) names: Arc<Dictionary>,
    pub(super) dictionaries: Vec<Arc<Dictionary>>,
    pub(super) messages: Arc<Dictionary>,
    pub(super) services: Arc<Dictionary>,
    pub(super) rests: Arc<Dictionary>,
    pub(super) origin_texts: Arc<Dictionary>,
    pub(super) kinds: Arc<Dictionary>,
    pub(super) statuses: Arc<Dictionary>,
    pub(super) resources: Interner,
    pub(super) scopes: Interner,
}

/// What is kept of the spans of a plan.
#[derive(Debug)]
pub(super) struct Kept {
    /// Whether a rule names the operations.
    pub(super) named: bool,
    /// Keys besides those that are read anywhere.
    pub(super) keys: Arc<[usize]>,
    pub(super) message: bool,
}

/// From the numbers of a worker to those of the run.
#[derive(Debug)]
pub(super) struct Maps {
    pub(super) names: Remap,
    pub(super) messages: Remap,
    pub(super) rests: Remap,
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

    /// The same, where the old number may be [`MISSING`], which it stays.
    fn get_any(&self, old: u32) -> u32 {
        if old == MISSING { MISSING } else { self.get(old) }
    }

    /// Replaces all numbers by new ones.
    pub(super) fn renew(&self, numbers: &mut [u32]) {
        if let Some(list) = &self.0 {
            numbers.iter_mut().for_each(|number| *number = list[*number as usize]);
        }
    }

    /// The same for numbers that are one more, or 0 for none.
    pub(super) fn renew_some(&self, numbers: &mut [u32]) {
        for number in numbers.iter_mut().filter(|number| **number != 0) {
            *number = self.get(*number - 1) + 1;
        }
    }
}

/// Joins what the workers have, cut by time into segments.
pub fn finish(mut builders: Vec<Builder>, size: SegmentSize) -> Finished {
    let fingerprints = builders.iter_mut().map(|builder| std::mem::take(&mut builder.fingerprints));
    let duplicates = Fingerprints::duplicates(fingerprints.collect());
    let spans = builders.iter().map(|builder| builder.spans).sum();
    let Some(schema) = builders.first().map(|builder| Arc::clone(&builder.schema)) else {
        return Finished::default();
    };
    builders.iter_mut().flat_map(|builder| &mut builder.plans).for_each(Plan::close);
    let mut joint = Joint { keys: keys::align(&mut builders), ..Joint::default() };
    let plans = Plans::of(&mut builders);
    let maps: Vec<JointMaps> = builders.into_iter().map(|builder| joint.absorb(builder)).collect();
    let shared = joint.rank(schema, plans.reads, maps);
    let mut finished = Finished { spans, duplicates, ..Finished::default() };
    finished.summarise(&shared);
    let columns = plans.columns.max(resource::keys(shared.resources.lists()));
    let SegmentSize { rows, .. } = size.of_columns(columns);
    let traces = size.shared(shared.order.len(), shared.workers.len());
    let cut = Cut::of(&shared, &plans.chunks, SegmentSize { traces, rows });
    let segments = distribute(&shared, plans.chunks, &cut);
    let shared = Arc::new(shared);
    for (traces, plans) in cut.segments.into_iter().zip(segments) {
        let shared = Arc::clone(&shared);
        finished.segments.push_back(Unsealed { shared, traces, plans });
    }
    finished
}

/// Chunks of a plan with the number of the worker that made them.
pub(super) type WorkersChunks = Vec<(u32, Chunk)>;

/// The plans of all workers, each once.
#[derive(Default)]
struct Plans {
    reads: Vec<Kept>,
    chunks: Vec<WorkersChunks>,
    /// The most different attributes that the spans of one plan bear.
    columns: usize,
}

impl Plans {
    fn of(builders: &mut [Builder]) -> Self {
        let mut plans = Self::default();
        let mut numbers = HashMap::new();
        for (worker, builder) in builders.iter_mut().enumerate() {
            for Plan { reads, chunks, .. } in std::mem::take(&mut builder.plans) {
                let number = *numbers.entry(reads).or_insert_with_key(|reads| plans.add(reads));
                plans.chunks[number].extend(chunks.into_iter().map(|chunk| (worker as u32, chunk)));
            }
        }
        for chunks in &mut plans.chunks {
            plans.columns = plans.columns.max(unify(chunks, builders));
        }
        plans
    }

    /// The number of a new plan.
    fn add(&mut self, reads: &Reads) -> usize {
        let Reads { named, keys, message } = reads;
        self.reads.push(Kept { named: *named, keys: keys.as_slice().into(), message: *message });
        self.chunks.push(Vec::new());
        self.chunks.len() - 1
    }
}

/// Where chunks differ in the kind of an attribute, turns all its numbers to codes. The number of
/// different attributes.
fn unify(chunks: &mut WorkersChunks, builders: &mut [Builder]) -> usize {
    let mut kinds: HashMap<usize, Kind> = HashMap::new();
    let mut mixed: HashSet<usize> = HashSet::new();
    for (key, kind) in chunks.iter().flat_map(|(_, chunk)| chunk.kinds()) {
        if *kinds.entry(key).or_insert(kind) != kind {
            mixed.insert(key);
        }
    }
    if !mixed.is_empty() {
        for (worker, chunk) in chunks {
            let dictionaries = &mut builders[*worker as usize].keys.dictionaries;
            chunk.turn_to_codes(|key| mixed.contains(&key), dictionaries);
        }
    }
    kinds.len()
}

/// The tables of the workers so far, in one numbering: that of the first worker, continued.
#[derive(Default)]
struct Joint {
    keys: Vec<Box<str>>,
    names: DictionaryBuilder,
    dictionaries: Vec<DictionaryBuilder>,
    messages: DictionaryBuilder,
    services: DictionaryBuilder,
    rests: DictionaryBuilder,
    origin_texts: DictionaryBuilder,
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
        self.dictionaries.resize_with(self.keys.len(), DictionaryBuilder::default);
        let names = absorb(&mut self.names, builder.names);
        let services = absorb(&mut self.services, builder.services);
        let origin_texts = absorb(&mut self.origin_texts, builder.origin_texts);
        let dictionaries: Vec<Remap> =
            (self.dictionaries.iter_mut().zip(builder.keys.dictionaries))
                .map(|(own, other)| absorb(own, other))
                .collect();
        // The service matters to roots only: without it, resources that look alike become one.
        let mut scratch = ResourceList::default();
        let resource = |list: &[u32]| {
            scratch.clear();
            resource::attributes(list)
                .for_each(|(key, code)| scratch.set(key, dictionaries[key].get(code)));
            scratch.list(MISSING, origin_texts.get_any(resource::rest(list))).to_vec()
        };
        let scope = |list: &[u32]| list.iter().map(|&code| origin_texts.get(code)).collect();
        let maps = Maps {
            messages: absorb(&mut self.messages, builder.messages),
            rests: absorb(&mut self.rests, builder.rests),
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
                service: services.get_any(root.service),
                ..root
            });
            own.add(entry.id(), Part { root, ..part }, texts)
        });
        Remap(Some(numbers.collect()))
    }

    /// Ranks the traces; nothing is added after that.
    fn rank(self, schema: Arc<Schema>, reads: Vec<Kept>, maps: Vec<JointMaps>) -> Shared {
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
            rests: finished(self.rests),
            origin_texts: finished(self.origin_texts),
            kinds: fixed(&KINDS),
            statuses: fixed(&STATUSES),
            resources: self.resources,
            scopes: self.scopes,
            keys: self.keys,
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
    mut renew: impl FnMut(&[u32]) -> Vec<u32>,
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
fn distribute(shared: &Shared, plans: Vec<WorkersChunks>, cut: &Cut) -> Vec<Vec<PlanRows>> {
    let mut rows: Vec<Vec<PlanRows>> = cut.segments.iter().map(|_| Vec::new()).collect();
    let mut traces = Vec::new();
    for (plan, chunks) in plans.into_iter().enumerate() {
        let none = || PlanRows { plan, chunks: Vec::new(), rows: Vec::new() };
        let mut segments: Vec<PlanRows> = cut.segments.iter().map(|_| none()).collect();
        for (worker, chunk) in chunks {
            let chunk = Arc::new(chunk);
            if let [only] = &mut segments[..] {
                let first = first_row(only, worker, &chunk);
                only.rows.extend((first..).take(chunk.len()));
                continue;
            }
            let ranks = &shared.workers[worker as usize].ranks;
            chunk.read_traces(&mut traces);
            for (row, &trace) in (0..).zip(&traces) {
                let segment = cut.of_rank[ranks[trace as usize] as usize];
                let own = &mut segments[segment as usize];
                let first = first_row(own, worker, &chunk);
                own.rows.push(first + row);
            }
        }
        for (all, own) in rows.iter_mut().zip(segments) {
            if !own.rows.is_empty() {
                all.push(own);
            }
        }
    }
    rows
}

/// Which row the first one of a chunk is, which is added if it is not the last.
fn first_row(rows: &mut PlanRows, worker: u32, chunk: &Arc<Chunk>) -> u32 {
    if rows.chunks.last().is_none_or(|(_, last)| !Arc::ptr_eq(last, chunk)) {
        rows.chunks.push((worker, Arc::clone(chunk)));
    }
    let first = u32::try_from((rows.chunks.len() - 1) * ROWS);
    first.expect("rows of fewer than 2^32 in chunks fit memory")
}
