//! A folder of its own for a test, the program run in it, and small trace data to feed it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// The rules whose violations `betrace generate` counts.
pub const OMNICART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/omnicart.yaml");

/// 26 October 2024, 00:00 UTC, in nanoseconds since 1970.
pub const DAY_1: u64 = 1_729_900_800_000_000_000;
/// Nanoseconds of an hour.
pub const HOUR: u64 = 3_600_000_000_000;

/// A temporary folder, and the program run in it.
pub struct Sandbox {
    folder: tempfile::TempDir,
    /// Variables of the environment beside those that every run has.
    pub environment: Vec<(&'static str, String)>,
}

/// What the program printed and ended with.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Sandbox {
    /// An empty folder.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), environment: Vec::new() }
    }

    /// A folder with a generated workload in `data`.
    pub fn with_workload(traces: u32, days: u32, seed: u32) -> Self {
        let sandbox = Self::new();
        let [traces, days, seed] = [traces, days, seed].map(|number| number.to_string());
        let args = ["generate", "data", "--traces", &traces, "--days", &days, "--seed", &seed];
        sandbox.run(&args).expect_code(0);
        sandbox
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        let parent = path.parent().expect("a path in a folder has a parent");
        fs::create_dir_all(parent).expect("a folder can be made");
        fs::write(path, content).expect("a file can be written");
    }

    /// The text of a file.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a text file")
    }

    /// Runs `betrace`.
    pub fn run(&self, args: &[&str]) -> Outcome {
        self.run_with_input(args, b"")
    }

    /// Runs `betrace` with something on standard input.
    pub fn run_with_input(&self, args: &[&str], input: &[u8]) -> Outcome {
        let mut command = self.command(env!("CARGO_BIN_EXE_betrace"), args);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("standard input is piped");
        // A program that ends without reading it is no failure of the test.
        let writer = std::thread::spawn({
            let input = input.to_vec();
            move || drop(stdin.write_all(&input))
        });
        let output = child.wait_with_output().expect("the program ends");
        writer.join().expect("the writer ends");
        let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
        let (out, err) = (text(output.stdout), text(output.stderr));
        Outcome { code: output.status.code(), out, err }
    }

    /// The program `program` with nothing of the tester's own settings, its streams piped.
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.folder.path()).env_clear();
        command.env("HOME", self.path("home")).env("XDG_CONFIG_HOME", self.path("home/config"));
        command.envs(self.environment.iter().map(|(name, value)| (*name, value.as_str())));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Replays and gives the JSON report.
    pub fn json(&self, args: &[&str]) -> Value {
        let outcome = self.run(&[&["replay", "--format", "json"], args].concat());
        serde_json::from_str(&outcome.out)
            .unwrap_or_else(|error| panic!("{args:?}: {error}\n{outcome:?}"))
    }
}

impl Outcome {
    /// Fails unless the program ended with this code; shows what it printed.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(!self.err.contains("panicked"), "{self:#?}");
        self
    }
}

/// The paths of the workload's trace files, in the order of their names.
pub fn trace_files(sandbox: &Sandbox) -> Vec<PathBuf> {
    let entries = fs::read_dir(sandbox.path("data")).expect("a workload");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    files.sort();
    files
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

/// A line of one span, as the file exporter writes it, with a newline.
pub fn line(trace: u64, span: u64, name: &str, start: u64, attributes: &Value) -> String {
    let attributes: Vec<_> = attributes
        .as_object()
        .expect("attributes are a map")
        .iter()
        .map(|(key, value)| json!({"key": key, "value": any_value(value)}))
        .collect();
    let span = json!({
        "traceId": format!("{trace:032x}"), "spanId": format!("{span:016x}"), "name": name, "kind": 1,
        "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 1_000).to_string(),
        "attributes": attributes,
    });
    let document = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
    format!("{document}\n")
}

fn any_value(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::Bool(value) => json!({"boolValue": value}),
        Value::String(text) => json!({"stringValue": text}),
        _ => panic!("{value} has no place in these tests"),
    }
}

/// The words of a command, as a shell takes them: single quotes keep spaces.
pub fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (number, part) in command.split('\'').enumerate() {
        if number % 2 == 1 {
            words.last_mut().expect("there is always a word").push_str(part);
            continue;
        }
        for (at, piece) in part.split(' ').enumerate() {
            if at > 0 {
                words.push(String::new());
            }
            words.last_mut().expect("there is always a word").push_str(piece);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
