//! The attribute keys of a builder, each with its dictionary: those that a schema asks for, or all
//! that come.

use hashbrown::{DefaultHashBuilder, HashTable};
use ir::Schema;
use ir::segment::DictionaryBuilder;
use ir::value::entries_of_maps;
use std::hash::BuildHasher;

use super::Builder;
use super::attribute::{AttributeValue, ScalarRef};
use super::interner::Interner;
use super::resource::{self, ResourceList};
use super::wanted::{Found, Wanted, find, owned};

/// Bytes that a key which is learnt takes at least once it is sealed and written: its dictionary,
/// its columns and what is said of these. Counted from the start, so that input whose keys are
/// ever new fills memory with keys as it does with spans.
const SEALED: usize = 2 << 10;

/// Keys by number, and what numbers them.
#[derive(Debug)]
pub(super) struct Keys {
    names: Vec<Box<str>>,
    /// A dictionary a key.
    pub(super) dictionaries: Vec<DictionaryBuilder>,
    /// Where keys are numbered as they come.
    learnt: Option<Learnt>,
}

/// The numbers of the keys that came so far.
#[derive(Debug, Default)]
struct Learnt {
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
    bytes: usize,
}

impl Keys {
    /// The keys of a schema.
    pub(super) fn of(schema: &Schema) -> Self {
        Self {
            names: schema.keys().to_vec(),
            dictionaries: vec![DictionaryBuilder::default(); schema.keys().len()],
            learnt: schema.keeps_everything().then(Learnt::default),
        }
    }

    /// Calls `set` with each value that a key may have, by the key's number, and the key's
    /// dictionary; of several for one key the last counts. `wanted` are the keys to look for, where
    /// not all are.
    #[inline]
    pub(super) fn find<'a, V: AttributeValue<'a>, const LISTS: usize>(
        &mut self,
        wanted: [&Wanted; LISTS],
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
        mut set: impl FnMut(usize, Found<'a>, &mut DictionaryBuilder),
    ) {
        if self.learnt.is_some() {
            return self.find_all(attributes, set);
        }
        let dictionaries = &mut self.dictionaries[..];
        find(wanted, attributes, |key, found| set(key, found, &mut dictionaries[key]));
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        let own = |learnt: &Learnt| learnt.numbers.allocation_size() + learnt.bytes;
        self.dictionaries.iter().map(DictionaryBuilder::bytes).sum::<usize>()
            + self.dictionaries.capacity() * size_of::<DictionaryBuilder>()
            + self.learnt.as_ref().map_or(0, own)
    }

    /// Calls `set` with every attribute, and with every entry of a map under its path.
    fn find_all<'a, V: AttributeValue<'a>>(
        &mut self,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
        mut set: impl FnMut(usize, Found<'a>, &mut DictionaryBuilder),
    ) {
        let mut has_maps = false;
        for (name, value) in attributes.clone() {
            let found = match value.scalar() {
                ScalarRef::Composite => Found::Value(value.to_value()),
                scalar => Found::Scalar(scalar),
            };
            has_maps |= matches!(found, Found::Value(ir::Value::Map(_)));
            let key = self.number(name);
            set(key, found, &mut self.dictionaries[key]);
        }
        if !has_maps {
            return;
        }
        let values: Vec<(&str, ir::Value)> =
            attributes.map(|(name, value)| (name, owned(value))).collect();
        for (path, value) in entries_of_maps(values.iter().map(|(name, value)| (*name, value))) {
            let key = self.number(&path);
            set(key, Found::Value(value.clone()), &mut self.dictionaries[key]);
        }
    }

    /// The number of a key, which is learnt if it is new.
    fn number(&mut self, name: &str) -> usize {
        let Self { names, dictionaries, learnt } = self;
        let learnt = learnt.get_or_insert_default();
        let hash = learnt.hasher.hash_one(name);
        if let Some(&number) = learnt.numbers.find(hash, |&at| *names[at as usize] == *name) {
            return number as usize;
        }
        let number = u32::try_from(names.len()).expect("fewer than 2^32 keys fit memory");
        names.push(name.into());
        dictionaries.push(DictionaryBuilder::default());
        learnt.bytes += SEALED + 2 * size_of::<Box<str>>() + name.len();
        let hasher = &learnt.hasher;
        let rehash = |&at: &u32| hasher.hash_one(&*names[at as usize]);
        learnt.numbers.insert_unique(hash, number, rehash);
        number as usize
    }
}

/// Gives the keys of all builders the same numbers: those of the schema, or by name. The keys, by
/// number.
pub(super) fn align(builders: &mut [Builder]) -> Vec<Box<str>> {
    let Some(first) = builders.first() else { return Vec::new() };
    if first.keys.learnt.is_none() {
        return first.keys.names.clone();
    }
    let names = builders.iter().flat_map(|builder| &builder.keys.names);
    let mut names: Vec<Box<str>> = names.cloned().collect();
    names.sort_unstable();
    names.dedup();
    for builder in builders {
        let place = |name| names.binary_search(name).expect("all names are in the list") as u32;
        let places: Vec<u32> = builder.keys.names.iter().map(place).collect();
        builder.renumber(&places, names.len());
    }
    names
}

impl Builder {
    /// Gives keys new numbers below `count`, by old number.
    fn renumber(&mut self, places: &[u32], count: usize) {
        let mut dictionaries = Vec::new();
        dictionaries.resize_with(count, DictionaryBuilder::default);
        for (dictionary, &place) in self.keys.dictionaries.drain(..).zip(places) {
            dictionaries[place as usize] = dictionary;
        }
        self.keys.dictionaries = dictionaries;
        for chunk in self.plans.iter_mut().flat_map(|plan| &mut plan.chunks) {
            chunk.renumber(places);
        }
        let mut renewed = Interner::default();
        let mut scratch = ResourceList::default();
        for list in self.resources.lists() {
            scratch.clear();
            for (key, code) in resource::attributes(list) {
                scratch.set(places[key] as usize, code);
            }
            renewed.intern(scratch.list(resource::service(list), resource::rest(list)));
        }
        self.resources = renewed;
    }
}
