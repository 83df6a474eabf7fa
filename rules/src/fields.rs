//! The entries of a map whose keys are known in advance.

use compiler::Diagnostic;

use crate::yaml::{NodeId, Yaml};

/// Values by key; each is taken once.
pub struct Fields {
    entries: Vec<(&'static str, NodeId)>,
}

impl Fields {
    /// Sorts out `entries` of `owner`; the errors are unknown keys. Of a key
    /// given twice the first counts; it is for the reader of the map to refuse it.
    pub fn new(
        yaml: &Yaml,
        entries: &[(NodeId, NodeId)],
        owner: &str,
        known: &[&'static str],
    ) -> (Self, Vec<Diagnostic>) {
        let mut fields = Self { entries: Vec::new() };
        let mut errors = Vec::new();
        for &(key, value) in entries {
            let node = yaml.node(key);
            let name = node.text().unwrap_or("");
            let span = node.span.clone();
            match known.iter().find(|own| **own == name) {
                None => {
                    let help = format!("{owner} has the keys {}", known.join(", "));
                    let title = format!("unknown key `{name}`");
                    errors.push(Diagnostic::error("unknown-key", title, span).help(help));
                }
                Some(own) if fields.has(own) => {}
                Some(own) => fields.entries.push((own, value)),
            }
        }
        (fields, errors)
    }

    /// Whether the key is there and not yet taken.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(own, _)| *own == key)
    }

    /// The value of a key.
    pub fn take(&mut self, key: &str) -> Option<NodeId> {
        let at = self.entries.iter().position(|(own, _)| *own == key)?;
        Some(self.entries.swap_remove(at).1)
    }
}
