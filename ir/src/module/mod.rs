//! What a rule set means: predicates over one span, atoms and formulas over one trace, rules.
//!
//! A [`Module`] is a set of flat tables. An entry refers only to entries of other tables, or to
//! earlier entries of its own, so a module has no cycles and no walk over it needs a deep stack;
//! [`crate::verify`] lists and checks what else holds.

mod operation;
mod rule;
mod test;

pub use operation::Operation;
pub use rule::{Clause, Rule, Severity};
pub use test::{Order, Pattern, Scalar, Test};

use crate::number::Number;

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// The handle of entry `index` of its table.
            pub fn new(index: usize) -> Self {
                Self(u32::try_from(index).expect("tables of a module stay far below 2^32 entries"))
            }

            /// The index into its table.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

handles! {
    /// An entry of [`Module::operations`].
    OperationId
    /// An entry of [`Module::fields`].
    FieldId
    /// An entry of [`Module::predicates`].
    PredicateId
    /// An entry of [`Module::sets`].
    SetId
    /// An entry of [`Module::atoms`].
    AtomId
    /// An entry of [`Module::formulas`].
    FormulaId
}

/// A compiled rule set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Module {
    /// Operation names and patterns that rules mention.
    pub operations: Vec<Operation>,
    /// Places that a value is read from.
    pub fields: Vec<Field>,
    /// Predicates over one span; children come before their parents.
    pub predicates: Vec<Predicate>,
    /// Spans of an operation that satisfy a predicate: what an engine probes for.
    pub sets: Vec<SpanSet>,
    /// Whole comparisons over one trace.
    pub atoms: Vec<Atom>,
    /// Boolean formulas over atoms; children come before their parents.
    pub formulas: Vec<Formula>,
    /// The rules, in the order in which reports list them.
    pub rules: Vec<Rule>,
    /// The field that a report groups violations by, if one was asked for.
    pub group_by: Option<FieldId>,
}

/// The values of [`Field::Kind`], by their OTLP numbers.
pub const KINDS: [&str; 6] =
    ["unspecified", "internal", "server", "client", "producer", "consumer"];

/// The values of [`Field::Status`], by their OTLP numbers.
pub const STATUSES: [&str; 3] = ["unset", "ok", "error"];

/// A place that a value is read from, for one span.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The attribute of this key on the span, or else on its resource.
    Any(Box<str>),
    /// The attribute of this key on the span.
    Span(Box<str>),
    /// The attribute of this key on the span's resource.
    Resource(Box<str>),
    /// The span's name.
    Name,
    /// One of [`KINDS`].
    Kind,
    /// One of [`STATUSES`].
    Status,
    /// The status message; missing where it is empty.
    StatusMessage,
    /// End minus start in nanoseconds, signed.
    Duration,
}

/// A predicate over one span.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Predicate {
    /// Always or never true.
    Const(bool),
    /// True where the other is false.
    Not(PredicateId),
    /// True where all are.
    And(Box<[PredicateId]>),
    /// True where any is.
    Or(Box<[PredicateId]>),
    /// A comparison of one field. False where the field is missing.
    Test(FieldId, Test),
}

/// The spans of one operation that satisfy a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanSet {
    /// The operation.
    pub operation: OperationId,
    /// What its spans must satisfy.
    pub predicate: PredicateId,
}

/// A whole comparison over one trace: what engines turn into masks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Atom {
    /// The trace holds a span of the set.
    Has(SetId),
    /// Two quantities compare so.
    Compare(Quantity, Comparison, Quantity),
    /// The trace's own field passes the test; false where it is missing.
    Trace(TraceField, Test),
}

/// A field of the trace itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TraceField {
    /// Last end minus first start in nanoseconds, signed.
    Duration,
    /// The name of the root span.
    RootName,
    /// `service.name` of the root span's resource.
    RootService,
}

/// A number, or something counted over one trace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// A constant ([`Scalar::Int`] or [`Scalar::Float`]).
    Number(Scalar),
    /// A count.
    Count(Count),
}

/// A count of the spans of a set, or of distinct values on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Count {
    /// The spans.
    pub set: SetId,
    /// Count distinct values of this field; spans without it add nothing.
    pub distinct: Option<FieldId>,
    /// Take the largest count over the values of this field; spans without it are left out.
    pub by: Option<FieldId>,
    /// Take the largest count over half-open windows of this many nanoseconds that begin at a
    /// span's start.
    pub within: Option<u64>,
}

/// How two quantities compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `< <= > >=`
    Order(Order),
}

impl Comparison {
    /// Whether two numbers compare so.
    pub fn holds(self, left: Number, right: Number) -> bool {
        let ordering = left.compare(right);
        match self {
            Self::Equal => ordering.is_some_and(std::cmp::Ordering::is_eq),
            Self::NotEqual => !ordering.is_some_and(std::cmp::Ordering::is_eq),
            Self::Order(order) => order.holds(ordering),
        }
    }

    /// The comparison that says the same with its sides exchanged.
    pub fn flipped(self) -> Self {
        match self {
            Self::Order(order) => Self::Order(order.flipped()),
            same => same,
        }
    }
}

/// A boolean formula over the atoms of one trace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Formula {
    /// Always or never true.
    Const(bool),
    /// True where the atom is.
    Atom(AtomId),
    /// True where the other is false.
    Not(FormulaId),
    /// True where all are.
    And(Box<[FormulaId]>),
    /// True where any is.
    Or(Box<[FormulaId]>),
}
