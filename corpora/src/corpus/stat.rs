//! Statistics: what lies in a corpus, and what it takes on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashSet;
use ir::segment::{CLOCK_DEFECT, Column, Dictionary, ROOTLESS, Slot, Values};
use ir::{Datum, Segment, Type};

use super::CorpusError;
use super::file::SegmentFile;
use super::folder::Snapshot;
use super::parts::{Part, Parts};
use super::sketch::Sketch;

/// Nanoseconds of a day.
const DAY: u64 = 86_400_000_000_000;

/// What lies in a corpus; each trace counts once.
#[derive(Clone, Debug, Default)]
pub struct Stat {
    /// The commit.
    pub generation: u64,
    /// Segments.
    pub segments: u64,
    /// Bytes of their files.
    pub bytes: u64,
    /// Traces.
    pub traces: u64,
    /// Spans.
    pub spans: u64,
    /// Traces that lie in several segments.
    pub splits: u64,
    /// Traces without a root span.
    pub rootless: u64,
    /// Traces with a span whose parent is not in the trace.
    pub orphaned: u64,
    /// Spans whose parent is not in the trace.
    pub orphans: u64,
    /// Traces with a span that ends before it starts.
    pub clock_defects: u64,
    /// Start of the first and the last trace, in nanoseconds since 1970.
    pub range: Option<(u64, u64)>,
    /// Traces by the day of their start, in days since 1970, UTC.
    pub days: BTreeMap<u64, u64>,
    /// The operations, by name.
    pub operations: BTreeMap<String, OperationStat>,
    /// The attributes of spans and resources, by key.
    pub attributes: BTreeMap<String, AttributeStat>,
    /// Bytes on disk of all that is no attribute, by what it is.
    pub fields: BTreeMap<String, u64>,
}

/// Spans of one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationStat {
    /// How many.
    pub spans: u64,
    /// Traces with such a span.
    pub traces: u64,
    /// Start of the last of these traces, in nanoseconds since 1970.
    pub last: u64,
}

/// An attribute of spans and resources.
#[derive(Clone, Debug, Default)]
pub struct AttributeStat {
    /// The types of its values.
    pub types: BTreeSet<&'static str>,
    /// Bytes on disk by how they are kept.
    pub encodings: BTreeMap<&'static str, u64>,
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes in memory.
    pub raw: u64,
    /// How many different values there are.
    pub values: u64,
    /// Whether that is exact; of many values it is an estimate, off by about one in a hundred.
    pub exact: bool,
}

impl Snapshot {
    /// Reads what statistics need. `progress` is told the bytes of each segment. Traces that lie in several
    /// segments are put together in at most `memory` bytes.
    ///
    /// # Errors
    /// [`CorpusError`].
    pub fn stat(&self, memory: u64, progress: &mut dyn FnMut(u64)) -> Result<Stat, CorpusError> {
        let parts = Parts::of(self, memory)?;
        let mut sketches = BTreeMap::new();
        let mut stat = Stat {
            generation: self.manifest.generation,
            segments: parts.stored.len() as u64,
            splits: parts.splits,
            ..Stat::default()
        };
        for (entry, hidden) in parts.stored {
            let file = SegmentFile::open(&self.folder.segment(entry.number))?;
            stat.bytes += entry.bytes;
            stat.add_sizes(&file);
            let part = Part::new(file.segment(None), hidden);
            stat.add_spans(&part);
            add_values(&part.segment, &mut stat.attributes, &mut sketches);
            part.segment.sound()?;
            progress(entry.bytes);
        }
        for unsealed in parts.joined {
            stat.add_spans(&Part::new(unsealed.seal().segment, Vec::new()));
        }
        for (key, sketch) in &sketches {
            let own = stat.attributes.entry(key.clone()).or_default();
            (own.values, own.exact) = sketch.count();
        }
        Ok(stat)
    }
}

impl Stat {
    fn add_sizes(&mut self, file: &SegmentFile) {
        for block in file.sizes() {
            match block.key {
                Some(key) => {
                    let own = self.attributes.entry(key.into()).or_default();
                    own.bytes += block.stored;
                    own.raw += block.raw;
                    *own.encodings.entry(block.encoding).or_default() += block.stored;
                }
                None => *self.fields.entry(block.field).or_default() += block.stored,
            }
        }
    }

    fn add_spans(&mut self, part: &Part) {
        let Part { segment, .. } = part;
        let traces = &segment.traces;
        for trace in part.traces() {
            let start = traces.start[trace];
            self.traces += 1;
            self.rootless += u64::from(traces.flags[trace] & ROOTLESS != 0);
            self.clock_defects += u64::from(traces.flags[trace] & CLOCK_DEFECT != 0);
            *self.days.entry(start / DAY).or_default() += 1;
            let (first, last) = self.range.unwrap_or((start, start));
            self.range = Some((first.min(start), last.max(start)));
        }
        for operation in &segment.operations {
            let mut own = OperationStat::default();
            let mut before = None;
            for &trace in &segment.tables.get(operation.table).trace[operation.rows.clone()] {
                if !part.shows(trace as usize) {
                    continue;
                }
                own.spans += 1;
                if before.replace(trace) != Some(trace) {
                    own.traces += 1;
                    own.last = own.last.max(traces.start[trace as usize]);
                }
            }
            if own.spans > 0 {
                self.spans += own.spans;
                let all = self.operations.entry(operation.name.to_string()).or_default();
                all.spans += own.spans;
                all.traces += own.traces;
                all.last = all.last.max(own.last);
            }
        }
        self.add_orphans(part);
    }

    fn add_orphans(&mut self, part: &Part) {
        let Part { segment, .. } = part;
        let tables = || (0..segment.tables.len()).map(|number| segment.tables.get(number));
        let ids =
            tables().flat_map(|table| table.trace.iter().copied().zip(table.id.iter().copied()));
        let ids: HashSet<(u32, u64)> = ids.collect();
        let mut orphaned = HashSet::new();
        for table in tables() {
            let Slot::Decoded(parents) = &table.parent else { continue };
            for (row, &trace) in table.trace.iter().enumerate() {
                let Some(Datum::Int(parent)) = parents.get(row) else { continue };
                let parent = parent.cast_unsigned();
                if parent != 0 && part.shows(trace as usize) && !ids.contains(&(trace, parent)) {
                    self.orphans += 1;
                    orphaned.insert(trace);
                }
            }
        }
        self.orphaned += orphaned.len() as u64;
    }
}

/// Adds types and values of all attributes.
fn add_values(
    segment: &Segment,
    attributes: &mut BTreeMap<String, AttributeStat>,
    sketches: &mut BTreeMap<String, Sketch>,
) {
    let tables = (0..segment.tables.len()).map(|number| segment.tables.get(number));
    let of_spans = tables.flat_map(|table| table.attributes.iter());
    let slots = of_spans.chain(segment.resources.iter().enumerate());
    let mut seen: HashSet<*const Dictionary> = HashSet::new();
    for (key, slot) in slots {
        let Slot::Decoded(column) = slot else { continue };
        if matches!(column.values, Values::Empty) {
            continue;
        }
        let key = &*segment.keys[key];
        let own = attributes.entry(key.to_owned()).or_default();
        let sketch = sketches.entry(key.to_owned()).or_default();
        let mut add = |datum: Datum<'_>| {
            own.types.insert(type_name(datum.value_type()));
            sketch.add(&*datum.text());
        };
        match &column.values {
            Values::Codes(_, dictionary) => {
                if seen.insert(Arc::as_ptr(dictionary)) {
                    dictionary.iter().for_each(add);
                }
            }
            Values::Integers(integers) => {
                let all = rows(column, integers.offsets.len()).map(|row| integers.get(row));
                all.collect::<HashSet<i64>>().into_iter().for_each(|int| add(Datum::Int(int)));
            }
            Values::Floats(floats) => {
                let all = rows(column, floats.len()).map(|row| floats[row].to_bits());
                let all = all.collect::<HashSet<u64>>().into_iter();
                all.for_each(|bits| add(Datum::Float(f64::from_bits(bits))));
            }
            Values::Empty => {}
        }
    }
}

/// The rows with a value.
fn rows(column: &Column, len: usize) -> impl Iterator<Item = usize> {
    (0..len).filter(|&row| column.has(row))
}

fn type_name(value_type: Type) -> &'static str {
    match value_type {
        Type::Text => "string",
        Type::Bool => "bool",
        Type::Int => "int",
        Type::Float => "double",
        Type::Bytes => "bytes",
        Type::List => "array",
        Type::Map => "map",
    }
}
