//! Which spans a violation rests on, by brute force.

use compiler::ast::{Condition, ConditionId, Quantity, Statement};
use serde_json::Value as Json;

use super::{condition, counted, distinct_spans, selects, start, text};

/// The ids of the spans that satisfy the positive terms of `when` that hold and the terms that
/// make `never` true, and those that the counts of an `always` that fails range over; by start,
/// then id.
pub fn witness(rule: &Statement, trace: &[Json]) -> Vec<String> {
    let spans = distinct_spans(trace);
    let mut walk = Walk { rule, spans: &spans, found: Vec::new() };
    if let Some(when) = rule.when {
        walk.positive(when, true);
    }
    for id in rule.never.map(|never| rule.disjuncts(never)).unwrap_or_default() {
        if condition(rule, id, &spans) {
            walk.reasons(id);
        }
    }
    for id in rule.always.map(|always| rule.conjuncts(always)).unwrap_or_default() {
        if !condition(rule, id, &spans) {
            walk.counts(id);
        }
    }
    let found = walk.found;
    let mut spans: Vec<&Json> = spans
        .iter()
        .copied()
        .filter(|span| found.iter().any(|own| std::ptr::eq(*own, *span)))
        .collect();
    spans.sort_by_key(|span| (start(span), text(span, "spanId"), text(span, "name")));
    spans.into_iter().map(|span| text(span, "spanId").to_owned()).collect()
}

struct Walk<'a> {
    rule: &'a Statement,
    spans: &'a [&'a Json],
    found: Vec<&'a Json>,
}

impl Walk<'_> {
    fn holds(&self, id: ConditionId) -> bool {
        condition(self.rule, id, self.spans)
    }

    fn positive(&mut self, id: ConditionId, even: bool) {
        match &self.rule[id] {
            Condition::Not(term) => self.positive(*term, !even),
            Condition::And(terms) | Condition::Or(terms) => {
                terms.iter().for_each(|&term| self.positive(term, even));
            }
            _ if even && self.holds(id) => self.term(id, true),
            _ => {}
        }
    }

    /// The terms that make a condition as true or false as it is.
    fn reasons(&mut self, id: ConditionId) {
        let holds = self.holds(id);
        match &self.rule[id] {
            Condition::Not(term) => self.reasons(*term),
            Condition::And(terms) | Condition::Or(terms) => {
                let responsible = terms.iter().filter(|&&term| self.holds(term) == holds);
                let responsible: Vec<ConditionId> = responsible.copied().collect();
                responsible.into_iter().for_each(|term| self.reasons(term));
            }
            _ => self.term(id, holds),
        }
    }

    fn counts(&mut self, id: ConditionId) {
        match &self.rule[id] {
            Condition::Not(term) => self.counts(*term),
            Condition::And(terms) | Condition::Or(terms) => {
                terms.iter().for_each(|&term| self.counts(term));
            }
            _ => self.term(id, false),
        }
    }

    /// The spans of one term; those of a `has` only if it is asked for.
    fn term(&mut self, id: ConditionId, has: bool) {
        match &self.rule[id] {
            Condition::Has { operation, filter } if has => {
                let chosen = |span: &&&Json| selects(self.rule, operation, *filter, span);
                self.found.extend(self.spans.iter().filter(chosen));
            }
            Condition::Compare { left, right, .. } => {
                for quantity in [left, right] {
                    if let Quantity::Count(count) = quantity {
                        self.found.extend(counted(self.rule, count, self.spans));
                    }
                }
            }
            _ => {}
        }
    }
}
