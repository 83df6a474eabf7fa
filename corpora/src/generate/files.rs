//! A workload as a folder: one file a day, and the truth beside them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::clock::Calendar;
use super::exporter::Exporter;
use super::output::Lines;
use super::{Error, Truth, Workload, exporters_chance, play};

/// Name of the file that holds the ground truth ([`Truth::to_json`]). Hidden, so that a replay of the folder
/// passes it by.
pub const TRUTH_FILE: &str = ".truth.json";

/// Writes a workload into a folder, which is made if need be: `omnicart-YYYY-MM-DD.jsonl` for each day on which
/// something was written, and [`TRUTH_FILE`]. A span that comes late after midnight stands in the next day's file.
/// `progress` is told now and then how many traces are done.
///
/// # Errors
///
/// [`Error::Days`]; [`Error::Occupied`] if the folder holds `omnicart-*.jsonl` files; [`Error::File`] if something
/// cannot be written, in which case the folder holds a part of the workload and no truth.
pub fn write(
    workload: &Workload,
    folder: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<Truth, Error> {
    let calendar = Calendar::new(workload)?;
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| Error::File { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    refuse_occupied(folder)?;
    let mut files = Files { folder, path: folder.to_path_buf(), open: None };
    let mut sink = |moment, line: &[u8]| {
        let day = calendar.file_of(moment);
        files.write(day, || calendar.date(day), line)
    };
    let mut output = Lines::new(Exporter::new(exporters_chance(workload)), &mut sink);
    let truth = match play(workload, &calendar, progress, &mut output) {
        Ok(truth) => truth,
        Err(source) => return Err(Error::File { path: files.path, source }),
    };
    files.finish().map_err(failed(&files.path))?;
    let path = folder.join(TRUTH_FILE);
    fs::write(&path, truth.to_json()).map_err(failed(&path))?;
    Ok(truth)
}

fn refuse_occupied(folder: &Path) -> Result<(), Error> {
    let failed = |source| Error::File { path: folder.to_path_buf(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("omnicart-") && name.ends_with(".jsonl") {
            return Err(Error::Occupied { path });
        }
    }
    Ok(())
}

/// The file of the day under way.
struct Files<'a> {
    folder: &'a Path,
    /// What was last worked on, for errors.
    path: PathBuf,
    open: Option<(u32, BufWriter<File>)>,
}

impl Files<'_> {
    fn write(&mut self, day: u32, date: impl FnOnce() -> String, line: &[u8]) -> io::Result<()> {
        let file = match &mut self.open {
            Some((open, file)) if *open == day => file,
            _ => {
                self.finish()?;
                self.path = self.folder.join(format!("omnicart-{}.jsonl", date()));
                let file = BufWriter::with_capacity(1 << 20, File::create(&self.path)?);
                &mut self.open.insert((day, file)).1
            }
        };
        file.write_all(line)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.open.as_mut().map_or(Ok(()), |(_, file)| file.flush())
    }
}
