//! `betrace config show`: what holds, and from where.

use std::ffi::OsString;
use std::io::Write;

use super::args::Common;
use super::console::Console;
use super::exit::{Exit, Failure};
use super::settings::{Flags, Origin, Settings};

/// Prints every setting with its origin, as lines that `betrace.yaml` would take.
pub fn show(common: &Common, console: &mut Console) -> Result<Exit, Failure> {
    let settings = Settings::load(common, &Flags::default())?;
    let paths = |paths: &[OsString]| {
        let shown: Vec<_> =
            paths.iter().map(|path| format!("{:?}", path.to_string_lossy())).collect();
        format!("[{}]", shown.join(", "))
    };
    let zone = settings.tz.value.iana_name().unwrap_or("UTC").to_owned();
    let lines: [(&str, String, &Origin); 9] = [
        ("rules", paths(&settings.rules.value), &settings.rules.origin),
        ("inputs", paths(&settings.inputs.value), &settings.inputs.origin),
        ("corpus", paths(&settings.corpus.value), &settings.corpus.origin),
        ("tz", zone, &settings.tz.origin),
        ("threads", settings.threads.value.to_string(), &settings.threads.origin),
        ("memory", settings.memory.value.to_string(), &settings.memory.origin),
        ("max_document", settings.max_document.value.to_string(), &settings.max_document.origin),
        ("engine", settings.engine.value.name().to_owned(), &settings.engine.origin),
        ("color", settings.color.value.clone(), &settings.color.origin),
    ];
    for (name, value, origin) in lines {
        writeln!(console.out, "{name}: {value}  # {origin}")?;
    }
    Ok(Exit::Clean)
}
