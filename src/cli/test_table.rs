//! The results of rule tests for people.

use std::io::{self, Write};

use compiler::{Position, printable};

use super::table::plural;
use super::test::Finished;
use crate::EngineChoice;
use crate::explain::{Explainer, draw, name_of, show};
use crate::testing::{Answer, Case, ENGINES, Failure, Outcome};

/// What stands before the spans of a witness.
const MARK: &str = ">";

/// Writes the tests that failed, all if `verbose`, and a summary.
///
/// # Errors
/// What the system says.
pub fn write(files: &[Finished], verbose: bool, out: &mut impl Write) -> io::Result<()> {
    let (mut passed, mut failed) = (0, 0);
    for one in files {
        for (case, outcome) in one.tests() {
            let title = printable(&one.title(case));
            if outcome.failures.is_empty() {
                passed += 1;
                if verbose {
                    writeln!(out, "ok    {title}: {}", answer(&outcome.answers[0]))?;
                }
                continue;
            }
            failed += 1;
            let line = Position::of(&one.file.text, case.place.start).line;
            writeln!(out, "FAIL  {title}\n  {}:{line}", printable(&one.file.name))?;
            for text in reasons(case, outcome) {
                writeln!(out, "  {}", printable(&text))?;
            }
            for line in evidence(one, case, outcome).lines() {
                writeln!(out, "{}", format!("  {line}").trim_end())?;
            }
            writeln!(out)?;
        }
    }
    let engines = ENGINES.map(EngineChoice::name).join(", ");
    let files = plural(files.len() as u64, "file");
    writeln!(out, "{} passed, {failed} failed, in {files}, on {engines}", plural(passed, "test"))
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
