//! Files of segments that are cut while they are mapped, or open. A process of its own, since the handler of
//! SIGBUS is the whole process's.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicU64;

use betrace_corpora::corpus::file::{SegmentFile, write};
use betrace_corpora::corpus::{Folder, generate, guard_maps};
use betrace_corpora::generate::Workload;
use ir::Segment;
use ir::segment::{Buffer, Column, Narrow, Traces};
use tempfile::TempDir;

/// Set for the process that is to die.
const DIE: &str = "BETRACE_TEST_FOREIGN_FAULT";

fn segment_file(folder: &TempDir) -> PathBuf {
    let corpus = Folder::new(folder.path().join("corpus"));
    let writer = corpus.write().expect("the folder is free");
    generate(writer, &Workload::new(3000, 3, 5), &AtomicU64::new(0)).expect("there is room");
    let number = corpus.read().expect("it was written").manifest.segments[0].number;
    corpus.segment(number)
}

/// Looks at everything.
fn sum(segment: &Segment) -> u64 {
    let tables = (0..segment.tables.len()).map(|number| segment.tables.get(number));
    let rows: u64 = tables
        .map(|table| {
            let ids = table.id.iter().fold(0_u64, |sum, id| sum.wrapping_add(*id));
            table.trace.iter().fold(ids, |sum, trace| sum.wrapping_add((*trace).into()))
        })
        .fold(0, u64::wrapping_add);
    let traces = segment.traces.start.iter().fold(rows, |sum, start| sum.wrapping_add(*start));
    (0..segment.len())
        .fold(traces, |sum, trace| sum.wrapping_add(segment.spans_of(trace).len() as u64))
}

fn cut(path: &Path, length: u64) {
    let file = OpenOptions::new().write(true).open(path).expect("it may be written");
    file.set_len(length).expect("it may be cut");
}

#[test]
fn a_file_that_is_cut_while_it_is_open_is_a_fault_that_names_it() {
    guard_maps().expect("a handler may be installed");
    guard_maps().expect("and asked for again");
    let folder = tempfile::tempdir().expect("there is room");
    let whole = fs::read(segment_file(&folder)).expect("it was written");
    let length = whole.len() as u64;
    let ends = (0..15).map(|part| length * part / 15).chain([1, 4095, 4096, length - 1]);
    for (number, end) in ends.enumerate() {
        for looked_at in [false, true] {
            let path = folder.path().join(format!("{number}-{looked_at}.seg"));
            fs::write(&path, &whole).expect("there is room");
            let file = SegmentFile::open(&path).expect("it is sound");
            let segment = file.segment(None);
            if looked_at {
                sum(&segment);
                segment.sound().expect("nothing happened yet");
            }
            cut(&path, end);
            sum(&segment);
            let verified = file.verify();
            let fault = segment.sound().expect_err("it was cut").to_string();
            assert!(fault.starts_with(&path.display().to_string()), "{fault}");
            assert!(verified.is_err(), "{end} of {length} bytes");
        }
    }
}

/// Large columns are mapped, small ones read: here one is, or what was cut would not read as zeros.
#[test]
fn a_large_column_that_is_cut_under_its_map_reads_as_zeros_and_is_a_fault() {
    const TRACES: usize = 400_000;
    guard_maps().expect("a handler may be installed");
    let traces = Traces {
        id: Buffer::collect((0..TRACES).map(|trace| trace as u128 + 1)),
        start: Buffer::zeroed(TRACES),
        end: Buffer::zeroed(TRACES),
        spans: Narrow::U8(Buffer::zeroed(TRACES)),
        root_name: Some(Column::EMPTY),
        root_service: Some(Column::EMPTY),
        flags: Buffer::zeroed(TRACES),
    };
    let mut bytes = Vec::new();
    write(&Segment { traces, ..Segment::default() }, &mut bytes).expect("it is whole");
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("a.seg");
    fs::write(&path, bytes).expect("there is room");
    let segment = SegmentFile::open(&path).expect("it is sound").segment(None);
    assert_eq!(segment.traces.id[TRACES - 1], TRACES as u128);
    segment.sound().expect("nothing happened yet");
    cut(&path, 4096);
    assert_eq!(segment.traces.id[TRACES - 1], 0);
    assert!(segment.sound().is_err());
}

#[test]
fn a_file_that_is_cut_and_filled_again_is_noticed() {
    guard_maps().expect("a handler may be installed");
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("a.seg");
    fs::copy(segment_file(&folder), &path).expect("there is room");
    let mut permissions = fs::metadata(&path).expect("it is there").permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "it is the test's own file")]
    permissions.set_readonly(false);
    fs::set_permissions(&path, permissions).expect("it is the test's own file");
    let segment = SegmentFile::open(&path).expect("it is sound").segment(None);
    let length = fs::metadata(&path).expect("it is there").len();
    cut(&path, 100);
    cut(&path, length);
    assert!(segment.sound().is_err());
}

#[test]
fn another_bus_error_ends_the_process_as_ever() {
    if env::var_os(DIE).is_some() {
        guard_maps().expect("a handler may be installed");
        read_beyond_a_foreign_file();
    }
    let own = env::current_exe().expect("the test is a file");
    let test = "another_bus_error_ends_the_process_as_ever";
    let child = Command::new(own).args(["--exact", test]).env(DIE, "1").output();
    let status = child.expect("it starts").status;
    assert_eq!(status.signal(), Some(libc::SIGBUS), "{status}");
}

#[expect(unsafe_code, reason = "safe code cannot read what is not there")]
fn read_beyond_a_foreign_file() -> ! {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("foreign");
    fs::write(&path, [1; 8192]).expect("there is room");
    let file = File::open(&path).expect("it was written");
    // SAFETY: the map is read to raise a signal, which ends the process.
    let map = unsafe { memmap2::Mmap::map(&file) }.expect("it can be mapped");
    cut(&path, 0);
    panic!("{} could be read", map[4096]);
}
