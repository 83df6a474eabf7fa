//! Leaves over 16 rows a vector of bytes: load, compare in the column's own lanes, narrow.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F64X2, I8X16, I16X8, I32, I32X4, I64, I64X2};
use cranelift_codegen::ir::{ConstantData, Endianness, InstBuilder, MemFlagsData, Type, Value};
use cranelift_frontend::FunctionBuilder;
use ir::module::{Comparison, Order};

use super::emit::{Emitter, MEMORY};
use super::shape::{Part, Width};

/// How a vector is seen as one of other lanes; the host's order, which is the columns' too.
const CAST: MemFlagsData = MemFlagsData::new().with_endianness(Endianness::Little);

/// Which of 64 rows pass a leaf whose operands begin at `slot`, 0 or 255 each.
pub fn leaf(emitter: &mut Emitter<'_, '_>, part: Part, slot: usize) -> [Value; 4] {
    match part {
        Part::Equal(width) => {
            let constant = splat(emitter, slot + 1, lanes(width));
            each(emitter, (slot, width), &mut |builder, lanes| {
                builder.ins().icmp(IntCC::Equal, lanes, constant)
            })
        }
        Part::Runs(width, runs) => {
            let bounds: Vec<(Value, Value)> = (0..usize::from(runs))
                .map(|run| {
                    let at = slot + 1 + 4 * run;
                    (splat(emitter, at, lanes(width)), splat(emitter, at + 2, lanes(width)))
                })
                .collect();
            each(emitter, (slot, width), &mut |builder, lanes| {
                any(builder, bounds.iter().copied(), |builder, (low, limit)| {
                    let distance = builder.ins().isub(lanes, low);
                    builder.ins().icmp(IntCC::SignedGreaterThan, limit, distance)
                })
            })
        }
        Part::Lookup => lookup(emitter, slot),
        Part::Order(comparison) => {
            let constant = splat(emitter, slot + 1, F64X2);
            let code = float_code(comparison);
            doubles(emitter, slot, &mut |builder, lanes| builder.ins().fcmp(code, lanes, constant))
        }
        Part::Doubles(points) => {
            let points: Vec<Value> = (0..usize::from(points))
                .map(|point| splat(emitter, slot + 1 + 2 * point, F64X2))
                .collect();
            doubles(emitter, slot, &mut |builder, lanes| {
                any(builder, points.iter().copied(), |builder, point| {
                    builder.ins().fcmp(FloatCC::Equal, lanes, point)
                })
            })
        }
        Part::Against(left, right, width, comparison) => {
            against(emitter, slot, (left, right, width), comparison)
        }
        Part::Set(_) | Part::Present | Part::Not | Part::And(_) | Part::Or(_) => {
            unreachable!("these are worked on by words")
        }
    }
}

/// Four vectors of bytes, 0 or 255 each, as a bit each.
pub fn gather(emitter: &mut Emitter<'_, '_>, bytes: [Value; 4]) -> Value {
    let builder = &mut *emitter.builder;
    let mut word = None;
    for (at, bytes) in bytes.into_iter().enumerate() {
        let bits = builder.ins().vhigh_bits(I32, bytes);
        let bits = builder.ins().uextend(I64, bits);
        let bits = if at == 0 { bits } else { builder.ins().ishl_imm_u(bits, at as i64 * 16) };
        word = Some(word.map_or(bits, |before| builder.ins().bor(before, bits)));
    }
    word.expect("there are four vectors")
}

/// 1 where the number of a row, the lane after `at`, is in a table of bits; 0 where it is not.
/// What lies beyond the table's last word is not looked up.
pub fn member(
    builder: &mut FunctionBuilder<'_>,
    (at, lane, width): (Value, i32, Width),
    table: Value,
    last: Value,
) -> Value {
    let offset = lane * width.bytes() as i32;
    let number = match width {
        Width::W8 => unreachable!("bytes are looked up in 32 bytes"),
        Width::W16 => builder.ins().uload16(I64, MEMORY, at, offset),
        Width::W32 => builder.ins().uload32(MEMORY, at, offset),
        Width::W64 => builder.ins().load(I64, MEMORY, at, offset),
    };
    let index = builder.ins().ushr_imm_u(number, 6);
    let inside = builder.ins().icmp(IntCC::UnsignedLessThanOrEqual, index, last);
    let index = builder.ins().select(inside, index, last);
    let from = builder.ins().ishl_imm_u(index, 3);
    let from = builder.ins().iadd(table, from);
    let word = builder.ins().load(I64, MEMORY, from, 0);
    let bit = builder.ins().band_imm_u(number, 63);
    let bit = builder.ins().ushr(word, bit);
    let inside = builder.ins().uextend(I64, inside);
    builder.ins().band(bit, inside)
}

fn lanes(width: Width) -> Type {
    match width {
        Width::W8 => I8X16,
        Width::W16 => I16X8,
        Width::W32 => I32X4,
        Width::W64 => I64X2,
    }
}

/// A constant of the operand block in every lane.
fn splat(emitter: &mut Emitter<'_, '_>, slot: usize, lanes: Type) -> Value {
    let vector = emitter.vector(slot);
    cast(emitter.builder, vector, lanes)
}

fn cast(builder: &mut FunctionBuilder<'_>, vector: Value, lanes: Type) -> Value {
    if builder.func.dfg.value_type(vector) == lanes {
        return vector;
    }
    builder.ins().bitcast(lanes, CAST, vector)
}

/// Compares the vectors of a column, narrowed to bytes.
fn each(
    emitter: &mut Emitter<'_, '_>,
    (slot, width): (usize, Width),
    compare: &mut dyn FnMut(&mut FunctionBuilder<'_>, Value) -> Value,
) -> [Value; 4] {
    let at = emitter.rows(slot, width);
    let builder = &mut *emitter.builder;
    [0, 1, 2, 3].map(|quarter| {
        let mut hits = load(builder, at, width, lanes(width), quarter);
        hits.iter_mut().for_each(|hit| *hit = compare(builder, *hit));
        narrow(builder, hits)
    })
}

fn doubles(
    emitter: &mut Emitter<'_, '_>,
    slot: usize,
    compare: &mut dyn FnMut(&mut FunctionBuilder<'_>, Value) -> Value,
) -> [Value; 4] {
    let at = emitter.rows(slot, Width::W64);
    let builder = &mut *emitter.builder;
    [0, 1, 2, 3].map(|quarter| {
        let mut hits = load(builder, at, Width::W64, F64X2, quarter);
        hits.iter_mut().for_each(|hit| *hit = compare(builder, *hit));
        narrow(builder, hits)
    })
}

/// What holds for any of several constants.
fn any<T>(
    builder: &mut FunctionBuilder<'_>,
    constants: impl Iterator<Item = T>,
    test: impl Fn(&mut FunctionBuilder<'_>, T) -> Value,
) -> Value {
    let mut all = None;
    for constant in constants {
        let own = test(builder, constant);
        all = Some(all.map_or(own, |before| builder.ins().bor(before, own)));
    }
    all.expect("a leaf has a constant")
}

/// Bytes in a set of 32 bytes: the high five bits of a byte choose one of them, the low three the
/// bit in it.
fn lookup(emitter: &mut Emitter<'_, '_>, slot: usize) -> [Value; 4] {
    let tables = [emitter.vector(slot + 1), emitter.vector(slot + 3)];
    let at = emitter.rows(slot, Width::W8);
    let builder = &mut *emitter.builder;
    let bytes = |builder: &mut FunctionBuilder<'_>, of: [u8; 16]| {
        let data = builder.func.dfg.constants.insert(ConstantData::from(&of[..]));
        builder.ins().vconst(I8X16, data)
    };
    let powers = bytes(builder, [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128]);
    let (seven, low, half) =
        (bytes(builder, [7; 16]), bytes(builder, [31; 16]), bytes(builder, [16; 16]));
    [0, 16, 32, 48].map(|from| {
        let codes = builder.ins().load(I8X16, MEMORY, at, from);
        let pairs = cast(builder, codes, I16X8);
        let three = builder.ins().iconst(I32, 3);
        let pairs = builder.ins().ushr(pairs, three);
        let shifted = cast(builder, pairs, I8X16);
        let index = builder.ins().band(shifted, low);
        // An index beyond 15 gives 0.
        let first = builder.ins().swizzle(tables[0], index);
        let index = builder.ins().isub(index, half);
        let second = builder.ins().swizzle(tables[1], index);
        let members = builder.ins().bor(first, second);
        let bit = builder.ins().band(codes, seven);
        let bit = builder.ins().swizzle(powers, bit);
        let hit = builder.ins().band(members, bit);
        builder.ins().icmp(IntCC::Equal, hit, bit)
    })
}

fn against(
    emitter: &mut Emitter<'_, '_>,
    slot: usize,
    (left, right, width): (Width, Width, Width),
    comparison: Comparison,
) -> [Value; 4] {
    let (first, second) = (emitter.rows(slot, left), emitter.rows(slot + 1, right));
    let own = lanes(width);
    let (add, other) = (splat(emitter, slot + 2, own), splat(emitter, slot + 4, own));
    let builder = &mut *emitter.builder;
    let code = match comparison {
        Comparison::Order(Order::Less) => IntCC::SignedLessThan,
        Comparison::Order(Order::LessEqual) => IntCC::SignedLessThanOrEqual,
        Comparison::Order(Order::Greater) => IntCC::SignedGreaterThan,
        Comparison::Order(Order::GreaterEqual) => IntCC::SignedGreaterThanOrEqual,
        Comparison::Equal | Comparison::NotEqual => IntCC::Equal,
    };
    [0, 1, 2, 3].map(|quarter| {
        let lefts = load(builder, first, left, own, quarter);
        let rights = load(builder, second, right, own, quarter);
        let hits = lefts.into_iter().zip(rights).map(|(left, right)| {
            let left = builder.ins().iadd(left, add);
            let right = builder.ins().iadd(right, other);
            builder.ins().icmp(code, left, right)
        });
        let hits = hits.collect();
        narrow(builder, hits)
    })
}

fn float_code(comparison: Comparison) -> FloatCC {
    match comparison {
        Comparison::Order(Order::Less) => FloatCC::LessThan,
        Comparison::Order(Order::LessEqual) => FloatCC::LessThanOrEqual,
        Comparison::Order(Order::Greater) => FloatCC::GreaterThan,
        Comparison::Order(Order::GreaterEqual) => FloatCC::GreaterThanOrEqual,
        Comparison::Equal | Comparison::NotEqual => FloatCC::Equal,
    }
}

/// Sixteen rows of a column, as vectors of lanes that are at least as wide.
fn load(
    builder: &mut FunctionBuilder<'_>,
    at: Value,
    width: Width,
    wanted: Type,
    quarter: usize,
) -> Vec<Value> {
    let from = (quarter * 16 * width.bytes()) as i32;
    let own = if wanted == F64X2 { F64X2 } else { lanes(width) };
    let mut vectors: Vec<Value> = (0..width.bytes() as i32)
        .map(|number| builder.ins().load(own, MEMORY, at, from + number * 16))
        .collect();
    let mut lane = own.lane_type();
    while lane.bits() < wanted.lane_type().bits() {
        let halves = vectors.iter().flat_map(|&vector| {
            [builder.ins().uwiden_low(vector), builder.ins().uwiden_high(vector)]
        });
        vectors = halves.collect();
        lane = builder.func.dfg.value_type(vectors[0]).lane_type();
    }
    vectors
}

/// Sixteen rows of 0 or -1 in lanes of any width, as one vector of bytes.
fn narrow(builder: &mut FunctionBuilder<'_>, mut vectors: Vec<Value>) -> Value {
    while vectors.len() > 1 {
        let pairs =
            vectors.chunks_exact(2).map(|pair| match builder.func.dfg.value_type(pair[0]) {
                I64X2 => halves(builder, pair[0], pair[1]),
                _ => builder.ins().snarrow(pair[0], pair[1]),
            });
        vectors = pairs.collect();
    }
    vectors[0]
}

/// The low halves of four lanes of 64 bits: there is no instruction that narrows them.
fn halves(builder: &mut FunctionBuilder<'_>, left: Value, right: Value) -> Value {
    const LOW: [u8; 16] = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
    let (left, right) = (cast(builder, left, I8X16), cast(builder, right, I8X16));
    let mask = builder.func.dfg.immediates.push(ConstantData::from(&LOW[..]));
    let low = builder.ins().shuffle(left, right, mask);
    cast(builder, low, I32X4)
}
