//! Dictionaries: each distinct value of an attribute key once, known by its code.

use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use hashbrown::{DefaultHashBuilder, HashMap};

use super::slots::Slots;
use super::store::Texts;
use crate::value::{Datum, Type};

/// The distinct values of one attribute key, shared by all operations and by the resources.
///
/// Values of different types with equal canonical text have a code each and one class.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    entries: Entries,
    /// Codes that share their text with another, with the code that stands for all of them.
    classes: HashMap<u32, u32>,
}

#[derive(Clone, Debug)]
enum Entries {
    Held(HeldTexts),
    Stored(StoredTexts),
}

#[derive(Clone, Debug, Default)]
struct HeldTexts {
    text: String,
    ends: Vec<u64>,
    types: Vec<Type>,
}

/// Entries in order of their text, bytewise, then type; each page is fetched when it is first looked
/// at.
#[derive(Clone, Debug)]
pub struct StoredTexts {
    texts: Arc<dyn Texts>,
    len: usize,
    pages: Arc<[OnceLock<Box<Page>>]>,
}

/// Consecutive entries of a dictionary.
#[derive(Clone, Debug, Default)]
pub struct Page {
    text: String,
    /// Where each text ends.
    ends: Vec<u32>,
    types: Vec<Type>,
}

/// How many entries a page has; the last has what is left.
pub const PAGE: usize = 64;

impl Dictionary {
    /// A dictionary whose entries are in a store. Of codes with one text, `classes` has for all
    /// but the first the first.
    pub fn stored(entries: StoredTexts, classes: HashMap<u32, u32>) -> Self {
        Self { entries: Entries::Stored(entries), classes }
    }

    /// How many codes there are; they are `0..len`.
    pub fn len(&self) -> usize {
        match &self.entries {
            Entries::Held(held) => held.ends.len(),
            Entries::Stored(stored) => stored.len,
        }
    }

    /// Whether there is no code.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of `code`.
    ///
    /// # Panics
    /// Where `code` is not one of this dictionary.
    pub fn get(&self, code: u32) -> Datum<'_> {
        Datum::Entry(self.type_of(code), self.text(code))
    }

    /// The canonical text of `code`.
    ///
    /// # Panics
    /// Where `code` is not one of this dictionary.
    pub fn text(&self, code: u32) -> &str {
        match &self.entries {
            Entries::Held(held) => &held.text[held.range(code)],
            Entries::Stored(stored) => stored.page(code).text(code as usize % PAGE),
        }
    }

    /// The codes with this canonical text, if entries are in order of their texts; where they are
    /// not, each has to be looked at.
    pub fn find(&self, text: &str) -> Option<Range<u32>> {
        let Entries::Stored(stored) = &self.entries else { return None };
        let from = stored.partition_point(|other| other < text);
        let to = stored.partition_point(|other| other <= text);
        Some(from..to.max(from))
    }

    /// Whether entries are in order of their texts.
    pub fn is_ordered(&self) -> bool {
        matches!(self.entries, Entries::Stored(_))
    }

    fn type_of(&self, code: u32) -> Type {
        match &self.entries {
            Entries::Held(held) => held.types[code as usize],
            Entries::Stored(stored) => stored.page(code).types[code as usize % PAGE],
        }
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

    /// Bytes that it takes; those of a store not counted.
    pub fn bytes(&self) -> usize {
        let entries = match &self.entries {
            Entries::Held(HeldTexts { text, ends, types }) => {
                text.capacity() + ends.capacity() * size_of::<u64>() + types.capacity()
            }
            Entries::Stored(stored) => stored.bytes(),
        };
        entries + self.classes.capacity() * size_of::<(u32, u32)>()
    }
}

impl Default for Entries {
    fn default() -> Self {
        Self::Held(HeldTexts::default())
    }
}

impl HeldTexts {
    /// The text of `code` as bytes, without a look at where characters begin.
    fn bytes_of(&self, code: u32) -> &[u8] {
        &self.text.as_bytes()[self.range(code)]
    }

    fn range(&self, code: u32) -> Range<usize> {
        let code = code as usize;
        let start = if code == 0 { 0 } else { self.ends[code - 1] as usize };
        start..self.ends[code] as usize
    }
}

impl StoredTexts {
    /// The `len` entries of a store's dictionary.
    pub fn new(texts: Arc<dyn Texts>, len: usize) -> Self {
        Self { texts, len, pages: (0..len.div_ceil(PAGE)).map(|_| OnceLock::new()).collect() }
    }

    fn page(&self, code: u32) -> &Page {
        let number = code as usize / PAGE;
        self.pages[number].get_or_init(|| Box::new(self.texts.page(number)))
    }

    fn bytes(&self) -> usize {
        let pages = self.pages.iter().filter_map(OnceLock::get);
        let of_page = |page: &Page| page.text.capacity() + page.ends.capacity() * 5;
        size_of_val(&*self.pages) + pages.map(|page| of_page(page)).sum::<usize>()
    }

    /// The first code whose text does not pass a test that all before it do.
    fn partition_point(&self, passes: impl Fn(&str) -> bool) -> u32 {
        let (mut low, mut high) = (0, self.len as u32);
        while low < high {
            let middle = low + (high - low) / 2;
            if passes(self.page(middle).text(middle as usize % PAGE)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

impl Page {
    /// A page of these entries.
    pub fn new<'a>(entries: impl Iterator<Item = (&'a str, Type)>) -> Self {
        let mut page = Self::default();
        for (text, value_type) in entries {
            page.text.push_str(text);
            page.ends.push(page.text.len() as u32);
            page.types.push(value_type);
        }
        page
    }

    /// A page of texts that lie end to end, of less than 4 GiB, and the length and type of each; `None` if they are not such.
    pub fn of_parts(text: String, lengths: &[u32], types: Vec<Type>) -> Option<Self> {
        let mut end = 0_u32;
        let mut ends = Vec::with_capacity(lengths.len());
        for length in lengths {
            end = end.checked_add(*length).filter(|end| text.is_char_boundary(*end as usize))?;
            ends.push(end);
        }
        let whole = end as usize == text.len() && lengths.len() == types.len();
        whole.then_some(Self { text, ends, types })
    }

    /// The entries.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Type)> {
        (0..self.ends.len()).map(|at| (self.text(at), self.types[at]))
    }

    fn text(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.text[start..self.ends[at] as usize]
    }
}

/// Gives each distinct value its code.
#[derive(Clone, Debug, Default)]
pub struct DictionaryBuilder {
    /// Held, never stored.
    dictionary: Dictionary,
    codes: Slots,
    hasher: DefaultHashBuilder,
}

impl DictionaryBuilder {
    /// The code of a value by its type and canonical text: a new one if it is new.
    pub fn intern(&mut self, value_type: Type, text: &str) -> u32 {
        self.intern_hashed(self.hash(text.as_bytes()), value_type, text)
    }

    /// The same, where the [hash](Self::hash) of the text is known.
    pub fn intern_hashed(&mut self, hash: u64, value_type: Type, text: &str) -> u32 {
        let Self { dictionary: Dictionary { entries, classes }, codes, .. } = self;
        let Entries::Held(held) = entries else { unreachable!("a builder holds its entries") };
        let mut class = None;
        for code in codes.find(hash) {
            if held.bytes_of(code) == text.as_bytes() {
                if held.types[code as usize] == value_type {
                    return code;
                }
                class = Some(classes.get(&code).copied().unwrap_or(code));
            }
        }
        let code =
            u32::try_from(held.ends.len()).expect("fewer than 2^32 distinct values fit memory");
        held.text.push_str(text);
        held.ends.push(held.text.len() as u64);
        held.types.push(value_type);
        if let Some(class) = class {
            classes.insert(code, class);
        }
        codes.insert(hash, code);
        code
    }

    /// The hash of a text, for [`Self::guess`].
    #[inline]
    pub fn hash(&self, text: &[u8]) -> u64 {
        self.hasher.hash_one(text)
    }

    /// What is probably the code of a value of the text with this hash. Asked for many texts before
    /// any answer is held to [`Self::is_code`], so that the waits for memory overlap.
    #[inline]
    pub fn guess(&self, hash: u64) -> Option<u32> {
        self.codes.find(hash).next()
    }

    /// Whether a guess is the code of this value.
    ///
    /// # Panics
    /// Where `code` is not one of this dictionary.
    #[inline]
    pub fn is_code(&self, code: u32, value_type: Type, text: &[u8]) -> bool {
        let Entries::Held(held) = &self.dictionary.entries else { return false };
        held.bytes_of(code) == text && held.types[code as usize] == value_type
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
        self.dictionary.bytes() + self.codes.bytes()
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
