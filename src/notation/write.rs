//! Spans in the notation, which reads back as the very same.

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ir::Value;
use ir::module::{KINDS, STATUSES};
use ir::value::write_json_text;

use super::values::scalar;
use crate::span::{Kind, Span, Status};

/// A span's name with its attributes, without the marks behind them.
pub fn write(span: &Span) -> String {
    let mut text = String::new();
    word(&span.name, &mut text);
    let mut entries = Vec::new();
    if span.kind != Kind::Unspecified {
        entries.push(format!("span:kind={}", KINDS[span.kind as usize]));
    }
    if span.status != Status::Unset {
        entries.push(format!("span:status={}", STATUSES[span.status as usize]));
    }
    if !span.message.is_empty() {
        let mut entry = "span:statusMessage=".to_owned();
        own_text(&span.message, &mut entry);
        entries.push(entry);
    }
    let attributes = span.attributes.iter().map(|(key, value)| (key.clone(), value));
    let resource = span.resource.iter().map(|(key, value)| (format!("resource.{key}"), value));
    for (key, own) in attributes.chain(resource) {
        let mut entry = String::new();
        word(&key, &mut entry);
        entry.push('=');
        value(own, &mut entry);
        entries.push(entry);
    }
    if !entries.is_empty() {
        let _ = write!(text, "{{{}}}", entries.join(", "));
    }
    text
}

/// A name or a key, in quotes where it needs them.
fn word(word: &str, text: &mut String) {
    let plain = |char: char| char.is_alphanumeric() || "._-/:+".contains(char);
    if !word.is_empty() && word.chars().all(plain) {
        text.push_str(word);
    } else {
        quoted(word, text);
    }
}

/// A text that is a value: in quotes also where it would be read as something else.
fn own_text(own: &str, text: &mut String) {
    if scalar(own.to_owned()) == Value::Text(own.to_owned()) {
        word(own, text);
    } else {
        quoted(own, text);
    }
}

fn quoted(own: &str, text: &mut String) {
    write_json_text(own, text);
}

/// Walks no deeper than values nest, which is bounded where they are made.
fn value(own: &Value, text: &mut String) {
    match own {
        Value::Empty => text.push_str("nothing"),
        Value::Text(own) => own_text(own, text),
        Value::Bool(own) => text.push_str(if *own { "true" } else { "false" }),
        Value::Int(own) => text.push_str(&own.to_string()),
        Value::Float(own) if own.is_nan() => text.push_str("NaN"),
        Value::Float(own) if own.is_infinite() => {
            text.push_str(if *own > 0.0 { "Infinity" } else { "-Infinity" });
        }
        Value::Float(own) => text.push_str(&format!("{own:?}")),
        Value::Bytes(own) => text.push_str(&format!("b\"{}\"", STANDARD.encode(own))),
        Value::List(items) => {
            text.push('[');
            for (number, item) in items.iter().enumerate() {
                text.push_str(if number == 0 { "" } else { ", " });
                value(item, text);
            }
            text.push(']');
        }
        Value::Map(entries) => {
            text.push('{');
            for (number, (key, item)) in entries.iter().enumerate() {
                text.push_str(if number == 0 { "" } else { ", " });
                word(key, text);
                text.push('=');
                value(item, text);
            }
            text.push('}');
        }
    }
}
