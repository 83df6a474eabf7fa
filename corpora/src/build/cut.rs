//! Cuts the traces of a run, by time, into segments.

use std::ops::Range;

use super::merge::{Shared, WorkersChunks};

/// A segment of more columns than that has fewer rows: a column takes space in all rows.
const USUAL_COLUMNS: usize = 128;

/// Traces for which a segment of their own is worth it.
const WORTHWHILE: usize = 4096;

/// How large segments become. Either bound ends a segment, but it holds one whole trace at least.
/// Large segments become smaller, so that as many workers as there were can seal as many each.
#[derive(Clone, Copy, Debug)]
pub struct SegmentSize {
    /// The most traces.
    pub traces: usize,
    /// The most spans; fewer where these bear many different attributes.
    pub rows: usize,
}

impl SegmentSize {
    /// How large segments become whose spans bear so many different attributes.
    pub(crate) fn of_columns(self, columns: usize) -> Self {
        Self { rows: self.rows / columns.div_ceil(USUAL_COLUMNS).max(1), ..self }
    }

    /// The most traces of a segment of which there are `traces` for so many workers.
    pub(super) fn shared(self, traces: usize, workers: usize) -> usize {
        let needed = traces.div_ceil(self.traces.max(1)).max(1);
        let segments = needed.next_multiple_of(workers);
        if traces / WORTHWHILE < segments { self.traces } else { traces.div_ceil(segments) }
    }
}

/// Where the list of traces is cut into segments.
pub(super) struct Cut {
    /// Ranks of the traces of each segment.
    pub(super) segments: Vec<Range<usize>>,
    /// Number of the segment of each rank.
    pub(super) of_rank: Vec<u32>,
}

impl Cut {
    pub(super) fn of(shared: &Shared, plans: &[WorkersChunks], size: SegmentSize) -> Self {
        let all = shared.order.len();
        let mut of_rank = vec![0_u32; all];
        let rows: usize = plans.iter().flatten().map(|(_, chunk)| chunk.len()).sum();
        if (1..=size.traces).contains(&all) && rows <= size.rows {
            return Self { segments: std::iter::once(0..all).collect(), of_rank };
        }
        // First the rows of each rank.
        let mut traces = Vec::new();
        for (worker, chunk) in plans.iter().flatten() {
            let ranks = &shared.workers[*worker as usize].ranks;
            chunk.read_traces(&mut traces);
            for &trace in &traces {
                let rows = &mut of_rank[ranks[trace as usize] as usize];
                *rows = rows.saturating_add(1);
            }
        }
        let mut segments: Vec<Range<usize>> = Vec::new();
        let mut rows = 0;
        for (rank, of_rank) in of_rank.iter_mut().enumerate() {
            let own = *of_rank as usize;
            match segments.last_mut() {
                Some(last) if last.len() < size.traces && rows + own <= size.rows => {
                    last.end = rank + 1;
                    rows += own;
                }
                _ => {
                    segments.push(rank..rank + 1);
                    rows = own;
                }
            }
            *of_rank = (segments.len() - 1) as u32;
        }
        Self { segments, of_rank }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_share_large_segments_evenly() {
        let size = SegmentSize { traces: 1 << 16, rows: usize::MAX };
        for (traces, workers, expected) in [
            (0, 2, 1 << 16),
            (8191, 2, 1 << 16),
            (8192, 2, 4096),
            (20_000, 2, 10_000),
            (20_000, 8, 1 << 16),
            (100_000, 1, 50_000),
            (100_000, 2, 50_000),
            (140_000, 2, 35_000),
        ] {
            assert_eq!(size.shared(traces, workers), expected, "{traces} for {workers}");
        }
    }
}
