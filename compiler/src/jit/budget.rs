//! What each rule may have compiled in all, which bounds the time that any rule takes.
//!
//! A kernel is paid for once, by the first rule of the module that asks the predicate it is made
//! for, whatever the segment, operation or thread; what is there already is free.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use ir::module::{Atom, Formula, FormulaId, Module, Quantity, SetId};

/// Instructions of the kernels that one rule has made, over all operations and segments.
pub const RULE_COST: usize = 40_000;

/// What rules have spent so far, by their hashes.
#[derive(Default)]
pub struct Budget {
    spent: Mutex<HashMap<String, usize>>,
}

/// What pays for one kernel.
pub struct Account<'b> {
    /// Where it is written down.
    pub budget: &'b Budget,
    /// The hash of the rule that pays.
    pub rule: &'b str,
    /// About how many instructions the kernel takes.
    pub cost: usize,
}

impl Account<'_> {
    /// Pays, if the rule has that much left.
    pub fn charge(&self) -> bool {
        let mut spent = self.budget.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = spent.entry_ref(self.rule).or_default();
        let enough = *spent + self.cost <= RULE_COST;
        *spent += if enough { self.cost } else { 0 };
        enough
    }

    /// Takes the payment back.
    pub fn give_back(&self) {
        let mut spent = self.budget.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = spent.entry_ref(self.rule).or_default();
        *spent = spent.saturating_sub(self.cost);
    }
}

/// The hash of the rule that pays for each predicate, the first that asks it of a set; empty for
/// what no rule asks.
pub fn payers(module: &Module) -> Vec<&str> {
    let mut payers = vec![""; module.predicates.len()];
    let mut seen = vec![false; module.formulas.len()];
    let mut open: Vec<FormulaId> = Vec::new();
    for rule in &module.rules {
        open.extend(rule.always.iter().chain(&rule.never).map(|clause| clause.formula));
        open.extend(rule.when);
        while let Some(id) = open.pop() {
            if std::mem::replace(&mut seen[id.index()], true) {
                continue;
            }
            match &module.formulas[id.index()] {
                Formula::Const(_) => {}
                Formula::Not(inner) => open.push(*inner),
                Formula::And(parts) | Formula::Or(parts) => open.extend(parts.iter()),
                Formula::Atom(atom) => {
                    for set in sets(&module.atoms[atom.index()]).into_iter().flatten() {
                        let payer = &mut payers[module.sets[set.index()].predicate.index()];
                        if payer.is_empty() {
                            *payer = &rule.hash;
                        }
                    }
                }
            }
        }
    }
    payers
}

/// The sets that an atom asks about.
pub fn sets(atom: &Atom) -> [Option<SetId>; 2] {
    let of = |quantity: &Quantity| match quantity {
        Quantity::Count(count) => Some(count.set),
        Quantity::Number(_) => None,
    };
    match atom {
        Atom::Has(set) => [Some(*set), None],
        Atom::Compare(one, _, other) => [of(one), of(other)],
        Atom::Trace(..) => [None, None],
    }
}
