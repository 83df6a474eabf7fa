//! A shape to a function of the code generator's language: all leaves of 64 rows in one pass.
//!
//! ```text
//! fn(operands: *const u64, words: u64, out: *mut u64)
//!     for each word:  leaves, 16 rows to a vector of bytes, 0 or 255 each
//!                     connectives of vectors, then of words
//!                     one store
//! ```
//!
//! `words` is at least 1. Constants are loaded where they are used: kept in registers, those of a
//! few leaves would fill them all, and many live values are what makes register allocation slow.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8X16, I64};
use cranelift_codegen::ir::{
    AbiParam, Block, Function, InstBuilder, MemFlagsData, Signature, UserFuncName, Value,
};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

use super::lanes;
use super::shape::{Part, Width};

/// The loads and stores of a kernel: never beyond what the caller vouches for, so never a trap.
pub const MEMORY: MemFlagsData = MemFlagsData::new().with_notrap();

/// Makes the function of a shape.
pub fn function(
    shape: &[Part],
    isa: &dyn TargetIsa,
    context: &mut FunctionBuilderContext,
) -> Function {
    let mut signature = Signature::new(isa.default_call_conv());
    signature.params.extend([AbiParam::new(I64); 3]);
    let mut function = Function::with_name_signature(UserFuncName::user(0, 0), signature);
    let mut builder = FunctionBuilder::new(&mut function, context);
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    let [operands, words, out] = *builder.block_params(entry) else {
        unreachable!("the signature has three parameters");
    };
    let body = builder.create_block();
    let word = builder.append_block_param(body, I64);
    let zero = builder.ins().iconst(I64, 0);
    builder.ins().jump(body, &[zero.into()]);
    builder.switch_to_block(body);

    let mut emitter = Emitter { builder: &mut builder, operands, word };
    let answer = emitter.shape(shape);
    let at = builder.ins().ishl_imm_u(word, 3);
    let at = builder.ins().iadd(out, at);
    builder.ins().store(MEMORY, answer, at, 0);
    let next = builder.ins().iadd_imm_u(word, 1);
    let more = builder.ins().icmp(IntCC::UnsignedLessThan, next, words);
    let done = builder.create_block();
    builder.ins().brif(more, body, &[next.into()], done, &[]);
    builder.switch_to_block(done);
    builder.ins().return_(&[]);
    builder.seal_all_blocks();
    builder.finalize(isa.frontend_config());
    function
}

/// Emits the body of the loop.
pub struct Emitter<'a, 'f> {
    /// Where instructions go.
    pub builder: &'a mut FunctionBuilder<'f>,
    /// Points at the operand block.
    operands: Value,
    /// The number of the word.
    word: Value,
}

/// Which of 64 rows pass.
enum Rows {
    /// Four vectors of 16 bytes, 0 or 255 each.
    Bytes([Value; 4]),
    /// A bit each.
    Word(Value),
    /// A set that is looked up row by row, where the rest leaves that open: its width and slot.
    Later(Width, usize),
}

impl Emitter<'_, '_> {
    fn shape(&mut self, shape: &[Part]) -> Value {
        let mut stack: Vec<Rows> = Vec::new();
        let mut slot = 0;
        for &part in shape {
            let rows = match part {
                Part::And(parts) | Part::Or(parts) => {
                    let parts = stack.split_off(stack.len() - usize::from(parts));
                    self.join(parts, matches!(part, Part::And(_)))
                }
                Part::Not => {
                    let inner = stack.pop().expect("a connective follows its parts");
                    self.not(inner)
                }
                Part::Set(width) => Rows::Later(width, slot),
                Part::Present => {
                    let base = self.operand(slot);
                    let at = self.builder.ins().ishl_imm_u(self.word, 3);
                    let at = self.builder.ins().iadd(base, at);
                    Rows::Word(self.builder.ins().load(I64, MEMORY, at, 0))
                }
                leaf => Rows::Bytes(lanes::leaf(self, leaf, slot)),
            };
            stack.push(rows);
            slot += part.words();
        }
        let answer = stack.pop().expect("a shape has a part");
        debug_assert!(stack.is_empty(), "a shape has one root");
        self.word_of(answer)
    }

    /// A word of the operand block.
    pub fn operand(&mut self, slot: usize) -> Value {
        self.builder.ins().load(I64, MEMORY, self.operands, slot as i32 * 8)
    }

    /// Two words of the operand block, as a vector of bytes.
    pub fn vector(&mut self, slot: usize) -> Value {
        self.builder.ins().load(I8X16, MEMORY, self.operands, slot as i32 * 8)
    }

    /// Where the 64 rows begin in the column that word `slot` points at.
    pub fn rows(&mut self, slot: usize, width: Width) -> Value {
        let base = self.operand(slot);
        let offset = self.builder.ins().ishl_imm_u(self.word, 6 + width as i64);
        self.builder.ins().iadd(base, offset)
    }

    fn join(&mut self, parts: Vec<Rows>, all: bool) -> Rows {
        let mut later = Vec::new();
        let mut bytes: Option<[Value; 4]> = None;
        let mut word: Option<Value> = None;
        for part in parts {
            match part {
                Rows::Later(width, slot) => later.push((width, slot)),
                Rows::Word(own) => word = Some(self.pair(word, own, all)),
                Rows::Bytes(own) => {
                    bytes = Some(match bytes {
                        None => own,
                        Some(before) => {
                            std::array::from_fn(|at| self.pair(Some(before[at]), own[at], all))
                        }
                    });
                }
            }
        }
        if let (Some(bytes), None, []) = (bytes, word, &*later) {
            return Rows::Bytes(bytes);
        }
        if let Some(bytes) = bytes {
            let own = self.word_of(Rows::Bytes(bytes));
            word = Some(self.pair(word, own, all));
        }
        for (width, slot) in later {
            let open = word.map(|word| if all { word } else { self.builder.ins().bnot(word) });
            let own = self.lookups(width, slot, open);
            word = Some(self.pair(word, own, all));
        }
        Rows::Word(word.expect("a connective has a part"))
    }

    fn pair(&mut self, left: Option<Value>, right: Value, all: bool) -> Value {
        match left {
            None => right,
            Some(left) if all => self.builder.ins().band(left, right),
            Some(left) => self.builder.ins().bor(left, right),
        }
    }

    fn not(&mut self, inner: Rows) -> Rows {
        match inner {
            Rows::Bytes(bytes) => Rows::Bytes(bytes.map(|own| self.builder.ins().bnot(own))),
            other => {
                let word = self.word_of(other);
                Rows::Word(self.builder.ins().bnot(word))
            }
        }
    }

    fn word_of(&mut self, rows: Rows) -> Value {
        match rows {
            Rows::Word(word) => word,
            Rows::Later(width, slot) => self.lookups(width, slot, None),
            Rows::Bytes(bytes) => lanes::gather(self, bytes),
        }
    }

    /// The rows whose number is in a table of bits: eight rows at a time, none where none of the
    /// eight is `open`.
    fn lookups(&mut self, width: Width, slot: usize, open: Option<Value>) -> Value {
        let rows = self.rows(slot, width);
        let (table, last) = (self.operand(slot + 1), self.operand(slot + 2));
        let builder = &mut *self.builder;
        let [body, look, next, done] = [0; 4].map(|_| builder.create_block());
        let [row, found] = [0; 2].map(|_| builder.append_block_param(body, I64));
        let sum = builder.append_block_param(next, I64);
        let zero = builder.ins().iconst(I64, 0);
        builder.ins().jump(body, &[zero.into(), zero.into()]);
        builder.switch_to_block(body);
        match open {
            None => {
                builder.ins().jump(look, &[]);
            }
            Some(open) => {
                let eight = builder.ins().ushr(open, row);
                let eight = builder.ins().band_imm_u(eight, 0xff);
                builder.ins().brif(eight, look, &[], next, &[found.into()]);
            }
        }
        builder.switch_to_block(look);
        let offset = builder.ins().ishl_imm_u(row, width as i64);
        let at = builder.ins().iadd(rows, offset);
        let mut eight = None;
        for lane in 0..8 {
            let hit = lanes::member(builder, (at, lane, width), table, last);
            let hit = builder.ins().ishl_imm_u(hit, i64::from(lane));
            eight = Some(eight.map_or(hit, |before| builder.ins().bor(before, hit)));
        }
        let eight = builder.ins().ishl(eight.expect("there are eight lanes"), row);
        let both = builder.ins().bor(found, eight);
        builder.ins().jump(next, &[both.into()]);
        self.repeat((body, next, done), (row, sum));
        sum
    }

    /// Ends a loop over the rows of a word, eight at a time.
    fn repeat(&mut self, (body, next, done): (Block, Block, Block), (row, sum): (Value, Value)) {
        let builder = &mut *self.builder;
        builder.switch_to_block(next);
        let after = builder.ins().iadd_imm_u(row, 8);
        let more = builder.ins().icmp_imm_u(IntCC::UnsignedLessThan, after, 64);
        builder.ins().brif(more, body, &[after.into(), sum.into()], done, &[]);
        builder.switch_to_block(done);
    }
}
