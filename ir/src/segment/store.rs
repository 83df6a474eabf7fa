//! Where the buffers of a segment come from that was not made in memory.

use std::fmt::Debug;

use bytes::Bytes;

use super::{Fault, Table};

/// A sealed segment in a file: gives each block when it is first looked at, checked and unpacked.
///
/// Nothing here fails, so that a segment reads the same wherever it lies: of what is damaged the
/// store gives zeros, and remembers the fault. Who uses a segment asks [`Segment::sound`] before
/// anything is made of the answers.
///
/// [`Segment::sound`]: super::Segment::sound
pub trait Store: Debug + Send + Sync {
    /// The `len` bytes of a block, aligned to 64. A buffer asks once.
    fn load(&self, block: u32, len: usize) -> Bytes;

    /// A table of the segment; of a damaged description, one of as many rows without values.
    fn table(&self, number: usize) -> Table;

    /// The first damage that was met.
    fn fault(&self) -> Option<Fault>;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::Type;
    use crate::segment::{Buffer, Dictionary, Segment, StoredTexts, Tables};

    /// Three blocks: numbers, and the texts `a`, `b`, `b`, `c`; counts how often it is asked.
    #[derive(Debug, Default)]
    struct Three {
        loads: AtomicU32,
        damaged: bool,
    }

    impl Store for Three {
        fn load(&self, block: u32, len: usize) -> Bytes {
            self.loads.fetch_add(1, Ordering::Relaxed);
            let bytes: &'static [u8] = match block {
                0 => bytemuck::cast_slice(&[1_u32, 2, 1, 2]),
                1 => b"ab",
                _ => b"bc",
            };
            assert_eq!(bytes.len(), len);
            Bytes::from_static(bytes)
        }

        fn table(&self, number: usize) -> Table {
            Table { id: Buffer::zeroed(number + 1), ..Table::default() }
        }

        fn fault(&self) -> Option<Fault> {
            let fault = || Fault::Damaged { file: "seg".into(), what: "block 1".into() };
            self.damaged.then(fault)
        }
    }

    #[test]
    fn blocks_are_loaded_at_the_first_look_and_copied_before_a_change() {
        let three = Arc::new(Three::default());
        let mut buffer: Buffer<u32> = Buffer::stored(three.clone(), 0, 4);
        assert_eq!((buffer.len(), three.loads.load(Ordering::Relaxed)), (4, 0));
        assert_eq!(buffer[0], 1);
        let before = buffer.clone();
        buffer[1] = 9;
        assert_eq!((&buffer[..], &before[..]), (&[1, 9, 1, 2][..], &[1, 2, 1, 2][..]));
        assert_eq!(three.loads.load(Ordering::Relaxed), 1);
        let tables = Tables::stored(three, 2);
        assert_eq!((tables.len(), tables.get(1).id.len()), (2, 2));
    }

    #[test]
    fn stored_texts_are_found_by_their_order() {
        let three: Arc<dyn Store> = Arc::new(Three::default());
        let texts = StoredTexts {
            ends: Buffer::stored(three.clone(), 0, 4),
            types: Buffer::collect(
                [Type::Text, Type::Text, Type::Int, Type::Text].map(Type::number).into_iter(),
            ),
            blocks: [(0, 1), (2, 2)]
                .map(|(first, block)| (first, Buffer::stored(three.clone(), block, 2)))
                .into(),
        };
        let dictionary = Dictionary::stored(texts, [(2, 1)].into_iter().collect());
        let all: Vec<_> =
            dictionary.iter().map(|entry| (entry.text(), entry.value_type())).collect();
        let text = |text: &'static str, value_type| (text.into(), value_type);
        assert_eq!(
            all,
            [
                text("a", Type::Text),
                text("b", Type::Text),
                text("b", Type::Int),
                text("c", Type::Text),
            ]
        );
        let found = ["", "a", "b", "c", "d"].map(|text| dictionary.find(text));
        assert_eq!(found, [0..0, 0..1, 1..3, 3..4, 4..4].map(Some));
        assert_eq!((dictionary.class(2), dictionary.is_ordered()), (1, true));
    }

    #[test]
    fn damage_makes_a_segment_unsound() {
        let segment = |damaged| {
            let store: Arc<dyn Store> = Arc::new(Three { damaged, ..Three::default() });
            Segment { store: Some(store), ..Segment::default() }
        };
        assert_eq!(segment(false).sound(), Ok(()));
        let fault = segment(true).sound().expect_err("it is damaged");
        assert_eq!(fault.to_string(), "seg: block 1");
        assert_eq!(Segment::default().sound(), Ok(()));
    }
}
