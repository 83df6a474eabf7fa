//! The results of rule tests for people.

use std::io::{self, Write};

use compiler::printable;

use super::args::TestArgs;
use super::table::{grouped, plural};
use super::test::{Finished, Mutation, Results};
use crate::EngineChoice;
use crate::explain::{Explainer, draw, name_of, show};
use crate::testing::{Answer, Case, Coverage, ENGINES, Failure, Outcome, RuleCoverage};

/// What stands before the spans of a witness.
const MARK: &str = ">";

/// Writes the tests that failed, all if asked for, what is not covered, what mutants survive, and a
/// summary.
///
/// # Errors
/// What the system says.
pub fn write(results: &Results, args: &TestArgs, out: &mut impl Write) -> io::Result<()> {
    for one in &results.files {
        for (case, outcome) in one.tests() {
            let title = printable(&format!("{}/{}", one.rule(case), case.name));
            match outcome.failures.is_empty() {
                true if args.verbose => {
                    writeln!(out, "ok    {title}: {}", answer(&outcome.answers[0]))?;
                }
                true => {}
                false => {
                    writeln!(out, "FAIL  {title}")?;
                    failed(one, case, outcome, out)?;
                }
            }
        }
    }
    if let Some(mutation) = &results.mutation {
        mutants(mutation, out)?;
    }
    if let Some(coverage) = results.coverage.as_ref().filter(|_| args.coverage) {
        uncovered(coverage, out)?;
    }
    let (passed, failed) = results.counts();
    let engines = ENGINES.map(EngineChoice::name).join(", ");
    let files = plural(results.files.len() as u64, "file");
    let failed = grouped(failed);
    writeln!(out, "{} passed, {failed} failed, in {files}, on {engines}", plural(passed, "test"))
}

fn failed(one: &Finished, case: &Case, outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  {}:{}", printable(&one.file.name), one.line(case))?;
    for text in reasons(case, outcome) {
        writeln!(out, "  {}", printable(&text))?;
    }
    for line in evidence(one, case, outcome).lines() {
        writeln!(out, "{}", format!("  {line}").trim_end())?;
    }
    writeln!(out)
}

fn mutants(mutation: &Mutation, out: &mut impl Write) -> io::Result<()> {
    for (rule, change) in &mutation.survived {
        writeln!(out, "SURVIVED  {rule}: {}", printable(change))?;
    }
    for (place, rule, change) in &mutation.needless {
        let (place, change) = (printable(place), printable(change));
        writeln!(out, "NEEDLESS  {place}: no mutant of {rule} survives that is {change}")?;
    }
    let Mutation { killed, excused, survived, .. } = mutation;
    let killed = plural(*killed, "mutant");
    writeln!(out, "{killed} noticed, {} not, {} excused", survived.len(), grouped(*excused))
}

fn uncovered(coverage: &Coverage, out: &mut impl Write) -> io::Result<()> {
    for rule in &coverage.rules {
        for what in missing(rule) {
            writeln!(out, "UNCOVERED  {}: {}", rule.id, printable(&what))?;
        }
    }
    let (covered, all) = coverage.totals();
    let percent = percent(covered, all);
    writeln!(out, "coverage {percent}: {} of {}", grouped(covered), grouped(all))
}

/// What tests of a rule leave out, a line each.
pub fn missing(rule: &RuleCoverage) -> Vec<String> {
    if rule.verdicts.iter().all(|(_, seen)| !seen) {
        return vec!["no test is for it".to_owned()];
    }
    let verdicts = rule.verdicts.iter().filter(|(_, seen)| !seen);
    let verdicts = verdicts.map(|(verdict, _)| format!("no test expects {}", verdict.name()));
    let parts = rule.parts.iter().flat_map(|covered| {
        let text = &covered.part.text;
        let what = |truth| format!("never {truth}: {text}");
        let [never_true, never_false] = [(covered.was_true, true), (covered.was_false, false)]
            .map(|(was, truth)| (!was).then(|| what(truth)));
        never_true.into_iter().chain(never_false)
    });
    verdicts.chain(parts).collect()
}

/// A share in percent, never rounded up: 100 means all.
pub fn percent(covered: u64, all: u64) -> String {
    let hundredths = covered * 10_000 / all.max(1);
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// The trace of a test with the witness marked, and the rule's condition with the value of each part.
pub fn evidence(one: &Finished, case: &Case, outcome: &Outcome) -> String {
    let trace = &one.file.traces[case.trace];
    let rule = &one.file.rules.rules[case.rule];
    let mut text = draw(trace, MARK, &outcome.answers[0].witness);
    // A rule that compiled has parts, and what it looks at was decoded for it.
    if let Ok(explainer) = Explainer::new(rule)
        && let Ok(values) = explainer.explain(&explainer.look(&[trace]), 0)
    {
        text.push('\n');
        text.push_str(&show(explainer.parts(), &values));
    }
    text
}

/// What is wrong with a test, a line each.
pub fn reasons(case: &Case, outcome: &Outcome) -> Vec<String> {
    let found = &outcome.answers[0];
    let reason = |failure: &Failure| match failure {
        Failure::Verdict => {
            format!("expected {}, found {}", case.verdict.name(), answer(found))
        }
        Failure::Witness => {
            let expected = ids(case.witness.as_deref().unwrap_or_default());
            format!("expected the witness {expected}, found {}", ids(&found.witness))
        }
        Failure::Context => {
            let expected = context(case.context.as_deref().unwrap_or_default());
            format!("expected the context {expected}, found {}", context(&found.context))
        }
        Failure::Engines => {
            let answers = ENGINES.iter().zip(&outcome.answers);
            let answers = answers.map(|(engine, found)| {
                let context = context(&found.context);
                format!("{} says {}, context {context}", engine.name(), answer(found))
            });
            format!("the engines disagree: {}", answers.collect::<Vec<_>>().join("; "))
        }
    };
    outcome.failures.iter().map(reason).collect()
}

/// A verdict, and the witness of a violation.
fn answer(answer: &Answer) -> String {
    let name = answer.verdict.name();
    if answer.witness.is_empty() {
        name.to_owned()
    } else {
        format!("{name} by {}", ids(&answer.witness))
    }
}

fn ids(ids: &[u64]) -> String {
    let ids: Vec<String> = ids.iter().map(|&id| name_of(id)).collect();
    format!("[{}]", ids.join(", "))
}

fn context(entries: &[(String, Vec<String>)]) -> String {
    let entries = entries.iter().map(|(key, values)| match &values[..] {
        [value] => format!("{key}: {value}"),
        values => format!("{key}: [{}]", values.join(", ")),
    });
    format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
}
