//! Statements of a rule set to one [`Module`]: equal parts of different rules become one entry.
//! What the language says of missing values is put in place here: `!=` and `not in` become the
//! negations of `==` and `in`.

mod table;
mod value;

use ir::module::{
    self, Atom, AtomId, Clause, Formula, FormulaId, Module, OperationId, Predicate as IrPredicate,
    PredicateId as IrPredicateId, Rule, SetId, Severity, SpanSet,
};
use sha2::{Digest, Sha256};

use crate::ast::{
    AttributeRef, Condition, ConditionId, Count, OperationName, Predicate, PredicateId, Quantity,
    Statement,
};
use table::Tables;
use value::{LoweredTest, comparison, field, number, span_field, test, trace_field};

/// One rule of a set, as far as verdicts and signals need it.
#[derive(Debug, Clone, Copy)]
pub struct RuleSource<'a> {
    /// Stable id, unique in the set.
    pub id: &'a str,
    /// How grave a violation is.
    pub severity: Severity,
    /// What kind of event a signal is, for machines.
    pub signal_type: Option<&'a str>,
    /// What a signal says.
    pub message: &'a str,
    /// What the rule says.
    pub statement: &'a Statement,
    /// Keys whose values a signal carries: `key`, `span.key` or `resource.key`.
    pub context: &'a [String],
}

/// Why a rule could not be lowered: its statement was not made by reading a rule text.
#[derive(Debug, thiserror::Error)]
#[error("rule {rule}: {problem}")]
pub struct LowerError {
    /// The id of the rule.
    pub rule: String,
    /// What does not hold of its statement.
    pub problem: Malformed,
}

/// What does not hold of a statement.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// The pattern of a `matches` is no regular expression within the limits.
    #[error("a pattern is not usable: {0}")]
    Pattern(#[from] regex::Error),
    /// An operand does not go with its operator.
    #[error("`{0}` does not go with its operand")]
    Operand(String),
    /// A window is not longer than nothing.
    #[error("a window of {0} ns")]
    Window(i64),
}

/// Lowers a rule set, in its order, and the key that a report groups violations by.
///
/// # Errors
/// The first rule whose statement does not hold what [`crate::ast`] documents; never one that
/// [`crate::parse_rule`] has made.
pub fn lower<'a>(
    rules: impl IntoIterator<Item = RuleSource<'a>>,
    group_by: Option<&str>,
) -> Result<Module, LowerError> {
    let mut tables = Tables::default();
    let mut lowered = Vec::new();
    for rule in rules {
        let (rule, _) = lower_rule(&mut tables, &rule)?;
        lowered.push(rule);
    }
    let group_by = group_by.map(|key| tables.fields.add(field(&AttributeRef::from_key(key))));
    Ok(tables.into_module(lowered, group_by))
}

/// A module of one rule that knows its statement's parts.
#[derive(Debug, Clone)]
pub struct Lowered {
    /// The module.
    pub module: Module,
    /// The formula of each condition of the statement, by its id.
    pub conditions: Vec<FormulaId>,
    /// The predicate of the module for each predicate of the statement, by its id.
    pub predicates: Vec<IrPredicateId>,
}

/// Lowers one rule and says what became of each part of its statement.
///
/// # Errors
/// As for [`lower`].
pub fn lower_parts(rule: &RuleSource<'_>) -> Result<Lowered, LowerError> {
    let mut tables = Tables::default();
    let (rule, Parts { conditions, predicates }) = lower_rule(&mut tables, rule)?;
    Ok(Lowered { module: tables.into_module(vec![rule], None), conditions, predicates })
}

impl AttributeRef {
    /// The attribute that a key names outside of a rule text: `span.key` and `resource.key` say
    /// where it is looked up.
    pub fn from_key(key: &str) -> Self {
        use crate::ast::Scope;
        let scoped = [("span.", Scope::Span), ("resource.", Scope::Resource)];
        let found = scoped.into_iter().find_map(|(prefix, scope)| {
            key.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map(|rest| (scope, rest))
        });
        let (scope, key) = found.unwrap_or((Scope::Any, key));
        Self { scope, key: key.to_owned() }
    }
}

/// What became of the parts of a statement, by their ids.
struct Parts {
    conditions: Vec<FormulaId>,
    predicates: Vec<IrPredicateId>,
}

fn lower_rule(tables: &mut Tables, source: &RuleSource<'_>) -> Result<(Rule, Parts), LowerError> {
    let error = |problem| LowerError { rule: source.id.to_owned(), problem };
    let statement = source.statement;
    let predicates = lower_predicates(tables, statement).map_err(error)?;
    let conditions = lower_conditions(tables, statement, &predicates).map_err(error)?;
    let formula = |id: ConditionId| conditions[id.0 as usize];
    let clause = |id: ConditionId| Clause {
        formula: formula(id),
        text: statement.condition_text(id).into(),
    };
    let always = statement.always.map(|id| statement.conjuncts(id)).unwrap_or_default();
    let never = statement.never.map(|id| statement.disjuncts(id)).unwrap_or_default();
    let mut operations: Vec<OperationId> = Vec::new();
    for name in statement.operations() {
        let operation = tables.operations.add(operation(name));
        if !operations.contains(&operation) {
            operations.push(operation);
        }
    }
    let context = source.context.iter().map(|key| {
        let id = tables.fields.add(field(&AttributeRef::from_key(key)));
        (key.as_str().into(), id)
    });
    let rule = Rule {
        id: source.id.into(),
        severity: source.severity,
        hash: rule_hash(statement).into(),
        signal_type: source.signal_type.map(Into::into),
        message: source.message.into(),
        when: statement.when.map(formula),
        always: always.into_iter().map(clause).collect(),
        never: never.into_iter().map(clause).collect(),
        operations,
        context: context.collect(),
    };
    Ok((rule, Parts { conditions, predicates }))
}

/// A hash of all that decides the verdicts of a rule: its canonical text.
fn rule_hash(statement: &Statement) -> String {
    let digest = Sha256::digest(format!("betrace.rule/1\n{statement}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn operation(name: &OperationName) -> module::Operation {
    match name {
        OperationName::Exact(name) => module::Operation::Named(name.as_str().into()),
        OperationName::Pattern(pieces) => {
            module::Operation::Wildcard(pieces.iter().map(|piece| piece.as_str().into()).collect())
        }
    }
}

/// Lowers all predicates of a statement; children come first, so one pass is enough.
fn lower_predicates(
    tables: &mut Tables,
    statement: &Statement,
) -> Result<Vec<IrPredicateId>, Malformed> {
    let mut lowered: Vec<IrPredicateId> = Vec::with_capacity(statement.predicates().len());
    for predicate in statement.predicates() {
        let of = |id: &PredicateId| lowered[id.0 as usize];
        let predicate = match predicate {
            Predicate::And(terms) => IrPredicate::And(terms.iter().map(of).collect()),
            Predicate::Or(terms) => IrPredicate::Or(terms.iter().map(of).collect()),
            Predicate::Not(term) => IrPredicate::Not(of(term)),
            Predicate::Exists(attribute) => {
                let id = tables.fields.add(field(attribute));
                IrPredicate::Test(id, module::Test::Exists)
            }
            Predicate::Test { subject, operator, operand } => {
                let id = tables.fields.add(span_field(subject));
                let LoweredTest { test, negated } = test(&mut tables.fields, *operator, operand)?;
                let test = IrPredicate::Test(id, test);
                if negated { IrPredicate::Not(tables.predicates.add(test)) } else { test }
            }
        };
        lowered.push(tables.predicates.add(predicate));
    }
    Ok(lowered)
}

/// Lowers all conditions of a statement, likewise.
fn lower_conditions(
    tables: &mut Tables,
    statement: &Statement,
    predicates: &[IrPredicateId],
) -> Result<Vec<FormulaId>, Malformed> {
    let mut lowered: Vec<FormulaId> = Vec::with_capacity(statement.conditions().len());
    for condition in statement.conditions() {
        let of = |id: &ConditionId| lowered[id.0 as usize];
        let formula = match condition {
            Condition::And(terms) => Formula::And(terms.iter().map(of).collect()),
            Condition::Or(terms) => Formula::Or(terms.iter().map(of).collect()),
            Condition::Not(term) => Formula::Not(of(term)),
            Condition::Has { operation, filter } => {
                let set = span_set(tables, operation, *filter, predicates);
                Formula::Atom(tables.atoms.add(Atom::Has(set)))
            }
            Condition::Compare { left, comparison: how, right } => {
                let left = quantity(tables, left, predicates)?;
                let right = quantity(tables, right, predicates)?;
                let atom = Atom::Compare(left, comparison(*how), right);
                Formula::Atom(tables.atoms.add(atom))
            }
            Condition::Trace { intrinsic, operator, operand } => {
                let LoweredTest { test, negated } = test(&mut tables.fields, *operator, operand)?;
                let atom: AtomId = tables.atoms.add(Atom::Trace(trace_field(*intrinsic), test));
                match negated {
                    true => Formula::Not(tables.formulas.add(Formula::Atom(atom))),
                    false => Formula::Atom(atom),
                }
            }
        };
        lowered.push(tables.formulas.add(formula));
    }
    Ok(lowered)
}

fn span_set(
    tables: &mut Tables,
    name: &OperationName,
    filter: Option<PredicateId>,
    predicates: &[IrPredicateId],
) -> SetId {
    let operation = tables.operations.add(operation(name));
    let predicate = match filter {
        Some(id) => predicates[id.0 as usize],
        None => tables.predicates.add(IrPredicate::Const(true)),
    };
    tables.sets.add(SpanSet { operation, predicate })
}

fn quantity(
    tables: &mut Tables,
    quantity: &Quantity,
    predicates: &[IrPredicateId],
) -> Result<module::Quantity, Malformed> {
    let Count { operation, distinct, filter, by, within } = match quantity {
        Quantity::Number(constant) => return Ok(module::Quantity::Number(number(constant))),
        Quantity::Count(count) => count,
    };
    let set = span_set(tables, operation, *filter, predicates);
    let mut optional = |attribute: &Option<AttributeRef>| {
        attribute.as_ref().map(|it| tables.fields.add(field(it)))
    };
    let (distinct, by) = (optional(distinct), optional(by));
    let within = match within {
        Some(length) if *length <= 0 => return Err(Malformed::Window(*length)),
        length => length.map(i64::unsigned_abs),
    };
    Ok(module::Quantity::Count(module::Count { set, distinct, by, within }))
}
