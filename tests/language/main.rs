//! What rules mean: verdicts on small traces, on every engine and on a second, naive evaluator.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

#[path = "../answers/mod.rs"]
mod answers;
mod at_rest;
mod cases;
mod documents;
mod engines;
mod explained;
mod lints;
mod naive;
mod random;
mod reading;
mod traces;
mod vectors;
mod verdicts;
mod whole_way;
