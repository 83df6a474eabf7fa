//! Runs tests: rules over traces on every engine, and what differs from what was expected.

use compiler::{Jit, JitOptions};
use hashbrown::{HashMap, HashSet};
use ir::module::Severity;
use rules::{Rule, RuleSet};

use super::model::{Case, TestFile, Verdict};
use crate::program::{CompileError, CompileOptions, EngineChoice, Program};
use crate::replay::{Replay, ReplayError, ReplayOptions};
use crate::span::Span;
use runtime::{SPAN_LIMIT, Signal};

/// The engines that every test runs on. The first is the meaning, the others must agree with it.
pub const ENGINES: [EngineChoice; 3] =
    [EngineChoice::Interpreter, EngineChoice::Columns, EngineChoice::Jit];

/// Why loops stand in for machine code on this machine, if they do.
pub fn jit_refusal() -> Option<String> {
    Jit::new(JitOptions::default()).err().map(|error| error.to_string())
}

/// What an engine says of a rule and a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The verdict.
    pub verdict: Verdict,
    /// Ids of the witness spans of a violation, by start; the first 64.
    pub witness: Vec<u64>,
    /// How many there are in all.
    pub witnesses: usize,
    /// The context of the signal of a violation: names with their values, in canonical text.
    pub context: Vec<(String, Vec<String>)>,
}

/// What a test came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What each engine says, in the order of [`ENGINES`].
    pub answers: [Answer; ENGINES.len()],
    /// What is wrong; nothing if the test passed.
    pub failures: Vec<Failure>,
}

/// What is wrong with the answer to a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Another verdict than expected.
    Verdict,
    /// Other witness spans.
    Witness,
    /// Another context of the signal.
    Context,
    /// Engines that disagree, which is a fault of this program.
    Engines,
}

/// Why tests could not be run at all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The rules could not be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// A rule of which there are too many mutants to run.
    #[error("the rule `{rule}` is too long, or has too many parts, for mutants of it to be run")]
    TooManyMutants {
        /// Its id.
        rule: String,
    },
    /// The traces could not be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

impl TestFile {
    /// Runs the tests `chosen` by their place among the cases, in that order.
    ///
    /// # Errors
    /// Rules or traces that cannot be run.
    pub fn run(&self, chosen: &[usize]) -> Result<Vec<Outcome>, RunError> {
        let cases: Vec<&Case> = chosen.iter().map(|&case| &self.cases[case]).collect();
        let mut rules: Vec<usize> = cases.iter().map(|case| case.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        let pairs: HashSet<(usize, usize)> =
            cases.iter().map(|case| (case.rule, case.trace)).collect();
        let traces: Vec<&[Span]> = self.traces.iter().map(Vec::as_slice).collect();
        let mut answers = Vec::new();
        for engine in ENGINES {
            let rules = rules.iter().map(|&rule| (rule, self.rules.rules[rule].clone()));
            let wanted = |rule, trace| pairs.contains(&(rule, trace));
            let verdicts = Verdicts::of(rules, &traces, engine, &wanted)?;
            let answers_of = cases.iter().map(|case| verdicts.answer(case.rule, case.trace));
            answers.push(answers_of.collect::<Vec<_>>());
        }
        let outcome = |(at, case): (usize, &&Case)| {
            let answers: [Answer; ENGINES.len()] =
                std::array::from_fn(|engine| answers[engine][at].clone());
            Outcome { failures: failures(case, &answers), answers }
        };
        Ok(cases.iter().enumerate().map(outcome).collect())
    }
}

/// What differs from what the test expects.
fn failures(case: &Case, answers: &[Answer; ENGINES.len()]) -> Vec<Failure> {
    let mut failures = Vec::new();
    if answers.iter().any(|answer| *answer != answers[0]) {
        failures.push(Failure::Engines);
    }
    let answer = &answers[0];
    if answer.verdict != case.verdict {
        failures.push(Failure::Verdict);
        return failures;
    }
    if let Some(witness) = &case.witness
        && (witness.len() != answer.witnesses
            || witness[..witness.len().min(SPAN_LIMIT)] != answer.witness)
    {
        failures.push(Failure::Witness);
    }
    if let Some(context) = &case.context {
        let same = |(key, values): &(String, Vec<String>)| {
            answer.context.iter().any(|(own, found)| own == key && found == values)
        };
        if context.len() != answer.context.len() || !context.iter().all(same) {
            failures.push(Failure::Context);
        }
    }
    failures
}

/// The verdicts of rules on traces, by one engine.
#[derive(Default)]
pub(super) struct Verdicts {
    /// Places of the rules without `when`.
    always_apply: HashSet<usize>,
    /// Rules and the traces that violate them.
    violated: HashSet<(usize, usize)>,
    /// Signals of violations that are looked at, by rule and trace.
    signals: HashMap<(usize, usize), Signal>,
    /// Rules with `when` and the traces to which they apply.
    applied: HashSet<(usize, usize)>,
}

impl Verdicts {
    /// Replays traces as those who replay recorded traces do, each under an id of its own. Rules come
    /// with their places, by which they are asked for; signals are kept of the rules and traces that
    /// are `wanted`.
    pub(super) fn of(
        rules: impl Iterator<Item = (usize, Rule)>,
        traces: &[&[Span]],
        engine: EngineChoice,
        wanted: &dyn Fn(usize, usize) -> bool,
    ) -> Result<Self, RunError> {
        let mut verdicts = Self::default();
        let mut set = RuleSet::default();
        for (place, rule) in rules {
            match applies(place, &rule) {
                Some(applies) => set.rules.push(applies),
                None => {
                    verdicts.always_apply.insert(place);
                }
            }
            set.rules.push(Rule { id: place.to_string(), enabled: true, ..rule });
        }
        if set.rules.is_empty() {
            return Ok(verdicts);
        }
        let program =
            Program::compile(&set, &CompileOptions { engine, ..CompileOptions::default() })?;
        let mut replay = Replay::new(&program, ReplayOptions::default());
        for (number, trace) in traces.iter().enumerate() {
            let trace_id = (number as u128 + 1).to_be_bytes();
            for span in *trace {
                replay.push_span(&Span { trace_id, ..span.clone() })?;
            }
        }
        let mut take = |signal: Signal| {
            verdicts.take(signal, wanted);
            Ok(())
        };
        replay.finish(&mut take)?;
        Ok(verdicts)
    }

    fn take(&mut self, signal: Signal, wanted: &dyn Fn(usize, usize) -> bool) {
        let trace = u128::from_str_radix(&signal.trace_id, 16).unwrap_or_default() as usize - 1;
        match signal.rule_id.strip_prefix(APPLIES) {
            Some(place) => {
                self.applied.insert((number(place), trace));
            }
            None => {
                let rule = number(&signal.rule_id);
                self.violated.insert((rule, trace));
                if wanted(rule, trace) {
                    self.signals.insert((rule, trace), signal);
                }
            }
        }
    }

    /// The verdict of the rule of a place on a trace.
    pub(super) fn verdict(&self, rule: usize, trace: usize) -> Verdict {
        if self.violated.contains(&(rule, trace)) {
            Verdict::Violated
        } else if self.always_apply.contains(&rule) || self.applied.contains(&(rule, trace)) {
            Verdict::Passed
        } else {
            Verdict::NotApplicable
        }
    }

    fn answer(&self, rule: usize, trace: usize) -> Answer {
        let verdict = self.verdict(rule, trace);
        let Some(signal) = self.signals.get(&(rule, trace)) else {
            return Answer { verdict, witness: Vec::new(), witnesses: 0, context: Vec::new() };
        };
        let id = |text: &String| u64::from_str_radix(text, 16).unwrap_or_default();
        let entries = signal.context.entries.iter().map(|entry| {
            let values = entry.values.iter().map(|value| value.text.clone());
            (entry.label.to_string(), values.collect())
        });
        Answer {
            verdict,
            witness: signal.span_ids.iter().map(id).collect(),
            witnesses: signal.span_count,
            context: entries.collect(),
        }
    }
}

/// What the ids of rules begin with that are violated where others apply; no rule file can have it.
const APPLIES: &str = "applies:";

fn number(place: &str) -> usize {
    place.parse().unwrap_or(usize::MAX)
}

/// A rule that is violated where `rule` applies; none if it applies everywhere.
fn applies(place: usize, rule: &Rule) -> Option<Rule> {
    let when = rule.statement.when?;
    let mut rule = Rule { id: format!("{APPLIES}{place}"), enabled: true, ..rule.clone() };
    rule.severity = Severity::Info;
    rule.signal.context.clear();
    (rule.statement.when, rule.statement.always, rule.statement.never) = (None, None, Some(when));
    Some(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(verdict: Verdict, witness: &[u64]) -> Answer {
        let context = vec![("order_id".to_owned(), vec!["5".to_owned()])];
        Answer { verdict, witness: witness.to_vec(), witnesses: witness.len(), context }
    }

    #[test]
    fn what_differs_is_named() {
        let context = |value: &str| Some(vec![("order_id".to_owned(), vec![value.to_owned()])]);
        let case = |verdict, witness: &[u64], value: &str| Case {
            name: "a test".to_owned(),
            rule: 0,
            trace: 0,
            verdict,
            witness: Some(witness.to_vec()),
            context: context(value),
            place: 0..0,
        };
        let (violated, passed) = (Verdict::Violated, Verdict::Passed);
        let same = || std::array::from_fn(|_| answer(violated, &[1, 2]));
        let none: [Failure; 0] = [];
        assert_eq!(failures(&case(violated, &[1, 2], "5"), &same()), none);
        assert_eq!(failures(&case(passed, &[1], "6"), &same()), [Failure::Verdict]);
        assert_eq!(failures(&case(violated, &[2, 1], "5"), &same()), [Failure::Witness]);
        assert_eq!(failures(&case(violated, &[1, 2, 3], "5"), &same()), [Failure::Witness]);
        assert_eq!(failures(&case(violated, &[1, 2], "6"), &same()), [Failure::Context]);
        for engine in 0..ENGINES.len() {
            let mut answers: [Answer; ENGINES.len()] = same();
            answers[engine].witness = vec![1];
            let found = failures(&case(violated, &[1, 2], "5"), &answers);
            assert_eq!(found[0], Failure::Engines, "{engine}");
        }
    }

    #[test]
    fn a_witness_of_more_spans_than_a_signal_names_is_told_by_its_number() {
        let all: Vec<u64> = (1..=70).collect();
        let found = Answer { witnesses: 70, ..answer(Verdict::Violated, &all[..SPAN_LIMIT]) };
        let answers: [Answer; ENGINES.len()] = std::array::from_fn(|_| found.clone());
        let case = |witness: &[u64]| Case {
            name: "a test".to_owned(),
            rule: 0,
            trace: 0,
            verdict: Verdict::Violated,
            witness: Some(witness.to_vec()),
            context: None,
            place: 0..0,
        };
        assert!(failures(&case(&all), &answers).is_empty());
        assert_eq!(failures(&case(&all[..69]), &answers), [Failure::Witness]);
        assert_eq!(failures(&case(&all[..64]), &answers), [Failure::Witness]);
    }
}
