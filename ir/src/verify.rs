//! Checks a module before anything runs it. What holds of a module that passes:
//!
//! 1. Every handle is below the length of its table.
//! 2. Children of predicates and formulas come before their parents, and nest at most
//!    [`MAX_DEPTH`] deep.
//! 3. `and` and `or` have at least one part; `in` has at least one constant.
//! 4. Quantities that are constants are numbers, not NaN; at least one side of a comparison of
//!    quantities is a count; windows are longer than nothing.
//! 5. Tests of trace fields compare with constants only.
//! 6. Wildcards have at least two pieces.
//! 7. Rule ids are unique and not empty; a rule has an `always` or a `never`.

use hashbrown::HashSet;

use crate::module::{
    Atom, Count, FieldId, Formula, Module, Operation, Predicate, Quantity, Rule, Scalar, SetId,
    Test,
};

/// How deep predicates and formulas nest at most. Rule text needs 131 at its own limit of 64: each
/// level, and what stands around the outermost, may be an `or` of an `and`, and `!=` adds a `not`.
pub const MAX_DEPTH: usize = 160;

/// What is wrong with a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Invalid {
    /// The entry, as the text form names it.
    pub place: String,
    /// What does not hold of it.
    pub problem: &'static str,
}

/// Checks the list above.
///
/// # Errors
/// The first thing that does not hold.
pub fn verify(module: &Module) -> Result<(), Invalid> {
    operations(module)?;
    predicates(module)?;
    for (at, set) in module.sets.iter().enumerate() {
        let fine = set.operation.index() < module.operations.len()
            && set.predicate.index() < module.predicates.len();
        check(fine, || format!("set{at}"), "a handle is out of range")?;
    }
    for (at, atom) in module.atoms.iter().enumerate() {
        self::atom(module, atom)
            .map_err(|problem| Invalid { place: format!("atom{at}"), problem })?;
    }
    formulas(module)?;
    let fine = module.group_by.is_none_or(|field| field.index() < module.fields.len());
    check(fine, || "group by".to_owned(), "a handle is out of range")?;
    let mut ids = HashSet::new();
    for rule in &module.rules {
        let place = || format!("rule {:?}", rule.id);
        check(!rule.id.is_empty() && ids.insert(&rule.id), place, "its id is empty or not unique")?;
        self::rule(module, rule).map_err(|problem| Invalid { place: place(), problem })?;
    }
    Ok(())
}

fn check(fine: bool, place: impl FnOnce() -> String, problem: &'static str) -> Result<(), Invalid> {
    if fine { Ok(()) } else { Err(Invalid { place: place(), problem }) }
}

fn operations(module: &Module) -> Result<(), Invalid> {
    for (at, operation) in module.operations.iter().enumerate() {
        let fine = !matches!(operation, Operation::Wildcard(pieces) if pieces.len() < 2);
        check(fine, || format!("op{at}"), "a wildcard has fewer than two pieces")?;
    }
    Ok(())
}

fn predicates(module: &Module) -> Result<(), Invalid> {
    let mut depths = Vec::with_capacity(module.predicates.len());
    for (at, predicate) in module.predicates.iter().enumerate() {
        let place = || format!("pred{at}");
        let children: Vec<usize> = match predicate {
            Predicate::Not(inner) => vec![inner.index()],
            Predicate::And(parts) | Predicate::Or(parts) => {
                check(!parts.is_empty(), place, "it has no parts")?;
                parts.iter().map(|part| part.index()).collect()
            }
            Predicate::Test(field, test) => {
                let fields = test.other_field().into_iter().chain([*field]);
                let fine = fields.into_iter().all(|field| field.index() < module.fields.len());
                check(fine, place, "a handle is out of range")?;
                let fine = !matches!(test, Test::In(constants) if constants.is_empty());
                check(fine, place, "its list is empty")?;
                Vec::new()
            }
            Predicate::Const(_) => Vec::new(),
        };
        depths.push(depth(&children, &depths, place)?);
    }
    Ok(())
}

fn formulas(module: &Module) -> Result<(), Invalid> {
    let mut depths = Vec::with_capacity(module.formulas.len());
    for (at, formula) in module.formulas.iter().enumerate() {
        let place = || format!("f{at}");
        let children: Vec<usize> = match formula {
            Formula::Const(_) => Vec::new(),
            Formula::Atom(atom) => {
                check(atom.index() < module.atoms.len(), place, "a handle is out of range")?;
                Vec::new()
            }
            Formula::Not(inner) => vec![inner.index()],
            Formula::And(parts) | Formula::Or(parts) => {
                check(!parts.is_empty(), place, "it has no parts")?;
                parts.iter().map(|part| part.index()).collect()
            }
        };
        depths.push(depth(&children, &depths, place)?);
    }
    Ok(())
}

/// The depth of an entry over `children`, given the depths of the entries before it.
fn depth(
    children: &[usize],
    depths: &[usize],
    place: impl Fn() -> String,
) -> Result<usize, Invalid> {
    let mut deepest = 0;
    for &child in children {
        check(child < depths.len(), &place, "a part does not come before it")?;
        deepest = deepest.max(depths[child] + 1);
    }
    check(deepest <= MAX_DEPTH, place, "it nests too deep")?;
    Ok(deepest)
}

fn atom(module: &Module, atom: &Atom) -> Result<(), &'static str> {
    let in_range = |set: SetId| set.index() < module.sets.len();
    match atom {
        Atom::Has(set) if in_range(*set) => Ok(()),
        Atom::Has(_) => Err("a handle is out of range"),
        Atom::Compare(Quantity::Number(_), _, Quantity::Number(_)) => Err("it counts nothing"),
        Atom::Compare(left, _, right) => {
            for quantity in [left, right] {
                match quantity {
                    Quantity::Number(Scalar::Int(_)) => {}
                    Quantity::Number(Scalar::Float(float)) if !float.is_nan() => {}
                    Quantity::Number(_) => return Err("a quantity is not a number"),
                    Quantity::Count(count) => self::count(module, count)?,
                }
            }
            Ok(())
        }
        Atom::Trace(_, test) if test.other_field().is_some() => {
            Err("it compares a trace's field with a span's")
        }
        Atom::Trace(_, Test::In(constants)) if constants.is_empty() => Err("its list is empty"),
        Atom::Trace(..) => Ok(()),
    }
}

fn count(module: &Module, count: &Count) -> Result<(), &'static str> {
    let fields = [count.distinct, count.by];
    if count.set.index() >= module.sets.len()
        || fields.into_iter().flatten().any(|field| field.index() >= module.fields.len())
    {
        Err("a handle is out of range")
    } else if count.within == Some(0) {
        Err("its window is empty")
    } else {
        Ok(())
    }
}

fn rule(module: &Module, rule: &Rule) -> Result<(), &'static str> {
    let clauses = rule.always.iter().chain(&rule.never).map(|clause| clause.formula);
    let formulas = clauses.chain(rule.when).all(|id| id.index() < module.formulas.len());
    let operations = rule.operations.iter().all(|id| id.index() < module.operations.len());
    let field = |id: &FieldId| id.index() < module.fields.len();
    let context = rule.context.iter().all(|(_, id)| field(id));
    if !formulas || !operations || !context {
        Err("a handle is out of range")
    } else if rule.always.is_empty() && rule.never.is_empty() {
        Err("it has neither `always` nor `never`")
    } else {
        Ok(())
    }
}
