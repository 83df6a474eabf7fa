//! The results of rule tests for machines: JSON (`betrace.test/1`), JUnit, GitHub annotations.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use compiler::is_unprintable;
use serde::Serialize;

use super::json::harmless;
use super::test::{Finished, Mutation, Results};
use super::test_table::{evidence, missing, reasons};
use crate::EngineChoice;
use crate::testing::{Answer, Case, Coverage, ENGINES, Outcome};

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    engines: [&'static str; ENGINES.len()],
    passed: u64,
    failed: u64,
    tests: Vec<TestJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<CoverageJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutants: Option<MutantsJson<'a>>,
}

#[derive(Serialize)]
struct TestJson<'a> {
    file: &'a str,
    line: usize,
    rule: &'a str,
    name: &'a str,
    passed: bool,
    expected: &'static str,
    found: AnswerJson<'a>,
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
}

#[derive(Serialize)]
struct AnswerJson<'a> {
    verdict: &'static str,
    /// In 16 hex digits each, as signals have them.
    witness: Vec<String>,
    witness_count: usize,
    context: BTreeMap<&'a str, &'a [String]>,
}

#[derive(Serialize)]
struct CoverageJson<'a> {
    covered: u64,
    all: u64,
    missing: BTreeMap<&'a str, Vec<String>>,
}

#[derive(Serialize)]
struct MutantsJson<'a> {
    noticed: u64,
    excused: u64,
    survived: Vec<MutantJson<'a>>,
    needless_excuses: Vec<MutantJson<'a>>,
}

#[derive(Serialize)]
struct MutantJson<'a> {
    rule: &'a str,
    change: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a str>,
}

/// Writes one JSON document.
///
/// # Errors
/// What the system says.
pub fn json(results: &Results, out: &mut impl Write) -> io::Result<()> {
    let (passed, failed) = results.counts();
    let tests = results
        .files
        .iter()
        .flat_map(|one| one.tests().map(move |(case, outcome)| test(one, case, outcome)));
    let document = Document {
        schema: "betrace.test/1",
        engines: ENGINES.map(EngineChoice::name),
        passed,
        failed,
        tests: tests.collect(),
        coverage: results.coverage.as_ref().map(coverage),
        mutants: results.mutation.as_ref().map(mutants),
    };
    let json = serde_json::to_string_pretty(&document)?;
    writeln!(out, "{}", harmless(&json))
}

fn test<'a>(one: &'a Finished, case: &'a Case, outcome: &'a Outcome) -> TestJson<'a> {
    let passed = outcome.failures.is_empty();
    TestJson {
        file: &one.file.name,
        line: one.line(case),
        rule: one.rule(case),
        name: &case.name,
        passed,
        expected: case.verdict.name(),
        found: answer(&outcome.answers[0]),
        reasons: reasons(case, outcome),
        evidence: (!passed).then(|| evidence(one, case, outcome)),
    }
}

fn answer(answer: &Answer) -> AnswerJson<'_> {
    let context = answer.context.iter();
    AnswerJson {
        verdict: answer.verdict.name(),
        witness: answer.witness.iter().map(|id| format!("{id:016x}")).collect(),
        witness_count: answer.witnesses,
        context: context.map(|(key, values)| (key.as_str(), values.as_slice())).collect(),
    }
}

fn coverage(coverage: &Coverage) -> CoverageJson<'_> {
    let (covered, all) = coverage.totals();
    let rules = coverage.rules.iter().map(|rule| (rule.id.as_str(), missing(rule)));
    CoverageJson {
        covered,
        all,
        missing: rules.filter(|(_, missing)| !missing.is_empty()).collect(),
    }
}

fn mutants(mutation: &Mutation) -> MutantsJson<'_> {
    let survived = mutation.survived.iter();
    let needless = mutation.needless.iter();
    MutantsJson {
        noticed: mutation.killed,
        excused: mutation.excused,
        survived: survived.map(|(rule, change)| MutantJson { rule, change, place: None }).collect(),
        needless_excuses: needless
            .map(|(place, rule, change)| MutantJson { rule, change, place: Some(place) })
            .collect(),
    }
}

/// Writes a JUnit report: a suite a file, a test case a rule and test.
///
/// # Errors
/// What the system says.
pub fn junit(results: &Results, out: &mut impl Write) -> io::Result<()> {
    let (passed, failed) = results.counts();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    let all = passed + failed;
    writeln!(out, "<testsuites name=\"betrace test\" tests=\"{all}\" failures=\"{failed}\">")?;
    for one in &results.files {
        let name = xml(&one.file.name);
        let failed = one.outcomes.iter().filter(|outcome| !outcome.failures.is_empty()).count();
        let all = one.outcomes.len();
        writeln!(out, "  <testsuite name=\"{name}\" tests=\"{all}\" failures=\"{failed}\">")?;
        for (case, outcome) in one.tests() {
            let [rule, title] = [one.rule(case), &case.name].map(xml);
            let line = one.line(case);
            let head = format!(
                "    <testcase classname=\"{rule}\" name=\"{title}\" file=\"{name}\" line=\"{line}\""
            );
            if outcome.failures.is_empty() {
                writeln!(out, "{head}/>")?;
                continue;
            }
            let reasons = reasons(case, outcome).join("; ");
            let evidence = evidence(one, case, outcome);
            writeln!(out, "{head}>")?;
            let [reasons, evidence] = [&reasons, &evidence].map(|text| xml(text));
            writeln!(out, "      <failure message=\"{reasons}\">{evidence}</failure>")?;
            writeln!(out, "    </testcase>")?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

/// Text as it stands in XML; what XML does not admit is replaced.
fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push('\n'),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            char if is_unprintable(char) => escaped.push('\u{fffd}'),
            char => escaped.push(char),
        }
    }
    escaped
}

/// Writes workflow commands that GitHub shows beside the files: an error for each test that failed
/// and each mutant that survives, a warning for what is not covered.
///
/// # Errors
/// What the system says.
pub fn github(results: &Results, out: &mut impl Write) -> io::Result<()> {
    for one in &results.files {
        let failed = one.tests().filter(|(_, outcome)| !outcome.failures.is_empty());
        for (case, outcome) in failed {
            let (file, line) = (property(&one.file.name), one.line(case));
            let title = property(&format!("{}/{}", one.rule(case), case.name));
            let text =
                format!("{}\n{}", reasons(case, outcome).join("\n"), evidence(one, case, outcome));
            writeln!(
                out,
                "::error file={file},line={line},title={title}::{}",
                data(text.trim_end())
            )?;
        }
    }
    let mutation = results.mutation.iter();
    for (rule, change) in mutation.clone().flat_map(|mutation| &mutation.survived) {
        let title = property(&format!("{rule}: no test notices a change"));
        writeln!(out, "::error title={title}::{}", data(change))?;
    }
    for (place, rule, change) in mutation.flat_map(|mutation| &mutation.needless) {
        let title = property(&format!("{rule}: an excuse is needless"));
        writeln!(out, "::error title={title}::{}", data(&format!("{place}: {change}")))?;
    }
    for rule in results.coverage.iter().flat_map(|coverage| &coverage.rules) {
        for what in missing(rule) {
            writeln!(out, "::warning title={}::{}", property(&rule.id), data(&what))?;
        }
    }
    Ok(())
}

/// Text as a workflow command carries it.
pub fn data(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '\r', '\n']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A"))
}

/// Text as a property of a workflow command.
pub fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
