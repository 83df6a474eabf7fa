//! A trace as a tree for people.

use std::fmt::Write;

use compiler::ast::Value;
use compiler::printable;
use hashbrown::{HashMap, HashSet};
use ir::segment::signed_difference;

use crate::notation;
use crate::span::Span;

/// Draws a trace, a line a span below its parent: name and attributes as [`notation`] has them, id,
/// start after the trace's first, duration. `mark` is written before spans of the ids `marked`, and as
/// many blanks before the others.
pub fn draw(spans: &[Span], mark: &str, marked: &[u64]) -> String {
    let id = |span: &Span| u64::from_be_bytes(span.span_id);
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|&at| (spans[at].start, id(&spans[at]), at));
    let first = order.first().map_or(0, |&at| spans[at].start);
    let mut children: HashMap<[u8; 8], Vec<usize>> = HashMap::new();
    for &at in order.iter().rev() {
        children.entry(spans[at].parent_id).or_default().push(at);
    }
    let ids: HashSet<[u8; 8]> = spans.iter().map(|span| span.span_id).collect();
    let is_root = |at: &&usize| !ids.contains(&spans[**at].parent_id);
    // Spans of a circle of parents have no root above them; they are drawn last, as if they were ones.
    let roots = order.iter().filter(is_root).chain(&order);
    let (mut drawn, mut seen) = (String::new(), vec![false; spans.len()]);
    let blank = " ".repeat(mark.chars().count());
    for &root in roots {
        let mut waiting = vec![(root, 0)];
        while let Some((at, depth)) = waiting.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            let span = &spans[at];
            let begin = if marked.contains(&id(span)) { mark } else { &blank };
            let lost = depth == 0 && span.parent_id != [0; 8];
            let _ = writeln!(
                drawn,
                "{begin} {}{} {} @{} +{}{}",
                "  ".repeat(depth),
                printable(&notation::write(span)),
                name_of(id(span)),
                length(signed_difference(span.start, first)),
                length(signed_difference(span.end, span.start)),
                if lost { " (its parent is not there)" } else { "" },
            );
            let below = children.get(&span.span_id).into_iter().flatten();
            waiting.extend(below.map(|&child| (child, depth + 1)));
        }
    }
    drawn
}

/// The id of a span as people write it: as the notation counts, or in hex where it is of a recorded
/// trace.
pub fn name_of(id: u64) -> String {
    if id < 1 << 32 { format!("#{id}") } else { format!("{id:016x}") }
}

fn length(nanoseconds: i64) -> String {
    Value::Duration(nanoseconds).to_string()
}
