//! The native engine: predicates over one span to machine code, one kernel a shape.
//!
//! Predicate + columns → leaves with operands → shape → kernel, from a cache → row masks. All
//! comparisons of a predicate are fused into one pass over the columns that it needs, 64 rows to a
//! word; kernels are specialised to the widths of the columns and to which of them have missing
//! values, while constants and sets of codes are operands. What happens to the row masks, and what
//! has to look at texts row by row, is left to [`columns`](crate::columns), whose loops also run
//! whatever cannot be compiled.

mod assume;
mod budget;
mod cache;
#[expect(unsafe_code, reason = "code memory and the call into it")]
mod code;
mod emit;
#[cfg(any(test, feature = "faults"))]
pub mod faults;
mod fuse;
mod lanes;
mod left;
mod operands;
mod shape;
#[cfg(test)]
#[expect(unsafe_code, reason = "columns are put beside unreadable pages")]
mod tests;
mod workers;

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use ir::module::{AtomId, Module, PredicateId};
use ir::segment::Fault;
use ir::{Answer, Engine, Mask, Segment};

use crate::columns::{Evaluator, Fuse, Rows, answer};
use budget::{Account, Budget, payers};
use cache::{Cache, Making, NoKernel};
use fuse::{Fused, Fuser, join};
use operands::Operands;
use shape::Part;

pub use left::{LeftToLoops, Limit};

/// Instructions of one kernel: more than fits the processor's cache of decoded instructions is
/// slower than two passes.
const KERNEL_COST: usize = 4_000;
/// Rows below which a kernel is not worth the call.
const FEW_ROWS: usize = 64;

/// Machine code for predicates, loops over columns for the rest.
pub struct Jit {
    cache: Cache,
    budget: Budget,
    few: usize,
    left: Mutex<Vec<LeftToLoops>>,
}

/// How [`Jit`] makes code; by default at once, without optimising or checking.
#[derive(Clone, Copy, Debug, Default)]
pub struct JitOptions {
    /// Whether the code generator optimises. It takes three times as long and makes slower code:
    /// what it keeps in registers for later, such as a column that is compared again, has to be
    /// spilled, and 32 comparisons took 2.5 times as long as when loaded anew.
    pub optimise: bool,
    /// Whether the code generator checks its own register allocation, which takes longer.
    pub check: bool,
    /// Comparisons of rows that are left to the loops before a shape is compiled: 0 runs code
    /// wherever it can, more only where it wins.
    pub patience: u64,
}

impl JitOptions {
    /// Whatever is fastest, as measured by `benches/kernel.rs`: code is as fast as loops for one
    /// comparison out of cache, and up to 5 times as fast for many, which is up to 4 ns a row and
    /// comparison; compiling takes about half a millisecond. Below as many comparisons it would not
    /// pay for itself.
    pub const AUTO: Self = Self { optimise: false, check: false, patience: 1_000_000 };
}

/// What a kernel looks like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listing {
    /// The parts of the shape, in the order in which they are worked out.
    pub shape: String,
    /// The function in the code generator's language.
    pub clif: String,
    /// The machine code.
    pub asm: String,
}

/// Why there can be no machine code here.
#[derive(Debug, thiserror::Error)]
pub enum JitError {
    /// The code generator does not know this processor.
    #[error("the code generator does not know this processor")]
    Processor,
    /// No code can be run.
    #[error("{0}")]
    Refused(String),
}

/// A module that runs over a segment.
struct Call<'j> {
    jit: &'j Jit,
    /// The rule that pays for the kernels of each predicate, by its hash.
    payers: Vec<&'j str>,
    /// The predicates that a limit left to the loops.
    left: RefCell<HashMap<PredicateId, Limit>>,
}

impl Jit {
    /// An engine with nothing compiled yet, after a look whether code can be run.
    ///
    /// # Errors
    /// Where it cannot, with the reason.
    pub fn new(options: JitOptions) -> Result<Self, JitError> {
        Self::over(Self::cache(options)?, options)
    }

    /// An engine with a fault in every kernel that it can go into: for tests that must notice.
    ///
    /// # Errors
    /// As [`Self::new`].
    #[cfg(feature = "faults")]
    pub fn faulty(options: JitOptions, fault: &faults::Fault) -> Result<Self, JitError> {
        let mut cache = Self::cache(options)?;
        cache.fault = Some(fault.plant);
        Self::over(cache, options)
    }

    fn cache(options: JitOptions) -> Result<Cache, JitError> {
        let JitOptions { optimise, check, patience } = options;
        Cache::new(Making { optimise, check, patience }).ok_or(JitError::Processor)
    }

    fn over(cache: Cache, options: JitOptions) -> Result<Self, JitError> {
        let few = if options.patience == 0 { 0 } else { FEW_ROWS };
        match cache.compile(&[Part::Present]) {
            Ok(_) => Ok(Self { cache, budget: Budget::default(), few, left: Mutex::default() }),
            Err(refusal) => Err(JitError::Refused(refusal.to_string())),
        }
    }

    /// An engine that ran a module on columns as rules would like them: integers of two bytes where
    /// it compares by order, of four for durations, else texts of one byte a code, all of them
    /// missing on some spans. Real columns may differ.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn assuming(module: &Module) -> Result<Self, JitError> {
        let jit = Self::new(JitOptions::default())?;
        let atoms: Vec<AtomId> = (0..module.atoms.len()).map(AtomId::new).collect();
        let refused = |fault: Fault| JitError::Refused(fault.to_string());
        jit.probe(module, &assume::segment(module), &atoms).map_err(refused)?;
        Ok(jit)
    }

    /// The kernels that were compiled, in the order of their shapes' texts.
    pub fn listings(&self) -> Vec<Listing> {
        self.cache.listings()
    }

    /// The rules that were run by loops so far, at least in part, because of a limit; by id.
    pub fn left_to_loops(&self) -> Vec<LeftToLoops> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many kernels were compiled and are kept.
    pub fn kernels(&self) -> usize {
        self.cache.kernels()
    }

    /// Keeps the rules that `left` comes to.
    fn keep(&self, module: &Module, left: &HashMap<PredicateId, Limit>) {
        let rules = left::rules(module, left);
        let mut kept = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(rules);
        kept.sort_unstable();
        kept.dedup_by(|one, other| one.rule == other.rule);
    }
}

impl Call<'_> {
    /// Runs what was gathered, if there is code for it. Otherwise the loops take over for as long
    /// as the predicate is worked on.
    fn run(&self, fuser: &mut Fuser<'_, '_>, rows: usize) -> Option<Rows> {
        let operands = std::mem::take(&mut fuser.operands);
        let evaluator = &mut *fuser.evaluator;
        if std::mem::replace(&mut evaluator.loops, true) {
            return None;
        }
        let Jit { cache, budget, few, .. } = self.jit;
        let rule = self.payers[evaluator.root.index()];
        let account = Account { budget, rule, cost: operands.cost() };
        let kernel = if *few > 0 && matches!(**operands.shape(), [Part::Set(_)]) {
            Err(NoKernel::Yet)
        } else {
            cache.kernel(operands.shape(), rows * operands.leaves(), &account)
        };
        match kernel {
            Ok(kernel) => {
                evaluator.loops = false;
                Some(Rows::of(kernel.run(&operands, rows)))
            }
            Err(NoKernel::Yet) => None,
            Err(NoKernel::Never(limit)) => {
                self.left.borrow_mut().insert(evaluator.root, limit);
                None
            }
        }
    }
}

impl Engine for Jit {
    fn name(&self) -> &'static str {
        "jit"
    }

    fn probe(
        &self,
        module: &Module,
        segment: &Segment,
        atoms: &[AtomId],
    ) -> Result<Vec<Mask>, Fault> {
        let answers = self.answer(module, segment, atoms)?;
        Ok(answers.into_iter().map(|answer| answer.traces(segment)).collect())
    }

    fn answer(
        &self,
        module: &Module,
        segment: &Segment,
        atoms: &[AtomId],
    ) -> Result<Vec<Answer>, Fault> {
        let call = Call { jit: self, payers: payers(module), left: RefCell::default() };
        let answers = answer(module, segment, atoms, Some(&call))?;
        let left = call.left.into_inner();
        if !left.is_empty() {
            self.keep(module, &left);
        }
        Ok(answers)
    }
}

impl Fuse for Call<'_> {
    fn fuse(
        &self,
        evaluator: &mut Evaluator<'_>,
        operation: usize,
        parts: &[PredicateId],
        all: bool,
    ) -> Result<(Rows, Vec<PredicateId>), Fault> {
        let len = evaluator.segment.operations[operation].rows.len();
        let mut answer = if all { Rows::All } else { Rows::None };
        if len < self.jit.few || evaluator.loops {
            return Ok((answer, parts.to_vec()));
        }
        let (mut rest, mut gathered) = (Vec::new(), Vec::new());
        let operands = Operands::default();
        let mut fuser = Fuser { evaluator, operands, operation, limit: KERNEL_COST };
        let mut added = 0;
        let mut parts = parts.iter().copied();
        let mut part = parts.next();
        loop {
            let fused = match part {
                Some(part) => fuser.add(part)?,
                None => Fused::Full,
            };
            match fused {
                Fused::Full if added == 0 => rest.extend(part),
                Fused::Full => {
                    join(&mut fuser.operands, added, all);
                    match self.run(&mut fuser, len) {
                        Some(rows) if all => answer = answer.and(&rows),
                        Some(rows) => answer = answer.or(&rows),
                        None => rest.append(&mut gathered),
                    }
                    gathered.clear();
                    added = 0;
                    if part.is_some() {
                        continue;
                    }
                }
                Fused::Not => rest.extend(part),
                Fused::None if all => return Ok((Rows::None, Vec::new())),
                Fused::All if !all => return Ok((Rows::All, Vec::new())),
                Fused::None | Fused::All => {}
                Fused::Parts(own) => {
                    if !all {
                        join(&mut fuser.operands, own, true);
                    }
                    added += if all { own } else { 1 };
                    gathered.extend(part);
                }
            }
            if part.is_none() {
                return Ok((answer, rest));
            }
            part = parts.next();
        }
    }
}
