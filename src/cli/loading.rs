//! Rules as every verb loads them.

use std::ffi::OsString;
use std::path::Path;

use compiler::Severity;
use rules::library_part;

use super::console::Console;
use super::exit::{Exit, Failure};
use crate::RuleSet;

/// Loads rules and prints what is to say of them. Without `keep_going` any error ends the run.
///
/// # Errors
/// A usage failure: no rules named, a path that cannot be read, a rule that is wrong.
pub fn load(
    paths: &[OsString],
    keep_going: bool,
    color: bool,
    console: &mut Console,
) -> Result<RuleSet, Failure> {
    if paths.is_empty() {
        return Err(Failure::usage(
            "no rules are named; give --rules PATH, or `rules:` in betrace.yaml",
        ));
    }
    let set = RuleSet::from_paths(paths).map_err(Failure::usage)?;
    console.diagnostics(&set.render(color));
    let errors = set.errors();
    if errors > 0 {
        let count = if errors == 1 { "1 error".to_owned() } else { format!("{errors} errors") };
        if !keep_going {
            let message = format!("{count} in the rules; --keep-going runs the others");
            return Err(Failure { exit: Exit::Usage, message });
        }
        console
            .note(&format!("note: {count} in the rules; running the {} others", set.rules.len()));
    }
    Ok(set)
}

/// Makes sure that paths name files that can be written anew, and nothing of the library.
///
/// # Errors
/// A usage failure.
pub fn only_files(paths: &[OsString], verb: &str) -> Result<(), Failure> {
    match paths.iter().any(|path| library_part(Path::new(path)).is_some()) {
        true => {
            Err(Failure::usage(format!("{verb} writes files; copy rules of the library first")))
        }
        false => Ok(()),
    }
}

/// How many warnings a set has.
pub fn warnings(set: &RuleSet) -> usize {
    set.diagnostics().filter(|(_, diagnostic)| diagnostic.severity == Severity::Warning).count()
}
