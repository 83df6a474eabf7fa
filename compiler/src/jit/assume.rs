//! A small segment as rules would like it, for showing code without data: every operation that a
//! module names, with every field that it reads on three of four spans.
//!
//! A field that is compared by order is an integer column of two bytes, a duration one of four;
//! every other field is text, in a dictionary of the constants that it is compared with and some
//! more, one byte a code.

use std::sync::Arc;

use hashbrown::HashMap;
use ir::module::{Field, Operation, Predicate, Scalar, Test};
use ir::segment::{
    Attributes, Buffer, Column, DictionaryBuilder, Integers, Narrow, OperationRows, Slot, Table,
    Traces, Values,
};
use ir::{Mask, Module, Segment, Type};

/// Rows of each operation.
const ROWS: usize = 64;

/// The segment for a module.
pub fn segment(module: &Module) -> Segment {
    let tests = tests(module);
    let mut keys: Vec<Box<str>> = module
        .fields
        .iter()
        .filter_map(|field| match field {
            Field::Any(key) | Field::Span(key) | Field::Resource(key) => Some(key.clone()),
            _ => None,
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let asked = |key: &str| {
        let of = [Field::Any(key.into()), Field::Span(key.into()), Field::Resource(key.into())];
        let of = of.iter().filter_map(|field| tests.get(field));
        of.flatten().copied().collect::<Vec<&Test>>()
    };
    let own = |field: Field| tests.get(&field).cloned().unwrap_or_default();
    let table = || Table {
        trace: Buffer::collect((0..ROWS).map(|row| row as u32)),
        start: Narrow::pack((0..ROWS).map(|_| 0)),
        id: Buffer::zeroed(ROWS),
        resource: Narrow::pack((0..ROWS).map(|row| row as u64)),
        duration: integers(1 << 20),
        kind: texts(&own(Field::Kind)),
        status: texts(&own(Field::Status)),
        message: texts(&own(Field::StatusMessage)),
        attributes: keys.iter().map(|key| column(&asked(key))).collect::<Attributes>(),
        ..Table::default()
    };
    Segment {
        traces: Traces {
            id: Buffer::zeroed(ROWS),
            start: Buffer::zeroed(ROWS),
            end: Buffer::zeroed(ROWS),
            root_name: Some(Column::EMPTY),
            root_service: Some(Column::EMPTY),
            ..Traces::default()
        },
        resources: keys.iter().map(|key| column(&asked(key))).collect(),
        operations: module.operations.iter().enumerate().map(operation).collect(),
        tables: module.operations.iter().map(|_| table()).collect(),
        keys: Arc::new(keys.into_iter().collect()),
        ..Segment::default()
    }
}

/// The tests of each field, those against another field aside.
fn tests(module: &Module) -> HashMap<Field, Vec<&Test>> {
    let mut tests: HashMap<Field, Vec<&Test>> = HashMap::new();
    for predicate in &module.predicates {
        if let Predicate::Test(field, test) = predicate {
            tests.entry(module.fields[field.index()].clone()).or_default().push(test);
            if let Some(other) = test.other_field() {
                tests.entry(module.fields[other.index()].clone()).or_default().push(test);
            }
        }
    }
    tests
}

fn operation((table, operation): (usize, &Operation)) -> OperationRows {
    let name = match operation {
        Operation::Named(name) => name.clone(),
        Operation::Wildcard(pieces) => pieces.concat().into(),
    };
    OperationRows { name: name.into(), table, rows: 0..ROWS, presence: Some(Mask::full(ROWS)) }
}

fn column(tests: &[&Test]) -> Slot {
    let ordered = |test: &&Test| matches!(test, Test::Order(..) | Test::OrderField(..));
    if tests.iter().any(ordered) { integers(1 << 9) } else { texts(tests) }
}

/// Integers this far apart, on either side of 0 and of small constants.
pub fn integers(apart: i64) -> Slot {
    let values = (0..ROWS).map(|row| (row as i64 - 32) * apart);
    most(Values::Integers(Integers::pack(values)))
}

fn texts(tests: &[&Test]) -> Slot {
    let mut builder = DictionaryBuilder::default();
    builder.intern(Type::Text, "something else");
    for test in tests {
        let constants: &[Scalar] = match test {
            Test::Equal(constant) => std::slice::from_ref(constant),
            Test::In(constants) => constants,
            _ => &[],
        };
        for constant in constants.iter().take(ROWS / 2) {
            builder.intern(constant.datum().value_type(), &constant.datum().text());
        }
    }
    let count = builder.dictionary().len() as u64;
    let codes = Narrow::pack((0..ROWS).map(|row| row as u64 % count));
    most(Values::Codes(codes, Arc::new(builder.finish())))
}

/// A column that three of four rows have a value in.
fn most(values: Values) -> Slot {
    let mut present = Mask::empty(ROWS);
    (0..ROWS).filter(|row| row % 4 != 3).for_each(|row| present.insert(row));
    Slot::Decoded(Column::new(values, present))
}
