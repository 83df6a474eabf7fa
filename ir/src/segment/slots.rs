//! Numbers by hash: eight bytes a number, eight numbers a cache line that are looked at together, so
//! that a look is one wait for memory and one branch. Growth needs neither hashes nor what they are of.

/// Numbers of things that are kept elsewhere, found by the hashes of these.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    /// A hash belongs in the line that lies where it lies among all hashes, or, if that is full, in the
    /// next with a free place, around the end.
    lines: Vec<Line>,
    len: usize,
}

/// Places for a cache line of numbers; those that are taken come first.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Line {
    /// The first 32 bits of each hash.
    tags: [u32; PLACES],
    /// One more than the number; 0 where free.
    numbers: [u32; PLACES],
}

const PLACES: usize = 8;
/// Of as many places a line, no more are taken on average: few lines become full.
const TAKEN: usize = 5;
/// Fewest lines.
const FEWEST: usize = 2;

impl Slots {
    /// The numbers that were added with this hash, and rarely others.
    #[inline]
    pub fn find(&self, hash: u64) -> impl Iterator<Item = u32> {
        let tag = tag(hash);
        let mut at = self.place(tag);
        let mut line = self.lines.get(at);
        let mut same = line.map_or(0, |line| line.same(tag));
        std::iter::from_fn(move || {
            let mut here = line?;
            while same == 0 {
                if !here.is_full() {
                    return None;
                }
                // There is a line that is not full, or none at all.
                at = if at + 1 == self.lines.len() { 0 } else { at + 1 };
                here = &self.lines[at];
                line = Some(here);
                same = here.same(tag);
            }
            let place = same.trailing_zeros() as usize % PLACES;
            same &= same - 1;
            // A free place may look like one of the hash 0; no other comes behind it.
            here.numbers[place].checked_sub(1)
        })
    }

    /// Adds a number, less than `u32::MAX`.
    #[inline]
    pub fn insert(&mut self, hash: u64, number: u32) {
        if self.len >= TAKEN * self.lines.len() {
            self.grow();
        }
        self.len += 1;
        self.put(tag(hash), number + 1);
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        self.lines.capacity() * size_of::<Line>()
    }

    #[cold]
    fn grow(&mut self) {
        let doubled = vec![Line::default(); (2 * self.lines.len()).max(FEWEST)];
        for line in std::mem::replace(&mut self.lines, doubled) {
            let taken = line.tags.into_iter().zip(line.numbers).filter(|(_, number)| *number > 0);
            taken.for_each(|(tag, number)| self.put(tag, number));
        }
    }

    fn put(&mut self, tag: u32, number: u32) {
        let mut at = self.place(tag);
        while self.lines[at].is_full() {
            at = if at + 1 == self.lines.len() { 0 } else { at + 1 };
        }
        let Line { tags, numbers } = &mut self.lines[at];
        let places = tags.iter_mut().zip(numbers);
        if let Some(place) = places.into_iter().find(|(_, number)| **number == 0) {
            (*place.0, *place.1) = (tag, number);
        }
    }

    #[inline]
    fn place(&self, tag: u32) -> usize {
        ((u64::from(tag) * self.lines.len() as u64) >> u32::BITS) as usize
    }
}

impl Line {
    /// The places with this tag, a bit each.
    #[inline]
    fn same(&self, tag: u32) -> u32 {
        let places = self.tags.iter().enumerate();
        places.fold(0, |same, (place, &other)| same | u32::from(other == tag) << place)
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.numbers[PLACES - 1] != 0
    }
}

#[inline]
fn tag(hash: u64) -> u32 {
    (hash >> u32::BITS) as u32
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
