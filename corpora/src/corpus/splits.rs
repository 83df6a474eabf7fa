//! Traces that lie in several segments, since their spans came in several ingests or batches.
//!
//! The file: `BTSPLIT1`, the number of pieces in 8 bytes, the pieces, the CRC-32 of all that in 4.
//! A piece is a trace id in 16 bytes, the number of a segment's file in 8 and an ordinal in 4.
//! Numbers are little-endian, pieces ascending.

use std::collections::BTreeMap;

use hashbrown::HashMap;

/// What the file begins with.
const MAGIC: &[u8; 8] = b"BTSPLIT1";
/// Its format, the last digit of that.
pub(super) const SPLITS_FORMAT: u32 = 1;
/// Bytes of a piece.
const PIECE: usize = 16 + 8 + 4;

/// A part of a trace that lies in several segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Piece {
    /// The trace's id, as a big-endian number.
    pub trace: u128,
    /// Number of the segment's file.
    pub file: u64,
    /// The trace's ordinal there.
    pub ordinal: u32,
}

/// All pieces of all such traces, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Splits {
    pieces: Vec<Piece>,
}

impl Splits {
    /// The table of these pieces; a piece that comes twice counts once.
    pub fn new(mut pieces: Vec<Piece>) -> Self {
        pieces.sort_unstable();
        pieces.dedup();
        Self { pieces }
    }

    /// The pieces, by trace, file and ordinal.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// How many traces lie in several segments.
    pub fn traces(&self) -> usize {
        self.pieces.chunk_by(|a, b| a.trace == b.trace).count()
    }

    /// The ordinals of each segment that are pieces, ascending, by number of the file.
    pub fn by_file(&self) -> BTreeMap<u64, Vec<u32>> {
        let mut files: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for piece in &self.pieces {
            files.entry(piece.file).or_default().push(piece.ordinal);
        }
        files.values_mut().for_each(|ordinals| ordinals.sort_unstable());
        files
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend((self.pieces.len() as u64).to_le_bytes());
        for Piece { trace, file, ordinal } in &self.pieces {
            bytes.extend(trace.to_le_bytes());
            bytes.extend(file.to_le_bytes());
            bytes.extend(ordinal.to_le_bytes());
        }
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// The format that bytes of a file say they have.
    pub(super) fn format(bytes: &[u8]) -> Option<u32> {
        let (magic, _) = bytes.split_first_chunk::<8>()?;
        let [name @ .., format] = magic;
        let is_list = MAGIC.starts_with(name) && format.is_ascii_digit();
        is_list.then(|| u32::from(format - b'0'))
    }

    /// Reads the bytes of the file; `None` if they are not what was written.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (body, crc) = bytes.split_last_chunk()?;
        let (count, pieces) = body.strip_prefix(MAGIC)?.split_first_chunk()?;
        let whole = crc32fast::hash(body) == u32::from_le_bytes(*crc);
        let (pieces, rest) = pieces.as_chunks::<PIECE>();
        if !whole || !rest.is_empty() || pieces.len() as u64 != u64::from_le_bytes(*count) {
            return None;
        }
        let pieces: Vec<Piece> = pieces.iter().map(Piece::parse).collect::<Option<_>>()?;
        pieces.is_sorted().then_some(Self { pieces })
    }
}

impl Piece {
    fn parse(bytes: &[u8; PIECE]) -> Option<Self> {
        let (trace, rest) = bytes.split_first_chunk()?;
        let (file, ordinal) = rest.split_first_chunk()?;
        Some(Self {
            trace: u128::from_le_bytes(*trace),
            file: u64::from_le_bytes(*file),
            ordinal: u32::from_le_bytes(ordinal.try_into().ok()?),
        })
    }
}

/// The traces of new segments, to find which of them lie in older ones, too.
#[derive(Debug, Default)]
pub struct Arrivals {
    places: HashMap<u128, (u64, u32)>,
    /// A bit for each of the lowest bits of an id: most traces of older segments end here, without
    /// a look at the table, which is too large for a cache.
    filter: Vec<u64>,
    pieces: Vec<Piece>,
}

impl Arrivals {
    /// The traces of new segments: numbers of their files, with the ids by ordinal.
    pub fn new(segments: Vec<(u64, Vec<u128>)>) -> Self {
        let count: usize = segments.iter().map(|(_, ids)| ids.len()).sum();
        let words = (count * 16 / 64).next_power_of_two();
        let mut arrivals = Self { filter: vec![0; words], ..Self::default() };
        arrivals.places.reserve(count);
        for (file, ids) in segments {
            for (ordinal, id) in ids.into_iter().enumerate() {
                let (word, bit) = arrivals.slot(id);
                arrivals.filter[word] |= bit;
                arrivals.places.insert(id, (file, ordinal as u32));
            }
        }
        arrivals
    }

    /// Looks for the traces of an older segment, by ordinal.
    pub fn meet(&mut self, file: u64, ids: &[u128]) {
        for (ordinal, &trace) in ids.iter().enumerate() {
            let (word, bit) = self.slot(trace);
            if self.filter[word] & bit == 0 {
                continue;
            }
            if let Some(&(own, at)) = self.places.get(&trace) {
                self.pieces.push(Piece { trace, file, ordinal: ordinal as u32 });
                self.pieces.push(Piece { trace, file: own, ordinal: at });
            }
        }
    }

    /// The table with what was found.
    pub fn splits(self, before: &Splits) -> Splits {
        Splits::new([before.pieces(), &self.pieces].concat())
    }

    fn slot(&self, id: u128) -> (usize, u64) {
        // Ids of tests ascend, those of the wild are random: both spread by a multiplication.
        let mixed = (id as u64 ^ (id >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        (mixed as usize >> 6 & (self.filter.len() - 1), 1 << (mixed & 63))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_of_three_ingests_has_three_pieces() {
        let segments: [Vec<u128>; 3] = [vec![1, 2, 3], vec![9, 2], vec![3, 2, 8]];
        let mut splits = Splits::default();
        for (file, ids) in segments.iter().enumerate() {
            let mut arrivals = Arrivals::new(vec![(file as u64, ids.clone())]);
            for (older, ids) in segments[..file].iter().enumerate() {
                arrivals.meet(older as u64, ids);
            }
            splits = arrivals.splits(&splits);
        }
        let pieces: Vec<_> =
            splits.pieces().iter().map(|piece| (piece.trace, piece.file, piece.ordinal)).collect();
        assert_eq!(pieces, [(2, 0, 1), (2, 1, 1), (2, 2, 1), (3, 0, 2), (3, 2, 0)]);
        assert_eq!(splits.traces(), 2);
        assert_eq!(
            splits.by_file().into_values().collect::<Vec<_>>(),
            [vec![1, 2], vec![1], vec![0, 1]]
        );
    }

    #[test]
    fn every_prefix_and_every_changed_bit_is_refused() {
        let piece = |trace| Piece { trace, file: 5, ordinal: 6 };
        let splits = Splits::new(vec![piece(8), piece(7), piece(8)]);
        let bytes = splits.to_bytes();
        assert_eq!(Splits::parse(&bytes), Some(splits));
        assert!((0..bytes.len()).all(|end| Splits::parse(&bytes[..end]).is_none()));
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Splits::parse(&changed), None, "bit {bit}");
        }
    }
}
