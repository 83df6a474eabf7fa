//! From a segment that holds everything back to spans as readers hand them to a builder: for split
//! traces that are joined, for compaction, erasure and export.

use ir::module::{KINDS, STATUSES};
use ir::segment::{Fault, RowRef, Slot};
use ir::{Datum, Segment};

use super::direct::{Attributes, direct};
use super::interner::MISSING;
use super::{Builder, Numbers, SpanRecord};

/// The member of what else a span bears that tells an end which its duration does not.
pub(crate) const END: &str = "endTimeUnixNano";

/// Reads the spans of a segment of [everything](ir::Schema::everything).
#[derive(Clone, Copy, Debug)]
pub struct Stored<'s> {
    segment: &'s Segment,
}

/// Adds all spans of these traces, given by their ordinals, to `builder`, which keeps everything, too.
///
/// # Errors
/// A fault where the segment does not hold everything. Of a damaged store, what it gives is added:
/// ask [`Segment::sound`] afterwards.
pub fn refill(
    segment: &Segment,
    traces: impl IntoIterator<Item = usize>,
    builder: &mut Builder,
) -> Result<(), Fault> {
    refill_kept(segment, traces, |_| true, builder)
}

/// As [`refill`], but for spans that are not to be kept.
///
/// # Errors
/// As [`refill`].
pub fn refill_kept(
    segment: &Segment,
    traces: impl IntoIterator<Item = usize>,
    keep: impl Fn(RowRef) -> bool,
    builder: &mut Builder,
) -> Result<(), Fault> {
    let stored = Stored::new(segment);
    let (mut resources, mut scopes) = (Vec::new(), Vec::new());
    for trace in traces {
        let rows: Vec<RowRef> = segment.spans_of(trace).into_iter().collect();
        let roots = stored.roots(&rows)?;
        // What twins of the root bore may tell another service than the one row that stayed.
        let service =
            roots.iter().all(|&at| keep(at)).then(|| builder.root_service(segment, trace));
        for at in rows.into_iter().filter(|&at| keep(at)) {
            let record = stored.record(at)?;
            let resource = number(&mut resources, record.resource, || {
                let (attributes, rest) = stored.resource(record.resource)?;
                Ok(builder.resource(pairs(&attributes), rest))
            })?;
            let scope = number(&mut scopes, record.scope, || {
                let [name, version, rest] = stored.scope(record.scope)?;
                Ok(builder.scope(name, version, rest))
            })?;
            let attributes = stored.attributes(at)?;
            let span = SpanRecord { resource, scope, ..record };
            let numbers = Numbers { operation: builder.operation(span.name), trace: None };
            let service = service.filter(|_| roots.contains(&at));
            builder.add(numbers, &span, service, &[], pairs(&attributes));
        }
    }
    Ok(())
}

impl Builder {
    /// The code of the service that a stored trace has by its root.
    pub(super) fn root_service(&mut self, segment: &Segment, trace: usize) -> u32 {
        let service = segment.traces.root_service.as_ref().and_then(|column| column.get(trace));
        service
            .map_or(MISSING, |service| self.services.intern(service.value_type(), &service.text()))
    }
}

impl<'s> Stored<'s> {
    /// The spans of `segment`.
    pub fn new(segment: &'s Segment) -> Self {
        Self { segment }
    }

    /// The span of a row; its resource and scope are the segment's numbers.
    ///
    /// # Errors
    /// A fault where a field was not decoded.
    pub fn record(self, at: RowRef) -> Result<SpanRecord<'s>, Fault> {
        let table = self.segment.table(at.operation as usize);
        let row = at.row as usize;
        let trace = table.trace[row] as usize;
        let (id, start) = (self.segment.traces.id[trace], self.segment.traces.start[trace]);
        Ok(SpanRecord {
            parent_id: int(&table.parent, row, "parents")?.cast_unsigned(),
            message: self.message(at)?,
            scope: self.scope_of(at)?,
            rest: self.rest(at)?,
            ..self.bare_record(id, start, at)?
        })
    }

    /// The same for a row of a trace with this id and start, but without parent, message, scope and
    /// what else it bears: no more is looked at than the columns of the others.
    ///
    /// # Errors
    /// A fault where a field was not decoded.
    pub(super) fn bare_record(
        self,
        trace_id: u128,
        begin: u64,
        at: RowRef,
    ) -> Result<SpanRecord<'s>, Fault> {
        let Self { segment } = self;
        let table = segment.table(at.operation as usize);
        let row = at.row as usize;
        let start = begin.saturating_add(table.start.get(row));
        let duration = int(&table.duration, row, "durations")?;
        let end = match duration {
            i64::MIN | i64::MAX => end_of(self.rest(at)?),
            _ => None,
        };
        Ok(SpanRecord {
            trace_id,
            span_id: segment.span_id(at),
            parent_id: 0,
            name: &segment.operations[at.operation as usize].name,
            kind: place(&KINDS, text(&table.kind, row, "kinds")?),
            status: place(&STATUSES, text(&table.status, row, "statuses")?),
            message: "",
            start,
            end: end.unwrap_or(start.saturating_add_signed(duration)),
            flags: int(&table.flags, row, "flags")? as u32,
            resource: table.resource.get(row) as u32,
            scope: 0,
            rest: "",
        })
    }

    /// The status message of a row.
    pub(super) fn message(self, at: RowRef) -> Result<&'s str, Fault> {
        let slot = &self.segment.table(at.operation as usize).message;
        text(slot, at.row as usize, "status messages")
    }

    /// What else the span of a row bears.
    fn rest(self, at: RowRef) -> Result<&'s str, Fault> {
        let slot = &self.segment.table(at.operation as usize).rest;
        text(slot, at.row as usize, "what else spans bear")
    }

    /// Of the rows of a trace those that may be its root: mostly one.
    pub(super) fn roots(self, rows: &[RowRef]) -> Result<Vec<RowRef>, Fault> {
        let mut roots = Vec::new();
        let mut least = None;
        for &at in rows {
            let table = self.segment.table(at.operation as usize);
            if int(&table.parent, at.row as usize, "parents")? != 0 {
                continue;
            }
            let name = &*self.segment.operations[at.operation as usize].name;
            let order = (self.segment.start(at), self.segment.span_id(at), name);
            if least.is_none_or(|least| order < least) {
                roots.clear();
                least = Some(order);
            }
            if least == Some(order) {
                roots.push(at);
            }
        }
        Ok(roots)
    }

    /// The number of the scope of a row.
    ///
    /// # Errors
    /// A fault where scopes were not decoded.
    pub fn scope_of(self, at: RowRef) -> Result<u32, Fault> {
        let slot = &self.segment.table(at.operation as usize).scope;
        Ok(int(slot, at.row as usize, "scopes")? as u32)
    }

    /// The attributes that the span of a row bears itself: [`direct`] ones.
    ///
    /// # Errors
    /// A fault where an attribute was not decoded.
    pub fn attributes(self, at: RowRef) -> Result<Attributes<'s>, Fault> {
        let columns = self.segment.table(at.operation as usize).attributes.iter();
        self.direct(columns, at.row as usize)
    }

    /// The attributes that a resource bears itself, and what else it bears.
    ///
    /// # Errors
    /// A fault where that was not decoded.
    pub fn resource(self, number: u32) -> Result<(Attributes<'s>, &'s str), Fault> {
        let columns = self.segment.resources.iter().enumerate();
        let rest = text(&self.segment.resource_rest, number as usize, "what else resources bear")?;
        Ok((self.direct(columns, number as usize)?, rest))
    }

    /// Name and version of a scope, and what else it bears.
    ///
    /// # Errors
    /// A fault where that was not decoded.
    pub fn scope(self, number: u32) -> Result<[&'s str; 3], Fault> {
        let scopes = &self.segment.scopes;
        let text = |slot| text(slot, number as usize, "scopes");
        Ok([text(&scopes.name)?, text(&scopes.version)?, text(&scopes.rest)?])
    }

    fn direct(
        self,
        columns: impl Iterator<Item = (usize, &'s Slot)>,
        row: usize,
    ) -> Result<Attributes<'s>, Fault> {
        let mut found = Vec::new();
        for (key, slot) in columns {
            if let Some(datum) = datum(slot, row, "all attributes")? {
                found.push((&*self.segment.keys[key], datum));
            }
        }
        Ok(direct(&found))
    }
}

/// Attributes as a builder takes them.
fn pairs<'a>(
    attributes: &'a Attributes<'_>,
) -> impl Iterator<Item = (&'a str, &'a ir::Value)> + Clone {
    attributes.iter().map(|(key, value)| (&**key, value))
}

/// What `numbers` has for `old`; if nothing, what `make` says.
fn number(
    numbers: &mut Vec<Option<u32>>,
    old: u32,
    make: impl FnOnce() -> Result<u32, Fault>,
) -> Result<u32, Fault> {
    let old = old as usize;
    if old >= numbers.len() {
        numbers.resize(old + 1, None);
    }
    match numbers[old] {
        Some(number) => Ok(number),
        None => Ok(*numbers[old].insert(make()?)),
    }
}

pub(super) fn datum<'s>(
    slot: &'s Slot,
    row: usize,
    what: &str,
) -> Result<Option<Datum<'s>>, Fault> {
    match slot {
        Slot::Decoded(column) => Ok(column.get(row)),
        Slot::NotDecoded => Err(Fault::NotDecoded { what: what.to_owned() }),
    }
}

fn int(slot: &Slot, row: usize, what: &str) -> Result<i64, Fault> {
    match datum(slot, row, what)? {
        Some(Datum::Int(int)) => Ok(int),
        _ => Ok(0),
    }
}

fn text<'s>(slot: &'s Slot, row: usize, what: &str) -> Result<&'s str, Fault> {
    Ok(match datum(slot, row, what)? {
        Some(Datum::Entry(_, text)) => text,
        _ => "",
    })
}

/// The number of an enum's name.
fn place(names: &[&str], name: &str) -> u8 {
    names.iter().position(|known| *known == name).unwrap_or(0) as u8
}

/// The end that `rest` tells.
fn end_of(rest: &str) -> Option<u64> {
    Some(cut_end(rest)?.1)
}

/// The members of `rest` before the end that it tells, and that end: the reader adds it last.
pub(crate) fn cut_end(rest: &str) -> Option<(&str, u64)> {
    let (before, end) = rest.rsplit_once(&format!("\"{END}\":\""))?;
    Some((before, end.strip_suffix("\"}")?.parse().ok()?))
}
