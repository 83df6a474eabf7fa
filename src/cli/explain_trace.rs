//! `betrace explain --trace`: why a rule comes to its verdict on a trace.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use compiler::printable;
use corpora::source::{Options, Walk, walk};
use ir::module::{KINDS, STATUSES};
use serde::Serialize;
use serde_json::json;

use super::args::Shape;
use super::console::Console;
use super::exit::{Exit, Failure};
use super::explain::title;
use super::json;
use super::settings::Settings;
use super::table::{self, plural};
use super::traces::{Traces, failure};
use crate::explain::{Explainer, Part, PartValue, draw, show};
use crate::recorded::{self, Found};
use crate::testing::Verdict;
use crate::{
    Completeness, Program, Replay, ReplayOptions, Rule, RuleSet, Signal, Span, Value, rfc3339,
};

/// What stands before the spans of a witness.
const MARK: &str = ">";

/// A rule and a trace.
pub struct Asked<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// The rule alone, compiled.
    pub program: &'a Program,
    /// A file with the trace, or the trace's id.
    pub trace: &'a OsString,
    /// Where the rule stands, unless it was given as text.
    pub set: Option<&'a RuleSet>,
}

/// What a rule says of a trace, and why.
struct Answer {
    spans: Vec<Span>,
    verdict: Verdict,
    parts: Vec<Part>,
    values: Vec<PartValue>,
    signal: Option<Signal>,
}

impl Asked<'_> {
    /// Finds the trace, judges it, and prints the answer.
    ///
    /// # Errors
    /// A trace that is not there, or is not named clearly.
    pub fn answer(
        &self,
        format: Shape,
        settings: &Settings,
        console: &mut Console,
    ) -> Result<Exit, Failure> {
        let (spans, done) = self.find(settings)?;
        let answer = self.judge(spans)?;
        match format {
            Shape::Table => self.table(&answer, &mut console.out)?,
            Shape::Json => {
                json::write_document(&self.document(&answer), &mut console.out)?;
            }
        }
        table::note_defects(&done, console);
        Ok(Exit::of(&done, false, false))
    }

    /// The spans of the trace, and what was read for them.
    fn find(&self, settings: &Settings) -> Result<(Vec<Span>, Completeness), Failure> {
        let Some(id) = trace_id(self.trace) else {
            return self.find_in_file(settings);
        };
        let missing =
            |place: &str, has: String| Failure::usage(format!("{place} no trace {id:032x}{has}"));
        match Traces::named(settings)? {
            Traces::Corpus(corpus) => {
                let spans = corpus.trace(id).map_err(failure)?;
                let spans = spans.ok_or_else(|| missing("the corpus has", String::new()))?;
                Ok((spans, Completeness::default()))
            }
            Traces::Inputs(inputs) => {
                let found = read(inputs, Some(id), settings);
                let has = match found.ids() {
                    ids if ids.is_empty() => String::new(),
                    ids => format!("; there are {ids}"),
                };
                let spans = found.spans.ok_or_else(|| missing("the inputs have", has))?;
                Ok((spans, found.completeness))
            }
        }
    }

    fn find_in_file(&self, settings: &Settings) -> Result<(Vec<Span>, Completeness), Failure> {
        let file = printable(&self.trace.to_string_lossy());
        if settings.inputs.origin == super::settings::Origin::Flag {
            return Err(Failure::usage(format!(
                "beside inputs, --trace takes the id of a trace, 32 hex digits; {file} is none"
            )));
        }
        let found = read(walk([self.trace]), None, settings);
        let ids = found.ids();
        let Completeness { unread, .. } = &found.completeness;
        match (found.spans, unread.first()) {
            (Some(spans), _) => Ok((spans, found.completeness)),
            (None, Some(note)) => {
                Err(Failure::usage(format!("--trace {file}: {}", printable(&note.why))))
            }
            (None, None) if ids.is_empty() => {
                Err(Failure::usage(format!("--trace {file}: there is no span in it")))
            }
            (None, None) => Err(Failure::usage(format!(
                "{file} has several traces; say which with --trace ID {file}; there are {ids}"
            ))),
        }
    }

    fn judge(&self, spans: Vec<Span>) -> Result<Answer, Failure> {
        let mut replay = Replay::new(self.program, ReplayOptions::default());
        spans.iter().try_for_each(|span| replay.push_span(span)).map_err(failure)?;
        let mut signal = None;
        let report = replay.finish(&mut |found| {
            signal = Some(found);
            Ok(())
        });
        let report = report.map_err(failure)?;
        let verdict = match &report.rules[..] {
            [rule] if rule.violated > 0 => Verdict::Violated,
            [rule] if rule.applied > 0 => Verdict::Passed,
            _ => Verdict::NotApplicable,
        };
        let explainer = Explainer::new(self.rule).map_err(Failure::usage)?;
        let looked = explainer.look(&[&spans]);
        let values = explainer.explain(&looked, 0).map_err(|fault| failure(fault.into()))?;
        Ok(Answer { verdict, parts: explainer.parts().to_vec(), values, signal, spans })
    }

    fn table(&self, answer: &Answer, out: &mut impl Write) -> io::Result<()> {
        if let Some(set) = self.set {
            title(self.rule, set, out)?;
            writeln!(out)?;
        }
        let count = plural(answer.spans.len() as u64, "span");
        writeln!(out, "trace    {}, {}, {count}", answer.id(), rfc3339(answer.time()))?;
        writeln!(out, "verdict  {}", answer.verdict.name())?;
        let signal = answer.signal.iter();
        for (name, text) in signal.flat_map(details) {
            writeln!(out, "{name:<9}{}", printable(&text))?;
        }
        writeln!(out)?;
        let spans: Vec<Span> = answer.spans.iter().map(|span| self.as_read(span)).collect();
        for line in draw(&spans, MARK, &answer.witness()).lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        writeln!(out, "  (with the attributes that the rule reads; --format json has all)\n")?;
        write!(out, "{}", show(&answer.parts, &answer.values))
    }

    /// A span with the attributes that the rule reads: recorded ones bear too many to look at.
    fn as_read(&self, span: &Span) -> Span {
        let keys = self.program.schema().keys();
        let is_read = |own: &str| {
            let entry = |key: &str| key.strip_prefix(own).is_some_and(|rest| rest.starts_with('.'));
            keys.iter().any(|key| **key == *own || entry(key))
        };
        let mut span = span.clone();
        span.attributes.retain(|(key, _)| is_read(key));
        span.resource.retain(|(key, _)| is_read(key));
        span
    }

    fn document<'a>(&'a self, answer: &'a Answer) -> Document<'a> {
        let witness = answer.witness();
        Document {
            schema: "betrace.explain/1",
            rule: RuleJson {
                id: &self.rule.id,
                name: &self.rule.name,
                severity: self.rule.severity.name(),
                canonical: self.rule.statement.to_string(),
            },
            trace: TraceJson {
                id: answer.id(),
                time: rfc3339(answer.time()),
                spans: answer.spans.iter().map(|span| span_json(span, &witness)).collect(),
            },
            verdict: answer.verdict.name(),
            parts: answer.parts.iter().zip(&answer.values).map(part_json).collect(),
            signal: answer.signal.as_ref(),
        }
    }
}

impl Answer {
    fn id(&self) -> String {
        let id = self.spans.first().map(|span| u128::from_be_bytes(span.trace_id));
        format!("{:032x}", id.unwrap_or_default())
    }

    fn time(&self) -> u64 {
        self.spans.iter().map(|span| span.start).min().unwrap_or_default()
    }

    /// Ids of the spans of the witness.
    fn witness(&self) -> Vec<u64> {
        let ids = self.signal.iter().flat_map(|signal| &signal.span_ids);
        ids.filter_map(|id| u64::from_str_radix(id, 16).ok()).collect()
    }
}

/// The id that a text is, if it is one.
fn trace_id(text: &OsStr) -> Option<u128> {
    let text = text.to_str().filter(|text| text.len() == 32)?;
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(text, 16).ok().filter(|_| is_hex)
}

fn read(inputs: Walk, id: Option<u128>, settings: &Settings) -> Found {
    let max_document = usize::try_from(settings.max_document.value).unwrap_or(usize::MAX);
    let options = Options { max_document, ..Options::default() };
    recorded::read(inputs, id, settings.threads.value, &options)
}

/// What a signal says beside its spans, by name.
fn details(signal: &Signal) -> Vec<(&'static str, String)> {
    let missing = signal.missing.iter().map(|text| ("missing", text.clone()));
    let forbidden = signal.forbidden.iter().map(|text| ("present", text.clone()));
    let context = signal.context.entries.iter().map(|entry| {
        let values: Vec<&str> = entry.values.iter().map(|value| &*value.text).collect();
        ("context", format!("{}: {}", entry.label, values.join(", ")))
    });
    missing.chain(forbidden).chain(context).collect()
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    rule: RuleJson<'a>,
    trace: TraceJson<'a>,
    verdict: &'static str,
    parts: Vec<PartJson<'a>>,
    signal: Option<&'a Signal>,
}

#[derive(Serialize)]
struct RuleJson<'a> {
    id: &'a str,
    name: &'a str,
    severity: &'static str,
    canonical: String,
}

#[derive(Serialize)]
struct TraceJson<'a> {
    id: String,
    time: String,
    spans: Vec<SpanJson<'a>>,
}

#[derive(Serialize)]
struct SpanJson<'a> {
    span_id: String,
    parent_id: Option<String>,
    name: &'a str,
    kind: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    start_unix_nano: String,
    end_unix_nano: String,
    attributes: BTreeMap<&'a str, serde_json::Value>,
    resource: BTreeMap<&'a str, serde_json::Value>,
    /// Whether it is of the witness of a violation.
    witness: bool,
}

#[derive(Serialize)]
struct PartJson<'a> {
    depth: usize,
    kind: &'static str,
    text: &'a str,
    #[serde(flatten)]
    value: ValueJson<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ValueJson<'a> {
    OfTrace {
        holds: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        sides: Option<&'a [String; 2]>,
        spans: Vec<String>,
    },
    OfSpans {
        true_for: Vec<String>,
        false_for: Vec<String>,
    },
}

fn span_json<'a>(span: &'a Span, witness: &[u64]) -> SpanJson<'a> {
    let hex = |id: [u8; 8]| format!("{:016x}", u64::from_be_bytes(id));
    SpanJson {
        span_id: hex(span.span_id),
        parent_id: (span.parent_id != [0; 8]).then(|| hex(span.parent_id)),
        name: &span.name,
        kind: KINDS[span.kind as usize],
        status: STATUSES[span.status as usize],
        message: &span.message,
        start_unix_nano: span.start.to_string(),
        end_unix_nano: span.end.to_string(),
        attributes: attributes(&span.attributes),
        resource: attributes(&span.resource),
        witness: witness.contains(&u64::from_be_bytes(span.span_id)),
    }
}

fn part_json<'a>((part, value): (&'a Part, &'a PartValue)) -> PartJson<'a> {
    let hex = |ids: &[u64]| ids.iter().map(|id| format!("{id:016x}")).collect();
    let value = match value {
        PartValue::OfTrace { holds, sides, spans } => {
            ValueJson::OfTrace { holds: *holds, sides: sides.as_ref(), spans: hex(spans) }
        }
        PartValue::OfSpans { holds, fails } => {
            ValueJson::OfSpans { true_for: hex(holds), false_for: hex(fails) }
        }
    };
    PartJson { depth: part.depth, kind: part.kind.name(), text: &part.text, value }
}

fn attributes(all: &[(String, Value)]) -> BTreeMap<&str, serde_json::Value> {
    all.iter().map(|(key, value)| (key.as_str(), value_json(value))).collect()
}

/// A value as JSON. Goes as deep as readers let values in, which is bounded.
fn value_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Empty => serde_json::Value::Null,
        Value::Text(text) => json!(text),
        Value::Bool(bool) => json!(bool),
        Value::Int(int) => json!(int),
        Value::Float(float) if float.is_finite() => json!(float),
        Value::Float(float) => json!(float.to_string()),
        Value::Bytes(bytes) => json!(STANDARD.encode(bytes)),
        Value::List(items) => items.iter().map(value_json).collect(),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, own)| (key.clone(), value_json(own)));
            serde_json::Value::Object(entries.collect())
        }
    }
}
