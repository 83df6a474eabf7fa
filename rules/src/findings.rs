//! What is found to say of one file, in a list that stays short.

use compiler::{Diagnostic, Severity, limits};

/// The diagnostics of a file: at most [`limits::DIAGNOSTICS_PER_FILE`] errors and as many
/// warnings, each followed by one that says there were more. So warnings never hide an error, and
/// never become one.
#[derive(Debug, Default)]
pub struct Findings {
    list: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl Findings {
    /// Adds a diagnostic.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let (count, more, what) = match diagnostic.severity {
            Severity::Error => (&mut self.errors, "too-many-errors", "errors"),
            Severity::Warning => (&mut self.warnings, "too-many-warnings", "warnings"),
        };
        *count += 1;
        let limit = limits::DIAGNOSTICS_PER_FILE;
        if *count <= limit {
            self.list.push(diagnostic);
        } else if *count == limit + 1 {
            let Diagnostic { severity, labels, .. } = diagnostic;
            let title = format!("more than {limit} {what} in one file");
            self.list.push(Diagnostic {
                severity,
                code: more,
                title,
                labels,
                help: None,
                fix: None,
            });
        }
    }

    /// How many errors there were, listed or not.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// The list, by place.
    pub fn into_list(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(Diagnostic::start);
        self.list
    }
}
