//! The ground truth: what the generator decided to break, counted by rule of `rules/omnicart.yaml` and by day.
//! Nothing here evaluates a rule; scenes say what applies and what they broke.

use std::fmt::Write;

use super::clock::{Calendar, instant};

/// The rules of `rules/omnicart.yaml`, in the file's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Rule {
    PaymentIdempotency,
    PaymentRequiresInventory,
    FraudCheckHighValue,
    RetryLimit,
    CartValidated,
    ShipmentRequiresPayment,
    ConfirmationEmail,
    ApiAuth,
    AdminRole,
    AdminAudit,
    CrossTenantIsolation,
    PiiAccessAudited,
    PiiPermission,
    LlmModeration,
    LlmTokenLimit,
    RagSources,
}

/// Number of rules with a ground truth.
const RULES: usize = 16;

/// The id of each rule, by its place in [`Rule`].
pub(super) const RULE_IDS: [&str; RULES] = [
    "payment-idempotency",
    "payment-inventory",
    "fraud-check-high-value",
    "retry-limit",
    "cart-validated",
    "shipment-requires-payment",
    "confirmation-email",
    "api-auth",
    "admin-role",
    "admin-audit",
    "cross-tenant-isolation",
    "pii-access-audited",
    "pii-permission",
    "llm-moderation",
    "llm-token-limit",
    "rag-sources",
];

/// A set of rules, one bit each.
#[derive(Clone, Copy, Default)]
pub(super) struct RuleSet(u16);

impl RuleSet {
    /// The set of these rules.
    pub(super) const fn of(rules: &[Rule]) -> Self {
        let mut bits = 0;
        let mut n = 0;
        while n < rules.len() {
            bits |= 1 << rules[n] as u16;
            n += 1;
        }
        Self(bits)
    }

    /// Adds the rules of another set.
    pub(super) fn join(&mut self, other: RuleSet) {
        self.0 |= other.0;
    }

    /// Whether rule number `n` is in the set.
    pub(super) fn holds(self, n: usize) -> bool {
        self.0 >> n & 1 == 1
    }
}

/// Rules without a `when`: they apply to every trace.
const UNGUARDED: RuleSet = RuleSet::of(&[Rule::LlmTokenLimit]);

/// What one trace means for every rule.
#[derive(Default)]
pub(super) struct Marks {
    /// Rules of which the trace holds an operation.
    pub(super) exercised: RuleSet,
    /// Guarded rules whose `when` holds.
    pub(super) applied: RuleSet,
    /// Rules that the trace violates.
    pub(super) violated: RuleSet,
    /// Spans of the trace, each once.
    pub(super) spans: u64,
    /// Earliest start of a span, nanoseconds since 1970.
    pub(super) earliest: u64,
    /// Whether the root was lost.
    pub(super) rootless: bool,
}

/// How many traces exercise a rule, meet its `when`, and violate it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Traces with at least one span of an operation that the rule names.
    pub exercised: u64,
    /// Traces to which the rule applies: its `when` holds, or it has none.
    pub applied: u64,
    /// Traces that violate the rule.
    pub violated: u64,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.exercised += other.exercised;
        self.applied += other.applied;
        self.violated += other.violated;
    }

    fn json(self) -> String {
        let Counts { exercised, applied, violated } = self;
        format!("\"exercised\":{exercised},\"applied\":{applied},\"violated\":{violated}")
    }
}

/// The truth about one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTruth {
    /// The rule's id in `rules/omnicart.yaml`.
    pub id: &'static str,
    /// Over the whole workload.
    pub total: Counts,
    /// By date (`YYYY-MM-DD`, UTC) of a trace's earliest span, in order; every date that has traces.
    pub days: Vec<(String, Counts)>,
}

/// What a workload holds, as the generator decided it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Traces with at least one span.
    pub traces: u64,
    /// Spans, exact duplicates counted once.
    pub spans: u64,
    /// Further copies of spans that are already counted.
    pub duplicates: u64,
    /// Spans that were written minutes late.
    pub late: u64,
    /// Traces whose root was lost.
    pub rootless: u64,
    /// Lines written.
    pub lines: u64,
    /// Bytes written, newlines included.
    pub bytes: u64,
    /// When the faulty payment service went live, nanoseconds since 1970.
    pub deploy: u64,
    /// Traces by date (`YYYY-MM-DD`, UTC) of the earliest span, in order.
    pub days: Vec<(String, u64)>,
    /// One entry a rule, in the order of `rules/omnicart.yaml`.
    pub rules: Vec<RuleTruth>,
}

impl Truth {
    /// The truth as one JSON object (schema `betrace.truth/1`), a line a rule, with a newline at the end.
    pub fn to_json(&self) -> String {
        let Truth { traces, spans, duplicates, late, rootless, lines, bytes, .. } = self;
        let days: Vec<String> =
            self.days.iter().map(|(date, n)| format!("\"{date}\":{n}")).collect();
        let mut json = format!(
            "{{\"schema\":\"betrace.truth/1\",\"traces\":{traces},\"spans\":{spans},\"duplicates\":{duplicates},\
             \"late\":{late},\"rootless\":{rootless},\"lines\":{lines},\"bytes\":{bytes},\"deploy\":\"{}\",\n\
             \"days\":{{{}}},\n\"rules\":[",
            instant(self.deploy),
            days.join(","),
        );
        for (n, rule) in self.rules.iter().enumerate() {
            let days: Vec<String> = rule
                .days
                .iter()
                .map(|(date, counts)| format!("\"{date}\":{{{}}}", counts.json()))
                .collect();
            let comma = if n == 0 { "" } else { "," };
            write!(
                json,
                "{comma}\n{{\"id\":\"{}\",\"traces\":{traces},{},\"days\":{{{}}}}}",
                rule.id,
                rule.total.json(),
                days.join(","),
            )
            .expect("writing to a String does not fail");
        }
        json.push_str("\n]}\n");
        json
    }
}

/// Adds up the marks of traces, by day.
#[derive(Default)]
pub(super) struct Tally {
    days: Vec<(u64, [Counts; RULES])>,
    truth: Truth,
}

impl Tally {
    /// Counts one trace.
    pub(super) fn add(&mut self, marks: &Marks, calendar: &Calendar) {
        let day = calendar.day_of(marks.earliest) as usize;
        if self.days.len() <= day {
            self.days.resize(day + 1, (0, [Counts::default(); RULES]));
        }
        let (traces, rules) = &mut self.days[day];
        *traces += 1;
        for (n, counts) in rules.iter_mut().enumerate() {
            counts.exercised += u64::from(marks.exercised.holds(n));
            counts.applied += u64::from(marks.applied.holds(n) || UNGUARDED.holds(n));
            counts.violated += u64::from(marks.violated.holds(n));
        }
        self.truth.traces += 1;
        self.truth.spans += marks.spans;
        self.truth.rootless += u64::from(marks.rootless);
    }

    /// The truth about rules and days. What was written (lines, late spans, duplicates) is left at 0.
    pub(super) fn finish(mut self, calendar: &Calendar) -> Truth {
        self.truth.deploy = calendar.deploy();
        self.truth.rules = RULE_IDS
            .map(|id| RuleTruth { id, total: Counts::default(), days: Vec::new() })
            .to_vec();
        for (day, (traces, rules)) in
            self.days.iter().enumerate().filter(|(_, (traces, _))| *traces > 0)
        {
            let date = calendar.date(day as u32);
            self.truth.days.push((date.clone(), *traces));
            for (truth, counts) in self.truth.rules.iter_mut().zip(rules) {
                truth.total.add(*counts);
                truth.days.push((date.clone(), *counts));
            }
        }
        self.truth
    }
}
