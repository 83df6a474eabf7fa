//! Memory of buffers, in lines of 64 bytes, which a thread keeps when it is done with it: its next
//! buffers are about as large, and memory that comes new from the system costs a fault a page.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable};

/// Bytes at a multiple of 64.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Line([u8; 64]);

/// Some lines that belong together.
pub(super) struct Lines(Vec<Line>);

/// Fewer lines are not kept: they are cheap.
const LEAST: usize = 4;
/// More are given back to the system.
const MOST: usize = (4 << 20) / size_of::<Line>();
/// Lines that a thread keeps at most: 32 MiB.
const KEPT: usize = (32 << 20) / size_of::<Line>();

thread_local! {
    static FREE: RefCell<Free> = const { RefCell::new(Free { by_size: Vec::new(), lines: 0 }) };
}

/// What a thread keeps.
struct Free {
    /// By [size](Size).
    by_size: Vec<Vec<Vec<Line>>>,
    lines: usize,
}

/// Memory comes in sizes a quarter of a power of two apart, so that what was freed is found again.
struct Size {
    number: usize,
    lines: usize,
}

impl Size {
    /// The least for so many lines; none where they are not kept.
    fn of(lines: usize) -> Option<Self> {
        if !(LEAST..=MOST).contains(&lines) {
            return None;
        }
        let lines = lines.next_multiple_of(1 << (lines.ilog2() - 2));
        let power = lines.ilog2();
        Some(Self { number: power as usize * 4 + (lines >> (power - 2) & 3), lines })
    }
}

impl Free {
    fn take(&mut self, size: &Size) -> Option<Vec<Line>> {
        let lines = self.by_size.get_mut(size.number)?.pop()?;
        self.lines -= size.lines;
        Some(lines)
    }

    fn keep(&mut self, size: &Size, lines: Vec<Line>) {
        if self.lines + size.lines > KEPT {
            return;
        }
        if self.by_size.len() <= size.number {
            self.by_size.resize_with(size.number + 1, Vec::new);
        }
        self.by_size[size.number].push(lines);
        self.lines += size.lines;
    }
}

impl Lines {
    /// So many lines of zeros.
    pub(super) fn zeroed(len: usize) -> Self {
        match Self::taken(len) {
            Ok(mut lines) => {
                lines.clear();
                lines.resize(len, Line::zeroed());
                Self(lines)
            }
            Err(new) => new,
        }
    }

    /// So many lines, of which only the last two are sure to be zeros.
    pub(super) fn unwritten(len: usize) -> Self {
        match Self::taken(len) {
            Ok(mut lines) => {
                lines.resize(len, Line::zeroed());
                lines[len - 2..].fill(Line::zeroed());
                Self(lines)
            }
            Err(new) => new,
        }
    }

    /// Lines that were kept, with room for so many; else new ones.
    fn taken(len: usize) -> Result<Vec<Line>, Self> {
        let size = Size::of(len);
        let kept = size.as_ref().and_then(|size| {
            FREE.try_with(|free| free.try_borrow_mut().ok()?.take(size)).ok().flatten()
        });
        kept.ok_or_else(|| {
            let mut lines = bytemuck::zeroed_vec(size.map_or(len, |size| size.lines));
            lines.truncate(len);
            Self(lines)
        })
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.0);
        if let Some(size) = Size::of(lines.len())
            && lines.capacity() == size.lines
        {
            // A thread that ends keeps nothing.
            let _ended = FREE.try_with(|free| free.borrow_mut().keep(&size, lines));
        }
    }
}

impl Clone for Lines {
    fn clone(&self) -> Self {
        let mut lines = Self::unwritten(self.len());
        lines.copy_from_slice(self);
        lines
    }
}

impl Deref for Lines {
    type Target = [Line];

    fn deref(&self) -> &[Line] {
        &self.0
    }
}

impl DerefMut for Lines {
    fn deref_mut(&mut self) -> &mut [Line] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(len: usize) -> Lines {
        let mut lines = Lines::zeroed(len);
        lines.fill(Line([7; 64]));
        lines
    }

    #[test]
    fn memory_comes_back_as_zeros_where_zeros_are_asked_for() {
        for len in [1, 3, 4, 5, 63, 64, 65, 79, 80, 81, 1_000, 65_536, 65_537] {
            let before = written(len);
            assert_eq!(before.clone().len(), len);
            let at = before.as_ptr();
            drop(before);
            let lines = Lines::zeroed(len);
            assert!(lines.len() == len && lines.iter().all(|line| line.0 == [0; 64]), "{len}");
            assert!(!(LEAST..=MOST).contains(&len) || lines.as_ptr() == at, "{len}");
            drop(written(len));
            let last = Lines::unwritten(len);
            assert!(last[len.saturating_sub(2)..].iter().all(|line| line.0 == [0; 64]), "{len}");
        }
    }

    #[test]
    fn a_thread_keeps_no_more_than_it_may() {
        let many: Vec<Lines> = (0..KEPT / MOST + 2).map(|_| written(MOST)).collect();
        drop(many);
        FREE.with_borrow(|free| {
            assert_eq!(free.lines, KEPT);
            assert_eq!(free.by_size.iter().map(Vec::len).sum::<usize>(), KEPT / MOST);
        });
        let taken: Vec<Lines> = (0..KEPT / MOST + 1).map(|_| Lines::zeroed(MOST)).collect();
        assert_eq!(taken.len(), KEPT / MOST + 1);
        FREE.with_borrow(|free| assert_eq!(free.lines, 0));
    }
}
