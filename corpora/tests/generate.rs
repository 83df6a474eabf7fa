//! The workload generator against a second opinion: its lines are read with serde_json, put together by trace, and
//! every rule of `rules/omnicart.yaml` is judged by a closure written from the rule's prose. Counts must equal the
//! ground truth, which the generator took from its own decisions.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, too")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;

use betrace_corpora::generate::{
    Counts, Error, Rates, TRUTH_FILE, Truth, Workload, lines, resources, spans, write,
};
use serde_json::Value;

/// A span with its attributes as plain values.
struct Span {
    name: String,
    start: u64,
    root: bool,
    attributes: HashMap<String, Value>,
}

/// Spans by trace id, each span once, and how many further copies there were.
struct Read {
    traces: HashMap<String, Vec<Span>>,
    duplicates: u64,
    lines: u64,
    bytes: u64,
}

fn generated(workload: &Workload) -> (Truth, Vec<u8>) {
    let mut bytes = Vec::new();
    let truth = lines(workload, &mut |line| {
        bytes.extend_from_slice(line);
        Ok(())
    })
    .expect("a workload into memory");
    (truth, bytes)
}

fn plain(value: &Value) -> Value {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "intValue" => Value::from(value.as_str().unwrap().parse::<i64>().unwrap()),
        "stringValue" | "boolValue" | "doubleValue" | "arrayValue" => value.clone(),
        other => panic!("a value of kind {other}"),
    }
}

fn read(bytes: &[u8]) -> Read {
    let mut read =
        Read { traces: HashMap::new(), duplicates: 0, lines: 0, bytes: bytes.len() as u64 };
    let mut seen = HashSet::new();
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        read.lines += 1;
        let line: Value = serde_json::from_slice(line).expect("a line is one JSON document");
        for scope in line["resourceSpans"][0]["scopeSpans"].as_array().unwrap() {
            for span in scope["spans"].as_array().unwrap() {
                if !seen.insert(span.to_string()) {
                    read.duplicates += 1;
                    continue;
                }
                let trace = span["traceId"].as_str().unwrap().to_string();
                assert_eq!((trace.len(), span["spanId"].as_str().unwrap().len()), (32, 16));
                let time = |key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
                assert!(time("startTimeUnixNano") <= time("endTimeUnixNano"));
                let attributes = span["attributes"].as_array().unwrap().iter();
                read.traces.entry(trace).or_default().push(Span {
                    name: span["name"].as_str().unwrap().to_string(),
                    start: time("startTimeUnixNano"),
                    root: span["parentSpanId"] == "",
                    attributes: attributes
                        .map(|pair| {
                            (pair["key"].as_str().unwrap().to_string(), plain(&pair["value"]))
                        })
                        .collect(),
                });
            }
        }
    }
    read
}

impl Span {
    fn number(&self, key: &str) -> Option<f64> {
        self.attributes.get(key)?.as_f64()
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.attributes.get(key)?.as_str()
    }

    fn is_true(&self, key: &str) -> bool {
        self.attributes.get(key) == Some(&Value::Bool(true))
    }
}

fn any(trace: &[Span], name: &str, test: impl Fn(&Span) -> bool) -> bool {
    trace.iter().any(|span| span.name == name && test(span))
}

/// Whether a rule applies to a trace and whether the trace violates it.
fn judge(rule: &str, trace: &[Span]) -> (bool, bool) {
    let has = |name: &str| any(trace, name, |_| true);
    let needs = |when: bool, then: bool| (when, when && !then);
    let endpoint = |prefix: &str| {
        any(trace, "api.request", |span| {
            span.text("endpoint").is_some_and(|e| e.starts_with(prefix))
        })
    };
    let charges = || trace.iter().filter(|span| span.name == "payment.charge");
    match rule {
        "payment-idempotency" => {
            let intents: BTreeSet<_> =
                charges().filter_map(|span| span.text("payment_intent_id")).collect();
            needs(charges().any(|span| span.number("attempt") > Some(1.0)), intents.len() == 1)
        }
        "payment-inventory" => needs(has("payment.charge"), has("inventory.reserve")),
        "fraud-check-high-value" => needs(
            charges().any(|span| span.number("amount") > Some(1000.0)),
            has("payment.fraud_check"),
        ),
        "retry-limit" => needs(has("payment.charge"), charges().count() <= 3),
        "cart-validated" => needs(has("checkout.initiate"), has("cart.validated")),
        "shipment-requires-payment" => needs(has("shipment.initiate"), has("payment.confirm")),
        "confirmation-email" => needs(has("order.complete"), has("email.confirmation_sent")),
        "api-auth" => needs(endpoint("/api/v1/"), has("auth.validated")),
        "admin-role" => needs(endpoint("/api/v1/admin/"), has("auth.check_admin_role")),
        "admin-audit" => needs(has("admin.action"), has("audit.log")),
        "cross-tenant-isolation" => {
            let tenants =
                |span: &Span| span.text("table").is_some_and(|table| table.contains("tenant_data"));
            let bare = any(trace, "database.query", |span| {
                tenants(span) && !span.is_true("tenant_filter")
            });
            needs(any(trace, "database.query", tenants), !bare)
        }
        "pii-access-audited" => needs(has("pii.access"), has("audit.log")),
        "pii-permission" => needs(
            any(trace, "database.query", |span| span.text("data_type") == Some("pii")),
            has("auth.check_pii_permission"),
        ),
        "llm-moderation" => needs(has("llm.generate"), has("content.moderate")),
        "llm-token-limit" => (
            true,
            any(trace, "llm.generate", |span| {
                span.number("token_count") > span.number("max_tokens")
            }),
        ),
        "rag-sources" => needs(
            any(trace, "llm.generate", |span| span.is_true("rag_enabled")),
            has("rag.cite_sources"),
        ),
        other => panic!("no opinion on rule {other}"),
    }
}

/// Ids of `rules/omnicart.yaml` with the operations that each names, by a plain look at the text.
fn rules() -> Vec<(String, BTreeSet<String>)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../rules/omnicart.yaml");
    let text = fs::read_to_string(path).expect("rules/omnicart.yaml");
    let mut rules: Vec<(String, BTreeSet<String>)> = Vec::new();
    for line in text.lines() {
        if let Some(id) = line.strip_prefix("  - id: ") {
            rules.push((id.to_string(), BTreeSet::new()));
        }
        for part in line.split("trace.").skip(1) {
            let operation = part.split(['(', ',', ')']).nth(1).unwrap().to_string();
            rules.last_mut().unwrap().1.insert(operation);
        }
    }
    rules
}

fn date(nanos: u64) -> u64 {
    nanos / 86_400_000_000_000
}

#[test]
fn the_ground_truth_is_what_the_spans_say() {
    let each = Rates::Each(20_000);
    for (traces, days, seed, rates) in [
        (10_000, 3, 1, Rates::Incident),
        (2_000, 1, 7, Rates::Incident),
        (300, 29, 99, Rates::Incident),
        (4_000, 2, 5, each),
    ] {
        let (truth, bytes) = generated(&Workload { rates, ..Workload::new(traces, days, seed) });
        let read = read(&bytes);
        let spans: u64 = read.traces.values().map(|spans| spans.len() as u64).sum();
        let rootless =
            read.traces.values().filter(|spans| !spans.iter().any(|span| span.root)).count();
        assert_eq!((truth.traces, truth.spans), (read.traces.len() as u64, spans));
        assert_eq!((truth.traces, truth.rootless), (traces, rootless as u64));
        assert_eq!(truth.duplicates, read.duplicates);
        assert_eq!((truth.lines, truth.bytes), (read.lines, read.bytes));
        let rules = rules();
        assert_eq!(
            rules.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(),
            truth.rules.iter().map(|rule| rule.id).collect::<Vec<_>>(),
        );
        for ((id, operations), told) in rules.iter().zip(&truth.rules) {
            let mut days: BTreeMap<u64, Counts> = BTreeMap::new();
            for trace in read.traces.values() {
                let day = date(trace.iter().map(|span| span.start).min().unwrap());
                let (applies, violates) = judge(id, trace);
                let counts = days.entry(day).or_default();
                counts.exercised +=
                    u64::from(trace.iter().any(|span| operations.contains(&span.name)));
                counts.applied += u64::from(applies);
                counts.violated += u64::from(violates);
            }
            let told_days: Vec<Counts> = told.days.iter().map(|(_, counts)| *counts).collect();
            assert_eq!(told_days, days.into_values().collect::<Vec<_>>(), "{id}, seed {seed}");
        }
    }
}

#[test]
fn every_rule_is_exercised_applied_and_broken_in_ten_thousand_traces() {
    let (truth, _) = generated(&Workload::new(10_000, 2, 42));
    for rule in &truth.rules {
        let Counts { exercised, applied, violated } = rule.total;
        assert!(0 < violated && violated < applied, "{}: {:?}", rule.id, rule.total);
        if rule.id != "llm-token-limit" {
            assert!(applied <= exercised, "{}: {:?}", rule.id, rule.total);
        }
        if rule.id != "payment-idempotency" {
            assert!(violated <= truth.traces / 500, "{}: {:?}", rule.id, rule.total);
        }
    }
    assert_eq!(truth.rules[0].days[0].1.violated, 0, "no double charge before the deploy");
    assert!(truth.rules[0].days[1].1.violated > 20);
}

#[test]
fn each_rule_is_broken_as_often_as_asked_for() {
    let rates = Rates::Each(2_000);
    let truth =
        spans(&Workload { rates, ..Workload::new(100_000, 2, 8) }, &mut |_| Ok(())).unwrap();
    for rule in &truth.rules {
        let violated = rule.total.violated;
        assert!((160..=240).contains(&violated), "{}: {violated} of 100,000 traces", rule.id);
    }
    let rates = Rates::Each(0);
    let truth = spans(&Workload { rates, ..Workload::new(5_000, 2, 8) }, &mut |_| Ok(())).unwrap();
    assert!(truth.rules.iter().all(|rule| rule.total.violated == 0));
}

/// What both ways of generation must agree on: ids, name, start, attributes.
type Essence = (String, String, u64, BTreeMap<String, Value>);

#[test]
fn spans_as_they_are_say_the_same_as_lines() {
    let workload = Workload::new(2_000, 2, 17);
    let (written, bytes) = generated(&workload);
    let mut expected: BTreeSet<String> = BTreeSet::new();
    for (trace, spans) in read(&bytes).traces {
        for span in spans {
            let attributes: BTreeMap<_, _> = span.attributes.into_iter().collect();
            let essence: Essence = (trace.clone(), span.name, span.start, attributes);
            expected.insert(format!("{essence:?}"));
        }
    }
    let mut seen = BTreeSet::new();
    let truth = spans(&workload, &mut |span| {
        let attributes =
            span.attributes.iter().map(|(key, value)| (key.clone(), json(value))).collect();
        let trace = format!("{:032x}", span.trace_id);
        let essence: Essence = (trace, span.name.to_string(), span.start, attributes);
        assert!(span.resource < resources().len() && span.end >= span.start);
        assert!(seen.insert(format!("{essence:?}")), "each span once");
        Ok(())
    })
    .unwrap();
    assert!(seen == expected);
    assert_eq!(truth.rules, written.rules);
    assert_eq!((truth.spans, truth.lines, truth.late), (written.spans, 0, 0));
}

fn json(value: &betrace_corpora::generate::Value) -> Value {
    use betrace_corpora::generate::Value::{Double, Flag, Int, Text, Texts};
    match value {
        Text(text) => text.as_str().into(),
        Int(number) => (*number).into(),
        Flag(flag) => (*flag).into(),
        Double(number) if number.fract() == 0.0 => (*number as u64).into(),
        Double(number) => (*number).into(),
        Texts(texts) => {
            let values: Vec<Value> =
                texts.iter().map(|text| serde_json::json!({ "stringValue": text })).collect();
            serde_json::json!({ "values": values })
        }
    }
}

#[test]
fn chance_comes_from_the_seed_alone() {
    let workload = Workload::new(1_000, 2, 5);
    let (truth, bytes) = generated(&workload);
    assert!(generated(&workload) == (truth, bytes.clone()));
    assert_ne!(bytes, generated(&Workload { seed: 6, ..workload }).1);
}

#[test]
fn spans_have_the_size_of_real_ones() {
    let (truth, bytes) = generated(&Workload::new(100_000, 2, 3));
    let spans = truth.spans as f64;
    let (per_span, per_trace) = (bytes.len() as f64 / spans, spans / truth.traces as f64);
    assert!((470.0..510.0).contains(&per_span), "{per_span} bytes a span");
    assert!((9.3..9.9).contains(&per_trace), "{per_trace} spans a trace");
    let late = truth.late as f64 / spans;
    assert!((0.008..0.012).contains(&late), "{late} of the spans are late");
    assert!(truth.duplicates > 0 && truth.rootless > 0);
}

#[test]
fn a_folder_holds_a_file_a_day_and_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let workload = Workload::new(3_000, 3, 11);
    let mut seen = Vec::new();
    let truth = write(&workload, folder.path(), &mut |done| seen.push(done)).unwrap();
    assert!(seen.is_sorted() && seen.last() == Some(&3_000));
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let days = ["2024-10-26", "2024-10-27", "2024-10-28"];
    let files = days.map(|day| format!("omnicart-{day}.jsonl"));
    assert_eq!(names[0], TRUTH_FILE);
    assert_eq!(names[1..], files);
    let bytes: Vec<Vec<u8>> =
        files.iter().map(|name| fs::read(folder.path().join(name)).unwrap()).collect();
    assert_eq!(bytes.concat(), generated(&workload).1);
    let late_past_midnight = read(&bytes[1])
        .traces
        .into_values()
        .flatten()
        .any(|span| date(span.start) < date(Workload::START) + 1);
    assert!(late_past_midnight, "some span of the first day stands in the second day's file");

    let told: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join(TRUTH_FILE)).unwrap()).unwrap();
    assert_eq!(told["deploy"], "2024-10-27T09:40:00Z");
    assert_eq!(told["spans"], truth.spans);
    let idempotency = &told["rules"][0];
    assert_eq!(idempotency["id"], "payment-idempotency");
    assert_eq!(idempotency["violated"], truth.rules[0].total.violated);
    assert_eq!(idempotency["days"]["2024-10-28"]["applied"], truth.rules[0].days[2].1.applied);

    assert!(matches!(write(&workload, folder.path(), &mut |_| {}), Err(Error::Occupied { .. })));
}

#[test]
fn an_empty_workload_is_empty_and_no_days_are_refused() {
    let (truth, bytes) = generated(&Workload::new(0, 1, 1));
    assert_eq!((truth.spans, truth.rules.len(), bytes.len()), (0, 16, 0));
    assert!(matches!(
        lines(&Workload::new(1, 0, 1), &mut |_| Ok(())),
        Err(Error::Days { days: 0 })
    ));
    let full = || Err(std::io::Error::other("full"));
    assert!(matches!(lines(&Workload::new(10, 1, 1), &mut |_| full()), Err(Error::Sink(_))));
}
