//! The original engine's own tests, and where we differ from it on purpose: every difference
//! belongs to a class that says why ours is right, and every class has its number of vectors.

use std::collections::BTreeSet;
use std::path::Path;

use compiler::{Key, Params, ReadOptions, Severity, parse_rule};
use serde_json::{Value as Json, json};

use crate::engines::answers;
use crate::naive::Verdict;

/// A way in which we differ.
struct Class {
    name: &'static str,
    /// Why ours is right.
    why: &'static str,
    /// The error that we report; none where we accept what was refused.
    error: Option<&'static str>,
    belongs: fn(&str) -> bool,
    vectors: usize,
}

const CLASSES: [Class; 9] = [
    Class {
        name: "when alone",
        why: "it can never fire; the original accepts it and then refuses to evaluate it",
        error: Some("when-alone"),
        belongs: |rule| !rule.contains("always {") && !rule.contains("never {"),
        vectors: 101,
    },
    Class {
        name: "attribute outside of where",
        why: "the original compares a constant; here the attribute of a span is asked in `where`",
        error: Some("attribute-outside-where"),
        belongs: compares_outside_where,
        vectors: 90,
    },
    Class {
        name: "longer than 64 KiB",
        why: "limits bound the time and memory that one rule can take",
        error: Some("rule-too-long"),
        belongs: |rule| rule.len() > 64 * 1024,
        vectors: 2,
    },
    Class {
        name: "deeper than 64",
        why: "no input may exhaust the stack",
        error: Some("nesting-too-deep"),
        belongs: |rule| depth(rule) > 64,
        vectors: 1,
    },
    Class {
        name: "control character",
        why: "nobody can see it in the rule; no exporter means it",
        error: Some("invisible-character"),
        belongs: |rule| rule.contains('\0'),
        vectors: 1,
    },
    Class {
        name: "text over two lines",
        why: "it is nearly always a quote that was not closed; `\\n` writes a line break",
        error: Some("unclosed-string"),
        belongs: |rule| rule.split('"').skip(1).step_by(2).any(|text| text.contains('\n')),
        vectors: 1,
    },
    Class {
        name: "not not",
        why: "a double negation has a plain meaning",
        error: None,
        belongs: |rule| rule.contains("not not "),
        vectors: 2,
    },
    Class {
        name: "escaped quote",
        why: "a text may hold any character, so a quote can be escaped",
        error: None,
        belongs: |rule| rule.contains("\\\""),
        vectors: 1,
    },
    Class {
        name: "no when",
        why: "a rule without `when` applies to every trace",
        error: None,
        belongs: |rule| rule.starts_with("always ") || rule.starts_with("never "),
        vectors: 1,
    },
];

#[test]
fn the_original_engine_agrees_but_for_named_differences() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = file.join("../shared/data/betrace-go/vectors.jsonl");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("skipped: {} is absent", file.display());
        return;
    };
    let mut used = [0; CLASSES.len()];
    for line in text.lines() {
        let vector: Json = serde_json::from_str(line).unwrap();
        let differs = differs(&vector);
        let rule = vector["rule"].as_str().unwrap();
        let refused_there = vector["kind"] == "parse_error";
        let mut expected = BTreeSet::new();
        let mut classified = false;
        for (class, used) in CLASSES.iter().zip(&mut used) {
            let sides = class.error.is_none() == refused_there;
            if sides && (class.belongs)(rule) {
                classified = true;
                *used += 1;
                expected.extend(class.error);
            }
        }
        let id = &vector["id"];
        match differs {
            Some(Difference::Verdict) => panic!("{id}: another verdict\n{rule}"),
            Some(Difference::Errors(errors)) => {
                assert!(classified && errors == expected, "{id}: {errors:?}\n{rule}");
            }
            None => assert!(!classified, "{id}: no difference, but a class claims it\n{rule}"),
        }
    }
    for (class, used) in CLASSES.iter().zip(used) {
        assert_eq!(used, class.vectors, "vectors of {:?} ({})", class.name, class.why);
    }
}

enum Difference {
    /// We refuse it with these errors; none: we accept what was refused.
    Errors(BTreeSet<&'static str>),
    Verdict,
}

fn differs(vector: &Json) -> Option<Difference> {
    let params = Params::new();
    let options =
        ReadOptions { key: Key::Condition, has_signal: false, params: &params, description: None };
    let parsed = parse_rule(vector["rule"].as_str().unwrap(), &options);
    let errors = parsed.diagnostics.iter().filter(|message| message.severity == Severity::Error);
    let errors: BTreeSet<&str> = errors.map(|message| message.code).collect();
    let refused_there = vector["kind"] == "parse_error";
    let Some(statement) = parsed.statement else {
        return (!refused_there).then_some(Difference::Errors(errors));
    };
    if refused_there {
        return Some(Difference::Errors(errors));
    }
    let violation = vector["violation"].as_bool()?;
    let (verdict, _) = answers(&[statement], &[spans(vector)]).remove(0).remove(0);
    ((verdict == Verdict::Violated) != violation).then_some(Difference::Verdict)
}

/// The spans of a vector as OTLP JSON; attributes with their type where the vector has one.
fn spans(vector: &Json) -> Vec<Json> {
    let spans = vector["spans"].as_array().unwrap().iter().zip(1..);
    let convert = |(span, id): (&Json, u64)| {
        let typed =
            |key: &str, text: &Json| span["typed_attributes"].get(key).unwrap_or(text).clone();
        let own = span["attributes"].as_object().unwrap().iter();
        let own: Vec<Json> = own
            .map(|(key, text)| json!({ "key": key, "value": any_value(&typed(key, text)) }))
            .collect();
        json!({
            "name": span["name"], "kind": 0, "status": {}, "attributes": own, "resource": [],
            "spanId": format!("{id:016x}"), "parentSpanId": "",
            "startTimeUnixNano": id.to_string(), "endTimeUnixNano": (id + 1).to_string(),
        })
    };
    spans.map(convert).collect()
}

fn any_value(value: &Json) -> Json {
    match value {
        Json::String(text) => json!({ "stringValue": text }),
        Json::Bool(truth) => json!({ "boolValue": truth }),
        Json::Number(number) if number.is_i64() => json!({ "intValue": number.to_string() }),
        Json::Number(number) => json!({ "doubleValue": number }),
        other => panic!("an attribute is {other}"),
    }
}

/// Whether a dotted name outside of quotes is compared: `payment.amount > 1000`.
fn compares_outside_where(rule: &str) -> bool {
    let words: Vec<&str> = rule.split_whitespace().collect();
    let compared = words.windows(2).filter(|pair| {
        ["==", "!=", "<", "<=", ">", ">=", "contains", "matches", "in"].contains(&pair[1])
            && !pair[0].contains('"')
    });
    compared.map(|pair| pair[0].trim_start_matches('(')).any(|name| {
        name.contains('.') && !name.contains(['(', ')']) && name.parse::<f64>().is_err()
    })
}

/// How deep parentheses are nested.
fn depth(rule: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for char in rule.chars() {
        match char {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
