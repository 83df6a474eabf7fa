//! Drops what no rule reaches, keeping the order of the rest.

use ir::Module;
use ir::module::{
    Atom, AtomId, Count, FieldId, Formula, FormulaId, OperationId, Predicate, PredicateId,
    Quantity, SetId, Test,
};

/// The module without entries that no rule reaches.
pub fn reachable(mut module: Module) -> Module {
    let marks = Marks::of(&module);
    let operations = keep(&mut module.operations, &marks.operations, OperationId::new);
    let fields = keep(&mut module.fields, &marks.fields, FieldId::new);
    let predicates = keep(&mut module.predicates, &marks.predicates, PredicateId::new);
    let sets = keep(&mut module.sets, &marks.sets, SetId::new);
    let atoms = keep(&mut module.atoms, &marks.atoms, AtomId::new);
    let formulas = keep(&mut module.formulas, &marks.formulas, FormulaId::new);
    for predicate in &mut module.predicates {
        match predicate {
            Predicate::Const(_) => {}
            Predicate::Not(inner) => *inner = predicates[inner.index()],
            Predicate::And(parts) | Predicate::Or(parts) => {
                parts.iter_mut().for_each(|part| *part = predicates[part.index()]);
            }
            Predicate::Test(field, test) => {
                *field = fields[field.index()];
                if let Test::EqualField(other) | Test::OrderField(_, other) = test {
                    *other = fields[other.index()];
                }
            }
        }
    }
    for set in &mut module.sets {
        set.operation = operations[set.operation.index()];
        set.predicate = predicates[set.predicate.index()];
    }
    for atom in &mut module.atoms {
        match atom {
            Atom::Has(set) => *set = sets[set.index()],
            Atom::Compare(left, _, right) => {
                for quantity in [left, right] {
                    let Quantity::Count(count) = quantity else { continue };
                    count.set = sets[count.set.index()];
                    let named = [&mut count.distinct, &mut count.by].into_iter().flatten();
                    named.for_each(|field| *field = fields[field.index()]);
                }
            }
            Atom::Trace(..) => {}
        }
    }
    for formula in &mut module.formulas {
        match formula {
            Formula::Const(_) => {}
            Formula::Atom(atom) => *atom = atoms[atom.index()],
            Formula::Not(inner) => *inner = formulas[inner.index()],
            Formula::And(parts) | Formula::Or(parts) => {
                parts.iter_mut().for_each(|part| *part = formulas[part.index()]);
            }
        }
    }
    let (ids, list) = (&mut module.group_by, &mut module.rules);
    ids.iter_mut().for_each(|field| *field = fields[field.index()]);
    list.iter_mut().for_each(|rule| super::rule(rule, &operations, &fields, &formulas));
    module
}

/// Keeps the marked entries; the result maps old indices to new handles. The handle of an entry
/// that went means nothing.
fn keep<T, Id>(items: &mut Vec<T>, marks: &[bool], handle: impl Fn(usize) -> Id) -> Vec<Id> {
    let mut kept = 0;
    let handles = marks
        .iter()
        .map(|&mark| {
            let id = handle(kept);
            kept += usize::from(mark);
            id
        })
        .collect();
    let mut marks = marks.iter();
    items.retain(|_| marks.next().is_some_and(|mark| *mark));
    handles
}

/// What rules reach, table by table.
struct Marks {
    operations: Vec<bool>,
    fields: Vec<bool>,
    predicates: Vec<bool>,
    sets: Vec<bool>,
    atoms: Vec<bool>,
    formulas: Vec<bool>,
}

impl Marks {
    fn of(module: &Module) -> Self {
        let mut marks = Self {
            operations: vec![false; module.operations.len()],
            fields: vec![false; module.fields.len()],
            predicates: vec![false; module.predicates.len()],
            sets: vec![false; module.sets.len()],
            atoms: vec![false; module.atoms.len()],
            formulas: vec![false; module.formulas.len()],
        };
        module.group_by.iter().for_each(|field| marks.fields[field.index()] = true);
        for rule in &module.rules {
            let clauses = rule.always.iter().chain(&rule.never).map(|clause| clause.formula);
            clauses.chain(rule.when).for_each(|id| marks.formulas[id.index()] = true);
            rule.operations.iter().for_each(|id| marks.operations[id.index()] = true);
            rule.context.iter().for_each(|(_, id)| marks.fields[id.index()] = true);
        }
        marks.formulas(module);
        for (at, atom) in module.atoms.iter().enumerate() {
            if marks.atoms[at] {
                marks.atom(atom);
            }
        }
        for (at, set) in module.sets.iter().enumerate() {
            if marks.sets[at] {
                marks.operations[set.operation.index()] = true;
                marks.predicates[set.predicate.index()] = true;
            }
        }
        marks.predicates(module);
        marks
    }

    /// Parents come after their parts, so one walk backwards marks everything below.
    fn formulas(&mut self, module: &Module) {
        for (at, formula) in module.formulas.iter().enumerate().rev() {
            match formula {
                _ if !self.formulas[at] => {}
                Formula::Const(_) => {}
                Formula::Atom(atom) => self.atoms[atom.index()] = true,
                Formula::Not(inner) => self.formulas[inner.index()] = true,
                Formula::And(parts) | Formula::Or(parts) => {
                    parts.iter().for_each(|part| self.formulas[part.index()] = true);
                }
            }
        }
    }

    fn predicates(&mut self, module: &Module) {
        for (at, predicate) in module.predicates.iter().enumerate().rev() {
            match predicate {
                _ if !self.predicates[at] => {}
                Predicate::Const(_) => {}
                Predicate::Not(inner) => self.predicates[inner.index()] = true,
                Predicate::And(parts) | Predicate::Or(parts) => {
                    parts.iter().for_each(|part| self.predicates[part.index()] = true);
                }
                Predicate::Test(field, test) => {
                    self.fields[field.index()] = true;
                    test.other_field().iter().for_each(|id| self.fields[id.index()] = true);
                }
            }
        }
    }

    fn atom(&mut self, atom: &Atom) {
        match atom {
            Atom::Has(set) => self.sets[set.index()] = true,
            Atom::Compare(left, _, right) => {
                for quantity in [left, right] {
                    let Quantity::Count(Count { set, distinct, by, .. }) = quantity else {
                        continue;
                    };
                    self.sets[set.index()] = true;
                    distinct.iter().chain(by).for_each(|id| self.fields[id.index()] = true);
                }
            }
            Atom::Trace(..) => {}
        }
    }
}
