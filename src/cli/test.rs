//! `betrace test`: rule tests, what they cover, and whether they would notice a change of the rules.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use compiler::Position;
use hashbrown::{HashMap, HashSet};

use super::args::{Common, TestArgs, TestFormat};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::settings::{Flags, Settings};
use super::{test_report, test_table};
use crate::testing::{Case, Coverage, Outcome, TestFile, jit_refusal, test_files};

/// What was run and found.
#[derive(Default)]
pub struct Results {
    /// The files, in order.
    pub files: Vec<Finished>,
    /// What the tests cover, if that was asked for.
    pub coverage: Option<Coverage>,
    /// What became of mutants, if that was asked for.
    pub mutation: Option<Mutation>,
}

/// A file of tests and what those that were chosen came to.
pub struct Finished {
    /// The file.
    pub file: TestFile,
    /// The chosen tests, by their place among the file's.
    pub chosen: Vec<usize>,
    /// What each came to.
    pub outcomes: Vec<Outcome>,
}

/// What became of the mutants of all rules.
#[derive(Default)]
pub struct Mutation {
    /// How many some test tells from their rules.
    pub killed: u64,
    /// How many no test does, for a reason that a file gives.
    pub excused: u64,
    /// Ids of rules and changes that no test would notice.
    pub survived: Vec<(String, String)>,
    /// Places of excuses for what does not survive, with the rule and the change.
    pub needless: Vec<(String, String, String)>,
}

impl Finished {
    /// Each test that was run with what it came to.
    pub fn tests(&self) -> impl Iterator<Item = (&Case, &Outcome)> {
        self.chosen.iter().map(|&case| &self.file.cases[case]).zip(&self.outcomes)
    }

    /// The id of the rule of a test.
    pub fn rule(&self, case: &Case) -> &str {
        &self.file.rules.rules[case.rule].id
    }

    /// The line where a test stands.
    pub fn line(&self, case: &Case) -> usize {
        Position::of(&self.file.text, case.place.start).line
    }
}

impl Results {
    /// How many tests passed, and how many failed.
    pub fn counts(&self) -> (u64, u64) {
        let outcomes = self.files.iter().flat_map(|one| &one.outcomes);
        outcomes.fold((0, 0), |(passed, failed), outcome| match outcome.failures.is_empty() {
            true => (passed + 1, failed),
            false => (passed, failed + 1),
        })
    }
}

/// Runs tests and says how they ended.
pub fn run(common: &Common, args: &TestArgs, console: &mut Console) -> Result<Exit, Failure> {
    let settings = Settings::load(common, &Flags::default())?;
    let color = console.colors(&settings.color.value);
    if let Some(refusal) = jit_refusal() {
        console.note(&format!(
            "note: no machine code ({refusal}); loops over columns stand in for it"
        ));
    }
    let mut results = Results::default();
    let mut errors = 0;
    for path in test_files(&args.paths).map_err(Failure::usage)? {
        let file = TestFile::load(&path).map_err(Failure::usage)?;
        console.diagnostics(&file.render(color));
        errors += file.errors();
        let chosen = chosen(&file, args);
        let outcomes = file.run(&chosen).map_err(Failure::usage)?;
        results.files.push(Finished { file, chosen, outcomes });
    }
    if args.coverage || args.coverage_min.is_some() {
        results.coverage = Some(coverage(&results.files)?);
    }
    if args.mutate {
        results.mutation = Some(mutation(&results.files, args.run.is_none())?);
    }
    print(&results, args, console)?;
    if errors > 0 {
        return Ok(Exit::Usage);
    }
    let is_covered = is_covered(&results, args, console);
    let is_noticed = results
        .mutation
        .as_ref()
        .is_none_or(|mutation| mutation.survived.is_empty() && mutation.needless.is_empty());
    let passed = results.counts().1 == 0 && is_covered && is_noticed;
    Ok(if passed { Exit::Clean } else { Exit::Violations })
}

/// The tests that `--run` chooses, by their place in the file.
fn chosen(file: &TestFile, args: &TestArgs) -> Vec<usize> {
    let is_chosen = |case: &Case| {
        let title = format!("{}/{}", file.rules.rules[case.rule].id, case.name);
        args.run.as_ref().is_none_or(|wanted| wanted.is_match(&title))
    };
    let cases = file.cases.iter().enumerate();
    cases.filter(|(_, case)| is_chosen(case)).map(|(place, _)| place).collect()
}

fn coverage(files: &[Finished]) -> Result<Coverage, Failure> {
    let mut coverage = Coverage::default();
    for one in files {
        coverage.add(&one.file, &one.chosen).map_err(Failure::usage)?;
    }
    Ok(coverage)
}

/// Whether as much is covered as `--coverage-min` asks for; says so if not.
fn is_covered(results: &Results, args: &TestArgs, console: &mut Console) -> bool {
    let (Some(coverage), Some(least)) = (&results.coverage, args.coverage_min) else {
        return true;
    };
    let (covered, all) = coverage.totals();
    let enough = covered as f64 * 100.0 >= least * all as f64;
    if !enough {
        let percent = test_table::percent(covered, all);
        let hint = if args.coverage { "" } else { "; --coverage lists what is missing" };
        console.error(&format!("coverage is {percent}, less than {least}%{hint}"));
    }
    enough
}

/// Runs mutants. A mutant is killed if tests of any file tell it from its rule; excuses are held
/// against what survives where `all` tests were run.
fn mutation(files: &[Finished], all: bool) -> Result<Mutation, Failure> {
    let mut killed: HashMap<(PathBuf, String, String), bool> = HashMap::new();
    let mut order = Vec::new();
    for one in files {
        for outcome in one.file.mutate(&one.chosen).map_err(Failure::usage)? {
            let rule = &one.file.rules.rules[outcome.rule];
            let path = PathBuf::from(&one.file.rules.files[rule.source.file].name);
            let path = fs::canonicalize(&path).unwrap_or(path);
            let key = (path, rule.id.clone(), outcome.change);
            *killed.entry(key.clone()).or_insert_with(|| {
                order.push(key);
                false
            }) |= outcome.killed;
        }
    }
    let mut mutation = Mutation::default();
    let excuses = files.iter().flat_map(|one| &one.file.excuses);
    let excused: HashSet<(&str, &str)> =
        excuses.map(|excuse| (excuse.rule.as_str(), excuse.mutant.as_str())).collect();
    let mut used = HashSet::new();
    for key in &order {
        let (_, rule, change) = key;
        if killed[key] {
            mutation.killed += 1;
        } else if excused.contains(&(rule.as_str(), change.as_str())) {
            mutation.excused += 1;
            used.insert((rule.as_str(), change.as_str()));
        } else {
            mutation.survived.push((rule.clone(), change.clone()));
        }
    }
    for one in files.iter().filter(|_| all) {
        for excuse in &one.file.excuses {
            if !used.contains(&(excuse.rule.as_str(), excuse.mutant.as_str())) {
                let line = Position::of(&one.file.text, excuse.place.start).line;
                let place = format!("{}:{line}", one.file.name);
                mutation.needless.push((place, excuse.rule.clone(), excuse.mutant.clone()));
            }
        }
    }
    Ok(mutation)
}

fn print(results: &Results, args: &TestArgs, console: &mut Console) -> Result<(), Failure> {
    if let Some(path) = &args.junit {
        let cannot = |error| Failure::usage(format!("cannot write {}: {error}", path.display()));
        let mut text = Vec::new();
        test_report::junit(results, &mut text)?;
        fs::write(path, text).map_err(cannot)?;
    }
    let out = &mut console.out;
    match args.format {
        TestFormat::Table => test_table::write(results, args, out)?,
        TestFormat::Json => test_report::json(results, out)?,
        TestFormat::Junit => test_report::junit(results, out)?,
        TestFormat::Github => test_report::github(results, out)?,
    }
    out.flush()?;
    Ok(())
}
