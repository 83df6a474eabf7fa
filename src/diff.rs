//! Two versions of rules over the same traces: which verdicts differ.
//!
//! Both versions of a rule become one module, and what they differ in are rules of it: the first
//! change is violated by the traces that the new version calls violated and the old one does not. So
//! one replay, over files or a corpus, counts every difference exactly and keeps none of them.

use hashbrown::{HashMap, HashSet};
use ir::Module;
use ir::module::{Clause, Formula, FormulaId, Rule as ModuleRule, Severity};
use rules::{Rule, RuleSet};
use runtime::{RuleReport, Signal};

use crate::program::{CompileError, EngineChoice, Program, lowered, nearest};

/// How many traces are named of each change of a rule.
pub const EXAMPLES: usize = 5;

/// Two versions of a rule set, compiled to be compared.
pub struct Comparison {
    program: Program,
    rules: Vec<Compared>,
    /// The traces named so far, by the number of their rule in the module.
    examples: HashMap<usize, Vec<String>>,
}

/// A rule with what is asked of the module for it.
struct Compared {
    id: String,
    /// Whether it is among the old rules, and among the new.
    on: [bool; 2],
    same_text: bool,
    /// Numbers of the module's rules that count what the old version applies to and what violates it.
    totals: [usize; 2],
    /// The numbers of the changes, unless the texts are the same.
    changes: Option<[usize; 4]>,
}

/// What a verdict may change to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Violated by the new version only.
    NewlyViolated,
    /// Violated by the old version only.
    NoLongerViolated,
    /// The new version applies, the old one does not.
    NewlyApplied,
    /// The old version applies, the new one does not.
    NoLongerApplied,
}

impl Change {
    /// All changes, in the order of [`RuleDiff::changes`].
    pub const ALL: [Self; 4] =
        [Self::NewlyViolated, Self::NoLongerViolated, Self::NewlyApplied, Self::NoLongerApplied];

    /// The words for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NewlyViolated => "newly violated",
            Self::NoLongerViolated => "no longer violated",
            Self::NewlyApplied => "newly applied",
            Self::NoLongerApplied => "no longer applied",
        }
    }
}

/// What became of one rule.
#[derive(Clone, Debug)]
pub struct RuleDiff {
    /// Its id.
    pub id: String,
    /// What the old version came to; none if there is no such rule among the old ones. A version that
    /// is not there, or not enabled, applies to nothing.
    pub old: Option<Totals>,
    /// What the new version came to.
    pub new: Option<Totals>,
    /// Whether both versions have the same canonical form, so that nothing can differ.
    pub same_text: bool,
    /// For each of [`Change::ALL`], the traces.
    pub changes: [Changed; 4],
}

impl RuleDiff {
    /// Whether there is only one version of it, or some verdict differs.
    pub fn differs(&self) -> bool {
        let on_both = self.old.is_some() && self.new.is_some();
        !on_both || self.changes.iter().any(|changed| changed.traces > 0)
    }
}

/// What a version of a rule came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Traces that it applies to.
    pub applied: u64,
    /// Traces that violate it.
    pub violated: u64,
}

/// The traces of one change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// How many.
    pub traces: u64,
    /// Ids of the first of them, in 32 hex digits; at most [`EXAMPLES`].
    pub examples: Vec<String>,
}

impl Comparison {
    /// Compiles the enabled rules of both sets, or only those of these `ids`. Rules come in the order of
    /// the new set, then those that only the old one has.
    ///
    /// # Errors
    /// An id that neither set has, or nothing to compare.
    pub fn new(
        old: &RuleSet,
        new: &RuleSet,
        ids: &[String],
        engine: EngineChoice,
    ) -> Result<Self, CompileError> {
        if let Some(id) = ids.iter().find(|id| old.rule(id).is_none() && new.rule(id).is_none()) {
            let known = old.rules.iter().chain(&new.rules).map(|rule| rule.id.as_str());
            let known: HashSet<&str> = known.collect();
            let nearest = nearest(id, known.into_iter());
            return Err(CompileError::UnknownRule { id: id.clone(), nearest });
        }
        let chosen = |rule: &&Rule| match ids.is_empty() {
            true => rule.enabled,
            false => ids.contains(&rule.id),
        };
        let sides = [old, new].map(|set| set.rules.iter().filter(chosen).collect::<Vec<_>>());
        let pairs = pairs(&sides);
        if pairs.is_empty() {
            return Err(CompileError::Nothing);
        }
        let mut module = lowered(sides.iter().flatten().copied())?;
        let versions = std::mem::take(&mut module.rules);
        let mut draft = Draft { module, both: Vec::new() };
        let rules = pairs.iter().map(|pair| draft.compare(pair, &versions)).collect();
        Ok(Self { program: Program::of(draft.finish(), engine), rules, examples: HashMap::new() })
    }

    /// What to replay.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Takes what the replay hands over.
    pub fn take(&mut self, signal: Signal) {
        let Ok(number) = signal.rule_id.parse() else { return };
        let examples = self.examples.entry(number).or_default();
        if examples.len() < EXAMPLES {
            examples.push(signal.trace_id);
        }
    }

    /// What the replay found, a rule each.
    pub fn finish(mut self, reports: &[RuleReport]) -> Vec<RuleDiff> {
        let rules = std::mem::take(&mut self.rules);
        rules.into_iter().map(|rule| self.rule(rule, reports)).collect()
    }

    fn rule(&mut self, rule: Compared, reports: &[RuleReport]) -> RuleDiff {
        let changes: [Changed; 4] = std::array::from_fn(|at| {
            let Some(number) = rule.changes.map(|numbers| numbers[at]) else {
                return Changed::default();
            };
            let examples = self.examples.remove(&number).unwrap_or_default();
            Changed { traces: reports[number].violated, examples }
        });
        let [applied, violated] = rule.totals.map(|number| reports[number].applied);
        let old = Totals { applied, violated };
        let [newly_violated, healed, newly_applied, left] =
            [&changes[0], &changes[1], &changes[2], &changes[3]].map(|changed| changed.traces);
        let new = Totals {
            applied: old.applied + newly_applied - left,
            violated: old.violated + newly_violated - healed,
        };
        RuleDiff {
            id: rule.id,
            old: rule.on[0].then_some(old),
            new: rule.on[1].then_some(new),
            same_text: rule.same_text,
            changes,
        }
    }
}

/// A rule of either set or both, with the places of its versions among all that are lowered.
struct Pair<'a> {
    versions: [Option<(usize, &'a Rule)>; 2],
}

/// The rules of both sides by id: in the order of the new side, then what only the old one has.
fn pairs<'a>([old, new]: &[Vec<&'a Rule>; 2]) -> Vec<Pair<'a>> {
    let places: HashMap<&str, usize> =
        old.iter().enumerate().map(|(place, rule)| (rule.id.as_str(), place)).collect();
    let mut found = HashSet::new();
    let mut pairs = Vec::with_capacity(new.len());
    for (place, rule) in new.iter().enumerate() {
        let other = places.get(rule.id.as_str()).map(|&other| (other, old[other]));
        found.extend(other.map(|(other, _)| other));
        pairs.push(Pair { versions: [other, Some((old.len() + place, rule))] });
    }
    let gone = old.iter().enumerate().filter(|(place, _)| !found.contains(place));
    pairs.extend(gone.map(|(place, rule)| Pair { versions: [Some((place, rule)), None] }));
    pairs
}

/// The module of a comparison in the making.
struct Draft {
    module: Module,
    /// Its rules; their ids are their numbers.
    both: Vec<ModuleRule>,
}

impl Draft {
    /// Adds what is asked of a pair, whose versions are among the rules that were lowered.
    fn compare(&mut self, pair: &Pair<'_>, versions: &[ModuleRule]) -> Compared {
        let lowered = pair.versions.map(|version| version.map(|(place, _)| &versions[place]));
        let [old, new] = lowered.map(|version| self.meaning(version));
        let text =
            |version: Option<(usize, &Rule)>| version.map(|(_, rule)| rule.statement.to_string());
        let [old_text, new_text] = pair.versions.map(text);
        let same_text = old_text == new_text;
        let totals = [old.applied, old.violated].map(|formula| self.count(formula));
        let changes = (!same_text).then(|| {
            let sides = [
                (new.violated, old.violated),
                (old.violated, new.violated),
                (new.applied, old.applied),
                (old.applied, new.applied),
            ];
            sides.map(|(here, there)| {
                let not_there = self.formula(Formula::Not(there));
                let only_here = self.formula(Formula::And([here, not_there].into()));
                self.find(only_here)
            })
        });
        let id = pair.versions.iter().flatten().map(|(_, rule)| rule.id.clone()).next();
        Compared {
            id: id.unwrap_or_default(),
            on: pair.versions.map(|version| version.is_some()),
            same_text,
            totals,
            changes,
        }
    }

    /// Where a version applies and where it is violated; nowhere if there is none.
    fn meaning(&mut self, version: Option<&ModuleRule>) -> Meaning {
        let Some(rule) = version else {
            let nowhere = self.formula(Formula::Const(false));
            return Meaning { applied: nowhere, violated: nowhere };
        };
        let applied = rule.when.unwrap_or_else(|| self.formula(Formula::Const(true)));
        let mut wrong: Vec<FormulaId> = Vec::new();
        for clause in &rule.always {
            wrong.push(self.formula(Formula::Not(clause.formula)));
        }
        wrong.extend(rule.never.iter().map(|clause| clause.formula));
        let wrong = self.formula(Formula::Or(wrong.into()));
        Meaning { applied, violated: self.formula(Formula::And([applied, wrong].into())) }
    }

    fn formula(&mut self, formula: Formula) -> FormulaId {
        self.module.formulas.push(formula);
        FormulaId::new(self.module.formulas.len() - 1)
    }

    /// A rule that applies where the formula holds and is violated nowhere: it only counts.
    fn count(&mut self, formula: FormulaId) -> usize {
        let holds = self.formula(Formula::Const(true));
        self.add(Some(formula), vec![clause(holds)], Vec::new())
    }

    /// A rule that is violated where the formula holds.
    fn find(&mut self, formula: FormulaId) -> usize {
        self.add(None, Vec::new(), vec![clause(formula)])
    }

    fn add(&mut self, when: Option<FormulaId>, always: Vec<Clause>, never: Vec<Clause>) -> usize {
        let number = self.both.len();
        self.both.push(ModuleRule {
            id: number.to_string().into(),
            severity: Severity::Info,
            hash: "".into(),
            signal_type: None,
            message: "".into(),
            when,
            always,
            never,
            operations: Vec::new(),
            context: Vec::new(),
        });
        number
    }

    fn finish(self) -> Module {
        Module { rules: self.both, ..self.module }
    }
}

/// Where a version of a rule applies, and where it is violated.
struct Meaning {
    applied: FormulaId,
    violated: FormulaId,
}

fn clause(formula: FormulaId) -> Clause {
    Clause { formula, text: "".into() }
}
