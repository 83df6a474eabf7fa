//! Modules and segments at the limits: the deepest nesting on a small stack, ten thousand rules,
//! one trace with very many spans, fields that were not decoded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use betrace_fuzz::engines::Engines;
use betrace_fuzz::segment::{Draft, KEYS, OPERATIONS};
use betrace_fuzz::{Bytes, values};
use compiler::optimise;
use ir::module::{
    Atom, AtomId, Clause, Comparison, Count, Field, FieldId, Formula, FormulaId, Operation,
    OperationId, Order, Predicate, PredicateId, Quantity, Rule, Scalar, SetId, Severity, SpanSet,
    Test,
};
use ir::segment::{Attributes, Coverage, Table};
use ir::verify::MAX_DEPTH;
use ir::{Engine, Interpreter, Module};

/// The stack on which every walk must do.
const STACK: usize = 256 << 10;

/// A module with one rule an entry of `sets`: never a span of it.
fn module(operations: Vec<Operation>, predicates: Vec<Predicate>, sets: Vec<SpanSet>) -> Module {
    let numbers = 0..sets.len();
    let rule = |number: usize| Rule {
        id: format!("rule-{number}").into(),
        severity: Severity::High,
        hash: "".into(),
        signal_type: None,
        message: "".into(),
        when: None,
        always: Vec::new(),
        never: vec![Clause { formula: FormulaId::new(number), text: "".into() }],
        operations: vec![sets[number].operation],
        context: Vec::new(),
    };
    Module {
        operations,
        fields: KEYS.map(|key| Field::Any(key.into())).into(),
        predicates,
        atoms: numbers.clone().map(|number| Atom::Has(SetId::new(number))).collect(),
        formulas: numbers.clone().map(|number| Formula::Atom(AtomId::new(number))).collect(),
        rules: numbers.map(rule).collect(),
        sets,
        group_by: None,
    }
}

fn probe(engine: &dyn Engine, module: &Module, draft: &Draft) -> Vec<ir::Mask> {
    let atoms: Vec<_> = (0..module.atoms.len()).map(AtomId::new).collect();
    let segment = draft.segment(0..draft.traces.len());
    engine.probe(module, &segment, &atoms).expect("everything is decoded")
}

fn draft() -> Draft {
    let drafts = (0..).map(|seed| Draft::random(&mut Bytes::seeded(seed)));
    drafts.into_iter().find(|draft| draft.spans.len() > 100).expect("seeds do not run out")
}

#[test]
fn the_deepest_nesting_needs_little_stack() {
    let mut predicates = vec![Predicate::Test(FieldId(0), Test::Exists)];
    for depth in 1..MAX_DEPTH {
        let last = PredicateId::new(predicates.len() - 1);
        predicates.push(match depth % 3 {
            0 => Predicate::Not(last),
            1 => Predicate::And([last, PredicateId(0)].into()),
            _ => Predicate::Or([last, PredicateId(0)].into()),
        });
    }
    let predicate = PredicateId::new(predicates.len() - 1);
    let operations = vec![Operation::Named(OPERATIONS[0].into())];
    let sets = vec![SpanSet { operation: OperationId(0), predicate }];
    let module = module(operations, predicates, sets);
    let draft = draft();
    let small_stack = std::thread::Builder::new().stack_size(STACK);
    let thread = small_stack.spawn(move || {
        let small = optimise(module.clone());
        let mut answers = Engines::shared()
            .iter()
            .flat_map(|engine| [&module, &small].map(|module| probe(engine, module, &draft)))
            .collect::<Vec<_>>();
        answers.dedup();
        assert_eq!(answers.len(), 1);
    });
    thread.expect("a thread starts").join().expect("the walk fits the stack");
}

#[test]
fn ten_thousand_rules_share_their_probes() {
    let operations: Vec<_> = OPERATIONS.iter().map(|&name| Operation::Named(name.into())).collect();
    let (mut predicates, mut sets) = (Vec::new(), Vec::new());
    for number in 0..10_000 {
        let same = Test::Equal(Scalar::Int(number % 50));
        let own = Test::Order(Order::Less, Scalar::Int(number));
        let first = PredicateId::new(predicates.len());
        predicates.push(Predicate::Test(FieldId(0), same));
        predicates.push(Predicate::Test(FieldId(1), own));
        predicates.push(Predicate::And([PredicateId(first.0 + 1), first].into()));
        let operation = OperationId::new(number as usize % operations.len());
        sets.push(SpanSet { operation, predicate: PredicateId(first.0 + 2) });
    }
    let whole = module(operations, predicates, sets);
    let started = Instant::now();
    let small = optimise(whole.clone());
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert_eq!(small.predicates.len(), 50 + 10_000 + 10_000);
    assert_eq!(small.rules.len(), whole.rules.len());
    let draft = draft();
    let expected = probe(&Interpreter, &whole, &draft);
    for engine in Engines::shared().iter() {
        assert!(probe(engine, &small, &draft) == expected, "{}", engine.name());
    }
}

#[test]
fn one_trace_may_have_very_many_spans() {
    let mut bytes = Bytes::seeded(1);
    let mut draft = draft();
    draft.traces.truncate(1);
    draft.spans.iter_mut().for_each(|span| span.trace = 0);
    let spans = draft.spans.clone();
    while draft.spans.len() < 50_000 {
        let mut span = bytes.pick(&spans).clone();
        (span.start, span.id) = (bytes.below(40_000) as i64, draft.spans.len() as u64);
        span.attributes[0] = Some(values::any(&mut bytes));
        draft.spans.push(span);
    }
    let operations = vec![Operation::Wildcard(["".into(), "".into()].into())];
    let sets = vec![SpanSet { operation: OperationId(0), predicate: PredicateId(0) }];
    let mut module = module(operations, vec![Predicate::Const(true)], sets);
    let expected: Vec<_> = [(None, None), (Some(500), None), (Some(500), Some(FieldId(2)))]
        .into_iter()
        .flat_map(|(within, by)| [None, Some(FieldId(0))].map(|distinct| (within, by, distinct)))
        .collect();
    for (within, by, distinct) in &expected {
        for limit in [10, 100, 600, 50_000] {
            let count = Count { set: SetId(0), distinct: *distinct, by: *by, within: *within };
            let limit = Quantity::Number(Scalar::Int(limit));
            let least = Comparison::Order(Order::GreaterEqual);
            module.atoms.push(Atom::Compare(Quantity::Count(count), least, limit));
        }
    }
    let expected = probe(&Interpreter, &module, &draft);
    for engine in Engines::shared().iter() {
        assert_eq!(probe(engine, &module, &draft), expected, "{}", engine.name());
    }
}

#[test]
fn what_was_not_decoded_is_a_fault_and_not_an_absence() {
    let operations = vec![Operation::Named(OPERATIONS[0].into())];
    let exists = Predicate::Test(FieldId(0), Test::Exists);
    let sets = vec![SpanSet { operation: OperationId(0), predicate: PredicateId(0) }];
    let mut module = module(operations, vec![exists], sets);
    let mut draft = draft();
    draft.spans.iter_mut().for_each(|span| span.operation = 0);
    let mut segment = draft.segment(0..draft.traces.len());
    let absent = Operation::Named("absent".into());
    let covered = [module.operations[0].clone(), absent.clone()].into_iter().collect();
    segment.coverage = Coverage::Operations(Arc::new(covered));
    let bare = (0..segment.tables.len()).map(|number| Table {
        attributes: Attributes::default(),
        ..segment.tables.get(number).clone()
    });
    segment.tables = bare.collect();
    let ask = |engine: &dyn Engine, module: &Module| engine.probe(module, &segment, &[AtomId(0)]);
    let fault = ask(&Interpreter, &module).expect_err("the key was not decoded");
    for engine in Engines::shared().iter() {
        assert_eq!(ask(engine, &module), Err(fault.clone()), "{}", engine.name());
    }
    module.operations[0] = absent;
    for engine in Engines::shared().iter() {
        assert_eq!(ask(engine, &module), ask(&Interpreter, &module), "{}", engine.name());
    }
}
