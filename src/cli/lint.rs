//! `betrace lint`: rules that are legal and probably not what was meant.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use compiler::printable;

use super::args::{Common, Fixes, LintArgs, LintFormat};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::settings::{Flags, Settings, is_stdin};
use super::table::plural;
use super::traces::failure;
use super::{lint_report, loading};
use crate::lint::{Data, DataError, Finding, errors, fixed, lint};
use crate::{Completeness, Corpus, CorpusError, ReplayOptions, RuleSet};

/// Lints rule files, and mends what can be mended.
pub fn run(common: &Common, args: &LintArgs, console: &mut Console) -> Result<Exit, Failure> {
    let settings = Settings::load(common, &Flags { rules: &args.paths, ..Flags::default() })?;
    let paths = &settings.rules.value;
    if paths.is_empty() {
        return Err(Failure::usage("no rules are named; give a file, a folder or a glob"));
    }
    let mut set = RuleSet::from_paths(paths).map_err(Failure::usage)?;
    if let Some(fixes) = args.fix {
        fix(&set, paths, fixes == Fixes::All, console)?;
        set = RuleSet::from_paths(paths).map_err(Failure::usage)?;
    }
    let data = data(&set, args, &settings)?;
    let findings = lint(&set, data.as_ref());
    match args.format {
        LintFormat::Table => {
            let color = console.colors(&settings.color.value);
            lint_report::table(&set, &findings, color, &mut console.out)?;
        }
        LintFormat::Json => lint_report::json(&set, &findings, &mut console.out)?,
        LintFormat::Github => lint_report::github(&set, &findings, &mut console.out)?,
        LintFormat::Sarif => lint_report::sarif(&set, &findings, &mut console.out)?,
    }
    Ok(exit(&findings, data.as_ref().map(Data::completeness), console))
}

fn exit(findings: &[Finding], data: Option<&Completeness>, console: &mut Console) -> Exit {
    let lost = data.is_some_and(Completeness::has_lost);
    if lost {
        console.note("warning: some of the data could not be read; `betrace replay` says what");
    }
    if errors(findings) > 0 {
        Exit::Usage
    } else if data.is_some_and(Completeness::has_refused) {
        Exit::Limit
    } else if lost {
        Exit::Unread
    } else if findings.is_empty() {
        Exit::Clean
    } else {
        Exit::Violations
    }
}

/// Writes the files anew in which there is something to fix.
fn fix(set: &RuleSet, paths: &[OsString], all: bool, console: &mut Console) -> Result<(), Failure> {
    loading::only_files(paths, "--fix")?;
    for (number, file) in set.files.iter().enumerate() {
        let Some(done) = fixed(set, number, all) else { continue };
        let name = printable(&file.name);
        fs::write(&file.name, done.text)
            .map_err(|error| Failure::usage(format!("cannot write {name}: {error}")))?;
        console.note(&format!("{name}: mended in {}", plural(done.fixes as u64, "place")));
    }
    Ok(())
}

/// The data that `--data` names: one corpus, or trace files.
fn data(set: &RuleSet, args: &LintArgs, settings: &Settings) -> Result<Option<Data>, Failure> {
    if args.data.is_empty() || set.rules.is_empty() {
        return Ok(None);
    }
    if args.data.iter().any(|path| is_stdin(path)) {
        return Err(Failure::usage("--data is read twice, which standard input cannot be"));
    }
    let options = ReplayOptions {
        threads: settings.threads.value,
        memory: Some(settings.memory.value),
        max_document: usize::try_from(settings.max_document.value).unwrap_or(usize::MAX),
        signals: 0,
        examples: 0,
        ..ReplayOptions::default()
    };
    let found = match corpus(&args.data)? {
        Some(corpus) => Data::of_corpus(set, &corpus, &options),
        None => Data::of_files(set, &args.data, &options),
    };
    found.map(Some).map_err(|error| match error {
        DataError::Compile(error) => Failure::usage(error),
        DataError::Replay(error) => failure(error),
    })
}

/// The corpus that is named, if it is one.
fn corpus(paths: &[OsString]) -> Result<Option<Corpus>, Failure> {
    let [path] = paths else { return Ok(None) };
    if !Path::new(path).is_dir() {
        return Ok(None);
    }
    match Corpus::open(path) {
        Ok(corpus) => Ok(Some(corpus)),
        Err(CorpusError::Missing(_) | CorpusError::Foreign(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
