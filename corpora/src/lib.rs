//! placeholder

pub mod build;
pub mod generate;
pub mod source;
