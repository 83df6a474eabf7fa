//! Makes a segment, its tables and dictionaries of what the directory of a file says.

use std::sync::Arc;

use bytemuck::Pod;
use ir::segment::{
    Attributes, Buffer, Column, Coverage, Dictionary, Integers, Later, Narrow, OperationRows, PAGE,
    Scopes, Slot, StoredTexts, Table, Tables, Traces, Values,
};
use ir::{Mask, Segment};
use serde::Deserialize;

use super::check::Refused;
use super::dictionary::StoredPages;
use super::layout::{
    AttributeEntries, ColumnEntry, DictionaryEntry, Field, NarrowEntry, PARENT, RESOURCE_REST,
    ROOT_NAME, ROOT_SERVICE, ResourceColumns, SCOPE, SCOPE_FIELDS, SlotEntry, TABLE_FIELDS,
    TableColumns, ValuesEntry, scope_slots_mut, table_slots_mut,
};
use super::opened::ListPlace;
use super::store::{Stored, UNREADABLE};
use super::usage::{Check, FieldName, Part, Role, Usage};

/// The column that is read: where it is, and of how many rows.
#[derive(Clone, Copy)]
struct Place {
    part: Part,
    field: FieldName,
    rows: usize,
}

impl Place {
    fn usage(self, role: Role, check: Check) -> Usage {
        Usage { part: self.part, field: self.field, role, check }
    }
}

impl Stored {
    /// The segment without a look at its tables. Damage leaves a part empty.
    pub(super) fn directory(&self) -> Segment {
        let file = &self.file;
        let operations = (0..file.operations.len()).map(|number| self.operation(number));
        Segment {
            operations: operations.collect(),
            traces: self.or_default("traces", self.traces()),
            starts: Some((file.first, file.last)),
            keys: Arc::clone(&file.keys),
            tables: Tables::stored(self.shared(), file.tables.len()),
            resources: self.later("resources", Self::resources),
            resource_rest: self.later("resources", Self::resource_rest),
            scopes: self.later("scopes", Self::scopes),
            coverage: Coverage::All,
            store: Some(self.shared()),
            ..Segment::default()
        }
    }

    /// A table by what describes it.
    pub(super) fn read_table(&self, number: u32) -> Result<Table, Refused> {
        let file = &self.file;
        let place = &file.tables[number as usize];
        let columns: TableColumns = decoded(&place.columns)?;
        if columns.slots.len() > TABLE_FIELDS.len() {
            return Err(UNREADABLE.into());
        }
        let (trace, id) = self.rows(number)?;
        let field = |field| Place { part: Part::Table(number), field, rows: place.rows };
        let own = |name| field(FieldName::Own(name));
        let resources = file.resources.count as u64;
        let mut table = Table {
            trace,
            id,
            start: self.narrow(columns.start, u64::MAX, own("start"))?,
            resource: self.narrow_below(columns.resource, resources, own("resource"))?,
            attributes: self.attributes(&columns.attributes, Part::Table(number), place.rows)?,
            ..Table::default()
        };
        let slots = table_slots_mut(&mut table).into_iter().zip(TABLE_FIELDS);
        for ((slot, Field { name, .. }), entry) in slots.zip(&columns.slots) {
            *slot = self.slot(entry, own(name))?;
        }
        self.check_scopes(&table)?;
        Ok(table)
    }

    /// Trace ordinals and span ids of a table.
    pub(super) fn rows(&self, number: u32) -> Result<(Buffer<u32>, Buffer<u64>), Refused> {
        let table = &self.file.tables[number as usize];
        let usage = |name, check| Usage {
            part: Part::Table(number),
            field: FieldName::Own(name),
            role: Role::Values,
            check,
        };
        let ordinals = usage("trace", Check::Ordinals(number));
        let trace = self.buffer(table.trace, table.rows, ordinals)?;
        Ok((trace, self.buffer(table.id, table.rows, usage("id", Check::Any))?))
    }

    /// A dictionary by what describes it.
    pub(super) fn read_dictionary(&self, number: u32) -> Result<Dictionary, Refused> {
        let DictionaryEntry { len, pages, ends, classes } = self.described(number)?;
        let field = |name, check| Usage {
            part: Part::Dictionary(number),
            field: FieldName::Own(name),
            role: Role::Values,
            check,
        };
        let len = len as usize;
        if len > self.file.most_entries() {
            return Err("counts more texts than there can be".into());
        }
        if classes.iter().any(|&(code, class)| class >= code || code as usize >= len) {
            return Err(UNREADABLE.into());
        }
        let texts = StoredPages {
            pages: self.block(pages, None, field("texts", Check::Pages))?,
            ends: self.buffer(ends, len.div_ceil(PAGE), field("ends", Check::Any))?,
            len,
        };
        let texts = StoredTexts::new(Arc::new(texts), len);
        Ok(Dictionary::stored(texts, classes.into_iter().collect()))
    }

    /// How a dictionary is described.
    pub(super) fn described(&self, number: u32) -> Result<DictionaryEntry, Refused> {
        decoded(self.file.dictionaries.get(number as usize).ok_or(UNREADABLE)?)
    }

    /// A part that is made when it is first looked at.
    fn later<T: Default + 'static>(
        &self,
        part: &'static str,
        make: fn(&Self) -> Result<T, Refused>,
    ) -> Later<T> {
        let store = self.shared();
        Later::new(move || store.or_default(part, make(&store)))
    }

    fn or_default<T: Default>(&self, part: &str, made: Result<T, Refused>) -> T {
        made.unwrap_or_else(|refused| {
            self.damage(part, &refused);
            T::default()
        })
    }

    fn operation(&self, number: usize) -> OperationRows {
        let place = &self.file.operations[number];
        let presence = |block| self.bits(block, self.file.traces, self.presence(number as u32));
        let presence = place.presence.map(presence).transpose().unwrap_or_else(|refused| {
            self.damage(&place.name, &refused);
            None
        });
        OperationRows {
            name: place.name.clone(),
            table: place.table as usize,
            rows: place.rows.clone(),
            presence,
        }
    }

    /// What the presence of an operation is for.
    pub(super) fn presence(&self, operation: u32) -> Usage {
        Usage {
            part: Part::Operation(operation),
            field: FieldName::Own("presence"),
            role: Role::Values,
            check: Check::Bits(self.file.traces),
        }
    }

    fn traces(&self) -> Result<Traces, Refused> {
        let (file, entry) = (&self.file, &self.file.trace_table);
        let own =
            |name| Place { part: Part::Traces, field: FieldName::Own(name), rows: file.traces };
        let any = |name| own(name).usage(Role::Values, Check::Any);
        let starts = Check::Times { first: file.first, last: file.last };
        let column = |entry: &SlotEntry, name| {
            entry.as_ref().map(|entry| self.column(entry, own(name))).transpose()
        };
        Ok(Traces {
            id: self.buffer(entry.id, file.traces, any("id"))?,
            start: {
                let usage = own("start").usage(Role::Values, starts);
                self.buffer(entry.start, file.traces, usage)?
            },
            end: self.buffer(entry.end, file.traces, any("end"))?,
            spans: self.narrow(entry.spans, u64::MAX, own("spans"))?,
            root_name: column(&entry.root_name, ROOT_NAME)?,
            root_service: column(&entry.root_service, ROOT_SERVICE)?,
            flags: self.buffer(entry.flags, file.traces, any("flags"))?,
        })
    }

    fn resources(&self) -> Result<Vec<Slot>, Refused> {
        let ListPlace { count, columns } = &self.file.resources;
        let ResourceColumns { attributes, .. } = decoded(columns)?;
        let attributes = self.attributes(&attributes, Part::Resources, *count)?;
        let empty = Slot::Decoded(Column::EMPTY);
        let keys = 0..self.file.keys.len();
        Ok(keys.map(|key| attributes.get(key).unwrap_or(&empty).clone()).collect())
    }

    fn resource_rest(&self) -> Result<Slot, Refused> {
        let ListPlace { count, columns } = &self.file.resources;
        let ResourceColumns { rest, .. } = decoded(columns)?;
        let field = FieldName::Own(RESOURCE_REST);
        self.slot(&rest, Place { part: Part::Resources, field, rows: *count })
    }

    fn scopes(&self) -> Result<Scopes, Refused> {
        let ListPlace { count, columns } = &self.file.scopes;
        let entries: Vec<SlotEntry> = decoded(columns)?;
        let mut scopes = Scopes::default();
        if entries.len() > SCOPE_FIELDS.len() {
            return Err(UNREADABLE.into());
        }
        let slots = scope_slots_mut(&mut scopes).into_iter().zip(SCOPE_FIELDS);
        for ((slot, Field { name, .. }), entry) in slots.zip(&entries) {
            let field = FieldName::Own(name);
            *slot = self.slot(entry, Place { part: Part::Scopes, field, rows: *count })?;
        }
        Ok(scopes)
    }

    /// Numbers of scopes are those of scopes that there are.
    fn check_scopes(&self, table: &Table) -> Result<(), Refused> {
        let count = self.file.scopes.count as i64;
        match &table.scope {
            Slot::Decoded(Column { values: Values::Integers(scopes), .. })
                if !table.trace.is_empty() && (scopes.base < 0 || scopes.max >= count) =>
            {
                Err(format!("{SCOPE}: has scopes that there are not"))
            }
            _ => Ok(()),
        }
    }

    fn attributes(
        &self,
        entries: &AttributeEntries,
        part: Part,
        rows: usize,
    ) -> Result<Attributes, Refused> {
        let keys = self.file.keys.len();
        let ascending = entries.columns.is_sorted_by(|a, b| a.0 < b.0)
            && entries.columns.last().is_none_or(|(key, _)| (*key as usize) < keys);
        if !ascending {
            return Err("has attributes out of order".into());
        }
        let mut columns = Vec::with_capacity(entries.columns.len());
        for (key, entry) in &entries.columns {
            let place = Place { part, field: FieldName::Key(*key), rows };
            columns.push((*key as usize, self.column(entry, place)?));
        }
        if entries.not_decoded.is_empty() {
            return Ok(Attributes::new(columns, Vec::new()));
        }
        let mut slots = vec![Slot::Decoded(Column::EMPTY); keys];
        columns.into_iter().for_each(|(key, column)| slots[key] = Slot::Decoded(column));
        for key in &entries.not_decoded {
            *slots.get_mut(*key as usize).ok_or(UNREADABLE)? = Slot::NotDecoded;
        }
        Ok(slots.into_iter().collect())
    }

    fn slot(&self, entry: &SlotEntry, place: Place) -> Result<Slot, Refused> {
        match entry {
            Some(entry) => Ok(Slot::Decoded(self.column(entry, place)?)),
            None => Ok(Slot::NotDecoded),
        }
    }

    fn column(&self, entry: &ColumnEntry, place: Place) -> Result<Column, Refused> {
        let values = match &entry.values {
            ValuesEntry::Empty => return Ok(Column::EMPTY),
            ValuesEntry::Integers { base, max, offsets } => {
                let most = max.wrapping_sub(*base).cast_unsigned();
                if base > max {
                    return Err("has a least value above the greatest".into());
                }
                let offsets = self.offsets(*offsets, *base, most, place)?;
                Values::Integers(Integers { base: *base, max: *max, offsets })
            }
            ValuesEntry::Floats(block) => {
                let usage = place.usage(Role::Values, Check::Any);
                Values::Floats(self.buffer(*block, place.rows, usage)?)
            }
            ValuesEntry::Codes { dictionary, codes } => {
                let dictionary = self.dictionary(*dictionary)?;
                let codes = self.narrow_below(*codes, dictionary.len() as u64, place)?;
                Values::Codes(codes, dictionary)
            }
        };
        let present = place.usage(Role::Present, Check::Bits(place.rows));
        let mask = |block| self.bits(block, place.rows, present);
        Ok(Column { values, present: entry.present.map(mask).transpose()? })
    }

    fn offsets(
        &self,
        entry: NarrowEntry,
        base: i64,
        most: u64,
        place: Place,
    ) -> Result<Narrow, Refused> {
        match (place.part, place.field, entry.width) {
            (Part::Table(table), FieldName::Own(PARENT), 8) => {
                let usage = place.usage(Role::Values, Check::Parents { table, base, most });
                Ok(Narrow::U64(self.buffer(entry.block, place.rows, usage)?))
            }
            _ => self.narrow(entry, most, place),
        }
    }

    fn narrow_below(&self, entry: NarrowEntry, end: u64, place: Place) -> Result<Narrow, Refused> {
        match end.checked_sub(1) {
            None if place.rows > 0 => Err("has numbers of things where there are none".into()),
            most => self.narrow(entry, most.unwrap_or(0), place),
        }
    }

    fn narrow(&self, entry: NarrowEntry, most: u64, place: Place) -> Result<Narrow, Refused> {
        let check = Check::Within { width: entry.width, least: 0, most };
        let usage = place.usage(Role::Values, check);
        Ok(match entry.width {
            1 => Narrow::U8(self.buffer(entry.block, place.rows, usage)?),
            2 => Narrow::U16(self.buffer(entry.block, place.rows, usage)?),
            4 => Narrow::U32(self.buffer(entry.block, place.rows, usage)?),
            8 => Narrow::U64(self.buffer(entry.block, place.rows, usage)?),
            _ => return Err(UNREADABLE.into()),
        })
    }

    fn bits(&self, block: u32, len: usize, usage: Usage) -> Result<Mask, Refused> {
        Ok(Mask::of_words(self.buffer(block, len.div_ceil(64), usage)?, len))
    }

    fn buffer<T: Pod>(&self, block: u32, len: usize, usage: Usage) -> Result<Buffer<T>, Refused> {
        let block = self.block(block, Some(len * size_of::<T>()), usage)?;
        Ok(Buffer::stored(block, len))
    }
}

/// What the directory describes in bytes of its own.
fn decoded<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Refused> {
    match postcard::take_from_bytes(bytes) {
        Ok((described, [])) => Ok(described),
        _ => Err(UNREADABLE.into()),
    }
}
