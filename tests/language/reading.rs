//! Reads rule texts for tests.

use compiler::{Key, Params, ReadOptions, Statement, parse_rule};

/// The statement of a text in when/always/never form, without parameters.
///
/// # Panics
/// Where the text is refused.
pub fn read(text: &str) -> Statement {
    let params = Params::new();
    let options =
        ReadOptions { key: Key::Condition, has_signal: true, params: &params, description: None };
    let parsed = parse_rule(text, &options);
    parsed.statement.unwrap_or_else(|| panic!("{text}\n{:#?}", parsed.diagnostics))
}
