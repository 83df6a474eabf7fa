//! `betrace diff`: old rules against new ones over the same traces.

use std::ffi::OsStr;
use std::io::{self, Write};

use compiler::printable;
use serde::Serialize;

use super::args::{Common, DiffArgs, Shape};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::json::{self, CompletenessJson};
use super::settings::Settings;
use super::table::{self, grouped, plural};
use super::traces::{Traces, moments, replay_options};
use super::{loading, notes};
use crate::Report;
use crate::diff::{Change, Changed, Comparison, RuleDiff, Totals};

/// Traces that the table names of each change.
const SHOWN: usize = 2;

/// Replays both, prints what differs, and says whether anything does.
pub fn run(common: &Common, args: &DiffArgs, console: &mut Console) -> Result<Exit, Failure> {
    let settings = Settings::load(common, &args.reading.flags())?;
    let moments = moments(&args.reading)?;
    let color = console.colors(&settings.color.value);
    let mut load =
        |path| loading::load(std::slice::from_ref(path), args.keep_going, color, console);
    let (old, new) = (load(&args.old)?, load(&args.new)?);
    let mut comparison =
        Comparison::new(&old, &new, &args.rule, settings.engine.value).map_err(Failure::usage)?;
    let program = comparison.program().clone();
    let options = replay_options(&settings, moments, u64::MAX);
    let take = &mut |signal| {
        comparison.take(signal);
        Ok(())
    };
    notes::refusal(&program, console);
    let report = Traces::named(&settings)?.replay(&program, &options, console, take)?;
    let rules = comparison.finish(&report.rules);
    notes::left_to_loops(&program, console);
    match args.format {
        Shape::Table => {
            let sides = [&args.old, &args.new].map(|side| shown(side));
            table(&rules, &sides, &mut console.out)?;
            table::completeness(&report.completeness, &mut console.out)?;
        }
        Shape::Json => {
            write_json(&rules, &report, &mut console.out)?;
            table::note_defects(&report.completeness, console);
        }
    }
    let wrong = old.errors() + new.errors() > 0;
    let differs = rules.iter().any(RuleDiff::differs);
    Ok(Exit::of(&report.completeness, wrong, differs))
}

fn shown(side: &OsStr) -> String {
    printable(&side.to_string_lossy())
}

/// Each rule that differs, then how many do not.
fn table(rules: &[RuleDiff], sides: &[String; 2], out: &mut impl Write) -> io::Result<()> {
    let differing: Vec<&RuleDiff> = rules.iter().filter(|rule| rule.differs()).collect();
    for rule in &differing {
        head(rule, sides, out)?;
        for (change, Changed { traces, examples }) in Change::ALL.iter().zip(&rule.changes) {
            if *traces == 0 {
                continue;
            }
            let shown = &examples[..examples.len().min(SHOWN)];
            let more = if *traces > shown.len() as u64 { ", …" } else { "" };
            let (name, count) = (change.name(), plural(*traces, "trace"));
            writeln!(out, "  {name}: {count} ({}{more})", shown.join(", "))?;
        }
        writeln!(out)?;
    }
    let (read_alike, judge_alike) = alike(rules);
    let all = plural(rules.len() as u64, "rule");
    writeln!(
        out,
        "{all}: {} with a difference, {} with other text and the same verdicts, {} with the same text",
        grouped(differing.len() as u64),
        grouped(judge_alike),
        grouped(read_alike)
    )
}

fn head(rule: &RuleDiff, [old, new]: &[String; 2], out: &mut impl Write) -> io::Result<()> {
    let counts = |Totals { applied, violated }: Totals| {
        format!("applies to {}, violated by {}", plural(applied, "trace"), grouped(violated))
    };
    let id = &rule.id;
    match (rule.old, rule.new) {
        (Some(before), Some(after)) => writeln!(
            out,
            "{id}: {}; before, to {} and by {}",
            counts(after),
            grouped(before.applied),
            grouped(before.violated)
        ),
        (Some(totals), None) => writeln!(out, "{id}: only in {old}; {}", counts(totals)),
        (None, Some(totals)) => writeln!(out, "{id}: only in {new}; {}", counts(totals)),
        (None, None) => Ok(()),
    }
}

/// How many rules have the same text, and how many others the same verdicts.
fn alike(rules: &[RuleDiff]) -> (u64, u64) {
    let same = rules.iter().filter(|rule| !rule.differs());
    let by_text = same.clone().filter(|rule| rule.same_text).count();
    (by_text as u64, (same.count() - by_text) as u64)
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    rules: Vec<RuleJson<'a>>,
    completeness: CompletenessJson<'a>,
}

#[derive(Serialize)]
struct RuleJson<'a> {
    id: &'a str,
    same_text: bool,
    old: Option<TotalsJson>,
    new: Option<TotalsJson>,
    newly_violated: ChangedJson<'a>,
    no_longer_violated: ChangedJson<'a>,
    newly_applied: ChangedJson<'a>,
    no_longer_applied: ChangedJson<'a>,
}

#[derive(Serialize)]
struct TotalsJson {
    applied: u64,
    violated: u64,
}

#[derive(Serialize)]
struct ChangedJson<'a> {
    traces: u64,
    examples: &'a [String],
}

fn write_json(rules: &[RuleDiff], report: &Report, out: &mut impl Write) -> io::Result<()> {
    let document = Document {
        schema: "betrace.diff/1",
        rules: rules.iter().map(rule_json).collect(),
        completeness: json::completeness(&report.completeness),
    };
    json::write_document(&document, out)
}

fn rule_json(rule: &RuleDiff) -> RuleJson<'_> {
    let totals = |Totals { applied, violated }| TotalsJson { applied, violated };
    let [newly_violated, no_longer_violated, newly_applied, no_longer_applied] = rule
        .changes
        .each_ref()
        .map(|Changed { traces, examples }| ChangedJson { traces: *traces, examples });
    RuleJson {
        id: &rule.id,
        same_text: rule.same_text,
        old: rule.old.map(totals),
        new: rule.new.map(totals),
        newly_violated,
        no_longer_violated,
        newly_applied,
        no_longer_applied,
    }
}
