//! The sample that the README replays is what `betrace generate` writes.

use std::fs;
use std::path::Path;

use crate::sandbox::{Sandbox, trace_files};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

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
