//! What the optimiser makes of small modules.

use ir::module::{
    Atom, AtomId, Clause, Comparison, Count, Field, FieldId, Formula, FormulaId, Operation,
    OperationId, Order, Pattern, Predicate, PredicateId, Quantity, Rule, Scalar, SetId, Severity,
    SpanSet, Test,
};
use ir::{Module, verify};

use super::optimise;

/// A rule a formula, and a formula for `has` of each of `sets`.
fn module(predicates: Vec<Predicate>, sets: &[u32]) -> Module {
    let numbers = 0..sets.len();
    let set = |&predicate| SpanSet { operation: OperationId(0), predicate: PredicateId(predicate) };
    let mut module = Module {
        operations: vec![Operation::Named("charge".into()), Operation::Named("unused".into())],
        fields: vec![Field::Any("unused".into()), Field::Span("amount".into()), Field::Name],
        predicates,
        sets: sets.iter().map(set).collect(),
        atoms: numbers.clone().map(|number| Atom::Has(SetId::new(number))).collect(),
        formulas: numbers.clone().map(|number| Formula::Atom(AtomId::new(number))).collect(),
        ..Module::default()
    };
    numbers.for_each(|number| rule(&mut module, FormulaId::new(number)));
    module
}

fn rule(module: &mut Module, formula: FormulaId) {
    module.rules.push(Rule {
        id: format!("rule-{}", module.rules.len()).into(),
        severity: Severity::High,
        hash: "".into(),
        signal_type: None,
        message: "".into(),
        when: None,
        always: Vec::new(),
        never: vec![Clause { formula, text: "clause".into() }],
        operations: vec![OperationId(0)],
        context: Vec::new(),
    });
}

fn amount(test: Test) -> Predicate {
    Predicate::Test(FieldId(1), test)
}

fn equal(constant: Scalar) -> Predicate {
    amount(Test::Equal(constant))
}

/// The predicate that a lone set comes down to, with what it is made of.
fn alone(predicates: Vec<Predicate>) -> Vec<Predicate> {
    let last = predicates.len() as u32 - 1;
    optimise(module(predicates, &[last])).predicates
}

#[test]
fn tests_that_no_value_passes_are_false_and_those_that_every_value_passes_ask_for_presence() {
    let never = [
        equal(Scalar::Float(f64::NAN)),
        amount(Test::In([Scalar::Float(f64::NAN)].into())),
        amount(Test::Order(Order::Less, Scalar::Float(f64::NAN))),
        amount(Test::Order(Order::GreaterEqual, Scalar::Bool(true))),
        amount(Test::OrderField(Order::Less, FieldId(1))),
    ];
    for predicate in never {
        assert_eq!(alone(vec![predicate.clone()]), [Predicate::Const(false)], "{predicate:?}");
    }
    for test in [Test::StartsWith("".into()), Test::EndsWith("".into())] {
        let exists = Predicate::Test(FieldId(0), Test::Exists);
        assert_eq!(alone(vec![amount(test)]), [exists]);
    }
    assert_eq!(alone(vec![Predicate::Test(FieldId(2), Test::Exists)]), [Predicate::Const(true)]);
    let kept = amount(Test::Order(Order::Less, Scalar::Text("abc".into())));
    assert!(matches!(alone(vec![kept])[..], [Predicate::Test(..)]));
}

#[test]
fn equalities_with_the_same_texts_are_one_test() {
    let text = |text: &str| Scalar::Text(text.into());
    let in_list = |constants: [Scalar; 3]| amount(Test::In(constants.into()));
    let optimised = optimise(module(
        vec![
            equal(Scalar::Int(5)),
            equal(Scalar::Float(5.0)),
            equal(text("5")),
            amount(Test::In([Scalar::Float(f64::NAN), Scalar::Int(5)].into())),
            equal(text("5.0")),
            in_list([text("b"), text("a"), Scalar::Int(1)]),
            in_list([Scalar::Float(1.0), text("a"), text("b")]),
        ],
        &[0, 1, 2, 3, 4, 5, 6],
    ));
    assert_eq!(optimised.predicates.len(), 3, "{:?}", optimised.predicates);
    assert_eq!((optimised.sets.len(), optimised.rules.len()), (3, 7));
}

#[test]
fn connectives_are_flat_and_cheap_parts_come_first() {
    let regex = Test::Matches(Pattern::new("x").expect("well formed"));
    let tests = vec![
        amount(regex),
        amount(Test::Exists),
        equal(Scalar::Int(1)),
        Predicate::Const(true),
        Predicate::And([PredicateId(0), PredicateId(3)].into()),
        Predicate::Not(PredicateId(1)),
        Predicate::Not(PredicateId(5)),
        Predicate::And([PredicateId(4), PredicateId(2), PredicateId(2)].into()),
        Predicate::And([PredicateId(7), PredicateId(6)].into()),
    ];
    let optimised = alone(tests);
    let Some(Predicate::And(parts)) = optimised.last() else { panic!("{optimised:?}") };
    let parts: Vec<_> = parts.iter().map(|part| &optimised[part.index()]).collect();
    assert!(
        matches!(
            parts[..],
            [
                Predicate::Test(_, Test::Exists),
                Predicate::Test(_, Test::Equal(_)),
                Predicate::Test(_, Test::Matches(_))
            ]
        ),
        "{parts:?}"
    );
}

#[test]
fn opposed_parts_decide_a_predicate() {
    let opposed = |connective: fn(Box<[PredicateId]>) -> Predicate| {
        alone(vec![
            amount(Test::Exists),
            Predicate::Not(PredicateId(0)),
            connective([PredicateId(0), PredicateId(1)].into()),
        ])
    };
    assert_eq!(opposed(Predicate::And), [Predicate::Const(false)]);
    assert_eq!(opposed(Predicate::Or), [Predicate::Const(true)]);
}

#[test]
fn formulas_keep_their_atoms() {
    let exists = amount(Test::Exists);
    let mut module = module(vec![exists, Predicate::Const(true)], &[0, 1]);
    let first = module.formulas.len() as u32;
    module.formulas.extend([
        Formula::Const(false),
        Formula::Const(true),
        Formula::Not(FormulaId(0)),
        Formula::And([FormulaId(first), FormulaId(0)].into()),
        Formula::And([FormulaId(first + 2), FormulaId(0)].into()),
        Formula::Not(FormulaId(first + 2)),
        Formula::And([FormulaId(first + 1), FormulaId(1), FormulaId(first + 5)].into()),
        Formula::Or([FormulaId(first), FormulaId(first + 6)].into()),
    ]);
    [3, 4, 7].into_iter().for_each(|at| rule(&mut module, FormulaId(first + at)));
    let optimised = optimise(module);
    let formula = |rule: usize| &optimised.formulas[optimised.rules[rule].never[0].formula.index()];
    assert!(matches!(formula(2), Formula::And(parts) if parts.len() == 2));
    assert!(matches!(formula(3), Formula::And(parts) if parts.len() == 2));
    let both = [optimised.rules[0].never[0].formula, optimised.rules[1].never[0].formula];
    assert_eq!(*formula(4), Formula::And(both.into()));
}

#[test]
fn counts_stand_left_of_numbers() {
    let mut module = module(vec![amount(Test::Exists)], &[0]);
    let count = Count { set: SetId(0), distinct: None, by: None, within: None };
    let (count, number) = (Quantity::Count(count), Quantity::Number(Scalar::Int(3)));
    let (less, more) = (Comparison::Order(Order::Less), Comparison::Order(Order::Greater));
    module.atoms.push(Atom::Compare(number.clone(), less, count.clone()));
    module.atoms.push(Atom::Compare(count.clone(), more, number.clone()));
    module.formulas.extend([1, 2].map(|atom| Formula::Atom(AtomId(atom))));
    [1, 2].into_iter().for_each(|at| rule(&mut module, FormulaId(at)));
    let optimised = optimise(module);
    assert_eq!(optimised.atoms[1..], [Atom::Compare(count, more, number)]);
}

#[test]
fn what_no_rule_reaches_goes_and_the_rest_is_valid() {
    let mut module = module(vec![Predicate::Const(true), amount(Test::Exists)], &[1]);
    module.group_by = Some(FieldId(2));
    let optimised = optimise(module);
    assert_eq!(optimised.operations, [Operation::Named("charge".into())]);
    assert_eq!(optimised.fields, [Field::Span("amount".into()), Field::Name]);
    assert_eq!(optimised.predicates, [Predicate::Test(FieldId(0), Test::Exists)]);
    assert_eq!(optimised.group_by, Some(FieldId(1)));
    assert_eq!(verify::verify(&optimised), Ok(()));
    assert_eq!(optimise(optimised.clone()), optimised);
}
