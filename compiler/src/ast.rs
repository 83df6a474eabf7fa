//! What a rule says, resolved: no bare words, no old spellings, no guesses. A [`Statement`] is a
//! flat arena; nodes lie in the order children before parents, left to right, `when` before
//! `always` before `never`, each in exactly one place of one tree. So `==` compares structure
//! without regard to places in the text, and dropping, cloning and comparing never recurse.

use std::ops::Index;

/// A rule in canonical form: violated when `when` holds (or is absent) and `always` does not hold
/// or `never` holds. At least one of `always` and `never` is present.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Statement {
    /// When the rule applies; to every trace if absent.
    pub when: Option<ConditionId>,
    /// What must hold.
    pub always: Option<ConditionId>,
    /// What must not hold.
    pub never: Option<ConditionId>,
    conditions: Vec<Condition>,
    predicates: Vec<Predicate>,
}

impl Statement {
    /// Adds a condition; its children must have been added before.
    pub fn add_condition(&mut self, condition: Condition) -> ConditionId {
        self.conditions.push(condition);
        ConditionId(index_of(self.conditions.len()))
    }

    /// Adds a predicate; its children must have been added before.
    pub fn add_predicate(&mut self, predicate: Predicate) -> PredicateId {
        self.predicates.push(predicate);
        PredicateId(index_of(self.predicates.len()))
    }

    /// All conditions, children before parents.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// All predicates, children before parents.
    pub fn predicates(&self) -> &[Predicate] {
        &self.predicates
    }

    /// The operations the rule names, in order of appearance, with repetitions.
    pub fn operations(&self) -> impl Iterator<Item = &OperationName> {
        self.conditions.iter().flat_map(|condition| {
            let (first, second) = match condition {
                Condition::Has { operation, .. } => (Some(operation), None),
                Condition::Compare { left, right, .. } => (left.operation(), right.operation()),
                _ => (None, None),
            };
            first.into_iter().chain(second)
        })
    }

    /// The regular expressions it asks for, with repetitions.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        let of_spans = self.predicates.iter().map(|predicate| match predicate {
            Predicate::Test { operator, operand, .. } => Some((operator, operand)),
            _ => None,
        });
        let of_traces = self.conditions.iter().map(|condition| match condition {
            Condition::Trace { operator, operand, .. } => Some((operator, operand)),
            _ => None,
        });
        of_spans.chain(of_traces).flatten().filter_map(|test| match test {
            (Operator::Matches, Operand::Value(Value::Text(pattern))) => Some(pattern.as_str()),
            _ => None,
        })
    }

    /// The terms that a condition joins by `and` at its top: itself, if it is no conjunction.
    pub fn conjuncts(&self, id: ConditionId) -> Vec<ConditionId> {
        match &self[id] {
            Condition::And(terms) => terms.clone(),
            _ => vec![id],
        }
    }

    /// The terms that a condition joins by `or` at its top: itself, if it is no disjunction.
    pub fn disjuncts(&self, id: ConditionId) -> Vec<ConditionId> {
        match &self[id] {
            Condition::Or(terms) => terms.clone(),
            _ => vec![id],
        }
    }
}

fn index_of(length: usize) -> u32 {
    u32::try_from(length - 1).expect("a rule text of 64 KiB has fewer than 2^32 nodes")
}

impl Index<ConditionId> for Statement {
    type Output = Condition;
    fn index(&self, id: ConditionId) -> &Condition {
        &self.conditions[id.0 as usize]
    }
}

impl Index<PredicateId> for Statement {
    type Output = Predicate;
    fn index(&self, id: PredicateId) -> &Predicate {
        &self.predicates[id.0 as usize]
    }
}

/// Names a [`Condition`] of its statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConditionId(pub u32);

/// Names a [`Predicate`] of its statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PredicateId(pub u32);

/// A question about one trace.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All hold; at least two, none of which is an `And`.
    And(Vec<ConditionId>),
    /// One holds; at least two, none of which is an `Or`.
    Or(Vec<ConditionId>),
    /// It does not hold.
    Not(ConditionId),
    /// Some span bears the name and satisfies the filter.
    Has {
        /// The name asked for.
        operation: OperationName,
        /// What that same span must satisfy too.
        filter: Option<PredicateId>,
    },
    /// A count against a count or a number; at least one side is a count.
    Compare {
        /// Left side.
        left: Quantity,
        /// How the sides must stand to each other.
        comparison: Comparison,
        /// Right side.
        right: Quantity,
    },
    /// A fact of the trace itself. Missing facts make it false, but `!=` and `not in` true.
    Trace {
        /// The fact.
        intrinsic: TraceIntrinsic,
        /// How it is tested. Durations take the six comparisons, `in` and `not in`; names take
        /// everything but the four orderings.
        operator: Operator,
        /// With what: values and lists only.
        operand: Operand,
    },
}

impl Condition {
    /// The conditions right below this one.
    pub fn children(&self) -> &[ConditionId] {
        match self {
            Self::And(terms) | Self::Or(terms) => terms,
            Self::Not(term) => std::slice::from_ref(term),
            _ => &[],
        }
    }
}

/// One side of a comparison of counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Quantity {
    /// A constant.
    Number(Number),
    /// A count over the spans of the trace.
    Count(Count),
}

impl Quantity {
    fn operation(&self) -> Option<&OperationName> {
        match self {
            Self::Count(count) => Some(&count.operation),
            Self::Number(_) => None,
        }
    }
}

/// How many spans of a name satisfy a filter, or how many values an attribute has among them.
/// With `by` or `within`: the largest such number over all values of the key and all half-open
/// windows that begin at a span's start; 0 if there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Count {
    /// The name of the spans.
    pub operation: OperationName,
    /// Count the distinct values of this attribute instead of spans.
    pub distinct: Option<AttributeRef>,
    /// What the spans must satisfy.
    pub filter: Option<PredicateId>,
    /// Count apart for each value of this attribute.
    pub by: Option<AttributeRef>,
    /// Count apart for each window of this length, in nanoseconds; above 0.
    pub within: Option<i64>,
}

/// A question about one span.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// All hold; at least two, none of which is an `And`.
    And(Vec<PredicateId>),
    /// One holds; at least two, none of which is an `Or`.
    Or(Vec<PredicateId>),
    /// It does not hold.
    Not(PredicateId),
    /// The attribute is there.
    Exists(AttributeRef),
    /// A comparison. A missing subject makes it false, but `!=` and `not in` true.
    Test {
        /// What is compared.
        subject: Subject,
        /// How. `span:duration` takes the six comparisons, `in` and `not in`; `span:kind` and
        /// `span:status` take `==`, `!=`, `in` and `not in`; the rest takes all.
        operator: Operator,
        /// With what.
        operand: Operand,
    },
}

/// The left side of a test on a span.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An attribute.
    Attribute(AttributeRef),
    /// A fact of the span itself.
    Intrinsic(SpanIntrinsic),
}

/// An attribute by its key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeRef {
    /// Where it is looked up.
    pub scope: Scope,
    /// The key; not empty.
    pub key: String,
}

/// Where an attribute is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// On the span, then on its resource.
    Any,
    /// On the span only.
    Span,
    /// On the span's resource only.
    Resource,
}

/// The right side of a test.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A constant: of `matches` a text that is a valid pattern, of a duration intrinsic a
    /// duration, of `span:kind` and `span:status` one of their texts.
    Value(Value),
    /// Constants, for `in` and `not in` and only for them; at least one.
    List(Vec<Value>),
    /// An attribute of the same span, for the six comparisons only. Against an attribute or a text
    /// intrinsic.
    Attribute(AttributeRef),
}

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Number(Number),
    /// `true` or `false`.
    Bool(bool),
    /// A text.
    Text(String),
    /// A length of time in nanoseconds. In a resolved statement only against duration intrinsics:
    /// against an attribute it has become a number in the attribute's unit.
    Duration(i64),
}

/// A number as written: integers exact, the rest as the nearest double.
#[derive(Debug, Clone)]
pub enum Number {
    /// An integer.
    Integer(i64),
    /// A number with a fraction or an exponent; finite.
    Decimal {
        /// The nearest double.
        value: f64,
        /// The number as written.
        text: String,
    },
}

impl Number {
    /// A finite double as a number, in its shortest spelling.
    pub fn decimal(value: f64) -> Self {
        Self::Decimal { value, text: format!("{value:?}") }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Decimal { value: a, .. }, Self::Decimal { value: b, .. }) => {
                a.to_bits() == b.to_bits()
            }
            _ => false,
        }
    }
}

/// The name of an operation, compared with names of spans byte by byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OperationName {
    /// This very name.
    Exact(String),
    /// Any name that consists of these pieces with any text, or none, between them: n stars are
    /// n + 1 pieces. The first and last may be empty, none between them is.
    Pattern(Vec<String>),
}

/// How a subject is compared with an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// One of the six comparisons.
    Compare(Comparison),
    /// Equal to one of a list.
    In,
    /// Equal to none of a list.
    NotIn,
    /// The canonical text holds a match of a regular expression.
    Matches,
    /// The canonical text holds a text, or the array a value.
    Contains,
    /// The canonical text begins with a text.
    StartsWith,
    /// The canonical text ends with a text.
    EndsWith,
}

/// The six comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

impl Comparison {
    /// Whether it asks for order rather than equality.
    pub fn is_ordering(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// A fact of a span that is no attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpanIntrinsic {
    /// `span:name`
    Name,
    /// `span:kind`: unspecified, internal, server, client, producer, consumer.
    Kind,
    /// `span:status`: unset, ok, error.
    Status,
    /// `span:statusMessage`
    StatusMessage,
    /// `span:duration`, signed nanoseconds.
    Duration,
}

/// A fact of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TraceIntrinsic {
    /// `trace:duration`, signed nanoseconds.
    Duration,
    /// `trace:rootName`; missing if the trace has no root.
    RootName,
    /// `trace:rootService`; missing if the trace has no root or that no service.
    RootService,
}
