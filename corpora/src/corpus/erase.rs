//! Erasure: the spans that bear an attribute value go, from every file.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use ir::segment::{Column, Dictionary, RowRef, Slot, Values};
use ir::{Datum, Fault, Number, Segment, Type, Value};
use memchr::memmem;

use super::CorpusError;
use super::rewrite::Rewrite;
use super::writer::Writer;
use crate::build::Stored;
use crate::otlp::any_attributes;

/// What an erasure did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Spans that went.
    pub spans: u64,
    /// Traces that they were of.
    pub traces: u64,
    /// Of these, traces of which no span is left.
    pub gone: u64,
    /// Segments that were written again.
    pub segments: u64,
    /// Traces that lay in several segments and were put together.
    pub healed: u64,
    /// Whether the files of before are gone; they stay while another process reads the corpus.
    pub swept: bool,
}

impl Writer {
    /// Removes the spans that bear `key` with a value of this text themselves, or whose resource, scope,
    /// or one of whose events or links does. Text that is a number stands for that number, too, however
    /// it is written: `5.0` for `5`. Takes about `memory` bytes.
    ///
    /// # Errors
    /// [`CorpusError`]; then the corpus is what it was.
    pub fn erase(self, key: &str, value: &str, memory: u64) -> Result<Erased, CorpusError> {
        let mut rewrite = Rewrite::new(self, memory);
        let mut done = Erased { healed: rewrite.heal()?, ..Erased::default() };
        rewrite.settle()?;
        let wanted = Wanted::new(key, value);
        for entry in rewrite.segments().to_vec() {
            let part = rewrite.open(entry.number)?;
            let rows = wanted.rows(&part.segment)?;
            part.segment.sound()?;
            if rows.is_empty() {
                continue;
            }
            let traces = rows
                .iter()
                .map(|at| part.segment.table(at.operation as usize).trace[at.row as usize]);
            done.traces += traces.collect::<HashSet<u32>>().len() as u64;
            let before = rewrite.traces();
            rewrite.add(&part, |at| !rows.contains(&at))?;
            rewrite.finish(&[entry.number])?;
            done.gone += before - rewrite.traces();
            done.spans += rows.len() as u64;
            done.segments += 1;
        }
        done.swept = rewrite.commit()?;
        Ok(done)
    }
}

/// What is looked for.
struct Wanted<'a> {
    key: &'a str,
    value: &'a str,
    /// The canonical text of the number that the value is.
    number: Option<String>,
}

impl<'a> Wanted<'a> {
    fn new(key: &'a str, value: &'a str) -> Self {
        Self { key, value, number: Number::from_text(value).map(Number::canonical) }
    }

    /// The spans that bear it.
    fn rows(&self, segment: &Segment) -> Result<HashSet<RowRef>, Fault> {
        let stored = Stored::new(segment);
        let columns: Vec<(Option<usize>, Option<&str>)> =
            cuts(self.key).map(|(name, path)| (segment.key(name), path)).collect();
        let mut borne_by = Borne::default();
        let mut scopes: HashMap<u32, bool> = HashMap::new();
        let mut resources: HashMap<u32, bool> = HashMap::new();
        let mut found = HashSet::new();
        for (operation, rows) in segment.operations.iter().enumerate() {
            let table = segment.tables.get(rows.table);
            for row in rows.rows.clone() {
                let at = RowRef { operation: operation as u32, row: row as u32 };
                let own = || {
                    let mut columns = columns.iter();
                    columns.any(|(key, path)| {
                        self.is_value(segment.attribute(table, *key), row, *path)
                    })
                };
                let mut of_resource = || {
                    let number = table.resource.get(row) as u32;
                    let bears = || {
                        let mut columns = columns.iter();
                        columns.any(|(key, path)| {
                            self.is_value(segment.resource(*key), number as usize, *path)
                        })
                    };
                    *resources.entry(number).or_insert_with(bears)
                };
                let rest = borne_by.bears(&table.rest, row, |rest| self.is_in(rest));
                if rest || own() || of_resource() {
                    found.insert(at);
                    continue;
                }
                let scope = stored.scope_of(at)?;
                let bears = match scopes.get(&scope) {
                    Some(bears) => *bears,
                    None => *scopes.entry(scope).or_insert(self.is_in(stored.scope(scope)?[2])),
                };
                if bears {
                    found.insert(at);
                }
            }
        }
        Ok(found)
    }

    /// Whether a value is the one, or a map that has it under `path`, if there is one.
    fn is_value(&self, slot: &Slot, row: usize, path: Option<&str>) -> bool {
        let Slot::Decoded(column) = slot else { return false };
        let Some(datum) = column.get(row) else { return false };
        match (path, datum) {
            (None, _) => self.is_text(&datum.text()),
            (Some(path), Datum::Entry(Type::Map, text)) if self.may_hold(text) => {
                let map = Value::from_canonical(Type::Map, text);
                map.is_some_and(|map| self.is_under(&map, path))
            }
            (Some(_), _) => false,
        }
    }

    /// Whether a map has the value under a path: other than a rule, which sees one value of a name,
    /// all of them are looked at.
    fn is_under(&self, map: &Value, path: &str) -> bool {
        let Value::Map(entries) = map else { return false };
        self.is_among(entries, path)
    }

    fn is_among(&self, entries: &[(String, Value)], path: &str) -> bool {
        cuts(path).any(|(name, rest)| {
            let mut named = entries.iter().filter(|(key, _)| key == name);
            named.any(|(_, value)| match rest {
                Some(rest) => self.is_under(value, rest),
                None => value.canonical().is_some_and(|(_, text)| self.is_text(&text)),
            })
        })
    }

    fn is_text(&self, text: &str) -> bool {
        text == self.value || self.number.as_deref() == Some(text)
    }

    /// Whether JSON may hold the value: where it is written as it reads it must be there.
    fn may_hold(&self, json: &str) -> bool {
        let holds = |text: &str| memmem::find(json.as_bytes(), text.as_bytes()).is_some();
        !is_plain(self.value) || holds(self.value) || self.number.as_deref().is_some_and(holds)
    }

    /// Whether a list of attributes in what else a span or scope bears has it.
    fn is_in(&self, rest: &str) -> bool {
        // A path into a map begins with the name of the map.
        let name = self.key.split('.').next().unwrap_or_default();
        if is_plain(name) && memmem::find(rest.as_bytes(), name.as_bytes()).is_none() {
            return false;
        }
        any_attributes(rest, |attributes| self.is_among(attributes, self.key))
    }
}

/// A key as a name and a path into the map of that name: whole, and cut at each of its dots.
fn cuts(key: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let cut = key.match_indices('.').map(move |(dot, _)| (&key[..dot], Some(&key[dot + 1..])));
    std::iter::once((key, None)).chain(cut)
}

/// Whether a text is written in JSON as it reads.
fn is_plain(text: &str) -> bool {
    !text.contains(['"', '\\']) && !text.contains(char::is_control)
}

/// Looks at each text of a dictionary once.
#[derive(Default)]
struct Borne {
    known: HashMap<*const Dictionary, Vec<Option<bool>>>,
}

impl Borne {
    fn bears(&mut self, slot: &Slot, row: usize, test: impl Fn(&str) -> bool) -> bool {
        let Slot::Decoded(column) = slot else { return false };
        let Column { values: Values::Codes(codes, dictionary), .. } = column else { return false };
        if !column.has(row) {
            return false;
        }
        let known = self.known.entry(Arc::as_ptr(dictionary));
        let known = known.or_insert_with(|| vec![None; dictionary.len()]);
        let code = codes.get(row) as u32;
        *known[code as usize].get_or_insert_with(|| test(dictionary.text(code)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_events_are_found_by_their_canonical_text_and_by_paths() {
        let rest = r#"{"events":[{"attributes":[
            {"key":"user","value":{"kvlistValue":{"values":[{"key":"id","value":{"intValue":"42"}}]}}},
            {"key":"a.b","value":{"stringValue":"x"}}]}]}"#;
        for (key, value, expected) in [
            ("user.id", "42", true),
            ("user.id", "4", false),
            ("a.b", "x", true),
            ("a", "x", false),
            ("id", "42", false),
            ("key", "user", false),
        ] {
            assert_eq!(Wanted::new(key, value).is_in(rest), expected, "{key}={value}");
        }
    }
}
