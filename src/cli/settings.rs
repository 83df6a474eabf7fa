//! Settings: flag, then environment, then `betrace.yaml`, then default.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use rules::LIBRARY;

use super::args::Common;
use super::config_file::ConfigFile;
use super::exit::Failure;
use crate::EngineChoice;

/// A setting and where it comes from.
#[derive(Clone, Debug)]
pub struct Setting<T> {
    /// What holds.
    pub value: T,
    /// Who said so.
    pub origin: Origin,
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// An environment variable.
    Environment(String),
    /// A settings file.
    File(PathBuf),
    /// Nobody said anything.
    Default,
}

/// Values given on the command line, as text; empty where nothing was given.
#[derive(Debug, Default)]
pub struct Flags<'a> {
    pub rules: &'a [OsString],
    pub inputs: &'a [OsString],
    pub corpus: Option<&'a OsString>,
    pub tz: Option<&'a str>,
    pub threads: Option<&'a str>,
    pub memory: Option<&'a str>,
    pub max_document: Option<&'a str>,
    pub engine: Option<&'a str>,
}

/// Every setting.
#[derive(Debug)]
pub struct Settings {
    /// Rule files, folders and globs.
    pub rules: Setting<Vec<OsString>>,
    /// Trace files, folders and globs.
    pub inputs: Setting<Vec<OsString>>,
    /// The folder of the corpus; empty for none.
    pub corpus: Setting<Vec<OsString>>,
    /// The time zone of reports.
    pub tz: Setting<TimeZone>,
    /// Worker threads.
    pub threads: Setting<NonZeroUsize>,
    /// Bytes of memory to stop at.
    pub memory: Setting<u64>,
    /// Bytes of a document to refuse from.
    pub max_document: Setting<u64>,
    /// What runs the rules.
    pub engine: Setting<EngineChoice>,
    /// Whether to use color: `auto`, `always` or `never`.
    pub color: Setting<String>,
}

/// The names of the settings, as in `betrace.yaml`.
pub const NAMES: [&str; 9] =
    ["rules", "inputs", "corpus", "tz", "threads", "memory", "max_document", "engine", "color"];

impl Settings {
    /// Puts the settings together.
    ///
    /// # Errors
    /// A settings file or a value that is wrong: a usage failure that says which and where.
    pub fn load(common: &Common, flags: &Flags<'_>) -> Result<Self, Failure> {
        let file = ConfigFile::find(common.config.as_deref())?;
        let one = |name: &'static str, flag: Option<&str>| one(name, flag, &file);
        Ok(Self {
            rules: list("rules", flags.rules, &file),
            inputs: list("inputs", flags.inputs, &file),
            corpus: list("corpus", flags.corpus.map_or(&[], std::slice::from_ref), &file),
            tz: one("tz", flags.tz).parse(TimeZone::UTC, zone)?,
            threads: one("threads", flags.threads).parse(cores(), threads)?,
            memory: one("memory", flags.memory).parse(machine_memory() / 10 * 6, size)?,
            max_document: one("max_document", flags.max_document).parse(64 << 20, size)?,
            engine: one("engine", flags.engine).parse(EngineChoice::Auto, engine)?,
            color: one("color", common.color.as_deref()).parse("auto".to_owned(), color)?,
        })
    }
}

/// What was said of a setting, as text.
struct Said {
    name: &'static str,
    said: Option<(String, Origin)>,
}

impl Said {
    fn parse<T>(
        self,
        default: T,
        parse: fn(&str) -> Result<T, String>,
    ) -> Result<Setting<T>, Failure> {
        let Some((text, origin)) = self.said else {
            return Ok(Setting { value: default, origin: Origin::Default });
        };
        match parse(&text) {
            Ok(value) => Ok(Setting { value, origin }),
            Err(why) => Err(Failure::usage(format!(
                "{} is {text:?} ({origin}), but {why}",
                self.name.replace('_', "-")
            ))),
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag => f.write_str("from the command line"),
            Self::Environment(name) => write!(f, "from the environment, {name}"),
            Self::File(path) => write!(f, "from {}", path.display()),
            Self::Default => f.write_str("by default"),
        }
    }
}

fn variable(name: &str) -> String {
    format!("BETRACE_{}", name.to_uppercase())
}

fn one(name: &'static str, flag: Option<&str>, file: &ConfigFile) -> Said {
    let flag = flag.map(|text| (text.to_owned(), Origin::Flag));
    let environment = || {
        let variable = variable(name);
        let text = env::var(&variable).ok().filter(|text| !text.is_empty())?;
        Some((text, Origin::Environment(variable)))
    };
    let in_file = || Some((file.one(name)?.to_owned(), Origin::File(file.path.clone())));
    Said { name, said: flag.or_else(environment).or_else(in_file) }
}

fn list(name: &'static str, flags: &[OsString], file: &ConfigFile) -> Setting<Vec<OsString>> {
    if !flags.is_empty() {
        return Setting { value: flags.to_vec(), origin: Origin::Flag };
    }
    let variable = variable(name);
    if let Some(text) = env::var_os(&variable).filter(|text| !text.is_empty()) {
        let value = paths(&text);
        return Setting { value, origin: Origin::Environment(variable) };
    }
    match file.list(name) {
        Some(paths) => Setting { value: paths, origin: Origin::File(file.path.clone()) },
        None => Setting { value: Vec::new(), origin: Origin::Default },
    }
}

/// The paths of a variable. The colon that separates them also stands in names of rules of the library.
fn paths(text: &OsStr) -> Vec<OsString> {
    let mut paths: Vec<OsString> = Vec::new();
    for path in env::split_paths(text) {
        match paths.last_mut() {
            Some(last) if *last == *LIBRARY.trim_end_matches(':') => {
                last.push(":");
                last.push(path);
            }
            _ => paths.push(path.into_os_string()),
        }
    }
    paths
}

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name)
        .map_err(|_| "that is not a time zone such as Europe/Berlin or UTC".to_owned())
}

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let threads = text.parse().ok().filter(|threads: &NonZeroUsize| threads.get() <= 256);
    threads.ok_or_else(|| "it must be a number from 1 to 256".to_owned())
}

fn engine(text: &str) -> Result<EngineChoice, String> {
    EngineChoice::from_name(text)
        .ok_or_else(|| format!("the engines are {}", EngineChoice::NAMES.join(", ")))
}

fn color(text: &str) -> Result<String, String> {
    if matches!(text, "auto" | "always" | "never") {
        Ok(text.to_owned())
    } else {
        Err("it must be auto, always or never".to_owned())
    }
}

/// Bytes, with an optional unit.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit: u64 = match text[digits..].trim() {
        "" | "B" => 1,
        "K" | "KiB" => 1 << 10,
        "kB" | "KB" => 1_000,
        "M" | "MiB" => 1 << 20,
        "MB" => 1_000_000,
        "G" | "GiB" => 1 << 30,
        "GB" => 1_000_000_000,
        _ => 0,
    };
    let bytes = text[..digits].parse::<f64>().ok().map(|number| number * unit as f64);
    match bytes {
        Some(bytes) if bytes >= 1.0 => Ok(bytes as u64),
        _ => Err("it must be a size such as 512MiB or 8GB".to_owned()),
    }
}

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Bytes of memory that this process may use at most: the machine's, or its control group's.
fn machine_memory() -> u64 {
    let number = |path: &str, field: &str| {
        let text = fs::read_to_string(path).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(field))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let machine = number("/proc/meminfo", "MemTotal:").map(|kibibytes| kibibytes << 10);
    let group = number("/sys/fs/cgroup/memory.max", "");
    [machine, group].into_iter().flatten().min().unwrap_or(8 << 30)
}

/// Whether `path` is standard input.
pub fn is_stdin(path: &OsStr) -> bool {
    path == Path::new("-")
}
