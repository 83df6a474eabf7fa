//! Kernels by shape, shared by rules, segments and threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::Function;
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::FunctionBuilderContext;
use hashbrown::HashMap;

use super::Listing;
use super::code::{CodeError, Kernel};
use super::emit;
use super::left::Limit;
use super::shape::{Part, Shape};

/// Shapes that are remembered; a set of rules has a few for each width of its columns.
pub const SHAPES: usize = 4_096;
/// Stack of the thread that compiles.
const STACK: usize = 16 << 20;

/// See the module's text.
pub struct Cache {
    isa: OwnedTargetIsa,
    shapes: RwLock<HashMap<Shape, Known>>,
    /// Comparisons of rows that are left to the loops before a shape is compiled.
    patience: u64,
    /// Changes a function before it is compiled.
    #[cfg(test)]
    pub fault: Option<fn(&mut Function)>,
}

/// What is known of a shape.
enum Known {
    /// So many comparisons of rows were asked for.
    Asked(AtomicU64),
    /// It was compiled.
    Ready(Arc<Kernel>),
    /// It cannot be compiled.
    Refused,
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
            shapes: RwLock::default(),
            patience: making.patience,
            #[cfg(test)]
            fault: None,
        })
    }

    /// The kernel of a shape that is asked for so many comparisons of rows.
    ///
    /// # Errors
    /// Where it is not worth compiling yet, or cannot be.
    pub fn kernel(&self, shape: &[Part], asks: usize) -> Result<Arc<Kernel>, NoKernel> {
        let shapes = self.shapes.read().unwrap_or_else(PoisonError::into_inner);
        let full = shapes.len() >= SHAPES;
        let worth = match shapes.get(shape) {
            Some(Known::Ready(kernel)) => return Ok(Arc::clone(kernel)),
            Some(Known::Refused) => return Err(NoKernel::Never(Limit::Generator)),
            Some(Known::Asked(asked)) => {
                asked.fetch_add(asks as u64, Ordering::Relaxed) + asks as u64 >= self.patience
            }
            None if full => return Err(NoKernel::Never(Limit::Kernels)),
            None => asks as u64 >= self.patience,
        };
        drop(shapes);
        let known = if worth {
            self.compile(shape).map_or(Known::Refused, |kernel| Known::Ready(Arc::new(kernel)))
        } else {
            Known::Asked(AtomicU64::new(asks as u64))
        };
        let mut shapes = self.shapes.write().unwrap_or_else(PoisonError::into_inner);
        let known = match (shapes.remove(shape), known) {
            (Some(ready @ Known::Ready(_)), _) => ready,
            (Some(before @ Known::Asked(_)), Known::Asked(_)) => before,
            (_, new) => new,
        };
        let kernel = match &known {
            Known::Ready(kernel) => Ok(Arc::clone(kernel)),
            Known::Asked(_) => Err(NoKernel::Yet),
            Known::Refused => Err(NoKernel::Never(Limit::Generator)),
        };
        shapes.insert(shape.to_vec(), known);
        kernel
    }

    /// Whether a shape would still have to be compiled.
    pub fn is_new(&self, shape: &[Part]) -> bool {
        let shapes = self.shapes.read().unwrap_or_else(PoisonError::into_inner);
        matches!(shapes.get(shape), None | Some(Known::Asked(_)))
    }

    /// How many kernels there are.
    pub fn kernels(&self) -> usize {
        let shapes = self.shapes.read().unwrap_or_else(PoisonError::into_inner);
        shapes.values().filter(|known| matches!(known, Known::Ready(_))).count()
    }

    /// What was compiled, in the order of the shapes' texts.
    pub fn listings(&self) -> Vec<Listing> {
        let shapes = self.shapes.read().unwrap_or_else(PoisonError::into_inner);
        let ready = shapes.iter().filter(|(_, known)| matches!(known, Known::Ready(_)));
        let mut listings: Vec<Listing> =
            ready.filter_map(|(shape, _)| self.listing(shape)).collect();
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
        let function = emit::function(shape, &*self.isa, &mut FunctionBuilderContext::new());
        #[cfg(test)]
        if let Some(fault) = self.fault {
            let mut function = function;
            fault(&mut function);
            return function;
        }
        function
    }

    /// Compiles a shape, on a stack of its own: how much the code generator needs is not ours to
    /// say, and callers may have little. Its panics are refusals.
    ///
    /// # Errors
    /// Where it cannot be compiled.
    pub fn compile(&self, shape: &[Part]) -> Result<Kernel, Refusal> {
        let make = || {
            let function = self.function(shape);
            Kernel::new(shape.to_vec(), function, OwnedTargetIsa::clone(&self.isa))
        };
        let make = || catch_unwind(AssertUnwindSafe(make));
        let made = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK);
            let thread = thread.spawn_scoped(scope, make).map_err(Refusal::Thread)?;
            thread.join().unwrap_or_else(Err).map_err(|_| Refusal::Panic)
        });
        made?.map_err(Refusal::Code)
    }
}

/// Why there is no kernel of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoKernel {
    /// It was not asked for often enough.
    Yet,
    /// A limit forbids it.
    Never(Limit),
}

/// Why a shape was not compiled.
#[derive(Debug)]
pub enum Refusal {
    /// No thread could be started.
    Thread(std::io::Error),
    /// The code generator panicked.
    Panic,
    /// There is no code, for a reason.
    Code(CodeError),
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
