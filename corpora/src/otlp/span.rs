//! From the raw fields of a span to a record: the one place that says which ids, times and enums
//! are accepted.

use ir::module::{KINDS, STATUSES};

use super::tally::{Defect, Report};
use super::tape::{Tape, View, entries};
use super::text;
use super::value::{Loss, lose, loss};
use crate::build::SpanRecord;

/// Where the fields of a span are, by [`Field`], 0 for one that is absent; of repeated keys the last
/// counts. One place more is for what is no field.
#[derive(Clone, Copy, Default)]
pub(super) struct Fields([usize; FIELDS + 1]);

/// What is read of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    TraceId,
    SpanId,
    ParentId,
    Name,
    Kind,
    Start,
    End,
    Attributes,
    Status,
    Flags,
}

const FIELDS: usize = 10;

/// The keys of fields.
const NAMES: [(&str, Field); 15] = [
    ("traceId", Field::TraceId),
    ("trace_id", Field::TraceId),
    ("spanId", Field::SpanId),
    ("span_id", Field::SpanId),
    ("parentSpanId", Field::ParentId),
    ("parent_span_id", Field::ParentId),
    ("name", Field::Name),
    ("kind", Field::Kind),
    ("startTimeUnixNano", Field::Start),
    ("start_time_unix_nano", Field::Start),
    ("endTimeUnixNano", Field::End),
    ("end_time_unix_nano", Field::End),
    ("attributes", Field::Attributes),
    ("status", Field::Status),
    ("flags", Field::Flags),
];

/// Fields with names that their ends do not tell wholly.
const LONG: [(Field, [&str; 2]); 4] = [
    (Field::ParentId, ["parentSpanId", "parent_span_id"]),
    (Field::Start, ["startTimeUnixNano", "start_time_unix_nano"]),
    (Field::End, ["endTimeUnixNano", "end_time_unix_nano"]),
    (Field::Attributes, ["attributes"; 2]),
];

/// What a key begins and ends with, four bytes each, and how long it is.
type Ends = (u64, usize);

/// The names, each at a place of its own.
static PLACES: [(Ends, Field); 32] = {
    let mut places = [((0, 0), Field::Name); 32];
    let mut at = 0;
    while at < NAMES.len() {
        let (name, field) = NAMES[at];
        let ends = ends(name.as_bytes());
        assert!(places[place(ends)].0.1 == 0, "names share a place");
        places[place(ends)] = (ends, field);
        at += 1;
    }
    places
};

/// Of a key of at least four bytes.
const fn ends(key: &[u8]) -> Ends {
    let len = key.len();
    let tail = [key[len - 4], key[len - 3], key[len - 2], key[len - 1]];
    let head = u32::from_le_bytes([key[0], key[1], key[2], key[3]]);
    (head as u64 | (u32::from_le_bytes(tail) as u64) << 32, len)
}

/// Where a key is looked for; the factor is one that keeps the names apart.
const fn place((ends, len): Ends) -> usize {
    (ends.wrapping_add(len as u64).wrapping_mul(0x97b7_5092_3ceb_3ffd) >> 59) as usize
}

impl Field {
    /// The field of this name.
    pub(super) fn named(key: &str) -> Option<Self> {
        NAMES.iter().find(|(name, _)| *name == key).map(|(_, field)| *field)
    }
}

/// The place of the only field that a key may be of, as its ends tell, or that of none. Keys of a span
/// may come in any order, so that a branch by them would be guessed wrong again and again.
#[inline(always)]
fn probable(key: &str) -> usize {
    if key.len() < 4 {
        return FIELDS;
    }
    let (key, len) = ends(key.as_bytes());
    let ((known, known_len), field) = PLACES[place((key, len))];
    let is_known = (key ^ known) | (len ^ known_len) as u64 == 0;
    std::hint::select_unpredictable(is_known, field as usize, FIELDS)
}

impl Fields {
    /// The fields of the span object of `len` entries at `at`.
    #[inline]
    pub(super) fn find<'t, T: Tape<'t>>(tape: T, at: usize, len: usize) -> Self {
        let mut fields = Self::default();
        for (key, value) in entries(tape, at, len) {
            fields.0[probable(key)] = value;
        }
        let is_good = |(field, names): (Field, [&str; 2])| {
            fields.get(field).is_none_or(|value| match tape.view(value - 1) {
                View::Text(key) => key == names[0] || key == names[1],
                _ => false,
            })
        };
        if LONG.into_iter().all(is_good) { fields } else { Self::find_all(tape, at, len) }
    }

    /// The same, where some key has the ends of another.
    #[cold]
    fn find_all<'t, T: Tape<'t>>(tape: T, at: usize, len: usize) -> Self {
        let mut fields = Self::default();
        for (key, value) in entries(tape, at, len) {
            if let Some(field) = Field::named(key) {
                fields.0[field as usize] = value;
            }
        }
        fields
    }

    /// Where a field is.
    #[inline]
    pub(super) fn get(&self, field: Field) -> Option<usize> {
        Some(self.0[field as usize]).filter(|&value| value > 0)
    }

    /// The record of a span of this resource and scope. Fields that can be spared and cannot be
    /// read are counted and left out.
    ///
    /// # Errors
    ///
    /// The field for which the span is lost, if it is there, and what to count.
    #[inline]
    pub(super) fn assemble<'t, T: Tape<'t>>(
        &self,
        tape: T,
        (resource, scope): (u32, u32),
        report: &mut impl Report,
    ) -> Result<SpanRecord<'t>, (Option<usize>, Loss)> {
        let lost = |field| move |loss| (self.get(field), loss);
        let trace_id = trace_id_of(tape, self.get(Field::TraceId));
        let trace_id = nonzero(trace_id, Defect::TraceId).map_err(lost(Field::TraceId))?;
        let span_id = span_id_of(tape, self.get(Field::SpanId), Defect::SpanId, report);
        let span_id = nonzero(span_id, Defect::SpanId).map_err(lost(Field::SpanId))?;
        let start = nonzero(time(tape, self.get(Field::Start)), Defect::Time);
        let start = start.map_err(lost(Field::Start))?;
        let end = time(tape, self.get(Field::End)).map_err(lost(Field::End))?;
        let name = string(tape, self.get(Field::Name), Defect::Name);
        let name = name.map_err(lost(Field::Name))?;
        let parent = self.get(Field::ParentId);
        let parent_id = span_id_of(tape, parent, Defect::ParentId, report);
        let parent_id = spare(tape, parent, parent_id, report);
        let kind = self.get(Field::Kind);
        let kind = spare(tape, kind, enumeration(tape, kind, "SPAN_KIND_", &KINDS), report);
        let set = self.get(Field::Flags);
        let flags = spare(tape, set, flags(tape, set), report);
        let (status, message) = status(tape, self.get(Field::Status), report);
        Ok(SpanRecord {
            trace_id,
            span_id,
            parent_id,
            name,
            kind,
            status,
            message,
            start,
            end,
            flags,
            resource,
            scope,
            rest: "",
        })
    }
}

/// A string field; empty if it is absent.
#[inline]
pub(super) fn string<'t, T: Tape<'t>>(
    tape: T,
    at: Option<usize>,
    otherwise: Defect,
) -> Result<&'t str, Loss> {
    match at.map(|at| tape.view(at)) {
        Some(View::Text(text)) => Ok(text),
        None | Some(View::Null) => Ok(""),
        Some(other) => Err(loss(other, otherwise)),
    }
}

/// What a field that can be spared holds, or its default; its loss is counted.
#[inline]
pub(super) fn spare<'t, T: Tape<'t>, V: Default>(
    tape: T,
    at: Option<usize>,
    read: Result<V, Loss>,
    report: &mut impl Report,
) -> V {
    read.unwrap_or_else(|loss| {
        lose(tape, at.unwrap_or(0), loss, report);
        V::default()
    })
}

/// A trace id; 0 if it is absent or empty.
#[inline]
fn trace_id_of<'t, T: Tape<'t>>(tape: T, at: Option<usize>) -> Result<u128, Loss> {
    match string(tape, at, Defect::TraceId)? {
        "" => Ok(0),
        text => text::trace_id(text).ok_or(Some(Defect::TraceId)),
    }
}

/// A span id; 0 if it is absent or empty. Text that is no id is counted and stands for itself: the
/// span stays, apart from others, and its children find it.
#[inline]
fn span_id_of<'t, T: Tape<'t>>(
    tape: T,
    at: Option<usize>,
    defect: Defect,
    report: &mut impl Report,
) -> Result<u64, Loss> {
    match string(tape, at, defect)? {
        "" => Ok(0),
        text => Ok(text::span_id(text).unwrap_or_else(|| {
            lose(tape, at.unwrap_or(0), Some(defect), report);
            text::stand_in(text)
        })),
    }
}

fn nonzero<I: Default + PartialEq>(read: Result<I, Loss>, otherwise: Defect) -> Result<I, Loss> {
    read.and_then(|value| if value == I::default() { Err(Some(otherwise)) } else { Ok(value) })
}

/// A time in nanoseconds, as text or number; 0 if it is absent.
#[inline]
fn time<'t, T: Tape<'t>>(tape: T, at: Option<usize>) -> Result<u64, Loss> {
    let Some(view) = at.map(|at| tape.view(at)) else { return Ok(0) };
    let time = match view {
        View::Text(text) => text::unsigned(text),
        View::Unsigned(time) => Some(time),
        View::Int(time) => u64::try_from(time).ok(),
        View::Null => Some(0),
        _ => None,
    };
    match (time, view) {
        (Some(time), _) => Ok(time),
        // A number beyond every range is a bad time first of all.
        (None, View::Bad(None)) => Err(None),
        (None, _) => Err(Some(Defect::Time)),
    }
}

/// An enum by its number, its name with or without prefix, or its number as text. Numbers that
/// OTLP does not name yet count as 0.
#[inline]
fn enumeration<'t, T: Tape<'t>>(
    tape: T,
    at: Option<usize>,
    prefix: &str,
    names: &[&str],
) -> Result<u8, Loss> {
    let number = match at.map(|at| tape.view(at)) {
        None | Some(View::Null) => return Ok(0),
        Some(View::Int(number)) => u64::try_from(number).unwrap_or(0),
        Some(View::Unsigned(number)) => number,
        Some(View::Text(text)) => named(text, prefix, names).ok_or(Some(Defect::Field))?,
        Some(other) => return Err(loss(other, Defect::Field)),
    };
    Ok(in_range(number, names))
}

/// The number of an enum's name, with or without prefix, or the number that the text is.
pub(super) fn named(text: &str, prefix: &str, names: &[&str]) -> Option<u64> {
    let name = text.strip_prefix(prefix).unwrap_or(text);
    let named = names.iter().position(|known| known.eq_ignore_ascii_case(name));
    named.map(|at| at as u64).or_else(|| text::unsigned(text))
}

/// The number of an enum; 0 for one without a name.
#[inline]
pub(super) fn in_range(number: u64, names: &[&str]) -> u8 {
    u8::try_from(number).ok().filter(|&at| usize::from(at) < names.len()).unwrap_or(0)
}

fn flags<'t, T: Tape<'t>>(tape: T, at: Option<usize>) -> Result<u32, Loss> {
    let Some(view) = at.map(|at| tape.view(at)) else { return Ok(0) };
    let flags = match view {
        View::Int(flags) => u32::try_from(flags).ok(),
        View::Unsigned(flags) => u32::try_from(flags).ok(),
        View::Text(text) => text::unsigned(text).and_then(|flags| u32::try_from(flags).ok()),
        View::Null => Some(0),
        _ => None,
    };
    flags.ok_or_else(|| loss(view, Defect::Field))
}

/// Status code and message.
#[inline]
fn status<'t, T: Tape<'t>>(tape: T, at: Option<usize>, report: &mut impl Report) -> (u8, &'t str) {
    let Some(at) = at else { return (0, "") };
    let len = match tape.view(at) {
        View::Object(len) => len,
        View::Null => return (0, ""),
        other => {
            lose(tape, at, loss(other, Defect::Field), report);
            return (0, "");
        }
    };
    let (mut code, mut message) = (None, None);
    for (key, value) in entries(tape, at, len) {
        match key {
            "code" => code = Some(value),
            "message" => message = Some(value),
            _ => {}
        }
    }
    let number = enumeration(tape, code, "STATUS_CODE_", &STATUSES);
    let text = string(tape, message, Defect::Field);
    (spare(tape, code, number, report), spare(tape, message, text, report))
}
