//! The dictionaries of a file: of each field the values that this segment uses, in order, and what
//! becomes of the codes of the dictionaries in memory, which other segments share.

use std::sync::Arc;

use hashbrown::HashMap;
use ir::segment::{Column, Dictionary, Segment, Slot, Traces, Values};
use ir::{Mask, Type};

use super::layout::{
    Field, RESOURCE_REST, ROOT_NAME, ROOT_SERVICE, SCOPE_FIELDS, TABLE_FIELDS, scope_slots,
    table_slots,
};

/// What shares a dictionary: all columns of a key, or a field of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Domain {
    Key(usize),
    Field(&'static str),
}

/// The dictionaries of a segment's file.
#[derive(Debug, Default)]
pub(super) struct Recoded<'a> {
    /// The entries of each, by text, then type.
    pub(super) dictionaries: Vec<Vec<(&'a str, Type)>>,
    numbers: HashMap<Domain, u32>,
    /// New codes by old ones, for each domain and dictionary in memory.
    codes: HashMap<(Domain, *const Dictionary), Vec<u32>>,
}

/// The codes of a dictionary in memory that a domain uses.
struct Used<'a> {
    dictionary: &'a Arc<Dictionary>,
    codes: Mask,
}

impl<'a> Recoded<'a> {
    /// The dictionaries of these columns.
    pub(super) fn of(columns: impl Iterator<Item = (Domain, &'a Column)>) -> Self {
        let mut domains: Vec<Domain> = Vec::new();
        let mut used: HashMap<Domain, Vec<Used<'a>>> = HashMap::new();
        for (domain, column) in columns {
            let Values::Codes(codes, dictionary) = &column.values else { continue };
            let list = used.entry(domain).or_insert_with(|| {
                domains.push(domain);
                Vec::new()
            });
            let known = list.iter().position(|used| Arc::ptr_eq(used.dictionary, dictionary));
            let at = known.unwrap_or_else(|| {
                list.push(Used { dictionary, codes: Mask::empty(dictionary.len()) });
                list.len() - 1
            });
            let own = &mut list[at].codes;
            (0..codes.len())
                .filter(|&row| column.has(row))
                .for_each(|row| own.insert(codes.get(row) as usize));
        }
        let mut recoded = Self::default();
        for domain in domains {
            recoded.add(domain, &used[&domain]);
        }
        recoded
    }

    /// The number of the dictionary of a domain.
    pub(super) fn number(&self, domain: Domain) -> u32 {
        self.numbers[&domain]
    }

    /// The new codes of the dictionary of a column.
    pub(super) fn codes(&self, domain: Domain, dictionary: &Arc<Dictionary>) -> &[u32] {
        &self.codes[&(domain, Arc::as_ptr(dictionary))]
    }

    fn add(&mut self, domain: Domain, used: &[Used<'a>]) {
        // Most texts differ in their first bytes: comparing those alone first is twice as fast.
        let mut entries: Vec<(u64, &'a str, Type, u32, u32)> = Vec::new();
        for (source, Used { dictionary, codes }) in used.iter().enumerate() {
            for code in codes.iter() {
                let value_type = dictionary.get(code as u32).value_type();
                let text = dictionary.text(code as u32);
                entries.push((prefix(text), text, value_type, source as u32, code as u32));
            }
        }
        entries.sort_unstable();
        let mut dictionary: Vec<(&'a str, Type)> = Vec::new();
        let mut maps: Vec<Vec<u32>> =
            used.iter().map(|used| vec![0; used.dictionary.len()]).collect();
        for (_, text, value_type, source, code) in entries {
            if dictionary.last() != Some(&(text, value_type)) {
                dictionary.push((text, value_type));
            }
            maps[source as usize][code as usize] = dictionary.len() as u32 - 1;
        }
        self.numbers.insert(domain, self.dictionaries.len() as u32);
        self.dictionaries.push(dictionary);
        for (used, map) in used.iter().zip(maps) {
            self.codes.insert((domain, Arc::as_ptr(used.dictionary)), map);
        }
    }
}

/// The first eight bytes, in the order of texts.
fn prefix(text: &str) -> u64 {
    let mut bytes = [0; 8];
    let len = text.len().min(8);
    bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
    u64::from_be_bytes(bytes)
}

/// All columns of a segment, in the order in which they are written.
pub(super) fn columns<'a>(segment: &'a Segment) -> Vec<(Domain, &'a Column)> {
    let mut columns: Vec<(Domain, &'a Column)> = Vec::new();
    let mut add = |domain, slot: &'a Slot| {
        if let Slot::Decoded(column) = slot {
            columns.push((domain, column));
        }
    };
    for table in (0..segment.tables.len()).map(|number| segment.tables.get(number)) {
        for (Field { name, .. }, slot) in TABLE_FIELDS.iter().zip(table_slots(table)) {
            add(Domain::Field(name), slot);
        }
        for (key, slot) in table.attributes.iter() {
            add(Domain::Key(key), slot);
        }
    }
    segment.resources.iter().enumerate().for_each(|(key, slot)| add(Domain::Key(key), slot));
    add(Domain::Field(RESOURCE_REST), &segment.resource_rest);
    for (Field { name, .. }, slot) in SCOPE_FIELDS.iter().zip(scope_slots(&segment.scopes)) {
        add(Domain::Field(name), slot);
    }
    let Traces { root_name, root_service, .. } = &segment.traces;
    for (name, column) in [(ROOT_NAME, root_name), (ROOT_SERVICE, root_service)] {
        columns.extend(column.iter().map(|column| (Domain::Field(name), column)));
    }
    columns
}
