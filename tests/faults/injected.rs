//! The writer of a corpus, killed and refused by the system at every call it makes: afterwards the
//! corpus is the old one or the new one, the same command again makes it the new one, and nothing
//! counts twice. `fuzz/faults` runs the long form, which ends with a table.
//!
//! Faults are injected by strace; without it, this says so and tries none.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use betrace::Program;
use tempfile::TempDir;

use crate::support::{Answer, answer, betrace, generation, ingest, inputs, program, verify};

/// Calls by which a writer changes what is on disk, or asks for what it needs to.
const CALLS: [&str; 16] = [
    "openat",
    "read",
    "pread64",
    "write",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "fchmod",
    "mkdir",
    "ftruncate",
    "flock",
];

/// What the system may answer, as strace has it, to which of these calls.
const REFUSALS: [(&str, &str, &[&str]); 5] = [
    ("no space", "error=ENOSPC", &["openat", "write", "fsync", "link", "linkat", "mkdir"]),
    ("input/output error", "error=EIO", &CALLS),
    ("short write", "retval=1", &["write"]),
    ("interrupted", "error=EINTR", &["openat", "read", "pread64", "write", "flock"]),
    ("too many files", "error=EMFILE", &["openat"]),
];

/// A corpus of some inputs, and a command that changes it.
struct Bench {
    /// Arguments of the command, but for the corpus.
    args: &'static [&'static str],
    folder: TempDir,
    program: Program,
    old: Answer,
    new: Answer,
    /// Of the old corpus; commits count up from it.
    generation: u64,
    /// How often the command makes each call.
    calls: BTreeMap<&'static str, usize>,
    /// How long the command lasted the last time: other work makes it last longer.
    lasts: Cell<Duration>,
}

/// How often what was tried, and which corpus was found.
#[derive(Debug, Default)]
struct Row {
    tried: usize,
    old: usize,
    new: usize,
    wrong: Vec<String>,
}

#[test]
fn an_ingest_may_be_killed_or_refused_anything() {
    run("ingest", 1, &["ingest", "1.jsonl", "--threads", "2"]);
}

#[test]
fn a_compaction_may_be_killed_or_refused_anything() {
    run("compact", 2, &["corpus", "compact"]);
}

#[test]
fn pruning_may_be_killed_or_refused_anything() {
    // A date, since days are counted from the first trace that is still there.
    run("prune", 2, &["corpus", "prune", "--before", "2024-10-28"]);
}

#[test]
fn an_erasure_may_be_killed_or_refused_anything() {
    run("erase", 2, &["corpus", "erase", "db.system.name=qdrant"]);
}

/// Tries all faults on a command, given a corpus of so many inputs.
#[expect(clippy::print_stdout, reason = "says that nothing was tried")]
fn run(command: &str, inputs: usize, args: &'static [&'static str]) {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("strace is not installed: no fault was tried");
        return;
    }
    let long = std::env::var_os("BETRACE_FAULTS").is_some();
    let bench = Bench::new(inputs, args);
    let mut table: Vec<(String, Row)> = Vec::new();
    for (&call, &count) in &bench.calls {
        let mut row = Row::default();
        for at in tries(count, long) {
            bench.inject(&mut row, call, &format!("signal=KILL:when={at}"));
        }
        table.push((format!("killed at {call}"), row));
    }
    for (what, fault, calls) in REFUSALS {
        for (&call, &count) in bench.calls.iter().filter(|(call, _)| calls.contains(call)) {
            let mut row = Row::default();
            for at in tries(count, long) {
                // Once, and from then on, as with a disk that stays full.
                bench.inject(&mut row, call, &format!("{fault}:when={at}"));
                if long && fault.starts_with("error=E") && what != "interrupted" {
                    bench.inject(&mut row, call, &format!("{fault}:when={at}+"));
                }
            }
            table.push((format!("{what} at {call}"), row));
        }
    }
    table.push(("killed at a random moment".to_owned(), bench.kill(if long { 200 } else { 6 })));
    table.push(("file size limit".to_owned(), bench.limit_size(if long { 32 } else { 4 })));
    print(command, &table);
    let wrong: Vec<&String> = table.iter().flat_map(|(_, row)| &row.wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let found = |of: fn(&Row) -> usize| table.iter().any(|(_, row)| of(row) > 0);
    assert!(found(|row| row.old) && found(|row| row.new), "faults come too early or too late");
}

/// Which of the calls are tried: all, or a few.
fn tries(count: usize, long: bool) -> Vec<usize> {
    let step = if long { 1 } else { count.div_ceil(2).max(1) };
    (1..=count).rev().step_by(step).collect()
}

#[expect(clippy::print_stdout, reason = "the table is what the long form is for")]
fn print(command: &str, table: &[(String, Row)]) {
    println!("\n{command:<34} {:>6} {:>6} {:>6} {:>6}", "tried", "old", "new", "wrong");
    for (fault, Row { tried, old, new, wrong }) in table {
        println!("{fault:<34} {tried:>6} {old:>6} {new:>6} {:>6}", wrong.len());
    }
    let sum = |of: fn(&Row) -> usize| table.iter().map(|(_, row)| of(row)).sum::<usize>();
    let (old, new) = (sum(|row| row.old), sum(|row| row.new));
    println!(
        "{:<34} {:>6} {old:>6} {new:>6} {:>6}",
        "all",
        sum(|row| row.tried),
        sum(|row| row.wrong.len())
    );
}

impl Bench {
    fn new(count: usize, args: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let program = program();
        // Most traces are in both inputs, so they are split.
        let inputs = inputs(folder.path(), 120, 2);
        let corpus = folder.path().join("old");
        for input in &inputs[..count] {
            ingest(&corpus, input).expect("nothing is injected here");
        }
        let old = answer(&program, &corpus).expect("it was written");
        let new = Answer { rules: Vec::new(), counts: [0; 3], unread: 0 };
        let (calls, lasts) = (BTreeMap::new(), Cell::default());
        let generation = generation(&corpus);
        let mut bench = Self { args, folder, program, old, new, generation, calls, lasts };
        bench.measure();
        bench.new = answer(&bench.program, &bench.path("corpus")).expect("it was written");
        bench
    }

    /// Counts the calls of the command, and how long it lasts.
    fn measure(&mut self) {
        copy(&self.path("old"), &self.path("corpus"));
        let log = self.path("strace.log");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o"]).arg(&log);
        strace.arg(format!("-etrace={}", CALLS.map(|call| format!("?{call}")).join(",")));
        let status = self.status(strace.arg(env!("CARGO_BIN_EXE_betrace")));
        assert!(status.success(), "{:?} under strace: {status}", self.args);
        let log = fs::read_to_string(log).expect("strace wrote it");
        for call in CALLS {
            let count = log.lines().filter(|line| line.contains(&format!(" {call}("))).count();
            if count > 0 {
                self.calls.insert(call, count);
            }
        }
        copy(&self.path("old"), &self.path("corpus"));
        let started = Instant::now();
        assert!(self.status(&mut betrace()).success());
        self.lasts.set(started.elapsed());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program or what runs it, with the arguments.
    fn complete<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.args(self.args).arg("--corpus").arg(self.path("corpus"));
        command.current_dir(self.folder.path()).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
    }

    fn status(&self, command: &mut Command) -> ExitStatus {
        self.complete(command).status().expect("it starts")
    }

    /// The command with a fault.
    fn inject(&self, row: &mut Row, call: &str, fault: &str) {
        copy(&self.path("old"), &self.path("corpus"));
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", &format!("-etrace={call}")]);
        strace.arg(format!("-einject={call}:{fault}")).arg(env!("CARGO_BIN_EXE_betrace"));
        let status = self.status(&mut strace);
        self.check(row, &format!("{call}:{fault}"), status);
    }

    /// Commands that are killed at moments of their life.
    fn kill(&self, times: u32) -> Row {
        let mut row = Row::default();
        for time in 0..times {
            copy(&self.path("old"), &self.path("corpus"));
            let mut command = betrace();
            let mut child = self.complete(&mut command).spawn().expect("it starts");
            let moment = self.lasts.get() * (time * 131 % 199) / 199;
            sleep(moment);
            // It may have ended already.
            let _ = child.kill();
            let status = child.wait().expect("it ends");
            self.check(&mut row, &format!("killed after {moment:?}"), status);
        }
        row
    }

    /// Commands whose files may not grow beyond some size: writes are really cut short there.
    fn limit_size(&self, times: u64) -> Row {
        let mut row = Row::default();
        for time in 0..times {
            copy(&self.path("old"), &self.path("corpus"));
            let kib = time * 8;
            let mut shell = Command::new("bash");
            let limit = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"");
            shell.args(["-c", &limit, env!("CARGO_BIN_EXE_betrace")]);
            let status = self.status(&mut shell);
            self.check(&mut row, &format!("files of at most {kib} KiB"), status);
        }
        row
    }

    /// Holds the corpus that a fault left against what may be there.
    fn check(&self, row: &mut Row, fault: &str, status: ExitStatus) {
        row.tried += 1;
        let corpus = self.path("corpus");
        let mut wrong = |what: String| row.wrong.push(format!("{fault} ({status}): {what}"));
        match answer(&self.program, &corpus) {
            Err(error) => wrong(format!("it cannot be read: {error}")),
            Ok(answer) if answer == self.new && generation(&corpus) > self.generation => {
                row.new += 1;
            }
            Ok(answer) if is_old(&answer, &self.old, status) => {
                row.old += 1;
                if status.success() {
                    wrong("it was called a success".to_owned());
                }
            }
            Ok(answer) => wrong(format!("neither old nor new: {:?}", answer.counts)),
        }
        verify(&corpus).into_iter().for_each(&mut wrong);
        if status.code() == Some(101) || status.signal().is_some_and(|signal| signal != 9) {
            wrong("the program broke off".to_owned());
        }
        let mut again = betrace();
        let started = Instant::now();
        let again = self.complete(&mut again).stderr(Stdio::piped()).output().expect("it starts");
        self.lasts.set(started.elapsed());
        if !again.status.success() {
            let said = String::from_utf8_lossy(&again.stderr);
            wrong(format!("the next time: {}: {said}", again.status));
        }
        match answer(&self.program, &corpus) {
            Ok(answer) if answer == self.new => {}
            other => wrong(format!("after the next time: {:?}", other.map(|own| own.counts))),
        }
        verify(&corpus).into_iter().for_each(wrong);
    }
}

/// Whether an answer is the old one, or says beside it that the input could not be read, as the
/// program did.
fn is_old(answer: &Answer, old: &Answer, status: ExitStatus) -> bool {
    let named = answer.unread == 1 && status.code() == Some(3);
    answer.rules == old.rules && answer.counts == old.counts && (answer.unread == 0 || named)
}

/// Makes `to` a copy of the corpus `from`.
fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    for folder in ["", "segments"] {
        fs::create_dir_all(to.join(folder)).expect("there is room");
        for entry in fs::read_dir(from.join(folder)).expect("it was written") {
            let path = entry.expect("it can be listed").path();
            if path.is_file() {
                let name = path.file_name().expect("it is a file");
                fs::copy(&path, to.join(folder).join(name)).expect("there is room");
            }
        }
    }
}
