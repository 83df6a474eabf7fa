//! Trace data: inputs → documents → spans → [`ir::Segment`]s.
//!
//! [`source`] finds and reads inputs, [`otlp`] decodes them, [`build`] makes segments of the spans,
//! [`corpus`] keeps them in a folder; [`generate`] writes traffic whose violations are known.

pub mod build;
pub mod corpus;
pub mod generate;
pub mod otlp;
pub mod source;
pub mod statement;
pub mod threads;
