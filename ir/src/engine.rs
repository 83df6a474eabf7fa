//! The narrow waist between rules and data: what every way of running a module must do.

use crate::interpret;
use crate::mask::Mask;
use crate::module::{AtomId, Module, SetId};
use crate::segment::{Fault, RowRef, Segment};

/// On which traces of a segment an atom holds.
#[derive(Clone, Debug)]
pub enum Answer {
    /// On all, or on none.
    Each(bool),
    /// On these.
    Traces(Mask),
    /// Of the traces with a span of one operation, on some, and on all others or none. So much fewer
    /// bits have to be looked at.
    Among {
        /// The number of the operation, whose presence the segment has.
        operation: usize,
        /// A bit for each trace with such a span, in their order.
        holding: Mask,
        /// Whether it holds on all other traces.
        elsewhere: bool,
    },
}

/// Runs a module over segments. All engines give bit for bit what [`Interpreter`] gives.
pub trait Engine: Send + Sync {
    /// What `--engine` calls it.
    fn name(&self) -> &'static str;

    /// The traces of `segment` on which each of `atoms` holds: one mask an atom, in their order. One
    /// that a store keeps is lent unread: damage to it shows when it is looked at.
    ///
    /// # Errors
    /// A fault where the segment was not made to hold what the module reads.
    fn probe(
        &self,
        module: &Module,
        segment: &Segment,
        atoms: &[AtomId],
    ) -> Result<Vec<Mask>, Fault>;

    /// As [`Engine::probe`], each answer as it was found.
    ///
    /// # Errors
    /// As for [`Engine::probe`].
    fn answer(
        &self,
        module: &Module,
        segment: &Segment,
        atoms: &[AtomId],
    ) -> Result<Vec<Answer>, Fault> {
        let masks = self.probe(module, segment, atoms)?;
        Ok(masks.into_iter().map(Answer::Traces).collect())
    }

    /// Adds the rows of `trace` that belong to `set`: the spans that a verdict rests on.
    ///
    /// # Errors
    /// As for [`Engine::probe`].
    fn rows(
        &self,
        module: &Module,
        segment: &Segment,
        set: SetId,
        trace: usize,
        rows: &mut Vec<RowRef>,
    ) -> Result<(), Fault> {
        rows.extend(interpret::rows(module, segment, set, trace)?);
        Ok(())
    }
}

impl Answer {
    /// All traces of `segment` on which the atom holds.
    pub fn traces(self, segment: &Segment) -> Mask {
        let (operation, holding, elsewhere) = match self {
            Self::Each(true) => return Mask::full(segment.len()),
            Self::Each(false) => return Mask::empty(segment.len()),
            Self::Traces(mask) => return mask,
            Self::Among { operation, holding, elsewhere } => (operation, holding, elsewhere),
        };
        let mut traces = Mask::empty(segment.len());
        if let Some(presence) = &segment.operations[operation].presence {
            if elsewhere {
                traces.unite(presence);
                traces.invert();
            }
            traces.spread(&holding, presence);
        }
        traces
    }
}

/// The meaning of a module: short, obviously right, and slow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interpreter;

impl Engine for Interpreter {
    fn name(&self) -> &'static str {
        "interpreter"
    }

    fn probe(
        &self,
        module: &Module,
        segment: &Segment,
        atoms: &[AtomId],
    ) -> Result<Vec<Mask>, Fault> {
        let mut masks = Vec::with_capacity(atoms.len());
        for &atom in atoms {
            let mut mask = Mask::empty(segment.len());
            for trace in 0..segment.len() {
                if interpret::atom(module, segment, atom, trace)? {
                    mask.insert(trace);
                }
            }
            masks.push(mask);
        }
        Ok(masks)
    }
}
