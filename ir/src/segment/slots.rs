//! Numbers by hash: eight bytes a slot, so that a look is one wait for memory, and growth needs
//! neither hashes nor what they are of.

/// Numbers of things that are kept elsewhere, found by the hashes of these.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    /// The first 32 bits of a hash, then one more than the number; 0 where free. A hash belongs
    /// where it lies among all hashes, or at the first free place behind, around the end.
    slots: Vec<u64>,
    len: usize,
}

const FREE: u64 = 0;
/// Fewest slots.
const FEWEST: usize = 16;

impl Slots {
    /// The numbers that were added with this hash, and rarely others.
    #[inline]
    pub fn find(&self, hash: u64) -> impl Iterator<Item = u32> {
        let tag = hash >> u32::BITS;
        let mut at = self.place(tag);
        std::iter::from_fn(move || {
            loop {
                // There is a free slot, or none at all.
                let slot = *self.slots.get(at).filter(|slot| **slot != FREE)?;
                at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
                if slot >> u32::BITS == tag {
                    return Some(slot as u32 - 1);
                }
            }
        })
    }

    /// Adds a number, less than `u32::MAX`.
    #[inline]
    pub fn insert(&mut self, hash: u64, number: u32) {
        if 4 * self.len >= 3 * self.slots.len() {
            self.grow();
        }
        self.len += 1;
        self.put(hash >> u32::BITS << u32::BITS | u64::from(number + 1));
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u64>()
    }

    #[cold]
    fn grow(&mut self) {
        let doubled = vec![FREE; (2 * self.slots.len()).max(FEWEST)];
        for slot in std::mem::replace(&mut self.slots, doubled) {
            if slot != FREE {
                self.put(slot);
            }
        }
    }

    fn put(&mut self, slot: u64) {
        let mut at = self.place(slot >> u32::BITS);
        while self.slots[at] != FREE {
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
        self.slots[at] = slot;
    }

    #[inline]
    fn place(&self, tag: u64) -> usize {
        ((tag * self.slots.len() as u64) >> u32::BITS) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_was_added_is_found() {
        let mut slots = Slots::default();
        assert_eq!(slots.find(0).next(), None);
        // Many hashes that agree where they are looked at, at both ends, and others.
        let hash = |number: u32| match number % 5 {
            0 => u64::from(number),
            1 => u64::MAX - u64::from(number),
            _ => u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        };
        for count in 0..5000 {
            slots.insert(hash(count), count);
            if count % 97 == 0 {
                assert!((0..=count).all(|number| slots.find(hash(number)).any(|n| n == number)));
            }
        }
        assert_eq!(slots.find(2 << 40 | 1 << 36).next(), None);
        assert!(slots.bytes() < 5000 * 8 * 3);
    }
}
