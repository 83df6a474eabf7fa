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
    anywhere: Vec<usize>,
    resource_keys: Vec<usize>,
    structure: bool,
}

/// What to keep of the spans of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Whether a rule names the operation: every span of it is kept. Of other operations only the
    /// spans that bear one of `keys`, on themselves or on their resource, are.
    pub named: bool,
    /// Numbers of the attribute keys to keep, ascending.
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
        for (_, field) in context {
            schema.add_anywhere(&module.fields[field.index()]);
        }
        for operation in 0..module.operations.len() {
            let anywhere = schema.anywhere.clone();
            anywhere.into_iter().for_each(|key| insert(&mut schema.reads[operation].keys, key));
            if let Some(field) = module.group_by {
                schema.add(operation, &module.fields[field.index()]);
            }
        }
        schema.covered = Arc::new(module.operations.iter().cloned().collect());
        schema.index_names();
        schema
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
    pub fn reads_anywhere(&self) -> &[usize] {
        &self.anywhere
    }

    /// Whether parent, scope and flags are kept.
    pub fn structure(&self) -> bool {
        self.structure
    }

    /// What to keep of the spans named `name`. Costly: ask once a distinct name.
    pub fn reads(&self, name: &str) -> Reads {
        let named = self.named.get(name).into_iter().flatten();
        let wildcards = self.wildcards.iter().filter(|&&at| self.operations[at].matches(name));
        let mut all = Reads::default();
        for reads in named.chain(wildcards).map(|&at| &self.reads[at]) {
            all.named = true;
            all.message |= reads.message;
            reads.keys.iter().for_each(|&key| insert(&mut all.keys, key));
        }
        if !all.named {
            all.keys.clone_from(&self.anywhere);
        }
        all
    }

    /// What a segment made by this schema holds.
    pub fn coverage(&self) -> Coverage {
        Coverage::Operations(self.covered.clone())
    }

    fn add(&mut self, operation: usize, field: &Field) {
        match field {
            Field::Any(key) => {
                let key = self.key(key);
                insert(&mut self.reads[operation].keys, key);
                insert(&mut self.resource_keys, key);
            }
            Field::Span(key) => {
                let key = self.key(key);
                insert(&mut self.reads[operation].keys, key);
            }
            Field::Resource(key) => {
                let key = self.key(key);
                insert(&mut self.resource_keys, key);
            }
            Field::StatusMessage => self.reads[operation].message = true,
            Field::Name | Field::Kind | Field::Status | Field::Duration => {}
        }
    }

    /// Context is looked up on every span of a trace: a span is kept for what its resource says,
    /// too, so the key of a resource counts as one of the span.
    fn add_anywhere(&mut self, field: &Field) {
        if let Field::Any(key) | Field::Span(key) | Field::Resource(key) = field {
            let key = self.key(key);
            insert(&mut self.anywhere, key);
            if !matches!(field, Field::Span(_)) {
                insert(&mut self.resource_keys, key);
            }
        }
    }

    fn key(&mut self, key: &str) -> usize {
        *self.numbers.entry(key.into()).or_insert_with(|| {
            self.keys.push(key.into());
            self.keys.len() - 1
        })
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

fn insert(sorted: &mut Vec<usize>, item: usize) {
    if let Err(at) = sorted.binary_search(&item) {
        sorted.insert(at, item);
    }
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
