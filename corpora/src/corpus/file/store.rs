//! A segment whose buffers are blocks of a file: finds, checks and unpacks each when it is first
//! looked at, and remembers the first damage.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use bytes::Bytes;
use hashbrown::HashMap;
use ir::segment::{self, Buffer, Column, Dictionary, Ends, Narrow, Slot, Store, Table};
use ir::{Fault, Mask, Segment};

use super::check::{self, Refused};
use super::chunks::Chunks;
use super::frames;
use super::layout::{Block, Encoding, table_slots_mut};
use super::opened::{Opened, OperationPlace};
use super::ordinals::Ordinals;
use super::parents::Ids;
use super::source::owned;
use super::usage::{Check, Part, Usage};

/// See the module's text. One a segment, so that what it keeps goes with the segment.
#[derive(Debug)]
pub(super) struct Stored {
    /// For buffers, which keep the store.
    this: Weak<Self>,
    pub(super) file: Arc<Opened>,
    /// Blocks that others need.
    pub(super) held: Mutex<HashMap<u32, Bytes>>,
    /// Dictionaries that columns have; they keep the store, so it does not keep them.
    pub(super) dictionaries: Mutex<HashMap<u32, Weak<Dictionary>>>,
    /// By table; none where they are not kept as ordinals are.
    ordinals: Vec<OnceLock<Ordinals>>,
    /// What all blocks of zeros share.
    zeros: Mutex<Bytes>,
    ids: OnceLock<Ids>,
    fault: OnceLock<Fault>,
    /// What blocks are for, where that is asked for.
    pub(super) noted: Option<Mutex<HashMap<u32, Usage>>>,
}

impl Stored {
    /// The segment of a file.
    pub(super) fn segment(file: &Arc<Opened>, hidden: Option<Mask>) -> Segment {
        let stored = Self::new(file, false);
        let mut segment = stored.directory();
        segment.hidden = hidden;
        segment
    }

    pub(super) fn new(file: &Arc<Opened>, noting: bool) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            file: Arc::clone(file),
            held: Mutex::default(),
            dictionaries: Mutex::default(),
            ordinals: file.tables.iter().map(|_| OnceLock::new()).collect(),
            zeros: Mutex::default(),
            ids: OnceLock::new(),
            fault: OnceLock::new(),
            noted: noting.then(Mutex::default),
        })
    }

    /// For tables and buffers.
    pub(super) fn shared(&self) -> Arc<Self> {
        self.this.upgrade().expect("who asks holds the store")
    }

    /// Notes damage, if it is the first.
    pub(super) fn damage(&self, part: &str, what: &str) {
        let what = format!("{part}: {what}");
        self.fault.get_or_init(|| Fault::Damaged { file: self.file.name.clone(), what });
    }

    /// A block that is there and gives so many bytes, if that is known, for what it is used for.
    pub(super) fn block(
        &self,
        number: u32,
        bytes: Option<usize>,
        usage: Usage,
    ) -> Result<StoredBlock, Refused> {
        let record = self.file.block(number)?;
        if let Some(bytes) = bytes {
            gives(&record, bytes)?;
        }
        if let Some(noted) = &self.noted
            && *locked(noted).entry(number).or_insert(usage) != usage
        {
            return Err("refers to a block of something else".into());
        }
        Ok(StoredBlock { store: self.shared(), number, record, usage, chunks: Chunks::default() })
    }

    /// All of a block that others need, if it gives so many bytes.
    pub(super) fn held(&self, number: u32, bytes: usize) -> Result<Bytes, Refused> {
        let record = self.file.block(number)?;
        gives(&record, bytes)?;
        if let Some(bytes) = locked(&self.held).get(&number) {
            return Ok(bytes.clone());
        }
        let bytes = self.unpacked(&record)?;
        locked(&self.held).insert(number, bytes.clone());
        Ok(bytes)
    }

    /// A dictionary: the same as long as a column has it.
    pub(super) fn dictionary(&self, number: u32) -> Result<Arc<Dictionary>, Refused> {
        let mut all = locked(&self.dictionaries);
        if let Some(dictionary) = all.get(&number).and_then(Weak::upgrade) {
            return Ok(dictionary);
        }
        let made = Arc::new(self.read_dictionary(number)?);
        all.insert(number, Arc::downgrade(&made));
        Ok(made)
    }

    pub(super) fn note_access(&self, usage: &Usage) {
        if let Some(accessed) = &self.file.accessed {
            locked(accessed).insert(usage.name(&self.file));
        }
    }

    /// The bytes of a block, checked.
    pub(super) fn read(&self, own: &StoredBlock) -> Result<Bytes, Refused> {
        let StoredBlock { number, record: block, usage, .. } = own;
        self.note_access(usage);
        let len = block.raw as usize;
        if len == 0 {
            return Ok(self.zeros(0));
        }
        let encoding = Encoding::of(block.encoding).ok_or("is in an unknown encoding")?;
        let bytes = match (encoding, usage.check) {
            (Encoding::Parents, Check::Parents { table, base, .. }) => {
                let packed = self.file.whole(block)?;
                self.parents(&packed, table, base)?
            }
            (Encoding::Ordinals, Check::Ordinals(table)) => {
                let mut ordinals: Buffer<u8> = Buffer::unwritten(len);
                let own = self.ordinals(block, table)?;
                own.write(bytemuck::cast_slice_mut(&mut ordinals));
                return Ok(owned(ordinals));
            }
            // Ordinals need the presence of their operation, too.
            _ if matches!(usage.part, Part::Operation(_)) => self.held(*number, len)?,
            _ => match locked(&self.held).get(number) {
                Some(bytes) => bytes.clone(),
                None => self.unpacked(block)?,
            },
        };
        self.check(&bytes, usage)?;
        Ok(bytes)
    }

    /// The bytes of a block that is kept in a way that needs no others.
    fn unpacked(&self, block: &Block) -> Result<Bytes, Refused> {
        let len = block.raw as usize;
        match Encoding::of(block.encoding) {
            Some(Encoding::Zeros) => Ok(self.zeros(len)),
            Some(Encoding::Plain) if len > 0 => self.file.whole(block),
            Some(Encoding::Plain) => Ok(self.zeros(0)),
            Some(Encoding::Frames) => {
                let width = block.width.into();
                let mut buffer: Buffer<u8> = Buffer::unwritten(len);
                let packed = self.file.whole(block)?;
                frames::unpack(&packed, &mut buffer, width).ok_or("does not unpack")?;
                Ok(owned(buffer))
            }
            _ => Err("is kept as something else is".into()),
        }
    }

    fn check(&self, bytes: &[u8], usage: &Usage) -> Result<(), Refused> {
        match usage.check {
            Check::Any | Check::Pages => Ok(()),
            Check::Within { width, least, most } => check::within(bytes, width, least, most),
            Check::Times { first, last } => check::times(bytemuck::cast_slice(bytes), first, last),
            Check::Bits(len) => check::bits(bytes, len),
            Check::Ordinals(table) => self.check_ordinals(bytemuck::cast_slice(bytes), table),
            Check::Parents { most, .. } => check::within(bytes, 8, 0, most),
        }
    }

    fn check_ordinals(&self, ordinals: &[u32], table: u32) -> Result<(), Refused> {
        if ordinals.iter().copied().max().is_some_and(|last| last as usize >= self.file.traces) {
            return Err("has traces that there are not".into());
        }
        let operations = self.file.operations_of(table).iter();
        let mut rows = operations.map(|number| &self.file.operations[*number as usize].rows);
        rows.try_for_each(|rows| check::ascending(&ordinals[rows.clone()]))
    }

    /// The ordinals of a table of one operation, by its presence.
    pub(super) fn ordinals(&self, block: &Block, table: u32) -> Result<&Ordinals, Refused> {
        let known = &self.ordinals[table as usize];
        if let Some(known) = known.get() {
            return Ok(known);
        }
        let rows = self.file.tables[table as usize].rows;
        let [operation] = *self.file.operations_of(table) else {
            return Err("is kept as something else is".into());
        };
        let OperationPlace { presence, rows: own, .. } = &self.file.operations[operation as usize];
        if *own != (0..rows) {
            return Err("has rows that are of no operation".into());
        }
        let presence = presence.ok_or("needs a presence that is not there")?;
        let presence = self.held(presence, self.file.traces.div_ceil(64) * 8)?;
        let usage = self.presence(operation);
        self.note_access(&usage);
        self.check(&presence, &usage)?;
        let firsts = self.file.whole(block)?;
        let made = Ordinals::new(presence, &firsts, rows).ok_or("is not as the presence says")?;
        Ok(known.get_or_init(|| made))
    }

    /// Parents as offsets from their base.
    fn parents(&self, block: &[u8], table: u32, base: i64) -> Result<Bytes, Refused> {
        if self.ids.get().is_none() {
            let ids = self.read_ids()?;
            self.ids.get_or_init(|| ids);
        }
        let traces = self.rows(table)?.0;
        let ids = self.ids.get().ok_or("needs all spans")?;
        let parents = ids.unpack(block, &traces).ok_or("does not unpack")?;
        let base = base.cast_unsigned();
        let offsets = parents.into_iter().map(|parent| parent.wrapping_sub(base));
        let offsets: Buffer<u64> = Buffer::collect(offsets);
        Ok(owned(Buffer::collect(bytemuck::cast_slice(&offsets).iter().copied())))
    }

    fn read_ids(&self) -> Result<Ids, Refused> {
        let tables = 0..self.file.tables.len() as u32;
        let tables = tables.map(|number| self.rows(number)).collect::<Result<Vec<_>, _>>()?;
        let tables: Vec<(&[u32], &[u64])> =
            tables.iter().map(|(traces, ids)| (&traces[..], &ids[..])).collect();
        if let Some(fault) = self.fault.get() {
            return Err(fault.to_string());
        }
        Ok(Ids::of(&tables, self.file.traces))
    }

    fn zeros(&self, len: usize) -> Bytes {
        if len == 0 {
            // An empty part of other bytes would lie anywhere.
            return owned(Buffer::zeroed(0));
        }
        let mut zeros = locked(&self.zeros);
        if zeros.len() < len {
            *zeros = owned(Buffer::zeroed(len));
        }
        zeros.slice(..len)
    }
}

/// Something of the directory that is no such thing.
pub(super) const UNREADABLE: &str = "has a description that cannot be read";

impl Store for Stored {
    fn table(&self, number: usize) -> Table {
        self.read_table(number as u32).unwrap_or_else(|refused| {
            self.damage(&self.file.table_name(number as u32), &refused);
            let rows = self.file.tables[number].rows;
            let mut table = Table {
                trace: Buffer::zeroed(rows),
                start: Narrow::U8(Buffer::zeroed(rows)),
                id: Buffer::zeroed(rows),
                resource: Narrow::U8(Buffer::zeroed(rows)),
                ..Table::default()
            };
            for slot in table_slots_mut(&mut table) {
                *slot = Slot::Decoded(Column::EMPTY);
            }
            table
        })
    }

    fn fault(&self) -> Option<Fault> {
        self.file.changed().or_else(|| self.fault.get().cloned())
    }
}

/// The content of a buffer.
pub(super) struct StoredBlock {
    store: Arc<Stored>,
    pub(super) number: u32,
    pub(super) record: Block,
    pub(super) usage: Usage,
    pub(super) chunks: Chunks,
}

impl StoredBlock {
    /// Some of the bytes as they are stored.
    pub(super) fn part(&self, range: Range<usize>) -> Result<Bytes, Refused> {
        self.store.note_access(&self.usage);
        self.chunks.read(&self.store.file, &self.record, range)
    }

    /// Notes damage to it.
    pub(super) fn damage(&self, what: &str) {
        self.store.damage(&self.usage.name(&self.store.file), what);
    }

    /// If it has trace ordinals that are kept as ordinals are: these. What is damaged is met again, and
    /// noted, by who then reads the ordinals.
    fn ordinals(&self) -> Option<&Ordinals> {
        let Check::Ordinals(table) = self.usage.check else { return None };
        if Encoding::of(self.record.encoding) != Some(Encoding::Ordinals) {
            return None;
        }
        self.store.note_access(&self.usage);
        self.store.ordinals(&self.record, table).ok()
    }
}

impl segment::Block for StoredBlock {
    fn load(&self) -> Bytes {
        let read = self.store.read(self);
        read.unwrap_or_else(|refused| {
            self.damage(&refused);
            self.store.zeros(self.record.raw as usize)
        })
    }

    fn read(&self, at: usize, item: &mut [u8]) {
        let read = self.store.read_item(self, at, item);
        read.unwrap_or_else(|refused| {
            self.damage(&refused);
            item.fill(0);
        });
    }

    fn is(&self, at: usize, item: &[u8]) -> Option<bool> {
        self.store.is_parent(self, at, item).unwrap_or_else(|refused| {
            self.damage(&refused);
            None
        })
    }

    fn run(&self, item: &[u8]) -> Option<Range<usize>> {
        Some(self.ordinals()?.run(u32::from_le_bytes(item.try_into().ok()?)))
    }

    fn ends(&self) -> Option<Ends<'_>> {
        Some(self.ordinals()?.ends())
    }
}

/// Held to before anything is unpacked: a few bytes may say that they give gigabytes.
fn gives(record: &Block, bytes: usize) -> Result<(), Refused> {
    if record.raw as usize == bytes {
        Ok(())
    } else {
        Err("refers to a block of another length".into())
    }
}

/// What a lock guards; nothing of ours leaves it half done.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
