//! Which traces lie in several segments, worked out from the ids that segments have.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ir::Segment;

use super::CorpusError;
use super::folder::Folder;
use super::manifest::{Manifest, SegmentEntry};
use super::splits::{Piece, Splits};

/// Bytes that a trace takes while its id is looked for in all segments.
const PER_TRACE: u64 = size_of::<Piece>() as u64;
/// Bytes that it may take where nobody says so.
const MEMORY: u64 = 1 << 30;

/// The traces that lie in several segments, as far as they can be known.
#[derive(Debug, Default)]
pub struct Listed {
    /// Their pieces.
    pub splits: Splits,
    /// The file of the list and what is wrong with it, if it cannot be read.
    pub damage: Option<(PathBuf, String)>,
    /// Whether this is not what the list says.
    pub(super) is_anew: bool,
    /// Segments that still could not be read, as [`Manifest::unmet`].
    pub(super) unmet: Vec<u64>,
}

impl Listed {
    /// What the list of a manifest says, or what the ids in the segments say if it cannot be read, or if
    /// a segment can be read now that could not when others were added.
    ///
    /// # Errors
    /// [`CorpusError::Newer`].
    pub(super) fn of(folder: &Folder, manifest: &Manifest) -> Result<Self, CorpusError> {
        let listed = folder.listed(manifest);
        let (splits, damage) = match listed {
            Ok(splits) => (splits, None),
            Err(error @ CorpusError::Newer { .. }) => return Err(error),
            Err(error) => (Splits::default(), Some((error.path().to_owned(), error.words()))),
        };
        let is_back = |entry: &SegmentEntry| {
            manifest.unmet.contains(&entry.number) && read_ids(folder, entry).is_ok()
        };
        let is_anew = damage.is_some() || manifest.segments.iter().any(is_back);
        if !is_anew {
            return Ok(Self { splits, damage, is_anew, unmet: manifest.unmet.clone() });
        }
        let (found, unread) = meet(folder, &manifest.segments, MEMORY);
        let splits = Splits::new([splits.pieces(), found.pieces()].concat());
        Ok(Self { splits, damage, is_anew, unmet: unread.into_iter().collect() })
    }
}

/// Looks for each trace in all of these segments, in as many rounds as `memory` asks for. Segments that
/// cannot be read are passed over; their numbers are beside what was found.
pub(super) fn meet(
    folder: &Folder,
    segments: &[SegmentEntry],
    memory: u64,
) -> (Splits, BTreeSet<u64>) {
    let traces: u64 = segments.iter().map(|entry| entry.traces).sum();
    let rounds = u128::from((traces * PER_TRACE).div_ceil(memory.max(1)).max(1));
    let (mut found, mut unread) = (Vec::new(), BTreeSet::new());
    for round in 0..rounds {
        let mut all: Vec<Piece> = Vec::new();
        // Opened again in each round: there may be more of them than files may be open.
        for entry in segments {
            let Ok(segment) = read_ids(folder, entry) else {
                unread.insert(entry.number);
                continue;
            };
            let ids = segment.traces.id.iter().enumerate();
            let own = ids.filter(|(_, id)| **id % rounds == round);
            let piece = |(at, &trace)| Piece { trace, file: entry.number, ordinal: at as u32 };
            all.extend(own.map(piece));
        }
        all.sort_unstable();
        let several = all.chunk_by(|a, b| a.trace == b.trace).filter(|pieces| pieces.len() > 1);
        found.extend(several.flatten());
    }
    (Splits::new(found), unread)
}

/// A segment whose ids of traces were read and are sound.
pub(super) fn read_ids(folder: &Folder, entry: &SegmentEntry) -> Result<Segment, CorpusError> {
    let segment = folder.open(entry)?.segment(None);
    let _read: &[u128] = &segment.traces.id;
    segment.sound()?;
    Ok(segment)
}
