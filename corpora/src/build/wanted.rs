//! Finds the attributes that rules read among those that a span or a resource bears.

use ir::value::lookup;
use ir::{Schema, Value};

use super::attribute::{AttributeValue, ScalarRef};

/// Keys longer than this share a bucket.
const LONGEST: usize = 63;

/// A list of keys to look for, in one pass over the attributes.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The keys, by their position.
    keys: Vec<Box<str>>,
    /// The keys and their dotted prefixes, by length.
    names: Vec<Name>,
    /// Where the names of a length begin in `names`.
    buckets: Vec<usize>,
}

#[derive(Debug)]
struct Name {
    text: Box<str>,
    /// The position of the key of this very name.
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
        Self::new(numbers.iter().map(|&number| schema.keys()[number].clone()).collect())
    }

    /// Looks for `keys`.
    pub(super) fn new(keys: Vec<Box<str>>) -> Self {
        let mut names: Vec<Name> = Vec::new();
        for (position, key) in keys.iter().enumerate() {
            named(&mut names, key).key = Some(position);
            for (dot, _) in key.match_indices('.') {
                named(&mut names, &key[..dot]).prefix = true;
            }
        }
        names.sort_by_key(|name| name.text.len().min(LONGEST));
        let buckets = (0..=LONGEST + 1)
            .map(|length| names.partition_point(|name| name.text.len().min(LONGEST) < length))
            .collect();
        Self { keys, names, buckets }
    }

    /// Whether any attribute may give a value to one of the keys.
    pub(super) fn any<'a, V>(&self, mut attributes: impl Iterator<Item = (&'a str, V)>) -> bool {
        attributes.any(|(key, _)| self.name(key).is_some())
    }

    /// Calls `set` with each value that a key may have, by the key's position; of several for
    /// one key the last counts.
    pub(super) fn find<'a, V: AttributeValue<'a>>(
        &self,
        attributes: impl Iterator<Item = (&'a str, V)> + Clone,
        mut set: impl FnMut(usize, Found<'a>),
    ) {
        let mut maps = false;
        for (key, value) in attributes.clone() {
            let Some(name) = self.name(key) else { continue };
            let scalar = value.scalar();
            maps |= name.prefix && scalar == ScalarRef::Composite;
            if let Some(position) = name.key {
                set(
                    position,
                    match scalar {
                        ScalarRef::Composite => Found::Value(value.to_value()),
                        scalar => Found::Scalar(scalar),
                    },
                );
            }
        }
        if maps {
            self.find_in_maps(attributes, set);
        }
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
        for (position, key) in self.keys.iter().enumerate() {
            let value = lookup(named.iter().map(|(key, value)| (*key, value)), key);
            set(
                position,
                match value {
                    Some(value) => Found::Value(value.clone()),
                    None => Found::Scalar(ScalarRef::Empty),
                },
            );
        }
    }

    fn name(&self, key: &str) -> Option<&Name> {
        let length = key.len().min(LONGEST);
        let names = &self.names[self.buckets[length]..self.buckets[length + 1]];
        names.iter().find(|name| *name.text == *key)
    }
}

fn owned<'a, V: AttributeValue<'a>>(value: V) -> Value {
    match value.scalar() {
        ScalarRef::Empty => Value::Empty,
        ScalarRef::Text(text) => Value::Text(text.to_owned()),
        ScalarRef::Bool(bool) => Value::Bool(bool),
        ScalarRef::Int(int) => Value::Int(int),
        ScalarRef::Float(float) => Value::Float(float),
        ScalarRef::Composite => value.to_value(),
    }
}

/// The entry of `text`, made if it is new.
fn named<'a>(names: &'a mut Vec<Name>, text: &str) -> &'a mut Name {
    let at = names.iter().position(|name| *name.text == *text).unwrap_or_else(|| {
        names.push(Name { text: text.into(), key: None, prefix: false });
        names.len() - 1
    });
    &mut names[at]
}
