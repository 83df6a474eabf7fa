//! Decoders that share a limit of memory, one a worker.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Decoder;
use crate::source::Block;

/// A decoder and what it holds, counted apart so that all can be added up.
pub struct Metered {
    decoder: Decoder,
    bytes: u64,
}

/// The memory that all decoders may hold together.
#[derive(Debug)]
pub struct Budget {
    held: AtomicU64,
    limit: u64,
}

/// The decoders hold more than they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverBudget {
    /// Bytes held.
    pub needed: u64,
    /// Bytes allowed.
    pub limit: u64,
}

impl Budget {
    /// What `workers` hold already, of at most `limit` bytes.
    pub fn new<'w>(workers: impl IntoIterator<Item = &'w Metered>, limit: u64) -> Self {
        let held = workers.into_iter().map(|worker| worker.bytes).sum();
        Self { held: AtomicU64::new(held), limit }
    }

    /// Bytes that all hold.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }
}

impl Metered {
    /// A decoder whose memory is not counted yet.
    pub fn new(decoder: Decoder) -> Self {
        Self { decoder, bytes: 0 }
    }

    /// The decoder.
    pub fn decoder_mut(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    /// The decoder, given up.
    pub fn into_decoder(self) -> Decoder {
        self.decoder
    }

    /// Decodes a block, except for documents that need more memory than is left.
    ///
    /// # Errors
    /// Where too much is held now; the block is decoded.
    pub fn decode(&mut self, block: &Block<'_>, budget: &Budget) -> Result<(), OverBudget> {
        let left = budget.limit.saturating_sub(budget.held());
        self.decoder.set_room(usize::try_from(left).unwrap_or(usize::MAX));
        self.decoder.decode_block(block);
        self.check(budget)
    }

    /// Counts what it holds now among what all hold.
    ///
    /// # Errors
    /// Where that is too much.
    pub fn check(&mut self, Budget { held, limit }: &Budget) -> Result<(), OverBudget> {
        let bytes = self.decoder.bytes() as u64;
        let grown = bytes.wrapping_sub(self.bytes);
        self.bytes = bytes;
        let needed = held.fetch_add(grown, Ordering::Relaxed).wrapping_add(grown);
        if needed > *limit { Err(OverBudget { needed, limit: *limit }) } else { Ok(()) }
    }
}
