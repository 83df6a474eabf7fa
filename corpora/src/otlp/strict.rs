//! The fast reader: simd-json's tape, in buffers that are used again and again.

use simd_json::{Buffers, Node, Tape};

use super::KEPT;
use super::tape::StrictTape;
use crate::source::Chunk;

/// Deepest nesting that is read fast; deeper documents are left to the tolerant reader.
const MAX_DEPTH: usize = 64;

/// Reads chunks that are one valid JSON document each.
pub(super) struct Strict {
    /// A copy of the chunk, because simd-json writes into its input even if it then refuses it.
    scratch: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
}

impl Strict {
    pub(super) fn new() -> Self {
        Self {
            scratch: Vec::new(),
            buffers: Buffers::with_max_depth(0, MAX_DEPTH),
            tape: Tape(Vec::new()),
        }
    }

    /// What `read` makes of the tape, or `None` if the chunk is not one valid document.
    #[inline]
    pub(super) fn read<O>(
        &mut self,
        chunk: &Chunk<'_>,
        read: impl FnOnce(StrictTape<'_>) -> O,
    ) -> Option<O> {
        let Self { scratch, buffers, tape: kept } = self;
        let len = chunk.copy_padded(scratch);
        let mut tape = std::mem::replace(kept, Tape(Vec::new())).reset();
        let filled = simd_json::fill_tape_padded(scratch, len, buffers, &mut tape);
        let outcome = filled.is_ok().then(|| read(StrictTape(&tape.0)));
        *kept = tape.reset();
        if self.bytes() > KEPT {
            *self = Self::new();
        }
        outcome
    }

    /// Bytes of all buffers, about.
    fn bytes(&self) -> usize {
        // The parser has a buffer for unescaped text as long as the scratch.
        2 * self.scratch.capacity()
            + size_of_val(self.buffers.structural_indexes())
            + self.tape.0.capacity() * size_of::<Node<'_>>()
    }
}
