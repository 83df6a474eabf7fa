//! Every operator on every value at an edge, kept in every kind of column: all engines agree, and
//! nothing traps or overflows.

use betrace_fuzz::engines::Engines;
use betrace_fuzz::segment::{Draft, KEYS, OPERATIONS, Span, Trace};
use betrace_fuzz::values::{FLOATS, INTEGERS, TEXTS};
use compiler::optimise;
use ir::module::{
    Atom, AtomId, Clause, Field, FieldId, Formula, FormulaId, Operation, OperationId, Order,
    Pattern, Predicate, PredicateId, Rule, Scalar, SetId, Severity, SpanSet, Test,
};
use ir::{Engine, Interpreter, Mask, Module, Segment, Value};

const ORDERS: [Order; 4] = [Order::Less, Order::LessEqual, Order::Greater, Order::GreaterEqual];

/// How often each value comes, so that columns are longer than their dictionaries.
const REPEATS: usize = 4;

/// One trace a value: integers under the first key, doubles under the second, values of any type
/// under the third, and beside them under the fourth first the same value, then others.
fn draft() -> Draft {
    let values = INTEGERS.map(Value::Int).into_iter().chain(FLOATS.map(Value::Float));
    let values: Vec<Value> = values
        .chain(TEXTS.map(|text| Value::Text(text.to_owned())))
        .chain([Value::Bool(true), Value::Bool(false), Value::Bytes(vec![1]), Value::Empty])
        .chain([Value::List(vec![Value::Int(5), Value::Text("a".into())]), Value::Map(Vec::new())])
        .collect();
    let count = values.len();
    let spans = (0..count * REPEATS).map(|trace| {
        let (at, repeat) = (trace % count, trace / count);
        let value = &values[at];
        let mut attributes = vec![None; KEYS.len()];
        if *value != Value::Empty {
            attributes[2] = Some(value.clone());
        }
        attributes[0] = INTEGERS.get(at).copied().map(Value::Int);
        attributes[1] = FLOATS.get(at).copied().map(Value::Float);
        attributes[3] = Some(values[at * (1 + repeat * 6) % count].clone());
        attributes[3].take_if(|value| *value == Value::Empty);
        Span {
            operation: 0,
            trace,
            start: 0,
            duration: INTEGERS[at % INTEGERS.len()],
            id: trace as u64,
            resource: 0,
            texts: [Some("server"), Some("ok"), None],
            attributes,
        }
    });
    let spans = spans.collect();
    let traces = (count * REPEATS) as u64;
    let traces = (0..traces).map(|at| Trace { start: at, end: at, root: None });
    let resource = vec![Some(Value::Int(5)), None, None, None, None, None];
    Draft {
        traces: traces.collect(),
        spans,
        resources: vec![resource],
        own_table: vec![true; OPERATIONS.len()],
    }
}

fn constants() -> Vec<Scalar> {
    let ints = INTEGERS.map(Scalar::Int).into_iter();
    ints.chain(FLOATS.map(Scalar::Float))
        .chain(TEXTS.map(|text| Scalar::Text(text.into())))
        .chain([Scalar::Bool(true), Scalar::Bool(false)])
        .collect()
}

fn tests() -> Vec<Test> {
    let mut tests = vec![Test::Exists];
    let constants = constants();
    for (at, constant) in constants.iter().enumerate() {
        let other = constants[(at * 5 + 1) % constants.len()].clone();
        let text = constant.datum().text().into_owned();
        tests.extend(ORDERS.map(|order| Test::Order(order, constant.clone())));
        tests.push(Test::Equal(constant.clone()));
        tests.push(Test::In([constant.clone(), other].into()));
        tests.push(Test::Contains(text.as_str().into()));
        tests.push(Test::StartsWith(text.as_str().into()));
        tests.push(Test::EndsWith(text.into()));
    }
    tests.push(Test::Contains("".into()));
    for source in ["^[0-9]+$", "NaN|Inf", "", "e"] {
        tests.push(Test::Matches(Pattern::new(source).expect("well formed")));
    }
    for field in (0..7).map(FieldId::new) {
        tests.push(Test::EqualField(field));
        tests.extend(ORDERS.map(|order| Test::OrderField(order, field)));
    }
    tests
}

#[test]
fn every_operator_on_every_edge() {
    let draft = draft();
    let segment = draft.segment(0..draft.traces.len());
    let mut fields: Vec<Field> = KEYS[..4].iter().map(|&key| Field::Span(key.into())).collect();
    fields.extend([Field::Any("amount".into()), Field::Resource("amount".into())]);
    fields.push(Field::Duration);
    let mut module = Module {
        operations: vec![Operation::Named(OPERATIONS[0].into())],
        fields,
        ..Module::default()
    };
    for field in (0..module.fields.len()).map(FieldId::new) {
        for test in tests() {
            let predicate = PredicateId::new(module.predicates.len());
            module.predicates.push(Predicate::Test(field, test));
            module.atoms.push(Atom::Has(SetId::new(module.sets.len())));
            module.sets.push(SpanSet { operation: OperationId(0), predicate });
            let atom = AtomId::new(module.formulas.len());
            module.rules.push(rule(FormulaId::new(module.formulas.len())));
            module.formulas.push(Formula::Atom(atom));
        }
    }
    let expected = probe(&Interpreter, &module, &segment);
    let small = optimise(module.clone());
    for engine in Engines::shared().iter() {
        let name = engine.name();
        let found = probe(engine, &module, &segment);
        let optimised = probe(engine, &small, &segment);
        for (at, predicate) in module.predicates.iter().enumerate() {
            assert_eq!(expected[at], found[at], "{name}: {predicate:?}");
            let formula = small.rules[at].never[0].formula;
            let formula = &small.formulas[formula.index()];
            let Formula::Atom(atom) = formula else { panic!("{formula:?}") };
            assert_eq!(expected[at], optimised[atom.index()], "{name}, optimised: {predicate:?}");
        }
    }
}

fn probe(engine: &dyn Engine, module: &Module, segment: &Segment) -> Vec<Mask> {
    let atoms: Vec<_> = (0..module.atoms.len()).map(AtomId::new).collect();
    engine.probe(module, segment, &atoms).expect("everything is decoded")
}

fn rule(formula: FormulaId) -> Rule {
    Rule {
        id: format!("rule-{}", formula.index()).into(),
        severity: Severity::Low,
        hash: "".into(),
        signal_type: None,
        message: "".into(),
        when: None,
        always: Vec::new(),
        never: vec![Clause { formula, text: "".into() }],
        operations: Vec::new(),
        context: Vec::new(),
    }
}
