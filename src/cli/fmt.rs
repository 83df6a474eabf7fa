//! `betrace fmt`: rule files in their one layout.

use std::fs;
use std::io::{Read, Write};

use compiler::printable;
use rules::format;

use super::args::{Common, FmtArgs};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::loading;
use super::settings::{Flags, Settings, is_stdin};
use super::table::plural;
use crate::RuleSet;

/// Lays out rule files, or with `--check` names those that are not.
pub fn run(common: &Common, args: &FmtArgs, console: &mut Console) -> Result<Exit, Failure> {
    let flags = Flags { rules: &args.paths, ..Flags::default() };
    let paths = Settings::load(common, &flags)?.rules.value;
    if let [path] = &paths[..]
        && is_stdin(path)
    {
        return standard_input(args, console);
    }
    if paths.is_empty() {
        return Err(Failure::usage("no rules are named; give a file, a folder, a glob or `-`"));
    }
    loading::only_files(&paths, "fmt")?;
    let set = RuleSet::from_paths(&paths).map_err(Failure::usage)?;
    let (mut others, mut wrong) = (0, 0);
    for file in &set.files {
        let name = printable(&file.name);
        match format(&file.text, args.canonical) {
            Ok(text) if text == file.text => {}
            Ok(_) if args.check => {
                others += 1;
                writeln!(console.out, "{name}")?;
            }
            Ok(text) => {
                others += 1;
                fs::write(&file.name, text)
                    .map_err(|error| Failure::usage(format!("cannot write {name}: {error}")))?;
            }
            Err(error) => {
                wrong += 1;
                console.error(&format!("{name}: {error}"));
            }
        }
    }
    let what = if args.check { "not in their layout" } else { "changed" };
    console.note(&format!("{others} of {} {what}", plural(set.files.len() as u64, "file")));
    Ok(match (wrong, others) {
        (0, 0) => Exit::Clean,
        (0, _) if args.check => Exit::Violations,
        (0, _) => Exit::Clean,
        _ => Exit::Usage,
    })
}

/// Lays out what comes in, and prints it.
fn standard_input(args: &FmtArgs, console: &mut Console) -> Result<Exit, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .take(rules::FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage(format!("cannot read standard input: {error}")))?;
    let formatted = format(&text, args.canonical).map_err(Failure::usage)?;
    if args.check {
        return Ok(if formatted == text { Exit::Clean } else { Exit::Violations });
    }
    console.out.write_all(formatted.as_bytes())?;
    Ok(Exit::Clean)
}
