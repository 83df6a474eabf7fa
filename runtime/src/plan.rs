//! What a replay asks of a module: worked out once, for all segments.

use hashbrown::{HashMap, HashSet};
use ir::module::{Atom, AtomId, Formula, FormulaId, OperationId, Quantity, Rule};
use ir::{Module, Number};

/// What to work out of a module: the atoms that its rules rest on, and what is made of them.
pub(crate) struct Plan {
    /// Each once.
    pub(crate) atoms: Vec<AtomId>,
    /// All rules, each in one of them.
    pub(crate) scopes: Vec<Scope>,
    /// The operations that rules name, each set once.
    pub(crate) named: Vec<Vec<OperationId>>,
    /// Position in `named`, by rule.
    pub(crate) names: Vec<usize>,
}

/// Rules that are judged on the same traces.
#[derive(Default)]
pub(crate) struct Scope {
    /// Only traces with a span of this operation can violate any of the rules.
    pub(crate) within: Option<OperationId>,
    /// The atoms that they rest on, each once, by their positions among the plan's.
    pub(crate) atoms: Vec<usize>,
    /// What they rest on, children before parents. Formulas that say the same, of whichever rules, are one.
    pub(crate) steps: Vec<Step>,
    /// Positions in `steps`.
    pub(crate) positions: HashMap<FormulaId, usize>,
    pub(crate) rules: Vec<ScopedRule>,
}

/// A formula; others are meant by their positions among the steps.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Const(bool),
    /// Position among the scope's atoms.
    Atom(usize),
    Not(usize),
    And(Box<[usize]>),
    Or(Box<[usize]>),
}

/// A rule; formulas are meant by their positions among the steps.
pub(crate) struct ScopedRule {
    /// Number of the rule.
    pub(crate) number: usize,
    pub(crate) when: Option<usize>,
    pub(crate) always: Vec<usize>,
    pub(crate) never: Vec<usize>,
}

impl Plan {
    pub(crate) fn of(module: &Module) -> Self {
        let (mut named, mut names) = (Vec::new(), Vec::with_capacity(module.rules.len()));
        let mut numbers: HashMap<&[OperationId], usize> = HashMap::new();
        for rule in &module.rules {
            names.push(*numbers.entry(&rule.operations).or_insert_with(|| {
                named.push(rule.operations.clone());
                named.len() - 1
            }));
        }
        let mut scopes: Vec<(Option<OperationId>, Vec<usize>)> = Vec::new();
        let mut own: HashMap<Option<OperationId>, usize> = HashMap::new();
        for (number, rule) in module.rules.iter().enumerate() {
            let within = within(module, rule);
            let scope = *own.entry(within).or_insert_with(|| {
                scopes.push((within, Vec::new()));
                scopes.len() - 1
            });
            scopes[scope].1.push(number);
        }
        let mut atoms = Atoms::default();
        let scopes = scopes.into_iter();
        let scopes = scopes.map(|(within, rules)| Scope::of(module, within, &rules, &mut atoms));
        let scopes = scopes.collect();
        Self { atoms: atoms.all, scopes, named, names }
    }
}

/// Atoms so far.
#[derive(Default)]
struct Atoms {
    all: Vec<AtomId>,
    positions: HashMap<AtomId, usize>,
}

impl Atoms {
    fn position(&mut self, atom: AtomId) -> usize {
        *self.positions.entry(atom).or_insert_with(|| {
            self.all.push(atom);
            self.all.len() - 1
        })
    }
}

impl Scope {
    fn of(
        module: &Module,
        within: Option<OperationId>,
        rules: &[usize],
        atoms: &mut Atoms,
    ) -> Self {
        let mut left: Vec<FormulaId> =
            rules.iter().flat_map(|&number| clauses(&module.rules[number])).collect();
        let mut needed: HashSet<FormulaId> = HashSet::new();
        while let Some(formula) = left.pop() {
            if needed.insert(formula) {
                left.extend(parts(&module.formulas[formula.index()]));
            }
        }
        let mut needed: Vec<FormulaId> = needed.into_iter().collect();
        needed.sort_unstable();
        let mut scope = Self { within, ..Self::default() };
        let mut known: HashMap<Step, usize> = HashMap::new();
        let mut own: HashMap<AtomId, usize> = HashMap::new();
        for formula in needed {
            let step = step(&module.formulas[formula.index()], &scope.positions, |atom| {
                *own.entry(atom).or_insert_with(|| {
                    scope.atoms.push(atoms.position(atom));
                    scope.atoms.len() - 1
                })
            });
            let position = *known.entry(step).or_insert_with_key(|step| {
                scope.steps.push(step.clone());
                scope.steps.len() - 1
            });
            scope.positions.insert(formula, position);
        }
        let rules = rules.iter().map(|&number| scope.rule(number, &module.rules[number]));
        scope.rules = rules.collect();
        scope
    }

    fn rule(&self, number: usize, rule: &Rule) -> ScopedRule {
        let position = |formula: FormulaId| self.positions[&formula];
        ScopedRule {
            number,
            when: rule.when.map(position),
            always: rule.always.iter().map(|clause| position(clause.formula)).collect(),
            never: rule.never.iter().map(|clause| position(clause.formula)).collect(),
        }
    }
}

/// A formula as a step, by the positions of those before and of atoms.
fn step(
    formula: &Formula,
    positions: &HashMap<FormulaId, usize>,
    atom: impl FnOnce(AtomId) -> usize,
) -> Step {
    let all = |parts: &[FormulaId]| parts.iter().map(|part| positions[part]).collect();
    match formula {
        Formula::Const(always) => Step::Const(*always),
        Formula::Atom(own) => Step::Atom(atom(*own)),
        Formula::Not(inner) => Step::Not(positions[inner]),
        Formula::And(parts) => Step::And(all(parts)),
        Formula::Or(parts) => Step::Or(all(parts)),
    }
}

fn parts(formula: &Formula) -> &[FormulaId] {
    match formula {
        Formula::Const(_) | Formula::Atom(_) => &[],
        Formula::Not(inner) => std::slice::from_ref(inner),
        Formula::And(parts) | Formula::Or(parts) => parts,
    }
}

fn clauses(rule: &Rule) -> impl Iterator<Item = FormulaId> + '_ {
    rule.always.iter().chain(&rule.never).map(|clause| clause.formula).chain(rule.when)
}

/// An operation without a span of which a trace neither violates the rule nor, if not all do, is one that it
/// applies to.
fn within(module: &Module, rule: &Rule) -> Option<OperationId> {
    if let Some(when) = rule.when {
        return required(module, when);
    }
    let mut operations = rule.never.iter().map(|clause| required(module, clause.formula));
    let first = operations.next()?.filter(|_| rule.always.is_empty())?;
    operations.all(|other| other == Some(first)).then_some(first)
}

/// An operation without a span of which the formula does not hold.
fn required(module: &Module, formula: FormulaId) -> Option<OperationId> {
    let (mut left, mut seen) = (vec![formula], HashSet::new());
    while let Some(formula) = left.pop() {
        match &module.formulas[formula.index()] {
            Formula::Atom(atom) => {
                if let Some(operation) = bears(module, &module.atoms[atom.index()]) {
                    return Some(operation);
                }
            }
            Formula::And(parts) => {
                left.extend(parts.iter().rev().filter(|part| seen.insert(**part)));
            }
            _ => {}
        }
    }
    None
}

/// An operation without a span of which the atom does not hold.
fn bears(module: &Module, atom: &Atom) -> Option<OperationId> {
    let set = match atom {
        Atom::Has(set) => set,
        Atom::Compare(Quantity::Count(count), comparison, Quantity::Number(number))
            if !comparison.holds(Number::Int(0), number.datum().number()?) =>
        {
            &count.set
        }
        _ => return None,
    };
    Some(module.sets[set.index()].operation)
}
