//! The left side of a test, as far as it decides what may stand on the right.

use ir::module::{KINDS, STATUSES};

use crate::ast::{Comparison, Operator, SpanIntrinsic, TraceIntrinsic};
use crate::syntax;

/// What the left side of a test takes on its right.
pub(super) enum Side {
    /// An attribute by its key: anything.
    Attribute(String),
    /// Text of a span.
    SpanText,
    /// Text of a trace, of which only equality and its parts are asked.
    TraceText(TraceIntrinsic),
    /// Time; the spelling of the left side.
    Duration(String),
    /// One of a few constants; the spelling of the left side.
    Constant(String, &'static [&'static str]),
}

impl Side {
    pub(super) fn of_span(subject: &syntax::Subject) -> Self {
        let intrinsic = match subject {
            syntax::Subject::Attribute(attribute, _) => {
                return Self::Attribute(attribute.key.clone());
            }
            syntax::Subject::Intrinsic(intrinsic) => *intrinsic,
        };
        match intrinsic {
            SpanIntrinsic::Name | SpanIntrinsic::StatusMessage => Self::SpanText,
            SpanIntrinsic::Kind => Self::Constant(intrinsic.to_string(), &KINDS),
            SpanIntrinsic::Status => Self::Constant(intrinsic.to_string(), &STATUSES),
            SpanIntrinsic::Duration => Self::Duration(intrinsic.to_string()),
        }
    }

    pub(super) fn of_trace(intrinsic: TraceIntrinsic) -> Self {
        match intrinsic {
            TraceIntrinsic::Duration => Self::Duration(intrinsic.to_string()),
            TraceIntrinsic::RootName | TraceIntrinsic::RootService => Self::TraceText(intrinsic),
        }
    }

    /// Whether an operator makes sense on this side; if not, what does.
    pub(super) fn refuses(&self, operator: Operator) -> Option<String> {
        let equality = matches!(
            operator,
            Operator::Compare(Comparison::Equal | Comparison::NotEqual)
                | Operator::In
                | Operator::NotIn
        );
        let comparison = matches!(operator, Operator::Compare(_));
        match self {
            Self::Attribute(_) | Self::SpanText => None,
            Self::TraceText(intrinsic) => (comparison && !equality)
                .then(|| format!("`{intrinsic}` is text: use `==`, `!=`, `in`, `matches`, `contains`, `starts_with` or `ends_with`")),
            Self::Duration(name) => (!comparison && !equality)
                .then(|| format!("`{name}` is a duration: use `==`, `!=`, `<`, `<=`, `>`, `>=` or `in`")),
            Self::Constant(name, constants) => (!equality)
                .then(|| format!("`{name}` is one of {}: use `==`, `!=` or `in`", constants.join(", "))),
        }
    }
}
