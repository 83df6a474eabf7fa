//! Rules that are legal and probably not what was meant: [`lint`] gives every [`Finding`] about a set,
//! those of reading it included, and [`Fix`](compiler::Fix)es of some. `docs/lints.md` has a page on
//! each code.

mod data;
mod deprecated;
mod fix;
mod params;
mod seen;

use compiler::ast::Statement;
use compiler::{Diagnostic, Edit, Position, Severity, Span};
use hashbrown::{HashMap, HashSet};
use rules::{ALLOW, Rule, RuleSet, escaped};

pub use data::{Data, DataError};
pub use fix::{Fixed, fixed};

/// Every code of a warning that a rule can be given, with what it says in a line.
pub const LINTS: [(&str, &str); 20] = [
    ("always-violated", "every trace of the data to which the rule applies violates it"),
    ("can-never-apply", "no trace can meet the rule's `when`"),
    ("can-never-fail", "no trace can violate the rule"),
    ("can-never-pass", "every trace to which the rule applies violates it"),
    ("contradictory-where", "no span can satisfy a `where`"),
    ("deprecated-attribute", "OpenTelemetry has given the attribute another name"),
    ("duplicate-rule", "another rule says the same"),
    ("duration-unit-guessed", "a duration is compared with a number of unknown unit"),
    ("guard-hides-span", "one good span hides a bad one"),
    ("missing-signal-context", "the rule's signals carry nothing to look for"),
    ("never-exercised", "no trace of the data holds an operation of the rule"),
    ("order-not-checked", "the description speaks of an order that the rule does not ask for"),
    ("polarity-guessed", "it was guessed whether a condition must hold or must not"),
    ("regex-is-literal", "a pattern is a plain text"),
    ("type-mismatch", "an attribute is compared with what is not of its type"),
    ("unknown-attribute", "no span of the operation in the data has the attribute"),
    ("unknown-operation", "no span of the data has this name"),
    ("unused-allowance", "`lint.allow` names what is not found"),
    ("unused-param", "the rule's text does not use a parameter"),
    ("word-read-as-text", "a word that looks like an attribute is compared as text"),
];

/// Codes that only data can give.
const OF_DATA: [&str; 4] =
    ["always-violated", "never-exercised", "unknown-attribute", "unknown-operation"];

const DUPLICATE: &str = "duplicate-rule";

/// One thing to say of a set.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The number of the file in the set.
    pub file: usize,
    /// The id of the rule, where it is about one.
    pub rule: Option<String>,
    /// What it is; places are bytes of the file.
    pub diagnostic: Diagnostic,
}

/// All there is to say of a set, and of what it comes to on data: by file and place. What rules
/// allow is left out.
pub fn lint(set: &RuleSet, data: Option<&Data>) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for (number, file) in set.files.iter().enumerate() {
        found.extend(file.diagnostics.iter().map(|diagnostic| Finding {
            file: number,
            rule: owner(set, number, diagnostic.start()),
            diagnostic: diagnostic.clone(),
        }));
    }
    let mut first: HashMap<String, &Rule> = HashMap::new();
    for rule in &set.rules {
        let mut own = of_rule(set, rule, data);
        let text = rule.statement.to_string();
        match first.get(&text) {
            // Either of the two may say that both are meant.
            Some(twin) if twin.allowed().any(|code| code == DUPLICATE) => {}
            Some(twin) => own.push(duplicate(set, rule, twin)),
            None => {
                first.insert(text, rule);
            }
        }
        let allowed: Vec<&str> = rule.allowed().collect();
        let mut silenced: HashSet<&str> = rule.silenced.iter().copied().collect();
        own.retain(|diagnostic| {
            let allow = allowed.contains(&diagnostic.code);
            silenced.extend(allow.then_some(diagnostic.code));
            !allow
        });
        own.extend(unused_allowance(rule, &silenced, data.is_some()));
        let id = Some(rule.id.clone());
        let finding = |diagnostic| Finding { file: rule.source.file, rule: id.clone(), diagnostic };
        found.extend(own.into_iter().map(finding));
    }
    found.sort_by_key(|finding| (finding.file, finding.diagnostic.start()));
    found
}

/// How many of the findings are errors.
pub fn errors(findings: &[Finding]) -> usize {
    findings.iter().filter(|finding| finding.diagnostic.severity == Severity::Error).count()
}

/// The id of the rule that stands around a byte of a file.
fn owner(set: &RuleSet, file: usize, at: usize) -> Option<String> {
    let around = |rule: &&Rule| rule.source.file == file && rule.written.rule.contains(&at);
    set.rules.iter().find(around).map(|rule| rule.id.clone())
}

fn of_rule(set: &RuleSet, rule: &Rule, data: Option<&Data>) -> Vec<Diagnostic> {
    let file = &set.files[rule.source.file].text;
    let whole = text_of(rule);
    let mut found = compiler::lint(&rule.statement, &rule.written.parts, &whole);
    for diagnostic in &mut found {
        // What goes over lines may hold a comment.
        let on_a_line =
            |edit: &Edit| file.get(edit.span.clone()).is_some_and(|old| !old.contains('\n'));
        diagnostic.fix = diagnostic.fix.take().filter(|fix| fix.edits.iter().all(on_a_line));
        for edit in diagnostic.fix.iter_mut().flat_map(|fix| &mut fix.edits) {
            edit.text = escaped(file, &rule.written.text, &edit.text);
        }
    }
    found.extend(deprecated::attributes(rule, file));
    found.extend(params::unused(rule, file));
    found.extend(missing_context(rule));
    found.extend(data.into_iter().flat_map(|data| data::findings(data, rule, &whole)));
    found
}

/// Where the condition of a rule stands, from its first part to its last.
fn text_of(rule: &Rule) -> Span {
    let Statement { when, always, never, .. } = &rule.statement;
    let clauses = [when, always, never].into_iter().flatten();
    let places = clauses.map(|id| &rule.written.parts.conditions[id.0 as usize]);
    let start = places.clone().map(|place| place.start).min();
    let end = places.map(|place| place.end).max();
    start.zip(end).map_or(rule.source.span.clone(), |(start, end)| start..end)
}

fn missing_context(rule: &Rule) -> Option<Diagnostic> {
    let signal = rule.written.signal.as_ref().filter(|_| rule.signal.context.is_empty())?;
    let title = "signals of this rule carry no context";
    Some(
        Diagnostic::warning("missing-signal-context", title, signal.key.clone())
            .help("list the attributes that lead to what went wrong: context: [order_id]"),
    )
}

fn duplicate(set: &RuleSet, rule: &Rule, twin: &Rule) -> Diagnostic {
    let file = &set.files[twin.source.file];
    let line = Position::of(&file.text, twin.source.span.start).line;
    let title = format!("this rule says the same as `{}`", twin.id);
    Diagnostic::warning(DUPLICATE, title, rule.source.span.clone())
        .help(format!("the other stands at {}:{line}; keep one", file.name))
}

/// Allowances that silence nothing, unless only data or other files could tell.
fn unused_allowance(rule: &Rule, silenced: &HashSet<&str>, has_data: bool) -> Vec<Diagnostic> {
    let Some(entry) = &rule.written.allow else { return Vec::new() };
    let unused = rule.allowed().filter(|code| {
        let unasked = *code == DUPLICATE || !has_data && OF_DATA.contains(code);
        !silenced.contains(code) && !unasked
    });
    let findings = unused.map(|code| {
        let known = LINTS.iter().any(|(own, _)| *own == code);
        let title = match known {
            true => format!("`{ALLOW}` allows `{code}`, which this rule does not give"),
            false => format!("`{ALLOW}` allows `{code}`, which is no lint"),
        };
        Diagnostic::warning("unused-allowance", title, entry.value.clone())
            .help("leave it out, so that it cannot hide what comes later")
    });
    findings.collect()
}
