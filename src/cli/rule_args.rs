//! What the verbs take that look after rules.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::{Reading, Shape};

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Rule file, folder or quoted glob; give it again for more
    #[arg(value_name = "PATH")]
    pub paths: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct LintArgs {
    /// Rule file, folder, quoted glob, or library:NAME; give it again for more
    #[arg(value_name = "PATH")]
    pub paths: Vec<OsString>,
    /// Mend what can be mended, in the files: `safe` changes no verdict; `all` also renames attributes,
    /// and takes `contains` for a pattern
    #[arg(
        long, value_name = "WHICH", num_args = 0..=1, require_equals = true,
        default_missing_value = "safe"
    )]
    pub fix: Option<Fixes>,
    /// Hold the rules against this corpus, or these trace files, folders or globs; give it again for more
    #[arg(long, value_name = "DATA")]
    pub data: Vec<OsString>,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: LintFormat,
}

#[derive(Debug, Args)]
pub struct FmtArgs {
    /// Rule file, folder, quoted glob, or - for standard input; give it again for more
    #[arg(value_name = "PATH")]
    pub paths: Vec<OsString>,
    /// Write nothing; name the files that are not in their layout, and exit with 1 if there are
    #[arg(long)]
    pub check: bool,
    /// Write conditions in canonical form, those with comments or parameters at least with their clauses
    #[arg(long)]
    pub canonical: bool,
}

/// What lints may mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fixes {
    Safe,
    All,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    Table,
    Json,
    Github,
    Sarif,
}

#[derive(Debug, Args)]
pub struct TestArgs {
    /// Test file, folder with files *.test.yaml, or quoted glob; give it again for more
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<OsString>,
    /// Run only tests whose `rule/test name` matches this regular expression
    #[arg(long, value_name = "RE")]
    pub run: Option<regex::Regex>,
    /// Name every test, not only those that fail
    #[arg(long, short)]
    pub verbose: bool,
    /// List what tests leave out: verdicts of rules, parts of conditions never true or never false
    #[arg(long)]
    pub coverage: bool,
    /// Fail if less than this is covered
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub coverage_min: Option<f64>,
    /// Change the rules, one change at a time, and fail if no test notices
    #[arg(long)]
    pub mutate: bool,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: TestFormat,
    /// Write a JUnit report to this file too
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// How the results of tests are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TestFormat {
    Table,
    Json,
    Junit,
    Github,
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').unwrap_or(text).parse().ok();
    let percent = percent.filter(|percent: &f64| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "a number from 0 to 100".to_owned())
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A rule's id, or the text of a rule
    pub rule: String,
    /// Rule file, folder or quoted glob; give it again for more
    #[arg(long, value_name = "PATH")]
    pub rules: Vec<OsString>,
    /// Explain the verdict on a trace instead: a file with one trace, or the id (32 hex digits) of one
    /// in the corpus or the inputs
    #[arg(long, value_name = "FILE|ID", conflicts_with_all = ["ir", "clif", "asm"])]
    pub trace: Option<OsString>,
    /// With --trace, what to print [default: table]
    #[arg(long, value_name = "FORMAT", requires = "trace")]
    pub format: Option<Shape>,
    /// Say what a replay of this corpus will touch, and what it will pass over; with --clif or --asm, the
    /// code is that for its columns; with --trace, where the trace is
    #[arg(long, value_name = "DIR", conflicts_with = "inputs")]
    pub corpus: Option<OsString>,
    /// Print the module that the rule becomes
    #[arg(long)]
    pub ir: bool,
    /// Print the code generator's input for the rule's predicates
    #[arg(long)]
    pub clif: bool,
    /// Print the machine code of the rule's predicates
    #[arg(long)]
    pub asm: bool,
    /// With --trace ID: trace files, folders, globs, or - for standard input
    #[arg(value_name = "INPUT", requires = "trace")]
    pub inputs: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Rules as they were: a rule file, folder, quoted glob, or library:NAME
    #[arg(value_name = "OLD")]
    pub old: OsString,
    /// Rules as they are to be
    #[arg(value_name = "NEW")]
    pub new: OsString,
    /// Compare only these rules
    #[arg(long, value_name = "ID")]
    pub rule: Vec<String>,
    /// Compare the rules that are right even if others are wrong
    #[arg(long)]
    pub keep_going: bool,
    #[command(flatten)]
    pub reading: Reading,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Shape,
}
