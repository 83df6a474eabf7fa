//! A segment: all spans, of the operations that were asked for, of some whole traces.
//!
//! It is shredded by operation. Traces have ordinals `0..n`, ascending by start, then id. The
//! spans of one operation are consecutive rows of one [`Table`], sorted by trace ordinal, then
//! start, then span id; operations with few spans share a table, which the directory
//! ([`Segment::operations`]) hides. Raw files, a corpus and a live stream all end here.
//!
//! ```text
//! Segment ── traces      id, start, end, spans, root name and service, flags   by trace ordinal
//!         ├─ operations  name -> table, row range, presence over traces        the directory
//!         ├─ tables      trace, start, id, resource, scope, fields, attributes by row
//!         ├─ resources   one column an attribute key                           by resource number
//!         └─ scopes      name and version                                      by scope number
//! ```
//!
//! "Not decoded" is not "absent": reading what a segment was not made to hold is a [`Fault`].

mod attributes;
mod buffer;
mod column;
mod dictionary;
mod index;
mod later;
mod lines;
mod rows;
mod slots;
mod store;
mod tables;

use std::ops::Range;
use std::sync::Arc;

pub use attributes::Attributes;
pub use buffer::Buffer;
pub use column::{Column, Integers, Narrow, Values};
pub use dictionary::{Dictionary, DictionaryBuilder, PAGE, Page, StoredTexts};
use hashbrown::HashSet;
pub use index::{Index, Keys};
pub use later::Later;
pub use slots::Slots;
pub use store::{Block, Ends, Store, Texts};
pub use tables::Tables;

use crate::mask::Mask;
use crate::module::{Field, Operation, TraceField};
use crate::value::Datum;

/// A trace has no span without parent.
pub const ROOTLESS: u8 = 1;
/// A span of the trace ends before it starts.
pub const CLOCK_DEFECT: u8 = 2;
/// A span of the trace has the W3C sampled flag.
pub const SAMPLED: u8 = 4;
/// The trace lies in other segments too.
pub const SPLIT: u8 = 8;

/// See the module's text.
#[derive(Debug, Default)]
pub struct Segment {
    /// One entry a trace, by ordinal.
    pub traces: Traces,
    /// Times that no trace starts before, and none after, where they are known without a look at
    /// the traces.
    pub starts: Option<(u64, u64)>,
    /// Attribute keys that columns exist for; a key's position is its number.
    pub keys: Arc<Keys>,
    /// Where the rows of each operation are.
    pub operations: Vec<OperationRows>,
    /// The rows.
    pub tables: Tables,
    /// The resources that rows refer to by number: a column a key, by key number.
    pub resources: Later<Vec<Slot>>,
    /// What else resources bear: compact JSON, as [`Table::rest`].
    pub resource_rest: Later<Slot>,
    /// The instrumentation scopes that rows refer to by number.
    pub scopes: Later<Scopes>,
    /// Operations that the segment was made to hold; of others it has some spans at most.
    pub coverage: Coverage,
    /// Traces that are not judged here: they lie in other segments too, or were erased.
    pub hidden: Option<Mask>,
    /// Where stored buffers come from.
    pub store: Option<Arc<dyn Store>>,
    /// Numbers of keys and operations, and each trace's rows: made when first needed.
    pub index: Index,
}

/// What a segment was made to hold.
#[derive(Clone, Debug, Default)]
pub enum Coverage {
    /// Every span with all attributes: a key that the segment does not know is one that no span has.
    #[default]
    All,
    /// Every span of these operations.
    Operations(Arc<HashSet<Operation>>),
}

/// One entry a trace, from every span, whether its operation was asked for or not.
#[derive(Debug, Default)]
pub struct Traces {
    /// Trace id, as a big-endian number.
    pub id: Buffer<u128>,
    /// Earliest start, in nanoseconds since 1970: the trace's time.
    pub start: Buffer<u64>,
    /// Latest end, in nanoseconds since 1970.
    pub end: Buffer<u64>,
    /// Spans seen.
    pub spans: Narrow,
    /// Name of the root span.
    pub root_name: Option<Column>,
    /// `service.name` of the root span.
    pub root_service: Option<Column>,
    /// [`ROOTLESS`] and the like.
    pub flags: Buffer<u8>,
}

/// An operation of the directory.
#[derive(Clone, Debug)]
pub struct OperationRows {
    /// The span name.
    pub name: Arc<str>,
    /// The number of its table.
    pub table: usize,
    /// Its rows in that table.
    pub rows: Range<usize>,
    /// The traces with such a span; made at once for an operation with a table of its own.
    pub presence: Option<Mask>,
}

/// Rows of one operation, or of several with few rows each.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Ordinal of the row's trace; ascending within an operation.
    pub trace: Buffer<u32>,
    /// Start in nanoseconds after the trace's start; ascending within a trace of an operation.
    pub start: Narrow,
    /// Span id, as a big-endian number.
    pub id: Buffer<u64>,
    /// Number of the resource.
    pub resource: Narrow,
    /// End minus start in nanoseconds.
    pub duration: Slot,
    /// Kind as text.
    pub kind: Slot,
    /// Status as text.
    pub status: Slot,
    /// Status message.
    pub message: Slot,
    /// Parent span id, 0 for none, as int64 of the same bits.
    pub parent: Slot,
    /// Number of the scope.
    pub scope: Slot,
    /// The span's flags.
    pub flags: Slot,
    /// What else spans bear (events, links, trace state, unknown members): the text of a JSON object,
    /// kept only where everything is.
    pub rest: Slot,
    /// Attribute columns, by key number.
    pub attributes: Attributes,
}

/// A column, or the mark that it was not decoded.
#[derive(Clone, Debug, Default)]
pub enum Slot {
    /// Whether rows have the field is not known.
    #[default]
    NotDecoded,
    /// The field of every row.
    Decoded(Column),
}

/// Instrumentation scopes, by number.
#[derive(Debug, Default)]
pub struct Scopes {
    /// Name of the scope.
    pub name: Slot,
    /// Version of the scope.
    pub version: Slot,
    /// What else scopes bear, their attributes among it: compact JSON, as [`Table::rest`].
    pub rest: Slot,
}

/// A row, by its operation's number in the directory and its row in that operation's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowRef {
    /// Number of the operation.
    pub operation: u32,
    /// Row of its table.
    pub row: u32,
}

/// Why a segment cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Something was read that the segment was not made to hold: a fault of the program that made
    /// it.
    #[error("the segment was made without {what}; decode it again with a schema that names it")]
    NotDecoded {
        /// The operation or field.
        what: String,
    },
    /// What is stored is not what was written.
    #[error("{file}: {what}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong, and where.
        what: String,
    },
}

impl Segment {
    /// How many traces there are.
    pub fn len(&self) -> usize {
        self.traces.start.len()
    }

    /// Whether there is no trace.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers of the operations that `operation` means, ascending.
    ///
    /// # Errors
    /// A fault where the segment was not made to hold all of its spans.
    pub fn select(&self, operation: &Operation) -> Result<Vec<usize>, Fault> {
        self.covers(operation)?;
        Ok(match operation {
            Operation::Named(name) => self.index.operation(self, name).into_iter().collect(),
            Operation::Wildcard(_) => {
                let names = self.operations.iter().enumerate();
                names.filter(|(_, rows)| operation.matches(&rows.name)).map(|(at, _)| at).collect()
            }
        })
    }

    /// Whether all spans that `operation` means are held.
    ///
    /// # Errors
    /// A fault where they are not.
    pub fn covers(&self, operation: &Operation) -> Result<(), Fault> {
        match &self.coverage {
            Coverage::Operations(covered) if !covered.contains(operation) => {
                Err(Fault::not_decoded(format!("the operation {operation:?}")))
            }
            _ => Ok(()),
        }
    }

    /// The number of an attribute key, if any column has it.
    pub fn key(&self, key: &str) -> Option<usize> {
        self.keys.number(key)
    }

    /// The table of an operation.
    pub fn table(&self, operation: usize) -> &Table {
        self.tables.get(self.operations[operation].table)
    }

    /// The value of a field of one row, if it has one.
    ///
    /// # Errors
    /// A fault where the field was not decoded.
    pub fn value(&self, at: RowRef, field: &Field) -> Result<Option<Datum<'_>>, Fault> {
        let operation = &self.operations[at.operation as usize];
        let table = self.tables.get(operation.table);
        let row = at.row as usize;
        let own = |key: &str| self.attribute(table, self.key(key)).get(row, field);
        let of_resource =
            |key: &str| self.resource(self.key(key)).get(table.resource.get(row) as usize, field);
        match field {
            Field::Name => Ok(Some(Datum::Entry(crate::value::Type::Text, &operation.name))),
            Field::Kind => table.kind.get(row, field),
            Field::Status => table.status.get(row, field),
            Field::StatusMessage => table.message.get(row, field),
            Field::Duration => table.duration.get(row, field),
            Field::Span(key) => own(key),
            Field::Resource(key) => of_resource(key),
            Field::Any(key) => match own(key)? {
                Some(value) => Ok(Some(value)),
                None => of_resource(key),
            },
        }
    }

    /// The value of a field of a trace, if it has one.
    ///
    /// # Errors
    /// A fault where the field was not decoded.
    pub fn trace_value(&self, trace: usize, field: TraceField) -> Result<Option<Datum<'_>>, Fault> {
        let column = match field {
            TraceField::Duration => return Ok(Some(Datum::Int(self.trace_duration(trace)))),
            TraceField::RootName => &self.traces.root_name,
            TraceField::RootService => &self.traces.root_service,
        };
        let fault = || Fault::not_decoded("the root spans' names and services".to_owned());
        column.as_ref().ok_or_else(fault).map(|column| column.get(trace))
    }

    /// Last end minus first start of a trace, in nanoseconds.
    pub fn trace_duration(&self, trace: usize) -> i64 {
        signed_difference(self.traces.end.at(trace), self.traces.start.at(trace))
    }

    /// The column of an attribute of the rows of `table`, by the key's number if it has one.
    pub fn attribute<'a>(&'a self, table: &'a Table, key: Option<usize>) -> &'a Slot {
        key.and_then(|key| table.attributes.get(key)).unwrap_or(self.unknown())
    }

    /// The column of an attribute of the resources, by the key's number if it has one.
    pub fn resource(&self, key: Option<usize>) -> &Slot {
        key.and_then(|key| self.resources.get(key)).unwrap_or(self.unknown())
    }

    /// What stands for a column of a key that the segment does not know.
    fn unknown(&self) -> &'static Slot {
        match self.coverage {
            Coverage::All => &Slot::Decoded(Column::EMPTY),
            Coverage::Operations(_) => &Slot::NotDecoded,
        }
    }

    /// Whether all that was looked at so far is what was written.
    ///
    /// # Errors
    /// The first damage that was met: answers so far may rest on it.
    pub fn sound(&self) -> Result<(), Fault> {
        self.store.as_ref().and_then(|store| store.fault()).map_or(Ok(()), Err)
    }
}

impl Fault {
    fn not_decoded(what: String) -> Self {
        Self::NotDecoded { what }
    }
}

impl Slot {
    /// The column.
    ///
    /// # Errors
    /// A fault that names `field` where it was not decoded.
    pub fn column(&self, field: &Field) -> Result<&Column, Fault> {
        match self {
            Self::Decoded(column) => Ok(column),
            Self::NotDecoded => Err(Fault::not_decoded(format!("the field {field:?}"))),
        }
    }

    fn get(&self, row: usize, field: &Field) -> Result<Option<Datum<'_>>, Fault> {
        Ok(self.column(field)?.get(row))
    }
}

/// `end - start`, at the nearest bound where it does not fit.
pub fn signed_difference(end: u64, start: u64) -> i64 {
    i64::try_from(i128::from(end) - i128::from(start)).unwrap_or(if end > start {
        i64::MAX
    } else {
        i64::MIN
    })
}
