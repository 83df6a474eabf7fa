//! `betrace.yaml`: settings that need not be given every time.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use compiler::{Diagnostic, Placement};
use etcetera::BaseStrategy;
use rules::library_part;
use rules::yaml::{Content, NodeId, Yaml};

use super::exit::Failure;
use super::settings::{NAMES, is_stdin};

/// The name of a settings file.
pub const FILE: &str = "betrace.yaml";

/// A settings file; empty if there is none.
#[derive(Debug, Default)]
pub struct ConfigFile {
    /// Where it lies.
    pub path: PathBuf,
    values: Vec<(String, Vec<String>)>,
}

impl ConfigFile {
    /// The file that was named, or the first there is: in this folder, then in the user's
    /// configuration folder.
    ///
    /// # Errors
    /// A usage failure: the named file is not there, or a file is wrong.
    pub fn find(named: Option<&Path>) -> Result<Self, Failure> {
        let named = named.map(Path::to_owned).or_else(|| {
            env::var_os("BETRACE_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from)
        });
        if let Some(path) = named {
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            return Self::parse(path, &text);
        }
        let user = etcetera::choose_base_strategy().ok();
        let user = user.map(|folders| folders.config_dir().join("betrace").join(FILE));
        for path in [Some(PathBuf::from(FILE)), user].into_iter().flatten() {
            match fs::read_to_string(&path) {
                Ok(text) => return Self::parse(path, &text),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(&path, &error)),
            }
        }
        Ok(Self::default())
    }

    /// A setting that is one text.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.get(name)?.first().map(String::as_str)
    }

    /// A setting that is a list of paths; relative ones begin at the file's folder. What stands for
    /// standard input or for rules of the library is no path.
    pub fn list(&self, name: &str) -> Option<Vec<OsString>> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let paths = self.get(name)?.iter().map(OsString::from);
        let is_path = |path: &OsString| !is_stdin(path) && library_part(Path::new(path)).is_none();
        Some(
            paths
                .map(|path| if is_path(&path) { folder.join(path).into_os_string() } else { path })
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&[String]> {
        self.values.iter().find(|(own, _)| own == name).map(|(_, values)| &**values)
    }

    fn parse(path: PathBuf, text: &str) -> Result<Self, Failure> {
        let mut file = Self { path, values: Vec::new() };
        let read = Yaml::parse(text)
            .and_then(|yaml| yaml.roots.iter().try_for_each(|&root| file.read(&yaml, root)));
        match read {
            Ok(()) => Ok(file),
            Err(diagnostic) => Err(Failure::usage(shown(&file.path, text, &diagnostic))),
        }
    }

    fn read(&mut self, yaml: &Yaml, root: NodeId) -> Result<(), Diagnostic> {
        let node = yaml.node(root);
        let Content::Map(entries) = &node.content else {
            let title = "settings are a map such as `rules: rules/`";
            return Err(Diagnostic::error("bad-value", title, node.span.clone()));
        };
        for &(key, value) in entries {
            let name = yaml.node(key).text().unwrap_or("");
            if !NAMES.contains(&name) || self.get(name).is_some() {
                let title = format!("`{name}` is not a setting, or is given twice");
                let help = format!("the settings are {}", NAMES.join(", "));
                let span = yaml.node(key).span.clone();
                return Err(Diagnostic::error("unknown-key", title, span).help(help));
            }
            self.values.push((name.to_owned(), values(yaml, value)?));
        }
        Ok(())
    }
}

/// The texts of a scalar or of a list of scalars.
fn values(yaml: &Yaml, value: NodeId) -> Result<Vec<String>, Diagnostic> {
    let items = match &yaml.node(value).content {
        Content::List(items) => items.as_slice(),
        _ => std::slice::from_ref(&value),
    };
    let texts = items.iter().map(|&item| {
        let node = yaml.node(item);
        let text = node.text().filter(|_| !node.is_null());
        text.map(str::to_owned)
            .ok_or_else(|| Diagnostic::error("bad-value", "expected text", node.span.clone()))
    });
    texts.collect()
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot read the settings {}: {error}", path.display()))
}

fn shown(path: &Path, text: &str, diagnostic: &Diagnostic) -> String {
    let name = path.display().to_string();
    let diagnostics = std::slice::from_ref(diagnostic);
    let shown = compiler::render(diagnostics, &name, text, &Placement::identity(), false);
    format!("the settings cannot be used\n{shown}")
}
