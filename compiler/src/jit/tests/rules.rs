//! Rules as large as the limits allow: what compiling them takes is bounded, whatever they say.

use std::fmt::Write;
use std::ops::Range;
use std::time::{Duration, Instant};

use ir::module::{AtomId, Severity};
use ir::segment::{OperationRows, Table};
use ir::{Engine, Module, Segment};

use super::trees::Random;
use crate::jit::budget::RULE_COST;
use crate::jit::{Jit, JitOptions, LeftToLoops, Limit, assume};
use crate::{Columns, Key, Params, ReadOptions, RuleSource, limits, lower, optimise, parse_rule};

#[test]
fn the_largest_rules_compile_within_bounds_or_run_as_loops() {
    let tries = std::env::var("BETRACE_RULES").ok().and_then(|text| text.parse().ok());
    let (mut longest, mut refused, mut most) = (Duration::ZERO, 0, 0);
    let tries = tries.unwrap_or(6);
    for seed in 0..tries {
        let module = module(&rule(&mut Random::new(seed)));
        let segment = assume::segment(&module);
        let atoms: Vec<AtomId> = (0..module.atoms.len()).map(AtomId::new).collect();
        let jit = Jit::new(JitOptions::default()).unwrap();
        let started = Instant::now();
        let found = jit.probe(&module, &segment, &atoms).unwrap();
        longest = longest.max(started.elapsed());
        assert_eq!(found, Columns.probe(&module, &segment, &atoms).unwrap(), "seed {seed}");
        refused += jit.left_to_loops().len();
        most = most.max(jit.kernels());
        for left in jit.left_to_loops() {
            assert_eq!((&*left.rule, left.why), ("rule", Limit::Rule));
        }
    }
    println!("{tries} rules: {longest:?} at most, {refused} ran as loops in part");
    // The bound is one for optimised builds.
    assert!(cfg!(debug_assertions) || longest <= Duration::from_millis(250), "{longest:?}");
    // What a kernel takes is bounded by its size, what a rule takes by their sizes' sum.
    assert!(most <= 256, "{most} kernels for one rule");
    assert!(refused > 0, "no rule came to the bound: this test is blind");
}

#[test]
fn operations_and_segments_of_all_widths_share_what_one_rule_may_have_compiled() {
    let tests: Vec<String> = (0..40).map(|number| format!("a{} > {number}", number % 5)).collect();
    let text = format!("never {{ trace.has(\"*\").where({}) }}", tests.join(" or "));
    let module = module(&text);
    let atoms: Vec<AtomId> = (0..module.atoms.len()).map(AtomId::new).collect();
    let jit = Jit::new(JitOptions::default()).unwrap();
    for first in [0, 40] {
        let segment = widths(&module, first..first + 40);
        let found = jit.probe(&module, &segment, &atoms).unwrap();
        assert_eq!(found, Columns.probe(&module, &segment, &atoms).unwrap());
    }
    let made = jit.cache.shapes();
    let made = made.iter().map(|shape| jit.cache.function(shape).dfg.num_insts());
    let (kernels, instructions) = made.fold((0, 0), |sum, insts| (sum.0 + 1, sum.1 + insts));
    assert!(kernels >= 5, "{kernels} kernels: the loops did nearly everything");
    assert!(instructions < RULE_COST * 5 / 4, "{kernels} kernels of {instructions} instructions");
    assert_eq!(jit.left_to_loops(), [LeftToLoops { rule: "rule".to_owned(), why: Limit::Rule }]);
}

/// A segment with an operation of each number, whose columns have the widths of its digits.
fn widths(module: &Module, numbers: Range<usize>) -> Segment {
    let mut segment = assume::segment(module);
    let (table, operation) = (segment.table(0), &segment.operations[0]);
    let apart = [1, 1 << 9, 1 << 20, 1 << 40];
    let of = |number: usize, key: usize| assume::integers(apart[number >> (2 * key) & 3]);
    let keys = 0..segment.keys.len();
    let attributes = |number: usize| keys.clone().map(|key| of(number, key)).collect();
    let tables = numbers.clone();
    let tables =
        tables.map(|number| Table { attributes: attributes(number), ..table.clone() }).collect();
    let operations = numbers.enumerate();
    let operations = operations.map(|(table, number)| OperationRows {
        name: format!("operation {number:03}").into(),
        table,
        ..operation.clone()
    });
    segment.operations = operations.collect();
    segment.tables = tables;
    segment
}

/// A rule of as many comparisons as its text holds, over few or many attributes, nested or not.
fn rule(random: &mut Random) -> String {
    let attributes = [3, 60, 1_000][random.below(3)];
    let mut text = "never { trace.has(op).where(".to_owned();
    let mut open = 0;
    for number in 0..limits::COMPARISONS {
        if text.len() > limits::RULE_TEXT_BYTES - 400 {
            break;
        }
        if number > 0 {
            text.push_str([" and ", " or "][random.below(2)]);
        }
        if open < 20 && random.below(4) == 0 {
            text.push_str(["(", "not ("][random.below(2)]);
            open += 1;
        }
        let order = ["<", ">", "<=", ">=", "=="][random.below(5)];
        let (key, constant) = (random.below(attributes), random.below(20_000));
        write!(text, "a{key} {order} {constant}").unwrap();
        if open > 0 && random.below(4) == 0 {
            text.push(')');
            open -= 1;
        }
    }
    (0..open).for_each(|_| text.push(')'));
    text + ") }"
}

fn module(text: &str) -> Module {
    let params = Params::default();
    let options =
        ReadOptions { key: Key::Condition, has_signal: false, params: &params, description: None };
    let parsed = parse_rule(text, &options);
    let statement = parsed.statement.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
    let source = RuleSource {
        id: "rule",
        severity: Severity::High,
        signal_type: None,
        message: "",
        statement: &statement,
        context: &[],
    };
    optimise(lower([source], None).unwrap())
}
