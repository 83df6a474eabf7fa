//! Choices drawn from bytes.

/// A stream of choices: the given bytes first, then numbers that follow from them, so that a short
/// input still makes a full case.
#[derive(Clone, Debug)]
pub struct Bytes<'a> {
    given: &'a [u8],
    state: u64,
}

impl<'a> Bytes<'a> {
    /// Choices from what a fuzzer gives.
    pub fn new(given: &'a [u8]) -> Self {
        let mix = |state: u64, &byte: &u8| {
            (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(5)
        };
        Self { given, state: given.iter().fold(0xcbf2_9ce4_8422_2325, mix) }
    }

    /// Choices from a seed alone.
    pub fn seeded(seed: u64) -> Self {
        Self { given: &[], state: seed }
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let number = match self.given {
            [first, rest @ ..] if limit <= 256 => {
                self.given = rest;
                u64::from(*first)
            }
            [first, second, rest @ ..] => {
                self.given = rest;
                u64::from(u16::from_le_bytes([*first, *second]))
            }
            _ => self.bits(),
        };
        (number % limit as u64) as usize
    }

    /// True in about `percent` of 100 cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, which are not none.
    pub fn pick<'b, T>(&mut self, items: &'b [T]) -> &'b T {
        &items[self.below(items.len())]
    }
}
