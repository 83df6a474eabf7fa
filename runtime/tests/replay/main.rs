//! Replays hand-made modules over hand-made traces, with the interpreter as the engine.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod contexts;
mod order;
mod reports;
mod support;
mod verdicts;
mod witnesses;
