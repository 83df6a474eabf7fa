//! Transcripts: commands and what they print, in `golden/*.txt`.
//!
//! A line that begins with `$ ` is a command; what follows it, up to the next, is its standard
//! output, its standard error with `! ` before each line, and its exit code unless that is 0.
//! `BLESS=1` writes the files anew. A file's commands run in one folder, which begins as
//! `golden/files`.

use std::fs;
use std::path::Path;

use regex::Regex;

use crate::sandbox::{Sandbox, words};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/golden");

#[test]
fn transcripts_hold() {
    let entries = fs::read_dir(FOLDER).expect("the folder of transcripts");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = paths.filter(|path| path.is_file()).collect();
    files.sort();
    assert!(files.len() >= 5, "transcripts are missing");
    let bless = std::env::var_os("BLESS").is_some();
    let differences: String = files.iter().filter_map(|path| difference(path, bless)).collect();
    assert!(differences.is_empty(), "if this is right, run with BLESS=1\n{differences}");
}

#[test]
fn every_shell_gets_its_completions() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = sandbox.run(&["completions", shell]).expect_code(0).out;
        assert!(script.contains("betrace") && script.contains("group-by"), "{shell}");
    }
    sandbox.run(&["completions", "cmd"]).expect_code(2);
}

/// How a transcript differs from what it was; with `bless` it is written anew.
fn difference(path: &Path, bless: bool) -> Option<String> {
    let expected = fs::read_to_string(path).expect("a text file");
    let sandbox = sandbox();
    let commands = expected.lines().filter_map(|line| line.strip_prefix("$ "));
    let found = commands.map(|command| transcript(&sandbox, command)).collect::<Vec<_>>();
    let found = found.join("\n");
    if bless {
        fs::write(path, &found).expect("the file can be written");
    }
    let name = path.display();
    let shown = || format!("{name}: expected\n{expected}\n{name}: found\n{found}\n");
    (!bless && found != expected).then(shown)
}

fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::new();
    // What depends on the machine.
    sandbox.environment.push(("BETRACE_THREADS", "2".to_owned()));
    sandbox.environment.push(("BETRACE_MEMORY", "4GiB".to_owned()));
    for entry in fs::read_dir(format!("{FOLDER}/files")).expect("the folder of files") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        sandbox.write(name, fs::read(&path).expect("a file"));
    }
    sandbox.write("omnicart.yaml", fs::read(crate::sandbox::OMNICART).expect("the rules"));
    sandbox
}

fn transcript(sandbox: &Sandbox, command: &str) -> String {
    let words = words(command);
    let args: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    assert_eq!(words[0], "betrace", "{command}");
    let outcome = sandbox.run(&args);
    let mut text = format!("$ {command}\n{}", outcome.out);
    for line in outcome.err.lines() {
        text += &format!("! {line}\n");
    }
    match outcome.code {
        Some(0) => {}
        Some(code) => text += &format!("exit {code}\n"),
        None => panic!("{command} ended by a signal"),
    }
    let replaced = [
        (r"\([0-9a-f]{12}\)", "(COMMIT)"),
        (r"in \d+\.\d\d s\.", "in SECONDS s."),
        (r#""decoder": \{[^}]*\}"#, "\"decoder\": DECODER"),
        (r#""seconds": [0-9.e-]+"#, "\"seconds\": SECONDS"),
    ];
    replaced.iter().fold(text, |text, (pattern, name)| {
        Regex::new(pattern).expect("a pattern").replace_all(&text, *name).into_owned()
    })
}
