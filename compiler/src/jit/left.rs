//! Which rules a limit leaves to the loops, and why.

use std::sync::Arc;

use hashbrown::HashMap;
use ir::module::{Formula, Module, PredicateId, Rule, SetId};

use super::budget::{RULE_COST, sets};
use super::cache::KERNELS;

/// A rule that loops run at least in part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftToLoops {
    /// Its id.
    pub rule: String,
    /// Why.
    pub why: Limit,
}

/// A limit on machine code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Limit {
    /// The code generator or the machine refused a kernel, for a reason.
    #[error("no code could be made: {0}")]
    Refused(Arc<str>),
    /// A rule takes more instructions than are compiled for one.
    #[error("the kernels of a rule come to more than {RULE_COST} instructions")]
    Rule,
    /// As many kernels were made as are kept.
    #[error("{KERNELS} kernels were made already")]
    Kernels,
}

/// The rules that ask a predicate which was left to the loops.
pub fn rules(module: &Module, left: &HashMap<PredicateId, Limit>) -> Vec<LeftToLoops> {
    let of_set = |set: SetId| left.get(&module.sets[set.index()].predicate);
    let mut formulas: Vec<Option<&Limit>> = Vec::with_capacity(module.formulas.len());
    for formula in &module.formulas {
        formulas.push(match formula {
            Formula::Const(_) => None,
            Formula::Atom(atom) => {
                sets(&module.atoms[atom.index()]).into_iter().flatten().find_map(of_set)
            }
            Formula::Not(inner) => formulas[inner.index()],
            Formula::And(parts) | Formula::Or(parts) => {
                parts.iter().find_map(|part| formulas[part.index()])
            }
        });
    }
    let of_rule = |rule: &Rule| {
        let clauses = rule.always.iter().chain(&rule.never).map(|clause| clause.formula);
        let why = clauses.chain(rule.when).find_map(|formula| formulas[formula.index()])?;
        Some(LeftToLoops { rule: rule.id.to_string(), why: why.clone() })
    };
    module.rules.iter().filter_map(of_rule).collect()
}
