//! What a rule makes a segment at rest read: presence for existence, one column for a comparison, and
//! never what the schema of the rule does not name.

use std::sync::Arc;

use betrace_fuzz::campaign::campaign;
use betrace_fuzz::engines::Engines;
use betrace_fuzz::module::random;
use betrace_fuzz::segment::Draft;
use compiler::{Columns, Key, Params, ReadOptions, RuleSource, lower, optimise, parse_rule};
use corpora::build::{Builder, SegmentSize, finish};
use corpora::corpus::file::{SegmentFile, write};
use corpora::generate::{Workload, lines};
use corpora::otlp::Decoder;
use corpora::source::{Chunk, Kind};
use ir::module::{AtomId, Severity};
use ir::segment::{Column, Slot, Values};
use ir::{Engine, Module, Schema, Segment};

fn stored(segment: &Segment) -> SegmentFile {
    let mut file = Vec::new();
    write(segment, &mut file).expect("it can be kept");
    SegmentFile::from_bytes("a.seg".as_ref(), file.into()).expect("it opens").recording()
}

/// Answers all atoms and looks at the answers: one that the store keeps is not read before.
fn probe(engine: &dyn Engine, module: &Module, segment: &Segment) {
    let atoms: Vec<AtomId> = (0..module.atoms.len()).map(AtomId::new).collect();
    let masks = engine.probe(module, segment, &atoms).expect("everything is decoded");
    masks.iter().for_each(|mask| _ = mask.words());
}

/// What the column loops read for a rule.
fn accessed(segment: &Segment, rule: &str) -> Vec<String> {
    let params = Params::default();
    let options =
        ReadOptions { key: Key::Condition, has_signal: false, params: &params, description: None };
    let statement = parse_rule(rule, &options).statement.expect("a rule");
    let source = RuleSource {
        id: "rule",
        severity: Severity::High,
        signal_type: None,
        message: "",
        statement: &statement,
        context: &[],
    };
    let module = optimise(lower([source], None).expect("a rule"));
    let file = stored(segment);
    probe(&Columns, &module, &file.segment(None));
    file.accessed()
}

fn generated() -> Segment {
    let mut decoder = Decoder::with_sink(Builder::new(Arc::new(Schema::everything())));
    let written = lines(&Workload::new(2_000, 1, 1), &mut |bytes| {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let chunk = Chunk { bytes, offset: 0, line: 1, kind: Kind::Line, ends_input: false };
        decoder.decode(&chunk, 0, &"memory".into());
        Ok(())
    });
    written.expect("a workload");
    let whole = SegmentSize { traces: usize::MAX, rows: usize::MAX };
    let mut finished = finish(vec![decoder.into_parts().0], whole);
    finished.segments.pop_front().expect("there are spans").seal().segment
}

#[test]
fn existence_reads_presence_and_a_comparison_one_column() {
    let segment = generated();
    let mut compared = 0;
    for operation in segment.operations.iter().filter(|operation| operation.presence.is_some()) {
        let name = &operation.name;
        let presence = format!("{name}: presence");
        let rule = format!("never {{ trace.has({name:?}) }}");
        assert_eq!(accessed(&segment, &rule), [presence.as_str()], "{rule}");
        let table = segment.tables.get(operation.table);
        for (key, slot) in table.attributes.iter() {
            let Slot::Decoded(Column { values: Values::Integers(integers), present }) = slot else {
                continue;
            };
            if integers.base == integers.max {
                continue;
            }
            compared += 1;
            let key = &segment.keys[key];
            let rule =
                format!("never {{ trace.has({name:?}).where(span.{key:?} > {}) }}", integers.base);
            let mut expected = vec![
                format!("{name}: attribute {key}"),
                presence.clone(),
                format!("{name}: trace"),
            ];
            if present.is_some() {
                expected.push(format!("{name}: which have attribute {key}"));
            }
            assert_eq!(accessed(&segment, &rule), expected, "{rule}");
        }
    }
    assert!(compared > 0, "no column was compared");
}

#[test]
fn nothing_is_read_that_the_schema_does_not_name() {
    campaign("accesses", 150, |bytes| {
        let draft = Draft::random(bytes);
        let module = random(bytes, &draft.values());
        let schema = Schema::of(&module);
        let segment = draft.segment(0..draft.traces.len());
        for engine in Engines::shared().iter() {
            let file = stored(&segment);
            probe(engine, &module, &file.segment(None));
            for name in file.accessed() {
                let (part, field) = name.split_once(": ").expect("a part and a field");
                let alone = segment.operations.iter().any(|operation| *operation.name == *part);
                let reads = schema.reads(part);
                assert!(!alone || reads.named, "{}: {name}", engine.name());
                let Some((_, key)) = field.split_once("attribute ") else { continue };
                let number = schema.keys().iter().position(|own| **own == *key);
                let number = number.unwrap_or_else(|| panic!("{}: {name}", engine.name()));
                let of_all = schema.reads_anywhere().contains(&number);
                let named = !alone || of_all || reads.keys.contains(&number);
                assert!(named, "{}: {name}", engine.name());
            }
        }
    });
}
