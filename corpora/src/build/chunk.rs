//! Rows of kept spans, as they arrived: a chunk grows row by row, then it is packed into columns.

use ir::segment::{DictionaryBuilder, Narrow};

use super::cells::{Cell, Cells, Kind, OpenCells, narrow_bytes};

/// Rows of a chunk: few enough that the open chunks of many operations stay in cache.
pub(super) const ROWS: usize = 1024;

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
    pub(super) scope: u32,
    pub(super) flags: u32,
    pub(super) kind: u8,
    pub(super) status: u8,
}

/// A chunk that grows.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) rows: Vec<Row>,
    pub(super) columns: Vec<OpenCells>,
}

impl Open {
    /// An empty chunk of rows with so many attributes.
    pub(super) fn new(columns: usize) -> Self {
        Self { rows: Vec::new(), columns: (0..columns).map(|_| OpenCells::default()).collect() }
    }

    /// Adds a row without attributes.
    pub(super) fn push(&mut self, row: Row) {
        self.rows.push(row);
        self.columns.iter_mut().for_each(OpenCells::push);
    }

    /// Removes the last row.
    pub(super) fn pop(&mut self) {
        self.rows.pop();
        self.columns.iter_mut().for_each(OpenCells::pop);
    }

    /// Packs the rows and forgets them, but keeps the memory.
    pub(super) fn pack(&mut self) -> Chunk {
        let rows = &self.rows;
        let pack = |field: fn(&Row) -> u64| Packed::new(rows.iter().map(field));
        let chunk = Chunk {
            rows: rows.len(),
            start: pack(|row| row.start),
            duration: pack(|row| row.end.wrapping_sub(row.start)),
            id: pack(|row| row.id),
            parent: pack(|row| row.parent),
            trace: pack(|row| row.trace.into()),
            operation: pack(|row| row.operation.into()),
            resource: pack(|row| row.resource.into()),
            message: pack(|row| row.message.into()),
            scope: pack(|row| row.scope.into()),
            flags: pack(|row| row.flags.into()),
            marks: pack(|row| u64::from(row.kind) << 4 | u64::from(row.status)),
            columns: self.columns.iter_mut().map(OpenCells::pack).collect(),
        };
        self.rows.clear();
        chunk
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(OpenCells::bytes).sum();
        self.rows.capacity() * size_of::<Row>() + columns
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
    scope: Packed,
    flags: Packed,
    marks: Packed,
    columns: Box<[Cells]>,
}

impl Chunk {
    /// How many rows it has.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// The worker's number of the trace of a row.
    pub(super) fn trace(&self, row: usize) -> u32 {
        self.trace.get(row) as u32
    }

    /// A row.
    pub(super) fn row(&self, row: usize) -> Row {
        let start = self.start.get(row);
        let marks = self.marks.get(row);
        Row {
            start,
            end: start.wrapping_add(self.duration.get(row)),
            id: self.id.get(row),
            parent: self.parent.get(row),
            trace: self.trace(row),
            operation: self.operation.get(row) as u32,
            resource: self.resource.get(row) as u32,
            message: self.message.get(row) as u32,
            scope: self.scope.get(row) as u32,
            flags: self.flags.get(row) as u32,
            kind: (marks >> 4) as u8,
            status: (marks & 0xf) as u8,
        }
    }

    /// The value of an attribute of a row.
    pub(super) fn cell(&self, row: usize, column: usize) -> Option<Cell> {
        self.columns[column].get(row)
    }

    /// The kind of all values of an attribute; none without a value.
    pub(super) fn kind(&self, column: usize) -> Option<Kind> {
        self.columns[column].kind()
    }

    /// Turns the numbers of an attribute to codes.
    pub(super) fn turn_to_codes(&mut self, column: usize, dictionary: &mut DictionaryBuilder) {
        self.columns[column].turn_to_codes(self.rows, dictionary);
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
            &self.scope,
            &self.flags,
            &self.marks,
        ];
        let fixed: usize = fixed.into_iter().map(Packed::bytes).sum();
        fixed + self.columns.iter().map(Cells::bytes).sum::<usize>() + size_of::<Self>()
    }
}

/// Numbers as offsets from their minimum; nothing but it where all are equal.
#[derive(Debug)]
struct Packed {
    base: u64,
    offsets: Option<Narrow>,
}

impl Packed {
    fn new(values: impl ExactSizeIterator<Item = u64> + Clone) -> Self {
        let base = values.clone().min().unwrap_or(0);
        let constant = values.clone().all(|value| value == base);
        let offsets = (!constant).then(|| Narrow::pack(values.map(|value| value - base)));
        Self { base, offsets }
    }

    fn get(&self, row: usize) -> u64 {
        self.base + self.offsets.as_ref().map_or(0, |offsets| offsets.get(row))
    }

    fn bytes(&self) -> usize {
        self.offsets.as_ref().map_or(0, narrow_bytes)
    }
}
