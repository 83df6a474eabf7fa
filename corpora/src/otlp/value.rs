//! Attributes on a tape: checked once, then handed to the builder where they are.

use ir::Value;

use super::tally::{Defect, Report};
use super::tape::{Tape, View, entries, items};
use super::text;
use crate::build::{AttributeValue, ScalarRef};

/// Deepest nesting of lists and maps in an attribute's value; a plain list is at depth 1.
pub const VALUE_DEPTH: usize = 32;

/// An attribute that can be read: indexes of its key and of what its value holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute {
    /// `None` for the empty key.
    key: Option<usize>,
    value: usize,
    kind: Kind,
}

/// Which of the fields of an `AnyValue` is set.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Empty,
    Text,
    Bool,
    Int,
    Double,
    Bytes,
    List,
    Map,
}

/// Why something is lost: a defect to count, or `None` if it is counted already.
pub(super) type Loss = Option<Defect>;

/// Puts the attributes of the list at `at` into `found` (emptied first); counts those that cannot
/// be read, and the list itself if it is none.
#[inline]
pub(super) fn collect<'t, T: Tape<'t>>(
    tape: T,
    at: Option<usize>,
    found: &mut Vec<Attribute>,
    report: &mut impl Report,
) {
    found.clear();
    let Some(at) = at else { return };
    let len = match tape.view(at) {
        View::Array(len) => len,
        View::Null => return,
        other => return lose(tape, at, loss(other, Defect::Shape), report),
    };
    for item in items(tape, at, len) {
        match attribute(tape, item) {
            Ok(attribute) => found.push(attribute),
            Err(loss) => lose(tape, item, loss, report),
        }
    }
}

/// The collected attributes for the builder.
#[inline(always)]
pub(super) fn iterate<'t, 'f, T: Tape<'t> + 'f>(
    tape: T,
    found: &'f [Attribute],
) -> impl Iterator<Item = (&'t str, Any<T>)> + Clone + use<'t, 'f, T> {
    found.iter().map(move |attribute| {
        let key = match attribute.key.map(|key| tape.view(key)) {
            Some(View::Text(key)) => key,
            _ => "",
        };
        (key, Any { tape, at: attribute.value, kind: attribute.kind })
    })
}

/// Counts a loss at its place unless it is counted.
#[cold]
pub(super) fn lose<'t, T: Tape<'t>>(tape: T, at: usize, loss: Loss, report: &mut impl Report) {
    if let Some(defect) = loss {
        report.defect(defect, tape.offset(at));
    }
}

/// What is lost where another view was wanted.
pub(super) fn loss(view: View<'_>, otherwise: Defect) -> Loss {
    match view {
        View::Bad(loss) => loss,
        _ => Some(otherwise),
    }
}

/// A value on a tape, checked before.
#[derive(Clone, Copy)]
pub(super) struct Any<T> {
    tape: T,
    at: usize,
    kind: Kind,
}

impl<'t, T: Tape<'t>> AttributeValue<'t> for Any<T> {
    #[inline]
    fn scalar(self) -> ScalarRef<'t> {
        let view = self.tape.view(self.at);
        match (self.kind, view) {
            (Kind::Text, View::Text(text)) => ScalarRef::Text(text),
            (Kind::Bool, View::Bool(bool)) => ScalarRef::Bool(bool),
            (Kind::Int, _) => int(view).map_or(ScalarRef::Empty, ScalarRef::Int),
            (Kind::Double, _) => double(view).map_or(ScalarRef::Empty, ScalarRef::Float),
            (Kind::Bytes | Kind::List | Kind::Map, _) => ScalarRef::Composite,
            _ => ScalarRef::Empty,
        }
    }

    fn to_value(self) -> Value {
        match self.scalar() {
            ScalarRef::Empty => Value::Empty,
            ScalarRef::Text(text) => Value::Text(text.to_owned()),
            ScalarRef::Bool(bool) => Value::Bool(bool),
            ScalarRef::Int(int) => Value::Int(int),
            ScalarRef::Float(float) => Value::Float(float),
            ScalarRef::Composite => self.composite(),
        }
    }
}

impl<'t, T: Tape<'t>> Any<T> {
    /// Goes at most [`VALUE_DEPTH`] deep, as was checked.
    fn composite(self) -> Value {
        let Self { tape, at, kind } = self;
        if let Kind::Bytes = kind {
            let View::Text(text) = tape.view(at) else { return Value::Empty };
            return text::base64(text.as_bytes()).map_or(Value::Empty, Value::Bytes);
        }
        let found = values(tape, at).ok().flatten();
        let members = found.into_iter().flat_map(|(list, len)| items(tape, list, len));
        match kind {
            Kind::Map => Value::Map(members.filter_map(|member| entry(tape, member)).collect()),
            _ => Value::List(members.map(|member| nested(tape, Some(member))).collect()),
        }
    }
}

fn nested<'t, T: Tape<'t>>(tape: T, at: Option<usize>) -> Value {
    match at.map(|at| resolve(tape, at)) {
        Some(Ok((kind, at))) => Any { tape, at, kind }.to_value(),
        _ => Value::Empty,
    }
}

fn entry<'t, T: Tape<'t>>(tape: T, at: usize) -> Option<(String, Value)> {
    let (key, value) = key_and_value(tape, at).ok()?;
    let key = match key.map(|key| tape.view(key)) {
        Some(View::Text(key)) => key,
        _ => "",
    };
    Some((key.to_owned(), nested(tape, value)))
}

#[inline]
fn attribute<'t, T: Tape<'t>>(tape: T, at: usize) -> Result<Attribute, Loss> {
    if let Some(attribute) = usual(tape, at) {
        return Ok(attribute);
    }
    let (key, value) = key_and_value(tape, at)?;
    let Some(value) = value else {
        return Ok(Attribute { key, value: at, kind: Kind::Empty });
    };
    let (kind, value) = resolve(tape, value)?;
    check(tape, kind, value, 1)?;
    Ok(Attribute { key, value, kind })
}

/// The attribute at `at`, if it is written as exporters do: the key, then the value, which is one
/// scalar of the type that it is said to have.
#[inline(always)]
fn usual<'t, T: Tape<'t>>(tape: T, at: usize) -> Option<Attribute> {
    let (key, value) = (at + 2, at + 6);
    let kind = match tape.usual_attribute(at)? {
        ("stringValue", View::Text(_)) => Kind::Text,
        ("boolValue", View::Bool(_)) => Kind::Bool,
        ("intValue", View::Int(_)) => Kind::Int,
        ("intValue", View::Text(text)) if text::int(text).is_some() => Kind::Int,
        ("doubleValue", View::Float(_)) => Kind::Double,
        _ => return None,
    };
    Some(Attribute { key: Some(key), value, kind })
}

/// The key, if it is not empty, and the value of an entry of attributes or of a map.
#[inline(always)]
fn key_and_value<'t, T: Tape<'t>>(
    tape: T,
    at: usize,
) -> Result<(Option<usize>, Option<usize>), Loss> {
    let len = match tape.view(at) {
        View::Object(len) => len,
        other => return Err(loss(other, Defect::Attribute)),
    };
    if !tape.sound(at) {
        return Err(None);
    }
    let (mut key, mut value) = (None, None);
    for (name, member) in entries(tape, at, len) {
        match name {
            "key" => key = Some(member),
            "value" => value = Some(member),
            _ => {}
        }
    }
    match key.map(|key| tape.view(key)) {
        None | Some(View::Text(_)) => Ok((key, value)),
        Some(View::Null) => Ok((None, value)),
        Some(other) => Err(loss(other, Defect::Attribute)),
    }
}

/// Which field of the `AnyValue` at `at` is set, and where its content is. Of several the last
/// counts.
#[inline]
fn resolve<'t, T: Tape<'t>>(tape: T, at: usize) -> Result<(Kind, usize), Loss> {
    let len = match tape.view(at) {
        View::Object(len) => len,
        View::Null => return Ok((Kind::Empty, at)),
        other => return Err(loss(other, Defect::Attribute)),
    };
    if !tape.sound(at) {
        return Err(None);
    }
    let mut set = (Kind::Empty, at);
    for (name, content) in entries(tape, at, len) {
        let kind = match name {
            "stringValue" | "string_value" => Kind::Text,
            "intValue" | "int_value" => Kind::Int,
            "boolValue" | "bool_value" => Kind::Bool,
            "doubleValue" | "double_value" => Kind::Double,
            "arrayValue" | "array_value" => Kind::List,
            "kvlistValue" | "kvlist_value" => Kind::Map,
            "bytesValue" | "bytes_value" => Kind::Bytes,
            _ => continue,
        };
        let null = matches!(tape.view(content), View::Null);
        set = (if null { Kind::Empty } else { kind }, content);
    }
    Ok(set)
}

/// Whether the content at `at` can be read, at `depth` of nesting.
#[inline]
fn check<'t, T: Tape<'t>>(tape: T, kind: Kind, at: usize, depth: usize) -> Result<(), Loss> {
    let view = tape.view(at);
    let good = match (kind, view) {
        (Kind::Text, View::Text(_)) | (Kind::Bool, View::Bool(_)) | (Kind::Empty, _) => true,
        (Kind::Int, _) => int(view).is_some(),
        (Kind::Double, _) => double(view).is_some(),
        (Kind::Bytes, View::Text(text)) => text::base64(text.as_bytes()).is_some(),
        (Kind::List | Kind::Map, _) => return check_members(tape, kind, at, depth),
        _ => false,
    };
    if good { Ok(()) } else { Err(loss(view, Defect::Attribute)) }
}

fn check_members<'t, T: Tape<'t>>(
    tape: T,
    kind: Kind,
    at: usize,
    depth: usize,
) -> Result<(), Loss> {
    if depth > VALUE_DEPTH {
        return Err(Some(Defect::ValueDepth));
    }
    let Some((list, len)) = values(tape, at)? else { return Ok(()) };
    for member in items(tape, list, len) {
        let value = match kind {
            Kind::Map => key_and_value(tape, member)?.1,
            _ => Some(member),
        };
        if let Some(value) = value {
            let (kind, content) = resolve(tape, value)?;
            check(tape, kind, content, depth + 1)?;
        }
    }
    Ok(())
}

/// Index and length of the `values` of a list or map.
fn values<'t, T: Tape<'t>>(tape: T, at: usize) -> Result<Option<(usize, usize)>, Loss> {
    let len = match tape.view(at) {
        View::Object(len) if tape.sound(at) => len,
        View::Object(_) => return Err(None),
        other => return Err(loss(other, Defect::Attribute)),
    };
    let Some((_, list)) = entries(tape, at, len).filter(|(key, _)| *key == "values").last() else {
        return Ok(None);
    };
    match tape.view(list) {
        View::Array(len) if tape.sound(list) => Ok(Some((list, len))),
        View::Array(_) => Err(None),
        View::Null => Ok(None),
        other => Err(loss(other, Defect::Attribute)),
    }
}

fn int(view: View<'_>) -> Option<i64> {
    match view {
        View::Int(int) => Some(int),
        View::Unsigned(int) => i64::try_from(int).ok(),
        View::Float(float) => text::whole(float),
        View::Text(text) => text::int(text),
        _ => None,
    }
}

fn double(view: View<'_>) -> Option<f64> {
    match view {
        View::Int(int) => Some(int as f64),
        View::Unsigned(int) => Some(int as f64),
        View::Float(float) => Some(float),
        View::Text(text) => text::double(text),
        _ => None,
    }
}
