//! Predicates of one span: which of them can be true together.

use std::collections::{BTreeMap, BTreeSet};

use ir::Module;
use ir::module::{FieldId, Operation, Predicate, PredicateId, SetId, Test};

use super::MOST_ATOMS;
use super::circuit::{Circuit, Entry};
use super::values::{Answers, Domain, answers};

/// The predicates of a module.
pub(crate) struct Spans<'m> {
    module: &'m Module,
}

impl<'m> Spans<'m> {
    pub(crate) fn new(module: &'m Module) -> Self {
        Self { module }
    }

    /// Whether some span of an operation can satisfy a predicate.
    pub(crate) fn is_possible(&self, set: SetId) -> bool {
        let set = self.module.sets[set.index()];
        let operation = &self.module.operations[set.operation.index()];
        self.can_be(operation, &[(set.predicate, true)])
    }

    /// Whether each span of the first set is of the second, too.
    pub(crate) fn contains(&self, inner: SetId, outer: SetId) -> bool {
        let [inner, outer] = [inner, outer].map(|set| self.module.sets[set.index()]);
        let operation = &self.module.operations[inner.operation.index()];
        let named = match (operation, &self.module.operations[outer.operation.index()]) {
            (Operation::Named(name), outer) => outer.matches(name),
            (inner, outer) => inner == outer,
        };
        named && !self.can_be(operation, &[(inner.predicate, true), (outer.predicate, false)])
    }

    /// Whether predicates can have these values on one span.
    fn can_be(&self, operation: &Operation, wanted: &[(PredicateId, bool)]) -> bool {
        let circuit = Circuit::new(wanted.iter().map(|(id, _)| *id), |id| self.entry(id));
        if circuit.leaves.len() > MOST_ATOMS {
            return true;
        }
        let name = match operation {
            Operation::Named(name) => Some(&**name),
            Operation::Wildcard(_) => None,
        };
        let mut combined = BTreeSet::from([0]);
        for answers in self.of_each_field(&circuit.leaves, name) {
            combined = combined.iter().flat_map(|a| answers.iter().map(move |b| a | b)).collect();
        }
        let wanted: Vec<(usize, bool)> =
            wanted.iter().map(|(id, wanted)| (circuit.place(*id), *wanted)).collect();
        let mut values = Vec::new();
        combined.into_iter().any(|answers| {
            circuit.values(answers, &mut values);
            wanted.iter().all(|(place, wanted)| values[*place] == *wanted)
        })
    }

    fn entry(&self, id: PredicateId) -> Entry<'m, PredicateId> {
        match &self.module.predicates[id.index()] {
            Predicate::Const(truth) => Entry::Const(*truth),
            Predicate::Not(inner) => Entry::Not(*inner),
            Predicate::And(parts) => Entry::And(parts),
            Predicate::Or(parts) => Entry::Or(parts),
            Predicate::Test(..) => Entry::Leaf,
        }
    }

    /// For each field all ways in which its tests can answer, as bits of the whole list of tests.
    fn of_each_field(&self, tests: &[PredicateId], name: Option<&str>) -> Vec<BTreeSet<Answers>> {
        let mut fields: BTreeMap<FieldId, (Vec<usize>, Vec<&Test>)> = BTreeMap::new();
        for (at, id) in tests.iter().enumerate() {
            if let Predicate::Test(field, test) = &self.module.predicates[id.index()] {
                let (places, tests) = fields.entry(*field).or_default();
                places.push(at);
                tests.push(test);
            }
        }
        let spread = |places: &[usize], own: Answers| -> Answers {
            places.iter().enumerate().map(|(at, place)| (own >> at & 1) << place).sum()
        };
        fields
            .into_iter()
            .map(|(field, (places, tests))| {
                let domain = Domain::of_span(&self.module.fields[field.index()], name);
                let own = answers(domain, &tests);
                own.into_iter().map(|own| spread(&places, own)).collect()
            })
            .collect()
    }
}
