//! Every example of `docs/lints.md` does what its page says.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use betrace::lint::{Data, LINTS, lint};
use betrace::{ReplayOptions, RuleSet, Value, notation};
use serde_json::json;

const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/lints.md");

#[test]
fn examples_give_what_their_pages_say() {
    let text = fs::read_to_string(PAGES).unwrap();
    let pages: Vec<&str> = text.split("\n## `").skip(1).collect();
    let titles: Vec<&str> = pages.iter().map(|page| page.split('`').next().unwrap()).collect();
    assert_eq!(titles, LINTS.map(|(code, _)| code), "a page for each lint, in their order");
    let mut wrong = String::new();
    for (code, page) in titles.iter().zip(&pages) {
        let blocks = blocks(page);
        let of = |kind: &str| {
            let own = blocks.iter().filter(|(own, _)| *own == kind).map(|(_, text)| *text);
            own.collect::<Vec<_>>()
        };
        let [bad, good] = of("yaml")[..] else { panic!("{code}: one bad and one good example") };
        let trace = of("trace").first().copied();
        let (found, fixes) = found(bad, trace);
        if found != [*code] {
            writeln!(wrong, "{code}: the bad example gives {found:?}").unwrap();
        }
        if fixes != page.contains("`--fix") {
            writeln!(wrong, "{code}: has a fix: {fixes}; the page says otherwise").unwrap();
        }
        let (found, _) = self::found(good, trace);
        if !found.is_empty() {
            writeln!(wrong, "{code}: the good example gives {found:?}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Fenced blocks with what they are of.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let fenced = page.split("```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap()).collect()
}

/// The codes of what is found, and whether it can be fixed.
fn found(text: &str, trace: Option<&str>) -> (Vec<&'static str>, bool) {
    let set = RuleSet::from_text("rules.yaml", text);
    assert_eq!(set.errors(), 0, "{}", set.render(false));
    let folder = tempfile::tempdir().unwrap();
    let data = trace.map(|trace| {
        let file = write(folder.path().join("trace.jsonl"), trace);
        Data::of_files(&set, &[file], &ReplayOptions::default()).unwrap()
    });
    let found = lint(&set, data.as_ref());
    let fixes = found.iter().any(|finding| finding.diagnostic.fix.is_some());
    (found.iter().map(|finding| finding.diagnostic.code).collect(), fixes)
}

fn write(file: PathBuf, trace: &str) -> PathBuf {
    let spans = notation::read(trace).unwrap().into_iter().map(|span| {
        let attributes = span.attributes.iter().map(|(key, value)| {
            let value = match value {
                Value::Int(int) => json!({ "intValue": int.to_string() }),
                Value::Text(text) => json!({ "stringValue": text }),
                other => panic!("no example has {other:?}"),
            };
            json!({ "key": key, "value": value })
        });
        json!({
            "traceId": "5b8efff798038103d269b633813fc60c",
            "spanId": format!("{:016x}", u64::from_be_bytes(span.span_id)),
            "name": span.name,
            "startTimeUnixNano": span.start.to_string(),
            "endTimeUnixNano": span.end.to_string(),
            "attributes": attributes.collect::<Vec<_>>(),
        })
    });
    let spans: Vec<_> = spans.collect();
    let document = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] });
    fs::write(&file, document.to_string()).unwrap();
    file
}
