//! Generators for tests: bytes → [`segment::Draft`] → segment, bytes → module over its values, bytes
//! → rules, OTLP JSON and damage to either. [`campaign`](campaign::campaign) drives a target with
//! them; [`engines`](engines::Engines) are what has to agree on modules over segments.
//!
//! The same bytes always give the same case, so a fuzzer can drive them as well as a seed.

pub mod bytes;
pub mod campaign;
pub mod engines;
pub mod fault;
pub mod fences;
pub mod module;
pub mod mutate;
pub mod otlp;
pub mod sealed;
pub mod segment;
pub mod statement;
pub mod texts;
pub mod values;

pub use bytes::Bytes;
