//! What the README and the manual show is what happens: their files are written and checked, their
//! commands run, and what they print is compared. `BLESS=1` writes what is printed anew.
//!
//! Each page has a folder of its own, with the sample and its settings as in the project's, the sample
//! again as `traces`, and what `manual/PAGE` holds. Of its blocks,
//!
//! - YAML is a file, named by a first line `# NAME`; rules must be right, and what is indented is a piece
//!   of a file that nobody reads;
//! - `betrace` holds rule texts, with blank lines between them, which must be right;
//! - text is commands behind `$ ` with what they print, and `exit CODE` unless that is 0;
//! - `sh` is commands that must end with 0, but for those that set a machine up.
//!
//! Commands in running text must be ones that the program knows.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::sandbox::{Sandbox, words};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What commands begin with that nobody runs in a test.
const SETUP: [&str; 4] = ["sudo ", "curl ", "cargo test", "cargo install"];

#[test]
fn commands_print_what_the_manual_says() {
    let mut pages = files(&Path::new(ROOT).join("docs"));
    pages.retain(|path| path.extension().is_some_and(|end| end == "md"));
    pages.push(Path::new(ROOT).join("README.md"));
    let bless = std::env::var_os("BLESS").is_some();
    let (mut commands, mut differences) = (0, String::new());
    for path in pages {
        let text = fs::read_to_string(&path).expect("a page");
        let mut page =
            Page { sandbox: sandbox(&path), name: path.display().to_string(), commands: 0 };
        let found = page.retold(&text);
        commands += page.commands;
        if bless && timeless(&found) != timeless(&text) {
            fs::write(&path, &found).expect("the page can be written");
        } else if timeless(&found) != timeless(&text) {
            differences += &difference(&page.name, &text, &found);
        }
    }
    assert!(differences.is_empty(), "if this is right, run with BLESS=1\n{differences}");
    assert!(commands >= 20, "the manual shows nothing");
}

/// A page of the manual, and the folder in which its commands run.
struct Page {
    sandbox: Sandbox,
    name: String,
    commands: usize,
}

impl Page {
    /// The page with what its commands print now.
    fn retold(&mut self, text: &str) -> String {
        let (mut retold, mut prose) = (String::new(), String::new());
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            retold += &format!("{line}\n");
            let Some(language) = line.strip_prefix("```") else {
                prose += &format!("{line}\n");
                continue;
            };
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            retold += &self.block(language, &block);
            retold += "```\n";
        }
        self.prose(&prose);
        retold
    }

    fn block(&mut self, language: &str, block: &[&str]) -> String {
        let mut text = block.iter().map(|line| format!("{line}\n")).collect::<String>();
        match language {
            "yaml" => self.file(block, &text),
            "betrace" => {
                for rule in text.split("\n\n") {
                    self.succeeds(&["explain", rule.trim()]);
                }
            }
            "sh" => block.iter().for_each(|line| self.line(line)),
            "text" if text.starts_with("$ ") => {
                let commands = block.iter().filter_map(|line| line.strip_prefix("$ "));
                let printed: Vec<String> = commands.map(|command| self.printed(command)).collect();
                self.commands += printed.len();
                text = printed.join("\n");
            }
            _ => {}
        }
        text
    }

    /// A file, of the name that it says or of none. Tests are run by commands, rules checked here.
    fn file(&self, block: &[&str], text: &str) {
        if text.starts_with(' ') {
            return;
        }
        let name = block.first().and_then(|line| line.strip_prefix("# ")).unwrap_or("unnamed.yaml");
        self.sandbox.write(name, text);
        if !name.ends_with(".test.yaml") {
            self.succeeds(&["check", name]);
        }
    }

    /// A command of a list that people are to type.
    fn line(&self, line: &str) {
        let command = line.split(" #").next().unwrap_or_default();
        if SETUP.iter().any(|setup| command.starts_with(setup)) {
            return;
        }
        let command = command.replace("cargo run --release -- ", "betrace ");
        let words = words(&command);
        assert_eq!(words[0], "betrace", "{}: {line}", self.name);
        self.succeeds(&words[1..].iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// A command, and what it prints.
    fn printed(&self, command: &str) -> String {
        let words = words(command);
        assert_eq!(words[0], "betrace", "{}: {command}", self.name);
        let outcome = self.sandbox.run(&words[1..].iter().map(String::as_str).collect::<Vec<_>>());
        let code = outcome.code.expect("a code");
        let exit = if code == 0 { String::new() } else { format!("exit {code}\n") };
        format!("$ {command}\n{}{}{exit}", outcome.out, outcome.err)
    }

    /// Commands in running text: with `--help` behind them they must be understood.
    fn prose(&self, prose: &str) {
        for code in prose.split('`').skip(1).step_by(2) {
            let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
            if let Some(command) = code.strip_prefix("betrace ") {
                let words = words(command);
                let args: Vec<&str> = words.iter().map(String::as_str).collect();
                self.succeeds(&[&args[..], &["--help"]].concat());
            }
        }
    }

    fn succeeds(&self, args: &[&str]) {
        let outcome = self.sandbox.run(args);
        assert_eq!(outcome.code, Some(0), "{}: betrace {args:?}\n{outcome:#?}", self.name);
    }
}

/// The folder of a page.
fn sandbox(page: &Path) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.environment.push(("BETRACE_THREADS", "2".to_owned()));
    sandbox.environment.push(("BETRACE_MEMORY", "4GiB".to_owned()));
    let own = Path::new(file!()).with_extension("").join(page.file_stem().expect("a name"));
    for (from, to) in [("betrace.yaml", ""), ("rules/omnicart.yaml", "rules/")] {
        let name = Path::new(from).file_name().expect("a name").display();
        let bytes = fs::read(Path::new(ROOT).join(from)).expect("a file");
        sandbox.write(&format!("{to}{name}"), bytes);
    }
    let sample = Path::new("examples/omnicart");
    for (folder, to) in [(sample, "examples/omnicart/"), (sample, "traces/"), (&own, "")] {
        for path in files(&Path::new(ROOT).join(folder)) {
            let name = path.file_name().expect("a name").display();
            sandbox.write(&format!("{to}{name}"), fs::read(&path).expect("a file"));
        }
    }
    sandbox
}

/// The files of a folder by name; none if there is no folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    paths
}

/// The text without how long it took.
fn timeless(text: &str) -> String {
    let seconds = Regex::new(r", in \d+\.\d\d s\.").expect("a pattern");
    seconds.replace_all(text, ".").into_owned()
}

/// The first lines in which two texts differ, and those after them.
fn difference(name: &str, old: &str, new: &str) -> String {
    let same = old.lines().zip(new.lines()).take_while(|(old, new)| old == new).count();
    let from = |text: &str| {
        let lines = text.lines().skip(same).take(30).map(|line| format!("  {line}\n"));
        lines.collect::<String>()
    };
    format!("{name}:{}: expected\n{}found\n{}", same + 1, from(old), from(new))
}
