//! Looks at all of a file: for its statistics, and to check also what readers do not.

use std::sync::Arc;

use hashbrown::HashMap;
use ir::segment::{Column, Dictionary, Scopes, Slot, Store, Values};
use ir::{Fault, Segment};

use super::check::Refused;
use super::dictionary;
use super::layout::Encoding;
use super::opened::Opened;
use super::read::BlockSize;
use super::store::{Stored, locked};
use super::usage::{Check, FieldName, Part, Usage};

impl Stored {
    /// The blocks that something refers to.
    pub(super) fn sizes(file: &Arc<Opened>) -> Vec<BlockSize> {
        let stored = Self::new(file, true);
        let segment = stored.everything();
        let of_keys = stored.keys_of_dictionaries(&segment);
        let size = |(number, usage): (u32, Usage)| {
            let block = file.block(number).unwrap_or_default();
            let encoding = Encoding::of(block.encoding).unwrap_or(Encoding::Plain);
            let key = match (usage.part, usage.field) {
                (Part::Dictionary(number), _) => of_keys.get(&number).copied(),
                (_, FieldName::Key(key)) => Some(key as usize),
                (_, FieldName::Own(_)) => None,
            };
            BlockSize {
                name: usage.name(file),
                operations: usage.operations(file),
                field: usage.field(file),
                key: key.map(|key| file.keys[key].clone()),
                stored: block.stored.into(),
                raw: block.raw.into(),
                encoding: encoding.name(),
            }
        };
        stored.known().into_iter().map(size).collect()
    }

    /// Reads everything, and checks also what no reader relies on for its own safety: that dictionaries
    /// are in order, blocks one after another, and none is used for two things.
    pub(super) fn verify(file: &Arc<Opened>) -> Result<(), Fault> {
        let stored = Self::new(file, true);
        let _segment = stored.everything();
        if let Err(refused) = file.check_places() {
            stored.damage("blocks", &refused);
        }
        for (number, usage) in stored.known() {
            if let Err(refused) = stored.verify_block(number, &usage) {
                stored.damage(&usage.name(file), &refused);
            }
        }
        for number in 0..file.dictionaries.len() as u32 {
            let dictionary = stored.dictionary(number);
            let refused = dictionary
                .and_then(|dictionary| dictionary::check(&dictionary, &stored.described(number)?));
            if let Err(refused) = refused {
                stored.damage(&format!("dictionary {number}"), &refused);
            }
        }
        stored.fault().map_or(Ok(()), Err)
    }

    fn verify_block(&self, number: u32, usage: &Usage) -> Result<(), Refused> {
        if usage.check == Check::Pages {
            let block = self.file.block(number)?;
            return self.file.whole(&block).map(drop);
        }
        self.read(&self.block(number, None, *usage)?).map(drop)
    }

    /// The segment, with all that is made later made: all usages are known while it lives.
    fn everything(&self) -> Segment {
        let segment = self.directory();
        let Segment { resources, resource_rest, scopes, .. } = &segment;
        let _made: (&Vec<Slot>, &Slot, &Scopes) = (resources, resource_rest, scopes);
        (0..segment.tables.len()).for_each(|number| {
            segment.tables.get(number);
        });
        segment
    }

    /// Which of the dictionaries that columns have are those of attributes, by number, and the keys'
    /// numbers.
    fn keys_of_dictionaries(&self, segment: &Segment) -> HashMap<u32, usize> {
        let tables = (0..segment.tables.len()).map(|number| segment.tables.get(number));
        let of_spans = tables.flat_map(|table| table.attributes.iter());
        let keys: HashMap<*const Dictionary, usize> = of_spans
            .chain(segment.resources.iter().enumerate())
            .filter_map(|(key, slot)| match slot {
                Slot::Decoded(Column { values: Values::Codes(_, dictionary), .. }) => {
                    Some((Arc::as_ptr(dictionary), key))
                }
                _ => None,
            })
            .collect();
        let known = locked(&self.dictionaries);
        let found = known.iter().map(|(number, own)| (*number, keys.get(&own.as_ptr())));
        found.filter_map(|(number, key)| Some((number, *key?))).collect()
    }

    /// Blocks with their usages, in the order of the file.
    fn known(&self) -> Vec<(u32, Usage)> {
        let Some(noted) = &self.noted else { return Vec::new() };
        let mut known: Vec<_> =
            locked(noted).iter().map(|(number, usage)| (*number, *usage)).collect();
        known.sort_unstable_by_key(|(number, _)| *number);
        known
    }
}
