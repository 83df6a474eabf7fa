//! Signals: one violation of one rule by one trace, with its evidence.

use ir::module::Severity;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::context::Context;

/// The name and version of the shape of a signal.
pub const SIGNAL_SCHEMA: &str = "betrace.signal/1";

/// A violation. Its fields are its JSON, in this order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Signal {
    /// `sig_` and 32 hex digits: the same for the same rule and trace, whenever it is found.
    pub signal_id: String,
    /// The rule.
    pub rule_id: String,
    /// How grave it is.
    #[serde(serialize_with = "severity_name")]
    pub severity: Severity,
    /// Start of the first witness span, or the trace's time if there is none: nanoseconds since
    /// 1970, printed to the millisecond.
    #[serde(serialize_with = "milliseconds")]
    pub timestamp: u64,
    /// The trace, in 32 hex digits.
    pub trace_id: String,
    /// The witness spans by start, in 16 hex digits each; at most [`crate::SPAN_LIMIT`].
    pub span_ids: Vec<String>,
    /// The values that the rule asked for.
    pub context: Context,
    /// What the rule's author says of it.
    pub message: String,
    /// How it was found.
    pub mode: &'static str,
    /// Hash of everything that decides a verdict of the rule.
    pub rule_hash: String,
    /// [`SIGNAL_SCHEMA`].
    pub schema: &'static str,
    /// What kind of event it is, for machines, if the rule's author said so.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub signal_type: Option<String>,
    /// How many witness spans there are in all.
    pub span_count: usize,
    /// What the trace should have: the `always` terms that do not hold.
    pub missing: Vec<String>,
    /// What the trace should not have: the `never` terms that hold.
    pub forbidden: Vec<String>,
}

/// An instant in nanoseconds since 1970 as RFC 3339 in UTC, cut to the millisecond.
pub fn rfc3339(nanoseconds: u64) -> String {
    let milliseconds = (nanoseconds / 1_000_000).cast_signed();
    let timestamp = Timestamp::from_millisecond(milliseconds)
        .expect("64 bits of nanoseconds end in the year 2554");
    DateTimePrinter::new().precision(Some(3)).timestamp_to_string(&timestamp)
}

/// The id of the signal of a rule about a trace.
pub(crate) fn signal_id(rule_id: &str, trace_id: &str) -> String {
    let hash = Sha256::new()
        .chain_update(SIGNAL_SCHEMA)
        .chain_update([0])
        .chain_update(rule_id)
        .chain_update([0])
        .chain_update(trace_id)
        .finalize();
    let number = u128::from_be_bytes(hash[..16].try_into().expect("16 bytes of a hash of 32"));
    format!("sig_{number:032x}")
}

fn severity_name<S: Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(severity.name())
}

fn milliseconds<S: Serializer>(nanoseconds: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_cut_to_the_millisecond() {
        for (nanoseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_732_524_137_384_999_999, "2024-11-25T08:42:17.384Z"),
            (u64::MAX, "2554-07-21T23:34:33.709Z"),
        ] {
            assert_eq!(rfc3339(nanoseconds), text);
        }
    }

    #[test]
    fn an_id_depends_on_rule_and_trace_and_nothing_else() {
        let id = signal_id("a", "5f9c2a1b3e4d67890000000000000001");
        assert_eq!(id.len(), 36);
        assert_eq!(id, signal_id("a", "5f9c2a1b3e4d67890000000000000001"));
        assert_ne!(id, signal_id("b", "5f9c2a1b3e4d67890000000000000001"));
        assert_ne!(id, signal_id("a", "5f9c2a1b3e4d67890000000000000002"));
    }
}
