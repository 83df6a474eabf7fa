//! What a module reads of the traces: the operations and attribute keys that decoders must keep.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::module::{Atom, Field, FieldId, Module, Operation, Predicate, Quantity};
use crate::segment::Coverage;

/// The operations and keys that a module reads.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    keys: Vec<Box<str>>,
    numbers: HashMap<Box<str>, usize>,
    operations: Vec<Operation>,
    covered: Arc<HashSet<Operation>>,
    reads: Vec<Reads>,
    named: HashMap<Box<str>, Vec<usize>>,
    wildcards: Vec<usize>,
    anywhere: Arc<[usize]>,
    resource_keys: Vec<usize>,
    structure: bool,
    everything: bool,
}

/// What to keep of the spans of an operation.
///
/// The keys of [`Schema::reads_anywhere`] are kept of every operation's and are not listed again:
/// ten thousand rules may have as many of them, and as many operations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reads {
    /// Whether a rule names the operation: every span of it is kept. Of other operations only the
    /// spans that bear a key that is read anywhere, on themselves or on their resource, are.
    pub named: bool,
    /// Numbers of the attribute keys to keep besides those that are read anywhere, ascending.
    pub keys: Vec<usize>,
    /// Whether the status message is kept.
    pub message: bool,
}

impl Schema {
    /// The schema of a module.
    pub fn of(module: &Module) -> Self {
        let mut schema = Self { operations: module.operations.clone(), ..Self::default() };
        schema.reads = vec![Reads { named: true, ..Reads::default() }; module.operations.len()];
        for set in &module.sets {
            for field in predicate_fields(module, set.predicate.index()) {
                schema.add(set.operation.index(), &module.fields[field.index()]);
            }
        }
        for atom in &module.atoms {
            let Atom::Compare(left, _, right) = atom else { continue };
            for quantity in [left, right] {
                let Quantity::Count(count) = quantity else { continue };
                let operation = module.sets[count.set.index()].operation.index();
                for field in [count.distinct, count.by].into_iter().flatten() {
                    schema.add(operation, &module.fields[field.index()]);
                }
            }
        }
        let context = module.rules.iter().flat_map(|rule| &rule.context);
        let anywhere: Vec<usize> = context
            .filter_map(|(_, field)| schema.add_anywhere(&module.fields[field.index()]))
            .collect();
        schema.anywhere = ascending(anywhere).into();
        if let Some(field) = module.group_by {
            for operation in 0..module.operations.len() {
                schema.add(operation, &module.fields[field.index()]);
            }
        }
        schema.resource_keys = ascending(std::mem::take(&mut schema.resource_keys));
        let Self { reads, anywhere, .. } = &mut schema;
        for Reads { keys, .. } in reads {
            *keys = ascending(std::mem::take(keys));
            keys.retain(|key| anywhere.binary_search(key).is_err());
        }
        schema.covered = Arc::new(module.operations.iter().cloned().collect());
        schema.index_names();
        schema
    }

    /// The schema of a corpus: all that spans, scopes and resources bear is kept, under every key.
    pub fn everything() -> Self {
        Self { structure: true, everything: true, ..Self::default() }
    }

    /// The same, and parent, scope and flags of every kept span as well.
    pub fn with_structure(mut self) -> Self {
        self.structure = true;
        self
    }

    /// The attribute keys that are read anywhere; a key's position is its number.
    pub fn keys(&self) -> &[Box<str>] {
        &self.keys
    }

    /// Numbers of the keys that are read of resources, ascending.
    pub fn resource_keys(&self) -> &[usize] {
        &self.resource_keys
    }

    /// Numbers of the keys that are read of every span that bears them, ascending.
    pub fn reads_anywhere(&self) -> &Arc<[usize]> {
        &self.anywhere
    }

    /// Whether parent, scope and flags are kept.
    pub fn structure(&self) -> bool {
        self.structure
    }

    /// Whether all is kept: keys are known when they come, [`Self::keys`] has none of them.
    pub fn keeps_everything(&self) -> bool {
        self.everything
    }

    /// What to keep of the spans named `name`. Costly: ask once a distinct name.
    pub fn reads(&self, name: &str) -> Reads {
        if self.everything {
            return Reads { named: true, keys: Vec::new(), message: true };
        }
        let named = self.named.get(name).into_iter().flatten();
        let wildcards = self.wildcards.iter().filter(|&&at| self.operations[at].matches(name));
        let mut all = Reads::default();
        for reads in named.chain(wildcards).map(|&at| &self.reads[at]) {
            all.named = true;
            all.message |= reads.message;
            all.keys.extend_from_slice(&reads.keys);
        }
        all.keys = ascending(all.keys);
        all
    }

    /// Numbers of all keys to keep of the spans named `name`, ascending. Costly, too.
    pub fn keys_of(&self, name: &str) -> Vec<usize> {
        ascending([self.reads(name).keys.as_slice(), &self.anywhere].concat())
    }

    /// Numbers of the keys that rules read of an operation of the module, by its place there,
    /// ascending: without what they read of the same spans under another name or a wildcard.
    pub fn keys_of_operation(&self, operation: usize) -> Vec<usize> {
        ascending([self.reads[operation].keys.as_slice(), &self.anywhere].concat())
    }

    /// What a segment made by this schema holds.
    pub fn coverage(&self) -> Coverage {
        match self.everything {
            true => Coverage::All,
            false => Coverage::Operations(self.covered.clone()),
        }
    }

    fn add(&mut self, operation: usize, field: &Field) {
        match field {
            Field::Any(key) => {
                let key = self.key(key);
                self.reads[operation].keys.push(key);
                self.resource_keys.push(key);
            }
            Field::Span(key) => {
                let key = self.key(key);
                self.reads[operation].keys.push(key);
            }
            Field::Resource(key) => {
                let key = self.key(key);
                self.resource_keys.push(key);
            }
            Field::StatusMessage => self.reads[operation].message = true,
            Field::Name | Field::Kind | Field::Status | Field::Duration => {}
        }
    }

    /// Context is looked up on every span of a trace: a span is kept for what its resource says,
    /// too, so the key of a resource counts as one of the span. The number of the field's key.
    fn add_anywhere(&mut self, field: &Field) -> Option<usize> {
        let (Field::Any(key) | Field::Span(key) | Field::Resource(key)) = field else {
            return None;
        };
        let key = self.key(key);
        if !matches!(field, Field::Span(_)) {
            self.resource_keys.push(key);
        }
        Some(key)
    }

    fn key(&mut self, key: &str) -> usize {
        if let Some(&number) = self.numbers.get(key) {
            return number;
        }
        self.keys.push(key.into());
        self.numbers.insert(key.into(), self.keys.len() - 1);
        self.keys.len() - 1
    }

    fn index_names(&mut self) {
        for (at, operation) in self.operations.iter().enumerate() {
            match operation {
                Operation::Named(name) => self.named.entry(name.clone()).or_default().push(at),
                Operation::Wildcard(_) => self.wildcards.push(at),
            }
        }
    }
}

/// Each of these numbers once, in order.
fn ascending(mut numbers: Vec<usize>) -> Vec<usize> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The fields that predicate `root` reads.
fn predicate_fields(module: &Module, root: usize) -> Vec<FieldId> {
    let mut fields = Vec::new();
    let mut left = vec![root];
    while let Some(at) = left.pop() {
        match &module.predicates[at] {
            Predicate::Const(_) => {}
            Predicate::Not(inner) => left.push(inner.index()),
            Predicate::And(parts) | Predicate::Or(parts) => {
                left.extend(parts.iter().map(|part| part.index()));
            }
            Predicate::Test(field, test) => {
                fields.push(*field);
                fields.extend(test.other_field());
            }
        }
    }
    fields
}
