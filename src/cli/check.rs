//! `betrace check`: everything that is wrong with rule files.

use std::io::Write;

use super::args::{CheckArgs, Common};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::loading;
use super::settings::{Flags, Settings};
use super::table::plural;
use crate::RuleSet;

/// Checks rule files.
pub fn run(common: &Common, args: &CheckArgs, console: &mut Console) -> Result<Exit, Failure> {
    let flags = Flags { rules: &args.paths, ..Flags::default() };
    let settings = Settings::load(common, &flags)?;
    let paths = &settings.rules.value;
    if paths.is_empty() {
        return Err(Failure::usage("no rules are named; give a file, a folder or a glob"));
    }
    let set = RuleSet::from_paths(paths).map_err(Failure::usage)?;
    console.diagnostics(&set.render(console.colors(&settings.color.value)));
    let (errors, warnings) = (set.errors(), loading::warnings(&set));
    writeln!(
        console.out,
        "{} and {} in {} are right; {}, {}",
        plural(set.rules.len() as u64, "rule"),
        plural(set.alerts.len() as u64, "alert"),
        plural(set.files.len() as u64, "file"),
        plural(errors as u64, "error"),
        plural(warnings as u64, "warning"),
    )?;
    Ok(if errors > 0 { Exit::Usage } else { Exit::Clean })
}
