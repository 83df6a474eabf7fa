//! Files that earlier builds wrote stay readable for ever. Beside each stands what is in it.

use std::fs;
use std::path::Path;

use betrace_corpora::corpus::file::SegmentFile;

use super::support::dump;

#[test]
fn files_of_version_1_stay_readable() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/golden");
    let file = SegmentFile::open(&golden.join("v1.seg")).expect("it opens");
    file.verify().expect("it is whole");
    let expected = fs::read_to_string(golden.join("v1.txt")).expect("it is there");
    assert_eq!(dump(&file.segment(None)), expected);
}
