//! What a file is made of: header, blocks, footer, trailer. `corpora/FORMAT.md` says it in full.
//!
//! ```text
//! header 64 │ blocks, each at a multiple of 64 │ 64 zeros │ block records, directory │ trailer 64
//! ```

use std::ops::Range;

use bytemuck::{Pod, Zeroable};
use ir::segment::{Scopes, Slot, Table};
use serde::{Deserialize, Serialize};

const _: () = assert!(cfg!(target_endian = "little"), "blocks are mapped as they lie");

/// What a file begins and ends with.
pub(super) const MAGIC: [u8; 8] = *b"BETRACE\0";
/// The version that is written and read.
pub(super) const VERSION: u32 = 1;
/// What blocks are aligned to, and the length of header and trailer.
pub(super) const LINE: usize = 64;

/// Bytes that are checked together: a page of memory.
pub(super) const CHUNK: usize = 4 << 10;

/// The first 64 bytes.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Header {
    pub(super) magic: [u8; 8],
    pub(super) version: u32,
    pub(super) zeros: [u32; 13],
}

/// The last 64 bytes.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Trailer {
    /// Where the footer begins.
    pub(super) footer: u64,
    /// Bytes of the footer.
    pub(super) length: u64,
    /// Bytes of the file.
    pub(super) file: u64,
    /// Block records at the beginning of the footer.
    pub(super) blocks: u32,
    /// Checksum of the footer.
    pub(super) crc: u32,
    pub(super) zeros: [u32; 5],
    /// Checksum of the trailer's bytes before this.
    pub(super) own_crc: u32,
    pub(super) magic: [u8; 8],
}

impl Trailer {
    /// The checksum of what comes before it.
    pub(super) fn checksum(&self) -> u32 {
        crc32fast::hash(&bytemuck::bytes_of(self)[..std::mem::offset_of!(Self, own_crc)])
    }
}

const _: () = assert!(size_of::<Header>() == LINE && size_of::<Trailer>() == LINE);

/// Where a block is and how to read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Block {
    /// Where it begins, in units of 64 bytes.
    pub(super) place: u32,
    /// Bytes in the file.
    pub(super) stored: u32,
    /// Bytes that it gives.
    pub(super) raw: u32,
    /// Checksum of the bytes in the file, or, of more than one [`CHUNK`], of the
    /// checksums of the chunks, which follow at the next multiple of 64.
    pub(super) crc: u32,
    /// One of [`Encoding`].
    pub(super) encoding: u8,
    /// Bytes of an item.
    pub(super) width: u8,
    pub(super) zeros: [u8; 2],
}

impl Block {
    /// Where its bytes lie.
    pub(super) fn range(&self) -> Range<usize> {
        let begin = self.place as usize * LINE;
        begin..begin + self.stored as usize
    }

    /// Where the checksums of its chunks lie; nowhere if there is only one.
    pub(super) fn checksums(&self) -> Range<usize> {
        let stored = self.stored as usize;
        let begin = self.place as usize * LINE + stored.next_multiple_of(LINE);
        match stored.div_ceil(CHUNK) {
            0 | 1 => begin..begin,
            chunks => begin..begin + 4 * chunks,
        }
    }
}

/// How the bytes of a block are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Encoding {
    /// As they are.
    Plain = 0,
    /// Not at all: all are zero.
    Zeros = 1,
    /// Integers in few bits; see [`super::frames`].
    Frames = 2,
    /// Parents as places among the spans of their traces; see [`super::parents`].
    Parents = 3,
    /// Trace ordinals by the presence of their operation; see [`super::ordinals`].
    Ordinals = 4,
    /// Texts of a dictionary; see [`super::dictionary`].
    Pages = 5,
}

impl Encoding {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "Plain",
            Self::Zeros => "Zeros",
            Self::Frames => "Frames",
            Self::Parents => "Parents",
            Self::Ordinals => "Ordinals",
            Self::Pages => "Pages",
        }
    }

    pub(super) fn of(number: u8) -> Option<Self> {
        use Encoding::{Frames, Ordinals, Pages, Parents, Plain, Zeros};
        let all = [Plain, Zeros, Frames, Parents, Ordinals, Pages];
        all.get(usize::from(number)).copied()
    }
}

/// The directory: what follows the block records in the footer, as `postcard` writes it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Directory<'a> {
    pub(super) traces: u32,
    /// Earliest and latest start of a trace, in nanoseconds since 1970.
    pub(super) first: u64,
    pub(super) last: u64,
    #[serde(borrow)]
    pub(super) keys: Vec<&'a str>,
    #[serde(borrow)]
    pub(super) operations: Vec<OperationEntry<'a>>,
    #[serde(borrow)]
    pub(super) tables: Vec<TableEntry<'a>>,
    /// Each a [`DictionaryEntry`], decoded when the dictionary is asked for.
    #[serde(borrow)]
    pub(super) dictionaries: Vec<&'a [u8]>,
    pub(super) trace_table: TraceTable,
    /// [`ResourceColumns`].
    #[serde(borrow)]
    pub(super) resources: ListEntry<'a>,
    /// Columns in the order of [`SCOPE_FIELDS`].
    #[serde(borrow)]
    pub(super) scopes: ListEntry<'a>,
}

/// Things that rows refer to by number.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ListEntry<'a> {
    /// How many there are.
    pub(super) count: u32,
    /// Their columns, decoded when they are asked for.
    pub(super) columns: &'a [u8],
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OperationEntry<'a> {
    pub(super) name: &'a str,
    pub(super) table: u32,
    pub(super) first_row: u32,
    pub(super) rows: u32,
    pub(super) presence: Option<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TableEntry<'a> {
    pub(super) rows: u32,
    /// Blocks of trace ordinals and span ids.
    pub(super) trace: u32,
    pub(super) id: u32,
    /// A [`TableColumns`], decoded when the table is asked for.
    pub(super) columns: &'a [u8],
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TableColumns {
    pub(super) start: NarrowEntry,
    pub(super) resource: NarrowEntry,
    /// In the order of [`TABLE_FIELDS`].
    pub(super) slots: Vec<SlotEntry>,
    pub(super) attributes: AttributeEntries,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DictionaryEntry {
    /// How many entries there are.
    pub(super) len: u32,
    /// Blocks of pages, and of where each page ends in them.
    pub(super) pages: u32,
    pub(super) ends: u32,
    /// Codes whose text an earlier one has, with the first such.
    pub(super) classes: Vec<(u32, u32)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TraceTable {
    pub(super) id: u32,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) spans: NarrowEntry,
    pub(super) root_name: SlotEntry,
    pub(super) root_service: SlotEntry,
    pub(super) flags: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ResourceColumns {
    pub(super) attributes: AttributeEntries,
    pub(super) rest: SlotEntry,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct AttributeEntries {
    /// Columns by number of the key, ascending; a key that is in neither list is absent.
    pub(super) columns: Vec<(u32, ColumnEntry)>,
    /// Numbers of keys that were not decoded, ascending.
    pub(super) not_decoded: Vec<u32>,
}

/// `None` where the column was not decoded.
pub(super) type SlotEntry = Option<ColumnEntry>;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct ColumnEntry {
    pub(super) values: ValuesEntry,
    /// Block of the presence bitmap.
    pub(super) present: Option<u32>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum ValuesEntry {
    Empty,
    Integers { base: i64, max: i64, offsets: NarrowEntry },
    Floats(u32),
    Codes { dictionary: u32, codes: NarrowEntry },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct NarrowEntry {
    /// 1, 2, 4 or 8 bytes an item.
    pub(super) width: u8,
    pub(super) block: u32,
}

/// How often a column is read: what many rules read is kept as it lies, the rest is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heat {
    Hot,
    Cold,
}

/// A field of rows that is a slot of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) heat: Heat,
}

const fn hot(name: &'static str) -> Field {
    Field { name, heat: Heat::Hot }
}

const fn cold(name: &'static str) -> Field {
    Field { name, heat: Heat::Cold }
}

/// The slot that may be kept as places in the trace.
pub(super) const PARENT: &str = "parent";
/// The slot that numbers scopes.
pub(super) const SCOPE: &str = "scope";
/// The name of the root span of a trace.
pub(super) const ROOT_NAME: &str = "root name";
/// The service of the root span of a trace.
pub(super) const ROOT_SERVICE: &str = "root service";
/// What else a resource bears.
pub(super) const RESOURCE_REST: &str = "resource rest";

/// The slots of a table in the order in which they are stored. New ones are added at the end: a
/// file with fewer leaves the others not decoded.
pub(super) const TABLE_FIELDS: [Field; 8] = [
    hot("duration"),
    hot("kind"),
    hot("status"),
    cold("message"),
    cold(PARENT),
    cold(SCOPE),
    cold("flags"),
    cold("rest"),
];

/// The slots of [`TABLE_FIELDS`].
pub(super) fn table_slots(table: &Table) -> [&Slot; 8] {
    let Table { duration, kind, status, message, parent, scope, flags, rest, .. } = table;
    [duration, kind, status, message, parent, scope, flags, rest]
}

/// The slots of [`TABLE_FIELDS`], to be set.
pub(super) fn table_slots_mut(table: &mut Table) -> [&mut Slot; 8] {
    let Table { duration, kind, status, message, parent, scope, flags, rest, .. } = table;
    [duration, kind, status, message, parent, scope, flags, rest]
}

/// The slots of scopes, as [`TABLE_FIELDS`].
pub(super) const SCOPE_FIELDS: [Field; 3] =
    [cold("scope name"), cold("scope version"), cold("scope rest")];

/// The slots of [`SCOPE_FIELDS`].
pub(super) fn scope_slots(scopes: &Scopes) -> [&Slot; 3] {
    let Scopes { name, version, rest } = scopes;
    [name, version, rest]
}

/// The slots of [`SCOPE_FIELDS`], to be set.
pub(super) fn scope_slots_mut(scopes: &mut Scopes) -> [&mut Slot; 3] {
    let Scopes { name, version, rest } = scopes;
    [name, version, rest]
}
