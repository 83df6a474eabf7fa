//! Regular expressions of `matches`: compiled here only to refuse what is wrong or too large.

use ir::module::Pattern;

use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::limits;

/// Reports what is wrong with a pattern. Whether it is usable.
pub(super) fn check(pattern: &str, span: &Span, diagnostics: &mut Diagnostics) -> bool {
    let error = |code, title: String| Diagnostic::error(code, title, span.clone());
    if pattern.len() > limits::PATTERN_BYTES {
        let limit = limits::PATTERN_BYTES;
        let title = format!("this pattern has {} bytes, the limit is {limit}", pattern.len());
        diagnostics.push(error("pattern-too-long", title));
        return false;
    }
    let built = Pattern::new(pattern);
    let diagnostic = match built {
        Ok(_) => return true,
        Err(regex::Error::CompiledTooBig(limit)) => {
            let title = format!("this pattern compiles to more than {} KiB", limit / 1024);
            error("pattern-too-large", title).help("repeat less: `{1000}` copies what it repeats")
        }
        Err(cause) => {
            let cause = cause.to_string();
            let reason = cause.lines().last().unwrap_or_default().trim_start_matches("error: ");
            error("pattern-invalid", "this pattern is not a regular expression".into())
                .label(reason)
        }
    };
    diagnostics.push(diagnostic);
    false
}
