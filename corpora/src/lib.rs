//! Trace data: inputs → documents → spans → [`ir::Segment`]s.
//!
//! [`source`] finds and reads inputs, [`otlp`] decodes them, [`build`] makes segments of the spans;
//! [`generate`] writes traffic whose violations are known.

pub mod build;
pub mod generate;
pub mod otlp;
pub mod source;
