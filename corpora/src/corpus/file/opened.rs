//! What is kept of an open file: its directory, which says where things are. All of that is checked
//! here, the things themselves when they are looked at.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hashbrown::HashSet;
use ir::Fault;
use ir::segment::Keys;

use super::check::Refused;
use super::footer::{Unopened, footer};
use super::layout::{Block, CHUNK, Directory, Encoding, LINE, ListEntry, TraceTable};
use super::source::Source;

/// What opening a file leaves: its directory.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) name: String,
    pub(super) source: Source,
    /// [`Block`] after [`Block`].
    records: Bytes,
    /// Where the footer begins, and blocks must have ended.
    footer: usize,
    pub(super) crc: u32,
    pub(super) traces: usize,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) keys: Arc<Keys>,
    pub(super) operations: Vec<OperationPlace>,
    /// Numbers of operations by table, then first row.
    pub(super) by_table: Vec<u32>,
    pub(super) tables: Vec<TablePlace>,
    /// As [`Directory::dictionaries`].
    pub(super) dictionaries: Vec<Bytes>,
    pub(super) trace_table: TraceTable,
    pub(super) resources: ListPlace,
    pub(super) scopes: ListPlace,
    /// Names of what was looked at, if that is asked for.
    pub(super) accessed: Option<Mutex<HashSet<String>>>,
}

#[derive(Debug)]
pub(super) struct OperationPlace {
    pub(super) name: Arc<str>,
    pub(super) table: u32,
    pub(super) rows: Range<usize>,
    pub(super) presence: Option<u32>,
}

#[derive(Debug)]
pub(super) struct TablePlace {
    pub(super) rows: usize,
    pub(super) trace: u32,
    pub(super) id: u32,
    pub(super) columns: Bytes,
}

/// As [`ListEntry`].
#[derive(Debug)]
pub(super) struct ListPlace {
    pub(super) count: usize,
    pub(super) columns: Bytes,
}

impl Opened {
    /// Reads and checks the footer of a file; errors in reading its blocks will call it `name`.
    pub(super) fn of(name: String, source: Source) -> Result<Self, Unopened> {
        let (footer, trailer) = footer(&source)?;
        let records = (trailer.blocks as usize).checked_mul(size_of::<Block>());
        let parts = records.and_then(|records| footer.split_at_checked(records));
        let (records, directory) = parts.ok_or("has a footer outside of the file")?;
        let unreadable = "has a directory that cannot be read";
        let (directory, rest): (Directory<'_>, _) =
            postcard::take_from_bytes(directory).map_err(|_| unreadable)?;
        if !rest.is_empty() {
            return Err(unreadable.into());
        }
        let part =
            |part: &[u8]| if part.is_empty() { Bytes::new() } else { footer.slice_ref(part) };
        let list = |entry: &ListEntry<'_>| ListPlace {
            count: entry.count as usize,
            columns: part(entry.columns),
        };
        let tables = directory.tables.iter().map(|table| TablePlace {
            rows: table.rows as usize,
            trace: table.trace,
            id: table.id,
            columns: part(table.columns),
        });
        let operations = directory.operations.iter().map(|operation| OperationPlace {
            name: operation.name.into(),
            table: operation.table,
            rows: operation.first_row as usize
                ..operation.first_row as usize + operation.rows as usize,
            presence: operation.presence,
        });
        let opened = Self {
            name,
            records: part(records),
            footer: trailer.footer as usize,
            crc: trailer.crc,
            traces: directory.traces as usize,
            first: directory.first,
            last: directory.last,
            keys: shared_keys(&directory.keys),
            by_table: by_table(&directory),
            operations: operations.collect(),
            tables: tables.collect(),
            dictionaries: directory.dictionaries.iter().map(|entry| part(entry)).collect(),
            trace_table: directory.trace_table,
            resources: list(&directory.resources),
            scopes: list(&directory.scopes),
            accessed: None,
            source,
        };
        opened.check_counts()?;
        opened.check_presences()?;
        Ok(opened)
    }

    /// Numbers of things are held against the length of the file before anything is made of them,
    /// since each thing has its bytes there: a trace its id, a row its span id.
    fn check_counts(&self) -> Result<(), &'static str> {
        let rows: usize = self.tables.iter().map(|table| table.rows).sum();
        let counted = self.traces <= self.source.len() / 16
            && self.first <= self.last
            && rows <= self.source.len() / 8
            && self.resources.count <= self.source.len()
            && self.scopes.count <= self.source.len();
        if !counted {
            return Err("counts more than it holds");
        }
        let place = |number: &u32| &self.operations[*number as usize];
        let placed = self.by_table.iter().map(place).all(|own| {
            let table = self.tables.get(own.table as usize);
            table.is_some_and(|table| own.rows.end <= table.rows)
        });
        let pairs = self.by_table.windows(2).map(|pair| (place(&pair[0]), place(&pair[1])));
        let apart = |(a, b): (&OperationPlace, &OperationPlace)| {
            a.table != b.table || a.rows.end <= b.rows.start
        };
        if placed && pairs.into_iter().all(apart) {
            return Ok(());
        }
        Err("has operations whose rows are not there or not theirs alone")
    }

    /// Presence is kept only of operations whose ordinals follow from it, so that they agree.
    fn check_presences(&self) -> Result<(), &'static str> {
        let follow = |own: &OperationPlace| {
            let table = &self.tables[own.table as usize];
            let ordinals = self.block(table.trace).map(|block| Encoding::of(block.encoding));
            own.rows == (0..table.rows)
                && self.operations_of(own.table).len() == 1
                && matches!(ordinals, Ok(Some(Encoding::Ordinals)))
        };
        let mut kept = self.operations.iter().filter(|own| own.presence.is_some());
        if kept.all(follow) {
            Ok(())
        } else {
            Err("keeps a presence that its ordinals do not follow")
        }
    }

    /// A dictionary has no more entries than there are things that bear texts.
    pub(super) fn most_entries(&self) -> usize {
        let rows: usize = self.tables.iter().map(|table| table.rows).sum();
        self.traces + rows + self.resources.count + self.scopes.count
    }

    /// A block that lies between header and footer and is kept in a way that we know.
    pub(super) fn block(&self, number: u32) -> Result<Block, Refused> {
        let record = self.records.chunks_exact(size_of::<Block>()).nth(number as usize);
        let record = record.ok_or("refers to a block that is not there")?;
        let block: Block = bytemuck::pod_read_unaligned(record);
        let known = Encoding::of(block.encoding).ok_or("is a block in an unknown encoding")?;
        let (stored, raw) = (block.stored as usize, block.raw as usize);
        match known {
            Encoding::Zeros if stored != 0 => Err("has bytes for a block without".into()),
            Encoding::Plain if stored != raw => Err("is a plain block of another length".into()),
            _ if stored == 0 => Ok(block),
            _ if block.range().start < LINE || block.checksums().end + LINE > self.footer => {
                Err("is a block outside of the file".into())
            }
            _ => Ok(block),
        }
    }

    /// Whether each block begins behind the one before it.
    pub(super) fn check_places(&self) -> Result<(), Refused> {
        let mut end = LINE;
        for number in 0..(self.records.len() / size_of::<Block>()) as u32 {
            let block = self.block(number)?;
            if block.stored > 0 {
                if block.range().start < end {
                    return Err("has blocks that overlap".into());
                }
                end = block.checksums().end;
            }
        }
        Ok(())
    }

    /// The checksums of the chunks of a block, four bytes each.
    pub(super) fn checksums(&self, block: &Block) -> Result<Bytes, Refused> {
        let place = block.checksums();
        if place.is_empty() {
            return Ok(Bytes::copy_from_slice(&block.crc.to_le_bytes()));
        }
        let sums = self.piece(place.clone())?;
        if crc32fast::hash(&sums) == block.crc { Ok(sums) } else { Err(differs(place.start)) }
    }

    /// All bytes of a block as they lie in the file, held to its checksums.
    pub(super) fn whole(&self, block: &Block) -> Result<Bytes, Refused> {
        let (range, sums) = (block.range(), block.checksums());
        // What is not there may say that it lies anywhere.
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        if sums.is_empty() {
            return self.read(block, 0..range.len(), &block.crc.to_le_bytes());
        }
        let all = self.piece(range.start..sums.end)?;
        let own = &all[sums.start - range.start..];
        if crc32fast::hash(own) != block.crc {
            return Err(differs(sums.start));
        }
        held(&all[..range.len()], own, range.start)?;
        Ok(all.slice(..range.len()))
    }

    /// Bytes of a block as they lie in the file, from the beginning of a chunk to the end of one,
    /// held to the checksums of the chunks.
    pub(super) fn read(
        &self,
        block: &Block,
        range: Range<usize>,
        checksums: &[u8],
    ) -> Result<Bytes, Refused> {
        let begin = block.range().start + range.start;
        let bytes = self.piece(begin..begin + range.len())?;
        held(&bytes, &checksums[range.start / CHUNK * 4..], begin)?;
        Ok(bytes)
    }

    fn piece(&self, range: Range<usize>) -> Result<Bytes, Refused> {
        self.source.read(range).map_err(|error| format!("cannot be read: {error}"))
    }

    /// Damage that showed after the file was opened: somebody changed it.
    pub(super) fn changed(&self) -> Option<Fault> {
        let what = || "was changed or cut while it was read".to_owned();
        self.source.is_changed().then(|| Fault::Damaged { file: self.name.clone(), what: what() })
    }

    /// Numbers of the operations of a table.
    pub(super) fn operations_of(&self, table: u32) -> &[u32] {
        let of = |number: &u32| self.operations[*number as usize].table;
        let from = self.by_table.partition_point(|number| of(number) < table);
        let to = self.by_table.partition_point(|number| of(number) <= table);
        &self.by_table[from..to]
    }

    /// A table as people know it.
    pub(super) fn table_name(&self, table: u32) -> String {
        let name = |number: &u32| &self.operations[*number as usize].name;
        match self.operations_of(table) {
            [] => format!("table {table}"),
            [only] => name(only).to_string(),
            [first, rest @ ..] => format!("{} and {} others", name(first), rest.len()),
        }
    }
}

/// Holds chunks that lie at `begin` to their checksums.
fn held(bytes: &[u8], checksums: &[u8], begin: usize) -> Result<(), Refused> {
    for (number, (chunk, sum)) in bytes.chunks(CHUNK).zip(checksums.as_chunks().0).enumerate() {
        if crc32fast::hash(chunk) != u32::from_le_bytes(*sum) {
            return Err(differs(begin + number * CHUNK));
        }
    }
    Ok(())
}

fn differs(at: usize) -> Refused {
    format!("is not what was written: the checksum at {at:#x} differs")
}

fn by_table(directory: &Directory<'_>) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..directory.operations.len() as u32).collect();
    numbers.sort_by_key(|number| {
        let own = &directory.operations[*number as usize];
        (own.table, own.first_row, own.rows)
    });
    numbers
}

/// Keys as the file before had them, if it had the same: most files of a corpus do.
fn shared_keys(keys: &[&str]) -> Arc<Keys> {
    thread_local! {
        static BEFORE: RefCell<Arc<Keys>> = RefCell::default();
    }
    BEFORE.with_borrow_mut(|before| {
        if !before.iter().map(|key| &**key).eq(keys.iter().copied()) {
            *before = Arc::new(keys.iter().map(|key| Box::from(*key)).collect());
        }
        Arc::clone(before)
    })
}
