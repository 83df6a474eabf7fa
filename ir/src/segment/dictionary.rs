//! Dictionaries: each distinct value of an attribute key once, known by its code.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use crate::value::{Datum, Type};

/// The distinct values of one attribute key, shared by all operations and by the resources.
///
/// Values of different types with equal canonical text have a code each and one class.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    text: String,
    ends: Vec<u64>,
    types: Vec<Type>,
    classes: HashMap<u32, u32>,
}

impl Dictionary {
    /// How many codes there are; they are `0..len`.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no code.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The value of `code`.
    ///
    /// # Panics
    /// Where `code` is not one of this dictionary.
    pub fn get(&self, code: u32) -> Datum<'_> {
        Datum::Entry(self.types[code as usize], self.text(code))
    }

    /// The canonical text of `code`.
    ///
    /// # Panics
    /// Where `code` is not one of this dictionary.
    pub fn text(&self, code: u32) -> &str {
        &self.text[self.range(code)]
    }

    /// The same as bytes, without a look at where characters begin.
    fn bytes_of(&self, code: u32) -> &[u8] {
        &self.text.as_bytes()[self.range(code)]
    }

    fn range(&self, code: u32) -> Range<usize> {
        let code = code as usize;
        let start = if code == 0 { 0 } else { self.ends[code - 1] as usize };
        start..self.ends[code] as usize
    }

    /// The code that stands for all codes with this one's canonical text.
    pub fn class(&self, code: u32) -> u32 {
        self.classes.get(&code).copied().unwrap_or(code)
    }

    /// Whether every code is a class of its own.
    pub fn all_distinct(&self) -> bool {
        self.classes.is_empty()
    }

    /// The values, in the order of their codes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Datum<'_>> {
        (0..self.len()).map(|code| self.get(code as u32))
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.text.capacity()
            + self.ends.capacity() * size_of::<u64>()
            + self.types.capacity()
            + self.classes.capacity() * size_of::<(u32, u32)>()
    }
}

/// Gives each distinct value its code.
#[derive(Clone, Debug, Default)]
pub struct DictionaryBuilder {
    dictionary: Dictionary,
    codes: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl DictionaryBuilder {
    /// The code of a value by its type and canonical text: a new one if it is new.
    pub fn intern(&mut self, value_type: Type, text: &str) -> u32 {
        let Self { dictionary, codes, hasher } = self;
        let hash = hasher.hash_one(text.as_bytes());
        let mut class = None;
        for &code in codes.iter_hash(hash) {
            if dictionary.bytes_of(code) == text.as_bytes() {
                if dictionary.types[code as usize] == value_type {
                    return code;
                }
                class = Some(dictionary.class(code));
            }
        }
        let code =
            u32::try_from(dictionary.len()).expect("fewer than 2^32 distinct values fit memory");
        dictionary.text.push_str(text);
        dictionary.ends.push(dictionary.text.len() as u64);
        dictionary.types.push(value_type);
        if let Some(class) = class {
            dictionary.classes.insert(code, class);
        }
        codes.insert_unique(hash, code, |&code| hasher.hash_one(dictionary.bytes_of(code)));
        code
    }

    /// Gives every value of `other` a code here; the result maps its codes to ours.
    pub fn absorb(&mut self, other: &Dictionary) -> Vec<u32> {
        other.iter().map(|value| self.intern(value.value_type(), &value.text())).collect()
    }

    /// The dictionary so far.
    pub fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// The finished dictionary.
    pub fn finish(self) -> Dictionary {
        self.dictionary
    }

    /// Bytes that it takes, the index included.
    pub fn bytes(&self) -> usize {
        self.dictionary.bytes() + self.codes.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_of_different_types_share_a_class() {
        let mut builder = DictionaryBuilder::default();
        let text = builder.intern(Type::Text, "5");
        let other = builder.intern(Type::Text, "");
        let int = builder.intern(Type::Int, "5");
        assert_eq!(builder.intern(Type::Text, "5"), text);
        assert_eq!(builder.intern(Type::Int, "5"), int);
        let dictionary = builder.finish();
        assert_eq!(dictionary.len(), 3);
        assert_eq!(dictionary.class(int), dictionary.class(text));
        assert_ne!(dictionary.class(other), dictionary.class(text));
        assert_eq!(dictionary.text(other), "");
        assert!(!dictionary.all_distinct());
    }
}
