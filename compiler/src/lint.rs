//! Rules that are legal and cannot do what they are for, or say a thing in a roundabout way: what takes
//! more thought than reading a rule should. [`parse_rule`](crate::parse_rule) gives the warnings that
//! come with reading.

mod literal;
mod types;

pub use literal::without_literal_patterns;

use std::collections::BTreeSet;

use ir::Module;
use ir::module::{Atom, Formula, FormulaId, Quantity, SetId, Severity};

use crate::ast::{Condition, ConditionId, PredicateId, Quantity as Written, Statement};
use crate::check::Places;
use crate::diagnostic::{Diagnostic, Span};
use crate::lower::{Lowered, RuleSource, lower_parts};
use crate::reason::{Outlook, Spans, outlook};

/// What there is to say of a statement whose parts stand at these places, and whose text at `whole`;
/// by place. Fixes are text of the rule language, not of the file around it.
pub fn lint(statement: &Statement, places: &Places, whole: &Span) -> Vec<Diagnostic> {
    let source = RuleSource {
        id: "rule",
        severity: Severity::Info,
        signal_type: None,
        message: "",
        statement,
        context: &[],
    };
    // Only a statement that no text gave cannot be lowered.
    let Ok(lowered) = lower_parts(&source) else { return Vec::new() };
    let mut found = contradictions(statement, places, &lowered);
    found.extend(verdicts(statement, places, whole, &lowered.module));
    found.extend(types::mismatches(statement, places));
    found.extend(literal::patterns(statement, places));
    found.sort_by_key(Diagnostic::start);
    found
}

/// Filters that no span can satisfy.
fn contradictions(statement: &Statement, places: &Places, lowered: &Lowered) -> Vec<Diagnostic> {
    let spans = Spans::new(&lowered.module);
    let mut seen: BTreeSet<PredicateId> = BTreeSet::new();
    let mut found = Vec::new();
    for (number, condition) in statement.conditions().iter().enumerate() {
        let sets = sets(&lowered.module, lowered.conditions[number]);
        for (filter, set) in filters(condition).into_iter().zip(sets) {
            let Some(filter) = filter.filter(|filter| seen.insert(*filter)) else { continue };
            if !spans.is_possible(set) {
                let at = places.predicates[filter.0 as usize].clone();
                found.push(
                    Diagnostic::warning("contradictory-where", "no span can satisfy this", at)
                        .help("one part excludes another: was `or` meant, or another attribute?"),
                );
            }
        }
    }
    found
}

/// The filter of each set of spans that a condition speaks of, from left to right.
fn filters(condition: &Condition) -> Vec<Option<PredicateId>> {
    match condition {
        Condition::Has { filter, .. } => vec![*filter],
        Condition::Compare { left, right, .. } => {
            let filters = [left, right].into_iter().filter_map(|side| match side {
                Written::Count(count) => Some(count.filter),
                Written::Number(_) => None,
            });
            filters.collect()
        }
        _ => Vec::new(),
    }
}

/// The sets of spans that an atom speaks of, likewise.
fn sets(module: &Module, formula: FormulaId) -> Vec<SetId> {
    let Formula::Atom(atom) = module.formulas[formula.index()] else { return Vec::new() };
    match &module.atoms[atom.index()] {
        Atom::Has(set) => vec![*set],
        Atom::Compare(left, _, right) => {
            let sets = [left, right].into_iter().filter_map(|side| match side {
                Quantity::Count(count) => Some(count.set),
                Quantity::Number(_) => None,
            });
            sets.collect()
        }
        Atom::Trace(..) => Vec::new(),
    }
}

/// Rules that come to the same verdict on all traces.
fn verdicts(
    statement: &Statement,
    places: &Places,
    whole: &Span,
    module: &Module,
) -> Option<Diagnostic> {
    let place = |clause: Option<ConditionId>| {
        clause.map_or(whole.clone(), |id| places.conditions[id.0 as usize].clone())
    };
    let Outlook { applies, passes, fails } = outlook(module, module.rules.first()?)?;
    Some(if !applies {
        Diagnostic::warning("can-never-apply", "no trace can meet this", place(statement.when))
            .help("the rule never speaks; one part of its `when` excludes another")
    } else if !fails {
        Diagnostic::warning("can-never-fail", "no trace can violate this rule", whole.clone())
            .help("what it asks for follows from its `when`, or holds on every trace")
    } else if !passes {
        let clause = place(statement.always.xor(statement.never));
        let title = "every trace to which this rule applies violates it";
        Diagnostic::warning("can-never-pass", title, clause)
            .help("what it asks for is excluded by its `when`, or by another part of it")
    } else {
        return None;
    })
}
