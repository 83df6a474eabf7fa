//! Rule sets: from files, folders, globs or text, checked as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use compiler::{
    Diagnostic, Key, Params, Placement, Position, ReadOptions, Severity, parse_rule, render,
};
use hashbrown::HashSet;

use crate::draft::Draft;
use crate::library::library_part;
use crate::model::{Alert, Place, Rule, SignalSpec, Written};

/// Bytes of one rule file at most.
pub const FILE_BYTES: u64 = 64 << 20;

/// How the names of files end that hold tests of rules.
pub const TEST_ENDINGS: [&str; 2] = [".test.yaml", ".test.yml"];

/// Rules and alerts with the files that they came from.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// Rules without errors, in the order of the files.
    pub rules: Vec<Rule>,
    /// Alerts without errors.
    pub alerts: Vec<Alert>,
    /// The files, with everything that was found to say of them.
    pub files: Vec<SourceFile>,
}

/// A file of a rule set.
#[derive(Debug)]
pub struct SourceFile {
    /// Its path, or what stands for it.
    pub name: String,
    /// What it holds.
    pub text: String,
    /// Errors and warnings; places are bytes of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why rules could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A pattern is not a glob.
    #[error("`{pattern}` is not a pattern for file names: {source}")]
    Glob {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        source: glob::PatternError,
    },
    /// A folder or pattern leads to no rule file.
    #[error("no rule files (*.yaml, *.yml) in {0}")]
    Nothing(String),
    /// A folder or pattern leads to no file of rule tests.
    #[error("no rule tests (*.test.yaml, *.test.yml) in {0}")]
    NoTests(String),
    /// The library has no such part.
    #[error(
        "the library has no rules `{part}`; it has `all`, the domains {domains}, the categories \
         {categories}, and rules by their ids"
    )]
    NoPart {
        /// What was asked for.
        part: String,
        /// The domains that there are.
        domains: String,
        /// The categories that there are.
        categories: String,
    },
    /// A file is too large to be a rule file.
    #[error("{path} has {bytes} bytes; a rule file has at most {FILE_BYTES}")]
    TooLarge {
        /// The path.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// A path is neither a file nor a folder.
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// A file is not text.
    #[error("{path} is not UTF-8 at byte {at}")]
    NotText {
        /// The path.
        path: PathBuf,
        /// The first byte that is not.
        at: usize,
    },
}

impl RuleSet {
    /// Rules of a text; `name` stands for the file in messages.
    pub fn from_text(name: &str, text: &str) -> Self {
        let mut draft = Draft::default();
        draft.add(name.to_owned(), text.to_owned());
        draft.finish()
    }

    /// A set of one rule that is only a text, and what is to say of it; the set is empty where
    /// that holds an error. Places of diagnostics are bytes of the text.
    pub fn of_rule_text(id: &str, text: &str) -> (Self, Vec<Diagnostic>) {
        let params = Params::new();
        let options = ReadOptions {
            key: Key::Condition,
            has_signal: false,
            params: &params,
            description: None,
        };
        let parsed = parse_rule(text, &options);
        let rule = parsed.statement.map(|statement| Rule {
            id: id.to_owned(),
            name: id.to_owned(),
            description: None,
            severity: ir::module::Severity::Medium,
            statement,
            words: parsed.words,
            params,
            signal: SignalSpec::default(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            runbook_url: None,
            owner: None,
            enabled: true,
            source: Place::default(),
            written: Written {
                rule: 0..text.len(),
                text: 0..text.len(),
                parts: parsed.places,
                ..Written::default()
            },
            silenced: Vec::new(),
        });
        (Self { rules: rule.into_iter().collect(), ..Self::default() }, parsed.diagnostics)
    }

    /// The rule library, all of it.
    pub fn library() -> Self {
        let mut draft = Draft::default();
        draft.add_library(&mut |_| true);
        draft.finish()
    }

    /// Rules of files, folders (recursive, `*.yaml` and `*.yml`, hidden ones left out) and globs;
    /// files of rule tests in folders and among what a glob finds are passed over. Paths that begin
    /// with [`LIBRARY`](crate::LIBRARY) name rules of the library, which come last.
    ///
    /// # Errors
    /// The first path that cannot be read. What is wrong inside files is in their diagnostics.
    pub fn from_paths<P: AsRef<Path>>(
        paths: impl IntoIterator<Item = P>,
    ) -> Result<Self, LoadError> {
        let mut draft = Draft::default();
        let (mut seen, mut parts) = (HashSet::new(), Vec::new());
        for path in paths {
            if let Some(part) = library_part(path.as_ref()) {
                parts.push(part.to_owned());
                continue;
            }
            for file in named_files(path.as_ref(), Sought::Rules)? {
                let canonical = fs::canonicalize(&file).map_err(|source| io(&file, source))?;
                if seen.insert(canonical) {
                    draft.add(file.display().to_string(), read_text(&file)?);
                }
            }
        }
        if !parts.is_empty() {
            let mut found = vec![false; parts.len()];
            draft.add_library(&mut |rule| {
                let mut chosen = false;
                for (part, found) in parts.iter().zip(&mut found) {
                    let holds = rule.is_of(part);
                    (chosen, *found) = (chosen | holds, *found | holds);
                }
                chosen
            });
            if let Some(missing) = found.iter().position(|found| !found) {
                return Err(no_part(parts.swap_remove(missing)));
            }
        }
        Ok(draft.finish())
    }

    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.diagnostics().filter(|(_, diagnostic)| diagnostic.severity == Severity::Error).count()
    }

    /// Every diagnostic with its file, by file and place.
    pub fn diagnostics(&self) -> impl Iterator<Item = (&SourceFile, &Diagnostic)> {
        self.files
            .iter()
            .flat_map(|file| file.diagnostics.iter().map(move |diagnostic| (file, diagnostic)))
    }

    /// Where a diagnostic of `file` is filed.
    pub fn position(file: &SourceFile, diagnostic: &Diagnostic) -> Position {
        Position::of(&file.text, diagnostic.start())
    }

    /// All diagnostics as text for people; empty if there are none.
    pub fn render(&self, color: bool) -> String {
        let placement = Placement::identity();
        let files = self.files.iter().filter(|file| !file.diagnostics.is_empty());
        let shown =
            files.map(|file| render(&file.diagnostics, &file.name, &file.text, &placement, color));
        shown.collect::<Vec<_>>().join("\n\n")
    }

    /// The lines of its file that a rule takes, as they stand there. A rule that is written in braces
    /// has its first line only.
    pub fn text_of(&self, rule: &Rule) -> &str {
        let file = &self.files[rule.source.file].text;
        let start = file[..rule.source.span.start].rfind('\n').map_or(0, |at| at + 1);
        let indent = |line: &str| line.len() - line.trim_start().len();
        let (own, mut end) = (indent(&file[start..]), 0);
        for (number, line) in file[start..].split_inclusive('\n').enumerate() {
            let content = line.trim();
            if number > 0 && !content.is_empty() && indent(line) <= own {
                break;
            }
            end += line.len();
        }
        file[start..start + end].trim_end()
    }

    /// The rule of this id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }
}

/// The error of a part that the library does not have.
fn no_part(part: String) -> LoadError {
    let all = RuleSet::library();
    let listed = |label: &str| {
        let names: BTreeSet<&str> = all.rules.iter().flat_map(|rule| rule.listed(label)).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    LoadError::NoPart { part, domains: listed("domain"), categories: listed("category") }
}

/// Whether a file holds tests of rules, by its name.
pub fn is_test_file(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| TEST_ENDINGS.iter().any(|ending| name.ends_with(ending)))
}

/// The files of rule tests that paths name: files whatever their names, folders (recursive, hidden
/// ones left out) and globs with those that are [test files](is_test_file).
///
/// # Errors
/// A path that is not there or leads to none.
pub fn test_files<P: AsRef<Path>>(
    paths: impl IntoIterator<Item = P>,
) -> Result<Vec<PathBuf>, LoadError> {
    let (mut files, mut seen) = (Vec::new(), HashSet::new());
    for path in paths {
        for file in named_files(path.as_ref(), Sought::Tests)? {
            let canonical = fs::canonicalize(&file).map_err(|source| io(&file, source))?;
            if seen.insert(canonical) {
                files.push(file);
            }
        }
    }
    Ok(files)
}

/// What is sought in folders.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sought {
    Rules,
    Tests,
}

/// The files that a path names: of folders and patterns those that are sought.
fn named_files(path: &Path, sought: Sought) -> Result<Vec<PathBuf>, LoadError> {
    let text = path.to_string_lossy();
    let mut files = Vec::new();
    if path.is_dir() {
        folder(path, sought, &mut files)?;
    } else if path.exists() || !text.contains(['*', '?', '[']) {
        return Ok(vec![path.to_owned()]);
    } else {
        let error = |source| LoadError::Glob { pattern: text.to_string(), source };
        for entry in glob::glob(&text).map_err(error)? {
            let found = entry.map_err(|error| io(error.path(), io_error(&error)))?;
            if found.is_dir() {
                folder(&found, sought, &mut files)?;
            } else if is_test_file(&found) == (sought == Sought::Tests) {
                files.push(found);
            }
        }
    }
    match sought {
        _ if !files.is_empty() => Ok(files),
        Sought::Rules => Err(LoadError::Nothing(text.into_owned())),
        Sought::Tests => Err(LoadError::NoTests(text.into_owned())),
    }
}

/// Adds the files that are sought below a folder, in the order of their names.
fn folder(path: &Path, sought: Sought, files: &mut Vec<PathBuf>) -> Result<(), LoadError> {
    let visible = |entry: &walkdir::DirEntry| {
        entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
    };
    for entry in walkdir::WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(visible) {
        let entry = entry.map_err(|error| io(path, error.into()))?;
        let path = entry.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        let is_yaml = matches!(extension, Some("yaml" | "yml"));
        if is_yaml && path.is_file() && is_test_file(path) == (sought == Sought::Tests) {
            files.push(entry.into_path());
        }
    }
    Ok(())
}

/// The text of a file that is no larger than a rule file may be.
///
/// # Errors
/// Why it cannot be read, or is not text.
pub fn read_text(path: &Path) -> Result<String, LoadError> {
    let metadata = fs::metadata(path).map_err(|source| io(path, source))?;
    if !metadata.is_file() {
        return Err(LoadError::NotAFile(path.to_owned()));
    }
    let bytes = metadata.len();
    if bytes > FILE_BYTES {
        return Err(LoadError::TooLarge { path: path.to_owned(), bytes });
    }
    let bytes = fs::read(path).map_err(|source| io(path, source))?;
    String::from_utf8(bytes).map_err(|error| LoadError::NotText {
        path: path.to_owned(),
        at: error.utf8_error().valid_up_to(),
    })
}

fn io(path: &Path, source: std::io::Error) -> LoadError {
    LoadError::Io { path: path.to_owned(), source }
}

fn io_error(error: &glob::GlobError) -> std::io::Error {
    std::io::Error::new(error.error().kind(), error.error().to_string())
}
