//! Rule sets: from files, folders, globs or text, checked as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use compiler::{
    Diagnostic, Key, Params, Placement, Position, ReadOptions, Severity, parse_rule, render,
};
use hashbrown::HashSet;

use crate::draft::Draft;
use crate::model::{Alert, Place, Rule, SignalSpec};

/// Bytes of one rule file at most.
pub const FILE_BYTES: u64 = 64 << 20;

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
        });
        (Self { rules: rule.into_iter().collect(), ..Self::default() }, parsed.diagnostics)
    }

    /// Rules of files, folders (recursive, `*.yaml` and `*.yml`, hidden ones left out) and globs.
    ///
    /// # Errors
    /// The first path that cannot be read. What is wrong inside files is in their diagnostics.
    pub fn from_paths<P: AsRef<Path>>(
        paths: impl IntoIterator<Item = P>,
    ) -> Result<Self, LoadError> {
        let mut draft = Draft::default();
        let mut seen = HashSet::new();
        for path in paths {
            for file in rule_files(path.as_ref())? {
                let canonical = fs::canonicalize(&file).map_err(|source| io(&file, source))?;
                if seen.insert(canonical) {
                    draft.add(file.display().to_string(), read_text(&file)?);
                }
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

    /// The rule of this id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }
}

/// The rule files that a path names.
fn rule_files(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let text = path.to_string_lossy();
    let mut files = Vec::new();
    if path.is_dir() {
        folder(path, &mut files)?;
    } else if path.exists() || !text.contains(['*', '?', '[']) {
        return Ok(vec![path.to_owned()]);
    } else {
        let error = |source| LoadError::Glob { pattern: text.to_string(), source };
        for entry in glob::glob(&text).map_err(error)? {
            let found = entry.map_err(|error| io(error.path(), io_error(&error)))?;
            if found.is_dir() { folder(&found, &mut files)? } else { files.push(found) }
        }
    }
    if files.is_empty() { Err(LoadError::Nothing(text.into_owned())) } else { Ok(files) }
}

/// Adds the rule files below a folder, in the order of their names.
fn folder(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), LoadError> {
    let visible = |entry: &walkdir::DirEntry| {
        entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
    };
    for entry in walkdir::WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(visible) {
        let entry = entry.map_err(|error| io(path, error.into()))?;
        let extension = entry.path().extension().and_then(|extension| extension.to_str());
        if entry.path().is_file() && matches!(extension, Some("yaml" | "yml")) {
            files.push(entry.into_path());
        }
    }
    Ok(())
}

fn read_text(path: &Path) -> Result<String, LoadError> {
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
