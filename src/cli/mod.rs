//! The command line: one file a verb. The only place that reads arguments and the environment, and
//! the only one that prints.

mod args;
mod check;
mod completions;
mod config;
mod config_file;
mod console;
mod corpus;
mod corpus_stat;
mod csv;
mod diff;
mod exit;
mod explain;
mod explain_trace;
mod export;
mod fmt;
mod generate;
mod ingest;
mod json;
mod lint;
mod lint_report;
mod loading;
mod notes;
mod periods;
mod progress;
mod replay;
mod rule_args;
mod rules;
mod settings;
mod table;
mod test;
mod test_report;
mod test_table;
mod traces;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Verb};
use console::Console;
use exit::{Exit, Failure};

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            if error.use_stderr() {
                // An argument may hold anything, so its echo is not left to the parser.
                console::say(&error.render().to_string());
                return Exit::Usage.into();
            }
            // Help that cannot be printed has no one to tell.
            let _ = error.print();
            return Exit::Clean.into();
        }
    };
    let mut console = Console::new(cli.common.quiet);
    if let Err(error) = crate::guard_maps() {
        let lost = "a corpus that is cut while it is read will end this program";
        console.note(&format!("warning: {lost}: {error}"));
    }
    let ended = run(&cli, &mut console).and_then(|exit| {
        console.flush()?;
        Ok(exit)
    });
    let exit = ended.unwrap_or_else(|failure| {
        console.error(&failure.message);
        failure.exit
    });
    exit.into()
}

fn run(cli: &Cli, console: &mut Console) -> Result<Exit, Failure> {
    match &cli.verb {
        Verb::Replay(args) => replay::run(&cli.common, args, console),
        Verb::Ingest(args) => ingest::run(&cli.common, args, console),
        Verb::Corpus { verb } => corpus::run(&cli.common, verb, console),
        Verb::Check(args) => check::run(&cli.common, args, console),
        Verb::Rules { verb } => rules::run(verb, console),
        Verb::Lint(args) => lint::run(&cli.common, args, console),
        Verb::Fmt(args) => fmt::run(&cli.common, args, console),
        Verb::Test(args) => test::run(&cli.common, args, console),
        Verb::Diff(args) => diff::run(&cli.common, args, console),
        Verb::Explain(args) => explain::run(&cli.common, args, console),
        Verb::Generate(args) => generate::run(args, console),
        Verb::Config { .. } => config::show(&cli.common, console),
        Verb::Completions { shell } => completions::print(*shell, console),
    }
}
