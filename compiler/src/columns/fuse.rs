//! What may answer many leaves at once, before loops are run one by one.

use ir::module::PredicateId;
use ir::segment::Fault;

use super::evaluate::Evaluator;
use super::rows::Rows;

/// Something that answers many leaves in one pass.
pub trait Fuse {
    /// The rows of `operation` on which all of `parts` hold, or any of them, as far as they can be
    /// answered at once; the parts that cannot are given back, in order.
    ///
    /// # Errors
    /// A fault where the segment was not made to hold a field that is read.
    fn fuse(
        &self,
        evaluator: &mut Evaluator<'_>,
        operation: usize,
        parts: &[PredicateId],
        all: bool,
    ) -> Result<(Rows, Vec<PredicateId>), Fault>;
}
