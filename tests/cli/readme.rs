//! What the README says of the sample is true.

use std::fs;
use std::path::Path;

use crate::sandbox::{Sandbox, trace_files};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_example_prints_what_is_printed() {
    let readme = fs::read_to_string(format!("{ROOT}/README.md")).expect("the README");
    let example = readme.split("```text\n$ ").nth(1).expect("an example");
    let (command, rest) = example.split_once('\n').expect("a command");
    let printed = rest.split("```").next().expect("its end");
    let sandbox = Sandbox::new();
    let run = |command: &str| {
        let args: Vec<_> = command.split(' ').skip(1).collect();
        let mut program = sandbox.command(env!("CARGO_BIN_EXE_betrace"), &args);
        let output = program.current_dir(ROOT).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        timeless(&String::from_utf8(output.stdout).expect("UTF-8"))
    };
    assert_eq!(run(command), timeless(printed));
    assert!(printed.lines().count() > 10);

    // The command of a fresh machine, without cargo, prints the same.
    let fresh = readme.split("cargo run --release -- ").nth(1).and_then(|text| text.lines().next());
    let fresh = format!("betrace {}", fresh.expect("a command for a fresh machine"));
    assert_eq!(run(&fresh), timeless(printed));
}

#[test]
fn the_sample_is_small_and_as_generated() {
    let sandbox = Sandbox::with_workload(1_800, 6, 7);
    let sample = Path::new(ROOT).join("examples/omnicart");
    let mut size = 0;
    let mut names = Vec::new();
    for entry in fs::read_dir(&sample).expect("the sample") {
        let entry = entry.expect("an entry");
        size += entry.metadata().expect("a file").len();
        names.push(entry.file_name().into_string().expect("UTF-8"));
    }
    assert!(size < 1_000_000, "{size} bytes");
    names.sort();
    let generated = trace_files(&sandbox);
    let expected: Vec<_> = generated
        .iter()
        .map(|path| format!("{}.zst", path.file_name().expect("a name").display()))
        .collect();
    assert_eq!(names, expected);
    for (name, path) in names.iter().zip(generated) {
        let file = fs::File::open(sample.join(name)).expect("it is there");
        let text = zstd::decode_all(file).expect("it is whole");
        assert!(text == fs::read(&path).expect("a file"), "{name} is not what is generated");
    }
}

/// The text without how long it took.
fn timeless(text: &str) -> String {
    let seconds = regex::Regex::new(r", in \d+\.\d\d s\.").expect("a pattern");
    seconds.replace_all(text, ".").into_owned()
}
