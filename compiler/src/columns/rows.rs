//! Which rows of an operation are in question or in a set, without a bit each where all or none are.

use std::ops::Range;

use ir::Mask;

/// A set of rows of one operation, numbered from its first.
#[derive(Clone, Debug)]
pub enum Rows {
    /// No row.
    None,
    /// Every row.
    All,
    /// The rows of the mask, whose length is the number of rows.
    Some(Mask),
}

impl Rows {
    /// The rows of `mask`, as `None` or `All` where it is empty or full.
    pub fn of(mask: Mask) -> Self {
        match mask.count() {
            0 => Self::None,
            count if count == mask.len() => Self::All,
            _ => Self::Some(mask),
        }
    }

    /// The part of a table's mask that lies in `range`, numbered from the start of `range`.
    pub fn window(mask: &Mask, range: &Range<usize>) -> Self {
        if *range == (0..mask.len()) {
            return Self::of(mask.clone());
        }
        let words = mask.words();
        let (first, shift) = (range.start / 64, range.start % 64);
        let mut window = Mask::empty(range.len());
        for (at, word) in window.words_mut().iter_mut().enumerate() {
            let low = words[first + at] >> shift;
            let high = words.get(first + at + 1).copied().unwrap_or(0);
            *word = if shift == 0 { low } else { low | high << (64 - shift) };
        }
        if let (Some(last), used @ 1..) = (window.words_mut().last_mut(), range.len() % 64) {
            *last &= (1 << used) - 1;
        }
        Self::of(window)
    }

    /// The rows of `alive` that pass `test`, asked one by one.
    pub fn each(alive: &Self, len: usize, mut test: impl FnMut(usize) -> bool) -> Self {
        let mut mask = Mask::empty(len);
        alive.for_each(len, |row| {
            if test(row) {
                mask.insert(row);
            }
        });
        Self::of(mask)
    }

    /// Whether it holds `row`, one of the operation's.
    pub fn has(&self, row: usize) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Some(mask) => mask.get(row),
        }
    }

    /// Whether it holds no row.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Bytes of its mask, if it has one.
    pub fn bytes(&self) -> usize {
        if let Self::Some(mask) = self { size_of_val(mask.words()) } else { 0 }
    }

    /// How many of `len` rows it holds.
    pub fn count(&self, len: usize) -> usize {
        match self {
            Self::None => 0,
            Self::All => len,
            Self::Some(mask) => mask.count(),
        }
    }

    /// Calls `visit` with each row of `len`, ascending.
    pub fn for_each(&self, len: usize, visit: impl FnMut(usize)) {
        match self {
            Self::None => {}
            Self::All => (0..len).for_each(visit),
            Self::Some(mask) => mask.iter().for_each(visit),
        }
    }

    /// What is in both.
    pub fn and(self, other: &Self) -> Self {
        match (self, other) {
            (Self::None, _) | (_, Self::None) => Self::None,
            (Self::All, other) => other.clone(),
            (own, Self::All) => own,
            (Self::Some(mut mask), Self::Some(other)) => {
                mask.intersect(other);
                Self::of(mask)
            }
        }
    }

    /// What is in either.
    pub fn or(self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::None, other) => other.clone(),
            (own, Self::None) => own,
            (Self::Some(mut mask), Self::Some(other)) => {
                mask.unite(other);
                Self::of(mask)
            }
        }
    }

    /// What is in it and not in `other`.
    pub fn minus(self, other: &Self) -> Self {
        match (self, other) {
            (Self::None, _) | (_, Self::All) => Self::None,
            (own, Self::None) => own,
            (Self::All, Self::Some(other)) => {
                let mut mask = other.clone();
                mask.invert();
                Self::Some(mask)
            }
            (Self::Some(mut mask), Self::Some(other)) => {
                mask.subtract(other);
                Self::of(mask)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_what_the_mask_holds_there() {
        let mut mask = Mask::empty(300);
        (0..300).filter(|row| row % 7 == 3 || row % 64 > 60).for_each(|row| mask.insert(row));
        for range in [0..300, 0..0, 1..299, 63..65, 64..128, 65..300, 130..131, 299..300] {
            let mut found = Vec::new();
            Rows::window(&mask, &range).for_each(range.len(), |row| found.push(row));
            let expected: Vec<_> =
                range.clone().filter(|&row| mask.get(row)).map(|row| row - range.start).collect();
            assert_eq!(found, expected, "{range:?}");
        }
    }
}
