//! Writes a segment as a file: blocks as they come, then the footer that says where they are.

use std::io::{self, Write};

use ir::segment::{Column, Coverage, Narrow, OperationRows, Slot, Table, Values};
use ir::{Mask, Segment};

use super::blocks::{Blocks, Kept, encoded, narrow, small};
use super::dictionary::Pages;
use super::layout::{
    AttributeEntries, ColumnEntry, Directory, Encoding, Field, ListEntry, NarrowEntry,
    OperationEntry, PARENT, RESOURCE_REST, ROOT_NAME, ROOT_SERVICE, ResourceColumns, SCOPE_FIELDS,
    SlotEntry, TABLE_FIELDS, TableColumns, TableEntry, TraceTable, ValuesEntry, scope_slots,
    table_slots,
};
use super::ordinals;
use super::parents::Places;
use super::recode::{Domain, Recoded, columns};

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Bytes of the file.
    pub bytes: u64,
    /// Checksum of its footer, which has those of all blocks: it tells files apart.
    pub footer_crc: u32,
    /// Traces in it.
    pub traces: u64,
    /// Spans in it.
    pub spans: u64,
    /// Start of the first trace, in nanoseconds since 1970; 0 without a trace.
    pub first: u64,
    /// Start of the last trace, in nanoseconds since 1970; 0 without a trace.
    pub last: u64,
}

/// Writes a segment. Dictionaries keep what the segment uses, in order; which traces are hidden is
/// not written.
///
/// # Errors
/// What `out` gives; [`io::ErrorKind::InvalidInput`] for a segment that was made for some rules only,
/// or that has a buffer of 4 GiB or more.
pub fn write(segment: &Segment, out: &mut impl Write) -> io::Result<Written> {
    if let Coverage::Operations(_) = segment.coverage {
        let what = "a segment that was made for some operations only is not kept";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let mut blocks = Blocks::begin(out)?;
    let writer = Writer {
        segment,
        recoded: Recoded::of(columns(segment).into_iter()),
        places: Places::of(segment),
    };
    let presence = segment.operations.iter().map(|operation| {
        let words = operation.presence.as_ref().map(Mask::words);
        words.map(|words| blocks.add(bytemuck::cast_slice(words), 8, Kept::Plain)).transpose()
    });
    let presence = presence.collect::<io::Result<Vec<_>>>()?;
    let tables = (0..segment.tables.len())
        .map(|number| writer.table(&mut blocks, number))
        .collect::<io::Result<Vec<_>>>()?;
    let trace_table = writer.trace_table(&mut blocks)?;
    let resources = writer.resources(&mut blocks)?;
    let scopes = writer.scopes(&mut blocks)?;
    let dictionaries = writer.dictionaries(&mut blocks)?;
    let starts = &segment.traces.start;
    let directory = Directory {
        traces: small(segment.len())?,
        first: starts.iter().copied().min().unwrap_or(0),
        last: starts.iter().copied().max().unwrap_or(0),
        keys: segment.keys.iter().map(|key| &**key).collect(),
        operations: writer.operations(&presence)?,
        tables: tables.iter().map(WrittenTable::entry).collect(),
        dictionaries: dictionaries.iter().map(|entry| &entry[..]).collect(),
        trace_table,
        resources: ListEntry { count: resources.0, columns: &resources.1 },
        scopes: ListEntry { count: scopes.0, columns: &scopes.1 },
    };
    let (bytes, footer_crc) = blocks.finish(&directory)?;
    let spans = tables.iter().map(|table| u64::from(table.rows)).sum();
    let Directory { first, last, .. } = directory;
    Ok(Written { bytes, footer_crc, traces: segment.len() as u64, spans, first, last })
}

struct Writer<'a> {
    segment: &'a Segment,
    recoded: Recoded<'a>,
    places: Places,
}

struct WrittenTable {
    rows: u32,
    trace: u32,
    id: u32,
    columns: Vec<u8>,
}

impl WrittenTable {
    fn entry(&self) -> TableEntry<'_> {
        TableEntry { rows: self.rows, trace: self.trace, id: self.id, columns: &self.columns }
    }
}

impl<'a> Writer<'a> {
    fn operations(&self, presence: &[Option<u32>]) -> io::Result<Vec<OperationEntry<'a>>> {
        let entry = |(operation, presence): (&'a OperationRows, &Option<u32>)| {
            Ok(OperationEntry {
                name: &operation.name,
                table: small(operation.table)?,
                first_row: small(operation.rows.start)?,
                rows: small(operation.rows.len())?,
                presence: *presence,
            })
        };
        self.segment.operations.iter().zip(presence).map(entry).collect()
    }

    fn table<W: Write>(
        &self,
        blocks: &mut Blocks<'_, W>,
        number: usize,
    ) -> io::Result<WrittenTable> {
        let table = self.segment.tables.get(number);
        let trace = self.ordinals(blocks, number, &table.trace)?;
        let resource = narrow(blocks, &table.resource, Kept::Plain)?;
        let attributes = self.attributes(blocks, table.attributes.iter())?;
        let mut slots = Vec::new();
        for (Field { name, heat }, slot) in TABLE_FIELDS.iter().zip(table_slots(table)) {
            let entry = match slot {
                Slot::Decoded(column) if *name == PARENT => self.parent(blocks, table, column)?,
                slot => self.slot(blocks, Domain::Field(name), slot, (*heat).into())?,
            };
            slots.push(entry);
        }
        let id = blocks.add(bytemuck::cast_slice(&table.id[..]), 8, Kept::Plain)?;
        let start = narrow(blocks, &table.start, Kept::Frames)?;
        let columns = encoded(&TableColumns { start, resource, slots, attributes })?;
        Ok(WrittenTable { rows: small(table.trace.len())?, trace, id, columns })
    }

    /// Those of a table of one operation alone, whose presence is kept, follow from that.
    fn ordinals<W: Write>(
        &self,
        blocks: &mut Blocks<'_, W>,
        number: usize,
        ordinals: &[u32],
    ) -> io::Result<u32> {
        let raw = bytemuck::cast_slice(ordinals);
        let mut own = self.segment.operations.iter().filter(|own| own.table == number);
        match (own.next(), own.next()) {
            (Some(OperationRows { presence: Some(_), .. }), None) => {
                let firsts = ordinals::pack(ordinals);
                blocks.put(raw.len(), bytemuck::cast_slice(&firsts), Encoding::Ordinals, 4)
            }
            _ => blocks.add(raw, 4, Kept::Plain),
        }
    }

    /// Parents that take eight bytes become places in their traces.
    fn parent<W: Write>(
        &self,
        blocks: &mut Blocks<'_, W>,
        table: &Table,
        column: &Column,
    ) -> io::Result<SlotEntry> {
        let Column { values: Values::Integers(integers), present: None } = column else {
            return self.column(blocks, Domain::Field(PARENT), column, Kept::Frames).map(Some);
        };
        let Narrow::U64(offsets) = &integers.offsets else {
            return self.column(blocks, Domain::Field(PARENT), column, Kept::Frames).map(Some);
        };
        let ids = offsets.iter().map(|offset| integers.base.cast_unsigned().wrapping_add(*offset));
        let packed = self.places.pack(&table.trace, ids);
        let raw = size_of_val(&offsets[..]);
        let block = blocks.put(raw, &packed, Encoding::Parents, 8)?;
        let offsets = NarrowEntry { width: 8, block };
        let values = ValuesEntry::Integers { base: integers.base, max: integers.max, offsets };
        Ok(Some(ColumnEntry { values, present: None }))
    }

    fn trace_table<W: Write>(&self, blocks: &mut Blocks<'_, W>) -> io::Result<TraceTable> {
        let traces = &self.segment.traces;
        let mut root = |name, column: &Option<Column>| {
            let add = |column| self.column(blocks, Domain::Field(name), column, Kept::Frames);
            column.as_ref().map(add).transpose()
        };
        let root_name = root(ROOT_NAME, &traces.root_name)?;
        let root_service = root(ROOT_SERVICE, &traces.root_service)?;
        Ok(TraceTable {
            id: blocks.add(bytemuck::cast_slice(&traces.id[..]), 16, Kept::Plain)?,
            start: blocks.add(bytemuck::cast_slice(&traces.start[..]), 8, Kept::Frames)?,
            end: blocks.add(bytemuck::cast_slice(&traces.end[..]), 8, Kept::Frames)?,
            spans: narrow(blocks, &traces.spans, Kept::Frames)?,
            root_name,
            root_service,
            flags: blocks.add(&traces.flags, 1, Kept::Frames)?,
        })
    }

    fn resources<W: Write>(&self, blocks: &mut Blocks<'_, W>) -> io::Result<(u32, Vec<u8>)> {
        let numbers = self.tables().map(|table| &table.resource);
        let used = numbers.map(|numbers| (0..numbers.len()).map(|row| numbers.get(row)).max());
        let Segment { resources: slots, resource_rest: rest, .. } = self.segment;
        let columns = slots.iter().chain([&**rest]).filter_map(decoded);
        let count = small(count(used.flatten().max(), columns))?;
        let columns = ResourceColumns {
            attributes: self.attributes(blocks, slots.iter().enumerate())?,
            rest: self.slot(blocks, Domain::Field(RESOURCE_REST), rest, Kept::Frames)?,
        };
        Ok((count, encoded(&columns)?))
    }

    fn scopes<W: Write>(&self, blocks: &mut Blocks<'_, W>) -> io::Result<(u32, Vec<u8>)> {
        let columns = self.tables().filter_map(|table| decoded(&table.scope));
        let used = columns.filter_map(|column| match &column.values {
            Values::Integers(integers) if len(column) > 0 => u64::try_from(integers.max).ok(),
            _ => None,
        });
        let slots = scope_slots(&self.segment.scopes);
        let count = count(used.max(), slots.iter().copied().filter_map(decoded));
        let entries = SCOPE_FIELDS.iter().zip(slots).map(|(Field { name, heat }, slot)| {
            self.slot(blocks, Domain::Field(name), slot, (*heat).into())
        });
        Ok((small(count)?, encoded(&entries.collect::<io::Result<Vec<SlotEntry>>>()?)?))
    }

    fn dictionaries<W: Write>(&self, blocks: &mut Blocks<'_, W>) -> io::Result<Vec<Vec<u8>>> {
        let mut pages = Pages::new()?;
        let written = |entries: &Vec<_>| encoded(&pages.write(blocks, entries)?);
        self.recoded.dictionaries.iter().map(written).collect()
    }

    fn tables(&self) -> impl Iterator<Item = &'a Table> {
        (0..self.segment.tables.len()).map(|number| self.segment.tables.get(number))
    }

    fn attributes<W: Write>(
        &self,
        blocks: &mut Blocks<'_, W>,
        attributes: impl Iterator<Item = (usize, &'a Slot)>,
    ) -> io::Result<AttributeEntries> {
        let mut entries = AttributeEntries::default();
        for (key, slot) in attributes {
            match self.slot(blocks, Domain::Key(key), slot, Kept::Plain)? {
                Some(ColumnEntry { values: ValuesEntry::Empty, .. }) => {}
                Some(column) => entries.columns.push((small(key)?, column)),
                None => entries.not_decoded.push(small(key)?),
            }
        }
        Ok(entries)
    }

    fn slot<W: Write>(
        &self,
        blocks: &mut Blocks<'_, W>,
        domain: Domain,
        slot: &Slot,
        kept: Kept,
    ) -> io::Result<SlotEntry> {
        decoded(slot).map(|column| self.column(blocks, domain, column, kept)).transpose()
    }

    fn column<W: Write>(
        &self,
        blocks: &mut Blocks<'_, W>,
        domain: Domain,
        column: &Column,
        kept: Kept,
    ) -> io::Result<ColumnEntry> {
        let Column { values, present } = column;
        if present.as_ref().is_some_and(|present| !present.any()) {
            return Ok(ColumnEntry { values: ValuesEntry::Empty, present: None });
        }
        let values = match values {
            Values::Empty => ValuesEntry::Empty,
            Values::Integers(integers) => ValuesEntry::Integers {
                base: integers.base,
                max: integers.max,
                offsets: narrow(blocks, &integers.offsets, kept)?,
            },
            Values::Floats(floats) => {
                ValuesEntry::Floats(blocks.add(bytemuck::cast_slice(&floats[..]), 8, kept)?)
            }
            Values::Codes(codes, dictionary) => {
                let new = self.recoded.codes(domain, dictionary);
                let code =
                    |row| if column.has(row) { new[codes.get(row) as usize].into() } else { 0 };
                let codes: Vec<u64> = (0..codes.len()).map(code).collect();
                let codes = narrow(blocks, &Narrow::pack(codes.into_iter()), kept)?;
                ValuesEntry::Codes { dictionary: self.recoded.number(domain), codes }
            }
        };
        let mask = |blocks: &mut Blocks<'_, W>, words: &[u64]| {
            blocks.add(bytemuck::cast_slice(words), 8, kept)
        };
        let present = present.as_ref().map(|present| mask(blocks, present.words())).transpose()?;
        Ok(ColumnEntry { values, present })
    }
}

/// How many there must be of what rows name up to number `used`, and of which there are columns.
fn count<'a>(used: Option<u64>, mut columns: impl Iterator<Item = &'a Column>) -> usize {
    let of_columns = columns.find_map(|column| Some(len(column)).filter(|len| *len > 0));
    of_columns.unwrap_or(0).max(used.map_or(0, |used| used as usize + 1))
}

fn decoded(slot: &Slot) -> Option<&Column> {
    match slot {
        Slot::Decoded(column) => Some(column),
        Slot::NotDecoded => None,
    }
}

/// How many rows a column has; 0 where none has a value.
fn len(column: &Column) -> usize {
    match &column.values {
        Values::Empty => 0,
        Values::Integers(integers) => integers.offsets.len(),
        Values::Floats(floats) => floats.len(),
        Values::Codes(codes, _) => codes.len(),
    }
}
