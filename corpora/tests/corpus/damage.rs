//! Files that were cut, changed or never ours.

use ir::segment::{Buffer, Table};
use ir::{Mask, Segment};

use super::odd;
use super::support::{dump, generated, opened, written};

/// A file, and where its body ends.
fn small() -> (Vec<u8>, usize) {
    let file = written(&generated(6, 3));
    let trailer = file.len() - 64;
    let footer = u64::from_le_bytes(file[trailer..trailer + 8].try_into().expect("8 bytes"));
    (file, footer as usize)
}

fn error(file: &[u8]) -> String {
    opened(file).expect_err("it is refused").to_string()
}

#[test]
fn every_prefix_is_refused_and_named() {
    let (mut file, _) = small();
    for len in 0..file.len() {
        let error = error(&file[..len]);
        assert!(error.starts_with("a.seg: "), "{error}");
    }
    file.push(0);
    assert!(error(&file).contains("does not end as it was written"));
}

#[test]
fn what_is_not_ours_is_refused() {
    let (file, _) = small();
    let changed = |at: usize, byte: u8| {
        let mut file = file.clone();
        file[at] = byte;
        error(&file)
    };
    for file in [&[][..], &[1], &[0; 63], b"{\"resourceSpans\":[]}"] {
        assert_eq!(error(file), "a.seg: is no segment of a corpus: it is too short");
    }
    assert_eq!(changed(0, b'b'), "a.seg: is no segment of a corpus: it does not begin as one");
    assert!(changed(8, 2).contains("newer"), "{}", changed(8, 2));
    assert_eq!(changed(8, 0), "a.seg: has a header that was never written");
}

#[test]
fn no_bit_of_header_footer_or_trailer_changes_an_answer() {
    let (file, footer) = small();
    let expected = dump(&opened(&file).expect("it opens").segment(None));
    let mut accepted = 0;
    for at in (0..64).chain(footer..file.len()) {
        for bit in 0..8 {
            let mut file = file.clone();
            file[at] ^= 1 << bit;
            let Ok(file) = opened(&file) else { continue };
            accepted += 1;
            assert_eq!(dump(&file.segment(None)), expected, "bit {bit} of {at}");
        }
    }
    // Only what pads the footer.
    assert!(accepted <= 64 * 8, "{accepted} changes were accepted");
}

#[test]
fn what_changed_in_the_body_is_noticed_when_it_is_used() {
    let (file, footer) = small();
    let expected = dump(&opened(&file).expect("it opens").segment(None));
    let (mut noticed, mut padding) = (0, 0);
    // Each line of 64 bytes in another place.
    for line in 1..footer / 64 {
        let mut file = file.clone();
        file[line * 64 + line * 5 % 64] ^= 1 << (line % 8);
        let file = opened(&file).expect("its footer is whole");
        let segment = file.segment(None);
        let found = dump(&segment);
        match segment.sound() {
            Ok(()) => {
                assert_eq!(found, expected, "line {line}");
                padding += 1;
            }
            Err(fault) => {
                assert!(fault.to_string().contains("checksum"), "{fault}");
                assert_eq!(file.verify().expect_err("it is damaged").to_string()[..7], *"a.seg: ");
                noticed += 1;
            }
        }
    }
    assert!(noticed > 20 && padding > 0, "{noticed} noticed, {padding} in padding");
}

#[test]
fn what_lies_under_sound_checksums_is_refused_when_it_is_used() {
    let mut starts = odd();
    starts.traces.start = Buffer::collect([20, 10].into_iter());
    let mut ordinals = odd();
    let table =
        Table { trace: Buffer::collect([0, 1, 0].into_iter()), ..ordinals.tables.get(0).clone() };
    ordinals.tables = [table].into_iter().collect();
    let mut presence = odd();
    presence.operations[0].presence = Some(Mask::empty(1_000));
    let cases: [(Segment, &str); 3] = [
        (starts, "traces: start: is out of order"),
        (ordinals, "op: trace: is out of order"),
        (presence, "op: refers to a block of another length"),
    ];
    for (segment, expected) in cases {
        let file = opened(&written(&segment)).expect("its footer is whole");
        let read = file.segment(None);
        let _looked = (read.traces.start[0], read.table(0).trace[0]);
        let fault = read.sound().expect_err(expected);
        assert_eq!(fault.to_string(), format!("a.seg: {expected}"));
        assert_eq!(file.verify(), Err(fault));
    }
}
