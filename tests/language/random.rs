//! Random rules over random traces: the naive evaluator and every engine give one answer, for
//! verdicts, witnesses and totals. `ROUNDS=100000` in the environment makes it a long run.

use crate::engines::answers;
use crate::naive::Verdict;
use crate::reading::read;
use crate::traces::trace;
use crate::whole_way;

/// Rounds of a short run.
const ROUNDS: u64 = 120;
/// Rules, and traces, of one round.
const PER_ROUND: usize = 8;

const OPERATIONS: [&str; 7] = ["a", "b", "b.c", "\"a*\"", "\"*\"", "\"*c\"", "\"b*.*c\""];
const NAMES: [&str; 6] = ["a", "b", "b.c", "ab", "\"b.x.c\"", "other"];
const KEYS: [&str; 9] =
    ["x", "y", "span.x", "resource.x", "resource.y", "m", "m.k", "m.k.j", "span.m.k"];
const CONSTANTS: [&str; 24] = [
    "5",
    "5.0",
    "-1",
    "0",
    "0.1",
    "007",
    "1e3",
    "1e300",
    "9007199254740993",
    "9007199254740992",
    "9223372036854775807",
    "true",
    "false",
    "\"5\"",
    "\"5.0\"",
    "\"007\"",
    "\"abc\"",
    "\"\"",
    "\"NaN\"",
    "\"[1,2]\"",
    "\"true\"",
    "\"-1\"",
    "\"é\"",
    "\"1e3\"",
];
pub const VALUES: [&str; 36] = [
    "5",
    "5.0",
    "-1",
    "-0.0",
    "0",
    "0.1",
    "1e3",
    "1e300",
    "1e19",
    "-1e-7",
    "NaN",
    "Infinity",
    "-Infinity",
    "9007199254740993",
    "9007199254740992.0",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775807.0",
    "true",
    "false",
    "\"5\"",
    "\"5.0\"",
    "\"007\"",
    "abc",
    "\"\"",
    "\"NaN\"",
    "\"true\"",
    "\"é\"",
    "\"1e3\"",
    "\"-1\"",
    "nothing",
    "b\"AAE=\"",
    "[1, 2]",
    "[5, \"a,\\\"b\", [1, 2], nothing, 0.5]",
    "{k=5, k=\"x\", j={j=1}}",
    "{k={j=5}}",
];
const PATTERNS: [&str; 6] = ["^5", "a.c", "\\d+\\.\\d", "", "^\\[", "(?i)NAN"];
const LENGTHS: [&str; 6] = ["1ns", "1ms", "2ms", "3ms", "1s", "10s"];
const ORDERINGS: [&str; 4] = ["<", "<=", ">", ">="];

#[test]
fn all_evaluators_agree_on_random_rules_and_traces() {
    let rounds = std::env::var("ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut seen = [0; 3];
    for round in 0..rounds {
        let mut random = Random(round);
        let texts: Vec<String> = (0..PER_ROUND).map(|_| random.rule()).collect();
        let rules: Vec<_> = texts.iter().map(|text| read(text)).collect();
        let traces: Vec<_> = (0..PER_ROUND).map(|_| trace(&random.trace())).collect();
        if round % 4 == 0 {
            whole_way::check(&rules, &traces);
        }
        for (verdict, _) in answers(&rules, &traces).into_iter().flatten() {
            seen[verdict as usize] += 1;
        }
    }
    let each = [Verdict::NotApplicable, Verdict::Passed, Verdict::Violated].map(|v| v as usize);
    let least = rounds as usize * PER_ROUND * PER_ROUND / 10;
    assert!(each.iter().all(|&verdict| seen[verdict] > least), "one-sided: {seen:?}");
}

#[test]
fn a_rule_written_otherwise_has_the_same_verdicts() {
    for round in 0..ROUNDS {
        let mut random = Random(round);
        let (a, b) = (random.condition(1), random.condition(1));
        let (p, q) = (random.predicate(1), random.predicate(1));
        let operation = random.pick(&OPERATIONS);
        let alike = [
            vec![
                format!("never {{ {a} }}"),
                format!("never {{ not not ({a}) }}"),
                format!("always {{ not ({a}) }}"),
            ],
            vec![
                format!("never {{ {a} and {b} }}"),
                format!("never {{ {b} and {a} }}"),
                format!("never {{ not (not ({a}) or not ({b})) }}"),
                format!("when {{ {a} }} never {{ {b} }}"),
            ],
            vec![format!("always {{ {a} or {b} }}"), format!("always {{ {b} or {a} }}")],
            vec![
                format!("never {{ trace.has({operation}).where({p} and {q}) }}"),
                format!("never {{ trace.has({operation}).where({q} and {p}) }}"),
                format!("never {{ trace.has({operation}).where({q}).where(not not ({p})) }}"),
                format!("never {{ trace.count({operation}).where({p} and {q}) > 0 }}"),
            ],
        ];
        let traces: Vec<_> = (0..PER_ROUND).map(|_| trace(&random.trace())).collect();
        for texts in alike {
            let rules: Vec<_> = texts.iter().map(|text| read(text)).collect();
            let violated: Vec<Vec<bool>> = answers(&rules, &traces)
                .iter()
                .map(|answers| answers.iter().map(|(verdict, _)| is_violated(verdict)).collect())
                .collect();
            for (text, found) in texts.iter().zip(&violated) {
                assert_eq!(found, &violated[0], "round {round}: {} and {text}", texts[0]);
            }
        }
    }
}

fn is_violated(verdict: &Verdict) -> bool {
    *verdict == Verdict::Violated
}

/// splitmix64.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn one_in(&mut self, parts: usize) -> bool {
        self.below(parts) == 0
    }

    fn pick(&mut self, from: &[&str]) -> String {
        from[self.below(from.len())].to_owned()
    }

    /// The text of a rule.
    pub fn rule(&mut self) -> String {
        let when = format!("when {{ {} }} ", self.condition(2));
        let always = format!("always {{ {} }} ", self.condition(2));
        let never = format!("never {{ {} }}", self.condition(2));
        match self.below(6) {
            0 => always,
            1 => never,
            2 => always + &never,
            3 => when + &always,
            4 => when + &never,
            _ => when + &always + &never,
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 5 } else { 8 }) {
            0 | 1 => format!("trace.has({}){}", self.pick(&OPERATIONS), self.filter()),
            2 => {
                let number = self.below(4);
                format!("{} {} {number}", self.count(), self.comparison())
            }
            3 if self.one_in(2) => {
                format!("{} {} {}", self.count(), self.comparison(), self.count())
            }
            3 => format!("{} {} {}", self.below(3), self.comparison(), self.count()),
            4 => self.trace_test(),
            5 => format!("not ({})", self.condition(depth - 1)),
            6 => format!("({} and {})", self.condition(depth - 1), self.condition(depth - 1)),
            _ => format!("({} or {})", self.condition(depth - 1), self.condition(depth - 1)),
        }
    }

    fn count(&mut self) -> String {
        let operation = self.pick(&OPERATIONS);
        let mut count = match self.below(2) {
            0 => format!("trace.count({operation})"),
            _ => format!("trace.count_distinct({operation}, {})", self.pick(&KEYS)),
        };
        count += &self.filter();
        if self.one_in(3) {
            count += &format!(".by({})", self.pick(&KEYS));
        }
        if self.one_in(3) {
            count += &format!(".within({})", self.pick(&LENGTHS));
        }
        count
    }

    fn trace_test(&mut self) -> String {
        match self.below(3) {
            0 => format!("trace:duration {} {}", self.comparison(), self.pick(&LENGTHS)),
            1 => {
                let operator = self.pick(&["==", "!=", "contains", "matches", "starts_with"]);
                format!("trace:rootName {operator} \"{}\"", self.pick(&["a", "b.c", "b"]))
            }
            _ => format!("trace:rootService {} \"shop\"", self.pick(&["==", "!=", "ends_with"])),
        }
    }

    fn filter(&mut self) -> String {
        match self.one_in(3) {
            true => String::new(),
            false => format!(".where({})", self.predicate(2)),
        }
    }

    fn predicate(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 5 } else { 8 }) {
            0..=3 => self.test(),
            4 => match self.below(2) {
                0 => format!("exists({})", self.pick(&KEYS)),
                _ => self.pick(&KEYS),
            },
            5 => format!("not ({})", self.predicate(depth - 1)),
            6 => format!("({} and {})", self.predicate(depth - 1), self.predicate(depth - 1)),
            _ => format!("({} or {})", self.predicate(depth - 1), self.predicate(depth - 1)),
        }
    }

    fn test(&mut self) -> String {
        let key = self.pick(&KEYS);
        match self.below(12) {
            0 => format!("{key} in [{}, {}]", self.pick(&CONSTANTS), self.pick(&CONSTANTS)),
            1 => format!("{key} not in [{}]", self.pick(&CONSTANTS)),
            2 => format!("{key} matches \"{}\"", self.pick(&PATTERNS)),
            3 => {
                let operator = self.pick(&["contains", "starts_with", "ends_with"]);
                format!("{key} {operator} {}", self.pick(&CONSTANTS))
            }
            4 => format!("{key} {} span.y", self.comparison()),
            5 => format!("{key} {} resource.y", self.comparison()),
            6 => format!("{key} {} y", self.pick(&ORDERINGS)),
            7 => self.intrinsic_test(),
            _ => format!("{key} {} {}", self.comparison(), self.pick(&CONSTANTS)),
        }
    }

    /// A test of one key, now and then negated or against a second.
    pub fn test_of(&mut self, key: &str) -> String {
        let test = match self.below(10) {
            0 => format!("{key} in [{}, {}]", self.pick(&CONSTANTS), self.pick(&CONSTANTS)),
            1 => format!("exists({key})"),
            2 => format!("{key} starts_with {}", self.pick(&CONSTANTS)),
            3 => format!("{key} {} span.y", self.comparison()),
            _ => format!("{key} {} {}", self.comparison(), self.pick(&CONSTANTS)),
        };
        if self.one_in(4) { format!("not {test}") } else { test }
    }

    /// A condition about few operations and values, which has much to do with others like it.
    pub fn narrow_condition(&mut self) -> String {
        let operation = self.pick(&["a", "a", "\"a*\""]);
        let filter =
            if self.one_in(2) { String::new() } else { format!(".where({})", self.test_of("x")) };
        let condition = match self.below(4) {
            0 => format!("trace.has({operation}){filter}"),
            1 => format!("trace.count_distinct({operation}, x){filter}"),
            2 => format!("trace.count({operation}){filter}.by(y)"),
            _ => format!("trace.count({operation}){filter}"),
        };
        let condition = match condition.starts_with("trace.has") {
            true => condition,
            false => format!("{condition} {} {}", self.comparison(), self.below(3)),
        };
        if self.one_in(3) { format!("not {condition}") } else { condition }
    }

    fn intrinsic_test(&mut self) -> String {
        match self.below(5) {
            0 => format!("span:kind {} {}", self.equality(), self.pick(&["server", "client"])),
            1 => format!("span:status {} {}", self.equality(), self.pick(&["error", "unset"])),
            2 => format!("span:statusMessage {} \"5\"", self.comparison()),
            3 => format!("span:name {} span.x", self.comparison()),
            _ => format!("span:duration {} {}", self.comparison(), self.pick(&LENGTHS)),
        }
    }

    fn comparison(&mut self) -> String {
        match self.below(3) {
            0 => self.equality(),
            _ => self.pick(&ORDERINGS),
        }
    }

    fn equality(&mut self) -> String {
        self.pick(&["==", "!="])
    }

    /// A trace in the notation.
    pub fn trace(&mut self) -> String {
        let mut spans: Vec<String> = (0..1 + self.below(7)).map(|id| self.span(id + 1)).collect();
        if self.one_in(4) {
            spans.push(spans[0].clone() + " ^none");
            spans[0] += " ^none";
        }
        spans.join(", ")
    }

    fn span(&mut self, id: usize) -> String {
        let mut entries: Vec<String> = Vec::new();
        for _ in 0..self.below(5) {
            let key =
                self.pick(&["x", "x", "y", "m", "m.k", "resource.x", "resource.y", "resource.m"]);
            entries.push(format!("{key}={}", self.pick(&VALUES)));
        }
        for (key, values) in [
            ("resource.service.name", ["shop", "\"web shop\"", "bank"]),
            ("span:kind", ["server", "client", "internal"]),
            ("span:status", ["error", "ok", "unset"]),
            ("span:statusMessage", ["\"5\"", "\"\"", "late"]),
        ] {
            if self.one_in(3) {
                entries.push(format!("{key}={}", self.pick(&values)));
            }
        }
        let name = self.pick(&NAMES);
        let start = self.pick(&["0s", "0s", "1ms", "1ms", "2ms", "3ms", "2999us", "5s"]);
        let length = self.pick(&["1ms", "0ns", "-1ms", "2ms", "3s"]);
        let parent = self.pick(&["", "", "^none", "^lost"]);
        format!("{name}{{{}}} @{start} +{length} {parent} #{id}", entries.join(", "))
    }
}
