//! Which spans a signal names.

use ir::module::{Atom, Count, Quantity};

use crate::support::{Rules, at_least, at_most, equal, only_signal, witness};

const TRACE: &str = "
    t1 @0ms #a1 a
    t1 @1ms #a2 a{x=1}
    t1 @2ms #b1 b
    t1 @3ms #c1 c
";

#[test]
fn of_when_the_positive_terms_that_hold() {
    let mut rules = Rules::default();
    let [a, b, c, absent] = ["a", "b", "c", "absent"].map(|name| rules.has(name, ""));
    let many = rules.count("b", at_least(), 2);
    let [not_absent, not_b, not_c, not_many] = [absent, b, c, many].map(|id| rules.not(id));
    let c_again = rules.not(not_c);
    let either = rules.or(&[a, many, not_b]);
    let when = rules.and(&[either, not_absent, not_many, c_again]);
    rules.rule("r", Some(when), &[absent], &[]);
    // Of `not not c` the span of c; of `not b` and of the count that does not hold, none.
    assert_eq!(witness(&rules.module, TRACE), "a1 a2 c1");
    let when = rules.and(&[b, not_absent]);
    rules.module.rules[0].when = Some(when);
    assert_eq!(witness(&rules.module, TRACE), "b1");
}

#[test]
fn of_when_only_the_spans_that_satisfy_the_term() {
    let mut rules = Rules::default();
    let (some, absent) = (rules.has("a", "x=1"), rules.has("absent", ""));
    rules.rule("r", Some(some), &[absent], &[]);
    assert_eq!(witness(&rules.module, TRACE), "a2");
}

#[test]
fn of_never_what_makes_it_hold() {
    let mut rules = Rules::default();
    let [a, b, c, absent] = ["a", "b", "c", "absent"].map(|name| rules.has(name, ""));
    let many = rules.count("a", at_least(), 3);
    let not_absent = rules.not(absent);
    let not_many = rules.not(many);
    let b_and_absent = rules.and(&[b, absent]);
    let alternatives = rules.or(&[b_and_absent, c]);
    let neither = rules.or(&[absent, many]);
    let neither = rules.not(neither);
    rules.rule("r", None, &[], &[alternatives]);
    let mut of = |never: &[_]| {
        let clauses: Vec<_> = rules.rule("other", None, &[], never).never.clone();
        rules.module.rules.truncate(1);
        rules.module.rules[0].never = clauses;
        witness(&rules.module, TRACE)
    };
    // The alternative with b does not hold, so b is no reason.
    assert_eq!(of(&[alternatives]), "c1");
    // A `has` that is false has no spans; a count that is false has those that it counted.
    assert_eq!(of(&[not_absent]), "");
    assert_eq!(of(&[not_many]), "a1 a2");
    assert_eq!(of(&[neither]), "a1 a2");
    // Clauses that do not hold give nothing.
    assert_eq!(of(&[absent, a, b_and_absent]), "a1 a2");
    assert_eq!(of(&[many, c]), "c1");
    assert_eq!(of(&[a, c]), "a1 a2 c1");
}

#[test]
fn of_always_that_fails_the_counted_spans() {
    let mut rules = Rules::default();
    let [b, absent] = ["b", "absent"].map(|name| rules.has(name, ""));
    let one = rules.count("a", equal(), 1);
    let fine = rules.count("c", equal(), 1);
    let both = rules.and(&[one, absent]);
    let not_fine = rules.not(fine);
    rules.rule("r", Some(b), &[both, fine], &[]);
    assert_eq!(witness(&rules.module, TRACE), "a1 a2 b1");
    let clause = rules.rule("other", None, &[not_fine], &[]).always[0].clone();
    rules.module.rules.truncate(1);
    rules.module.rules[0].always = vec![clause];
    assert_eq!(witness(&rules.module, TRACE), "b1 c1");
}

#[test]
fn of_a_count_the_spans_that_bear_its_fields_on_both_sides() {
    let mut rules = Rules::default();
    let [pay, ship] = ["pay", "ship"].map(|name| rules.set(name, ""));
    let (intent, user) = (rules.key("intent"), rules.key("user"));
    let left = Count { set: pay, distinct: Some(intent), by: Some(user), within: None };
    let right = Count { set: ship, distinct: None, by: None, within: None };
    let formula =
        rules.atom(Atom::Compare(Quantity::Count(left), at_most(), Quantity::Count(right)));
    rules.rule("r", None, &[formula], &[]);
    let traces = "
        t1 @0ms #e1 ship
        t1 @1ms #d1 pay{intent=a; user=1}
        t1 @2ms #d2 pay{intent=a}
        t1 @3ms #d3 pay{user=1}
        t1 @4ms #d4 pay{intent=b; resource.user=1}
    ";
    assert_eq!(witness(&rules.module, traces), "e1 d1 d4");
}

#[test]
fn ordered_by_start_then_id_each_once() {
    let mut rules = Rules::default();
    let [a, again, b] = [("a", ""), ("a", "x=1"), ("b", "")].map(|(name, x)| rules.has(name, x));
    rules.rule("r", Some(a), &[], &[again, b]);
    let traces = "
        t1 @5ms #1 a{x=1}
        t1 @2ms #9 a
        t1 @2ms #3 b
        t1 @2ms #4 a
        t1 @0ms #8 other
    ";
    let signal = only_signal(&rules.module, traces);
    assert_eq!(witness(&rules.module, traces), "3 4 9 1");
    assert_eq!(signal["span_count"], 4);
    assert_eq!(signal["timestamp"], "2024-10-27T00:00:00.002Z");
}

#[test]
fn at_most_64_are_kept_and_all_are_counted() {
    let mut rules = Rules::default();
    let a = rules.has("a", "");
    rules.rule("r", None, &[], &[a]);
    for (spans, kept) in [(63, 63), (64, 64), (65, 64), (200, 64)] {
        let traces: String = (1..=spans).map(|at| format!("t1 @{at}ms a\n")).collect();
        let signal = only_signal(&rules.module, &traces);
        assert_eq!(signal["span_ids"].as_array().unwrap().len(), kept);
        assert_eq!(signal["span_ids"][kept - 1], format!("{kept:016x}"));
        assert_eq!(signal["span_count"], spans);
    }
}

#[test]
fn without_one_the_time_is_the_traces() {
    let mut rules = Rules::default();
    let absent = rules.has("absent", "");
    rules.rule("r", None, &[absent], &[]);
    let signal = only_signal(&rules.module, "t7 @86400005ms a");
    assert_eq!(signal["timestamp"], "2024-10-28T00:00:00.005Z");
    assert_eq!(signal["span_ids"], serde_json::json!([]));
    assert_eq!(signal["span_count"], 0);
}
