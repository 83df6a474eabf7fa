//! The reader without a tape: what it gives for generated and damaged documents, having learned
//! from those before, is what the strict reader gives.

extern crate corpora as betrace_corpora;

#[expect(dead_code, reason = "shared with the decoder's own tests, which use all of it")]
#[path = "../../corpora/tests/otlp/recorder.rs"]
mod recorder;

use betrace_fuzz::campaign::campaign;
use betrace_fuzz::{Bytes, mutate, otlp};
use corpora::otlp::Decoder;
use corpora::source::{Chunk, Kind};
use recorder::{Recorder, Wish};

#[test]
fn fast_and_strict_reader_agree() {
    campaign("fast-reader", 1_500, check);
}

#[test]
fn fast_and_strict_reader_agree_on_what_a_fuzzer_finds() {
    bolero::check!().with_iterations(200).for_each(|input: &[u8]| {
        let mut pair = Pair::new(Wish::Some);
        pair.compare(input);
        check(&mut Bytes::new(input));
    });
}

/// A document, damage to it, and it again, for a sink that wants all attributes, some or none.
fn check(bytes: &mut Bytes<'_>) {
    let mut pair = Pair::new(*bytes.pick(&[Wish::Some, Wish::Nothing, Wish::All]));
    for _ in 0..3 {
        let document = otlp::document(bytes);
        pair.compare(document.as_bytes());
        for _ in 0..4 {
            pair.compare(&mutate::bytes(bytes, document.as_bytes()));
        }
        pair.compare(document.as_bytes());
    }
}

/// One decoder that tries the fast reader on everything, and one that has none.
struct Pair {
    fast: Decoder<Recorder>,
    strict: Decoder<Recorder>,
}

impl Pair {
    fn new(wish: Wish) -> Self {
        let new = || Decoder::with_sink(Recorder::wishing(wish));
        Self { fast: new().eager(), strict: new().strict() }
    }

    fn compare(&mut self, bytes: &[u8]) {
        let [fast, strict] = [&mut self.fast, &mut self.strict].map(|decoder| {
            let chunk = Chunk { bytes, offset: 0, line: 1, kind: Kind::Block, ends_input: true };
            decoder.decode(&chunk, 0, &"memory".into());
            format!("{:?}", std::mem::take(&mut decoder.sink_mut().spans))
        });
        assert_eq!(fast, strict, "{}", String::from_utf8_lossy(bytes));
        assert_eq!(self.fast.tally(), self.strict.tally(), "{}", String::from_utf8_lossy(bytes));
    }
}
