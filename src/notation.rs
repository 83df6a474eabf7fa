//! Traces as people write them, to stand beside rules in tests and examples.
//!
//! ```text
//! trace: span, span, …
//! span:  name{key=value, …} x3 every 10ms @5s +200ms ^none #7
//! ```
//!
//! Names and keys are quoted where they hold more than letters, digits and `. _ - / : +`. A key may
//! be `resource.key`, `span:kind`, `span:status` or `span:statusMessage`. Values: `5` (int64), `5.0`
//! and `NaN` (double), `true`, text with or without quotes, `b"AAE="` (bytes in base64), `[1, 2]`,
//! `{a=1, a=2}` (a map, repeated keys and all), `nothing` (an empty value). Behind the attributes,
//! each if it is wanted: `x3` spans like it, the next `every` so much later; `@` its start; `+` its
//! duration, 1 ms otherwise; `^none` a span without parent, `^lost` one whose parent is not there,
//! `^3` one whose parent is span #3; `#` its id. Ids count up from 1, starts by 1 ms, and the first
//! span is the parent of the others. Line ends are blanks.
//!
//! ```
//! let spans = betrace::notation::read("checkout, charge{amount=5} x2 @1s").unwrap();
//! assert_eq!(spans[2].span_id, 3_u64.to_be_bytes());
//! assert_eq!(spans[2].parent_id, 1_u64.to_be_bytes());
//! ```

mod values;
mod write;

use std::ops::Range;

use compiler::ast;
use ir::Value;

use crate::span::{Kind, Span, Status};
use values::Reader;
pub use write::write;

/// 14 November 2023, the start of every trace, in nanoseconds since 1970.
pub const EPOCH: u64 = 1_700_000_000_000_000_000;
/// Spans of one trace at most.
pub const SPANS: usize = 100_000;

const MILLISECOND: i128 = 1_000_000;
/// The parent of a span marked `^lost`.
const LOST: u64 = 0xf_ffff;

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{title}{}", help.as_ref().map(|help| format!("; {help}")).unwrap_or_default())]
pub struct NotationError {
    /// What.
    pub title: String,
    /// Where: bytes of the text.
    pub span: Range<usize>,
    /// How to mend it, if that can be said.
    pub help: Option<String>,
}

impl NotationError {
    fn new(title: impl Into<String>, span: Range<usize>) -> Self {
        Self { title: title.into(), span, help: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// The spans of a trace, in the order of the text; their trace id is left zero.
///
/// # Errors
/// The first thing in the text that is not of the notation.
pub fn read(text: &str) -> Result<Vec<Span>, NotationError> {
    let mut reader = Reader::new(text);
    let mut spans = Vec::new();
    let mut parents = Vec::new();
    loop {
        span(&mut reader, &mut spans, &mut parents)?;
        if reader.is_at_end() {
            break;
        }
        reader.expect(',', "spans are separated by commas")?;
    }
    for (id, place) in parents {
        if spans.iter().all(|span| span.span_id != id) {
            let title = format!("no span has the id {}", u64::from_be_bytes(id));
            let help = "`^lost` is a parent that is not there";
            return Err(NotationError::new(title, place).help(help));
        }
    }
    Ok(spans)
}

/// Parents that were named, and where.
type Parents = Vec<([u8; 8], Range<usize>)>;

fn span(
    reader: &mut Reader<'_>,
    spans: &mut Vec<Span>,
    parents: &mut Parents,
) -> Result<(), NotationError> {
    let start = reader.at();
    let mut span = Span { name: reader.word("the name of a span")?, ..Span::default() };
    if reader.takes('{') {
        reader.entries('}', &mut |key, at, value, place| put(&mut span, key, at, value, place))?;
    }
    let mut form = Form::after(spans);
    while !reader.is_at_end() && !reader.is_next(',') {
        form.mark(reader, parents)?;
    }
    let place = start..reader.end();
    if form.times > (SPANS - spans.len()) as u64 {
        let title = format!("more than {SPANS} spans in one trace");
        return Err(NotationError::new(title, place));
    }
    for number in 0..form.times {
        let start = form.start + i128::from(number) * form.every;
        let out_of_range = || {
            let title = "the span lies outside of the years 1970 to 2554";
            NotationError::new(title, place.clone())
        };
        let instant = |offset: i128| u64::try_from(i128::from(EPOCH) + offset).ok();
        let start_at = instant(start).filter(|start| *start > 0).ok_or_else(out_of_range)?;
        let end = instant(start + form.duration).ok_or_else(out_of_range)?;
        let id = form.id.checked_add(number).ok_or_else(out_of_range)?;
        spans.push(Span {
            span_id: id.to_be_bytes(),
            parent_id: form.parent,
            start: start_at,
            end,
            ..span.clone()
        });
    }
    Ok(())
}

/// What stands behind the attributes of a span; times in nanoseconds after the trace's start.
struct Form {
    times: u64,
    every: i128,
    start: i128,
    duration: i128,
    id: u64,
    parent: [u8; 8],
}

impl Form {
    fn after(spans: &[Span]) -> Self {
        Self {
            times: 1,
            every: MILLISECOND,
            start: spans.len() as i128 * MILLISECOND,
            duration: MILLISECOND,
            id: spans.len() as u64 + 1,
            parent: spans.first().map_or([0; 8], |first| first.span_id),
        }
    }

    /// Reads one of the marks.
    fn mark(
        &mut self,
        reader: &mut Reader<'_>,
        parents: &mut Parents,
    ) -> Result<(), NotationError> {
        let (word, place) = reader.mark();
        if word == "every" {
            let (length, place) = reader.mark();
            self.every = duration(length, place)?;
            return Ok(());
        }
        let mut chars = word.chars();
        let mark = chars.next();
        let rest = chars.as_str();
        let number = |what: &str| {
            let number = rest.parse::<u64>().ok().filter(|number| *number > 0);
            let title = format!("`{word}` is not {what}");
            let example = mark.map(|mark| format!("such as {mark}3")).unwrap_or_default();
            number.ok_or_else(|| NotationError::new(title, place.clone()).help(example))
        };
        match mark {
            Some('x') => self.times = number("a number of spans")?,
            Some('@') => (self.start, self.every) = (duration(rest, place)?, 0),
            Some('+') => self.duration = duration(rest, place)?,
            Some('#') => self.id = number("an id")?,
            Some('^') => {
                self.parent = match rest {
                    "none" => [0; 8],
                    "lost" => LOST.to_be_bytes(),
                    _ => {
                        let id = number("a parent")?.to_be_bytes();
                        parents.push((id, place));
                        id
                    }
                }
            }
            _ => {
                let title = format!("`{word}` is no mark of a span");
                let help = "behind a span stand x3, every 10ms, @5s, +200ms, ^none, ^lost, ^3 or #7, \
                            and a comma before the next span";
                return Err(NotationError::new(title, place).help(help));
            }
        }
        Ok(())
    }
}

/// Puts an attribute where its key says.
fn put(
    span: &mut Span,
    key: String,
    key_at: Range<usize>,
    value: Value,
    value_at: Range<usize>,
) -> Result<(), NotationError> {
    let text = || match &value {
        Value::Text(text) => Ok(text.as_str()),
        _ => Err(NotationError::new(format!("`{key}` is a text"), value_at.clone())),
    };
    let one_of = |names: &[&str]| {
        let name = text()?;
        names.iter().position(|own| *own == name).ok_or_else(|| {
            let title = format!("no {key} is called `{name}`");
            let help = format!("one of {}", names.join(", "));
            NotationError::new(title, value_at.clone()).help(help)
        })
    };
    match key.as_str() {
        "span:kind" => span.kind = Kind::ALL[one_of(&ir::module::KINDS)?],
        "span:status" => span.status = Status::ALL[one_of(&ir::module::STATUSES)?],
        "span:statusMessage" => span.message = text()?.to_owned(),
        "span:name" | "span:duration" => {
            let title = format!("`{key}` is no attribute");
            let help = "the name stands before the braces, the duration behind them: a{x=1} +200ms";
            return Err(NotationError::new(title, key_at).help(help));
        }
        _ => match key.strip_prefix("resource.") {
            Some(key) => span.resource.push((key.to_owned(), value)),
            None => span.attributes.push((key, value)),
        },
    }
    Ok(())
}

/// Nanoseconds of a text such as `-5ms` or `1m30s`.
fn duration(text: &str, place: Range<usize>) -> Result<i128, NotationError> {
    let (sign, length) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    match ast::Value::from_plain_scalar(length) {
        ast::Value::Duration(nanoseconds) => Ok(sign * i128::from(nanoseconds)),
        _ => {
            let title = format!("`{text}` is not a duration");
            Err(NotationError::new(title, place).help("such as 200ms, 5s or 1h30m"))
        }
    }
}

#[cfg(test)]
mod tests;
