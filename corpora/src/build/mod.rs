//! From decoded spans to sealed segments: a [`Builder`] a worker, [`finish`], then [`Unsealed::seal`].
//!
//! Spans may come in any order and be spread over builders in any way: the segments are the same
//! but for the numbering of dictionary codes. Of spans that are the same span (trace id, span id,
//! name, kind, start and end agree) one row stays, with the least value of each key; the trace table
//! counts every span as it came. Of spans of operations that no rule names, a fingerprint is kept,
//! and the row only if it bears what is read of all spans.
//!
//! ```text
//! Builder ── traces        an entry a trace, from every span
//!         ├─ plans         rows of kept spans, in packed chunks: one plan for all operations
//!         │                that the schema reads alike
//!         ├─ dictionaries  one an attribute key
//!         └─ fingerprints  of the spans that no rule names, to count duplicates
//! ```

mod attribute;
mod cells;
mod chunk;
mod cut;
mod direct;
mod fields;
mod fingerprints;
mod finished;
mod interner;
mod joined;
mod keys;
mod merge;
mod narrow;
mod plan;
mod ranked;
mod reread;
mod resource;
mod seal;
mod seeds;
mod share;
mod stored;
mod table;
mod tight;
mod traces;
mod twins;
mod values;
mod wanted;

use std::sync::Arc;

pub use attribute::{AttributeValue, Known, ScalarRef, Want};
use cells::Cell;
use chunk::Row;
pub use cut::SegmentSize;
pub use direct::{Attributes, direct};
use fingerprints::Fingerprints;
pub use finished::Finished;
use hashbrown::HashMap;
use interner::{Interner, MISSING};
use ir::segment::DictionaryBuilder;
use ir::{Reads, Schema, Type};
use keys::Keys;
pub use merge::finish;
use plan::Plan;
pub use reread::reread;
use resource::ResourceList;
pub use seal::{Sealed, Unsealed};
use seeds::Seeds;
pub(crate) use stored::{END, cut_end};
pub use stored::{Stored, refill, refill_kept};
use traces::{Part, Root, Texts, TraceTable};
use wanted::{Found, Wanted, find};

/// A span as a reader found it, without its attributes.
#[derive(Clone, Copy, Debug)]
pub struct SpanRecord<'a> {
    /// Trace id, as a big-endian number.
    pub trace_id: u128,
    /// Span id, as a big-endian number.
    pub span_id: u64,
    /// Span id of the parent; 0 for none.
    pub parent_id: u64,
    /// The operation.
    pub name: &'a str,
    /// Kind by its OTLP number; anything above 5 counts as unspecified.
    pub kind: u8,
    /// Status code by its OTLP number; anything above 2 counts as unset.
    pub status: u8,
    /// Status message; empty for none.
    pub message: &'a str,
    /// Start in nanoseconds since 1970.
    pub start: u64,
    /// End in nanoseconds since 1970.
    pub end: u64,
    /// W3C trace flags and what else OTLP keeps with them.
    pub flags: u32,
    /// What [`Builder::resource`] gave for its resource.
    pub resource: u32,
    /// What [`Builder::scope`] gave for its scope.
    pub scope: u32,
    /// All else that it bears, as the text of a JSON object; empty for nothing. Kept where
    /// [everything](Schema::everything) is.
    pub rest: &'a str,
}

/// Numbers of a builder for what it knows of a span.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    /// Of the operation.
    pub operation: u32,
    /// Of the trace, if it was looked up.
    pub trace: Option<u32>,
}

/// Takes the spans of one worker and keeps what a schema asks for.
#[derive(Debug)]
pub struct Builder {
    schema: Arc<Schema>,
    seeds: Seeds,
    spans: u64,
    traces: TraceTable,
    /// Span names; a name's code is the number of its operation.
    names: DictionaryBuilder,
    operations: Vec<Operation>,
    plans: Vec<Plan>,
    numbers_of_plans: HashMap<Reads, u32>,
    /// What is read of all spans.
    anywhere: Wanted,
    keys: Keys,
    messages: DictionaryBuilder,
    services: DictionaryBuilder,
    /// What else spans bear.
    rests: DictionaryBuilder,
    /// Names and versions of scopes, and what else scopes and resources bear.
    origin_texts: DictionaryBuilder,
    /// The resources, as [`ResourceList`]s.
    resources: Interner,
    /// Whether each of them bears what is read of all spans.
    bearing: Vec<bool>,
    wanted_of_resources: Wanted,
    wanted_service: Wanted,
    /// Codes of name, version and rest of each scope.
    scopes: Interner,
    fingerprints: Fingerprints,
    scratch: ResourceList,
}

/// What a builder knows of an operation.
#[derive(Clone, Copy, Debug)]
struct Operation {
    plan: u32,
    name_hash: u64,
}

/// The key that names the service of a root span.
const SERVICE: &str = "service.name";

impl Builder {
    /// An empty builder.
    pub fn new(schema: Arc<Schema>) -> Self {
        let seeds = Seeds::get();
        Self {
            seeds,
            spans: 0,
            traces: TraceTable::new(seeds),
            names: DictionaryBuilder::default(),
            operations: Vec::new(),
            plans: Vec::new(),
            numbers_of_plans: HashMap::new(),
            anywhere: Wanted::of(&schema, schema.reads_anywhere()),
            keys: Keys::of(&schema),
            messages: DictionaryBuilder::default(),
            services: DictionaryBuilder::default(),
            rests: DictionaryBuilder::default(),
            origin_texts: DictionaryBuilder::default(),
            resources: Interner::default(),
            bearing: Vec::new(),
            wanted_of_resources: Wanted::of(&schema, schema.resource_keys()),
            wanted_service: Wanted::new(vec![(0, SERVICE.into())]),
            scopes: Interner::default(),
            fingerprints: Fingerprints::default(),
            scratch: ResourceList::default(),
            schema,
        }
    }

    /// The number of a resource with these attributes, for [`SpanRecord::resource`]; `rest` is what
    /// else it bears, as [`SpanRecord::rest`].
    pub fn resource<'a, V: AttributeValue<'a>>(
        &mut self,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
        rest: &str,
    ) -> u32 {
        let Self { keys, services, scratch, .. } = self;
        let mut service = MISSING;
        scratch.clear();
        keys.find([&self.wanted_of_resources], attributes.clone(), |key, found, dictionary| {
            scratch.set(key, code(found, dictionary));
        });
        find([&self.wanted_service], attributes, |_, found| service = code(found, services));
        let rest = match rest {
            text if self.schema.keeps_everything() && !text.is_empty() => {
                self.origin_texts.intern(Type::Text, text)
            }
            _ => MISSING,
        };
        let list = scratch.list(service, rest);
        let number = self.resources.intern(list);
        if number as usize == self.bearing.len() {
            let anywhere = self.schema.reads_anywhere();
            let mut keys = resource::attributes(list).map(|(key, _)| key);
            self.bearing.push(keys.any(|key| anywhere.binary_search(&key).is_ok()));
        }
        number
    }

    /// Whether it keeps what spans, scopes and resources bear besides what has a place of its own.
    pub fn keeps_rest(&self) -> bool {
        self.schema.keeps_everything()
    }

    /// The number of an instrumentation scope, for [`SpanRecord::scope`]; `rest` is what else it
    /// bears, as [`SpanRecord::rest`].
    pub fn scope(&mut self, name: &str, version: &str, rest: &str) -> u32 {
        if !self.schema.structure() {
            return 0;
        }
        let rest = if self.schema.keeps_everything() { rest } else { "" };
        let codes = [name, version, rest].map(|text| self.origin_texts.intern(Type::Text, text));
        self.scopes.intern(&codes)
    }

    /// What matters of attributes of this name to spans of an operation, by its number here.
    pub fn wants(&self, operation: u32, name: &str) -> Want {
        if self.schema.keeps_everything() {
            return Want::ByName;
        }
        let Operation { plan, .. } = self.operations[operation as usize];
        // No key is in both: what is read anywhere is not listed again.
        match (self.plans[plan as usize].wants(name), self.anywhere.want(name)) {
            (Want::Key(key), _) | (_, Want::Key(key)) => Want::Key(key),
            (Want::Nothing, other) | (other, _) => other,
        }
    }

    /// Adds a span.
    ///
    /// # Panics
    /// Where the span's resource or scope is not a number that this builder gave.
    pub fn span<'a, V: AttributeValue<'a>>(
        &mut self,
        span: &SpanRecord<'_>,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
    ) {
        let operation = self.operation(span.name);
        self.span_of(Numbers { operation, trace: None }, span, &[], attributes);
    }

    /// Adds a span of this operation and trace; `known` are values by the numbers of their keys,
    /// as [`Want::Key`] gave them, and of no key that is among the attributes.
    ///
    /// # Panics
    /// Where one of the numbers, or the span's resource or scope, is none that this builder gave.
    pub fn span_of<'a, V: AttributeValue<'a>>(
        &mut self,
        numbers: Numbers,
        span: &SpanRecord<'_>,
        known: &[(u32, Known)],
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
    ) {
        self.add(numbers, span, None, known, attributes);
    }

    /// Adds a span, as a root with this service or its resource's; gives the number of its trace.
    #[inline]
    fn add<'a, V: AttributeValue<'a>>(
        &mut self,
        Numbers { operation, trace }: Numbers,
        span: &SpanRecord<'_>,
        service: Option<u32>,
        known: &[(u32, Known)],
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
    ) -> u32 {
        self.spans += 1;
        let Operation { plan, name_hash } = self.operations[operation as usize];
        let root = (span.parent_id == 0).then(|| Root {
            start: span.start,
            id: span.span_id,
            operation,
            service: service.unwrap_or_else(|| {
                resource::service(&self.resources.lists()[span.resource as usize])
            }),
        });
        let part = Part::of_span(span.start, span.end, span.flags, root);
        let texts = Texts { names: &self.names, services: &self.services };
        let trace = match trace {
            Some(trace) => {
                self.traces.join(trace, part, texts);
                trace
            }
            None => self.traces.add(span.trace_id, part, texts),
        };
        let plan = &mut self.plans[plan as usize];
        let message = match span.message {
            "" => 0,
            text if plan.reads.message => self.messages.intern(Type::Text, text) + 1,
            _ => 0,
        };
        let rest = match span.rest {
            "" => 0,
            text if self.schema.keeps_everything() => self.rests.intern(Type::Text, text) + 1,
            _ => 0,
        };
        let structure = self.schema.structure();
        let row = || Row { trace, operation, message, rest, ..Row::of(span, structure) };
        let (anywhere, keys) = (&self.anywhere, &mut self.keys);
        if plan.reads.named {
            plan.add(row(), known, attributes, anywhere, keys);
        } else {
            let borne = self.bearing[span.resource as usize];
            plan.add_bearing(row, known, attributes, borne, anywhere, keys);
            self.fingerprints.push(self.seeds.span(span, name_hash));
        }
        trace
    }

    /// What is probably the number of a trace, if it is known. Asked for many traces before any
    /// answer is held to [`Self::is_trace`], so that the waits for memory overlap.
    #[inline]
    pub fn guess_trace(&self, id: u128) -> Option<u32> {
        self.traces.guess(id)
    }

    /// Whether a guess is the number of the trace.
    #[inline]
    pub fn is_trace(&self, number: u32, id: u128) -> bool {
        self.traces.is_number(number, id)
    }

    /// The hash of a text that is the value of a key, for [`Self::guess_code`].
    #[inline]
    pub fn hash_text(&self, key: u32, text: &[u8]) -> u64 {
        self.keys.dictionaries[key as usize].hash(text)
    }

    /// The same as [`Self::guess_trace`] for the code of the text with this hash.
    #[inline]
    pub fn guess_code(&self, key: u32, hash: u64) -> Option<u32> {
        self.keys.dictionaries[key as usize].guess(hash)
    }

    /// Whether a guess is the code of the text.
    #[inline]
    pub fn is_code(&self, key: u32, code: u32, text: &[u8]) -> bool {
        self.keys.dictionaries[key as usize].is_code(code, Type::Text, text)
    }

    /// The code of a text with this hash that is the value of a key: a new one if it is new.
    pub fn code(&mut self, key: u32, hash: u64, text: &str) -> u32 {
        self.keys.dictionaries[key as usize].intern_hashed(hash, Type::Text, text)
    }

    /// Bytes of memory that it holds: a sum over all tables, to be asked once for many spans.
    pub fn bytes(&self) -> usize {
        let dictionaries =
            [&self.names, &self.messages, &self.services, &self.rests, &self.origin_texts];
        self.traces.bytes()
            + self.operations.capacity() * size_of::<Operation>()
            + self.plans.iter().map(Plan::bytes).sum::<usize>()
            + dictionaries.map(DictionaryBuilder::bytes).iter().sum::<usize>()
            + self.keys.bytes()
            + self.anywhere.bytes()
            + self.resources.bytes()
            + self.bearing.capacity()
            + self.scopes.bytes()
            + self.fingerprints.bytes()
    }

    /// The number of an operation, for [`Self::span_of`] and [`Self::wants`].
    pub fn operation(&mut self, name: &str) -> u32 {
        let number = self.names.intern(Type::Text, name);
        if number as usize == self.operations.len() {
            let reads = self.schema.reads(name);
            let plan = match self.numbers_of_plans.get(&reads) {
                Some(&plan) => plan,
                None => {
                    let plan = self.plans.len() as u32;
                    self.numbers_of_plans.insert(reads.clone(), plan);
                    self.plans.push(Plan::new(&self.schema, reads));
                    plan
                }
            };
            let name_hash = self.seeds.name(name);
            self.operations.push(Operation { plan, name_hash });
        }
        number
    }
}

/// The code of a value that was found, [`MISSING`] if it is none.
fn code(found: Found<'_>, dictionary: &mut DictionaryBuilder) -> u32 {
    Cell::of(found, dictionary).map_or(MISSING, |cell| cell.code(dictionary))
}
