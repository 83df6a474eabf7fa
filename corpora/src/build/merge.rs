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
use super::joined::{Joined, Remap};
use super::keys;
use super::plan::Plan;
use super::ranked::Ranked;
use super::resource::{self, ResourceList};
use super::seal::{PlanRows, Unsealed};
use super::share::{Task, share};
use super::traces::{Entry, TraceTable};
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

/// Joins what the workers have, cut by time into segments, on as many threads as there are builders.
pub fn finish(mut builders: Vec<Builder>, size: SegmentSize) -> Finished {
    let spans = builders.iter().map(|builder| builder.spans).sum();
    let Some(schema) = builders.first().map(|builder| Arc::clone(&builder.schema)) else {
        return Finished::default();
    };
    let threads = builders.len();
    builders.iter_mut().flat_map(|builder| &mut builder.plans).for_each(Plan::close);
    let keys = keys::align(&mut builders);
    let plans = Plans::of(&mut builders);
    let (joint, duplicates) = Joint::of(builders, keys.len());
    let shared = joint.shared(schema, keys, plans.reads);
    let mut finished = Finished { spans, duplicates, ..Finished::default() };
    finished.summarise(&shared);
    let columns = plans.columns.max(resource::keys(shared.resources.lists()));
    let SegmentSize { rows, .. } = size.of_columns(columns);
    let traces = size.shared(shared.order.len(), shared.workers.len());
    let cut = Cut::of(&shared, &plans.chunks, SegmentSize { traces, rows });
    let segments = distribute(&shared, plans.chunks, &cut, threads);
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

/// The tables of the workers, in one numbering: that of the first worker, continued.
struct Joint {
    names: Joined,
    services: Joined,
    messages: Joined,
    rests: Joined,
    origin_texts: Joined,
    /// One an attribute key.
    dictionaries: Vec<Joined>,
    resources: (Interner, Vec<Vec<u32>>),
    scopes: (Interner, Vec<Vec<u32>>),
    ranked: Ranked,
}

impl Joint {
    /// Joins the tables of builders that know `keys` attribute keys; and how many of the spans that
    /// no rule names came more than once. Tables that need nothing of each other are joined at once.
    fn of(builders: Vec<Builder>, keys: usize) -> (Self, u64) {
        let threads = builders.len();
        let mut parts = Parts::default();
        parts.dictionaries.resize_with(keys, Vec::new);
        builders.into_iter().for_each(|builder| parts.add(builder));
        let Parts { resources, scopes, traces, fingerprints, .. } = parts;
        // Roots are told apart by name and service.
        let (names, services) = (Joined::of(parts.names), Joined::of(parts.services));
        let (mut ranked, mut duplicates) = (Ranked::default(), 0);
        let mut texts = [Joined::default(), Joined::default(), Joined::default()];
        let mut dictionaries = Vec::new();
        dictionaries.resize_with(keys, Joined::default);
        let apart = [parts.messages, parts.rests, parts.origin_texts];
        let joins = texts.iter_mut().zip(apart);
        let joins = joins.chain(dictionaries.iter_mut().zip(parts.dictionaries));
        let mut tasks: Vec<Task<'_>> = vec![
            Box::new(|| ranked = Ranked::of(traces, &names, &services)),
            Box::new(|| duplicates = Fingerprints::duplicates(fingerprints)),
        ];
        for (joined, parts) in joins {
            tasks.push(Box::new(move || *joined = Joined::of(parts)));
        }
        share(threads, tasks);
        let [messages, rests, origin_texts] = texts;
        let resources = join_resources(&resources, &dictionaries, &origin_texts);
        let scopes = join_lists(&scopes, |worker, list| {
            list.iter().map(|&code| origin_texts.maps[worker].get(code)).collect()
        });
        let joint = Self {
            names,
            services,
            messages,
            rests,
            origin_texts,
            dictionaries,
            resources,
            scopes,
            ranked,
        };
        (joint, duplicates)
    }

    fn shared(self, schema: Arc<Schema>, keys: Vec<Box<str>>, reads: Vec<Kept>) -> Shared {
        let (names, names_of) = self.names.finish();
        let (services, _) = self.services.finish();
        let (messages, messages_of) = self.messages.finish();
        let (rests, rests_of) = self.rests.finish();
        let (origin_texts, _) = self.origin_texts.finish();
        let (resources, resources_of) = self.resources;
        let (scopes, scopes_of) = self.scopes;
        let Ranked { entries, order, of_workers } = self.ranked;
        let mut workers: Vec<Maps> = (names_of.into_iter().zip(messages_of).zip(rests_of))
            .zip(resources_of.into_iter().zip(scopes_of).zip(of_workers))
            .map(|(((names, messages), rests), ((resources, scopes), ranks))| {
                let dictionaries = Vec::with_capacity(keys.len());
                Maps { names, messages, rests, dictionaries, resources, scopes, ranks }
            })
            .collect();
        let mut dictionaries = Vec::with_capacity(keys.len());
        for (dictionary, maps) in self.dictionaries.into_iter().map(Joined::finish) {
            dictionaries.push(dictionary);
            workers.iter_mut().zip(maps).for_each(|(worker, map)| worker.dictionaries.push(map));
        }
        let (kinds, statuses) = (fixed(&KINDS), fixed(&STATUSES));
        Shared {
            schema,
            keys,
            reads,
            workers,
            entries,
            order,
            names,
            dictionaries,
            messages,
            services,
            rests,
            origin_texts,
            kinds,
            statuses,
            resources,
            scopes,
        }
    }
}

/// What builders have, kind by kind, each in the order of the builders.
#[derive(Default)]
struct Parts {
    names: Vec<DictionaryBuilder>,
    services: Vec<DictionaryBuilder>,
    messages: Vec<DictionaryBuilder>,
    rests: Vec<DictionaryBuilder>,
    origin_texts: Vec<DictionaryBuilder>,
    /// By attribute key.
    dictionaries: Vec<Vec<DictionaryBuilder>>,
    resources: Vec<Interner>,
    scopes: Vec<Interner>,
    traces: Vec<TraceTable>,
    fingerprints: Vec<Fingerprints>,
}

impl Parts {
    fn add(&mut self, builder: Builder) {
        self.names.push(builder.names);
        self.services.push(builder.services);
        self.messages.push(builder.messages);
        self.rests.push(builder.rests);
        self.origin_texts.push(builder.origin_texts);
        for (all, own) in self.dictionaries.iter_mut().zip(builder.keys.dictionaries) {
            all.push(own);
        }
        self.resources.push(builder.resources);
        self.scopes.push(builder.scopes);
        self.traces.push(builder.traces);
        self.fingerprints.push(builder.fingerprints);
    }
}

/// The resources of all workers. The service matters to roots only: without it, resources that look
/// alike become one.
fn join_resources(
    parts: &[Interner],
    dictionaries: &[Joined],
    rests: &Joined,
) -> (Interner, Vec<Vec<u32>>) {
    let mut scratch = ResourceList::default();
    join_lists(parts, |worker, list| {
        scratch.clear();
        resource::attributes(list)
            .for_each(|(key, code)| scratch.set(key, dictionaries[key].maps[worker].get(code)));
        scratch.list(MISSING, rests.maps[worker].get_any(resource::rest(list))).to_vec()
    })
}

/// The lists of all workers with their codes renewed, and the new number of each.
fn join_lists(
    parts: &[Interner],
    mut renew: impl FnMut(usize, &[u32]) -> Vec<u32>,
) -> (Interner, Vec<Vec<u32>>) {
    let mut all = Interner::default();
    let numbers = parts.iter().enumerate().map(|(worker, part)| {
        part.lists().iter().map(|list| all.intern(&renew(worker, list))).collect()
    });
    let numbers = numbers.collect();
    (all, numbers)
}

/// A dictionary of these texts, whose codes are their positions.
fn fixed(texts: &[&str]) -> Arc<Dictionary> {
    let mut builder = DictionaryBuilder::default();
    for text in texts {
        builder.intern(Type::Text, text);
    }
    Arc::new(builder.finish())
}

/// The rows of each segment, by plan; worked out on so many threads.
fn distribute(
    shared: &Shared,
    plans: Vec<WorkersChunks>,
    cut: &Cut,
    threads: usize,
) -> Vec<Vec<PlanRows>> {
    let mut of_plans: Vec<Vec<(usize, PlanRows)>> = plans.iter().map(|_| Vec::new()).collect();
    let plans = plans.into_iter().enumerate().zip(&mut of_plans);
    let tasks = plans.map(|((plan, chunks), segments)| -> Task<'_> {
        Box::new(move || *segments = distribute_plan(shared, plan, chunks, cut))
    });
    share(threads, tasks.collect());
    let mut rows: Vec<Vec<PlanRows>> = cut.segments.iter().map(|_| Vec::new()).collect();
    for (segment, own) in of_plans.into_iter().flatten() {
        rows[segment].push(own);
    }
    rows
}

/// The rows of a plan, with the numbers of the segments that have any.
fn distribute_plan(
    shared: &Shared,
    plan: usize,
    chunks: WorkersChunks,
    cut: &Cut,
) -> Vec<(usize, PlanRows)> {
    let none = |_| PlanRows { plan, chunks: Vec::new(), rows: Vec::new() };
    let mut segments: Vec<PlanRows> = cut.segments.iter().map(none).collect();
    let mut traces = Vec::new();
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
    segments.into_iter().enumerate().filter(|(_, own)| !own.rows.is_empty()).collect()
}

/// Which row the first one of a chunk is, which is added if it is not the last.
fn first_row(rows: &mut PlanRows, worker: u32, chunk: &Arc<Chunk>) -> u32 {
    if rows.chunks.last().is_none_or(|(_, last)| !Arc::ptr_eq(last, chunk)) {
        rows.chunks.push((worker, Arc::clone(chunk)));
    }
    let first = u32::try_from((rows.chunks.len() - 1) * ROWS);
    first.expect("rows of fewer than 2^32 in chunks fit memory")
}
