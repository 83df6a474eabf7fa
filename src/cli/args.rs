//! What the command line takes.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use super::rule_args::{
    CheckArgs, DiffArgs, ExplainArgs, Fixes, FmtArgs, LintArgs, LintFormat, TestArgs, TestFormat,
};
use super::settings::Flags;

/// Checks invariants over OpenTelemetry traces.
#[derive(Debug, Parser)]
#[command(
    version = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BETRACE_COMMIT"), ")"),
    max_term_width = 100,
    after_help = "Exit codes: 0 nothing found, 1 violations at or above --fail-on, failed rule tests, lint findings \
                  or rules that differ, 2 a rule or usage error, 3 some data could not be read, 4 a limit was reached."
)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
    #[command(flatten)]
    pub common: Common,
}

/// Behind the options of each verb.
const LAST: usize = 900;

/// Options of every verb.
#[derive(Debug, Args)]
pub struct Common {
    /// Settings file, instead of betrace.yaml in this folder or the user's configuration folder
    #[arg(long, global = true, value_name = "FILE", display_order = LAST)]
    pub config: Option<PathBuf>,
    /// When to use color: auto, always, never
    #[arg(long, global = true, value_name = "WHEN", display_order = LAST)]
    pub color: Option<String>,
    /// Print no notes and no progress
    #[arg(long, short, global = true, display_order = LAST)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Replay rules over recorded traces and report every violation
    Replay(Box<ReplayArgs>),
    /// Read trace files into a corpus, for replays that read only what their rules touch
    Ingest(IngestArgs),
    /// Look after a corpus
    Corpus {
        #[command(subcommand)]
        verb: CorpusVerb,
    },
    /// Check rule files and say everything that is wrong with them
    Check(CheckArgs),
    /// Find rules that are legal and probably not what was meant
    Lint(LintArgs),
    /// Bring rule files into their one layout, comments kept
    Fmt(FmtArgs),
    /// Run rule tests: traces with the verdicts that rules should come to
    Test(TestArgs),
    /// Look for rules in the library, and copy them
    Rules {
        #[command(subcommand)]
        verb: RulesVerb,
    },
    /// Explain how a rule is read and what it will look at, or its verdict on a trace
    Explain(ExplainArgs),
    /// Compare the verdicts of old rules and new ones over the same traces
    Diff(Box<DiffArgs>),
    /// Generate the OmniCart workload, with a ground truth for rules/omnicart.yaml
    Generate(GenerateArgs),
    /// Show settings
    Config {
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Print every setting that holds, and where it comes from
    Show,
}

/// Rules and which of them.
#[derive(Debug, Args)]
pub struct Selection {
    /// Rule file, folder, quoted glob, or library:NAME with a domain, a category, a rule or `all`; give
    /// it again for more
    #[arg(long, value_name = "PATH")]
    pub rules: Vec<OsString>,
    /// Run only these rules
    #[arg(long, value_name = "ID")]
    pub rule: Vec<String>,
    /// Run only rules with this label
    #[arg(long, value_name = "LABEL=VALUE", value_parser = label)]
    pub select: Vec<(String, String)>,
    /// Run the rules that are right even if others are wrong
    #[arg(long)]
    pub keep_going: bool,
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    pub selection: Selection,
    /// Count violations by this attribute of their spans or resources
    #[arg(long, value_name = "KEY")]
    pub group_by: Option<String>,
    /// Count violations in the table by this period [default: as the data's length suggests]
    #[arg(long, value_name = "PERIOD")]
    pub per: Option<Period>,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
    /// Write one signal a line to this file
    #[arg(long, value_name = "FILE")]
    pub signals: Option<PathBuf>,
    /// Write at most this many signals; all are counted
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Exit with 1 on violations of this severity or graver
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub fail_on: Option<ir::module::Severity>,
    #[command(flatten)]
    pub reading: Reading,
}

/// Which traces rules look at, and how.
#[derive(Debug, Args)]
pub struct Reading {
    /// First time: Day5, Month3, -29d (before the last trace), 2024-10-27, 2024-10, an RFC 3339 instant
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// Last time: a day or month is included whole, an instant is not
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub to: Option<String>,
    /// Time zone of days and months, such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// What runs the rules: auto, jit, columns, interpreter [default: auto]
    #[arg(long, value_name = "ENGINE")]
    pub engine: Option<String>,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N")]
    pub threads: Option<String>,
    /// Memory to stop at, such as 8GiB [default: 60% of the machine's]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
    /// Size of a document to refuse from [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    pub max_document: Option<String>,
    /// Look at this corpus instead of trace files
    #[arg(long, value_name = "DIR", conflicts_with = "inputs")]
    pub corpus: Option<OsString>,
    /// Trace files, folders, globs, or - for standard input
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<OsString>,
}

impl Reading {
    /// The settings that it gives.
    pub fn flags(&self) -> Flags<'_> {
        Flags {
            inputs: &self.inputs,
            corpus: self.corpus.as_ref(),
            tz: self.tz.as_deref(),
            threads: self.threads.as_deref(),
            memory: self.memory.as_deref(),
            max_document: self.max_document.as_deref(),
            engine: self.engine.as_deref(),
            ..Flags::default()
        }
    }
}

#[derive(Debug, Args)]
pub struct IngestArgs {
    /// The corpus; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub corpus: Option<OsString>,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N")]
    pub threads: Option<String>,
    /// Memory to use, such as 8GiB [default: 60% of the machine's]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
    /// Size of a document to refuse from [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    pub max_document: Option<String>,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Shape,
    /// Trace files, folders, globs, or - for standard input
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<OsString>,
}

#[derive(Debug, Subcommand)]
pub enum CorpusVerb {
    /// Say what lies in the corpus, and what it takes on disk
    Stat(CorpusArgs),
    /// Read and check every file, and name what is damaged
    Verify {
        /// Go on without segments that are damaged or gone: replays say from then on what was lost
        #[arg(long)]
        drop: bool,
        #[command(flatten)]
        corpus: CorpusArgs,
    },
    /// Put small segments together, and traces that lie in several
    Compact(CorpusArgs),
    /// Remove the traces that start before a time
    Prune {
        /// Time: Day5, Month3, -29d (before the last trace), 2024-10-27, 2024-10, an RFC 3339 instant
        #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
        before: String,
        /// Do so even if no trace is left
        #[arg(long)]
        all: bool,
        /// Time zone of days and months, such as Europe/Berlin [default: UTC]
        #[arg(long, value_name = "ZONE")]
        tz: Option<String>,
        #[command(flatten)]
        corpus: CorpusArgs,
    },
    /// Remove the spans that bear an attribute value, for privacy requests
    Erase {
        /// The attribute, on spans, resources, scopes, events or links, and its value as text
        #[arg(value_name = "KEY=VALUE", value_parser = key_value)]
        subject: (String, String),
        #[command(flatten)]
        corpus: CorpusArgs,
    },
    /// Write the traces as OTLP JSON, one a line
    Export {
        /// The file to write to, or - for standard output
        #[arg(long, value_name = "FILE", default_value = "-")]
        to: PathBuf,
        /// The corpus
        #[arg(long, value_name = "DIR")]
        corpus: Option<OsString>,
        /// Memory for traces that lie in several segments [default: 60% of the machine's]
        #[arg(long, value_name = "SIZE")]
        memory: Option<String>,
    },
}

#[derive(Debug, Args)]
pub struct CorpusArgs {
    /// The corpus
    #[arg(long, value_name = "DIR")]
    pub corpus: Option<OsString>,
    /// Memory to use, such as 8GiB [default: 60% of the machine's]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Shape,
}

/// How a report is printed that has no signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    Table,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum RulesVerb {
    /// List the rules of the library
    List(LibraryArgs),
    /// List the rules that bear all of these words, in their ids, names, texts or notes
    Search {
        /// Words
        #[arg(value_name = "WORD", required = true)]
        words: Vec<String>,
        #[command(flatten)]
        library: LibraryArgs,
    },
    /// Print all that the library says of a rule
    Show {
        /// The rule
        #[arg(value_name = "ID")]
        id: String,
        /// What to print
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        format: Shape,
    },
    /// Write rules of the library to a file of your own, with their parameters
    Init {
        /// Rules by id, or all of a domain or a category
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
        /// The file, which must not be there yet, or - for standard output
        #[arg(long, short, value_name = "FILE", default_value = "-")]
        output: PathBuf,
    },
}

/// Which rules of the library.
#[derive(Debug, Args)]
pub struct LibraryArgs {
    /// Only rules of this domain, such as ecommerce
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Option<String>,
    /// Only rules of this category, such as payment
    #[arg(long, value_name = "CATEGORY")]
    pub category: Option<String>,
    /// Only rules for this control or framework, such as SOC2:CC7.2 or SOC2
    #[arg(long, value_name = "CONTROL")]
    pub control: Option<String>,
    /// Only rules that look at spans of this name
    #[arg(long, value_name = "NAME")]
    pub operation: Option<String>,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Shape,
}

#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Folder to write to; made if it is not there
    pub dir: PathBuf,
    /// Write a corpus instead of lines: much faster, and no larger than it must be
    #[arg(long)]
    pub corpus: bool,
    /// Number of traces
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub traces: u64,
    /// Number of days
    #[arg(long, value_name = "D", default_value_t = 30)]
    pub days: u32,
    /// Seed: equal seeds give equal files
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Jsonl,
    Csv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Period {
    Day,
    Week,
    Month,
}

fn label(text: &str) -> Result<(String, String), String> {
    let (label, value) = text.split_once('=').ok_or("write it as LABEL=VALUE")?;
    Ok((label.to_owned(), value.to_owned()))
}

/// The value may have equals signs, the key has none.
fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err("write it as KEY=VALUE, such as user.id=42".to_owned()),
    }
}

fn severity(text: &str) -> Result<ir::module::Severity, String> {
    ir::module::Severity::from_name(text)
        .ok_or_else(|| "one of critical, high, medium, low, info".to_owned())
}
