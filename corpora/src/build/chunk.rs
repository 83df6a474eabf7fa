//! Rows of kept spans, as they arrived: a chunk grows row by row, then it is packed into columns.

use ir::segment::{DictionaryBuilder, Narrow};

use super::SpanRecord;
use super::cells::{Cell, Cells, Kind, OpenCells};
use super::fields::Fields;
use super::narrow::{append, narrow_bytes, read};

/// The largest OTLP number of a status code.
const LAST_STATUS: u8 = 2;
/// Rows of a chunk: few enough that the open chunks of many operations stay in cache.
pub(super) const ROWS: usize = 1024;
/// Columns whose memory serves the next chunk, too; of more than that, most bear little.
const KEPT_COLUMNS: usize = 64;

/// A kept span without its attributes; numbers and codes are the worker's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Row {
    /// Start in nanoseconds since 1970.
    pub(super) start: u64,
    /// End in nanoseconds since 1970.
    pub(super) end: u64,
    pub(super) id: u64,
    /// 0 for none; kept with the structure only, as are scope and flags.
    pub(super) parent: u64,
    pub(super) trace: u32,
    pub(super) operation: u32,
    pub(super) resource: u32,
    /// One more than the code of the status message; 0 for none.
    pub(super) message: u32,
    /// The same of the text of what else it bears.
    pub(super) rest: u32,
    pub(super) scope: u32,
    pub(super) flags: u32,
    pub(super) kind: u8,
    pub(super) status: u8,
}

impl Row {
    /// A span before its trace, operation and message are numbered.
    pub(super) fn of(span: &SpanRecord<'_>, structure: bool) -> Self {
        Self {
            start: span.start,
            end: span.end,
            id: span.span_id,
            parent: if structure { span.parent_id } else { 0 },
            resource: span.resource,
            scope: if structure { span.scope } else { 0 },
            flags: if structure { span.flags } else { 0 },
            kind: span.known_kind(),
            status: if span.status > LAST_STATUS { 0 } else { span.status },
            ..Self::default()
        }
    }
}

impl SpanRecord<'_> {
    /// The number of its kind, 0 where it is none of OTLP's.
    pub(super) fn known_kind(&self) -> u8 {
        /// The largest of them.
        const LAST_KIND: u8 = 5;
        if self.kind > LAST_KIND { 0 } else { self.kind }
    }
}

/// A chunk that grows.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) rows: Vec<Row>,
    /// The attributes that rows bear.
    columns: Vec<OpenCells>,
    /// Numbers of their keys.
    keys: Vec<u32>,
    /// The same, ascending, each with the place of its column.
    places: Vec<(u32, u32)>,
    /// Which column was set last time as the first of a row, then which after each column: rows
    /// mostly bear attributes in few orders.
    after: Vec<u32>,
    /// Where `after` has what probably is set next.
    next: usize,
    /// How many attributes the last row bears.
    borne: isize,
}

impl Open {
    /// Adds a row without attributes.
    pub(super) fn push(&mut self, row: Row) {
        self.rows.push(row);
        self.borne = 0;
        self.next = 0;
    }

    /// Removes the last row, which bears no attribute.
    pub(super) fn pop(&mut self) {
        self.rows.pop();
    }

    /// Whether the last row bears an attribute.
    pub(super) fn bears(&self) -> bool {
        self.borne > 0
    }

    /// Sets or unsets an attribute of the last row.
    #[inline]
    pub(super) fn set(
        &mut self,
        key: usize,
        cell: Option<Cell>,
        dictionary: &mut DictionaryBuilder,
    ) {
        let key = key as u32;
        let usual = self.after.get(self.next).map_or(0, |&place| place as usize);
        let place = match self.keys.get(usual) {
            Some(other) if *other == key => usual,
            _ => match self.place(key, cell.is_some()) {
                Some(place) => place,
                None => return,
            },
        };
        self.next = place + 1;
        let row = self.rows.len() - 1;
        self.borne += self.columns[place].set(row, cell, dictionary);
    }

    /// The place of the column of a key, which is made if it is not there and `needed`.
    fn place(&mut self, key: u32, needed: bool) -> Option<usize> {
        let place = match self.places.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(at) => self.places[at].1,
            Err(_) if !needed => return None,
            Err(at) => {
                let place = self.columns.len() as u32;
                self.columns.push(OpenCells::default());
                self.keys.push(key);
                self.places.insert(at, (key, place));
                self.after.resize(self.columns.len() + 1, 0);
                place
            }
        };
        self.after[self.next] = place;
        Some(place as usize)
    }

    /// Packs the rows and forgets them, but keeps the memory.
    pub(super) fn pack(&mut self) -> Chunk {
        let Self { rows, columns, places, .. } = self;
        let cells = places
            .iter()
            .filter_map(|&(key, place)| Some((key, columns[place as usize].pack(rows.len())?)));
        let cells = cells.collect();
        let scratch = &mut Vec::with_capacity(rows.len());
        let chunk = Chunk {
            rows: rows.len(),
            start: Packed::of(rows, scratch, |row| row.start),
            duration: Packed::of(rows, scratch, |row| row.end.wrapping_sub(row.start)),
            id: Packed::of(rows, scratch, |row| row.id),
            parent: Packed::of(rows, scratch, |row| row.parent),
            trace: Packed::of(rows, scratch, |row| row.trace.into()),
            operation: Packed::of(rows, scratch, |row| row.operation.into()),
            resource: Packed::of(rows, scratch, |row| row.resource.into()),
            message: Packed::of(rows, scratch, |row| row.message.into()),
            rest: Packed::of(rows, scratch, |row| row.rest.into()),
            scope: Packed::of(rows, scratch, |row| row.scope.into()),
            flags: Packed::of(rows, scratch, |row| row.flags.into()),
            marks: Packed::of(rows, scratch, |row| {
                u64::from(row.kind) << 4 | u64::from(row.status)
            }),
            columns: cells,
        };
        self.rows.clear();
        if self.columns.len() > KEPT_COLUMNS {
            self.columns = Vec::new();
            self.keys = Vec::new();
            self.places = Vec::new();
            self.after = Vec::new();
        }
        chunk
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(OpenCells::bytes).sum();
        self.rows.capacity() * size_of::<Row>()
            + self.columns.capacity() * size_of::<OpenCells>()
            + self.keys.capacity() * size_of::<u32>()
            + self.places.capacity() * size_of::<(u32, u32)>()
            + self.after.capacity() * size_of::<u32>()
            + columns
    }
}

/// A chunk that is full: at most [`ROWS`] rows in columns as narrow as their values.
#[derive(Debug)]
pub(super) struct Chunk {
    rows: usize,
    start: Packed,
    duration: Packed,
    id: Packed,
    parent: Packed,
    trace: Packed,
    operation: Packed,
    resource: Packed,
    message: Packed,
    rest: Packed,
    scope: Packed,
    flags: Packed,
    marks: Packed,
    /// The attributes that rows bear, by number of the key, ascending.
    columns: Box<[(u32, Cells)]>,
}

impl Chunk {
    /// How many rows it has.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// Sets `all` to the worker's numbers of the traces of its rows.
    pub(super) fn read_traces(&self, all: &mut Vec<u32>) {
        all.clear();
        match &self.trace.offsets {
            None => all.resize(self.rows, self.trace.base as u32),
            Some(offsets) => read(offsets, all, |offset| (self.trace.base + offset) as u32),
        }
    }

    /// Appends rows of it, ascending, with the worker's numbers to `all`.
    pub(super) fn read(&self, rows: &[u16], all: &mut Fields) {
        let before = all.start.len();
        self.start.read(rows, &mut all.start, |start| start);
        self.duration.read(rows, &mut all.end, |duration| duration);
        for (end, start) in all.end[before..].iter_mut().zip(&all.start[before..]) {
            *end = end.wrapping_add(*start);
        }
        self.id.read(rows, &mut all.id, |id| id);
        self.trace.read(rows, &mut all.trace, |trace| trace as u32);
        self.operation.read(rows, &mut all.operation, |operation| operation as u32);
        self.resource.read(rows, &mut all.resource, |resource| resource as u32);
        self.message.read(rows, &mut all.message, |message| message as u32);
        self.marks.read(rows, &mut all.kind, |marks| (marks >> 4) as u8);
        self.marks.read(rows, &mut all.status, |marks| marks as u8 & 0xf);
        if all.structure {
            self.parent.read(rows, &mut all.parent, |parent| parent);
            self.scope.read(rows, &mut all.scope, |scope| scope as u32);
            self.flags.read(rows, &mut all.flags, |flags| flags as u32);
        }
        if all.everything {
            self.rest.read(rows, &mut all.rest, |rest| rest as u32);
        }
    }

    /// Numbers of the keys that rows bear, ascending, and the kind of all values of each.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (usize, Kind)> {
        self.columns.iter().map(|(key, cells)| (*key as usize, cells.kind()))
    }

    /// The values of an attribute, if any row bears it.
    pub(super) fn cells(&self, key: usize) -> Option<&Cells> {
        let at = self.columns.binary_search_by_key(&key, |(key, _)| *key as usize).ok()?;
        Some(&self.columns[at].1)
    }

    /// Gives the keys of attributes new numbers, by old number.
    pub(super) fn renumber(&mut self, places: &[u32]) {
        self.columns.iter_mut().for_each(|(key, _)| *key = places[*key as usize]);
        self.columns.sort_unstable_by_key(|(key, _)| *key);
    }

    /// Turns the numbers of those attributes to codes that `mixed` says.
    pub(super) fn turn_to_codes(
        &mut self,
        mixed: impl Fn(usize) -> bool,
        dictionaries: &mut [DictionaryBuilder],
    ) {
        for (key, cells) in &mut self.columns {
            let key = *key as usize;
            if mixed(key) {
                cells.turn_to_codes(self.rows, &mut dictionaries[key]);
            }
        }
    }

    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let fixed = [
            &self.start,
            &self.duration,
            &self.id,
            &self.parent,
            &self.trace,
            &self.operation,
            &self.resource,
            &self.message,
            &self.rest,
            &self.scope,
            &self.flags,
            &self.marks,
        ];
        let fixed: usize = fixed.into_iter().map(Packed::bytes).sum();
        let columns = self.columns.iter().map(|(_, cells)| cells.bytes() + size_of::<usize>());
        fixed + columns.sum::<usize>() + size_of::<Self>()
    }
}

/// Numbers as offsets from their minimum; nothing but it where all are equal.
#[derive(Debug)]
struct Packed {
    base: u64,
    offsets: Option<Narrow>,
}

impl Packed {
    /// A field of rows. Packing passes over the values again and again, so unless all are the same
    /// they are laid side by side in `values`.
    fn of(rows: &[Row], values: &mut Vec<u64>, field: impl Fn(&Row) -> u64) -> Self {
        let base = rows.first().map_or(0, &field);
        if rows.iter().all(|row| field(row) == base) {
            return Self { base, offsets: None };
        }
        values.clear();
        values.extend(rows.iter().map(field));
        let base = values.iter().copied().min().unwrap_or(0);
        Self { base, offsets: Some(Narrow::pack(values.iter().map(|&value| value - base))) }
    }

    /// Appends what `make` makes of the numbers of these rows.
    fn read<T: Copy>(&self, rows: &[u16], all: &mut Vec<T>, make: impl Fn(u64) -> T) {
        match &self.offsets {
            None => all.extend(std::iter::repeat_n(make(self.base), rows.len())),
            Some(offsets) => append(offsets, rows, all, |offset| make(self.base + offset)),
        }
    }

    fn bytes(&self) -> usize {
        self.offsets.as_ref().map_or(0, narrow_bytes)
    }
}
