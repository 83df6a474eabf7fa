//! Judges one segment: a tally a rule, and its violations as signals, by trace, then rule.

use std::mem;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use hashbrown::HashMap;
use ir::module::Clause;
use ir::segment::RowRef;
use ir::{Engine, Fault, Mask, Module, Segment};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::context::{ContextValue, Labels, context, examples, first};
use crate::fold::{Tally, Truth, fold};
use crate::found::{Days, Found, Silent};
use crate::plan::Plan;
use crate::range::TimeRange;
use crate::replay::Options;
use crate::signal::{SIGNAL_SCHEMA, Signal, signal_id};
use crate::witness::{SPAN_LIMIT, witness};

/// How many violations are handed on at a time: a segment may have one a trace and rule, which is
/// more than memory holds. Few enough for their signals to be in cache when they are taken.
const BATCH: usize = 512;

/// What running all rules over a segment finds, in parts.
pub(crate) enum Judged {
    /// The next violations, by trace, then rule.
    Some(Vec<Violation>),
    /// The last violations, and the sums.
    Rest(Vec<Violation>, Sums),
    /// Alone: the segment is not what was written, and nothing is known of its traces.
    Damaged(Fault),
}

/// What is known of a segment as a whole.
pub(crate) struct Sums {
    /// How many traces lie in the range.
    pub(crate) traces: usize,
    /// A tally a rule.
    pub(crate) tallies: Vec<Tally>,
    /// The violations that nothing but their number will be said of.
    pub(crate) silent: Vec<Silent>,
}

/// A violation, and what reports say of it beside the signal.
pub(crate) struct Violation {
    /// Number of the rule.
    pub(crate) rule: usize,
    /// The trace's id, where segments overlap in time; else 0: their order says enough, and to read it
    /// costs more than all else.
    pub(crate) trace: u128,
    /// The trace's time.
    pub(crate) time: u64,
    /// Text of the value that it is grouped by.
    pub(crate) group: Option<String>,
    pub(crate) evidence: Evidence,
}

/// What is known of a violation beyond that it is one.
pub(crate) enum Evidence {
    /// All, where somebody takes signals.
    Signal(Box<Signal>),
    /// The values of the rule's first context key, which reports show.
    Examples(Vec<ContextValue>),
    /// Nothing but the group.
    None,
}

/// Judges rules over segments.
pub(crate) struct Judge<'a> {
    module: &'a Module,
    engine: &'a dyn Engine,
    plan: Plan,
    labels: Labels,
    range: TimeRange,
    /// Signals that are wanted in all.
    limit: u64,
    /// Signals that are still wanted; only ever falls.
    wanted: AtomicU64,
    zone: TimeZone,
    /// Examples that a report shows of a day.
    examples: usize,
    /// Rules with a day, and a time by which violations were found whose examples are all that the
    /// report of the day will show.
    shown: RwLock<HashMap<(usize, Date), u64>>,
    /// By rule, the earliest violation that was handed on.
    first: Vec<AtomicU64>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(module: &'a Module, engine: &'a dyn Engine, options: &Options) -> Self {
        Self {
            module,
            engine,
            plan: Plan::of(module),
            labels: Labels::of(module),
            range: options.range,
            limit: options.signals,
            wanted: AtomicU64::new(options.signals),
            zone: options.zone.clone(),
            examples: options.examples,
            shown: RwLock::default(),
            first: module.rules.iter().map(|_| AtomicU64::new(u64::MAX)).collect(),
        }
    }

    /// The report of a rule will show no example of a day that comes after `time`.
    pub(crate) fn shown(&self, rule: usize, day: Date, time: u64) {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let own = shown.entry((rule, day)).or_insert(time);
        *own = time.min(*own);
    }

    /// Until when a report may show examples of a rule on a day.
    fn shows_until(&self, rule: usize, day: Date) -> u64 {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.get(&(rule, day)).copied().unwrap_or(u64::MAX)
    }

    /// Whether more signals are wanted.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) > 0
    }

    /// A signal was delivered; only where one [was wanted](Self::is_wanted), and by one thread.
    pub(crate) fn delivered(&self) {
        self.wanted.fetch_sub(1, Ordering::Relaxed);
    }

    /// Of a segment that `overlaps` others in time, violations bear what puts them in order.
    ///
    /// # Errors
    /// Where the segment is damaged, or was not made to hold what the rules read.
    pub(crate) fn judge(
        &self,
        segment: &Segment,
        overlaps: bool,
        part: &mut dyn FnMut(Judged),
    ) -> Result<(), Fault> {
        // What damage leads to is no fault of its own.
        self.judge_parts(segment, overlaps, part)
            .map_err(|fault| segment.sound().err().unwrap_or(fault))
    }

    fn judge_parts(
        &self,
        segment: &Segment,
        overlaps: bool,
        part: &mut dyn FnMut(Judged),
    ) -> Result<(), Fault> {
        let Self { module, engine, plan, range, .. } = self;
        let traces = in_range(segment, *range);
        let days = Days::new(segment, traces.clone(), &self.zone);
        let (mut violations, mut found) =
            (Vec::new(), Found::new(module.rules.len(), self.examples));
        let mut before = 0;
        let tallies =
            fold(plan, module, *engine, segment, traces.clone(), &mut |trace, rule, truth| {
                // A signal that stands behind so many of its own segment comes too late, and what
                // is not wanted any more will not be when its turn comes.
                let signal = before < self.limit && self.is_wanted();
                before += 1;
                let day = days.of(trace);
                let shows = self.shows(rule, day, trace, &days, &found);
                if !signal && !shows && module.group_by.is_none() {
                    found.count(rule, day, trace);
                    return Ok(());
                }
                let time = days.time(trace);
                let (evidence, group) =
                    self.evidence(segment, trace, rule, truth, signal, shows)?;
                if let Evidence::Examples(values) = &evidence {
                    found.add(rule, day, time, values);
                }
                let id = if overlaps { segment.traces.id.at(trace) } else { 0 };
                violations.push(Violation { rule, trace: id, time, group, evidence });
                if violations.len() == BATCH {
                    segment.sound()?;
                    self.tell(&mut found, &violations);
                    part(Judged::Some(mem::take(&mut violations)));
                }
                Ok(())
            })?;
        let silent = found.silent(|rule| self.first[rule].load(Ordering::Relaxed), &days);
        segment.sound()?;
        self.tell(&mut found, &violations);
        silent.iter().for_each(|own| self.met(own.rule, own.first));
        let sums = Sums { traces: judged(segment, traces), tallies, silent };
        part(Judged::Rest(violations, sums));
        Ok(())
    }

    /// Whether a report may show an example of this violation.
    fn shows(&self, rule: usize, day: Date, trace: usize, days: &Days<'_>, found: &Found) -> bool {
        if self.module.rules[rule].context.is_empty() || found.is_full(rule, day) {
            return false;
        }
        let until = self.shows_until(rule, day);
        until == u64::MAX || days.earliest() <= until && days.time(trace) <= until
    }

    /// Of days for which a segment gave examples enough, and which will count, no others need more.
    fn tell(&self, found: &mut Found, violations: &[Violation]) {
        found.full.drain(..).for_each(|(rule, day, time)| self.shown(rule, day, time));
        violations.iter().for_each(|own| self.met(own.rule, own.time));
    }

    /// A violation of a rule is handed on.
    fn met(&self, rule: usize, time: u64) {
        self.first[rule].fetch_min(time, Ordering::Relaxed);
    }

    /// What is known of a violation, and the text of what it is grouped by.
    fn evidence(
        &self,
        segment: &Segment,
        trace: usize,
        number: usize,
        truth: Truth<'_>,
        signal: bool,
        shows: bool,
    ) -> Result<(Evidence, Option<String>), Fault> {
        let module = self.module;
        let rule = &module.rules[number];
        let witness = witness(module, self.engine, segment, rule, trace, truth)?;
        let evidence = if signal {
            Evidence::Signal(Box::new(self.signal(segment, trace, number, truth, &witness)?))
        } else if shows {
            Evidence::Examples(examples(module, segment, rule, trace, &witness)?)
        } else {
            Evidence::None
        };
        let group = match module.group_by {
            Some(field) => first(segment, &witness, &module.fields[field.index()])?,
            None => None,
        };
        Ok((evidence, group.map(|value| value.text().into_owned())))
    }

    fn signal(
        &self,
        segment: &Segment,
        trace: usize,
        number: usize,
        truth: Truth<'_>,
        witness: &[RowRef],
    ) -> Result<Signal, Fault> {
        let rule = &self.module.rules[number];
        let trace_id = format!("{:032x}", segment.traces.id.at(trace));
        let texts = |clauses: &[Clause], held: bool| -> Vec<String> {
            let clauses = clauses.iter().filter(|clause| truth.holds(clause.formula) == held);
            clauses.map(|clause| clause.text.to_string()).collect()
        };
        let time = segment.traces.start.at(trace);
        let labels = self.labels.of_rule(number);
        Ok(Signal {
            signal_id: signal_id(&rule.id, &trace_id),
            rule_id: rule.id.to_string(),
            severity: rule.severity,
            timestamp: witness.first().map_or(time, |&at| segment.start(at)),
            trace_id,
            span_ids: span_ids(segment, witness),
            context: context(self.module, segment, rule, labels, trace, witness)?,
            message: rule.message.to_string(),
            mode: "replay",
            rule_hash: rule.hash.to_string(),
            schema: SIGNAL_SCHEMA,
            signal_type: rule.signal_type.as_deref().map(str::to_owned),
            span_count: witness.len(),
            missing: texts(&rule.always, false),
            forbidden: texts(&rule.never, true),
        })
    }
}

/// The ordinals of the traces that start in `range`: consecutive, since traces ascend by start.
fn in_range(segment: &Segment, range: TimeRange) -> Range<usize> {
    if range == TimeRange::default() {
        return 0..segment.len();
    }
    let before = |bound: u64| segment.traces_before(bound);
    before(range.from)..range.to.map_or(segment.len(), before)
}

/// How many of `traces` are judged here.
fn judged(segment: &Segment, traces: Range<usize>) -> usize {
    let hidden = segment.hidden.iter().flat_map(Mask::iter);
    traces.len() - hidden.filter(|trace| traces.contains(trace)).count()
}

fn span_ids(segment: &Segment, witness: &[RowRef]) -> Vec<String> {
    let kept = witness.iter().take(SPAN_LIMIT);
    kept.map(|&at| format!("{:016x}", segment.span_id(at))).collect()
}
