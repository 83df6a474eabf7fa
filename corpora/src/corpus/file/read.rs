//! Opens files: all that says where things are is checked here, the things themselves when they are
//! looked at.

use std::cell::RefCell;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hashbrown::HashSet;
use ir::segment::{Buffer, Keys};
use ir::{Fault, Mask, Segment};

use super::check::Refused;
use super::layout::{
    Block, CHUNK, Directory, Encoding, Header, LINE, ListEntry, MAGIC, TraceTable, Trailer, VERSION,
};
use super::source::{Source, owned};
use super::store::Stored;
use crate::corpus::CorpusError;

/// A segment in a file, open for reading; the file stays open as long as it, or a segment of it, lives.
#[derive(Clone, Debug)]
pub struct SegmentFile {
    opened: Arc<Opened>,
}

/// A block of a file, for statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockSize {
    /// What it holds, as `checkout: attribute amount`.
    pub name: String,
    /// Whose rows it is about, if it is about rows.
    pub operations: Vec<Box<str>>,
    /// What of them, as `attribute amount`.
    pub field: String,
    /// The attribute whose values it holds, or whose dictionary it is of.
    pub key: Option<Box<str>>,
    /// Bytes in the file, without padding.
    pub stored: u64,
    /// Bytes when it is unpacked.
    pub raw: u64,
    /// How it is kept: `Plain`, `Zeros`, `Frames`, `Parents`, `Ordinals` or `Pages`.
    pub encoding: &'static str,
}

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

impl SegmentFile {
    /// Opens a sealed file and reads its footer.
    ///
    /// # Errors
    /// Where it cannot be read, is no segment, is of a later version, or is damaged.
    pub fn open(path: &Path) -> Result<Self, CorpusError> {
        Self::checked(path, Source::open(path).map_err(CorpusError::io(path))?)
    }

    /// Reads the footer of the bytes of a file; errors name it `path`.
    ///
    /// # Errors
    /// As [`Self::open`], but for reading.
    pub fn from_bytes(path: &Path, bytes: Bytes) -> Result<Self, CorpusError> {
        let aligned = bytes.as_ptr().align_offset(LINE) == 0;
        Self::checked(path, Source::Memory(if aligned { bytes } else { copied(&bytes) }))
    }

    fn checked(path: &Path, source: Source) -> Result<Self, CorpusError> {
        let name = path.display().to_string();
        match Opened::of(name, source) {
            Ok(opened) => Ok(Self { opened: Arc::new(opened) }),
            Err(Unopened::Io(error)) => Err(CorpusError::io(path)(error)),
            Err(Unopened::Newer(found)) => {
                Err(CorpusError::Newer { path: path.into(), found, known: VERSION })
            }
            Err(Unopened::Damaged(what)) => {
                Err(CorpusError::Damaged { path: path.into(), what: what.into() })
            }
        }
    }

    /// The same file, which from now on remembers what is looked at, for [`Self::accessed`].
    ///
    /// # Panics
    /// Where segments of the file, or copies of this, are there already.
    pub fn recording(self) -> Self {
        let opened = Arc::into_inner(self.opened).expect("it was not handed on");
        Self { opened: Arc::new(Opened { accessed: Some(Mutex::default()), ..opened }) }
    }

    /// The segment: nothing of it is read before it is looked at. Where that finds damage, the
    /// segment is not [sound](Segment::sound).
    pub fn segment(&self, hidden: Option<Mask>) -> Segment {
        Stored::segment(&self.opened, hidden)
    }

    /// Names of the blocks that were looked at since [`Self::recording`], in order.
    pub fn accessed(&self) -> Vec<String> {
        let Some(accessed) = &self.opened.accessed else { return Vec::new() };
        let accessed = accessed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<String> = accessed.iter().cloned().collect();
        names.sort_unstable();
        names
    }

    /// All blocks that something refers to, in the order of the file.
    pub fn sizes(&self) -> Vec<BlockSize> {
        Stored::sizes(&self.opened)
    }

    /// Reads and checks everything.
    ///
    /// # Errors
    /// The first damage.
    pub fn verify(&self) -> Result<(), Fault> {
        Stored::verify(&self.opened)
    }

    /// How many traces there are.
    pub fn traces(&self) -> usize {
        self.opened.traces
    }

    /// How many spans there are.
    pub fn spans(&self) -> usize {
        self.opened.tables.iter().map(|table| table.rows).sum()
    }

    /// Starts of the first and the last trace, in nanoseconds since 1970; zeros without a trace.
    pub fn range(&self) -> (u64, u64) {
        (self.opened.first, self.opened.last)
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.opened.source.len() as u64
    }

    /// Checksum of the footer, as [`Written`](super::Written) has it.
    pub fn footer_crc(&self) -> u32 {
        self.opened.crc
    }
}

/// The bytes of an aligned copy.
fn copied(bytes: &[u8]) -> Bytes {
    let mut buffer = Buffer::zeroed(bytes.len());
    buffer.copy_from_slice(bytes);
    owned(buffer)
}

/// Why a file cannot be opened.
enum Unopened {
    Io(io::Error),
    /// It is of this later version.
    Newer(u32),
    Damaged(&'static str),
}

impl From<io::Error> for Unopened {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<&'static str> for Unopened {
    fn from(what: &'static str) -> Self {
        Self::Damaged(what)
    }
}

/// What is read of the end of a file before it is known how long the footer is.
const TAIL: usize = 24 << 10;

/// The footer of a file that was written to its end, where it begins, and how many blocks it lists.
fn footer(source: &Source) -> Result<(Bytes, Trailer), Unopened> {
    if source.len() < LINE {
        return Err("is no segment of a corpus: it is too short".into());
    }
    let header: Header = bytemuck::pod_read_unaligned(&source.read(0..LINE)?);
    if header.magic != MAGIC {
        return Err("is no segment of a corpus: it does not begin as one".into());
    }
    if header.version > VERSION {
        return Err(Unopened::Newer(header.version));
    }
    if header.version != VERSION || header.zeros != [0; 13] {
        return Err("has a header that was never written".into());
    }
    let cut = "does not end as it was written: it was cut short or added to";
    let end = source.len().checked_sub(LINE).filter(|end| *end >= LINE).ok_or(cut)?;
    let begin = source.len().saturating_sub(TAIL);
    let tail = source.read(begin..source.len())?;
    let trailer: Trailer = bytemuck::pod_read_unaligned(&tail[end - begin..]);
    let whole = trailer.magic == MAGIC
        && trailer.own_crc == trailer.checksum()
        && trailer.file == source.len() as u64;
    if !whole {
        return Err(cut.into());
    }
    let outside = "has a footer outside of the file";
    let at = |number: u64| usize::try_from(number).map_err(|_| outside);
    let (from, length) = (at(trailer.footer)?, at(trailer.length)?);
    let to = from.checked_add(length).filter(|to| *to <= end && from >= LINE).ok_or(outside)?;
    let footer = match from.checked_sub(begin) {
        Some(from) => tail.slice(from..to - begin),
        None => source.read(from..to)?,
    };
    if crc32fast::hash(&footer) != trailer.crc {
        return Err("has another footer than was written: its checksum differs".into());
    }
    Ok((footer, trailer))
}

impl Opened {
    fn of(name: String, source: Source) -> Result<Self, Unopened> {
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
