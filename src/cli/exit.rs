//! Exit codes, and what is said on the way out.

use std::io;
use std::process::ExitCode;

use crate::Completeness;

/// What the program ends with. Of several the one listed first holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// A rule is wrong, or the command line is.
    Usage,
    /// A limit was reached.
    Limit,
    /// Some data could not be read; the rest was checked.
    Unread,
    /// Violations at or above `--fail-on`, failed rule tests, lint findings, or rules that differ.
    Violations,
    /// None of these.
    Clean,
}

impl Exit {
    /// After a replay that read so much, whose rules were wrong in part or not, and which found what the
    /// verb fails on or not.
    pub fn of(done: &Completeness, rules_wrong: bool, found: bool) -> Self {
        if rules_wrong {
            Self::Usage
        } else if done.has_refused() {
            Self::Limit
        } else if done.has_lost() {
            Self::Unread
        } else if found {
            Self::Violations
        } else {
            Self::Clean
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Clean => 0,
            Exit::Violations => 1,
            Exit::Usage => 2,
            Exit::Unread => 3,
            Exit::Limit => 4,
        })
    }
}

/// Why a verb could not do its work.
#[derive(Debug)]
pub struct Failure {
    /// What to end with.
    pub exit: Exit,
    /// What to say; empty if it was said already.
    pub message: String,
}

impl Failure {
    /// A mistake in rules or on the command line.
    pub fn usage(message: impl std::fmt::Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string() }
    }

    /// A mistake that has been explained already.
    pub fn said(exit: Exit) -> Self {
        Self { exit, message: String::new() }
    }
}

/// Output that cannot be written.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self { exit: Exit::Unread, message: format!("cannot write: {error}") }
    }
}
