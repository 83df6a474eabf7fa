//! What it takes to make code of rules: one rule, a thousand, the largest that the limits allow.
//! Text to module is measured apart from module to code. Code is made when a segment first asks, so
//! that here a new engine probes a small segment with all columns; what a new engine takes alone,
//! one kernel for a look whether code runs included, stands first.

use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

use betrace_compiler::{
    Jit, JitOptions, Key, Params, ReadOptions, RuleSource, Statement, limits, lower, optimise,
    parse_rule,
};
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use ir::Module;
use ir::module::Severity;

fn compile(criterion: &mut Criterion) {
    let one = [rule(0)];
    let thousand: Vec<String> = (0..1_000).map(rule).collect();
    let largest = [largest()];
    let mut group = criterion.benchmark_group("compile");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(2));
    group.bench_function("an engine", |bencher| {
        bencher.iter(|| black_box(Jit::new(JitOptions::default())));
    });
    for (name, texts) in
        [("one rule", &one[..]), ("1,000 rules", &thousand), ("the largest rule", &largest)]
    {
        let module = module(texts);
        let jit = Jit::assuming(&module).expect("this machine runs code");
        let kernels = jit.kernels();
        assert!(kernels > 0, "{name} comes to code");
        group.bench_function(format!("{name}/text to module"), |bencher| {
            bencher.iter(|| black_box(self::module(texts)));
        });
        group.bench_function(format!("{name}/module to {kernels} kernels"), |bencher| {
            bencher.iter(|| black_box(Jit::assuming(&module)));
        });
    }
    group.finish();
}

/// A rule of the common kind, with constants of its own.
fn rule(number: usize) -> String {
    let first = number % 50;
    format!(
        "when {{ trace.has(charge{first}).where(amount > {number} and currency == k{number}) }} \
         always {{ trace.has(check{first}).where(score < {number} or status == error) }}"
    )
}

/// As many comparisons as a rule's text may hold, over many attributes, which are asked again and
/// again far apart.
fn largest() -> String {
    let mut text = "never { trace.has(op).where(".to_owned();
    let mut number = 0;
    while number < limits::COMPARISONS && text.len() < limits::RULE_TEXT_BYTES - 32 {
        let join = ["", " or ", " and "][if number == 0 { 0 } else { 1 + number % 3 / 2 }];
        let order = ["<", ">", "=="][number % 3];
        write!(text, "{join}a{} {order} {number}", number * 7 % 1_000).expect("memory suffices");
        number += 1;
    }
    text + ") }"
}

fn module(texts: &[String]) -> Module {
    let statements: Vec<Statement> = texts.iter().map(|text| statement(text)).collect();
    let ids: Vec<String> = (0..texts.len()).map(|number| number.to_string()).collect();
    let sources = statements.iter().zip(&ids).map(|(statement, id)| RuleSource {
        id,
        severity: Severity::High,
        signal_type: None,
        message: "",
        statement,
        context: &[],
    });
    optimise(lower(sources, None).expect("rules that were read can be lowered"))
}

fn statement(text: &str) -> Statement {
    let params = Params::default();
    let options =
        ReadOptions { key: Key::Condition, has_signal: false, params: &params, description: None };
    let parsed = parse_rule(text, &options);
    parsed.statement.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics))
}

criterion_group!(benches, compile);
criterion_main!(benches);
