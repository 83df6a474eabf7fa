//! Where the parts of a segment come from that was not made in memory.

use std::fmt::Debug;
use std::ops::Range;

use bytes::Bytes;

use super::{Fault, Page, Table};
use crate::Mask;

/// A sealed segment in a file: gives each part when it is first looked at, checked and unpacked.
///
/// Nothing here fails, so that a segment reads the same wherever it lies: of what is damaged the
/// store gives zeros, and remembers the fault. Who uses a segment asks [`Segment::sound`] before
/// anything is made of the answers.
///
/// [`Segment::sound`]: super::Segment::sound
pub trait Store: Debug + Send + Sync {
    /// A table of the segment; of a damaged description, one of as many rows without values.
    fn table(&self, number: usize) -> Table;

    /// The first damage that was met.
    fn fault(&self) -> Option<Fault>;
}

/// The content of a buffer in a [`Store`], under the same terms.
pub trait Block: Send + Sync {
    /// All its bytes, aligned to 64. A buffer asks once.
    fn load(&self) -> Bytes;

    /// The bytes of one item, which begins at `at`; of the others no more is looked at than must
    /// be.
    fn read(&self, at: usize, item: &mut [u8]);

    /// Whether the item that begins at `at` is this one, where the block knows with less than it takes
    /// to read it.
    fn is(&self, at: usize, item: &[u8]) -> Option<bool> {
        let _ = (at, item);
        None
    }

    /// The items that are equal to this one, where they ascend and the block knows without a search.
    fn run(&self, item: &[u8]) -> Option<Range<usize>> {
        let _ = item;
        None
    }

    /// The items that end a run of equal ones, where they ascend and the block knows without a look
    /// at them.
    fn ends(&self) -> Option<Ends<'_>> {
        None
    }
}

/// The items that are not equal to the one after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends<'a> {
    /// Every item.
    All,
    /// These.
    Some(&'a Mask),
}

/// The texts of a dictionary in a [`Store`], under the same terms.
pub trait Texts: Debug + Send + Sync {
    /// A page of them; it has as many entries as it must, whatever is damaged.
    fn page(&self, number: usize) -> Page;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::Type;
    use crate::segment::{Buffer, Dictionary, PAGE, Segment, StoredTexts};

    /// Many numbers; counts how often it is asked for all, and for one.
    #[derive(Clone, Debug, Default)]
    struct Numbers {
        loads: Arc<AtomicU32>,
        reads: Arc<AtomicU32>,
    }

    const LEN: usize = 10_000;

    fn number(at: usize) -> u32 {
        at as u32 * 3 + 1
    }

    impl Block for Numbers {
        fn load(&self) -> Bytes {
            self.loads.fetch_add(1, Ordering::Relaxed);
            let numbers: Vec<u32> = (0..LEN).map(number).collect();
            Bytes::copy_from_slice(bytemuck::cast_slice(&numbers))
        }

        fn read(&self, at: usize, item: &mut [u8]) {
            self.reads.fetch_add(1, Ordering::Relaxed);
            item.copy_from_slice(&number(at / item.len()).to_le_bytes());
        }

        fn is(&self, _: usize, item: &[u8]) -> Option<bool> {
            (item == [0; 4]).then_some(false)
        }
    }

    #[test]
    fn blocks_are_loaded_at_the_first_look_and_copied_before_a_change() {
        let numbers = Numbers::default();
        let asked = || [&numbers.loads, &numbers.reads].map(|count| count.load(Ordering::Relaxed));
        let mut buffer: Buffer<u32> = Buffer::stored(numbers.clone(), LEN);
        assert_eq!((buffer.len(), asked()), (LEN, [0, 0]));
        assert_eq!((buffer.at(1), asked()), (4, [0, 1]));
        assert_eq!((buffer[0], buffer.at(1), asked()), (1, 4, [1, 1]));
        let before = buffer.clone();
        buffer[1] = 9;
        assert_eq!((&buffer[..2], &before[..2]), (&[1, 9][..], &[1, 4][..]));
        assert_eq!(asked(), [1, 1]);
    }

    #[test]
    fn of_a_block_that_is_small_or_read_often_all_is_loaded() {
        let numbers = Numbers::default();
        let buffer: Buffer<u32> = Buffer::stored(numbers.clone(), LEN);
        assert!((0..LEN).all(|at| buffer.at(at) == number(at)));
        assert_eq!(numbers.loads.load(Ordering::Relaxed), 1);
        let reads = numbers.reads.load(Ordering::Relaxed);
        assert!((1..1000).contains(&reads), "{reads}");
        let small: Buffer<u32> = Buffer::stored(numbers.clone(), 10);
        assert_eq!(small.at(9), number(9));
        assert_eq!(numbers.reads.load(Ordering::Relaxed), reads);
    }

    #[test]
    fn what_a_block_knows_without_a_look_is_not_read() {
        let numbers = Numbers::default();
        let buffer: Buffer<u32> = Buffer::stored(numbers.clone(), LEN);
        let asked = || [&numbers.loads, &numbers.reads].map(|count| count.load(Ordering::Relaxed));
        assert!(!buffer.is(7, 0));
        assert_eq!(asked(), [0, 0]);
        assert!(buffer.is(7, number(7)) && !buffer.is(7, number(8)));
        assert_eq!(asked(), [0, 2]);
        assert!(buffer[7] == number(7) && !buffer.is(7, 0));
        assert_eq!(asked(), [1, 2]);
    }

    #[derive(Debug)]
    struct Letters(Vec<(String, Type)>);

    impl Texts for Letters {
        fn page(&self, number: usize) -> Page {
            let all = self.0.chunks(PAGE).nth(number).expect("there is such a page");
            Page::new(all.iter().map(|(text, value_type)| (&**text, *value_type)))
        }
    }

    #[test]
    fn stored_texts_are_found_by_their_order() {
        let numbers = (0..300).map(|number| (format!("{number:03}"), Type::Text));
        let mut entries: Vec<_> = numbers.collect();
        entries.insert(200, ("199".to_owned(), Type::Int));
        let texts = StoredTexts::new(Arc::new(Letters(entries.clone())), 301);
        let dictionary = Dictionary::stored(texts, [(200, 199)].into_iter().collect());
        let all = dictionary.iter().map(|entry| (entry.text().into_owned(), entry.value_type()));
        assert!(all.eq(entries));
        let found = ["", "000", "199", "299", "3"].map(|text| dictionary.find(text));
        assert_eq!(found, [0..0, 0..1, 199..201, 300..301, 301..301].map(Some));
        assert_eq!((dictionary.class(200), dictionary.is_ordered()), (199, true));
    }

    #[derive(Debug)]
    struct Damaged;

    impl Store for Damaged {
        fn table(&self, number: usize) -> Table {
            Table { id: Buffer::zeroed(number + 1), ..Table::default() }
        }

        fn fault(&self) -> Option<Fault> {
            Some(Fault::Damaged { file: "seg".into(), what: "block 1".into() })
        }
    }

    #[test]
    fn damage_makes_a_segment_unsound() {
        let tables = crate::segment::Tables::stored(Arc::new(Damaged), 2);
        assert_eq!((tables.len(), tables.get(1).id.len()), (2, 2));
        let segment = Segment { store: Some(Arc::new(Damaged)), ..Segment::default() };
        let fault = segment.sound().expect_err("it is damaged");
        assert_eq!(fault.to_string(), "seg: block 1");
        assert_eq!(Segment::default().sound(), Ok(()));
    }
}
