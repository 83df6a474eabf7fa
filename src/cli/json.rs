//! The JSON report, schema `betrace.replay/1`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use compiler::is_unprintable;
use serde::Serialize;

use crate::{Completeness, Note, Recognition, Report, RuleReport, Sighting, rfc3339};

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    rules: Vec<RuleJson<'a>>,
    completeness: CompletenessJson<'a>,
    /// Of the rules that no trace of a corpus exercised, by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    sightings: BTreeMap<&'a str, Vec<SightingJson<'a>>>,
}

#[derive(Serialize)]
struct SightingJson<'a> {
    operation: &'a str,
    /// None if there never was one.
    last_seen: Option<String>,
    /// Names that are most like it, where there never was one.
    nearest: &'a [String],
}

#[derive(Serialize)]
struct RuleJson<'a> {
    id: &'a str,
    severity: &'static str,
    traces: u64,
    exercised: u64,
    applied: u64,
    passed: u64,
    violated: u64,
    first: Option<String>,
    last: Option<String>,
    days: BTreeMap<String, u64>,
    groups: BTreeMap<&'a str, u64>,
    /// Violations without a value to group by; a value of any text may be among the groups.
    ungrouped: u64,
}

/// What was read and what not.
#[derive(Serialize)]
pub struct CompletenessJson<'a> {
    files: u64,
    bytes: u64,
    documents: u64,
    spans: u64,
    traces: u64,
    malformed: BTreeMap<&'a str, u64>,
    duplicates: u64,
    other_signals: &'a BTreeMap<String, u64>,
    unread: Vec<NoteJson<'a>>,
    skipped: Vec<NoteJson<'a>>,
    unread_count: u64,
    skipped_count: u64,
    empty: u64,
    places: BTreeMap<&'a str, &'a [String]>,
    rootless: u64,
    clock_defects: u64,
    decoder: DecoderJson,
    seconds: f64,
}

/// How spans were decoded: what was learned of the exporter's way to write, how often it was all
/// forgotten, and what was left to the strict reader. Differs from run to run, as threads learn for themselves.
#[derive(Serialize)]
struct DecoderJson {
    nodes: u64,
    restarts: u64,
    spans: u64,
    spans_left: u64,
    documents_left: u64,
}

#[derive(Serialize)]
struct NoteJson<'a> {
    input: &'a str,
    why: &'a str,
}

/// Writes the report as one JSON document, with when the operations of rules that no trace exercised
/// were last seen.
///
/// # Errors
/// What the system says.
pub fn write(
    report: &Report,
    unexercised: &[(&str, Vec<Sighting>)],
    out: &mut impl Write,
) -> io::Result<()> {
    let document = Document {
        schema: "betrace.replay/1",
        rules: report.rules.iter().map(rule).collect(),
        completeness: completeness(&report.completeness),
        sightings: unexercised
            .iter()
            .map(|(rule, own)| (*rule, own.iter().map(sighting).collect()))
            .collect(),
    };
    write_document(&document, out)
}

fn sighting(Sighting { operation, last, nearest }: &Sighting) -> SightingJson<'_> {
    SightingJson { operation, last_seen: last.map(rfc3339), nearest }
}

/// Writes a document that a terminal may show.
///
/// # Errors
/// What the system says.
pub fn write_document(document: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let json = serde_json::to_string_pretty(document)?;
    writeln!(out, "{}", harmless(&json))
}

/// The statement of completeness.
pub fn completeness(done: &Completeness) -> CompletenessJson<'_> {
    let malformed = done.malformed.iter();
    CompletenessJson {
        files: done.files,
        bytes: done.bytes,
        documents: done.documents,
        spans: done.spans,
        traces: done.traces,
        malformed: malformed.clone().map(|(kind, found)| (&**kind, found.count)).collect(),
        duplicates: done.duplicates,
        other_signals: &done.other_signals,
        unread: notes(&done.unread),
        skipped: notes(&done.skipped),
        unread_count: done.unread_count,
        skipped_count: done.skipped_count,
        empty: done.empty,
        places: malformed.map(|(kind, found)| (&**kind, &*found.places)).collect(),
        rootless: done.rootless,
        clock_defects: done.clock_defects,
        decoder: decoder(done.decoder),
        seconds: done.seconds,
    }
}

fn decoder(done: Recognition) -> DecoderJson {
    let Recognition { nodes, restarts, spans, spans_left, documents_left } = done;
    DecoderJson { nodes, restarts, spans, spans_left, documents_left }
}

/// JSON with escapes for what it lets stand in strings and a terminal would obey.
pub fn harmless(json: &str) -> Cow<'_, str> {
    let harmful = |c: char| c != '\n' && is_unprintable(c);
    if !json.contains(harmful) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if harmful(c) {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            escaped.extend(units.map(|unit| format!("\\u{unit:04x}")));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

fn notes(notes: &[Note]) -> Vec<NoteJson<'_>> {
    notes.iter().map(|note| NoteJson { input: &note.input, why: &note.why }).collect()
}

fn rule(report: &RuleReport) -> RuleJson<'_> {
    let days = report.days.iter();
    let groups = report.groups.iter();
    RuleJson {
        id: &report.id,
        severity: report.severity.name(),
        traces: report.traces,
        exercised: report.exercised,
        applied: report.applied,
        passed: report.passed,
        violated: report.violated,
        first: report.first.map(rfc3339),
        last: report.last.map(rfc3339),
        days: days.map(|(date, day)| (date.to_string(), day.violated)).collect(),
        groups: groups.filter_map(|(group, count)| Some((group.as_deref()?, *count))).collect(),
        ungrouped: report.groups.get(&None).copied().unwrap_or(0),
    }
}
