//! The values that a signal carries: what the rule asked for, as the trace has it.

use std::borrow::Cow;
use std::cell::OnceCell;

use hashbrown::HashSet;
use ir::module::{Field, FieldId, Module, Rule};
use ir::segment::RowRef;
use ir::{Datum, Fault, Segment, Type};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

/// How many distinct values of a context key a signal carries at most.
pub const VALUE_LIMIT: usize = 16;

/// The context of a signal: the keys of its rule that the trace has, in the rule's order.
///
/// In JSON one value stands under its key, several as a list under the key with an `s`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// One entry a key.
    pub entries: Vec<ContextEntry>,
}

/// A context key and its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextEntry {
    /// The key as the rule has it.
    pub key: Box<str>,
    /// The key in JSON: with an `s` where there are several values, unless that is another key of
    /// the rule, which a list must not pass for.
    pub label: Box<str>,
    /// Distinct values in order of appearance; at least one, at most [`VALUE_LIMIT`].
    pub values: Vec<ContextValue>,
}

/// A value with the type that it had in the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextValue {
    /// The type.
    pub value_type: Type,
    /// The canonical text.
    pub text: String,
}

impl Context {
    /// The values of a key of the rule; none where the trace has none.
    pub fn values(&self, key: &str) -> &[ContextValue] {
        let entry = self.entries.iter().find(|entry| *entry.key == *key);
        entry.map_or(&[], |entry| &entry.values)
    }
}

impl Serialize for Context {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.entries.len()))?;
        for entry in &self.entries {
            match &*entry.values {
                [value] => map.serialize_entry(&*entry.label, value)?,
                values => map.serialize_entry(&*entry.label, values)?,
            }
        }
        map.end()
    }
}

/// Numbers, booleans, lists and maps as themselves, the rest (bytes, infinities, NaN) as text.
/// Meant for `serde_json`: canonical JSON passes through untouched, so no number is rounded.
impl Serialize for ContextValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_json = !matches!(self.value_type, Type::Text | Type::Bytes);
        match is_json.then(|| RawValue::from_string(self.text.clone())) {
            Some(Ok(json)) => json.serialize(serializer),
            _ => serializer.serialize_str(&self.text),
        }
    }
}

/// Under what a list of several values stands in JSON, by rule, then by key of its context.
pub(crate) struct Labels(Vec<Vec<Box<str>>>);

impl Labels {
    pub(crate) fn of(module: &Module) -> Self {
        let of_rule = |rule: &Rule| {
            let keys: HashSet<&str> = rule.context.iter().map(|(key, _)| &**key).collect();
            let label = |(key, _): &(Box<str>, FieldId)| {
                let plural = format!("{key}s");
                if keys.contains(&*plural) { key.clone() } else { plural.into() }
            };
            rule.context.iter().map(label).collect()
        };
        Self(module.rules.iter().map(of_rule).collect())
    }

    pub(crate) fn of_rule(&self, number: usize) -> &[Box<str>] {
        &self.0[number]
    }
}

/// Looks up the context of a rule on the witness, then, key by key, on the whole trace.
pub(crate) fn context(
    module: &Module,
    segment: &Segment,
    rule: &Rule,
    labels: &[Box<str>],
    trace: usize,
    witness: &[RowRef],
) -> Result<Context, Fault> {
    let mut entries = Vec::new();
    let whole = Whole::new(segment, trace);
    for ((key, field), plural) in rule.context.iter().zip(labels) {
        let values = values(module, segment, *field, &whole, witness)?;
        if !values.is_empty() {
            let label = if values.len() > 1 { plural } else { key };
            entries.push(ContextEntry { key: key.clone(), label: label.clone(), values });
        }
    }
    Ok(Context { entries })
}

/// The values of the first key of a rule's context, which stand for a violation in reports.
pub(crate) fn examples(
    module: &Module,
    segment: &Segment,
    rule: &Rule,
    trace: usize,
    witness: &[RowRef],
) -> Result<Vec<ContextValue>, Fault> {
    let whole = Whole::new(segment, trace);
    rule.context
        .first()
        .map_or(Ok(Vec::new()), |(_, field)| values(module, segment, *field, &whole, witness))
}

/// All spans of a trace, listed when they are first asked for.
struct Whole<'a> {
    segment: &'a Segment,
    trace: usize,
    spans: OnceCell<Vec<RowRef>>,
}

impl<'a> Whole<'a> {
    fn new(segment: &'a Segment, trace: usize) -> Self {
        Self { segment, trace, spans: OnceCell::new() }
    }

    /// The spans that may have a value of `field`; where the segment is in memory, all.
    fn spans(&self, field: &Field) -> Cow<'_, [RowRef]> {
        if self.segment.store.is_some() {
            return self.segment.spans_bearing(self.trace, field).into();
        }
        self.spans.get_or_init(|| self.segment.spans_of(self.trace)).into()
    }
}

fn values(
    module: &Module,
    segment: &Segment,
    field: FieldId,
    whole: &Whole<'_>,
    witness: &[RowRef],
) -> Result<Vec<ContextValue>, Fault> {
    let field = &module.fields[field.index()];
    let values = distinct(segment, witness, field)?;
    // What every span has is not asked of the whole trace: a segment holds of it only the spans
    // that rules name, so the answer would depend on which other rules there are.
    if values.is_empty() && is_attribute(field) {
        return distinct(segment, &whole.spans(field), field);
    }
    Ok(values)
}

/// The value of the first of `rows` that has one.
pub(crate) fn first<'a>(
    segment: &'a Segment,
    rows: &[RowRef],
    field: &Field,
) -> Result<Option<Datum<'a>>, Fault> {
    for &at in rows {
        if let Some(value) = segment.value(at, field)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

fn distinct(segment: &Segment, rows: &[RowRef], field: &Field) -> Result<Vec<ContextValue>, Fault> {
    let mut values: Vec<ContextValue> = Vec::new();
    for &at in rows {
        let Some(value) = segment.value(at, field)? else { continue };
        let text = value.text();
        if values.iter().all(|other| *other.text != *text) {
            values.push(ContextValue { value_type: value.value_type(), text: text.into_owned() });
            if values.len() == VALUE_LIMIT {
                break;
            }
        }
    }
    Ok(values)
}

fn is_attribute(field: &Field) -> bool {
    matches!(field, Field::Any(_) | Field::Span(_) | Field::Resource(_))
}
