//! Conditions of one trace: whether a rule can apply, be kept and be broken.
//!
//! An atom asks either for a fact of the trace or for how many there are of something. Numbers of
//! things are bound by each other: where all spans of one set are of another, there are no fewer of
//! the other.

use std::collections::{BTreeMap, BTreeSet};

use ir::Module;
use ir::module::{
    Atom, AtomId, Clause, Comparison, Count, Formula, FormulaId, Order, Quantity, Rule, Scalar,
    Test, TraceField,
};

use super::circuit::{Circuit, Entry};
use super::values::{Answers, Domain, answers};
use super::{MOST_ATOMS, Spans};

/// What can become of a trace under a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// It can apply.
    pub(crate) applies: bool,
    /// It can apply and be kept.
    pub(crate) passes: bool,
    /// It can be broken.
    pub(crate) fails: bool,
}

/// What can become of a trace under a rule of a module. None for a rule of too many atoms.
pub(crate) fn outlook(module: &Module, rule: &Rule) -> Option<Outlook> {
    let clauses = rule.always.iter().chain(&rule.never);
    let roots = rule.when.into_iter().chain(clauses.map(|clause| clause.formula));
    let circuit = Circuit::new(roots, |id| entry(module, id));
    let atoms: Vec<AtomId> = circuit
        .leaves
        .iter()
        .filter_map(|id| match module.formulas[id.index()] {
            Formula::Atom(atom) => Some(atom),
            _ => None,
        })
        .collect();
    if atoms.len() > MOST_ATOMS {
        return None;
    }
    let world = World::new(module, &atoms);
    let places = |clauses: &[Clause]| -> Vec<usize> {
        clauses.iter().map(|clause| circuit.place(clause.formula)).collect()
    };
    let (when, always, never) =
        (rule.when.map(|when| circuit.place(when)), places(&rule.always), places(&rule.never));
    let mut outlook = Outlook::default();
    let mut values = Vec::new();
    for answers in (0..1 << atoms.len()).filter(|answers| world.is_possible(*answers)) {
        circuit.values(answers, &mut values);
        let applies = when.is_none_or(|when| values[when]);
        let kept =
            always.iter().all(|part| values[*part]) && !never.iter().any(|part| values[*part]);
        outlook.applies |= applies;
        outlook.passes |= applies && kept;
        outlook.fails |= applies && !kept;
    }
    Some(outlook)
}

fn entry(module: &Module, id: FormulaId) -> Entry<'_, FormulaId> {
    match &module.formulas[id.index()] {
        Formula::Const(truth) => Entry::Const(*truth),
        Formula::Not(inner) => Entry::Not(*inner),
        Formula::And(parts) => Entry::And(parts),
        Formula::Or(parts) => Entry::Or(parts),
        Formula::Atom(_) => Entry::Leaf,
    }
}

/// Sets of [points](World::points), as bits.
type Points = u64;

/// Which answers of atoms can come together.
struct World {
    /// Facts of the trace: the bits of their atoms, and which of these can be set together.
    facts: Vec<(Answers, BTreeSet<Answers>)>,
    /// Things that are counted: for each atom over it its bit, and where it is true.
    counted: Vec<Vec<(Answers, Points)>>,
    /// Pairs of counted things, of which there are never more of the first than of the second.
    at_most: Vec<(usize, usize)>,
    /// Numbers on all sides of all constants, ascending, at most 64.
    points: Vec<i64>,
}

impl World {
    fn new(module: &Module, atoms: &[AtomId]) -> Self {
        let mut facts: BTreeMap<u8, (TraceField, Vec<usize>, Vec<&Test>)> = BTreeMap::new();
        let mut bounds: Vec<(usize, Count, Comparison, &Scalar)> = Vec::new();
        let one = Scalar::Int(1);
        for (at, atom) in atoms.iter().enumerate() {
            match &module.atoms[atom.index()] {
                Atom::Trace(field, test) => {
                    let (_, places, tests) =
                        facts.entry(*field as u8).or_insert((*field, Vec::new(), Vec::new()));
                    places.push(at);
                    tests.push(test);
                }
                Atom::Has(set) => {
                    let count = Count { set: *set, distinct: None, by: None, within: None };
                    bounds.push((at, count, Comparison::Order(Order::GreaterEqual), &one));
                }
                Atom::Compare(Quantity::Count(count), how, Quantity::Number(number)) => {
                    bounds.push((at, *count, *how, number));
                }
                Atom::Compare(Quantity::Number(number), how, Quantity::Count(count)) => {
                    bounds.push((at, *count, how.flipped(), number));
                }
                // Two counts against each other may come out in any way.
                Atom::Compare(..) => {}
            }
        }
        let points = points(bounds.iter().map(|(.., number)| *number));
        let mut things: Vec<Count> = Vec::new();
        let mut counted: Vec<Vec<(Answers, Points)>> = Vec::new();
        for (at, count, how, number) in bounds {
            let thing = things.iter().position(|own| *own == count).unwrap_or_else(|| {
                things.push(count);
                counted.push(Vec::new());
                things.len() - 1
            });
            counted[thing].push((1 << at, where_true(&points, how, number)));
        }
        let facts = facts.into_values().map(|(field, places, tests)| fact(field, &places, &tests));
        let facts = facts.collect();
        Self { facts, counted, at_most: at_most(module, &things), points }
    }

    fn is_possible(&self, wanted: Answers) -> bool {
        self.facts.iter().all(|(bits, possible)| possible.contains(&(wanted & bits)))
            && self.has_numbers(wanted)
    }

    /// Whether numbers can be found that are as wanted and keep to each other: the least ones, raised
    /// where another thing has more, until nothing has to be raised.
    fn has_numbers(&self, wanted: Answers) -> bool {
        let all: Points = Points::MAX >> (64 - self.points.len());
        let allowed = |thing: &Vec<(Answers, Points)>| {
            thing.iter().fold(all, |allowed, (bit, points)| {
                allowed & if wanted & bit != 0 { *points } else { !*points }
            })
        };
        let allowed: Vec<Points> = self.counted.iter().map(allowed).collect();
        let mut least: Vec<u32> = allowed.iter().map(|points| points.trailing_zeros()).collect();
        if allowed.contains(&0) {
            return false;
        }
        loop {
            let mut raised = false;
            for &(few, many) in &self.at_most {
                if least[few] > least[many] {
                    let above = allowed[many] & Points::MAX << least[few];
                    if above == 0 {
                        return false;
                    }
                    least[many] = above.trailing_zeros();
                    raised = true;
                }
            }
            if !raised {
                return true;
            }
        }
    }
}

fn fact(field: TraceField, places: &[usize], tests: &[&Test]) -> (Answers, BTreeSet<Answers>) {
    let spread = |own: Answers| -> Answers {
        places.iter().enumerate().map(|(at, place)| (own >> at & 1) << place).sum()
    };
    let possible = answers(Domain::of_trace(field), tests).into_iter().map(spread).collect();
    (places.iter().map(|place| 1 << place).sum(), possible)
}

/// Zero, a number beyond all, and each constant with its neighbours.
fn points<'s>(constants: impl Iterator<Item = &'s Scalar>) -> Vec<i64> {
    let mut points = BTreeSet::from([0, i64::MAX]);
    for constant in constants {
        let near = match constant {
            Scalar::Int(int) => *int,
            Scalar::Float(float) => float.floor() as i64,
            Scalar::Text(_) | Scalar::Bool(_) => continue,
        };
        points.extend([near.saturating_sub(1), near, near.saturating_add(1)]);
    }
    points.into_iter().filter(|point| *point >= 0).collect()
}

/// The points for which a comparison with a number holds.
fn where_true(points: &[i64], how: Comparison, number: &Scalar) -> Points {
    let Some(number) = number.datum().number() else { return 0 };
    let holds = |point: i64| how.holds(ir::Number::Int(point), number);
    points.iter().enumerate().map(|(at, point)| Points::from(holds(*point)) << at).sum()
}

/// The pairs of which there are never more of the first than of the second. What no span can be is
/// left alone, so that a contradiction in a `where` is reported once, there.
fn at_most(module: &Module, things: &[Count]) -> Vec<(usize, usize)> {
    let spans = Spans::new(module);
    let possible: Vec<bool> = things.iter().map(|thing| spans.is_possible(thing.set)).collect();
    let mut pairs = Vec::new();
    for (few, a) in things.iter().enumerate() {
        for (many, b) in things.iter().enumerate() {
            let distinct = b.distinct.is_none() || b.distinct == a.distinct;
            let by = b.by.is_none() || b.by == a.by;
            let within = b.within.is_none_or(|wide| a.within.is_some_and(|narrow| narrow <= wide));
            let bound = few != many && possible[few] && possible[many];
            if bound && distinct && by && within && spans.contains(a.set, b.set) {
                pairs.push((few, many));
            }
        }
    }
    pairs
}
