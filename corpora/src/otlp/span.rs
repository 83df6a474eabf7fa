//! From the raw fields of a span to a record: the one place that says which ids, times and enums
//! are accepted.

use ir::module::{KINDS, STATUSES};

use super::tally::{Defect, Report};
use super::tape::{Tape, View, entries};
use super::text;
use super::value::{Loss, lose, loss};
use crate::build::SpanRecord;

/// Where the fields of a span are; of repeated keys the last counts.
#[derive(Clone, Copy, Default)]
pub(super) struct Fields {
    trace_id: Option<usize>,
    span_id: Option<usize>,
    parent_id: Option<usize>,
    name: Option<usize>,
    kind: Option<usize>,
    start: Option<usize>,
    end: Option<usize>,
    status: Option<usize>,
    flags: Option<usize>,
    /// The list of attributes.
    pub(super) attributes: Option<usize>,
}

impl Fields {
    /// The fields of the span object of `len` entries at `at`.
    #[inline]
    pub(super) fn find<'t, T: Tape<'t>>(tape: T, at: usize, len: usize) -> Self {
        let mut fields = Self::default();
        for (key, value) in entries(tape, at, len) {
            if let Some(field) = fields.named(key) {
                *field = Some(value);
            }
        }
        fields
    }

    /// The field of this name.
    #[inline(always)]
    pub(super) fn named(&mut self, key: &str) -> Option<&mut Option<usize>> {
        Some(match key {
            "traceId" | "trace_id" => &mut self.trace_id,
            "spanId" | "span_id" => &mut self.span_id,
            "parentSpanId" | "parent_span_id" => &mut self.parent_id,
            "name" => &mut self.name,
            "kind" => &mut self.kind,
            "startTimeUnixNano" | "start_time_unix_nano" => &mut self.start,
            "endTimeUnixNano" | "end_time_unix_nano" => &mut self.end,
            "attributes" => &mut self.attributes,
            "status" => &mut self.status,
            "flags" => &mut self.flags,
            _ => return None,
        })
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
        let trace_id = trace_id_of(tape, self.trace_id);
        let trace_id = nonzero(trace_id, Defect::TraceId).map_err(|loss| (self.trace_id, loss))?;
        let span_id = span_id_of(tape, self.span_id, Defect::SpanId, report);
        let span_id = nonzero(span_id, Defect::SpanId).map_err(|loss| (self.span_id, loss))?;
        let start = nonzero(time(tape, self.start), Defect::Time);
        let start = start.map_err(|loss| (self.start, loss))?;
        let end = time(tape, self.end).map_err(|loss| (self.end, loss))?;
        let name = string(tape, self.name, Defect::Name).map_err(|loss| (self.name, loss))?;
        let parent_id = span_id_of(tape, self.parent_id, Defect::ParentId, report);
        let parent_id = spare(tape, self.parent_id, parent_id, report);
        let kind = enumeration(tape, self.kind, "SPAN_KIND_", &KINDS);
        let kind = spare(tape, self.kind, kind, report);
        let flags = spare(tape, self.flags, flags(tape, self.flags), report);
        let (status, message) = status(tape, self.status, report);
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
