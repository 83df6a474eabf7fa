//! What can be true together, found without data: tests of one value → predicates of one span →
//! conditions of one trace.
//!
//! Everything errs to one side: what is called impossible is impossible on any data; what cannot be
//! decided, because it is too large or too entangled, counts as possible.

mod circuit;
mod spans;
mod traces;
mod values;

pub(crate) use spans::Spans;
pub(crate) use traces::{Outlook, outlook};

/// How many different questions a table of all their answers is made for.
pub(crate) const MOST_ATOMS: usize = 16;
