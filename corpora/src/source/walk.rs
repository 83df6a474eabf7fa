//! From what the user names (files, folders, patterns, `-`) to an ordered list of inputs, and a
//! reason for each thing that was found and not taken.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::{self, FileType};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::WalkDir;

use super::pattern::{Unlisted, matching};
use super::report::{Note, SourceReport, Why};

/// Endings of the files that are taken from a folder.
const TRACE_ENDINGS: [&str; 3] = [".json", ".jsonl", ".ndjson"];

/// Endings that may follow those.
const COMPRESSED_ENDINGS: [&str; 3] = [".gz", ".zst", ".zstd"];

/// Something to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its place among all that were named or found, from 0.
    pub order: usize,
    /// Its name for people; bytes that are not UTF-8 are replaced.
    pub name: Arc<str>,
    /// Where it is.
    pub origin: Origin,
    /// Its size on disk in bytes, where it has one.
    pub bytes: Option<u64>,
}

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A regular file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// The outcome of [`walk`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// What is to be read, in order.
    pub inputs: Vec<Input>,
    /// What was skipped or cannot be read; its other counts are zero.
    pub report: SourceReport,
    /// All that cannot be read; the report has the first of it.
    pub unread: Vec<Note>,
    /// Names and folders, beside the inputs, that were looked through and that nothing is wrong with.
    pub passed: BTreeSet<Arc<str>>,
}

impl Walk {
    /// Bytes on disk of all inputs together, which [`Options::progress`](super::Options::progress)
    /// counts up to; `None` if standard input is among them.
    pub fn total_bytes(&self) -> Option<u64> {
        self.inputs.iter().try_fold(0, |total: u64, input| Some(total.saturating_add(input.bytes?)))
    }
}

/// Finds the inputs that `named` stands for. Each is `-` for standard input, a file, which is read
/// whatever its name, a folder, or a pattern with `*`, `?`, `[…]` or `**` if no file has that very
/// name. In folders, also those below, files count whose names end in `.json`, `.jsonl` or
/// `.ndjson`, with or without `.gz`, `.zst` or `.zstd`; hidden ones are skipped. A name
/// that stands for no file at all is unread. A file to which two names lead is read once. Nothing is opened, so nothing can block.
pub fn walk<P: AsRef<OsStr>>(named: impl IntoIterator<Item = P>) -> Walk {
    let mut walker = Walker::default();
    for name in named {
        walker.named(name.as_ref());
    }
    let mut walk = walker.walk;
    let inputs = walk.inputs.iter().map(|input| &input.name);
    for name in inputs.chain(walk.unread.iter().map(|note| &note.input)) {
        walk.passed.remove(name);
    }
    walk
}

/// What a file is called that is not regular; `None` for one that is. Folders are not asked about.
pub(super) fn not_regular(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_fifo() {
        Some("a FIFO")
    } else if kind.is_socket() {
        Some("a socket")
    } else if kind.is_dir() {
        Some("a folder")
    } else {
        Some("a device")
    }
}

#[derive(Default)]
struct Walker {
    walk: Walk,
    order: usize,
    stdin: bool,
    /// Files and folders by their canonical path, with the name under which they were first met.
    seen: HashMap<PathBuf, Arc<str>>,
}

impl Walker {
    fn named(&mut self, name: &OsStr) {
        let path = Path::new(name);
        if name == "-" {
            return self.stdin();
        }
        self.walk.passed.insert(shown(path));
        match fs::symlink_metadata(path) {
            Ok(_) => {
                if !self.path(path) {
                    self.note(path, Why::NoTraceFile);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => match pattern(name) {
                Some(pattern) => self.pattern(pattern),
                None => self.note(path, Why::System(error.to_string())),
            },
            Err(error) => self.note(path, Why::System(error.to_string())),
        }
    }

    fn stdin(&mut self) {
        if self.stdin {
            return self.note(Path::new("-"), Why::Repeated("-".into()));
        }
        self.stdin = true;
        self.push("-".into(), Origin::Stdin, None);
    }

    fn pattern(&mut self, pattern: &str) {
        let paths = match matching(pattern) {
            Err(error) => return self.note(Path::new(pattern), Why::BadPattern(error.to_string())),
            Ok(paths) => paths,
        };
        let matched = !paths.is_empty();
        let mut found = false;
        for path in paths {
            found |= match path {
                Ok(path) => self.path(&path),
                Err(Unlisted { folder, error }) => {
                    self.note(&folder, Why::System(error.to_string()));
                    true
                }
            };
        }
        if !matched {
            self.note(Path::new(pattern), Why::NoMatch);
        } else if !found {
            self.note(Path::new(pattern), Why::NoTraceFile);
        }
    }

    /// A path that exists and was asked for by name. Says whether it stands for any file, be it one
    /// that was noted.
    fn path(&mut self, path: &Path) -> bool {
        match fs::metadata(path) {
            Err(error) => self.note(path, Why::System(error.to_string())),
            Ok(metadata) if metadata.is_dir() => return self.folder(path),
            Ok(metadata) => self.file(path, &metadata),
        }
        true
    }

    /// Says whether there is any trace file in the folder, be it one that was noted.
    fn folder(&mut self, folder: &Path) -> bool {
        let mut found = false;
        let mut entries = WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    found |= error.loop_ancestor().is_none();
                    self.walk_error(folder, &error);
                    continue;
                }
            };
            let path = entry.path();
            let is_folder = entry.file_type().is_dir();
            if entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".") {
                self.note(path, Why::Hidden);
                if is_folder {
                    entries.skip_current_dir();
                }
            } else if is_folder {
                // Links that meet in one folder over and over would multiply without end.
                if !self.first_time(path) {
                    found = true;
                    entries.skip_current_dir();
                }
                self.walk.passed.insert(shown(path));
            } else if not_regular(entry.file_type()).is_none() && !is_trace_name(entry.file_name())
            {
                self.note(path, Why::OtherName);
            } else {
                found = true;
                match entry.metadata() {
                    Ok(metadata) => self.file(path, &metadata),
                    Err(error) => self.walk_error(folder, &error),
                }
            }
        }
        found
    }

    fn walk_error(&mut self, folder: &Path, error: &walkdir::Error) {
        let why = match error.io_error() {
            _ if error.loop_ancestor().is_some() => Why::Loop,
            Some(system) => Why::System(system.to_string()),
            None => Why::System(error.to_string()),
        };
        self.note(error.path().unwrap_or(folder), why);
    }

    fn file(&mut self, path: &Path, metadata: &fs::Metadata) {
        if let Some(what) = not_regular(metadata.file_type()) {
            self.note(path, Why::NotRegular(what));
        } else if self.first_time(path) {
            self.push(shown(path), Origin::File(path.to_owned()), Some(metadata.len()));
        }
    }

    /// Remembers a path; notes it if it was met before or does not resolve.
    fn first_time(&mut self, path: &Path) -> bool {
        let why = match fs::canonicalize(path) {
            Err(error) => Why::System(error.to_string()),
            Ok(canonical) => match self.seen.get(&canonical) {
                Some(first) => Why::Repeated(Arc::clone(first)),
                None => {
                    self.seen.insert(canonical, shown(path));
                    return true;
                }
            },
        };
        self.note(path, why);
        false
    }

    fn push(&mut self, name: Arc<str>, origin: Origin, bytes: Option<u64>) {
        self.walk.inputs.push(Input { order: self.order, name, origin, bytes });
        self.order += 1;
    }

    fn note(&mut self, path: &Path, why: Why) {
        let note = Note { order: self.order, input: shown(path), why };
        if !note.why.is_skipped() {
            self.walk.unread.push(note.clone());
        }
        self.walk.report.note(note);
        self.order += 1;
    }
}

fn pattern(name: &OsStr) -> Option<&str> {
    name.to_str().filter(|name| name.contains(['*', '?', '[']))
}

fn is_trace_name(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_lowercase();
    let plain =
        COMPRESSED_ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    TRACE_ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

fn shown(path: &Path) -> Arc<str> {
    path.to_string_lossy().into()
}
