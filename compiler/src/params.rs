//! The parameters of a rule: names in `params:` of its YAML that stand for constants in its text.

use std::collections::BTreeMap;

use logos::Logos;

use crate::ast::Value;
use crate::lexer::Kind;
use crate::spelling::{read_duration, read_number};

/// Parameters by name.
pub type Params = BTreeMap<String, ParamValue>;

/// What a parameter stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamValue {
    /// One constant.
    One(Value),
    /// Constants for `in` and `not in`.
    List(Vec<Value>),
}

impl Value {
    /// Reads a scalar that stands without quotes, as in YAML: `true` and `false`, numbers and
    /// durations as the rule language writes them; anything else is text. Numbers and durations
    /// out of range are text too.
    pub fn from_plain_scalar(text: &str) -> Self {
        let mut lexer = Kind::lexer(text);
        let kind = lexer.next().filter(|_| lexer.span() == (0..text.len()));
        let value = match kind {
            Some(Ok(Kind::True)) => Some(Self::Bool(true)),
            Some(Ok(Kind::False)) => Some(Self::Bool(false)),
            Some(Ok(Kind::Number)) => read_number(text).map(Self::Number),
            Some(Ok(Kind::Duration)) => read_duration(text).map(Self::Duration),
            _ => None,
        };
        value.unwrap_or_else(|| Self::Text(text.to_owned()))
    }
}
