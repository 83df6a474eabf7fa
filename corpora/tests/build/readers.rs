//! The segments that come of what the fast reader reads, against those of the strict one alone.

use std::sync::Arc;

use betrace_corpora::build::{Builder, finish};
use betrace_corpora::generate::{Workload, lines};
use betrace_corpora::otlp::Decoder;
use betrace_corpora::source::{Chunk, Kind};
use ir::Schema;
use ir::module::{
    Field, FieldId, Module, Operation, OperationId, Predicate, PredicateId, Rule, Severity,
    SpanSet, Test,
};

use super::of_traces;
use super::reference::{Outcome, found};

/// What is read of operations: keys by name, entries of maps, an operation without keys.
const READS: [(&str, &[&str]); 5] = [
    ("payment.charge", &["attempt", "payment_intent_id", "amount"]),
    ("api.request", &["endpoint", "method", "http.response.status_code"]),
    ("database.query", &["table", "tenant_filter", "rows.affected"]),
    ("llm.generate", &["token_count", "max_tokens"]),
    ("audit.log", &[]),
];
/// What is read of all spans.
const CONTEXT: [&str; 6] =
    ["order_id", "customer_id", "client.address", "amount", "service.version", "user_id"];

/// Other ways to write what a generated line says, and things that it does not say.
const VARIATIONS: [(&str, &str); 10] = [
    (r#""status":{}"#, r#""status":{"code":2,"message":"a \"b\""}"#),
    (r#"{"stringValue":"GET"}"#, r#"{"stringValue":"G\u0045T"}"#),
    (r#""flags":256}"#, r#""events":[{"timeUnixNano":"1","name":"e"}],"links":[],"flags":257}"#),
    (r#","kind":2"#, r#", "kind" : "SPAN_KIND_SERVER""#),
    (r#"{"key":"attempt","#, r#"{"key":"attempt","value":{"stringValue":"x"}},{"key":"attempt","#),
    (
        r#""attributes":[{"key":"endpoint","#,
        r#""attributes":[{"key":"client","value":{"kvlistValue":{"values":[{"key":"address","value":{"intValue":"4"}}]}}},{"key":"endpoint","#,
    ),
    (r#"{"key":"customer_id","value":{"#, r#"{"key":"customer_id","value":{},"x":{"#),
    (r#""intValue":"1""#, r#""doubleValue":1.5"#),
    (r#""name":"audit.log""#, r#""name":"unn\u00e4med""#),
    (r#"{"key":"table","value":{"stringValue":"#, r#"{"value":{"stringValue":"#),
];

fn schema() -> Schema {
    let mut module = Module::default();
    for (name, keys) in READS {
        module.operations.push(Operation::Named(name.into()));
        for key in keys {
            module.fields.push(Field::Any((*key).into()));
            let exists = Predicate::Test(FieldId::new(module.fields.len() - 1), Test::Exists);
            module.predicates.push(exists);
            let operation = OperationId::new(module.operations.len() - 1);
            let predicate = PredicateId::new(module.predicates.len() - 1);
            module.sets.push(SpanSet { operation, predicate });
        }
    }
    let mut context = Vec::new();
    for key in CONTEXT {
        module.fields.push(Field::Any(key.into()));
        context.push((key.into(), FieldId::new(module.fields.len() - 1)));
    }
    module.rules.push(Rule {
        id: "rule".into(),
        severity: Severity::Info,
        signal_type: None,
        hash: "".into(),
        message: "".into(),
        when: None,
        always: Vec::new(),
        never: Vec::new(),
        operations: Vec::new(),
        context,
    });
    Schema::of(&module)
}

/// A generated workload, every other line in other ways.
fn documents() -> Vec<String> {
    let mut documents = Vec::new();
    lines(&Workload::new(400, 1, 7), &mut |line| {
        let number = documents.len();
        let mut text = String::from_utf8(line.trim_ascii_end().to_vec()).expect("UTF-8");
        for (at, (usual, other)) in VARIATIONS.iter().enumerate() {
            if number % 2 == 1 && number / 2 % (at + 2) == 0 {
                text = text.replacen(usual, other, 1 + number % 3);
            }
        }
        documents.push(text);
        Ok(())
    })
    .expect("a workload");
    documents
}

/// What comes of the documents, and how many spans the fast reader read.
fn read(mut decoder: Decoder<Builder>, documents: &[String]) -> (Outcome, u64) {
    for text in documents {
        let bytes = text.as_bytes();
        let chunk = Chunk { bytes, offset: 0, line: 1, kind: Kind::Block, ends_input: true };
        decoder.decode(&chunk, 0, &"memory".into());
    }
    let spans = decoder.recognition().spans;
    (found(finish(vec![decoder.into_parts().0], of_traces(300))), spans)
}

#[test]
fn the_fast_reader_makes_the_same_segments_as_the_strict_one() {
    let (schema, documents) = (Arc::new(schema()), documents());
    let new = || Decoder::new(Arc::clone(&schema));
    let (expected, none) = read(new().strict(), &documents);
    assert_eq!((expected.segments.len(), none), (2, 0));
    for decoder in [new(), new().eager(), new().portable().eager()] {
        let (outcome, spans) = read(decoder, &documents);
        assert!(spans > 2000, "only {spans} spans were read fast");
        assert!(outcome == expected, "segments differ");
    }
}
