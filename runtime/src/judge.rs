//! Judges one segment: a tally a rule, and its violations as signals, by trace, then rule.

use std::mem;
use std::ops::Range;

use ir::module::Clause;
use ir::segment::RowRef;
use ir::{Engine, Fault, Module, Segment};

use crate::context::{context, first};
use crate::fold::{Plan, Tally, Truth, fold};
use crate::range::TimeRange;
use crate::signal::{SIGNAL_SCHEMA, Signal, signal_id};
use crate::witness::{SPAN_LIMIT, witness};

/// How many violations are handed on at a time: a segment may have one a trace and rule, which is
/// more than memory holds.
const BATCH: usize = 4096;

/// What running all rules over a segment finds, in parts.
pub(crate) enum Judged {
    /// The next violations, by trace, then rule.
    Violations(Vec<Violation>),
    /// Last: how many traces lie in the range, and a tally a rule.
    Tallies(usize, Vec<Tally>),
}

/// A violation, and what reports say of it beside the signal.
pub(crate) struct Violation {
    /// Number of the rule.
    pub(crate) rule: usize,
    /// The trace's time.
    pub(crate) time: u64,
    /// Text of the value that it is grouped by.
    pub(crate) group: Option<String>,
    pub(crate) signal: Signal,
}

/// Judges rules over segments.
pub(crate) struct Judge<'a> {
    module: &'a Module,
    engine: &'a dyn Engine,
    plan: Plan,
    range: TimeRange,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(module: &'a Module, engine: &'a dyn Engine, range: TimeRange) -> Self {
        Self { module, engine, plan: Plan::of(module), range }
    }

    pub(crate) fn judge(
        &self,
        segment: &Segment,
        part: &mut dyn FnMut(Judged),
    ) -> Result<(), Fault> {
        let Self { module, engine, plan, range } = self;
        let traces = in_range(segment, *range);
        let mut violations = Vec::new();
        let tallies =
            fold(plan, module, *engine, segment, traces.clone(), &mut |trace, rule, truth| {
                violations.push(self.violation(segment, trace, rule, truth)?);
                if violations.len() == BATCH {
                    part(Judged::Violations(mem::take(&mut violations)));
                }
                Ok(())
            })?;
        part(Judged::Violations(violations));
        part(Judged::Tallies(traces.len(), tallies));
        Ok(())
    }

    fn violation(
        &self,
        segment: &Segment,
        trace: usize,
        number: usize,
        truth: Truth<'_>,
    ) -> Result<Violation, Fault> {
        let module = self.module;
        let rule = &module.rules[number];
        let time = segment.traces.start[trace];
        let witness = witness(module, self.engine, segment, rule, trace, truth)?;
        let trace_id = format!("{:032x}", segment.traces.id[trace]);
        let texts = |clauses: &[Clause], held: bool| -> Vec<String> {
            let clauses = clauses.iter().filter(|clause| truth.holds(clause.formula) == held);
            clauses.map(|clause| clause.text.to_string()).collect()
        };
        let signal = Signal {
            signal_id: signal_id(&rule.id, &trace_id),
            rule_id: rule.id.to_string(),
            severity: rule.severity,
            timestamp: witness.first().map_or(time, |&at| segment.start(at)),
            trace_id,
            span_ids: span_ids(segment, &witness),
            context: context(module, segment, rule, trace, &witness)?,
            message: rule.message.to_string(),
            mode: "replay",
            rule_hash: rule.hash.to_string(),
            schema: SIGNAL_SCHEMA,
            span_count: witness.len(),
            missing: texts(&rule.always, false),
            forbidden: texts(&rule.never, true),
        };
        let group = match module.group_by {
            Some(field) => first(segment, &witness, &module.fields[field.index()])?,
            None => None,
        };
        let group = group.map(|value| value.text().into_owned());
        Ok(Violation { rule: number, time, group, signal })
    }
}

/// The ordinals of the traces that start in `range`: consecutive, since traces ascend by start.
fn in_range(segment: &Segment, range: TimeRange) -> Range<usize> {
    let before = |bound: u64| segment.traces.start.partition_point(|&start| start < bound);
    before(range.from)..range.to.map_or(segment.len(), before)
}

fn span_ids(segment: &Segment, witness: &[RowRef]) -> Vec<String> {
    let kept = witness.iter().take(SPAN_LIMIT);
    kept.map(|&at| format!("{:016x}", segment.span_id(at))).collect()
}
