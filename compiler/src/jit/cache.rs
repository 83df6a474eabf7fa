//! Kernels by shape, shared by rules, segments and threads.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::Function;
use cranelift_codegen::isa::{OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::FunctionBuilderContext;
use hashbrown::HashMap;

use super::Listing;
use super::budget::Account;
use super::code::{CodeError, Kernel};
use super::emit;
use super::left::Limit;
use super::shape::{Part, Shape};
use super::workers::{Tables, Workers};

/// Kernels that are made; a set of rules has a few for each width of its columns.
pub const KERNELS: usize = 4_096;
/// Shapes that were asked for too seldom yet of which this is remembered.
const ASKED: usize = 4_096;
/// Stack of the thread that compiles.
const STACK: usize = 16 << 20;

/// See the module's text.
pub struct Cache {
    isa: OwnedTargetIsa,
    /// The shapes that were given to the code generator.
    made: RwLock<HashMap<Shape, Made>>,
    /// How many comparisons of rows were asked of other shapes.
    asked: Mutex<HashMap<Shape, u64>>,
    /// Comparisons of rows that are left to the loops before a shape is compiled.
    patience: u64,
    /// Shapes that are given to the code generator at most.
    pub most: usize,
    /// Stack of the thread that compiles.
    pub stack: usize,
    workers: Workers,
    /// Changes a function before it is compiled: what tests plant.
    pub fault: Option<fn(&mut Function)>,
}

/// What became of a shape.
enum Made {
    /// A thread compiles it.
    Begun,
    /// It was compiled.
    Ready(Arc<Kernel>),
    /// It cannot be compiled, for a reason.
    Refused(Arc<str>),
}

impl Made {
    fn kernel(&self) -> Result<Arc<Kernel>, NoKernel> {
        match self {
            Self::Begun => Err(NoKernel::Yet),
            Self::Ready(kernel) => Ok(Arc::clone(kernel)),
            Self::Refused(why) => Err(NoKernel::Never(Limit::Refused(Arc::clone(why)))),
        }
    }
}

/// How code is made.
#[derive(Clone, Copy, Debug)]
pub struct Making {
    /// Whether the code generator optimises.
    pub optimise: bool,
    /// Whether it checks its own register allocation, which takes longer.
    pub check: bool,
    /// Comparisons of rows that are left to the loops before a shape is compiled.
    pub patience: u64,
}

impl Cache {
    /// An empty cache; `None` on a machine that the code generator does not know.
    pub fn new(making: Making) -> Option<Self> {
        Some(Self {
            isa: isa(making)?,
            made: RwLock::default(),
            asked: Mutex::default(),
            patience: making.patience,
            most: KERNELS,
            stack: STACK,
            workers: Workers::default(),
            fault: None,
        })
    }

    /// The kernel of a shape that is asked for so many comparisons of rows; made now if that is
    /// worth it, on an account. While one thread makes it the others do without.
    ///
    /// # Errors
    /// Where it is not worth compiling yet, or cannot be.
    pub fn kernel(
        &self,
        shape: &[Part],
        asks: usize,
        account: &Account<'_>,
    ) -> Result<Arc<Kernel>, NoKernel> {
        if let Some(made) = self.made.read().unwrap_or_else(PoisonError::into_inner).get(shape) {
            return made.kernel();
        }
        if !self.is_worth(shape, asks as u64) {
            return Err(NoKernel::Yet);
        }
        {
            let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(made) = made.get(shape) {
                return made.kernel();
            }
            if made.len() >= self.most {
                return Err(NoKernel::Never(Limit::Kernels));
            }
            if !account.charge() {
                return Err(NoKernel::Never(Limit::Rule));
            }
            made.insert(shape.to_vec(), Made::Begun);
        }
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(shape);
        self.make(shape, account)
    }

    /// Adds to what was asked of a shape, and says whether it is enough to compile it.
    fn is_worth(&self, shape: &[Part], asks: u64) -> bool {
        if asks >= self.patience {
            return true;
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = asked.get_mut(shape) {
            *before = before.saturating_add(asks);
            return *before >= self.patience;
        }
        if asked.len() >= ASKED {
            forget_half(&mut asked);
        }
        asked.insert(shape.to_vec(), asks);
        false
    }

    /// Compiles a shape that was begun. What may pass leaves no trace, so that it is tried again.
    fn make(&self, shape: &[Part], account: &Account<'_>) -> Result<Arc<Kernel>, NoKernel> {
        let compiled = self.compile(shape);
        if let Err(Refusal::Thread(_)) = compiled {
            account.give_back();
        }
        let passes = compiled.as_ref().is_err_and(Refusal::passes);
        let result = match compiled {
            Ok(kernel) => Made::Ready(Arc::new(kernel)),
            Err(refusal) => Made::Refused(refusal.to_string().into()),
        };
        let kernel = result.kernel();
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        if passes {
            made.remove(shape);
        } else {
            made.insert(shape.to_vec(), result);
        }
        kernel
    }

    /// How many kernels there are.
    pub fn kernels(&self) -> usize {
        self.shapes().len()
    }

    /// The shapes that there are kernels of.
    pub fn shapes(&self) -> Vec<Shape> {
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        let ready = made.iter().filter(|(_, made)| matches!(made, Made::Ready(_)));
        ready.map(|(shape, _)| shape.clone()).collect()
    }

    /// What was compiled, in the order of the shapes' texts.
    pub fn listings(&self) -> Vec<Listing> {
        let shapes = self.shapes();
        let mut listings: Vec<Listing> =
            shapes.iter().filter_map(|shape| self.listing(shape)).collect();
        listings.sort_unstable();
        listings
    }

    fn listing(&self, shape: &[Part]) -> Option<Listing> {
        let mut context = Context::for_function(self.function(shape));
        let clif = context.func.display().to_string();
        context.set_disasm(true);
        let code = context.compile(&*self.isa, &mut ControlPlane::default()).ok()?;
        let asm = code.vcode.clone()?;
        let parts: Vec<String> = shape.iter().map(|part| format!("{part:?}")).collect();
        Some(Listing { shape: parts.join(" "), clif, asm })
    }

    /// The function of a shape.
    pub fn function(&self, shape: &[Part]) -> Function {
        function(shape, &*self.isa, self.fault, &mut FunctionBuilderContext::new())
    }

    /// Compiles a shape, on a stack of its own. The code generator's panics are refusals.
    ///
    /// # Errors
    /// Where it cannot be compiled.
    pub fn compile(&self, shape: &[Part]) -> Result<Kernel, Refusal> {
        let (shape, isa, fault) = (shape.to_vec(), OwnedTargetIsa::clone(&self.isa), self.fault);
        let make = move |tables: &mut Tables| {
            tables.context.clear();
            tables.context.func = function(&shape, &*isa, fault, &mut tables.builder);
            Kernel::new(shape, &mut tables.context, isa)
        };
        let made = self.workers.run(self.stack, make).map_err(Refusal::Thread)?;
        made.ok_or(Refusal::Panic)?.map_err(Refusal::Code)
    }
}

/// The function of a shape, with a fault if one is planted.
fn function(
    shape: &[Part],
    isa: &dyn TargetIsa,
    fault: Option<fn(&mut Function)>,
    builder: &mut FunctionBuilderContext,
) -> Function {
    let mut function = emit::function(shape, isa, builder);
    if let Some(plant) = fault {
        plant(&mut function);
    }
    function
}

/// Why there is no kernel of a shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoKernel {
    /// It was not asked for often enough, or a thread is about to finish it.
    Yet,
    /// A limit forbids it.
    Never(Limit),
}

/// Why a shape was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No thread could be started.
    #[error("no thread to compile on: {0}")]
    Thread(std::io::Error),
    /// The code generator panicked.
    #[error("the code generator panicked")]
    Panic,
    /// There is no code, for a reason.
    #[error(transparent)]
    Code(CodeError),
}

impl Refusal {
    /// Whether the machine refused, which may do otherwise later.
    fn passes(&self) -> bool {
        matches!(self, Self::Thread(_) | Self::Code(CodeError::Memory(_)))
    }
}

/// Forgets the half of the shapes that was asked least.
fn forget_half(asked: &mut HashMap<Shape, u64>) {
    let mut counts: Vec<u64> = asked.values().copied().collect();
    let half = counts.len() / 2;
    let (_, median, _) = counts.select_nth_unstable(half);
    let median = *median;
    asked.retain(|_, asks| *asks > median);
}

/// What this machine runs.
fn isa(making: Making) -> Option<OwnedTargetIsa> {
    let mut flags = settings::builder();
    let values = [
        ("enable_verifier", "true"),
        ("regalloc_checker", if making.check { "true" } else { "false" }),
        ("opt_level", if making.optimise { "speed" } else { "none" }),
        ("regalloc_algorithm", "backtracking"),
        ("is_pic", "false"),
        ("use_colocated_libcalls", "false"),
        ("enable_probestack", "true"),
        ("probestack_strategy", "inline"),
        ("preserve_frame_pointers", "true"),
        ("unwind_info", "true"),
    ];
    for (name, value) in values {
        flags.set(name, value).ok()?;
    }
    let builder = cranelift_native::builder().ok()?;
    builder.finish(settings::Flags::new(flags)).ok()
}
