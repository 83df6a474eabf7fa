//! Seeded hashes of ids, so that no input can be made to collide; one seed a process, so that
//! what two workers hash can be compared. Nothing that a user sees depends on the seed.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use super::SpanRecord;

/// The numbers that hashes are mixed with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seeds([u64; 4]);

impl Seeds {
    /// The seeds of this process.
    pub(super) fn get() -> Self {
        static SEEDS: OnceLock<Seeds> = OnceLock::new();
        *SEEDS.get_or_init(|| {
            let random = RandomState::new();
            Self([0, 1, 2, 3].map(|number| random.hash_one(number)))
        })
    }

    /// The hash of a trace id.
    pub(super) fn trace(self, id: u128) -> u64 {
        let Self([a, b, ..]) = self;
        mix((id >> 64) as u64 ^ a, id as u64 ^ b)
    }

    /// The hash of a name; costly.
    pub(super) fn name(self, name: &str) -> u64 {
        static RANDOM: OnceLock<RandomState> = OnceLock::new();
        RANDOM.get_or_init(RandomState::new).hash_one(name)
    }

    /// The hash of what makes a span the same span as another, with its name's own hash.
    pub(super) fn span(self, span: &SpanRecord<'_>, name: u64) -> u64 {
        let Self([.., c, d]) = self;
        let mut hash = self.trace(span.trace_id);
        for (left, right) in
            [(span.span_id, span.start), (span.end, name), (u64::from(span.known_kind()), hash)]
        {
            hash = mix(hash ^ left ^ c, right ^ d).wrapping_add(hash.rotate_left(29));
        }
        hash
    }
}

fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}
