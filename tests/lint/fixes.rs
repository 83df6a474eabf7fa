//! Fixes change what they say and nothing else.

use betrace::RuleSet;
use betrace::lint::{Fixed, fixed};

use crate::{codes, rule};

/// The text after all fixes.
fn fix(text: &str, all: bool) -> Option<String> {
    let set = RuleSet::from_text("rules.yaml", text);
    assert_eq!(set.errors(), 0, "{}", set.render(false));
    let Fixed { text, .. } = fixed(&set, 0, all)?;
    let after = RuleSet::from_text("rules.yaml", &text);
    assert_eq!(after.errors(), 0, "{}", after.render(false));
    if !all {
        for (a, b) in set.rules.iter().zip(&after.rules) {
            assert!(same(&a.statement.to_string(), &b.statement.to_string()), "{text}");
        }
    }
    Some(text)
}

/// Whether two canonical texts mean the same; patterns that are texts are the only difference.
fn same(a: &str, b: &str) -> bool {
    a == b || a.contains("matches")
}

const FILE: &str = r#"# A file of the shop.
rules:
- id: first   # with words
  severity: low
  condition: trace.has(db.query) and not trace.has(db.query).where(tenant != own_tenant)  # old
  params:
      # how many
      most: 5   # charges
  labels: {a: b}

- {id: second, severity: low, violation: 'trace.has(x).where(a == b_c and n > p)', params: {p: 1, q: 2, r: 3}}
- id: third
  severity: low
  condition: "trace.has(x).where(a == \"\\\\d\" or b == c_d)"
- id: fourth
  severity: low
  condition: >
    trace.count(y) # not many
      > 3
- id: fifth
  severity: low
  params: {gone: 1}
  condition: |
    // One
    (trace.has(a) // two
      and trace.has(b))
    and not trace.has(c)  # three
- id: sixth
  severity: low
  condition: |
    (trace.has(a)
      and trace.has(b))
    and not trace.has(c)
"#;

const AFTER: &str = r#"# A file of the shop.
rules:
- id: first   # with words
  severity: low
  condition: when { trace.has(db.query) } always { not trace.has(db.query).where(tenant != "own_tenant") }  # old
  labels: {a: b}

- {id: second, severity: low, violation: 'trace.has(x).where(a == "b_c" and n > p)', params: {p: 1}}
- id: third
  severity: low
  condition: "never { trace.has(x).where(a == \"\\\\d\" or b == \"c_d\") }"
- id: fourth
  severity: low
  condition: >
    never { trace.count(y) # not many
      > 3 }
- id: fifth
  severity: low
  condition: |
    // One
    (trace.has(a) // two
      and trace.has(b))
    and not trace.has(c)  # three
- id: sixth
  severity: low
  condition: |
    when { trace.has(a) } always { trace.has(b) and not trace.has(c) }
"#;

#[test]
fn the_rest_of_a_file_stays_as_it_is() {
    let fixed = fix(FILE, false).unwrap();
    assert_eq!(fixed, AFTER);
    assert_eq!(fix(&fixed, false), None, "nothing is left to fix");
}

#[test]
fn patterns_become_texts_only_where_nothing_else_can_come_of_it() {
    let text = rule(r#"never { trace.has(a).where(x matches "^/api/v1\\." or x matches "abc") }"#);
    let safe = fix(&text, false).unwrap();
    assert!(safe.contains(r#"x starts_with "/api/v1." or x matches "abc""#), "{safe}");
    let all = fix(&text, true).unwrap();
    assert!(all.contains(r#"x starts_with "/api/v1." or x contains "abc""#), "{all}");
    let name = rule(r#"never { trace.has("*").where(span:name matches "charge") }"#);
    assert!(fix(&name, false).unwrap().contains(r#"span:name contains "charge""#));
}

#[test]
fn names_change_only_if_asked() {
    let text = "rules:\n  - id: one\n    severity: low\n    violation: 'trace.has(x).where(\
        span.http.status_code >= 500 and \"http.method\" == GET and net.transport == \"pipe\")'\n    \
        signal: {context: [resource.http.url, span.net.peer.ip, \"db.name\"]}\n";
    assert_eq!(fix(text, false), None);
    let all = fix(text, true).unwrap();
    for part in [
        "span.http.response.status_code >= 500",
        "http.request.method == GET",
        "net.transport ==",
        "[resource.url.full, span.network.peer.address, db.namespace]",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
    assert_eq!(codes(&all), ["deprecated-attribute"], "whose values changed, too");
}
