//! Tables of a module under construction, in which equal entries are one.

use std::hash::Hash;
use std::marker::PhantomData;

use hashbrown::HashMap;
use ir::module::{
    Atom, AtomId, Field, FieldId, Formula, FormulaId, Module, Operation, OperationId, Predicate,
    PredicateId, Rule, SetId, SpanSet,
};

/// The tables that rules refer to.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) operations: Table<Operation, OperationId>,
    pub(super) fields: Table<Field, FieldId>,
    pub(super) predicates: Table<Predicate, PredicateId>,
    pub(super) sets: Table<SpanSet, SetId>,
    pub(super) atoms: Table<Atom, AtomId>,
    pub(super) formulas: Table<Formula, FormulaId>,
}

impl Tables {
    pub(super) fn into_module(self, rules: Vec<Rule>, group_by: Option<FieldId>) -> Module {
        Module {
            operations: self.operations.entries,
            fields: self.fields.entries,
            predicates: self.predicates.entries,
            sets: self.sets.entries,
            atoms: self.atoms.entries,
            formulas: self.formulas.entries,
            rules,
            group_by,
        }
    }
}

/// Entries in the order of their first appearance.
pub(super) struct Table<T, Id> {
    entries: Vec<T>,
    index: HashMap<T, usize>,
    handles: PhantomData<Id>,
}

impl<T, Id> Default for Table<T, Id> {
    fn default() -> Self {
        Self { entries: Vec::new(), index: HashMap::new(), handles: PhantomData }
    }
}

impl<T: Hash + Eq + Clone, Id: Handle> Table<T, Id> {
    /// The handle of the entry, which is added unless it is there.
    pub(super) fn add(&mut self, entry: T) -> Id {
        let next = self.entries.len();
        let at = *self.index.entry(entry).or_insert_with_key(|entry| {
            self.entries.push(entry.clone());
            next
        });
        Id::of(at)
    }
}

/// A handle that can be made from an index.
pub(super) trait Handle {
    fn of(index: usize) -> Self;
}

macro_rules! handles {
    ($($name:ident)*) => {$(
        impl Handle for $name {
            fn of(index: usize) -> Self {
                Self::new(index)
            }
        }
    )*};
}

handles! { OperationId FieldId PredicateId SetId AtomId FormulaId }
