//! A rule text as it was written: flat tree with places, bare words and old spellings still in
//! it. The parser makes it, `reading` gives a bare condition its polarity, `check` resolves it to
//! a [`Statement`](crate::ast::Statement).

use crate::ast::{
    AttributeRef, Comparison, OperationName, Operator, SpanIntrinsic, TraceIntrinsic, Value,
};
use crate::diagnostic::Span;

/// A parsed text.
#[derive(Debug)]
pub(crate) struct Syntax {
    nodes: Vec<Node>,
    pub(crate) form: Form,
    /// The attributes named by what can be nothing else, with their places.
    pub(crate) attributes: Vec<(AttributeRef, Span)>,
}

/// The two forms of a rule.
#[derive(Debug)]
pub(crate) enum Form {
    /// A condition whose polarity is still open.
    Bare(NodeId),
    /// When, always, never.
    Clauses(Clauses),
}

/// The clauses of a rule.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Clauses {
    pub(crate) when: Option<NodeId>,
    pub(crate) always: Option<NodeId>,
    pub(crate) never: Option<NodeId>,
}

impl Syntax {
    pub(crate) fn new() -> Self {
        let form = Form::Clauses(Clauses::default());
        Self { nodes: Vec::new(), form, attributes: Vec::new() }
    }

    pub(crate) fn add(&mut self, kind: NodeKind, span: Span) -> NodeId {
        self.nodes.push(Node { kind, span });
        NodeId(u32::try_from(self.nodes.len() - 1).expect("a text of 64 KiB has fewer nodes"))
    }

    pub(crate) fn kind(&self, id: NodeId) -> &NodeKind {
        &self.nodes[id.0 as usize].kind
    }

    pub(crate) fn span(&self, id: NodeId) -> Span {
        self.nodes[id.0 as usize].span.clone()
    }

    /// Joins terms, taking apart those that are themselves joined the same way. One term is
    /// itself.
    pub(crate) fn join(&mut self, how: Junction, terms: Vec<NodeId>) -> NodeId {
        if let [term] = terms[..] {
            return term;
        }
        let start = terms.first().map_or(0, |&term| self.span(term).start);
        let end = terms.last().map_or(start, |&term| self.span(term).end);
        let mut flat = Vec::with_capacity(terms.len());
        for term in terms {
            match &mut self.nodes[term.0 as usize].kind {
                NodeKind::Junction(inner, children) if *inner == how => flat.append(children),
                _ => flat.push(term),
            }
        }
        self.add(NodeKind::Junction(how, flat), start..end)
    }

    /// The terms joined by `and` at the top of a node: itself, if it is no conjunction.
    pub(crate) fn conjuncts(&self, id: NodeId) -> Vec<NodeId> {
        match self.kind(id) {
            NodeKind::Junction(Junction::And, terms) => terms.clone(),
            _ => vec![id],
        }
    }
}

/// Names a node of its [`Syntax`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeId(u32);

#[derive(Debug)]
struct Node {
    kind: NodeKind,
    span: Span,
}

/// `and` or `or`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Junction {
    And,
    Or,
}

/// A condition over a trace or a predicate over a span.
#[derive(Debug)]
pub(crate) enum NodeKind {
    /// Something that has been reported as an error.
    Error,
    Junction(Junction, Vec<NodeId>),
    Not(NodeId),
    Has {
        operation: OperationName,
        filter: Option<NodeId>,
    },
    Compare {
        left: Quantity,
        comparison: Comparison,
        right: Quantity,
    },
    Trace {
        intrinsic: TraceIntrinsic,
        operator: Operator,
        operand: Operand,
    },
    Exists(AttributeRef),
    Truth(AttributeRef),
    Test {
        subject: Subject,
        operator: Operator,
        operand: Operand,
    },
}

/// A side of a comparison of counts.
#[derive(Debug)]
pub(crate) enum Quantity {
    Count(Box<Count>),
    Constant(Operand),
}

/// A count as written.
#[derive(Debug)]
pub(crate) struct Count {
    pub(crate) operation: OperationName,
    pub(crate) distinct: Option<AttributeRef>,
    pub(crate) filter: Option<NodeId>,
    pub(crate) by: Option<AttributeRef>,
    pub(crate) within: Option<Operand>,
    pub(crate) span: Span,
}

/// The left side of a test.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// An attribute, and whether its key stood without quotes: only then can it be part of an old
    /// spelling.
    Attribute(AttributeRef, Quoting),
    Intrinsic(SpanIntrinsic),
}

/// Whether a key was quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quoting {
    Plain,
    Quoted,
}

/// A right side, or anything else where a value belongs.
#[derive(Debug, Clone)]
pub(crate) struct Operand {
    pub(crate) kind: OperandKind,
    pub(crate) span: Span,
}

/// Kinds of right sides.
#[derive(Debug, Clone)]
pub(crate) enum OperandKind {
    Value(Value),
    /// A bare word: a parameter, an attribute or text.
    Word(String),
    /// `span.key` or `resource.key`.
    Attribute(AttributeRef),
    List(Vec<Operand>),
}
