//! `betrace replay`: rules over recorded traces.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use corpora::source::Origin;
use ir::module::Severity;

use super::args::{Common, Format, ReplayArgs};
use super::console::{Console, Output};
use super::csv::CsvWriter;
use super::exit::{Exit, Failure};
use super::settings::{Flags, Settings};
use super::traces::{Traces, moments, replay_options};
use super::{config_file, json, loading, notes, table};
use crate::{CompileOptions, Module, Program, ReplayOptions, Report, RuleSet, Signal};

/// Replays, prints, and says how it ended.
pub fn run(common: &Common, args: &ReplayArgs, console: &mut Console) -> Result<Exit, Failure> {
    let settings =
        Settings::load(common, &Flags { rules: &args.selection.rules, ..args.reading.flags() })?;
    let moments = moments(&args.reading)?;
    let color = console.colors(&settings.color.value);
    let selection = &args.selection;
    let rules = loading::load(&settings.rules.value, selection.keep_going, color, console)?;
    let options = CompileOptions {
        ids: selection.rule.clone(),
        labels: selection.select.clone(),
        group_by: args.group_by.clone(),
        engine: settings.engine.value,
    };
    let program = Program::compile(&rules, &options).map_err(Failure::usage)?;
    notes::refusal(&program, console);
    let mut traces = Traces::named(&settings)?;
    let file = args.signals.as_deref().map(|path| create(path, &traces, &rules)).transpose()?;
    let mut signals = Signals::new(file, args, program.module(), console)?;
    let limit = if signals.is_wanted() { args.limit.unwrap_or(u64::MAX) } else { 0 };
    // Nothing but the table shows any.
    let examples = if args.format == Format::Table { runtime::EXAMPLE_LIMIT } else { 0 };
    let options = ReplayOptions { examples, ..replay_options(&settings, moments, limit) };
    let take = &mut |signal| signals.take(&signal);
    let report = traces.replay(&program, &options, console, take)?;
    let unwritten = if signals.is_wanted() { unwritten(&report, limit) } else { 0 };
    signals.finish()?;
    let unexercised = match &traces {
        Traces::Corpus(corpus) => notes::unexercised(&program, corpus, &report)?,
        Traces::Inputs(_) => Vec::new(),
    };
    match args.format {
        Format::Table => table::write(&report, args, &settings.tz.value, &mut console.out)?,
        Format::Json => json::write(&report, &unexercised, &mut console.out)?,
        Format::Jsonl | Format::Csv => {}
    }
    if unwritten > 0 {
        console.note(&format!("note: --limit left {unwritten} signals unwritten; all are counted"));
    }
    if args.format != Format::Table {
        table::note_defects(&report.completeness, console);
    }
    notes::sightings(&unexercised, console);
    notes::left_to_loops(&program, console);
    let grave = |severity: Severity| args.fail_on.is_some_and(|least| severity <= least);
    let failed = report.rules.iter().any(|rule| rule.violated > 0 && grave(rule.severity));
    Ok(Exit::of(&report.completeness, rules.errors() > 0, failed))
}

/// How many signals a limit left out.
fn unwritten(report: &Report, limit: u64) -> u64 {
    let violated: u64 = report.rules.iter().map(|rule| rule.violated).sum();
    violated.saturating_sub(limit)
}

/// Where signals go.
struct Signals {
    file: Option<BufWriter<File>>,
    jsonl: Option<BufWriter<Output>>,
    csv: Option<CsvWriter<Output>>,
}

impl Signals {
    fn new(
        file: Option<BufWriter<File>>,
        args: &ReplayArgs,
        module: &Module,
        console: &mut Console,
    ) -> Result<Self, Failure> {
        console.flush()?;
        let jsonl = (args.format == Format::Jsonl).then(|| BufWriter::new(Output::default()));
        let csv = (args.format == Format::Csv).then(|| CsvWriter::new(Output::default(), module));
        Ok(Self { file, jsonl, csv: csv.transpose()? })
    }

    /// Whether they go anywhere.
    fn is_wanted(&self) -> bool {
        self.file.is_some() || self.jsonl.is_some() || self.csv.is_some()
    }

    fn take(&mut self, signal: &Signal) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            line(signal, file)?;
        }
        if let Some(out) = &mut self.jsonl {
            line(signal, out)?;
        }
        self.csv.as_mut().map_or(Ok(()), |csv| csv.write(signal))
    }

    fn finish(mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)?;
        self.jsonl.as_mut().map_or(Ok(()), Write::flush)?;
        self.csv.as_mut().map_or(Ok(()), CsvWriter::flush)
    }
}

/// Opens the file for signals, which must be none of those that the run reads: it is written from
/// its beginning.
fn create(path: &Path, traces: &Traces, rules: &RuleSet) -> Result<BufWriter<File>, Failure> {
    let shown = path.display();
    let refuse = |why| Err(Failure::usage(format!("--signals {shown} {why}")));
    if path.as_os_str() == "-" {
        return refuse("is no file; --format jsonl writes signals to standard output");
    }
    if path.file_name().is_some_and(|name| name == config_file::FILE) {
        return refuse("would be taken for settings; name another file");
    }
    if let Ok(path) = path.canonicalize() {
        let is_it = |other: &Path| other.canonicalize().is_ok_and(|other| other == path);
        let is_input = |origin: &Origin| match origin {
            Origin::File(input) => is_it(input),
            Origin::Stdin => false,
        };
        if let Traces::Inputs(inputs) = traces
            && inputs.inputs.iter().any(|input| is_input(&input.origin))
        {
            return refuse("is one of the inputs; name another file");
        }
        if rules.files.iter().any(|file| is_it(Path::new(&file.name))) {
            return refuse("is one of the rule files; name another file");
        }
    }
    let file = File::create(path);
    let file = file.map_err(|error| Failure::usage(format!("--signals {shown}: {error}")));
    Ok(BufWriter::new(file?))
}

fn line(signal: &Signal, out: &mut impl Write) -> io::Result<()> {
    let json = serde_json::to_string(signal)?;
    writeln!(out, "{}", json::harmless(&json))
}
