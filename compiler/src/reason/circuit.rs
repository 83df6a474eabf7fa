//! Predicates and formulas as what their leaves make of them: flat, and quick to ask for all answers.

use std::collections::{BTreeMap, BTreeSet};

use super::values::Answers;

/// What an entry of a table is made of.
pub(super) enum Entry<'m, Id> {
    Const(bool),
    /// A question of its own.
    Leaf,
    Not(Id),
    And(&'m [Id]),
    Or(&'m [Id]),
}

/// Some entries of a table with all that they are made of.
pub(super) struct Circuit<Id> {
    /// The questions; an answer to number n is bit n.
    pub(super) leaves: Vec<Id>,
    places: BTreeMap<Id, usize>,
    gates: Vec<Gate>,
}

enum Gate {
    Const(bool),
    Leaf(usize),
    Not(usize),
    And(Vec<usize>),
    Or(Vec<usize>),
}

impl<Id: Copy + Ord> Circuit<Id> {
    /// Of a table in which children have lower ids than their parents.
    pub(super) fn new<'m>(
        roots: impl Iterator<Item = Id>,
        entry: impl Fn(Id) -> Entry<'m, Id>,
    ) -> Self
    where
        Id: 'm,
    {
        let mut needed = BTreeSet::new();
        let mut left: Vec<Id> = roots.collect();
        while let Some(id) = left.pop() {
            if needed.insert(id) {
                match entry(id) {
                    Entry::Not(inner) => left.push(inner),
                    Entry::And(parts) | Entry::Or(parts) => left.extend(parts),
                    Entry::Const(_) | Entry::Leaf => {}
                }
            }
        }
        let mut circuit = Self { leaves: Vec::new(), places: BTreeMap::new(), gates: Vec::new() };
        for id in needed {
            let places = &circuit.places;
            let all = |parts: &[Id]| parts.iter().map(|part| places[part]).collect();
            let gate = match entry(id) {
                Entry::Const(truth) => Gate::Const(truth),
                Entry::Not(inner) => Gate::Not(places[&inner]),
                Entry::And(parts) => Gate::And(all(parts)),
                Entry::Or(parts) => Gate::Or(all(parts)),
                Entry::Leaf => {
                    circuit.leaves.push(id);
                    Gate::Leaf(circuit.leaves.len() - 1)
                }
            };
            circuit.places.insert(id, circuit.gates.len());
            circuit.gates.push(gate);
        }
        circuit
    }

    /// Where the value of an entry stands among the [`values`](Self::values).
    pub(super) fn place(&self, id: Id) -> usize {
        self.places[&id]
    }

    /// The value of each entry.
    pub(super) fn values(&self, answers: Answers, values: &mut Vec<bool>) {
        values.clear();
        for gate in &self.gates {
            let value = match gate {
                Gate::Const(truth) => *truth,
                Gate::Leaf(number) => answers >> number & 1 == 1,
                Gate::Not(inner) => !values[*inner],
                Gate::And(parts) => parts.iter().all(|part| values[*part]),
                Gate::Or(parts) => parts.iter().any(|part| values[*part]),
            };
            values.push(value);
        }
    }
}
