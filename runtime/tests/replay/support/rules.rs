//! Modules made by hand: each call adds entries and gives the handle of the last.

use ir::Module;
use ir::module::{
    Atom, AtomId, Clause, Comparison, Count, Field, FieldId, Formula, FormulaId, Operation,
    OperationId, Order, Predicate, PredicateId, Quantity, Rule, Scalar, SetId, Severity, SpanSet,
    Test,
};

#[derive(Default)]
pub struct Rules {
    pub module: Module,
}

impl Rules {
    pub fn operation(&mut self, name: &str) -> OperationId {
        let operation = Operation::Named(name.into());
        let own = &mut self.module.operations;
        let at = own.iter().position(|other| *other == operation).unwrap_or_else(|| {
            own.push(operation);
            own.len() - 1
        });
        OperationId::new(at)
    }

    /// The field that a bare key means.
    pub fn key(&mut self, key: &str) -> FieldId {
        self.module.fields.push(Field::Any(key.into()));
        FieldId::new(self.module.fields.len() - 1)
    }

    /// The spans of an operation; with `key=value`, those that have that value.
    pub fn set(&mut self, operation: &str, test: &str) -> SetId {
        let operation = self.operation(operation);
        let predicate = match test.split_once('=') {
            Some((key, value)) => {
                Predicate::Test(self.key(key), Test::Equal(Scalar::Text(value.into())))
            }
            None => Predicate::Const(true),
        };
        self.module.predicates.push(predicate);
        let predicate = PredicateId::new(self.module.predicates.len() - 1);
        self.module.sets.push(SpanSet { operation, predicate });
        SetId::new(self.module.sets.len() - 1)
    }

    pub fn has(&mut self, operation: &str, test: &str) -> FormulaId {
        let set = self.set(operation, test);
        self.atom(Atom::Has(set))
    }

    pub fn count(&mut self, operation: &str, comparison: Comparison, number: i64) -> FormulaId {
        let count = Count { set: self.set(operation, ""), distinct: None, by: None, within: None };
        self.compare(count, comparison, number)
    }

    pub fn compare(&mut self, count: Count, comparison: Comparison, number: i64) -> FormulaId {
        let number = Quantity::Number(Scalar::Int(number));
        self.atom(Atom::Compare(Quantity::Count(count), comparison, number))
    }

    pub fn atom(&mut self, atom: Atom) -> FormulaId {
        self.module.atoms.push(atom);
        self.formula(Formula::Atom(AtomId::new(self.module.atoms.len() - 1)))
    }

    pub fn formula(&mut self, formula: Formula) -> FormulaId {
        self.module.formulas.push(formula);
        FormulaId::new(self.module.formulas.len() - 1)
    }

    pub fn not(&mut self, inner: FormulaId) -> FormulaId {
        self.formula(Formula::Not(inner))
    }

    pub fn and(&mut self, parts: &[FormulaId]) -> FormulaId {
        self.formula(Formula::And(parts.into()))
    }

    pub fn or(&mut self, parts: &[FormulaId]) -> FormulaId {
        self.formula(Formula::Or(parts.into()))
    }

    /// A rule; clauses are named `always0`, `always1`, … and `never0`, ….
    pub fn rule(
        &mut self,
        id: &str,
        when: Option<FormulaId>,
        always: &[FormulaId],
        never: &[FormulaId],
    ) -> &mut Rule {
        let clauses = |kind: &str, formulas: &[FormulaId]| {
            let texts = formulas.iter().enumerate();
            texts
                .map(|(at, &formula)| Clause { formula, text: format!("{kind}{at}").into() })
                .collect()
        };
        self.module.rules.push(Rule {
            id: id.into(),
            severity: Severity::High,
            hash: "00ff".into(),
            signal_type: None,
            message: "what happened".into(),
            when,
            always: clauses("always", always),
            never: clauses("never", never),
            operations: (0..self.module.operations.len()).map(OperationId::new).collect(),
            context: Vec::new(),
        });
        self.module.rules.last_mut().unwrap()
    }

    /// Gives the last rule a context.
    pub fn context(&mut self, keys: &[&str]) {
        let context = keys.iter().map(|&key| (key.into(), self.key(key))).collect();
        self.module.rules.last_mut().unwrap().context = context;
    }
}

pub fn at_least() -> Comparison {
    Comparison::Order(Order::GreaterEqual)
}

pub fn at_most() -> Comparison {
    Comparison::Order(Order::LessEqual)
}

pub fn equal() -> Comparison {
    Comparison::Equal
}
