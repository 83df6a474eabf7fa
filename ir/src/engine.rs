//! The narrow waist between rules and data: what every way of running a module must do.

use crate::interpret;
use crate::mask::Mask;
use crate::module::{AtomId, Module, SetId};
use crate::segment::{Fault, RowRef, Segment};

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
