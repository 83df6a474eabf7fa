//! Whole replays of damaged files: nothing panics, what is lost is counted, and traces that the
//! damage does not touch keep their verdicts.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use betrace::generate::{Workload, lines};
use betrace::{CompileOptions, Completeness, Program, Replay, ReplayOptions, RuleSet};
use betrace_fuzz::campaign::campaign;
use betrace_fuzz::{Bytes, mutate};

/// Traces by id, with the rules that each violates.
type Verdicts = BTreeMap<String, BTreeSet<String>>;

/// A workload with what is known of it.
struct Sound {
    program: Program,
    lines: Vec<Vec<u8>>,
    /// The traces with a span in each line.
    traces: Vec<BTreeSet<String>>,
    /// Spans of each line.
    spans: Vec<u64>,
    verdicts: Verdicts,
}

impl Sound {
    fn new() -> Self {
        let rules = RuleSet::from_text("omnicart.yaml", include_str!("../../rules/omnicart.yaml"));
        assert_eq!(rules.errors(), 0);
        let program = Program::compile(&rules, &CompileOptions::default()).expect("it compiles");
        let mut written = Vec::new();
        let mut sink = |line: &[u8]| {
            written.push(line.to_vec());
            Ok(())
        };
        lines(&Workload::new(120, 2, 7), &mut sink).expect("memory does not fail");
        let read: Vec<_> = written.iter().map(|line| ids(line)).collect();
        let (verdicts, completeness) = replay(&program, &written.concat(), 1);
        assert!(completeness.is_complete() && completeness.spans > 500, "{completeness:?}");
        assert!(verdicts.len() >= 3, "some traces violate rules: {verdicts:?}");
        Self {
            program,
            spans: read.iter().map(|ids| ids.len() as u64).collect(),
            traces: read.into_iter().map(|ids| ids.into_iter().collect()).collect(),
            lines: written,
            verdicts,
        }
    }
}

#[test]
fn damage_loses_no_more_than_it_hits() {
    let sound = Sound::new();
    campaign("replays", 40, |bytes| check(&sound, bytes));
}

#[test]
fn damage_of_a_fuzzer_loses_no_more_than_it_hits() {
    let sound = AssertUnwindSafe(Sound::new());
    bolero::check!().with_iterations(10).with_shrink_time(Duration::ZERO).for_each(
        |input: &[u8]| {
            check(&sound, &mut Bytes::new(input));
            replay(&sound.program, input, 1);
        },
    );
}

fn check(sound: &Sound, bytes: &mut Bytes<'_>) {
    let mut order: Vec<usize> = (0..sound.lines.len()).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, bytes.below(at + 1));
    }
    let (mut text, mut hit, mut lost, mut wrong) = (Vec::new(), BTreeSet::new(), 0, 0);
    for (at, &line) in order.iter().enumerate() {
        let whole = &sound.lines[line];
        // Of the first line bytes may change that tell what kind of file it is.
        if at == 0 || bytes.chance(85) {
            text.extend(whole);
            continue;
        }
        let damaged = mutate::bytes(bytes, whole);
        // A line without its end runs into the next one.
        let ends = damaged.ends_with(b"\n");
        hit.extend(sound.traces[line].iter().cloned());
        lost += sound.spans[line];
        let json = serde_json::from_slice::<serde_json::Value>(&damaged);
        wrong += u64::from(json.is_err() || damaged.trim_ascii().is_empty());
        text.extend(damaged);
        if !ends {
            text.push(b'\n');
        }
    }
    if bytes.chance(30) {
        let end = text.len() - bytes.below(sound.lines[order[order.len() - 1]].len());
        text.truncate(end);
        let line = order[order.len() - 1];
        hit.extend(sound.traces[line].iter().cloned());
        lost += sound.spans[line];
    }
    let (verdicts, completeness) = replay(&sound.program, &text, 1 + bytes.below(3));
    let shown = || format!("{completeness:?}");
    let all: u64 = sound.spans.iter().sum();
    let found = completeness.spans + completeness.duplicates;
    assert!(found + lost >= all, "{found} of {all} spans, {lost} in damaged lines: {}", shown());
    let defects: u64 = completeness.malformed.values().map(|malformed| malformed.count).sum();
    assert!(wrong == 0 || found >= all || defects > 0, "{found} of {all} spans: {}", shown());
    let untouched = |verdicts: &Verdicts| -> Verdicts {
        let kept = verdicts.iter().filter(|(trace, _)| !hit.contains(*trace));
        kept.map(|(trace, rules)| (trace.clone(), rules.clone())).collect()
    };
    let (mut found, expected) = (untouched(&verdicts), untouched(&sound.verdicts));
    // A damaged trace id may make a trace of its own.
    let known: BTreeSet<&String> = sound.traces.iter().flatten().collect();
    found.retain(|trace, _| known.contains(trace));
    assert_eq!(found, expected, "{}", shown());
}

/// Replays a text, in so many pieces cut anywhere between lines.
fn replay(program: &Program, text: &[u8], pieces: usize) -> (Verdicts, Completeness) {
    let mut replay = Replay::new(program, ReplayOptions::default());
    let mut rest = text;
    for piece in 1..=pieces {
        let half = if piece == pieces { rest.len() } else { rest.len() / 2 };
        let line = rest[..half].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (now, later) = rest.split_at(if piece == pieces { half } else { line });
        replay.push_otlp("memory", now).expect("there is no limit of memory");
        rest = later;
    }
    let mut verdicts = Verdicts::new();
    let mut take = |signal: betrace::Signal| {
        verdicts.entry(signal.trace_id.to_string()).or_default().insert(signal.rule_id.to_string());
        Ok(())
    };
    let report = replay.finish(&mut take).expect("all of time is a range");
    (verdicts, report.completeness)
}

/// The trace ids of a line's spans.
fn ids(line: &[u8]) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_slice(line).expect("generated lines are JSON");
    let list = |json: &serde_json::Value| json.as_array().cloned().unwrap_or_default();
    let resources = list(&json["resourceSpans"]);
    let scopes = resources.iter().flat_map(|resource| list(&resource["scopeSpans"]));
    let spans = scopes.flat_map(|scope| list(&scope["spans"]));
    spans.map(|span| span["traceId"].as_str().expect("an id").to_owned()).collect()
}
