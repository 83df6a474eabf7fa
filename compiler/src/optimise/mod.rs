//! The optimiser: a module to a smaller one with the same verdicts and the same evidence.
//!
//! Tables are rebuilt bottom-up, so every pass over them is one walk:
//!
//! - equal entries become one, after tests and connectives are brought to one form ([`fold`]), so
//!   that the same predicate in many rules is one probe;
//! - predicates are folded freely, and parts go cheap before dear ([`cost`]);
//! - formulas keep every atom, since witnesses are found by walking them: they are flattened, `not
//!   not` goes, equal parts become one and neutral constants go, but neither `false and x` nor
//!   `x and not x` is folded; a constant that decides an `and` or `or` stays in it;
//! - atoms compare as written, with the count on the left of a number;
//! - entries that no rule reaches are dropped.
//!
//! Rules, their order and their clauses stay as they are.

mod cost;
mod fold;
mod keep;
mod table;
#[cfg(test)]
mod tests;

use ir::Module;
use ir::module::{
    Atom, AtomId, Count, Field, FieldId, Formula, FormulaId, Operation, OperationId, Predicate,
    PredicateId, Quantity, Rule, SetId, SpanSet, Test,
};

use table::Table;

/// The same rules over smaller tables. The module must pass [`ir::verify`], and so does the result.
pub fn optimise(module: Module) -> Module {
    debug_assert_eq!(ir::verify::verify(&module), Ok(()));
    let module = keep::reachable(Builder::default().rebuild(module));
    debug_assert_eq!(ir::verify::verify(&module), Ok(()));
    module
}

/// The tables of the new module, and where the entries of the old one went.
#[derive(Default)]
struct Builder {
    operations: Table<Operation>,
    fields: Table<Field>,
    predicates: Table<Predicate>,
    costs: Vec<u64>,
    sets: Table<SpanSet>,
    atoms: Table<Atom>,
    formulas: Table<Formula>,
}

impl Builder {
    fn rebuild(mut self, old: Module) -> Module {
        let operations: Vec<OperationId> = old
            .operations
            .into_iter()
            .map(|operation| OperationId::new(self.operations.add(operation)))
            .collect();
        let fields: Vec<FieldId> =
            old.fields.into_iter().map(|field| FieldId::new(self.fields.add(field))).collect();
        let mut predicates: Vec<PredicateId> = Vec::with_capacity(old.predicates.len());
        for predicate in old.predicates {
            let id = self.predicate(predicate, &fields, &predicates);
            predicates.push(id);
        }
        let sets: Vec<SetId> = old
            .sets
            .into_iter()
            .map(|set| {
                let operation = operations[set.operation.index()];
                let predicate = predicates[set.predicate.index()];
                SetId::new(self.sets.add(SpanSet { operation, predicate }))
            })
            .collect();
        let atoms: Vec<AtomId> = old
            .atoms
            .into_iter()
            .map(|atom| AtomId::new(self.atoms.add(self::atom(atom, &sets, &fields))))
            .collect();
        let mut formulas: Vec<FormulaId> = Vec::with_capacity(old.formulas.len());
        for formula in old.formulas {
            let id = self.formula(formula, &atoms, &formulas);
            formulas.push(id);
        }
        let mut rules = old.rules;
        rules.iter_mut().for_each(|rule| self::rule(rule, &operations, &fields, &formulas));
        Module {
            operations: self.operations.finish(),
            fields: self.fields.finish(),
            predicates: self.predicates.finish(),
            sets: self.sets.finish(),
            atoms: self.atoms.finish(),
            formulas: self.formulas.finish(),
            rules,
            group_by: old.group_by.map(|field| fields[field.index()]),
        }
    }

    fn predicate(
        &mut self,
        old: Predicate,
        fields: &[FieldId],
        known: &[PredicateId],
    ) -> PredicateId {
        match old {
            Predicate::Const(_) => self.add(old),
            Predicate::Not(inner) => {
                let inner = known[inner.index()];
                match *self.predicates.get(inner.index()) {
                    Predicate::Const(value) => self.add(Predicate::Const(!value)),
                    Predicate::Not(inner) => inner,
                    _ => self.add(Predicate::Not(inner)),
                }
            }
            Predicate::And(parts) => self.connective(true, &parts, known),
            Predicate::Or(parts) => self.connective(false, &parts, known),
            Predicate::Test(field, test) => {
                let field = fields[field.index()];
                let test = match test {
                    Test::EqualField(other) => Test::EqualField(fields[other.index()]),
                    Test::OrderField(order, other) => {
                        Test::OrderField(order, fields[other.index()])
                    }
                    other => other,
                };
                let predicate = fold::test(field, self.fields.get(field.index()), test);
                self.add(predicate)
            }
        }
    }

    /// An `and` (`all`) or an `or` of predicates.
    fn connective(
        &mut self,
        all: bool,
        parts: &[PredicateId],
        known: &[PredicateId],
    ) -> PredicateId {
        let mut opened = Vec::with_capacity(parts.len());
        for part in parts.iter().map(|part| known[part.index()]) {
            match self.predicates.get(part.index()) {
                Predicate::And(inner) if all => opened.extend_from_slice(inner),
                Predicate::Or(inner) if !all => opened.extend_from_slice(inner),
                _ => opened.push(part),
            }
        }
        let at = |part: PredicateId| self.predicates.get(part.index());
        match fold::parts(all, opened, at) {
            Err(value) => self.add(Predicate::Const(value)),
            Ok(parts) if parts.len() == 1 => parts[0],
            Ok(mut parts) => {
                parts.sort_unstable_by_key(|part| (self.costs[part.index()], *part));
                let parts = parts.into_boxed_slice();
                self.add(if all { Predicate::And(parts) } else { Predicate::Or(parts) })
            }
        }
    }

    fn add(&mut self, predicate: Predicate) -> PredicateId {
        let field = |id: FieldId| self.fields.get(id.index());
        let part = |id: PredicateId| self.costs[id.index()];
        let cost = cost::predicate(&predicate, field, part);
        let index = self.predicates.add(predicate);
        if index == self.costs.len() {
            self.costs.push(cost);
        }
        PredicateId::new(index)
    }

    fn formula(&mut self, old: Formula, atoms: &[AtomId], known: &[FormulaId]) -> FormulaId {
        let new = match old {
            Formula::Const(_) => old,
            Formula::Atom(atom) => Formula::Atom(atoms[atom.index()]),
            Formula::Not(inner) => {
                let inner = known[inner.index()];
                match *self.formulas.get(inner.index()) {
                    Formula::Const(value) => Formula::Const(!value),
                    Formula::Not(inner) => return inner,
                    _ => Formula::Not(inner),
                }
            }
            Formula::And(ref parts) | Formula::Or(ref parts) => {
                let all = matches!(old, Formula::And(_));
                let parts = self.formula_parts(all, parts, known);
                match *parts {
                    [] => Formula::Const(all),
                    [only] => return only,
                    _ if all => Formula::And(parts.into()),
                    _ => Formula::Or(parts.into()),
                }
            }
        };
        FormulaId::new(self.formulas.add(new))
    }

    /// The parts of an `and` (`all`) or an `or`, without those that change nothing.
    fn formula_parts(&self, all: bool, parts: &[FormulaId], known: &[FormulaId]) -> Vec<FormulaId> {
        let mut opened = Vec::with_capacity(parts.len());
        for part in parts.iter().map(|part| known[part.index()]) {
            match self.formulas.get(part.index()) {
                Formula::And(inner) if all => opened.extend_from_slice(inner),
                Formula::Or(inner) if !all => opened.extend_from_slice(inner),
                Formula::Const(value) if *value == all => {}
                _ => opened.push(part),
            }
        }
        opened.sort_unstable();
        opened.dedup();
        opened
    }
}

fn atom(old: Atom, sets: &[SetId], fields: &[FieldId]) -> Atom {
    let quantity = |quantity| match quantity {
        Quantity::Number(_) => quantity,
        Quantity::Count(count) => {
            let field = |field: Option<FieldId>| field.map(|field| fields[field.index()]);
            Quantity::Count(Count {
                set: sets[count.set.index()],
                distinct: field(count.distinct),
                by: field(count.by),
                within: count.within,
            })
        }
    };
    match old {
        Atom::Has(set) => Atom::Has(sets[set.index()]),
        Atom::Trace(..) => old,
        Atom::Compare(number @ Quantity::Number(_), comparison, count) => {
            Atom::Compare(quantity(count), comparison.flipped(), number)
        }
        Atom::Compare(left, comparison, right) => {
            Atom::Compare(quantity(left), comparison, quantity(right))
        }
    }
}

fn rule(rule: &mut Rule, operations: &[OperationId], fields: &[FieldId], formulas: &[FormulaId]) {
    if let Some(when) = &mut rule.when {
        *when = formulas[when.index()];
    }
    for clause in rule.always.iter_mut().chain(&mut rule.never) {
        clause.formula = formulas[clause.formula.index()];
    }
    rule.operations.iter_mut().for_each(|id| *id = operations[id.index()]);
    rule.context.iter_mut().for_each(|(_, id)| *id = fields[id.index()]);
}
