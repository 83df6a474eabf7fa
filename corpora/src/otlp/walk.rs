//! From a document on a tape to spans in a sink: which objects and lists are looked for where.

use super::SpanSink;
use super::rest::Rest;
use super::span::{Field, Fields, spare, string};
use super::tally::{Defect, Report, Tally};
use super::tape::{Tape, View, entries, items};
use super::value::{Attribute, collect, iterate, lose, loss};
use crate::build::{END, SpanRecord};

/// Walks over documents of one tape.
pub(super) struct Walker<'w, T, S, R> {
    pub(super) tape: T,
    pub(super) sink: &'w mut S,
    pub(super) report: &'w mut R,
    pub(super) tally: &'w mut Tally,
    /// Reused for the attributes of each resource and span.
    pub(super) attributes: &'w mut Vec<Attribute>,
    /// What else the resource, scope or span at hand bears.
    pub(super) rest: Rest,
}

impl<'t, T: Tape<'t>, S: SpanSink, R: Report> Walker<'_, T, S, R> {
    /// Adds the spans of the document at `at`: an object as exporters write it, a list of such, or
    /// a single entry of `resourceSpans`.
    pub(super) fn document(&mut self, at: usize) {
        let known = match self.tape.view(at) {
            View::Object(len) => self.root(at, len),
            View::Array(len) => {
                let mut known = false;
                for item in items(self.tape, at, len) {
                    if let View::Object(len) = self.tape.view(item) {
                        known |= self.root(item, len);
                    }
                }
                known
            }
            other => return lose(self.tape, at, loss(other, Defect::Document), self.report),
        };
        self.tally.documents += 1;
        self.tally.empty += u64::from(!known && self.tape.sound(at));
    }

    /// Says whether anything of OTLP is in the object.
    fn root(&mut self, at: usize, len: usize) -> bool {
        let mut known = false;
        let mut is_resource = false;
        for (key, value) in entries(self.tape, at, len) {
            let signal = match key {
                "resourceSpans" | "resource_spans" | "batches" => {
                    self.objects(value, Self::resource);
                    known = true;
                    continue;
                }
                "resourceLogs" | "resource_logs" => "logs",
                "resourceMetrics" | "resource_metrics" => "metrics",
                "resourceProfiles" | "resource_profiles" => "profiles",
                _ => {
                    is_resource |= is_scopes(key);
                    continue;
                }
            };
            if let View::Array(len) = self.tape.view(value) {
                *self.tally.other_signals.entry(signal).or_default() += len as u64;
                known = true;
            }
        }
        if is_resource {
            self.resource(at, len);
        }
        known || is_resource
    }

    /// Calls `each` for the objects of the list at `at`.
    #[inline(always)]
    fn objects(&mut self, at: usize, mut each: impl FnMut(&mut Self, usize, usize)) {
        let len = match self.tape.view(at) {
            View::Array(len) => len,
            View::Null => return,
            other => return lose(self.tape, at, loss(other, Defect::Shape), self.report),
        };
        for item in items(self.tape, at, len) {
            match self.tape.view(item) {
                View::Object(len) => each(self, item, len),
                other => lose(self.tape, item, loss(other, Defect::Shape), self.report),
            }
        }
    }

    fn resource(&mut self, at: usize, len: usize) {
        let tape = self.tape;
        let resource = entries(tape, at, len).filter(|(key, _)| *key == "resource").last();
        let resource = resource.map(|(_, resource)| resource);
        let attributes = resource.and_then(|resource| {
            let members = self.members(resource);
            members.filter(|(key, _)| *key == "attributes").last().map(|(_, list)| list)
        });
        collect(tape, attributes, self.attributes, self.report);
        self.rest_of((at, len), resource, ("resource", &["attributes"]));
        let rest = self.rest.finish();
        let resource = self.sink.resource(iterate(tape, self.attributes), rest);
        for (key, scopes) in entries(tape, at, len) {
            if is_scopes(key) {
                self.objects(scopes, |walker, at, len| walker.scope(at, len, resource));
            }
        }
    }

    fn scope(&mut self, at: usize, len: usize, resource: u32) {
        let tape = self.tape;
        let (mut scope, mut name, mut version) = (None, None, None);
        for (key, value) in entries(tape, at, len) {
            if is_scope(key) {
                scope = Some(value);
            }
        }
        if let Some(scope) = scope {
            for (key, value) in self.members(scope) {
                match key {
                    "name" => name = Some(value),
                    "version" => version = Some(value),
                    _ => {}
                }
            }
        }
        let name = spare(tape, name, string(tape, name, Defect::Field), self.report);
        let version = spare(tape, version, string(tape, version, Defect::Field), self.report);
        self.rest_of((at, len), scope, ("scope", &["name", "version"]));
        let scope = self.sink.scope(name, version, self.rest.finish());
        for (key, spans) in entries(tape, at, len) {
            if key == "spans" {
                self.objects(spans, |walker, at, len| walker.span(at, len, (resource, scope)));
            }
        }
    }

    /// Sets the rest to that of an entry of resources or scopes, whose resource or scope is at
    /// `owner`; what that has `known` has places of its own.
    fn rest_of(
        &mut self,
        entry: (usize, usize),
        owner: Option<usize>,
        (name, known): (&str, &[&str]),
    ) {
        self.rest.clear();
        if !self.sink.keeps_rest() {
            return;
        }
        let Self { tape, rest, report, .. } = self;
        if let Some(at) = owner
            && let View::Object(len) = tape.view(at)
        {
            rest.add_within(name, *tape, (at, len), |key| known.contains(&key), *report);
        }
        let known = |key: &str| {
            key == "resource" || key == "spans" || is_scope(key) || is_scopes(key) || is_root(key)
        };
        rest.add(*tape, entry, known, *report);
    }

    /// Entries of the object at `at`, which may be null.
    fn members(&mut self, at: usize) -> impl Iterator<Item = (&'t str, usize)> + use<'t, T, S, R> {
        let len = match self.tape.view(at) {
            View::Object(len) => len,
            View::Null => 0,
            other => {
                lose(self.tape, at, loss(other, Defect::Shape), self.report);
                0
            }
        };
        entries(self.tape, at, len)
    }

    /// Adds the span at `at`, an item of a list of spans.
    pub(super) fn item(&mut self, at: usize, owner: (u32, u32)) {
        match self.tape.view(at) {
            View::Object(len) => self.span(at, len, owner),
            other => lose(self.tape, at, loss(other, Defect::Shape), self.report),
        }
    }

    /// Adds the span once all of it is known to be good. One in which the grammar did not hold was
    /// counted by the reader.
    #[inline]
    fn span(&mut self, at: usize, len: usize, owner: (u32, u32)) {
        if !self.tape.sound(at) {
            return;
        }
        let fields = Fields::find(self.tape, at, len);
        match fields.assemble(self.tape, owner, self.report) {
            Ok(record) => {
                collect(self.tape, fields.get(Field::Attributes), self.attributes, self.report);
                let rest = match self.sink.keeps_rest() {
                    true => {
                        rest_of_span(self.tape, (at, len), &record, &mut self.rest, self.report)
                    }
                    false => "",
                };
                let record = SpanRecord { rest, ..record };
                self.sink.span(&record, iterate(self.tape, self.attributes));
                self.tally.spans += 1;
            }
            Err((field, loss)) => lose(self.tape, field.unwrap_or(at), loss, self.report),
        }
    }
}

/// Sets `rest` to that of a span. An end that no duration leads to, as that is an int64, is part of it.
/// Apart from the rest of the walker, which is faster without it where it is not needed.
#[inline(never)]
fn rest_of_span<'r, 't, T: Tape<'t>>(
    tape: T,
    span: (usize, usize),
    record: &SpanRecord<'_>,
    rest: &'r mut Rest,
    report: &mut impl Report,
) -> &'r str {
    rest.clear();
    rest.add(tape, span, |key| Field::named(key).is_some(), report);
    if i64::try_from(i128::from(record.end) - i128::from(record.start)).is_err() {
        rest.add_long(END, record.end);
    }
    rest.finish()
}

/// What an object at the root may be known by: no entry of a list has it.
fn is_root(key: &str) -> bool {
    matches!(
        key,
        "resourceSpans"
            | "resource_spans"
            | "batches"
            | "resourceLogs"
            | "resource_logs"
            | "resourceMetrics"
            | "resource_metrics"
            | "resourceProfiles"
            | "resource_profiles"
    )
}

fn is_scope(key: &str) -> bool {
    matches!(key, "scope" | "instrumentationLibrary" | "instrumentation_library")
}

fn is_scopes(key: &str) -> bool {
    matches!(
        key,
        "scopeSpans"
            | "scope_spans"
            | "instrumentationLibrarySpans"
            | "instrumentation_library_spans"
    )
}
