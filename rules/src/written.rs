//! Where the parts of a rule stand in its file, for those who change it.

use std::ops::Range;

use compiler::Places;

use crate::model::{ALLOW, Entry, Written};
use crate::yaml::{Content, NodeId, Yaml};

/// The places of a rule's parts.
pub fn written(yaml: &Yaml, rule: NodeId, parts: Places) -> Written {
    let value = |name: &str| entry(yaml, rule, name).map(|(_, value)| value);
    let span = |id: NodeId| yaml.node(id).span.clone();
    let texts = ["condition", "invariant", "violation"];
    let params = entries(yaml, value("params")).iter().filter_map(|&(key, value)| {
        let name = yaml.node(key).text()?;
        Some((name.to_owned(), Entry { key: span(key), value: span(value) }))
    });
    let signal = entry(yaml, rule, "signal");
    let context = signal.and_then(|(_, signal)| entry(yaml, signal, "context"));
    let context = match context.map(|(_, list)| &yaml.node(list).content) {
        Some(Content::List(keys)) => keys.iter().map(|&key| span(key)).collect(),
        _ => Vec::new(),
    };
    let allow = value("annotations").and_then(|annotations| entry(yaml, annotations, ALLOW));
    let place = |(key, value)| Entry { key: span(key), value: span(value) };
    Written {
        rule: span(rule),
        text: texts.iter().find_map(|text| value(text)).map(span).unwrap_or_default(),
        parts,
        params: params.collect(),
        all_params: entry(yaml, rule, "params").map(place),
        context,
        signal: signal.map(place),
        allow: allow.map(place),
    }
}

fn entry(yaml: &Yaml, map: NodeId, name: &str) -> Option<(NodeId, NodeId)> {
    let entries = entries(yaml, Some(map));
    entries.iter().find(|(key, _)| yaml.node(*key).text() == Some(name)).copied()
}

fn entries(yaml: &Yaml, map: Option<NodeId>) -> &[(NodeId, NodeId)] {
    match map.map(|map| &yaml.node(map).content) {
        Some(Content::Map(entries)) => entries,
        _ => &[],
    }
}

/// A text as it is written inside of the scalar at a place of a file: escaped as its quotes demand.
pub fn escaped(source: &str, scalar: &Range<usize>, text: &str) -> String {
    match source.as_bytes().get(scalar.start) {
        Some(b'"') => text.replace('\\', "\\\\").replace('"', "\\\""),
        Some(b'\'') => text.replace('\'', "''"),
        _ => text.to_owned(),
    }
}
