//! Patterns that name files: `*`, `?` and `[…]` within a name, `**` for any folders between. Names
//! are matched as they are shown, so one that is not UTF-8 is found like any other.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern, PatternError};

/// Hidden names are matched only by patterns that begin with a dot.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// A folder on the way that cannot be listed.
#[derive(Debug)]
pub(super) struct Unlisted {
    pub folder: PathBuf,
    pub error: io::Error,
}

/// The paths that `pattern` stands for, in the order of their names.
pub(super) fn matching(pattern: &str) -> Result<Vec<Result<PathBuf, Unlisted>>, PatternError> {
    Pattern::new(pattern)?;
    let (root, names) = match pattern.strip_prefix('/') {
        Some(names) => (PathBuf::from("/"), names),
        None => (PathBuf::new(), pattern),
    };
    let only_folders = names.ends_with('/');
    let names = names.split('/').filter(|name| !name.is_empty());
    let mut parts = names.map(Part::new).collect::<Result<Vec<_>, _>>()?;
    // The caller reads a folder with all that lies below it.
    while let Some(Part::Folders) = parts.last() {
        parts.pop();
    }
    let mut found = Vec::new();
    let mut open = vec![(root, 0)];
    // Links that meet in one folder over and over would multiply without end.
    let mut met = HashSet::new();
    while let Some((path, at)) = open.pop() {
        let children = match parts.get(at) {
            None if only_folders && !path.is_dir() => continue,
            None => {
                found.push(Ok(path));
                continue;
            }
            Some(Part::Literal(name)) => {
                let child = path.join(name);
                open.extend(fs::symlink_metadata(&child).is_ok().then_some((child, at + 1)));
                continue;
            }
            Some(Part::Name(name)) => {
                let matches = |child: &Path| name.matches_with(&file_name(child), OPTIONS);
                children(&path, matches).map(|children| (children, at + 1))
            }
            Some(Part::Folders) if !met.insert((path.canonicalize().ok(), at)) => continue,
            Some(Part::Folders) => {
                let inside = |child: &Path| !file_name(child).starts_with('.') && child.is_dir();
                children(&path, inside).map(|children| (children, at))
            }
        };
        let (children, next) = match children {
            Ok(children) => children,
            Err(error) => {
                found.push(Err(Unlisted { folder: path, error }));
                continue;
            }
        };
        open.extend(children.into_iter().rev().map(|child| (child, next)));
        if let Some(Part::Folders) = parts.get(at) {
            open.push((path, at + 1));
        }
    }
    Ok(found)
}

/// What stands between two `/` of a pattern.
enum Part {
    /// `**`: any number of folders, none too.
    Folders,
    Name(Pattern),
    Literal(String),
}

impl Part {
    fn new(text: &str) -> Result<Part, PatternError> {
        Ok(match text {
            "**" => Part::Folders,
            _ if text.contains(['*', '?', '[']) => Part::Name(Pattern::new(text)?),
            _ => Part::Literal(text.to_owned()),
        })
    }
}

/// What lies in a folder and is `wanted`, sorted; nothing in what is no folder.
fn children(folder: &Path, wanted: impl Fn(&Path) -> bool) -> io::Result<Vec<PathBuf>> {
    let here = folder.as_os_str().is_empty();
    let entries = match fs::read_dir(if here { Path::new(".") } else { folder }) {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut children = Vec::new();
    for entry in entries {
        let child = folder.join(entry?.file_name());
        if wanted(&child) {
            children.push(child);
        }
    }
    children.sort();
    Ok(children)
}

/// A file's name as it is shown: bytes that are not UTF-8 are replaced.
fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
