//! Segment files: what is written comes back, of every version; what is damaged is named.

mod damage;
mod golden;
mod support;

use std::sync::Arc;

use betrace_corpora::build::{Builder, Stored, reread};
use betrace_corpora::corpus::file::{BlockSize, write};
use ir::module::{Field, Operation};
use ir::segment::{
    Buffer, Column, Coverage, DictionaryBuilder, Integers, Narrow, OperationRows, RowRef, Slot,
    Table, Traces, Values,
};
use ir::{Mask, Schema, Segment, Type};

use support::{dump, generated, opened, written};

#[test]
fn what_is_written_comes_back() {
    // Enough spans for operations with tables of their own and texts in several pages.
    let segment = generated(3_000, 7);
    let file = opened(&written(&segment)).expect("it opens");
    file.verify().expect("it is whole");
    let read = file.segment(None);
    assert_eq!(dump(&read), dump(&segment));
    read.sound().expect("it is whole");
    assert!(segment.operations.iter().any(|operation| operation.presence.is_some()));
    let sizes = file.sizes();
    let encodings = ["Plain", "Zeros", "Frames", "Parents", "Ordinals", "Pages"];
    for encoding in encodings {
        assert!(sizes.iter().any(|size| size.encoding == encoding), "no block is {encoding}");
    }
    // More than one chunk of bytes that are checked together.
    let large = |size: &&_| matches!(size, BlockSize { stored, .. } if *stored > 4 << 10);
    assert!(sizes.iter().filter(large).count() > 30);
    // Written again, the same: values, orders and numbers of codes do not depend on their past.
    assert_eq!(written(&read), written(&opened(&written(&read)).expect("it opens").segment(None)));
}

#[test]
fn hidden_traces_are_the_callers() {
    let segment = generated(40, 1);
    let mut hidden = Mask::empty(segment.len());
    hidden.insert(3);
    let file = opened(&written(&segment)).expect("it opens");
    assert_eq!(file.segment(Some(hidden.clone())).hidden, Some(hidden));
    assert_eq!((file.traces(), file.segment(None).hidden), (40, None));
    let starts = &segment.traces.start;
    assert_eq!(file.range(), (starts[0], starts[39]));
}

#[test]
fn of_few_traces_rows_and_roots_are_those_of_all() {
    let segment = generated(3_000, 7);
    let file = opened(&written(&segment)).expect("it opens");
    for step in [1, 9, 700] {
        let traces: Vec<u32> = (0..segment.len() as u32).step_by(step).collect();
        let fresh = file.segment(None);
        let found = (0..fresh.operations.len()).flat_map(|operation| {
            let rows = fresh.rows_among(operation, &traces).into_iter();
            rows.map(move |(place, row)| (place, operation as u32, row as u32))
        });
        let root = |operation, row| fresh.is_root(RowRef { operation, row }).expect("it is there");
        let mut found: Vec<_> = found
            .map(|(place, operation, row)| (place, operation, row, root(operation, row)))
            .collect();
        found.sort_unstable();
        let stored = Stored::new(&segment);
        let expected = traces.iter().enumerate().flat_map(|(place, &trace)| {
            let of = move |at| {
                let root = stored.record(at).expect("it is there").parent_id == 0;
                (place, at.operation, at.row, root)
            };
            segment.spans_of(trace as usize).into_iter().map(of)
        });
        let mut expected: Vec<_> = expected.collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "every {step}");
        assert!(found.iter().any(|&(.., root)| root) && found.iter().any(|&(.., root)| !root));
    }
}

#[test]
fn a_trace_is_reread_without_a_look_at_operations_that_it_lacks() {
    let segment = generated(3_000, 7);
    let lacks = |trace: usize| -> Vec<&str> {
        let own = segment.operations.iter().enumerate();
        let own = own
            .filter(|(at, own)| own.presence.is_some() && segment.rows_of(*at, trace).is_empty());
        own.map(|(_, own)| &*own.name).collect()
    };
    let trace = (0..segment.len()).find(|&trace| lacks(trace).len() > 2).expect("such a trace");
    let file = opened(&written(&segment)).expect("it opens").recording();
    let mut builder = Builder::new(Arc::new(Schema::default()));
    let spans = reread(&file.segment(None), &[trace as u32], &mut builder).expect("all is there");
    assert_eq!(spans, segment.spans_of(trace).len() as u64);
    let looked_at = file.accessed();
    for operation in lacks(trace) {
        let name = format!("{operation}: id");
        assert!(!looked_at.contains(&name), "{name}");
    }
    assert!(looked_at.iter().any(|name| name.ends_with(": id")));
}

/// Three rows of one operation over two traces, with columns that are not there, that no row has,
/// and whose dictionaries have more than they use, twice one text, or nothing.
fn odd() -> Segment {
    let mut builder = DictionaryBuilder::default();
    let codes = [(Type::Text, "7"), (Type::Text, "unused"), (Type::Int, "7"), (Type::Text, "")]
        .map(|(value_type, text)| u64::from(builder.intern(value_type, text)));
    let values = |codes: [u64; 3], dictionary: &DictionaryBuilder| {
        Values::Codes(Narrow::pack(codes.into_iter()), dictionary.dictionary().clone().into())
    };
    let some = |rows: &[usize]| {
        let mut mask = Mask::empty(3);
        rows.iter().for_each(|row| mask.insert(*row));
        Some(mask)
    };
    let none = DictionaryBuilder::default();
    let slots = [
        Slot::Decoded(Column {
            values: values([codes[2], codes[3], codes[0]], &builder),
            present: None,
        }),
        Slot::NotDecoded,
        Slot::Decoded(Column { values: values([0; 3], &none), present: some(&[]) }),
        Slot::Decoded(Column { values: Values::Floats(Buffer::zeroed(3)), present: some(&[1]) }),
        Slot::Decoded(Column { values: values([9, codes[0], 9], &builder), present: some(&[1]) }),
    ];
    let numbers = Values::Integers(Integers::pack([i64::MIN, 0, i64::MAX].into_iter()));
    let table = Table {
        trace: Buffer::collect([0, 0, 1].into_iter()),
        start: Narrow::pack([0, 5, 0].into_iter()),
        id: Buffer::collect([3, 2, 1].into_iter()),
        resource: Narrow::pack([0, 4, 0].into_iter()),
        duration: Slot::Decoded(Column { values: numbers, present: None }),
        attributes: slots.into_iter().collect(),
        ..Table::default()
    };
    let operation = OperationRows { name: "op".into(), table: 0, rows: 0..3, presence: None };
    Segment {
        traces: Traces {
            id: Buffer::collect([1, 2].into_iter()),
            start: Buffer::collect([10, 20].into_iter()),
            end: Buffer::zeroed(2),
            spans: Narrow::pack([1, 1].into_iter()),
            flags: Buffer::zeroed(2),
            ..Traces::default()
        },
        keys: Arc::new(["a", "b", "c", "d", "e"].map(Into::into).into_iter().collect()),
        operations: vec![operation],
        tables: [table].into_iter().collect(),
        ..Segment::default()
    }
}

#[test]
fn odd_columns_come_back() {
    let segment = odd();
    let read = opened(&written(&segment)).expect("it opens").segment(None);
    for (row, key) in (0..3).flat_map(|row| ["a", "b", "c", "d", "e"].map(|key| (row, key))) {
        let at = RowRef { operation: 0, row };
        let field = Field::Span(key.into());
        let values = [&read, &segment].map(|segment| segment.value(at, &field));
        assert_eq!(format!("{:?}", values[0]), format!("{:?}", values[1]), "{key} of row {row}");
    }
    let dictionary = match read.attribute(read.table(0), read.key("a")) {
        Slot::Decoded(Column { values: Values::Codes(_, dictionary), .. }) => dictionary,
        other => panic!("{other:?}"),
    };
    assert_eq!((dictionary.len(), dictionary.find("7")), (3, Some(1..3)));
    assert_eq!((dictionary.class(2), dictionary.class(1), dictionary.class(0)), (1, 1, 0));
    assert!(matches!(read.table(0).kind, Slot::NotDecoded));
    read.sound().expect("it is whole");
}

#[test]
fn a_segment_of_some_operations_is_not_kept() {
    let covered = [Operation::Named("op".into())].into_iter().collect();
    let coverage = Coverage::Operations(Arc::new(covered));
    let segment = Segment { coverage, ..Segment::default() };
    let error = write(&segment, &mut Vec::new()).expect_err("it is refused");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    let empty = opened(&written(&Segment::default())).expect("it opens");
    assert_eq!((empty.traces(), empty.spans(), empty.segment(None).len()), (0, 0, 0));
}
