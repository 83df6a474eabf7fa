//! `betrace corpus export`: the traces of a corpus as lines of OTLP JSON.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::console::Console;
use super::exit::{Exit, Failure};
use super::table::plural;
use super::{corpus, json};
use crate::Snapshot;

/// Writes to standard output or to a file. Of a regular file there is all or what was there before; a
/// pipe or a device is written to as it is.
pub fn run(
    snapshot: &Snapshot,
    memory: u64,
    to: &Path,
    console: &mut Console,
) -> Result<Exit, Failure> {
    if to.as_os_str() == "-" {
        lines(snapshot, memory, &mut console.out)?;
        return Ok(corpus::newest(snapshot, console));
    }
    let failed = |error: io::Error| Failure::usage(format!("--to {}: {error}", to.display()));
    let target = target(to).map_err(failed)?;
    let traces = match &target {
        None => {
            let file = OpenOptions::new().write(true).create(true).truncate(true).open(to);
            whole(snapshot, memory, file.map_err(failed)?)?
        }
        Some(target) => {
            let (part, file) = beside(target).map_err(failed)?;
            let written = whole(snapshot, memory, file).and_then(|traces| {
                fs::rename(&part, target)?;
                Ok(traces)
            });
            written.inspect_err(|_| drop(fs::remove_file(&part)))?
        }
    };
    console.note(&format!("{} in {}", plural(traces, "trace"), to.display()));
    Ok(corpus::newest(snapshot, console))
}

/// The regular file that is to be replaced or made, behind all links; nothing where something else is
/// there, or a link that leads nowhere.
fn target(to: &Path) -> io::Result<Option<PathBuf>> {
    match fs::metadata(to) {
        Ok(there) if there.is_file() => fs::canonicalize(to).map(Some),
        Ok(_) => Ok(None),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Err(_) => Ok(fs::symlink_metadata(to).is_err().then(|| to.to_owned())),
    }
}

/// A new file beside the target, of a name that nothing has, and with the rights of what it replaces.
fn beside(target: &Path) -> io::Result<(PathBuf, File)> {
    for number in 0_u32.. {
        let mut name = target.as_os_str().to_owned();
        name.push(if number == 0 { ".part".to_owned() } else { format!(".part{number}") });
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Ok(file) => {
                if let Ok(there) = fs::metadata(target) {
                    file.set_permissions(there.permissions())?;
                }
                return Ok((name.into(), file));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Writes all lines to a file, and waits until they are there; how many.
fn whole(snapshot: &Snapshot, memory: u64, file: File) -> Result<u64, Failure> {
    let mut file = BufWriter::with_capacity(1 << 20, file);
    let traces = lines(snapshot, memory, &mut file)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    if file.metadata()?.is_file() {
        file.sync_all()?;
    }
    Ok(traces)
}

fn lines(snapshot: &Snapshot, memory: u64, out: &mut impl Write) -> Result<u64, Failure> {
    snapshot.export(memory, &mut |line| Ok(writeln!(out, "{}", json::harmless(line))?))
}
