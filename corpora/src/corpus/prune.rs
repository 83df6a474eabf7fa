//! Retention: traces of before a time go.

use super::CorpusError;
use super::rewrite::Rewrite;
use super::writer::Writer;

/// What pruning did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Traces that went.
    pub traces: u64,
    /// Their spans.
    pub spans: u64,
    /// Segments that went as a whole, without being read.
    pub dropped: u64,
    /// Segments that were written again, without the traces that went.
    pub rewritten: u64,
    /// Traces that lay in several segments and were put together, to know when they start.
    pub healed: u64,
    /// Whether the files of before are gone; they stay while another process reads the corpus.
    pub swept: bool,
}

/// What there is to prune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Start of the first trace, in nanoseconds since 1970.
    pub first: u64,
    /// Start of the last one.
    pub last: u64,
    /// Traces.
    pub traces: u64,
    /// Spans.
    pub spans: u64,
}

impl Writer {
    /// Removes the traces that start before a time, with about `memory` bytes. `before` says when, in
    /// nanoseconds since 1970, by what there is; of a corpus without traces it is not asked.
    ///
    /// # Errors
    /// [`CorpusError`], or what `before` failed with; then the corpus is what it was.
    pub fn prune<E: From<CorpusError>>(
        self,
        before: impl FnOnce(Extent) -> Result<u64, E>,
        memory: u64,
    ) -> Result<Pruned, E> {
        let mut rewrite = Rewrite::new(self, memory);
        let mut done = Pruned { healed: rewrite.heal()?, ..Pruned::default() };
        // A segment with pieces of traces that are whole now counts these no longer.
        rewrite.settle()?;
        let entries = rewrite.segments().to_vec();
        let first = entries.iter().map(|entry| entry.first).min();
        let last = entries.iter().map(|entry| entry.last).max();
        let before = match first.zip(last) {
            Some((first, last)) => {
                before(Extent { first, last, traces: rewrite.traces(), spans: rewrite.spans() })?
            }
            None => 0,
        };
        for entry in entries {
            if entry.first >= before {
                continue;
            }
            if entry.last < before {
                done.dropped += 1;
                done.traces += entry.traces;
                done.spans += entry.spans;
                rewrite.finish(&[entry.number])?;
                continue;
            }
            let part = rewrite.open(entry.number)?;
            let starts = part.segment.traces.start.clone();
            let [traces, spans] = [rewrite.traces(), rewrite.spans()];
            rewrite.add(&part.without(|trace| starts[trace] < before), |_| true)?;
            rewrite.finish(&[entry.number])?;
            done.rewritten += 1;
            done.traces += traces - rewrite.traces();
            done.spans += spans - rewrite.spans();
        }
        done.swept = rewrite.commit()?;
        Ok(done)
    }
}
