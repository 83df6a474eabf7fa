//! Parts and their values as text for people.

use std::fmt::Write;

use compiler::printable;

use super::draw::name_of;
use super::{Part, PartValue};

/// Ids that are shown of a list.
const SHOWN: usize = 8;

/// The tree of a rule's parts with the value of each, a line a part.
pub fn show(parts: &[Part], values: &[PartValue]) -> String {
    let mut text = String::new();
    for (part, value) in parts.iter().zip(values) {
        let name = part.kind.word().map_or_else(|| printable(&part.text), str::to_owned);
        let shown = if part.kind.is_clause() { bare(value) } else { shown(value) };
        let _ = writeln!(text, "{}{name}: {shown}", "  ".repeat(part.depth));
    }
    text
}

/// A clause's value alone, as the part below it says the rest.
fn bare(value: &PartValue) -> String {
    value.is_ever(true).to_string()
}

fn shown(value: &PartValue) -> String {
    match value {
        PartValue::OfTrace { holds, sides, spans } => {
            let mut text = holds.to_string();
            if let Some([left, right]) = sides {
                let _ = write!(text, " ({left} against {right})");
            }
            if !spans.is_empty() {
                let _ = write!(text, " by {}", ids(spans));
            }
            text
        }
        PartValue::OfSpans { holds, fails } => match (&holds[..], &fails[..]) {
            ([], []) => "no such span".to_owned(),
            (holds, []) => format!("true for {}", ids(holds)),
            ([], fails) => format!("false for {}", ids(fails)),
            (holds, fails) => format!("true for {}, false for {}", ids(holds), ids(fails)),
        },
    }
}

fn ids(ids: &[u64]) -> String {
    let names: Vec<String> = ids.iter().take(SHOWN).map(|&id| name_of(id)).collect();
    let more = match ids.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", names.join(", "))
}
