//! Faults to plant in a kernel's function before it is compiled.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{Function, Inst, InstructionData, MemFlagsData, Opcode};

/// A fault by name; each goes wherever it can.
pub type Fault = (&'static str, fn(&mut Function));

pub const FAULTS: [Fault; 21] = [
    ("signed `>` taken for `>=`", |function| {
        integers(function, IntCC::SignedGreaterThan, IntCC::SignedGreaterThanOrEqual);
    }),
    ("signed `>` taken for `<`", |function| {
        integers(function, IntCC::SignedGreaterThan, IntCC::SignedLessThan);
    }),
    ("signed `>` taken for unsigned", |function| {
        integers(function, IntCC::SignedGreaterThan, IntCC::UnsignedGreaterThan);
    }),
    ("`==` taken for `!=`", |function| integers(function, IntCC::Equal, IntCC::NotEqual)),
    ("`==` taken for `>=`", |function| {
        integers(function, IntCC::Equal, IntCC::SignedGreaterThanOrEqual);
    }),
    ("signed `<` taken for `<=`", |function| {
        integers(function, IntCC::SignedLessThan, IntCC::SignedLessThanOrEqual);
    }),
    ("signed `<=` taken for `<`", |function| {
        integers(function, IntCC::SignedLessThanOrEqual, IntCC::SignedLessThan);
    }),
    ("signed `>=` taken for `>`", |function| {
        integers(function, IntCC::SignedGreaterThanOrEqual, IntCC::SignedGreaterThan);
    }),
    ("a table's last word forgotten", |function| {
        integers(function, IntCC::UnsignedLessThanOrEqual, IntCC::UnsignedLessThan);
    }),
    ("doubles: `<` taken for `<=`", |function| {
        doubles(function, FloatCC::LessThan, FloatCC::LessThanOrEqual);
    }),
    ("doubles: `<` taken for its opposite's negation", |function| {
        doubles(function, FloatCC::LessThan, FloatCC::UnorderedOrLessThan);
    }),
    ("doubles: `>=` taken for `>`", |function| {
        doubles(function, FloatCC::GreaterThanOrEqual, FloatCC::GreaterThan);
    }),
    ("doubles: `>` holds for NaN", |function| {
        doubles(function, FloatCC::GreaterThan, FloatCC::UnorderedOrGreaterThan);
    }),
    ("`and` taken for `or`", |function| replace(function, Opcode::Band, Opcode::Bor)),
    ("`or` taken for `and`", |function| replace(function, Opcode::Bor, Opcode::Band)),
    ("subtracting taken for adding", |function| replace(function, Opcode::Isub, Opcode::Iadd)),
    ("low lanes taken for high ones", |function| {
        replace(function, Opcode::UwidenHigh, Opcode::UwidenLow);
    }),
    ("signs kept on widening", |function| {
        replace(function, Opcode::UwidenLow, Opcode::SwidenLow);
    }),
    ("negative lanes cut off", |function| replace(function, Opcode::Snarrow, Opcode::Unarrow)),
    ("signs kept on loading a number", |function| {
        replace(function, Opcode::Uload16, Opcode::Sload16);
    }),
    ("a number off by one", |function| {
        each(function, |data| {
            if let InstructionData::UnaryImm { imm, .. } = data
                && imm.bits() == 63
            {
                *imm = 31.into();
            }
        });
    }),
];

fn each(function: &mut Function, change: impl Fn(&mut InstructionData)) {
    let blocks: Vec<_> = function.layout.blocks().collect();
    let insts: Vec<Inst> = blocks
        .iter()
        .flat_map(|block| function.layout.block_insts(*block).collect::<Vec<_>>())
        .collect();
    insts.into_iter().for_each(|inst| change(&mut function.dfg.insts[inst]));
}

fn integers(function: &mut Function, from: IntCC, to: IntCC) {
    each(function, |data| {
        if let InstructionData::IntCompare { cond, .. } = data
            && *cond == from
        {
            *cond = to;
        }
    });
}

fn doubles(function: &mut Function, from: FloatCC, to: FloatCC) {
    each(function, |data| {
        if let InstructionData::FloatCompare { cond, .. } = data
            && *cond == from
        {
            *cond = to;
        }
    });
}

/// Puts one operation for another of the same form.
pub fn replace(function: &mut Function, from: Opcode, to: Opcode) {
    each(function, |data| match data {
        InstructionData::Unary { opcode, .. }
        | InstructionData::Binary { opcode, .. }
        | InstructionData::Load { opcode, .. }
            if *opcode == from =>
        {
            *opcode = to;
        }
        _ => {}
    });
}

/// Makes of each load one that may trap.
pub fn unvouched(function: &mut Function) {
    let flags = function.dfg.mem_flags.insert(MemFlagsData::new()).unwrap();
    each(function, |data| {
        if let InstructionData::Load { flags: own, .. } = data {
            *own = flags;
        }
    });
}
