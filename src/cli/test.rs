//! `betrace test`: rule tests.

use super::args::{Common, TestArgs, TestFormat};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::settings::{Flags, Settings};
use super::test_table;
use crate::testing::{Case, Outcome, TestFile, test_files};

/// A file of tests and what those that were chosen came to.
pub struct Finished {
    /// The file.
    pub file: TestFile,
    /// The chosen tests, by their place among the file's.
    pub chosen: Vec<usize>,
    /// What each came to.
    pub outcomes: Vec<Outcome>,
}

impl Finished {
    /// Each test that was run with what it came to.
    pub fn tests(&self) -> impl Iterator<Item = (&Case, &Outcome)> {
        self.chosen.iter().map(|&case| &self.file.cases[case]).zip(&self.outcomes)
    }

    /// The name by which a test is chosen.
    pub fn title(&self, case: &Case) -> String {
        title(&self.file, case)
    }
}

fn title(file: &TestFile, case: &Case) -> String {
    format!("{}/{}", file.rules.rules[case.rule].id, case.name)
}

/// Runs tests and says how they ended.
pub fn run(common: &Common, args: &TestArgs, console: &mut Console) -> Result<Exit, Failure> {
    let settings = Settings::load(common, &Flags::default())?;
    let color = console.colors(&settings.color.value);
    let mut finished = Vec::new();
    let mut errors = 0;
    for path in test_files(&args.paths).map_err(Failure::usage)? {
        let file = TestFile::load(&path).map_err(Failure::usage)?;
        console.diagnostics(&file.render(color));
        errors += file.errors();
        let is_chosen = |case: &Case| {
            args.run.as_ref().is_none_or(|wanted| wanted.is_match(&title(&file, case)))
        };
        let cases = file.cases.iter().enumerate();
        let chosen: Vec<usize> =
            cases.filter(|(_, case)| is_chosen(case)).map(|(place, _)| place).collect();
        let outcomes = file.run(&chosen).map_err(Failure::usage)?;
        finished.push(Finished { file, chosen, outcomes });
    }
    match args.format {
        TestFormat::Table => test_table::write(&finished, args.verbose, &mut console.out)?,
        TestFormat::Json | TestFormat::Junit | TestFormat::Github => {}
    }
    let failed = finished.iter().flat_map(|one| &one.outcomes).any(|one| !one.failures.is_empty());
    Ok(match (errors, failed) {
        (0, false) => Exit::Clean,
        (0, true) => Exit::Violations,
        _ => Exit::Usage,
    })
}
