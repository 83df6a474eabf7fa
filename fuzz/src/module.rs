//! Random modules whose constants come from the values at hand, so that tests go either way.

use ir::module::{
    Atom, AtomId, Clause, Comparison, Count, Field, FieldId, Formula, FormulaId, Operation,
    OperationId, Order, Pattern, Predicate, PredicateId, Quantity, Rule, Scalar, SetId, Severity,
    SpanSet, Test, TraceField,
};
use ir::{Module, Value};

use crate::bytes::Bytes;
use crate::segment::{KEYS, OPERATIONS};
use crate::values;

const ORDERS: [Order; 4] = [Order::Less, Order::LessEqual, Order::Greater, Order::GreaterEqual];

/// A random module; `pool` holds values that spans have, by key.
pub fn random(bytes: &mut Bytes<'_>, pool: &[Vec<Value>; KEYS.len()]) -> Module {
    let mut builder = Builder { bytes, pool, key: 0, module: Module::default() };
    builder.places();
    for _ in 0..4 + builder.bytes.below(8) {
        let set = builder.set();
        builder.module.sets.push(set);
    }
    for _ in 0..4 + builder.bytes.below(8) {
        let atom = builder.atom();
        builder.module.atoms.push(atom);
    }
    for number in 0..1 + builder.bytes.below(4) {
        let rule = builder.rule(number);
        builder.module.rules.push(rule);
    }
    let text = format!("{:?}", builder.module);
    let hash = crc32fast::hash(text.as_bytes());
    for (number, rule) in builder.module.rules.iter_mut().enumerate() {
        rule.hash = format!("{hash:08x}{number:02x}").into();
    }
    builder.module
}

struct Builder<'a, 'b> {
    bytes: &'a mut Bytes<'b>,
    pool: &'a [Vec<Value>; KEYS.len()],
    /// The key that was asked last.
    key: usize,
    module: Module,
}

impl Builder<'_, '_> {
    fn places(&mut self) {
        let wildcard = |pieces: &[&str]| {
            Operation::Wildcard(pieces.iter().map(|&piece| piece.into()).collect())
        };
        let named = OPERATIONS.iter().map(|&name| Operation::Named(name.into()));
        self.module.operations = named
            .chain([
                Operation::Named("absent".into()),
                wildcard(&["GET ", ""]),
                wildcard(&["", ""]),
                wildcard(&["payment.", "r", ""]),
                wildcard(&["no", "ne"]),
            ])
            .collect();
        let keyed = KEYS.iter().flat_map(|&key| {
            [Field::Any(key.into()), Field::Span(key.into()), Field::Resource(key.into())]
        });
        let own = [Field::Name, Field::Kind, Field::Status, Field::StatusMessage, Field::Duration];
        self.module.fields = keyed.chain(own).collect();
    }

    fn set(&mut self) -> SpanSet {
        let predicate = if self.bytes.chance(15) {
            self.add(Predicate::Const(true))
        } else {
            self.predicate(3)
        };
        let any = OPERATIONS.len() + 2;
        let operation = if self.bytes.chance(25) {
            any
        } else {
            self.bytes.below(self.module.operations.len())
        };
        SpanSet { operation: OperationId::new(operation), predicate }
    }

    fn predicate(&mut self, depth: usize) -> PredicateId {
        let known = self.module.predicates.len();
        if known > 0 && self.bytes.chance(10) {
            return PredicateId::new(self.bytes.below(known));
        }
        let kind = if depth == 0 { 9 } else { self.bytes.below(10) };
        let predicate = match kind {
            0 => Predicate::Not(self.predicate(depth - 1)),
            1 | 2 => Predicate::And(self.parts(depth - 1)),
            3 | 4 => Predicate::Or(self.parts(depth - 1)),
            5 if self.bytes.chance(20) => Predicate::Const(self.bytes.chance(50)),
            _ => {
                let field = self.field();
                let test = self.test();
                let against = test.other_field().is_some();
                Predicate::Test(if against { self.compared() } else { field }, test)
            }
        };
        self.add(predicate)
    }

    fn parts(&mut self, depth: usize) -> Box<[PredicateId]> {
        (0..1 + self.bytes.below(3)).map(|_| self.predicate(depth)).collect()
    }

    fn add(&mut self, predicate: Predicate) -> PredicateId {
        self.module.predicates.push(predicate);
        PredicateId::new(self.module.predicates.len() - 1)
    }

    fn field(&mut self) -> FieldId {
        let field = self.bytes.below(self.module.fields.len());
        // The fields of keys come first, three a key.
        self.key = Some(field / 3).filter(|key| *key < KEYS.len()).unwrap_or(self.key);
        FieldId::new(field)
    }

    /// A field for a comparison of two: often a span's own first or second key, which are alike.
    fn compared(&mut self) -> FieldId {
        let key = KEYS[self.bytes.below(2)];
        let own = Field::Span(key.into());
        let place = self.module.fields.iter().position(|field| *field == own);
        place.filter(|_| self.bytes.chance(60)).map_or_else(|| self.field(), FieldId::new)
    }

    fn test(&mut self) -> Test {
        match self.bytes.below(14) {
            0 => Test::Exists,
            1 | 2 => Test::Equal(self.scalar()),
            3 => {
                let most = if self.bytes.chance(30) { 30 } else { 5 };
                let count = 1 + self.bytes.below(most);
                Test::In((0..count).map(|_| self.scalar()).collect())
            }
            4..=6 => Test::Order(*self.bytes.pick(&ORDERS), self.scalar()),
            7 => Test::Matches(self.pattern()),
            8 => Test::Contains(self.text()),
            9 => Test::StartsWith(self.text()),
            10 => Test::EndsWith(self.text()),
            11 => Test::EqualField(self.compared()),
            _ => Test::OrderField(*self.bytes.pick(&ORDERS), self.compared()),
        }
    }

    fn pattern(&mut self) -> Pattern {
        let sources = ["^a", "5", "^[0-9]+$", "^$", "e", "(?i)nan", "^-", "id-1[0-9]*$"];
        Pattern::new(self.bytes.pick::<&str>(&sources)).expect("these patterns are well formed")
    }

    fn scalar(&mut self) -> Scalar {
        let key = if self.bytes.chance(75) { self.key } else { self.bytes.below(KEYS.len()) };
        let pool = &self.pool[key];
        let value = if pool.is_empty() || self.bytes.chance(15) {
            values::any(self.bytes)
        } else {
            self.bytes.pick(pool).clone()
        };
        match value {
            Value::Int(int) if self.bytes.chance(10) => Scalar::Int(int.wrapping_add(1)),
            Value::Int(int) if self.bytes.chance(10) => Scalar::Float(int as f64),
            Value::Int(int) if self.bytes.chance(10) => Scalar::Text(int.to_string().into()),
            Value::Int(int) => Scalar::Int(int),
            Value::Float(float) if self.bytes.chance(20) => Scalar::Float(float + 0.25),
            Value::Float(float) => Scalar::Float(float),
            Value::Bool(bool) => Scalar::Bool(bool),
            other => {
                let text = other.canonical().map(|(_, text)| text.into_owned());
                Scalar::Text(text.unwrap_or_default().into())
            }
        }
    }

    /// A text that values hold, or a part of one.
    fn text(&mut self) -> Box<str> {
        let text = self.scalar().datum().text().into_owned();
        let chars = text.chars().count();
        let (skip, take) = (self.bytes.below(3), self.bytes.below(4));
        match self.bytes.below(3) {
            0 => text.into(),
            1 => text.chars().take(take).collect(),
            _ => text.chars().skip(skip.min(chars)).collect(),
        }
    }

    fn atom(&mut self) -> Atom {
        match self.bytes.below(8) {
            0..=2 => Atom::Has(self.any_set()),
            3 => {
                let fields = [TraceField::Duration, TraceField::RootName, TraceField::RootService];
                let field = *self.bytes.pick(&fields);
                let test = loop {
                    let test = self.test();
                    if test.other_field().is_none() {
                        break test;
                    }
                };
                let test = match (test, field) {
                    (Test::Order(order, _), TraceField::Duration) => {
                        Test::Order(order, Scalar::Int(self.bytes.below(9) as i64 - 2))
                    }
                    (Test::Equal(_), TraceField::RootName) => {
                        Test::Equal(Scalar::Text(OPERATIONS[self.bytes.below(3)].into()))
                    }
                    (test, _) => test,
                };
                Atom::Trace(field, test)
            }
            _ => {
                let comparison = match self.bytes.below(6) {
                    0 => Comparison::Equal,
                    1 => Comparison::NotEqual,
                    order => Comparison::Order(ORDERS[order - 2]),
                };
                let count = Quantity::Count(self.count());
                let other = match self.bytes.below(8) {
                    0 | 1 => Quantity::Count(self.count()),
                    2 => Quantity::Number(Scalar::Float(*self.bytes.pick(&[
                        0.5,
                        1.0,
                        2.5,
                        -0.0,
                        f64::INFINITY,
                        -1e300,
                    ]))),
                    3 => Quantity::Number(Scalar::Int(*self.bytes.pick(&values::INTEGERS))),
                    _ => Quantity::Number(Scalar::Int(self.bytes.below(5) as i64)),
                };
                match self.bytes.chance(30) {
                    true => Atom::Compare(other, comparison, count),
                    false => Atom::Compare(count, comparison, other),
                }
            }
        }
    }

    fn any_set(&mut self) -> SetId {
        SetId::new(self.bytes.below(self.module.sets.len()))
    }

    fn count(&mut self) -> Count {
        Count {
            set: self.any_set(),
            distinct: self.bytes.chance(50).then(|| self.field()),
            by: self.bytes.chance(30).then(|| self.field()),
            within: self.bytes.chance(30).then(|| *self.bytes.pick(&[1, 10, 11, 30, u64::MAX])),
        }
    }

    fn formula(&mut self, depth: usize) -> FormulaId {
        let kind = if depth == 0 { 9 } else { self.bytes.below(10) };
        let parts = |own: &mut Self| -> Box<[FormulaId]> {
            (0..1 + own.bytes.below(3)).map(|_| own.formula(depth - 1)).collect()
        };
        let formula = match kind {
            0 | 1 => Formula::Not(self.formula(depth - 1)),
            2 | 3 => Formula::And(parts(self)),
            4 | 5 => Formula::Or(parts(self)),
            6 if self.bytes.chance(30) => Formula::Const(self.bytes.chance(50)),
            _ => Formula::Atom(AtomId::new(self.bytes.below(self.module.atoms.len()))),
        };
        self.module.formulas.push(formula);
        FormulaId::new(self.module.formulas.len() - 1)
    }

    fn rule(&mut self, number: usize) -> Rule {
        let mut clauses = |count: usize| -> Vec<Clause> {
            let clause = |at| Clause { formula: self.formula(3), text: format!("{at}").into() };
            (0..count).map(clause).collect()
        };
        let (always, never) = (clauses(number % 3), clauses(1));
        Rule {
            id: format!("rule-{number}").into(),
            severity: Severity::Low,
            hash: "".into(),
            signal_type: self.bytes.chance(50).then(|| "TYPE".into()),
            message: "".into(),
            when: self.bytes.chance(50).then(|| self.formula(2)),
            always,
            never,
            operations: vec![OperationId::new(self.bytes.below(OPERATIONS.len()))],
            context: vec![("tenant".into(), self.field())],
        }
    }
}
