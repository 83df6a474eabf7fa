//! The one list of engines that are held against the interpreter.

use std::sync::{Arc, Mutex, PoisonError};

use compiler::{Columns, Jit, JitOptions, LeftToLoops, Limit};
use ir::Engine;

/// Kernels after which engines begin anew: they keep a bounded number of shapes and leave later
/// ones to the loops, so that a long run would compare loops with loops.
const KERNELS: usize = 1_000;

/// Every engine but the interpreter.
pub struct Engines {
    jits: Vec<Jit>,
}

impl Engines {
    /// The engines, shared by all callers until their kernels fill up.
    ///
    /// # Panics
    /// On a machine that refuses to run code.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Option<Arc<Engines>>> = Mutex::new(None);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        match &*shared {
            Some(engines) if engines.kernels() < KERNELS => Arc::clone(engines),
            _ => Arc::clone(shared.insert(Arc::new(Self::new()))),
        }
    }

    /// Code that was not optimised, that was, and that takes over from the loops half way.
    fn new() -> Self {
        let jit = |optimise, patience| {
            let options = JitOptions { optimise, check: true, patience };
            Jit::new(options).expect("this machine runs code")
        };
        Self { jits: vec![jit(false, 0), jit(true, 0), jit(false, 500)] }
    }

    /// All of them, the column loops first.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Engine> {
        let jits = self.jits.iter().map(|jit| -> &dyn Engine { jit });
        std::iter::once(&Columns as &dyn Engine).chain(jits)
    }

    /// The rules of which the code generator refused a kernel, or made one that might trap.
    pub fn refused(&self) -> Vec<LeftToLoops> {
        let left = self.jits.iter().flat_map(Jit::left_to_loops);
        left.filter(|left| matches!(left.why, Limit::Refused(_))).collect()
    }

    /// Shapes that were compiled since the engines began.
    pub fn kernels(&self) -> usize {
        self.jits[0].kernels()
    }
}
