//! The attributes of events, links and scopes inside what else a span or scope bears.

use ir::Value;

use super::nodes::Nodes;
use super::scan;
use super::tally::Findings;
use super::tape::{Tape, View, entries, items};
use super::value::{collect, iterate};
use crate::build::AttributeValue;

/// Whether any of the lists of attributes in `rest`, the text of an object, passes `test`: those of its
/// members and of the items of its members.
pub(crate) fn any_attributes(rest: &str, test: impl Fn(&[(String, Value)]) -> bool) -> bool {
    let (mut nodes, mut ignored) = (Nodes::default(), Findings::default());
    scan::scan(rest.as_bytes(), &mut nodes, &mut ignored);
    let tape = nodes.tape(rest.as_bytes());
    let mut found = Vec::new();
    let mut passes = |owner: usize| {
        let View::Object(len) = tape.view(owner) else { return false };
        let list = entries(tape, owner, len).filter(|(key, _)| *key == "attributes").last();
        collect(tape, list.map(|(_, list)| list), &mut found, &mut ignored);
        let attributes = iterate(tape, &found);
        let attributes: Vec<_> =
            attributes.map(|(key, value)| (key.to_owned(), value.to_value())).collect();
        !attributes.is_empty() && test(&attributes)
    };
    if tape.len() == 0 {
        return false;
    }
    let View::Object(len) = tape.view(0) else { return false };
    entries(tape, 0, len).any(|(_, member)| match tape.view(member) {
        View::Array(len) => items(tape, member, len).any(&mut passes),
        _ => passes(member),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_events_links_and_scopes_are_found() {
        let list = r#"[{"key":"user","value":{"stringValue":"anna"}}]"#;
        for rest in [
            format!(r#"{{"events":[{{"name":"a"}},{{"name":"b","attributes":{list}}}]}}"#),
            format!(r#"{{"traceState":"x","links":[{{"attributes":{list}}}]}}"#),
            format!(r#"{{"scope":{{"attributes":{list}}},"schemaUrl":"x"}}"#),
        ] {
            let test = |attributes: &[(String, Value)]| {
                attributes == [("user".to_owned(), Value::Text("anna".to_owned()))]
            };
            assert!(any_attributes(&rest, test), "{rest}");
        }
        for rest in ["", "[]", "{}", r#"{"events":[{"attributes":[]}],"attributes":3}"#] {
            assert!(!any_attributes(rest, |_| true), "{rest}");
        }
    }
}
