//! What the system, other processes and bad moments may do to a corpus: the answer is always that of
//! some commit. `fuzz/faults` runs the long forms.
#![cfg(target_os = "linux")]

mod injected;
mod races;
mod snapshots;
mod support;
