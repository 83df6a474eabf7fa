use super::*;

fn of(text: &str) -> Vec<String> {
    let params = Params::new();
    let options =
        ReadOptions { key: Key::Condition, has_signal: true, params: &params, description: None };
    let statement = parse_rule(text, &options).statement.expect("a rule");
    let mutants = mutants(&statement).expect("few mutants");
    mutants.into_iter().map(|one| format!("{}: {}", one.change, one.statement)).collect()
}

/// What follows the last colon, of each.
fn statements(text: &str) -> Vec<String> {
    of(text).iter().map(|one| one.rsplit(": ").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn too_many_are_none() {
    let names: Vec<String> = (0..3_000).map(|name| format!("operation-{name}")).collect();
    let params = Params::new();
    let options =
        ReadOptions { key: Key::Condition, has_signal: true, params: &params, description: None };
    let list = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let text = format!("never {{ trace.has(a).where(x in [{list}]) }}");
    assert!(mutants(&parse_rule(&text, &options).statement.expect("a rule")).is_none());
}

#[test]
fn clauses_are_swapped_and_left_out() {
    assert_eq!(
        of("when { a } always { b } never { c }"),
        [
            "`always` and `never` swapped: when { trace.has(a) } always { trace.has(c) } never { trace.has(b) }",
            "without `when`: always { trace.has(b) } never { trace.has(c) }",
            "without `always`: when { trace.has(a) } never { trace.has(c) }",
            "without `never`: when { trace.has(a) } always { trace.has(b) }",
        ]
    );
    assert_eq!(statements("never { a }"), ["always { trace.has(a) }"]);
}

#[test]
fn terms_are_left_out() {
    assert_eq!(
        statements("never { a and (b or not c) and d }")[1..],
        [
            "never { trace.has(a) and (trace.has(b) or trace.has(c)) and trace.has(d) }",
            "never { trace.has(a) and not trace.has(c) and trace.has(d) }",
            "never { trace.has(a) and trace.has(b) and trace.has(d) }",
            "never { (trace.has(b) or not trace.has(c)) and trace.has(d) }",
            "never { trace.has(a) and trace.has(d) }",
            "never { trace.has(a) and (trace.has(b) or not trace.has(c)) }",
        ]
    );
    assert_eq!(
        statements("never { trace.has(a).where(x and exists(y)) }")[1..],
        [
            "never { trace.has(a) }",
            "never { trace.has(a).where(x != true and exists(y)) }",
            "never { trace.has(a).where(x == true and not exists(y)) }",
            "never { trace.has(a).where(exists(y)) }",
            "never { trace.has(a).where(x == true) }",
        ]
    );
}

#[test]
fn comparisons_are_turned_and_constants_moved() {
    assert_eq!(
        statements("never { trace.has(a).where(x > 5) }")[2..],
        [
            "never { trace.has(a).where(x <= 5) }",
            "never { trace.has(a).where(x >= 5) }",
            "never { trace.has(a).where(x > 6) }",
            "never { trace.has(a).where(x > 4) }",
        ]
    );
    assert_eq!(
        statements("never { trace.has(a).where(x in [1, b] and y matches \"z\") }")[2..5],
        [
            "never { trace.has(a).where(x not in [1, \"b\"] and y matches \"z\") }",
            "never { trace.has(a).where(x in [\"b\"] and y matches \"z\") }",
            "never { trace.has(a).where(x in [1] and y matches \"z\") }",
        ]
    );
    assert_eq!(
        statements("always { trace.count(a).where(x == 0.5).by(k).within(1m) <= 3 }")[1..],
        [
            "always { trace.count(a).where(x == 0.5).by(k).within(1m) > 3 }",
            "always { trace.count(a).where(x == 0.5).by(k).within(1m) < 3 }",
            "always { trace.count(a).by(k).within(1m) <= 3 }",
            "always { trace.count(a).where(x == 0.5).within(1m) <= 3 }",
            "always { trace.count(a).where(x == 0.5).by(k) <= 3 }",
            "always { trace.count(a).where(x == 0.5).by(k).within(1m1s) <= 3 }",
            "always { trace.count(a).where(x == 0.5).by(k).within(59s) <= 3 }",
            "always { trace.count(a).where(x == 0.5).by(k).within(1m) <= 4 }",
            "always { trace.count(a).where(x == 0.5).by(k).within(1m) <= 2 }",
            "always { trace.count(a).where(x != 0.5).by(k).within(1m) <= 3 }",
            "always { trace.count(a).where(x == 0.6).by(k).within(1m) <= 3 }",
            "always { trace.count(a).where(x == 0.4).by(k).within(1m) <= 3 }",
        ]
    );
    assert_eq!(
        statements("always { trace:rootName contains \"a\" and trace:duration < 5s }")[1..],
        [
            "always { not trace:rootName contains \"a\" and trace:duration < 5s }",
            "always { trace:rootName contains \"a\" and trace:duration >= 5s }",
            "always { trace:rootName contains \"a\" and trace:duration <= 5s }",
            "always { trace:rootName contains \"a\" and trace:duration < 6s }",
            "always { trace:rootName contains \"a\" and trace:duration < 4s }",
            "always { trace:duration < 5s }",
            "always { trace:rootName contains \"a\" }",
        ]
    );
}
