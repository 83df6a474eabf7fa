//! The values that a signal carries, and its JSON as a whole.

use serde_json::json;

use crate::support::{Rules, only_signal, run};

/// A rule violated by every trace with a span named `pay`.
fn rules(keys: &[&str]) -> Rules {
    let mut rules = Rules::default();
    let pay = rules.has("pay", "");
    rules.rule("no-pay", None, &[], &[pay]);
    rules.context(keys);
    rules
}

#[test]
fn a_signal_prints_as_the_documents_have_it() {
    let mut rules = rules(&["order_id", "intent", "attempt", "absent"]);
    rules.module.rules[0].signal_type = Some("TOO_MUCH".into());
    let (_, signals) = run(
        &rules.module,
        "
        t1 @17384ms #abc pay{order_id=ord_1; intent=pi_1; attempt=1}
        t1 @17400ms #def pay{order_id=ord_1; intent=pi_2; attempt=2}
        t2 @17400ms other{absent=1}
        ",
    );
    let id = &signals[0].signal_id;
    assert!(id.starts_with("sig_") && id.len() == 36, "{id}");
    let expected = format!(
        r#"{{"signal_id":"{id}","rule_id":"no-pay","severity":"high","timestamp":"2024-10-27T00:00:17.384Z","trace_id":"00000000000000000000000000000001","span_ids":["0000000000000abc","0000000000000def"],"context":{{"order_id":"ord_1","intents":["pi_1","pi_2"],"attempts":[1,2]}},"message":"what happened","mode":"replay","rule_hash":"00ff","schema":"betrace.signal/1","type":"TOO_MUCH","span_count":2,"missing":[],"forbidden":["never0"]}}"#
    );
    assert_eq!(serde_json::to_string(&signals[0]).unwrap(), expected);
}

#[test]
fn the_id_is_stable_for_ever() {
    let (_, signals) = run(&rules(&[]).module, "t1 @0ms pay");
    // printf 'betrace.signal/1\0no-pay\0%032x' 1 | sha256sum
    assert_eq!(signals[0].signal_id, "sig_6aa61c525e96c2e456f928cd5290c6b7");
}

#[test]
fn values_keep_their_types() {
    let rules = rules(&["int", "float", "big", "odd", "yes", "text", "digits", "list", "map"]);
    let (_, signals) = run(
        &rules.module,
        r#"t1 @0ms pay{int=-5; float=0.1; big=1e19; odd=Infinity; yes=true; text=a"b; digits="007"; list=[0.1000000000000000055,"x"]; map={"z":1,"a":[]}}"#,
    );
    assert_eq!(
        serde_json::to_string(&signals[0].context).unwrap(),
        r#"{"int":-5,"float":0.1,"big":1e19,"odd":"Infinity","yes":true,"text":"a\"b","digits":"007","list":[0.1000000000000000055,"x"],"map":{"z":1,"a":[]}}"#
    );
}

#[test]
fn the_witness_is_asked_first_and_then_the_whole_trace() {
    let rules = rules(&["user", "region"]);
    let signal = only_signal(
        &rules.module,
        "
        t1 @0ms other{user=early; region=north}
        t1 @1ms pay{user=own}
        t1 @2ms other{user=late; resource.region=south}
        ",
    );
    assert_eq!(signal["context"], json!({"user": "own", "regions": ["north", "south"]}));
}

#[test]
fn equal_texts_are_one_value_and_the_first_shows_its_type() {
    let rules = rules(&["n"]);
    let signal = only_signal(&rules.module, "t1 @0ms pay{n=\"5\"}\nt1 @1ms pay{n=5}");
    assert_eq!(signal["context"], json!({"n": "5"}));
}

#[test]
fn at_most_16_values_are_kept() {
    for (spans, kept) in [(15, 15), (16, 16), (17, 16)] {
        let traces: String = (0..spans).map(|at| format!("t1 @{at}ms pay{{n={at}}}\n")).collect();
        let signal = only_signal(&rules(&["n"]).module, &traces);
        let expected: Vec<i32> = (0..kept).collect();
        assert_eq!(signal["context"], json!({ "ns": expected }));
    }
}

#[test]
fn a_list_never_takes_the_name_of_another_key() {
    let rules = rules(&["attempt", "attempts"]);
    let traces = "t1 @0ms pay{attempt=1; attempts=9}\nt1 @1ms pay{attempt=2; attempts=8}";
    let signal = only_signal(&rules.module, traces);
    assert_eq!(signal["context"], json!({"attempt": [1, 2], "attemptss": [9, 8]}));
}
