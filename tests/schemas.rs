//! The JSON Schemas of `docs/schemas` admit every file of `rules/`, and refuse what the loader refuses.
//!
//! The checker below knows the keywords that they use, and fails on any other.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::fs;
use std::path::{Path, PathBuf};

use betrace::RuleSet;
use regex::Regex;
use rules::is_test_file;
use rules::yaml::{Content, NodeId, Yaml};
use serde_json::{Map, Value, json};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn every_file_of_the_library_is_admitted() {
    let (rule, test) = (schema("rule"), schema("test"));
    let mut counts = [0, 0];
    for path in files(&Path::new(ROOT).join("rules")) {
        let is_test = is_test_file(&path);
        let schema = if is_test { &test } else { &rule };
        for document in documents(&fs::read_to_string(&path).unwrap()) {
            let errors = errors(schema, schema, &document, "");
            assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
        }
        counts[usize::from(is_test)] += 1;
    }
    assert!(counts.iter().all(|count| *count > 10), "{counts:?}");
}

#[test]
fn what_the_loader_refuses_of_a_rule_file_is_not_admitted() {
    let rule = schema("rule");
    let admits = |text: &str| {
        documents(text).iter().all(|document| errors(&rule, &rule, document, "").is_empty())
    };
    let right = "rules:\n- id: a\n  severity: low\n  violation: b\n";
    assert!(admits(right) && RuleSet::from_text("a.yaml", right).errors() == 0);
    for (from, to) in [
        ("id: a", "id: a b"),
        ("id: a", "name: a"),
        ("low", "lower"),
        ("  severity: low\n", ""),
        ("violation", "violations"),
        ("violation: b", "violation: b\n  condition: always { b }"),
        ("  violation: b\n", ""),
        ("violation: b", "violation: b\n  enabled: perhaps"),
        ("violation: b", "violation: b\n  params: [a]"),
        ("violation: b", "violation: b\n  labels: {a: [b]}"),
        ("violation: b", "violation: b\n  signal: {contexts: []}"),
        ("violation: b", "violation: b\n  signal: {context: [a, a]}"),
        ("violation: b", "violation: b\n  signal: {context: [\"span:name\"]}"),
        ("rules:", "alerts: [{channels: []}]\nrules:"),
        ("rules:", "rule: []\nrules:"),
    ] {
        let wrong = right.replace(from, to);
        assert!(RuleSet::from_text("a.yaml", &wrong).errors() > 0, "{wrong}");
        assert!(!admits(&wrong), "{wrong}");
    }
}

#[test]
fn tests_that_cannot_be_read_are_not_admitted() {
    let test = schema("test");
    let admits = |own: Value| errors(&test, &test, &json!({ "tests": [own] }), "").is_empty();
    let right = json!({ "name": "n", "rule": "r", "trace": "a", "verdict": "passed" });
    assert!(admits(right.clone()));
    for (key, value) in [
        ("verdict", json!("fine")),
        ("witness", json!(["x"])),
        ("file", json!("also.jsonl")),
        ("expect", json!({ "r": "passed" })),
        ("traces", json!("a")),
        ("trace", json!(["a"])),
    ] {
        let mut wrong = right.clone();
        wrong[key] = value;
        assert!(!admits(wrong.clone()), "{wrong}");
    }
}

fn schema(name: &str) -> Value {
    let path = format!("{ROOT}/docs/schemas/{name}.schema.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Why a value is not admitted; `at` is where it stands.
fn errors(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (keyword, asked) in schema.as_object().unwrap() {
        let own = |schema: &Value| errors(root, schema, value, at);
        let passes = |schema: &&Value| own(schema).is_empty();
        let all = asked.as_array();
        let fine = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let name = asked.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                found.extend(own(&root["$defs"][name]));
                true
            }
            "type" => {
                all.map_or_else(|| is(value, asked), |all| all.iter().any(|one| is(value, one)))
            }
            "enum" => all.unwrap().contains(value),
            "pattern" => value
                .as_str()
                .is_none_or(|text| Regex::new(asked.as_str().unwrap()).unwrap().is_match(text)),
            "not" => !passes(&asked),
            "anyOf" => all.unwrap().iter().any(|one| passes(&one)),
            "oneOf" => all.unwrap().iter().filter(passes).count() == 1,
            "allOf" => {
                found.extend(all.unwrap().iter().flat_map(own));
                true
            }
            "required" => value.as_object().is_none_or(|map| {
                all.unwrap().iter().all(|key| map.contains_key(key.as_str().unwrap()))
            }),
            "maxItems" => {
                value.as_array().is_none_or(|all| all.len() as u64 <= asked.as_u64().unwrap())
            }
            "uniqueItems" => value
                .as_array()
                .is_none_or(|all| all.iter().enumerate().all(|(at, one)| !all[..at].contains(one))),
            "items" => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(errors(root, asked, item, &format!("{at}/{number}")));
                }
                true
            }
            "properties" | "additionalProperties" => {
                for (key, member) in value.as_object().into_iter().flatten() {
                    let known = schema.get("properties").and_then(|known| known.get(key));
                    let at = format!("{at}/{key}");
                    match (keyword.as_str(), known) {
                        ("properties", Some(known)) => {
                            found.extend(errors(root, known, member, &at));
                        }
                        ("additionalProperties", None) if *asked == Value::Bool(false) => {
                            found.push(format!("{at}: unknown key"));
                        }
                        ("additionalProperties", None) => {
                            found.extend(errors(root, asked, member, &at));
                        }
                        _ => {}
                    }
                }
                true
            }
            other => panic!("the checker does not know `{other}`"),
        };
        if !fine {
            found.push(format!("{at}: {keyword} {asked}, found {value}"));
        }
    }
    found
}

fn is(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("no type {other}"),
    }
}

/// The documents of a YAML file as editors take them.
fn documents(text: &str) -> Vec<Value> {
    let yaml = Yaml::parse(text).unwrap();
    yaml.roots.iter().map(|&root| plain(&yaml, root)).collect()
}

fn plain(yaml: &Yaml, id: NodeId) -> Value {
    let node = yaml.node(id);
    match &node.content {
        Content::List(items) => items.iter().map(|&item| plain(yaml, item)).collect(),
        Content::Map(entries) => {
            let entries = entries.iter().map(|&(key, value)| {
                (yaml.node(key).text().unwrap().to_owned(), plain(yaml, value))
            });
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Content::Scalar { .. } if node.is_null() => Value::Null,
        Content::Scalar { text, .. } if !node.is_plain() => json!(text),
        Content::Scalar { text, .. } => match text.as_str() {
            "true" | "false" => json!(text == "true"),
            text => {
                let int = text.parse::<i64>().ok().map(Value::from);
                let float = || text.parse::<f64>().ok().filter(|float| float.is_finite());
                int.or_else(|| float().map(Value::from)).unwrap_or_else(|| json!(text))
            }
        },
    }
}

/// YAML files of the library, without the tests of its crate.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !matches!(name, "src" | "tests") {
            found.extend(files(&path));
        } else if name.ends_with(".yaml") {
            found.push(path);
        }
    }
    found
}
