//! Faults to plant in kernels before they are compiled: what a code generator gets wrong, tests must
//! notice.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::Offset32;
use cranelift_codegen::ir::{Function, Inst, InstructionData, Opcode};

/// A fault by name.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// What goes wrong.
    pub name: &'static str,
    /// Makes it go wrong wherever it can.
    pub(super) plant: fn(&mut Function),
}

/// Faults of the kinds that code generators have.
pub const FAULTS: [Fault; 21] = [
    Fault {
        name: "signed `>` taken for `>=`",
        plant: |function| {
            integers(function, IntCC::SignedGreaterThan, IntCC::SignedGreaterThanOrEqual);
        },
    },
    Fault {
        name: "signed `>` taken for `<`",
        plant: |function| {
            integers(function, IntCC::SignedGreaterThan, IntCC::SignedLessThan);
        },
    },
    Fault {
        name: "signed `>` taken for unsigned",
        plant: |function| {
            integers(function, IntCC::SignedGreaterThan, IntCC::UnsignedGreaterThan);
        },
    },
    Fault {
        name: "`==` taken for `!=`",
        plant: |function| integers(function, IntCC::Equal, IntCC::NotEqual),
    },
    Fault {
        name: "`==` taken for `>=`",
        plant: |function| {
            integers(function, IntCC::Equal, IntCC::SignedGreaterThanOrEqual);
        },
    },
    Fault {
        name: "signed `<` taken for `<=`",
        plant: |function| {
            integers(function, IntCC::SignedLessThan, IntCC::SignedLessThanOrEqual);
        },
    },
    Fault {
        name: "signed `<=` taken for `<`",
        plant: |function| {
            integers(function, IntCC::SignedLessThanOrEqual, IntCC::SignedLessThan);
        },
    },
    Fault {
        name: "signed `>=` taken for `>`",
        plant: |function| {
            integers(function, IntCC::SignedGreaterThanOrEqual, IntCC::SignedGreaterThan);
        },
    },
    Fault {
        name: "a table's last word forgotten",
        plant: |function| {
            integers(function, IntCC::UnsignedLessThanOrEqual, IntCC::UnsignedLessThan);
        },
    },
    Fault {
        name: "doubles: `<` taken for `<=`",
        plant: |function| {
            doubles(function, FloatCC::LessThan, FloatCC::LessThanOrEqual);
        },
    },
    Fault {
        name: "doubles: `<` taken for its opposite's negation",
        plant: |function| {
            doubles(function, FloatCC::LessThan, FloatCC::UnorderedOrLessThan);
        },
    },
    Fault {
        name: "doubles: `>=` taken for `>`",
        plant: |function| {
            doubles(function, FloatCC::GreaterThanOrEqual, FloatCC::GreaterThan);
        },
    },
    Fault {
        name: "doubles: `>` holds for NaN",
        plant: |function| {
            doubles(function, FloatCC::GreaterThan, FloatCC::UnorderedOrGreaterThan);
        },
    },
    Fault {
        name: "`and` taken for `or`",
        plant: |function| replace(function, Opcode::Band, Opcode::Bor),
    },
    Fault {
        name: "`or` taken for `and`",
        plant: |function| replace(function, Opcode::Bor, Opcode::Band),
    },
    Fault {
        name: "subtracting taken for adding",
        plant: |function| replace(function, Opcode::Isub, Opcode::Iadd),
    },
    Fault {
        name: "low lanes taken for high ones",
        plant: |function| {
            replace(function, Opcode::UwidenHigh, Opcode::UwidenLow);
        },
    },
    Fault {
        name: "signs kept on widening",
        plant: |function| {
            replace(function, Opcode::UwidenLow, Opcode::SwidenLow);
        },
    },
    Fault {
        name: "negative lanes cut off",
        plant: |function| replace(function, Opcode::Snarrow, Opcode::Unarrow),
    },
    Fault {
        name: "signs kept on loading a number",
        plant: |function| {
            replace(function, Opcode::Uload16, Opcode::Sload16);
        },
    },
    Fault {
        name: "a number off by one",
        plant: |function| {
            each(function, |data| {
                if let InstructionData::UnaryImm { imm, .. } = data
                    && imm.bits() == 63
                {
                    *imm = 31.into();
                }
            });
        },
    },
];

/// Columns are read 64 bytes too far: where nothing but more of our memory is behind them, that goes
/// unnoticed unless a value of it passes.
pub const TOO_FAR: Fault = Fault {
    name: "columns read from behind their end",
    plant: |function| {
        for inst in instructions(function) {
            let is_vector = function.dfg.ctrl_typevar(inst).is_vector();
            if let InstructionData::Load { offset, .. } = &mut function.dfg.insts[inst]
                && is_vector
            {
                *offset = Offset32::new(i32::from(*offset) + 64);
            }
        }
    },
};

/// Changes each instruction.
pub fn each(function: &mut Function, change: impl Fn(&mut InstructionData)) {
    instructions(function).into_iter().for_each(|inst| change(&mut function.dfg.insts[inst]));
}

fn instructions(function: &Function) -> Vec<Inst> {
    function.layout.blocks().flat_map(|block| function.layout.block_insts(block)).collect()
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
