//! Finds the attributes that rules read among those that a span or a resource bears.

use hashbrown::HashMap;
use ir::value::lookup;
use ir::{Schema, Value};

use super::attribute::{AttributeValue, ScalarRef, Want};

/// Keys longer than this share a bucket.
const LONGEST: usize = 63;
/// Names of one length that are compared one by one; of more than that, the name is hashed.
const COMPARED: usize = 8;

/// A list of keys to look for, in one pass over the attributes.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The keys with their numbers.
    keys: Vec<(usize, Box<str>)>,
    /// The keys and their dotted prefixes, by length.
    names: Vec<Name>,
    /// Where the names of a length begin in `names`.
    buckets: Vec<u32>,
    /// The lengths that there are names of, a bit each.
    lengths: u64,
    /// Places of names, if more than a few are of one length.
    places: HashMap<Box<str>, u32>,
}

#[derive(Debug)]
struct Name {
    text: Box<str>,
    /// How the text begins, to tell most others without a look at it.
    head: u64,
    /// The number of the key of this very name.
    key: Option<usize>,
    /// Whether a map of this name may hold a key's entry.
    prefix: bool,
}

/// A value that was found.
pub(super) enum Found<'a> {
    /// A value that needs no copy; `Empty` unsets what was found before.
    Scalar(ScalarRef<'a>),
    /// Bytes, an array, a map or an entry of one.
    Value(Value),
}

impl Wanted {
    /// Looks for the keys of these numbers.
    pub(super) fn of(schema: &Schema, numbers: &[usize]) -> Self {
        Self::new(numbers.iter().map(|&number| (number, schema.keys()[number].clone())).collect())
    }

    /// Looks for `keys`, known by these numbers.
    pub(super) fn new(keys: Vec<(usize, Box<str>)>) -> Self {
        #[cfg(test)]
        tests::MADE.set(tests::MADE.get() + 1);
        let mut names = names(&keys);
        names.sort_unstable_by_key(|name| name.text.len().min(LONGEST));
        let length = |name: &Name| name.text.len().min(LONGEST);
        let buckets: Vec<u32> = (0..=LONGEST + 1)
            .map(|least| names.partition_point(|name| length(name) < least) as u32)
            .collect();
        let crowded = buckets.windows(2).any(|pair| (pair[1] - pair[0]) as usize > COMPARED);
        let places = names.iter().enumerate().filter(|_| crowded);
        Self {
            lengths: names.iter().fold(0, |lengths, name| lengths | 1 << length(name)),
            places: places.map(|(at, name)| (name.text.clone(), at as u32)).collect(),
            keys,
            names,
            buckets,
        }
    }

    /// Whether any attribute may give a value to one of the keys.
    pub(super) fn any<'a, V: AttributeValue<'a>>(
        &self,
        mut attributes: impl Iterator<Item = (&'a str, V)>,
    ) -> bool {
        attributes.any(|(key, _)| self.name(key).is_some())
    }

    /// What matters of attributes of this name.
    pub(super) fn want(&self, name: &str) -> Want {
        match self.name(name).map(|name| name.key) {
            None => Want::Nothing,
            Some(None) => Want::ByName,
            Some(Some(key)) => Want::Key(key as u32),
        }
    }

    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let keys = self.keys.iter().map(|(_, key)| key.len() + size_of::<(usize, Box<str>)>());
        let names = self.names.iter().map(|name| name.text.len() + size_of::<Name>());
        keys.chain(names).sum::<usize>()
            + size_of_val(&*self.buckets)
            + self.places.allocation_size()
    }

    /// The same where a map may hold entries that count: rare, so by the definition.
    fn find_in_maps<'a, V: AttributeValue<'a>>(
        &self,
        attributes: impl Iterator<Item = (&'a str, V)>,
        mut set: impl FnMut(usize, Found<'a>),
    ) {
        let named: Vec<(&str, Value)> = attributes
            .filter(|(key, _)| self.name(key).is_some())
            .map(|(key, value)| (key, owned(value)))
            .collect();
        for (number, key) in &self.keys {
            let value = lookup(named.iter().map(|(key, value)| (*key, value)), key);
            set(
                *number,
                match value {
                    Some(value) => Found::Value(value.clone()),
                    None => Found::Scalar(ScalarRef::Empty),
                },
            );
        }
    }

    #[inline]
    fn name(&self, key: &str) -> Option<&Name> {
        let length = key.len().min(LONGEST);
        if self.lengths & 1 << length == 0 { None } else { self.name_of(length, key) }
    }

    fn name_of(&self, length: usize, key: &str) -> Option<&Name> {
        let names = &self.names[self.buckets[length] as usize..self.buckets[length + 1] as usize];
        if names.len() > COMPARED {
            return self.places.get(key).map(|&at| &self.names[at as usize]);
        }
        let head = head(key);
        names.iter().find(|name| name.head == head && *name.text == *key)
    }
}

/// Calls `set` with each value that a key of `wanted` may have, by the key's number; of several for
/// one key the last counts. One pass over the attributes, except for maps.
#[inline]
pub(super) fn find<'a, V: AttributeValue<'a>, const LISTS: usize>(
    wanted: [&Wanted; LISTS],
    attributes: impl Iterator<Item = (&'a str, V)> + Clone,
    set: impl FnMut(usize, Found<'a>),
) {
    if attributes.size_hint().1 == Some(0) {
        return;
    }
    find_some(wanted, attributes, set);
}

fn find_some<'a, V: AttributeValue<'a>, const LISTS: usize>(
    wanted: [&Wanted; LISTS],
    attributes: impl Iterator<Item = (&'a str, V)> + Clone,
    mut set: impl FnMut(usize, Found<'a>),
) {
    let mut maps = [false; LISTS];
    for (key, value) in attributes.clone() {
        for (wanted, maps) in wanted.iter().zip(&mut maps) {
            let Some(name) = wanted.name(key) else { continue };
            let scalar = value.scalar();
            *maps |= name.prefix && scalar == ScalarRef::Composite;
            let Some(number) = name.key else { continue };
            let found = match scalar {
                ScalarRef::Composite => Found::Value(value.to_value()),
                scalar => Found::Scalar(scalar),
            };
            set(number, found);
        }
    }
    for (wanted, _) in wanted.iter().zip(maps).filter(|(_, maps)| *maps) {
        wanted.find_in_maps(attributes.clone(), &mut set);
    }
}

/// The value, wherever it is.
pub(super) fn owned<'a, V: AttributeValue<'a>>(value: V) -> Value {
    match value.scalar() {
        ScalarRef::Empty => Value::Empty,
        ScalarRef::Text(text) => Value::Text(text.to_owned()),
        ScalarRef::Bool(bool) => Value::Bool(bool),
        ScalarRef::Int(int) => Value::Int(int),
        ScalarRef::Float(float) => Value::Float(float),
        ScalarRef::Composite => value.to_value(),
    }
}

/// The first eight bytes of a text, or what there is of them.
fn head(text: &str) -> u64 {
    match text.as_bytes().first_chunk() {
        Some(head) => u64::from_le_bytes(*head),
        None => text.bytes().fold(0, |head, byte| head << 8 | u64::from(byte)),
    }
}

/// The keys and their dotted prefixes, each once.
fn names(keys: &[(usize, Box<str>)]) -> Vec<Name> {
    let mut names: HashMap<&str, Name> = HashMap::with_capacity(keys.len());
    let fresh = |text: &str| Name { text: text.into(), head: head(text), key: None, prefix: false };
    for (number, key) in keys {
        names.entry(&**key).or_insert_with(|| fresh(key)).key = Some(*number);
        for (dot, _) in key.match_indices('.') {
            let prefix = &key[..dot];
            names.entry(prefix).or_insert_with(|| fresh(prefix)).prefix = true;
        }
    }
    names.into_values().collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use ir::module::{
        Field, FieldId, Module, Operation, OperationId, Predicate, PredicateId, SpanSet, Test,
    };

    use super::*;
    use crate::otlp::Decoder;
    use crate::source::{Chunk, Kind};

    thread_local! {
        /// Lists that the thread made.
        pub(super) static MADE: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn names_are_found_however_many_are_of_one_length() {
        for count in [1, COMPARED, COMPARED + 1, 5000] {
            let keys = (0..count).map(|at| (at * 2, format!("key.{at:04}").into())).collect();
            let wanted = Wanted::new(keys);
            for at in 0..count {
                let name = wanted.name(&format!("key.{at:04}")).expect("it is wanted");
                assert_eq!((name.key, name.prefix), (Some(at * 2), false));
            }
            assert!(wanted.name("key").is_some_and(|name| name.prefix && name.key.is_none()));
            assert!(wanted.name("key.none").is_none() && wanted.name("kez").is_none());
        }
    }

    /// Rules on all operations that read two keys each.
    fn schema(rules: usize) -> Schema {
        let mut module = Module::default();
        for rule in 0..rules {
            module.operations.push(Operation::Wildcard(["".into(), "".into()].into()));
            for key in [2 * rule, 2 * rule + 1] {
                module.fields.push(Field::Span(format!("key.{key}").into()));
                let field = FieldId::new(module.fields.len() - 1);
                module.predicates.push(Predicate::Test(field, Test::Exists));
                let operation = OperationId::new(rule);
                let predicate = PredicateId::new(module.predicates.len() - 1);
                module.sets.push(SpanSet { operation, predicate });
            }
        }
        Schema::of(&module)
    }

    /// A document of spans of so many operations, each with so many keys in an order of its own.
    fn shuffled(operations: usize, keys: usize) -> String {
        let spans = (1..=operations).map(|number| {
            let attributes = (0..keys).map(|at| {
                let key = (at * 7 + number) % keys;
                format!(r#"{{"key":"key.{key}","value":{{"intValue":"{at}"}}}}"#)
            });
            let attributes = attributes.collect::<Vec<_>>().join(",");
            let ids = format!(r#""traceId":"{number:032x}","spanId":"{number:016x}""#);
            format!(
                r#"{{{ids},"startTimeUnixNano":"1","name":"{number}","attributes":[{attributes}]}}"#
            )
        });
        let spans = spans.collect::<Vec<_>>().join(",");
        format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#)
    }

    #[test]
    fn learning_makes_no_list_for_each_hole() {
        let mut decoder = Decoder::new(Arc::new(schema(200)));
        let text = shuffled(20, 60);
        let before = MADE.get();
        let (bytes, kind) = (text.as_bytes(), Kind::Block);
        let chunk = Chunk { bytes, offset: 0, line: 1, kind, ends_input: true };
        decoder.decode(&chunk, 0, &"memory".into());
        let done = decoder.recognition();
        assert_eq!((done.spans, done.spans_left, done.documents_left), (20, 0, 0));
        assert!(done.nodes > 20 * 60, "{done:?}");
        // All operations are read alike.
        assert_eq!(MADE.get() - before, 1);
    }
}
