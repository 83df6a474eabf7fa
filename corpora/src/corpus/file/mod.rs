//! One segment in one file: an [`ir::Segment`] field by field, each buffer a block of bytes.
//!
//! Segment ─ [`write()`] ─► bytes ─ [`SegmentFile::open`] ─► [`SegmentFile::segment`] ─► Segment
//!
//! Opening reads the footer alone. A block is checked, chunk by chunk, and unpacked when somebody
//! first looks at it; so a rule costs what it touches. `corpora/FORMAT.md` is the grammar.

mod blocks;
mod check;
mod chunks;
mod dictionary;
mod footer;
mod frames;
mod guard;
mod item;
mod layout;
mod opened;
mod ordinals;
mod parents;
mod read;
mod recode;
mod segment;
mod source;
mod store;
mod usage;
mod whole;
mod write;

pub use guard::guard_maps;
pub use read::{BlockSize, SegmentFile};
pub use write::{Written, write};
