//! What a rule set means: predicates over one span, atoms and formulas over one trace, rules.
//!
//! A [`Module`] is a set of flat tables. An entry refers only to entries of other tables, or to
//! earlier entries of its own, so a module has no cycles and no walk over it needs a deep stack;
//! [`crate::verify`] lists and checks what else holds.

use regex::{Regex, RegexBuilder};

use crate::number::Number;
use crate::value::{Datum, Type, bool_text};

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

/// Which spans a rule speaks of, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The span whose name is this text.
    Named(Box<str>),
    /// Spans whose name is made of these literal pieces with any text between them: `*` in the
    /// rule. At least two pieces; the first and last are anchored.
    Wildcard(Box<[Box<str>]>),
}

impl Operation {
    /// Whether a span of this name is meant.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Named(own) => **own == *name,
            Self::Wildcard(pieces) => {
                let [first, inner @ .., last] = &**pieces else { return false };
                let Some(mut rest) = name.strip_prefix(&**first) else { return false };
                for piece in inner {
                    let Some(at) = rest.find(&**piece) else { return false };
                    rest = &rest[at + piece.len()..];
                }
                rest.ends_with(&**last)
            }
        }
    }
}

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
    /// `unspecified internal server client producer consumer`.
    Kind,
    /// `unset ok error`.
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

/// A comparison of a value that is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// Nothing more is asked.
    Exists,
    /// Canonical texts are equal.
    Equal(Scalar),
    /// The canonical text equals one of these.
    In(Box<[Scalar]>),
    /// The value orders so against the constant.
    Order(Order, Scalar),
    /// The regular expression is found in the canonical text.
    Matches(Pattern),
    /// The canonical text contains this, or the array has it as an element.
    Contains(Box<str>),
    /// The canonical text starts with this.
    StartsWith(Box<str>),
    /// The canonical text ends with this.
    EndsWith(Box<str>),
    /// Canonical texts of both fields are equal; false where the other is missing.
    EqualField(FieldId),
    /// The value orders so against the other field's; false where that is missing.
    OrderField(Order, FieldId),
}

impl Test {
    /// Whether `value` passes. A comparison with another field passes its value as `other`.
    pub fn passes(&self, value: Datum<'_>, other: Option<Datum<'_>>) -> bool {
        match self {
            Self::Exists => true,
            Self::Equal(constant) => value.equals(constant.datum()),
            Self::In(constants) => constants.iter().any(|constant| value.equals(constant.datum())),
            Self::Order(order, constant) => order.holds(value.order(constant.datum())),
            Self::Matches(pattern) => pattern.is_match(&value.text()),
            Self::Contains(needle) => value.contains(needle),
            Self::StartsWith(prefix) => value.text().starts_with(&**prefix),
            Self::EndsWith(suffix) => value.text().ends_with(&**suffix),
            Self::EqualField(_) => other.is_some_and(|other| value.equals(other)),
            Self::OrderField(order, _) => {
                other.is_some_and(|other| order.holds(value.order(other)))
            }
        }
    }

    /// The field that the value is compared with, if it is one.
    pub fn other_field(&self) -> Option<FieldId> {
        match self {
            Self::EqualField(field) | Self::OrderField(_, field) => Some(*field),
            _ => None,
        }
    }
}

/// A regular expression together with its source text, by which it is compared.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Bytes that a compiled pattern may take.
    pub const SIZE_LIMIT: usize = 256 << 10;
    /// Bytes that the lazily built automaton of a pattern may take.
    pub const CACHE_LIMIT: usize = 1 << 20;
    /// How deep groups and repetitions may nest.
    pub const NEST_LIMIT: u32 = 50;

    /// Compiles `source` within the limits above.
    ///
    /// # Errors
    /// The regex crate's own description of a syntax error or a limit reached.
    pub fn new(source: &str) -> Result<Self, regex::Error> {
        let regex = RegexBuilder::new(source)
            .size_limit(Self::SIZE_LIMIT)
            .dfa_size_limit(Self::CACHE_LIMIT)
            .nest_limit(Self::NEST_LIMIT)
            .build()?;
        Ok(Self { regex })
    }

    /// The text that it was compiled from.
    pub fn source(&self) -> &str {
        self.regex.as_str()
    }

    /// Whether it is found anywhere in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Pattern {}

impl std::hash::Hash for Pattern {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.source().hash(state);
    }
}

/// A constant of a rule.
#[derive(Clone, Debug)]
pub enum Scalar {
    /// A string.
    Text(Box<str>),
    /// true or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
}

impl Scalar {
    /// The constant as comparisons take it.
    pub fn datum(&self) -> Datum<'_> {
        match self {
            Self::Text(text) => Datum::Entry(Type::Text, text),
            Self::Bool(bool) => Datum::Entry(Type::Bool, bool_text(*bool)),
            Self::Int(int) => Datum::Int(*int),
            Self::Float(float) => Datum::Float(*float),
        }
    }

    fn key(&self) -> (u8, u64, &str) {
        match self {
            Self::Text(text) => (0, 0, text),
            Self::Bool(bool) => (1, u64::from(*bool), ""),
            Self::Int(int) => (2, int.cast_unsigned(), ""),
            Self::Float(float) => (3, float.to_bits(), ""),
        }
    }
}

/// Constants are the same when they are of one type and bit for bit alike.
impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Scalar {}

impl std::hash::Hash for Scalar {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// `< <= > >=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

impl Order {
    /// Whether two values that compare so are in this order; never for values without an order.
    pub fn holds(self, ordering: Option<std::cmp::Ordering>) -> bool {
        ordering.is_some_and(|ordering| match self {
            Self::Less => ordering.is_lt(),
            Self::LessEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterEqual => ordering.is_ge(),
        })
    }
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

/// How grave a violation is, gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// `critical`
    Critical,
    /// `high`
    High,
    /// `medium`
    Medium,
    /// `low`
    Low,
    /// `info`
    Info,
}

impl Severity {
    /// All severities, gravest first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Info => "info",
        }
    }

    /// The severity that `name` is the word for.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

/// One rule: violated by a trace on which `when` holds, and some `always` clause does not or some
/// `never` clause does.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Stable id, unique in the module.
    pub id: Box<str>,
    /// How grave a violation is.
    pub severity: Severity,
    /// Hash of everything that decides a verdict, in lower-case hex.
    pub hash: Box<str>,
    /// What a signal says, as the rule's author put it; the rule's name otherwise.
    pub message: Box<str>,
    /// What must hold for the rule to apply; without it, it applies to every trace.
    pub when: Option<FormulaId>,
    /// What must all hold, term by term.
    pub always: Vec<Clause>,
    /// What must not hold, alternative by alternative.
    pub never: Vec<Clause>,
    /// The operations that it names: a trace with a span of one of them exercises the rule.
    pub operations: Vec<OperationId>,
    /// The values that a signal carries, by name.
    pub context: Vec<(Box<str>, FieldId)>,
}

/// A part of `always` or `never` with its canonical text.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// What it means.
    pub formula: FormulaId,
    /// What it says.
    pub text: Box<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_any_text_between_its_pieces() {
        let wildcard = |pieces: &[&str]| {
            Operation::Wildcard(pieces.iter().map(|&piece| piece.into()).collect())
        };
        assert!(wildcard(&["GET ", ""]).matches("GET /users"));
        assert!(!wildcard(&["GET ", ""]).matches("POST /users"));
        assert!(wildcard(&["a", "a"]).matches("aba"));
        assert!(!wildcard(&["ab", "ba"]).matches("aba"));
        assert!(wildcard(&["", "x", ""]).matches("axb"));
        assert!(wildcard(&["", ""]).matches(""));
        assert!(wildcard(&["a", "b", "c"]).matches("a_b_b_c"));
        assert!(!wildcard(&["a", "b", "c"]).matches("a_c_b"));
    }
}
