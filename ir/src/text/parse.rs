//! Reads the text form of a module back.

use super::{HEADER, ORDERS, SPAN_FIELDS, TRACE_FIELDS};
use crate::module::{
    Atom, AtomId, Clause, Comparison, Count, Field, FieldId, Formula, FormulaId, Module, Operation,
    OperationId, Pattern, Predicate, PredicateId, Quantity, Rule, Scalar, SetId, Severity, SpanSet,
    Test,
};
use crate::value::read_json_text;
use crate::verify::{Invalid, verify};

/// Why a text is not a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// A line is not of the form.
    #[error("line {line}: expected {expected}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What would fit at the first place that does not.
        expected: &'static str,
    },
    /// The lines are fine, the module is not.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// Reads a module and verifies it.
///
/// # Errors
/// The first line that is not of the form, or the first thing that does not hold of the module.
pub fn parse(text: &str) -> Result<Module, TextError> {
    let mut module = Module::default();
    let mut lines = text.lines().enumerate();
    if lines.next().map(|(_, line)| line) != Some(HEADER) {
        return Err(TextError::Syntax { line: 1, expected: "the header `betrace-ir 1`" });
    }
    for (at, line) in lines {
        let mut words = Words { rest: line.trim() };
        if !words.rest.is_empty() {
            entry(&mut module, &mut words)
                .map_err(|expected| TextError::Syntax { line: at + 1, expected })?;
        }
    }
    verify(&module)?;
    Ok(module)
}

type Parsed<T> = Result<T, &'static str>;

fn entry(module: &mut Module, words: &mut Words<'_>) -> Parsed<()> {
    let first = words.word()?;
    match first {
        "rule" => module.rules.push(rule(words)?),
        "group" => module.group_by = Some(FieldId(words.handle("field")?)),
        "type" | "when" | "always" | "never" | "operation" | "context" => {
            let rule = module.rules.last_mut().ok_or("a `rule` before its parts")?;
            part(rule, first, words)?;
        }
        _ => {
            words.expect("=")?;
            let digits = first.trim_start_matches(|c: char| !c.is_ascii_digit());
            let number: usize = digits.parse().map_err(|_| "a handle such as `op0`")?;
            let table = &first[..first.len() - digits.len()];
            if number != table_entry(module, table, words)? {
                return Err("handles of a table in order, from 0");
            }
        }
    }
    if words.rest.is_empty() { Ok(()) } else { Err("the end of the line") }
}

/// Adds the entry to its table; the result is the number that it got.
fn table_entry(module: &mut Module, table: &str, words: &mut Words<'_>) -> Parsed<usize> {
    fn push<T>(entries: &mut Vec<T>, entry: T) -> usize {
        entries.push(entry);
        entries.len() - 1
    }
    Ok(match table {
        "op" => push(&mut module.operations, operation(words)?),
        "field" => push(&mut module.fields, field(words)?),
        "pred" => push(&mut module.predicates, predicate(words)?),
        "set" => {
            let operation = OperationId(words.handle("op")?);
            let predicate = PredicateId(words.handle("pred")?);
            push(&mut module.sets, SpanSet { operation, predicate })
        }
        "atom" => push(&mut module.atoms, atom(words)?),
        "f" => push(&mut module.formulas, formula(words)?),
        _ => return Err("`op`, `field`, `pred`, `set`, `atom` or `f` with a number"),
    })
}

fn rule(words: &mut Words<'_>) -> Parsed<Rule> {
    let id = words.text()?;
    let severity = Severity::from_name(words.word()?).ok_or("a severity")?;
    Ok(Rule {
        id,
        severity,
        hash: words.text()?,
        signal_type: None,
        message: words.text()?,
        when: None,
        always: Vec::new(),
        never: Vec::new(),
        operations: Vec::new(),
        context: Vec::new(),
    })
}

fn part(rule: &mut Rule, word: &str, words: &mut Words<'_>) -> Parsed<()> {
    match word {
        "type" => rule.signal_type = Some(words.text()?),
        "when" => rule.when = Some(FormulaId(words.handle("f")?)),
        "always" | "never" => {
            let formula = FormulaId(words.handle("f")?);
            let clause = Clause { formula, text: words.text()? };
            if word == "always" { &mut rule.always } else { &mut rule.never }.push(clause);
        }
        "operation" => rule.operations.push(OperationId(words.handle("op")?)),
        _ => rule.context.push((words.text()?, FieldId(words.handle("field")?))),
    }
    Ok(())
}

fn operation(words: &mut Words<'_>) -> Parsed<Operation> {
    if !words.take("wildcard") {
        return Ok(Operation::Named(words.text()?));
    }
    let mut pieces = Vec::new();
    while !words.rest.is_empty() {
        pieces.push(words.text()?);
    }
    Ok(Operation::Wildcard(pieces.into()))
}

fn field(words: &mut Words<'_>) -> Parsed<Field> {
    Ok(match words.word()? {
        "any" => Field::Any(words.text()?),
        "span" => Field::Span(words.text()?),
        "resource" => Field::Resource(words.text()?),
        word => {
            let found = SPAN_FIELDS.into_iter().find(|(_, name)| *name == word);
            found.map(|(field, _)| field).ok_or("a field")?
        }
    })
}

fn predicate(words: &mut Words<'_>) -> Parsed<Predicate> {
    Ok(match words.word()? {
        "true" => Predicate::Const(true),
        "false" => Predicate::Const(false),
        "not" => Predicate::Not(PredicateId(words.handle("pred")?)),
        "and" => Predicate::And(words.handles("pred", PredicateId)?),
        "or" => Predicate::Or(words.handles("pred", PredicateId)?),
        "test" => Predicate::Test(FieldId(words.handle("field")?), test(words)?),
        _ => return Err("`true`, `false`, `not`, `and`, `or` or `test`"),
    })
}

fn test(words: &mut Words<'_>) -> Parsed<Test> {
    Ok(match words.word()? {
        "exists" => Test::Exists,
        "in" => {
            words.expect("[")?;
            let mut constants = Vec::new();
            while !words.take("]") {
                constants.push(scalar(words)?);
            }
            Test::In(constants.into())
        }
        "matches" => {
            let source = words.text()?;
            Test::Matches(Pattern::new(&source).map_err(|_| "a regular expression")?)
        }
        "contains" => Test::Contains(words.text()?),
        "starts_with" => Test::StartsWith(words.text()?),
        "ends_with" => Test::EndsWith(words.text()?),
        "==" if words.rest.starts_with("field") => {
            Test::EqualField(FieldId(words.handle("field")?))
        }
        "==" => Test::Equal(scalar(words)?),
        sign => {
            let found = ORDERS.into_iter().find(|(_, name)| *name == sign);
            let (order, _) = found.ok_or("a test")?;
            if words.rest.starts_with("field") {
                Test::OrderField(order, FieldId(words.handle("field")?))
            } else {
                Test::Order(order, scalar(words)?)
            }
        }
    })
}

fn scalar(words: &mut Words<'_>) -> Parsed<Scalar> {
    if words.rest.starts_with('"') {
        return Ok(Scalar::Text(words.text()?));
    }
    match words.word()? {
        "true" => Ok(Scalar::Bool(true)),
        "false" => Ok(Scalar::Bool(false)),
        word => match word.parse() {
            Ok(int) => Ok(Scalar::Int(int)),
            Err(_) => word.parse().map(Scalar::Float).map_err(|_| "a constant"),
        },
    }
}

fn atom(words: &mut Words<'_>) -> Parsed<Atom> {
    match words.word()? {
        "has" => Ok(Atom::Has(SetId(words.handle("set")?))),
        "compare" => {
            let left = quantity(words)?;
            let comparison = match words.word()? {
                "==" => Comparison::Equal,
                "!=" => Comparison::NotEqual,
                sign => {
                    let found = ORDERS.into_iter().find(|(_, name)| *name == sign);
                    Comparison::Order(found.ok_or("a comparison")?.0)
                }
            };
            Ok(Atom::Compare(left, comparison, quantity(words)?))
        }
        "trace" => {
            let word = words.word()?;
            let found = TRACE_FIELDS.into_iter().find(|(_, name)| *name == word);
            let (field, _) = found.ok_or("a field of a trace")?;
            Ok(Atom::Trace(field, test(words)?))
        }
        _ => Err("`has`, `compare` or `trace`"),
    }
}

fn quantity(words: &mut Words<'_>) -> Parsed<Quantity> {
    if !words.take("count") {
        return Ok(Quantity::Number(scalar(words)?));
    }
    let mut count =
        Count { set: SetId(words.handle("set")?), distinct: None, by: None, within: None };
    if words.take("distinct") {
        count.distinct = Some(FieldId(words.handle("field")?));
    }
    if words.take("by") {
        count.by = Some(FieldId(words.handle("field")?));
    }
    if words.take("within") {
        count.within = Some(words.word()?.parse().map_err(|_| "nanoseconds")?);
    }
    Ok(Quantity::Count(count))
}

fn formula(words: &mut Words<'_>) -> Parsed<Formula> {
    if words.rest.starts_with("atom") {
        return Ok(Formula::Atom(AtomId(words.handle("atom")?)));
    }
    Ok(match words.word()? {
        "true" => Formula::Const(true),
        "false" => Formula::Const(false),
        "not" => Formula::Not(FormulaId(words.handle("f")?)),
        "and" => Formula::And(words.handles("f", FormulaId)?),
        "or" => Formula::Or(words.handles("f", FormulaId)?),
        _ => return Err("a formula"),
    })
}

/// What is left of a line: words between spaces, and quoted strings.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn word(&mut self) -> Parsed<&'a str> {
        let (word, rest) = self.rest.split_once(' ').unwrap_or((self.rest, ""));
        self.rest = rest;
        if word.is_empty() { Err("one more word") } else { Ok(word) }
    }

    fn take(&mut self, word: &str) -> bool {
        let mut after = Words { rest: self.rest };
        let found = after.word() == Ok(word);
        if found {
            self.rest = after.rest;
        }
        found
    }

    fn expect(&mut self, word: &'static str) -> Parsed<()> {
        if self.take(word) { Ok(()) } else { Err(word) }
    }

    fn handle(&mut self, table: &'static str) -> Parsed<u32> {
        let number = self.word()?.strip_prefix(table).ok_or(table)?;
        number.parse().map_err(|_| "a handle's number")
    }

    fn handles<T>(&mut self, table: &'static str, id: fn(u32) -> T) -> Parsed<Box<[T]>> {
        let mut ids = Vec::new();
        while !self.rest.is_empty() {
            ids.push(id(self.handle(table)?));
        }
        Ok(ids.into())
    }

    fn text(&mut self) -> Parsed<Box<str>> {
        let (text, rest) = read_json_text(self.rest).ok_or("a quoted string")?;
        self.rest = match rest.strip_prefix(' ') {
            Some(rest) => rest,
            None if rest.is_empty() => rest,
            None => return Err("a space after the string"),
        };
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"betrace-ir 1
op0 = "payment.charge"
op1 = wildcard "GET " ""
field0 = any "attempt"
field1 = span "a \"quoted\"\nkey"
field2 = resource "service.name"
field3 = duration
pred0 = true
pred1 = test field0 > 1
pred2 = test field1 in [ "a b" "]" 5 -1.5 1e19 true ]
pred3 = test field2 == field1
pred4 = test field3 <= field0
pred5 = not pred1
pred6 = or pred1 pred2 pred5
pred7 = and pred6 pred3 pred4
pred8 = test field1 matches "^\\d+$"
set0 = op0 pred7
set1 = op1 pred8
atom0 = has set0
atom1 = compare count set0 distinct field0 by field1 within 60000000000 == 1
atom2 = compare count set0 != count set1
atom3 = trace duration > 5000000000
atom4 = trace root_name starts_with "GET"
f0 = atom0
f1 = not f0
f2 = and f0 f1
f3 = atom4
group field2
rule "one" critical "00ff" "says \"so\""
  type "TOO_MUCH"
  when f0
  always f2 "trace.has(a)"
  never f3 "trace.has(b)"
  operation op0
  operation op1
  context "attempt" field0
rule "two" info "" ""
  never f1 "x"
"#;

    #[test]
    fn what_it_prints_parses_back() {
        let module = parse(SAMPLE).expect("the sample is a module");
        assert_eq!(module.to_string(), SAMPLE);
    }

    #[test]
    fn errors_name_the_line() {
        let line = |text: &str| match parse(&format!("betrace-ir 1\n{text}")) {
            Err(TextError::Syntax { line, expected }) => (line, expected),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(line("op0 = \"a\"\nop2 = \"b\"").0, 3);
        assert_eq!(line("field0 = nonsense"), (2, "a field"));
        assert_eq!(line("pred0 = test field0 matches \"(\""), (2, "a regular expression"));
        assert_eq!(line("set0 = op0 pred0 more"), (2, "the end of the line"));
        assert_eq!(line("when f0").1, "a `rule` before its parts");
        assert_eq!(line("rule \"open").1, "a quoted string");
    }

    #[test]
    fn a_module_that_does_not_verify_is_refused() {
        for (text, place) in [
            ("set0 = op0 pred0", "set0"),
            ("pred0 = not pred0", "pred0"),
            ("pred0 = and", "pred0"),
            ("field0 = name\npred0 = test field0 in [ ]", "pred0"),
            ("op0 = wildcard \"x\"", "op0"),
            ("atom0 = compare 1 == 2", "atom0"),
            ("f0 = atom0", "f0"),
            ("rule \"r\" high \"\" \"\"", "rule \"r\""),
        ] {
            let error = parse(&format!("betrace-ir 1\n{text}")).expect_err(text);
            assert!(
                matches!(&error, TextError::Invalid(invalid) if invalid.place == place),
                "{error}"
            );
        }
    }
}
