//! The bound of memory that the program promises.

use std::fs;
use std::time::Duration;

use crate::sandbox::Sandbox;

/// What is allowed whatever the data is; beside it 64 bytes a trace and a span. (Of spans that no
/// rule names the program promises fewer, but here half of them are named.)
const FIXED: u64 = 300 << 20;

#[test]
fn memory_stays_within_its_bound() {
    if !std::path::Path::new("/proc/self/status").exists() {
        println!("skipped: this system does not tell a process's peak of memory");
        return;
    }
    let sandbox = Sandbox::with_workload(100_000, 5, 9);
    let truth: serde_json::Value =
        serde_json::from_str(&sandbox.read("data/.truth.json")).expect("JSON");
    let count = |key: &str| truth[key].as_u64().expect("a number");
    let args = ["replay", "--rules", crate::sandbox::OMNICART, "--format", "json", "data"];
    let mut child =
        sandbox.command(env!("CARGO_BIN_EXE_betrace"), &args).spawn().expect("the program starts");
    let mut peak = 0;
    while child.try_wait().expect("it can be asked").is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
        peak = peak.max(status.ok().as_deref().and_then(high_water).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(peak > 1 << 20, "the peak was never seen");
    let bound = FIXED + 64 * (count("traces") + count("spans"));
    assert!(peak < bound, "{peak} bytes at most, {bound} allowed");
}

/// The peak of resident memory, in bytes.
fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}
