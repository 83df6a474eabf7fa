//! Which room of the house may import which, and that only the command line prints and reads the
//! environment.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Every member of the workspace and what it may import of ours, tests included. `fuzz` is a
/// harness, not a room.
const MAY_IMPORT: [(&str, &[&str]); 6] = [
    ("ir", &[]),
    ("compiler", &["ir"]),
    ("corpora", &["ir"]),
    ("runtime", &["ir"]),
    ("rules", &["ir", "compiler"]),
    ("fuzz", &["ir", "compiler", "corpora", "runtime", "rules", "betrace"]),
];

/// What prints, or reads arguments or the environment.
const RESERVED: [&str; 11] = [
    "print!(",
    "println!(",
    "eprint!(",
    "eprintln!(",
    "dbg!(",
    "stdout(",
    "stderr(",
    "env::var",
    "env::args",
    "env::set_var",
    "env::current_dir",
];

#[test]
fn rooms_import_only_what_they_may() {
    let manifest = read(&root().join("Cargo.toml"));
    let members = manifest.lines().find_map(|line| line.strip_prefix("members = ")).unwrap();
    let members: Vec<&str> = members.split('"').skip(1).step_by(2).collect();
    let allowed = BTreeMap::from(MAY_IMPORT);
    assert_eq!(members.len(), allowed.len(), "a member without import rules: {members:?}");
    for member in members {
        let allowed = allowed.get(member).unwrap_or_else(|| panic!("{member} has no import rules"));
        for import in ours(&read(&root().join(member).join("Cargo.toml"))) {
            assert!(allowed.contains(&import.as_str()), "{member} must not import {import}");
        }
    }
}

#[test]
fn forbidden_imports_are_seen_in_every_spelling() {
    let manifest = "[package]\nname = \"betrace-runtime\"\n[dependencies]\nserde = \"1\"\n\
        compiler.workspace = true\n[dev-dependencies]\nstore = { path = \"../corpora\" }\n\
        [target.'cfg(unix)'.dependencies]\nlaw = { package = \"betrace-rules\", version = \"0\" }\n\
        [dependencies.betrace-ir]\npath = \"../ir\"\n[features]\nbetrace = []\n";
    assert_eq!(ours(manifest), ["compiler", "corpora", "rules", "ir"]);
}

#[test]
fn only_the_command_line_prints_and_reads_the_environment() {
    let rooms = ["ir", "compiler", "corpora", "runtime", "rules"];
    let sources =
        rooms.iter().map(|room| root().join(room).join("src")).chain([root().join("src")]);
    let cli = root().join("src/cli");
    let mut in_cli = 0;
    let is_test = |file: &Path| file.iter().any(|part| part == "tests" || part == "tests.rs");
    let files = sources.flat_map(|folder| {
        let files = rust_files(&folder).into_iter();
        files.filter(move |file| !is_test(file.strip_prefix(&folder).unwrap()))
    });
    for file in files {
        for (number, found) in reserved(&read(&file)) {
            in_cli += usize::from(file.starts_with(&cli));
            assert!(file.starts_with(&cli), "{}:{number} uses {found}", file.display());
        }
    }
    assert!(in_cli > 0, "the command line prints nothing: this test is blind");
}

/// Our packages among the dependencies of a manifest, in order.
fn ours(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut of_dependencies = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            of_dependencies = section.ends_with("dependencies");
            found.extend(section.split_once("dependencies.").and_then(|(_, name)| our_name(name)));
        } else if of_dependencies && !line.starts_with('#') {
            let name = line.split(['.', ' ', '=']).next().and_then(our_name);
            let quoted = || line.split('"').skip(1).step_by(2).find_map(our_name);
            found.extend(name.or_else(quoted));
        }
    }
    found
}

/// The room that a dependency's key, package name or path means.
fn our_name(text: &str) -> Option<String> {
    let name = text.trim_start_matches("../").trim_start_matches("betrace-");
    let rooms = MAY_IMPORT.iter().map(|(room, _)| *room).chain(["betrace"]);
    rooms.filter(|room| *room == name).map(str::to_owned).next()
}

/// Lines of a source, before its tests, that use something reserved.
fn reserved(source: &str) -> Vec<(usize, &'static str)> {
    let code = source.split("\nmod tests {").next().unwrap_or_default();
    let mut found = Vec::new();
    for (line, number) in code.lines().zip(1..) {
        let line = line.split("//").next().unwrap_or_default();
        let used = RESERVED.into_iter().find(|name| line.contains(name));
        found.extend(used.map(|name| (number, name)));
    }
    found
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
