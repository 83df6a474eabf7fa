//! Data at rest: a segment that was written and read back gives what the one in memory gives, on
//! every engine; and of files that no checksum catches either all engines say the same, or damage is
//! reported while they are read or when they are verified.

use std::cell::Cell;
use std::path::Path;

use betrace_fuzz::Bytes;
use betrace_fuzz::campaign::campaign;
use betrace_fuzz::engines::Engines;
use betrace_fuzz::module::random;
use betrace_fuzz::sealed::damage;
use betrace_fuzz::segment::{Draft, KEYS};
use corpora::corpus::file::{SegmentFile, write};
use ir::module::{AtomId, Field};
use ir::segment::RowRef;
use ir::{Engine, Fault, Interpreter, Mask, Module, Segment};

fn probe(engine: &dyn Engine, module: &Module, segment: &Segment) -> Result<Vec<Mask>, Fault> {
    let atoms: Vec<AtomId> = (0..module.atoms.len()).map(AtomId::new).collect();
    engine.probe(module, segment, &atoms)
}

fn written(segment: &Segment) -> Vec<u8> {
    let mut file = Vec::new();
    let written = write(segment, &mut file).expect("it can be kept");
    assert_eq!((written.bytes, written.traces), (file.len() as u64, segment.len() as u64));
    file
}

fn opened(file: &[u8]) -> Result<SegmentFile, String> {
    let bytes = bytes::Bytes::copy_from_slice(file);
    SegmentFile::from_bytes(Path::new("a.seg"), bytes).map_err(|error| error.to_string())
}

#[test]
fn what_is_read_back_is_what_was_written() {
    campaign("at-rest", 300, |bytes| {
        let draft = Draft::random(bytes);
        let module = random(bytes, &draft.values());
        let segment = draft.segment(0..draft.traces.len());
        let file = opened(&written(&segment)).expect("it opens");
        file.verify().expect("it is whole");
        let read = file.segment(None);
        let expected = probe(&Interpreter, &module, &segment);
        assert_eq!(probe(&Interpreter, &module, &read), expected, "interpreter: {module:#?}");
        for engine in Engines::shared().iter() {
            // Each engine has to load for itself.
            let read = file.segment(None);
            assert_eq!(probe(engine, &module, &read), expected, "{}: {module:#?}", engine.name());
            read.sound().expect("it is whole");
        }
        // Of what was loaded, and item by item.
        assert_eq!(values(&read), values(&segment));
        assert_eq!(values(&file.segment(None)), values(&segment));
    });
}

/// All that rules can ask of rows, with their ids and starts.
fn values(segment: &Segment) -> Vec<String> {
    let keys = || KEYS.iter().map(|key| Box::from(*key));
    let fields: Vec<Field> = [Field::Kind, Field::Status, Field::StatusMessage, Field::Duration]
        .into_iter()
        .chain(keys().map(Field::Span))
        .chain(keys().map(Field::Resource))
        .collect();
    let rows = segment.operations.iter().enumerate().flat_map(|(number, operation)| {
        let at = move |row| RowRef { operation: number as u32, row: row as u32 };
        operation.rows.clone().map(at)
    });
    let value = |at| {
        let values = fields.iter().map(move |field| segment.value(at, field));
        let values: Vec<_> = values.collect();
        format!("{} {} {values:?}", segment.start(at), segment.span_id(at))
    };
    rows.map(value).collect()
}

#[test]
fn no_file_makes_engines_disagree_unnoticed() {
    let (refused, damaged, told) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let count = |cell: &Cell<u64>| cell.set(cell.get() + 1);
    campaign("hostile-segments", 1_500, |bytes| {
        let draft = Draft::random(bytes);
        let module = random(bytes, &draft.values());
        let mut file = written(&draft.segment(0..draft.traces.len()));
        damage(&mut file, bytes);
        let Ok(file) = opened(&file) else { return count(&refused) };
        let read = file.segment(None);
        let expected = probe(&Interpreter, &module, &read);
        let shared = Engines::shared();
        let agree = shared.iter().all(|engine| probe(engine, &module, &read) == expected);
        let refused = file.verify().is_err();
        if refused {
            count(&damaged);
        }
        if read.sound().is_ok() && expected.is_ok() && !refused {
            count(&told);
            assert!(agree, "{module:#?}");
        }
    });
    let counts = (refused.get(), damaged.get(), told.get());
    assert!(counts.0 > 100 && counts.1 > 100 && counts.2 > 100, "too one-sided: {counts:?}");
}

#[test]
fn no_file_makes_engines_disagree_for_a_fuzzer() {
    bolero::check!().with_iterations(100).with_max_len(4096).for_each(|input: &[u8]| {
        let mut bytes = Bytes::new(input);
        let draft = Draft::random(&mut bytes);
        let module = random(&mut bytes, &draft.values());
        let mut file = written(&draft.segment(0..draft.traces.len()));
        damage(&mut file, &mut bytes);
        let Ok(file) = opened(&file) else { return };
        let read = file.segment(None);
        let expected = probe(&Interpreter, &module, &read);
        let shared = Engines::shared();
        let agree = shared.iter().all(|engine| probe(engine, &module, &read) == expected);
        let told = read.sound().is_err() || expected.is_err() || file.verify().is_err();
        assert!(agree || told, "{module:#?}");
    });
}
