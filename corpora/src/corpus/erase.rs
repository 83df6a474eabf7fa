//! Erasure: the spans that bear an attribute value go, from every file.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use ir::segment::{Column, Dictionary, RowRef, Slot, Values};
use ir::value::lookup;
use ir::{Fault, Segment, Value};
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
    /// Removes the spans that bear `key` with a value of the canonical text `value` themselves, or whose
    /// resource, scope, or one of whose events or links does. Takes about `memory` bytes.
    ///
    /// # Errors
    /// [`CorpusError`]; then the corpus is what it was.
    pub fn erase(self, key: &str, value: &str, memory: u64) -> Result<Erased, CorpusError> {
        let mut rewrite = Rewrite::new(self, memory);
        let mut done = Erased { healed: rewrite.heal()?, ..Erased::default() };
        rewrite.settle()?;
        let wanted = Wanted { key, value };
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
#[derive(Clone, Copy)]
struct Wanted<'a> {
    key: &'a str,
    value: &'a str,
}

impl Wanted<'_> {
    /// The spans that bear it.
    fn rows(self, segment: &Segment) -> Result<HashSet<RowRef>, Fault> {
        let stored = Stored::new(segment);
        let key = segment.key(self.key);
        let mut borne_by = Borne::default();
        let mut scopes: HashMap<u32, bool> = HashMap::new();
        let mut resources: HashMap<u32, bool> = HashMap::new();
        let mut found = HashSet::new();
        for (operation, rows) in segment.operations.iter().enumerate() {
            let table = segment.tables.get(rows.table);
            for row in rows.rows.clone() {
                let at = RowRef { operation: operation as u32, row: row as u32 };
                let own = || self.is_value(segment.attribute(table, key), row);
                let mut of_resource = || {
                    let number = table.resource.get(row) as u32;
                    let bears = || self.is_value(segment.resource(key), number as usize);
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

    fn is_value(self, slot: &Slot, row: usize) -> bool {
        let Slot::Decoded(column) = slot else { return false };
        column.get(row).is_some_and(|datum| datum.text() == self.value)
    }

    /// Whether a list of attributes in what else a span or scope bears has it.
    fn is_in(self, rest: &str) -> bool {
        // A path into a map begins with the name of the map; a name is not always written as it reads.
        let name = self.key.split('.').next().unwrap_or_default();
        let plain =
            !name.is_empty() && !name.contains(['"', '\\']) && !name.contains(char::is_control);
        if plain && memmem::find(rest.as_bytes(), name.as_bytes()).is_none() {
            return false;
        }
        any_attributes(rest, |attributes| {
            let pairs = attributes.iter().map(|(key, value)| (key.as_str(), value));
            let value = lookup(pairs, self.key).and_then(Value::canonical);
            value.is_some_and(|(_, text)| text == self.value)
        })
    }
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
            assert_eq!(Wanted { key, value }.is_in(rest), expected, "{key}={value}");
        }
    }
}
