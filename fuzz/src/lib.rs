//! Generators for tests: bytes → [`segment::Draft`] → segment, and bytes → module over its values.
//!
//! The same bytes always give the same case, so a fuzzer can drive them as well as a seed.

pub mod bytes;
pub mod fault;
pub mod module;
pub mod segment;
pub mod values;

pub use bytes::Bytes;
