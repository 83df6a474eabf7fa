//! What a replay asks of a module: worked out once, for all segments.

use hashbrown::HashMap;
use ir::Module;
use ir::module::{AtomId, Formula, FormulaId, OperationId, Rule};

/// What to work out of a module: the formulas and atoms that its rules rest on.
pub(crate) struct Plan {
    /// Formulas by number, children before parents.
    pub(crate) formulas: Vec<usize>,
    pub(crate) atoms: Vec<AtomId>,
    /// Position in `atoms`, by atom.
    pub(crate) position: Vec<usize>,
    /// The operations that rules name, each set once.
    pub(crate) named: Vec<Vec<OperationId>>,
    /// Position in `named`, by rule.
    pub(crate) names: Vec<usize>,
}

impl Plan {
    pub(crate) fn of(module: &Module) -> Self {
        let mut needed = vec![false; module.formulas.len()];
        let (mut named, mut names) = (Vec::new(), Vec::with_capacity(module.rules.len()));
        let mut numbers: HashMap<&[OperationId], usize> = HashMap::new();
        for rule in &module.rules {
            clauses(rule).for_each(|formula| needed[formula.index()] = true);
            names.push(*numbers.entry(&rule.operations).or_insert_with(|| {
                named.push(rule.operations.clone());
                named.len() - 1
            }));
        }
        let mut position = vec![usize::MAX; module.atoms.len()];
        let mut atoms = Vec::new();
        for at in (0..needed.len()).rev() {
            if !needed[at] {
                continue;
            }
            match &module.formulas[at] {
                Formula::Const(_) => {}
                Formula::Atom(atom) => {
                    if position[atom.index()] == usize::MAX {
                        position[atom.index()] = atoms.len();
                        atoms.push(*atom);
                    }
                }
                Formula::Not(inner) => needed[inner.index()] = true,
                Formula::And(parts) | Formula::Or(parts) => {
                    parts.iter().for_each(|part| needed[part.index()] = true);
                }
            }
        }
        let formulas = (0..needed.len()).filter(|&at| needed[at]).collect();
        Self { formulas, atoms, position, named, names }
    }
}

fn clauses(rule: &Rule) -> impl Iterator<Item = FormulaId> + '_ {
    rule.always.iter().chain(&rule.never).map(|clause| clause.formula).chain(rule.when)
}
