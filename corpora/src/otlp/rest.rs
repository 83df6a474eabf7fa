//! What spans, scopes and resources bear besides what has a place of its own, as compact JSON: members
//! in the order in which they came, strings and numbers in one spelling each, nothing for members that
//! say no more than absent ones. Written again from its own text it is the same.

use std::fmt::Write;

use hashbrown::HashMap;
use ir::Datum;
use ir::value::{bool_text, write_json_text};

use super::tally::{Defect, Report};
use super::tape::{Tape, View, entries};
use super::value::{lose, loss};

/// Members that an exporter may write though there is nothing to say.
const OFTEN_EMPTY: [&str; 12] = [
    "events",
    "links",
    "attributes",
    "traceState",
    "trace_state",
    "schemaUrl",
    "schema_url",
    "droppedAttributesCount",
    "dropped_attributes_count",
    "droppedEventsCount",
    "droppedLinksCount",
    "deprecatedTags",
];

/// The text of an object as its members are added: empty as long as there is none.
#[derive(Debug, Default)]
pub(super) struct Rest {
    text: String,
    /// Reused from value to value.
    levels: Vec<Level>,
}

impl Rest {
    /// Forgets all, but keeps the memory.
    pub(super) fn clear(&mut self) {
        self.text.clear();
    }

    /// The text of the object, empty if it has no member.
    pub(super) fn finish(&mut self) -> &str {
        if !self.text.is_empty() {
            self.text.push('}');
        }
        &self.text
    }

    /// Adds the members of the object at `at` but those with a name that is `known`.
    pub(super) fn add<'t, T: Tape<'t>>(
        &mut self,
        tape: T,
        (at, len): (usize, usize),
        known: impl Fn(&str) -> bool,
        report: &mut impl Report,
    ) {
        let others = entries(tape, at, len).filter(|(key, _)| !known(key));
        for (key, value) in last_of_each(others.collect()) {
            if says_nothing(key, tape.view(value)) {
                continue;
            }
            let before = self.text.len();
            self.begin(key);
            let Self { text, levels } = self;
            if !write(tape, value, (text, levels), report) {
                text.truncate(before);
            }
        }
    }

    /// Adds the same as an object of its own under `key`, unless there is nothing in it.
    pub(super) fn add_within<'t, T: Tape<'t>>(
        &mut self,
        key: &str,
        tape: T,
        object: (usize, usize),
        known: impl Fn(&str) -> bool,
        report: &mut impl Report,
    ) {
        let mut inner = Self::default();
        inner.add(tape, object, known, report);
        let text = inner.finish();
        if !text.is_empty() {
            self.begin(key);
            self.text.push_str(text);
        }
    }

    /// Adds an integer as text, as OTLP writes those of 64 bits.
    pub(super) fn add_long(&mut self, key: &str, number: u64) {
        self.begin(key);
        write!(self.text, "\"{number}\"").expect("a String takes every write");
    }

    fn begin(&mut self, key: &str) {
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        write_json_text(key, &mut self.text);
        self.text.push(':');
    }
}

/// Of members with the same key the last counts.
fn last_of_each(mut members: Vec<(&str, usize)>) -> Vec<(&str, usize)> {
    if members.len() > 1 {
        let last: HashMap<&str, usize> = members.iter().copied().collect();
        members.retain(|(key, value)| last[key] == *value);
    }
    members
}

fn says_nothing(key: &str, view: View<'_>) -> bool {
    match view {
        View::Null => true,
        View::Array(0) | View::Text("") | View::Int(0) | View::Unsigned(0) => {
            OFTEN_EMPTY.contains(&key)
        }
        _ => false,
    }
}

/// An object or list that is being written.
#[derive(Clone, Copy, Debug)]
struct Level {
    is_object: bool,
    /// Where its next entry or item is.
    next: usize,
    left: usize,
    /// Where in the text its inside begins.
    inside: usize,
}

/// Says whether the value can be read; if not, it is counted, and what was written is to be thrown
/// away. Inside of it, what cannot be read is left out.
fn write<'t, T: Tape<'t>>(
    tape: T,
    at: usize,
    (out, levels): (&mut String, &mut Vec<Level>),
    report: &mut impl Report,
) -> bool {
    if !begin(tape, at, (out, levels), report) {
        return false;
    }
    while let Some(level) = levels.last_mut() {
        if level.left == 0 {
            out.push(if level.is_object { '}' } else { ']' });
            levels.pop();
            continue;
        }
        let before = out.len();
        if before > level.inside {
            out.push(',');
        }
        let mut value = level.next;
        let mut good = true;
        if level.is_object {
            match tape.view(value) {
                View::Text(key) => {
                    write_json_text(key, out);
                    out.push(':');
                }
                _ => good = false,
            }
            value += 1;
        }
        level.left -= 1;
        level.next = tape.next(value);
        if !good || !begin(tape, value, (out, levels), report) {
            out.truncate(before);
        }
    }
    true
}

/// Writes the value, of an object or list no more than that it opens.
fn begin<'t, T: Tape<'t>>(
    tape: T,
    at: usize,
    (out, levels): (&mut String, &mut Vec<Level>),
    report: &mut impl Report,
) -> bool {
    let view = tape.view(at);
    match view {
        View::Null => out.push_str("null"),
        View::Bool(bool) => out.push_str(bool_text(bool)),
        View::Int(int) => out.push_str(&Datum::Int(int).text()),
        View::Unsigned(int) => write!(out, "{int}").expect("a String takes every write"),
        View::Float(float) => out.push_str(&Datum::Float(float).text()),
        View::Text(text) => write_json_text(text, out),
        View::Object(_) | View::Array(_) if !tape.sound(at) => return false,
        View::Object(left) | View::Array(left) => {
            let is_object = matches!(view, View::Object(_));
            out.push(if is_object { '{' } else { '[' });
            levels.push(Level { is_object, next: at + 1, left, inside: out.len() });
        }
        View::Bad(_) => {
            lose(tape, at, loss(view, Defect::Field), report);
            return false;
        }
    }
    true
}
