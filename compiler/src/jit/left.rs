//! Which rules a limit leaves to the loops, and why.

use hashbrown::HashMap;
use ir::module::{Atom, Formula, Module, PredicateId, Quantity, Rule};

use super::PREDICATE_COST;
use super::cache::SHAPES;

/// A rule that loops run at least in part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftToLoops {
    /// Its id.
    pub rule: String,
    /// Why.
    pub why: Limit,
}

/// A limit on machine code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Limit {
    /// A predicate takes more instructions than are compiled for one.
    #[error("a `where` comes to more than {PREDICATE_COST} instructions")]
    Predicate,
    /// As many kernels were made as are kept.
    #[error("there are {SHAPES} kernels already")]
    Kernels,
    /// The code generator refused a kernel.
    #[error("the code generator refused it")]
    Generator,
}

/// The rules that ask a predicate which was left to the loops.
pub fn rules(module: &Module, left: &HashMap<PredicateId, Limit>) -> Vec<LeftToLoops> {
    let of_set = |set: ir::module::SetId| left.get(&module.sets[set.index()].predicate).copied();
    let of_quantity = |quantity: &Quantity| match quantity {
        Quantity::Count(count) => of_set(count.set),
        Quantity::Number(_) => None,
    };
    let mut formulas: Vec<Option<Limit>> = Vec::with_capacity(module.formulas.len());
    for formula in &module.formulas {
        formulas.push(match formula {
            Formula::Const(_) => None,
            Formula::Atom(atom) => match &module.atoms[atom.index()] {
                Atom::Has(set) => of_set(*set),
                Atom::Compare(one, _, other) => of_quantity(one).or(of_quantity(other)),
                Atom::Trace(..) => None,
            },
            Formula::Not(inner) => formulas[inner.index()],
            Formula::And(parts) | Formula::Or(parts) => {
                parts.iter().find_map(|part| formulas[part.index()])
            }
        });
    }
    let of_rule = |rule: &Rule| {
        let clauses = rule.always.iter().chain(&rule.never).map(|clause| clause.formula);
        let why = clauses.chain(rule.when).find_map(|formula| formulas[formula.index()])?;
        Some(LeftToLoops { rule: rule.id.to_string(), why })
    };
    module.rules.iter().filter_map(of_rule).collect()
}
