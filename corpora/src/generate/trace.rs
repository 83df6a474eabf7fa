//! One trace under way: its clock, its ids, and the marks that its scene makes for the ground truth.

use super::attributes::Attributes;
use super::output::Output;
use super::random::Random;
use super::service::Service;
use super::span::Span;
use super::truth::{Marks, Rule, RuleSet};

/// Of 1,000 traces, how many lose their root.
const ROOTLESS: u64 = 6;

/// A trace that a scene is playing. Time moves forward only by [`Trace::pass`] and [`Trace::open`].
pub(super) struct Trace<'a> {
    /// Chance.
    pub(super) random: &'a mut Random,
    output: &'a mut dyn Output,
    id: u128,
    /// When the trace began, nanoseconds since 1970.
    pub(super) begun: u64,
    now: u64,
    rootless: bool,
    deployed: bool,
    marks: Marks,
}

/// A span that has begun and not ended.
#[derive(Clone, Copy)]
pub(super) struct Open {
    /// The span's id, for its children.
    pub(super) id: u64,
    start: u64,
}

impl<'a> Trace<'a> {
    /// A trace that begins at `begun`; `deployed` says whether the new payment service is live.
    pub(super) fn begin(
        begun: u64,
        deployed: bool,
        random: &'a mut Random,
        output: &'a mut dyn Output,
    ) -> Self {
        let id = u128::from(random.bits()) << 64 | u128::from(random.bits() | 1);
        let rootless = random.per_mille(ROOTLESS);
        let marks = Marks { earliest: u64::MAX, rootless, ..Marks::default() };
        Self { random, output, id, begun, now: begun, rootless, deployed, marks }
    }

    /// What the trace meant.
    pub(super) fn end(self) -> Marks {
        self.marks
    }

    /// Whether the root is lost: nothing that is said about it holds for the trace.
    pub(super) fn is_rootless(&self) -> bool {
        self.rootless
    }

    /// Keeps the root, for a trace that has no other span.
    pub(super) fn keep_root(&mut self) {
        self.rootless = false;
        self.marks.rootless = false;
    }

    /// Whether the payment service that charges twice is live.
    pub(super) fn is_deployed(&self) -> bool {
        self.deployed
    }

    /// Lets between `low` and `high` microseconds pass.
    pub(super) fn pass(&mut self, low: u64, high: u64) {
        self.now += self.random.between(low * 1000, high * 1000);
    }

    /// Begins a span.
    pub(super) fn open(&mut self) -> Open {
        self.now += self.random.between(2000, 150_000);
        Open { id: self.random.bits() | 1, start: self.now }
    }

    /// Begins the root, at the start of the trace.
    pub(super) fn open_root(&mut self) -> Open {
        Open { id: self.random.bits() | 1, start: self.begun }
    }

    /// Ends a span now and exports it. A root is lost if the trace is rootless.
    pub(super) fn close(
        &mut self,
        open: Open,
        service: Service,
        span: Span,
        attributes: impl FnOnce(&mut Attributes<'_>),
    ) {
        if span.parent == 0 && self.rootless {
            return;
        }
        self.marks.exercised.join(span.operation.rules);
        self.marks.spans += 1;
        self.marks.earliest = self.marks.earliest.min(open.start);
        let (ids, time) = ((self.id, open.id), (open.start, self.now));
        let mut attributes = Some(attributes);
        self.output.export(self.pod(service), &span, ids, time, &mut |out| {
            if let Some(attributes) = attributes.take() {
                attributes(out);
            }
        });
    }

    /// A span without children that takes between `low` and `high` microseconds.
    pub(super) fn leaf(
        &mut self,
        service: Service,
        span: Span,
        (low, high): (u64, u64),
        attributes: impl FnOnce(&mut Attributes<'_>),
    ) {
        let open = self.open();
        self.pass(low, high);
        self.close(open, service, span, attributes);
    }

    /// Marks for the truth that the `when` of a rule holds, and whether the rule is broken.
    pub(super) fn applies(&mut self, rule: Rule, broken: bool) {
        self.marks.applied.join(RuleSet::of(&[rule]));
        if broken {
            self.breaks(rule);
        }
    }

    /// Marks for the truth that a rule is broken.
    pub(super) fn breaks(&mut self, rule: Rule) {
        self.marks.violated.join(RuleSet::of(&[rule]));
    }

    fn pod(&self, service: Service) -> usize {
        let service = if service == Service::Payment && self.deployed {
            Service::NewPayment
        } else {
            service
        };
        service.pod(self.id)
    }
}
