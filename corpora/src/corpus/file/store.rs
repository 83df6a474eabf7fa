//! A segment whose buffers are blocks of a file: finds, checks and unpacks each when it is first
//! looked at, and remembers the first damage.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use bytes::Bytes;
use hashbrown::HashMap;
use ir::segment::{Buffer, Column, Dictionary, Narrow, Slot, Store, Table, Values};
use ir::{Fault, Mask, Segment};

use super::check::{self, Refused};
use super::dictionary::{Texts, check_blocks};
use super::layout::{Block, DictionaryBlocks, Encoding, LINE, table_slots_mut};
use super::pack::unpack;
use super::parents::Ids;
use super::read::{BlockSize, Opened, owned};
use super::usage::{Check, FieldName, Part, Usage};

/// See the module's text. One a segment, so that what it keeps goes with the segment.
#[derive(Debug)]
pub(super) struct Stored {
    /// For buffers, which keep the store.
    this: Weak<Self>,
    pub(super) file: Arc<Opened>,
    /// What blocks are for: known when what refers to them was read.
    usages: Mutex<HashMap<u32, Usage>>,
    /// Blocks by which others are checked.
    held: Mutex<HashMap<u32, Bytes>>,
    /// Dictionaries that columns have; they keep the store, so it does not keep them.
    dictionaries: Mutex<HashMap<u32, Weak<Dictionary>>>,
    described: Mutex<HashMap<u32, Arc<DictionaryBlocks>>>,
    /// What all blocks of zeros share.
    zeros: Mutex<Bytes>,
    ids: OnceLock<Ids>,
    fault: OnceLock<Fault>,
}

impl Stored {
    /// The segment of a file.
    pub(super) fn segment(file: &Arc<Opened>, hidden: Option<Mask>) -> Segment {
        let stored = Self::new(file);
        let mut segment = stored.directory();
        segment.hidden = hidden;
        segment
    }

    /// The blocks that something refers to.
    pub(super) fn sizes(file: &Arc<Opened>) -> Vec<BlockSize> {
        let stored = Self::new(file);
        let segment = stored.everything();
        let of_keys = stored.keys_of_dictionaries(&segment);
        let size = |(number, usage): (u32, Usage)| {
            let block = &file.blocks[number as usize];
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

    /// Reads everything.
    pub(super) fn verify(file: &Arc<Opened>) -> Result<(), Fault> {
        let stored = Self::new(file);
        let _segment = stored.everything();
        for (number, usage) in stored.known() {
            if let Err(refused) = stored.read(number, &usage) {
                stored.damage(&usage.name(file), &refused);
            }
        }
        stored.fault().map_or(Ok(()), Err)
    }

    fn new(file: &Arc<Opened>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            file: Arc::clone(file),
            usages: Mutex::default(),
            held: Mutex::default(),
            dictionaries: Mutex::default(),
            described: Mutex::default(),
            zeros: Mutex::default(),
            ids: OnceLock::new(),
            fault: OnceLock::new(),
        })
    }

    /// The segment, with all its tables read: all usages are known while it lives.
    fn everything(&self) -> Segment {
        let segment = self.directory();
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
        let mut known: Vec<_> =
            locked(&self.usages).iter().map(|(number, usage)| (*number, *usage)).collect();
        known.sort_unstable_by_key(|(number, _)| *number);
        known
    }

    /// For buffers.
    pub(super) fn shared(&self) -> Arc<dyn Store> {
        self.this.upgrade().expect("who asks holds the store")
    }

    /// Notes damage, if it is the first.
    pub(super) fn damage(&self, part: &str, what: &str) {
        let what = format!("{part}: {what}");
        self.fault.get_or_init(|| Fault::Damaged { file: self.file.name.clone(), what });
    }

    /// Notes what a block is for and whether it has these many bytes.
    pub(super) fn expect(&self, number: u32, bytes: usize, usage: Usage) -> Result<(), Refused> {
        let block = self.file.blocks.get(number as usize);
        if block.is_none_or(|block| block.raw as usize != bytes) {
            return Err("refers to a block that is not there or of another length".into());
        }
        let own = *locked(&self.usages).entry(number).or_insert(usage);
        if own == usage { Ok(()) } else { Err("refers to a block of something else".into()) }
    }

    /// A block that was expected, kept for checks of others.
    pub(super) fn held(&self, number: u32) -> Result<Bytes, Refused> {
        if let Some(bytes) = locked(&self.held).get(&number) {
            return Ok(bytes.clone());
        }
        let usage = *locked(&self.usages).get(&number).ok_or("needs a block that is not there")?;
        let read = self.read(number, &usage);
        let bytes =
            read.map_err(|refused| format!("needs {}: {refused}", usage.name(&self.file)))?;
        locked(&self.held).insert(number, bytes.clone());
        Ok(bytes)
    }

    /// A dictionary: the same as long as a column has it.
    pub(super) fn dictionary(&self, number: u32) -> Result<Arc<Dictionary>, Refused> {
        let known = locked(&self.dictionaries).get(&number).and_then(Weak::upgrade);
        if let Some(dictionary) = known {
            return Ok(dictionary);
        }
        let made = Arc::new(self.read_dictionary(number)?);
        let mut all = locked(&self.dictionaries);
        if let Some(dictionary) = all.get(&number).and_then(Weak::upgrade) {
            return Ok(dictionary);
        }
        all.insert(number, Arc::downgrade(&made));
        Ok(made)
    }

    /// What describes a dictionary.
    pub(super) fn described(&self, number: u32) -> Result<Arc<DictionaryBlocks>, Refused> {
        if let Some(described) = locked(&self.described).get(&number) {
            return Ok(Arc::clone(described));
        }
        let (len, blocks) = &self.file.dictionaries.get(number as usize).ok_or(UNREADABLE)?;
        let (blocks, rest) = postcard::take_from_bytes(blocks).map_err(|_| UNREADABLE)?;
        check_blocks(&blocks, *len)?;
        if !rest.is_empty() {
            return Err(UNREADABLE.into());
        }
        let blocks = Arc::new(blocks);
        locked(&self.described).insert(number, Arc::clone(&blocks));
        Ok(blocks)
    }

    /// The bytes of a block, checked.
    fn read(&self, number: u32, usage: &Usage) -> Result<Bytes, Refused> {
        let block = self.file.blocks[number as usize];
        if let Some(accessed) = &self.file.accessed {
            locked(accessed).insert(usage.name(&self.file));
        }
        let len = block.raw as usize;
        if len == 0 {
            return Ok(self.zeros(0));
        }
        let bytes = match Encoding::of(block.encoding).ok_or("is in an unknown encoding")? {
            Encoding::Zeros => self.zeros(len),
            Encoding::Plain => self.stored(&block)?,
            encoding @ (Encoding::Packed | Encoding::Deltas) => {
                let deltas = encoding == Encoding::Deltas;
                let unpacked = unpack(&self.stored(&block)?, len, block.width.into(), deltas);
                owned(unpacked.ok_or("does not unpack")?)
            }
            Encoding::Parents => self.parents(&self.stored(&block)?, usage)?,
        };
        self.check(&bytes, usage)?;
        Ok(bytes)
    }

    /// The bytes of a block as they lie in the file.
    fn stored(&self, block: &Block) -> Result<Bytes, Refused> {
        let begin = block.place as usize * LINE;
        let bytes = self.file.bytes.slice(begin..begin + block.stored as usize);
        if crc32fast::hash(&bytes) != block.crc {
            return Err(format!("is not what was written: the checksum at {begin:#x} differs"));
        }
        Ok(bytes)
    }

    fn check(&self, bytes: &[u8], usage: &Usage) -> Result<(), Refused> {
        match usage.check {
            Check::Any => Ok(()),
            Check::Within { width, least, most } => check::within(bytes, width, least, most),
            Check::Bits(len) => check::bits(bytes, len),
            Check::Ordinals(table) => self.check_ordinals(bytemuck::cast_slice(bytes), table),
            Check::Parents { most, .. } => check::within(bytes, 8, 0, most),
            Check::Texts { dictionary, number } => {
                let blocks = self.described(dictionary)?;
                let (ends, types) = (self.held(blocks.ends)?, self.held(blocks.types)?);
                let ends = bytemuck::cast_slice(&ends);
                Texts { blocks: &blocks, ends, types: &types, number: number as usize }.check(bytes)
            }
        }
    }

    fn check_ordinals(&self, ordinals: &[u32], table: u32) -> Result<(), Refused> {
        if ordinals.iter().copied().max().is_some_and(|last| last as usize >= self.file.traces) {
            return Err("has traces that there are not".into());
        }
        for &operation in self.file.operations_of(table) {
            let own = &self.file.operations[operation as usize];
            let presence = own.presence.map(|block| self.held(block)).transpose()?;
            let words = presence.as_ref().map(|bytes| bytemuck::cast_slice(bytes));
            check::ordinals(&ordinals[own.rows.clone()], words)?;
        }
        Ok(())
    }

    /// Parents as offsets from their base.
    fn parents(&self, block: &[u8], usage: &Usage) -> Result<Bytes, Refused> {
        let Check::Parents { table, base, .. } = usage.check else {
            return Err("is kept as parents are".into());
        };
        if self.ids.get().is_none() {
            let ids = self.read_ids()?;
            self.ids.get_or_init(|| ids);
        }
        let traces = self.held(self.file.tables[table as usize].trace)?;
        let ids = self.ids.get().ok_or("needs all spans")?;
        let parents = ids.unpack(block, bytemuck::cast_slice(&traces)).ok_or("does not unpack")?;
        let mut offsets: Buffer<u8> = Buffer::zeroed(size_of_val(&parents[..]));
        let base = base.cast_unsigned();
        for (offset, parent) in offsets.chunks_exact_mut(8).zip(parents) {
            offset.copy_from_slice(&parent.wrapping_sub(base).to_le_bytes());
        }
        Ok(owned(offsets))
    }

    fn read_ids(&self) -> Result<Ids, Refused> {
        let mut tables = Vec::with_capacity(self.file.tables.len());
        for number in 0..self.file.tables.len() as u32 {
            let (trace, id) = self.expect_rows(number)?;
            tables.push((self.held(trace)?, self.held(id)?));
        }
        let tables: Vec<(&[u32], &[u64])> = tables
            .iter()
            .map(|(traces, ids)| (bytemuck::cast_slice(traces), bytemuck::cast_slice(ids)))
            .collect();
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
    fn load(&self, number: u32, len: usize) -> Bytes {
        if let Some(bytes) = locked(&self.held).get(&number) {
            return bytes.clone();
        }
        let usage = locked(&self.usages).get(&number).copied();
        let Some(usage) = usage else {
            unreachable!("buffers are made of blocks that are expected")
        };
        self.read(number, &usage).unwrap_or_else(|refused| {
            self.damage(&usage.name(&self.file), &refused);
            self.zeros(len)
        })
    }

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

/// What a lock guards; nothing of ours leaves it half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
