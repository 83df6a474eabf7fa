//! Machine code in memory, and the call into it: the only unsafe part of the engine.
//!
//! Code and the pointer to it travel together; the memory is written, then made executable, never
//! both at once, and freed with its owner.

use std::sync::Mutex;

use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{Function, MemFlagsData, Opcode, Signature};
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::{CodegenError, Context};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Linkage, Module, ModuleError};
use ir::Mask;

use super::operands::Operands;
use super::shape::Shape;
use crate::columns::Codes;

/// `words`, the second parameter, is at least 1.
type Entry = unsafe extern "C" fn(*const u64, u64, *mut u64);

/// The code of one shape.
pub struct Kernel {
    shape: Shape,
    entry: Entry,
    /// Owns the memory that `entry` points into; taken when that is freed.
    module: Mutex<Option<JITModule>>,
}

/// Why there is no code.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// The code generator refused.
    #[error("the code generator: {0}")]
    Generator(Box<CodegenError>),
    /// The code might trap.
    #[error("an instruction might trap: {0}")]
    Traps(Opcode),
    /// The code calls something else.
    #[error("the code is not self-contained")]
    Open,
    /// Memory for code was refused.
    #[error("{}", causes(.0))]
    Memory(Box<ModuleError>),
}

impl Kernel {
    /// Compiles the function that [`super::emit::function`] made for `shape` and `context` holds.
    ///
    /// # Errors
    /// Where the function has an instruction that traps, is beyond a limit of the code generator, or
    /// executable memory is refused.
    pub fn new(
        shape: Shape,
        context: &mut Context,
        isa: OwnedTargetIsa,
    ) -> Result<Self, CodeError> {
        if let Some(opcode) = trap(&context.func) {
            return Err(CodeError::Traps(opcode));
        }
        let signature = context.func.signature.clone();
        let compiled = context
            .compile(&*isa, &mut ControlPlane::default())
            .map_err(|error| CodeError::Generator(Box::new(error.inner)))?;
        if !compiled.buffer.relocs().is_empty() {
            return Err(CodeError::Open);
        }
        let (align, code) = (compiled.buffer.alignment.into(), compiled.code_buffer());
        // No symbol is ever looked up: the code is handed over as bytes without relocations.
        let mut module = JITModule::new(JITBuilder::with_isa(isa, Box::new(|_| String::new())));
        let placed = place(&mut module, &signature, align, code);
        // SAFETY: the address is that of a finished function of the signature of `Entry`, compiled
        // for this host's own calling convention.
        let placed = placed.map(|at| unsafe { std::mem::transmute::<*const u8, Entry>(at) });
        match placed {
            Ok(entry) => Ok(Self { shape, entry, module: Mutex::new(Some(module)) }),
            Err(error) => {
                // SAFETY: no pointer into the module was given out.
                unsafe { module.free_memory() };
                Err(CodeError::Memory(error))
            }
        }
    }

    /// The rows of `0..rows` that pass.
    ///
    /// # Panics
    /// Where the operands are of another shape, or a column has fewer rows.
    pub fn run(&self, operands: &Operands<'_>, rows: usize) -> Mask {
        assert!(self.shape == *operands.shape(), "code runs on operands of its own shape");
        let mut mask = Mask::empty(rows);
        let mut block = operands.block().to_vec();
        for table in operands.tables() {
            if let Codes::Among(codes) = &*table.codes {
                block[table.slot] = codes.words().as_ptr().expose_provenance() as u64;
            }
        }
        let (full, rest) = (rows / 64, rows % 64);
        if full > 0 {
            for column in operands.columns() {
                assert!(column.bytes.len() >= full * column.stride, "a column has all rows");
                block[column.slot] = column.bytes.as_ptr().expose_provenance() as u64;
            }
            // SAFETY: see `call`; the columns were just seen to hold `full` times 64 rows.
            unsafe { self.call(&block, &mut mask.words_mut()[..full]) };
        }
        if rest > 0 {
            let mut scratch = vec![[0_u64; 64]; operands.columns().len()];
            for (column, scratch) in operands.columns().iter().zip(&mut scratch) {
                let last = &column.bytes[full * column.stride..];
                let scratch: &mut [u8] = bytemuck::cast_slice_mut(scratch);
                let used = last.len().min(column.stride);
                scratch[..used].copy_from_slice(&last[..used]);
                block[column.slot] = scratch.as_ptr().expose_provenance() as u64;
            }
            let word = &mut mask.words_mut()[full..];
            // SAFETY: see `call`; each column is a copy in 64 slots of the widest number.
            unsafe { self.call(&block, word) };
            word[0] &= (1 << rest) - 1;
        }
        mask
    }

    /// Runs over as many words as `out` has.
    ///
    /// # Safety
    /// `block` is that of operands of this kernel's shape, its pointers to tables set, and those to
    /// columns set to memory that holds 64 rows for each word of `out`.
    unsafe fn call(&self, block: &[u64], out: &mut [u64]) {
        // SAFETY: the code reads the block's own words, 64 rows a word of each column, and of a
        // table no word beyond the one that the block calls its last: the shape decides all of
        // these, and `Operands` lays blocks out by the same shape. It writes each word of `out`
        // once. The memory lives as long as `self`, which is borrowed.
        unsafe { (self.entry)(block.as_ptr(), out.len() as u64, out.as_mut_ptr()) };
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        let module = self.module.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(module) = module.take() {
            // SAFETY: `entry`, the only pointer into the memory, is called through a borrow of
            // `self` alone, and there is none any more.
            unsafe { module.free_memory() };
        }
    }
}

/// An instruction that might trap or call, if there is one; loads and stores that the caller vouches
/// for do not.
fn trap(function: &Function) -> Option<Opcode> {
    let blocks = function.layout.blocks();
    let mut all = blocks.flat_map(|block| function.layout.block_insts(block));
    all.find_map(|inst| {
        let data = &function.dfg.insts[inst];
        let opcode = data.opcode();
        let traps = if opcode.can_load() || opcode.can_store() {
            !data.memflags_data(&function.dfg).is_some_and(MemFlagsData::notrap)
        } else {
            opcode.can_trap()
        };
        (traps || opcode.is_call()).then_some(opcode)
    })
}

/// Puts code where it can run.
fn place(
    module: &mut JITModule,
    signature: &Signature,
    align: u64,
    code: &[u8],
) -> Result<*const u8, Box<ModuleError>> {
    let id = module.declare_function("0", Linkage::Local, signature)?;
    module.define_function_bytes(id, align, code, &[])?;
    module.finalize_definitions()?;
    Ok(module.get_finalized_function(id))
}

/// The message of an error and of what caused it, in one line.
fn causes(error: &ModuleError) -> String {
    match error {
        ModuleError::Backend(error) => {
            error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
        }
        error => error.to_string(),
    }
}
