//! Kernels against the plain meaning of their shapes: random trees of every leaf and width, columns
//! between unreadable pages, faults planted in the code.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod caching;
mod fences;
mod rules;
mod trees;

use std::rc::Rc;
use std::sync::LazyLock;

use cranelift_codegen::ir::{Function, InstructionData, MemFlagsData, Opcode};

use super::budget::{Account, Budget};
use super::cache::{Cache, Making, Refusal};
use super::code::CodeError;
use super::faults;
use super::shape::Part;
use fences::Fences;
use trees::{Random, Tree};

const PLAIN: Making = Making { optimise: true, check: true, patience: 0 };

static BUDGET: LazyLock<Budget> = LazyLock::new(Budget::default);
/// Pays for nothing.
static FREE: LazyLock<Account<'static>> =
    LazyLock::new(|| Account { budget: &BUDGET, rule: "", cost: 0 });

/// Runs the kernel of `tree`, its columns where `fences` puts them, and compares row by row.
fn agrees(cache: &Cache, tree: &Tree, fences: &mut Fences) -> bool {
    fences.clear();
    let columns = tree.columns.iter().map(|column| fences.put(column.bytes())).collect::<Vec<_>>();
    let columns: Vec<&[u8]> = columns.iter().map(|at| fences.at(*at)).collect();
    let operands = tree.operands(&columns);
    let kernel = cache.kernel(operands.shape(), tree.rows, &FREE).unwrap_or_else(|_| {
        let refusal = cache.compile(operands.shape()).err();
        panic!("{:?} was refused: {refusal:.500?}", operands.shape())
    });
    let found = kernel.run(&operands, tree.rows);
    (0..tree.rows).all(|row| found.get(row) == tree.holds(row))
}

#[test]
fn kernels_do_what_their_shapes_say_between_unreadable_pages() {
    for optimise in [true, false] {
        let cache = Cache::new(Making { optimise, ..PLAIN }).unwrap();
        let mut held = [0, 0];
        for seed in 0..400 {
            let mut random = Random::new(seed);
            let tree = Tree::random(&mut random);
            for side in [fences::Side::Start, fences::Side::End] {
                let what = format!("seed {seed}, optimised {optimise}, {side:?}");
                assert!(agrees(&cache, &tree, &mut Fences::new(side)), "{what}: {:?}", tree.root);
            }
            (0..tree.rows).for_each(|row| held[usize::from(tree.holds(row))] += 1);
        }
        let share = held[1] * 100 / (held[0] + held[1]);
        assert!((20..80).contains(&share), "trees hold on {share}% of rows: too one-sided to tell");
    }
}

#[test]
fn planted_faults_are_found() {
    let trees: Vec<Tree> = (0..300).map(|seed| Tree::random(&mut Random::new(seed))).collect();
    for optimise in [true, false] {
        for fault in &faults::FAULTS {
            let mut cache = Cache::new(Making { optimise, check: false, ..PLAIN }).unwrap();
            cache.fault = Some(fault.plant);
            let mut fences = Fences::new(fences::Side::Start);
            let found = trees.iter().any(|tree| !agrees(&cache, tree, &mut fences));
            assert!(found, "{}, optimised {optimise}, went unnoticed", fault.name);
        }
    }
}

#[test]
fn code_never_traps_and_calls_nothing() {
    let cache = Cache::new(PLAIN).unwrap();
    for seed in 0..200 {
        let tree = Tree::random(&mut Random::new(seed));
        let bytes: Vec<Vec<u8>> =
            tree.columns.iter().map(|column| column.bytes().to_vec()).collect();
        let columns: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
        let text = cache.function(tree.operands(&columns).shape()).display().to_string();
        for word in ["trap", "div", "rem", "call", "fcvt", "stack_"] {
            let found = text.replace("notrap", "").contains(word);
            assert!(!found, "{word} in {text}");
        }
        assert_eq!(text.matches("store").count(), 1, "{text}");
    }
}

#[test]
fn what_might_trap_is_refused() {
    let mut cache = Cache::new(PLAIN).unwrap();
    assert!(cache.compile(&[Part::Present]).is_ok());
    let mut trap = |fault: fn(&mut Function)| {
        cache.fault = Some(fault);
        match cache.compile(&[Part::Present]) {
            Err(Refusal::Code(CodeError::Traps(opcode))) => Some(opcode),
            _ => None,
        }
    };
    let divides = |function: &mut Function| faults::replace(function, Opcode::Iadd, Opcode::Udiv);
    assert_eq!(trap(divides), Some(Opcode::Udiv));
    assert_eq!(trap(unvouched), Some(Opcode::Load));
}

#[test]
fn the_largest_shape_compiles_within_the_code_generators_limits() {
    let cache = Cache::new(Making { check: false, ..PLAIN }).unwrap();
    let mut random = Random::new(7);
    let tree = Tree::wide(&mut random, super::fuse::LEAVES);
    let mut fences = Fences::new(fences::Side::End);
    assert!(agrees(&cache, &tree, &mut fences));
}

#[test]
fn no_page_is_writable_and_executable() {
    let cache = Cache::new(PLAIN).unwrap();
    let mut kernels = Vec::new();
    for seed in 0..50 {
        let tree = Tree::random(&mut Random::new(seed));
        let bytes: Vec<Vec<u8>> =
            tree.columns.iter().map(|column| column.bytes().to_vec()).collect();
        let columns: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
        kernels.push(cache.kernel(tree.operands(&columns).shape(), 64, &FREE).unwrap());
        let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else {
            println!("skipped: /proc/self/maps cannot be read here");
            return;
        };
        assert!(maps.lines().any(|line| line.contains("r-xp")), "{maps}");
        assert_eq!(maps.lines().find(|line| line.contains("rwx")), None, "after seed {seed}");
    }
}

/// Makes of each load one that may trap.
fn unvouched(function: &mut Function) {
    let flags = function.dfg.mem_flags.insert(MemFlagsData::new()).unwrap();
    faults::each(function, |data| {
        if let InstructionData::Load { flags: own, .. } = data {
            *own = flags;
        }
    });
}

/// A shared set of codes.
type Codes = Rc<crate::columns::Codes>;
