//! `betrace rules`: the library.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use compiler::ast::OperationName;
use compiler::{ParamValue, printable};
use serde::Serialize;

use super::args::{LibraryArgs, RulesVerb, Shape};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::json::harmless;
use super::settings::is_stdin;
use super::table::plural;
use crate::{Rule, RuleSet};

/// Notes of a rule that `show` prints, and what it calls them, in order.
const NOTES: [(&str, &str); 7] = [
    ("use_when", "use it when"),
    ("violated_by", "often violated by"),
    ("needs", "needs"),
    ("params", "parameters"),
    ("limits", "limits"),
    ("differs", "differs from its source"),
    ("source", "source"),
];
/// Characters of a line of text.
const WIDTH: usize = 100;

/// Looks for rules of the library, or copies them.
pub fn run(verb: &RulesVerb, console: &mut Console) -> Result<Exit, Failure> {
    let out = &mut console.out;
    match verb {
        RulesVerb::List(args) => list(args, &[], out),
        RulesVerb::Search { words, library } => list(library, words, out),
        RulesVerb::Show { id, format } => show(id, *format, out),
        RulesVerb::Init { ids, output } => {
            let (text, count) = copied(ids)?;
            if is_stdin(output.as_os_str()) {
                out.write_all(text.as_bytes())?;
                return Ok(Exit::Clean);
            }
            create(output, &text)?;
            let (count, file) = (plural(count as u64, "rule"), output.display().to_string());
            console.note(&format!("{count} written to {}", printable(&file)));
            Ok(Exit::Clean)
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    rules: Vec<RuleJson<'a>>,
}

#[derive(Serialize)]
struct RuleJson<'a> {
    id: &'a str,
    name: &'a str,
    severity: &'static str,
    description: Option<&'a str>,
    rule: String,
    params: BTreeMap<&'a str, String>,
    domains: Vec<&'a str>,
    categories: Vec<&'a str>,
    controls: Vec<&'a str>,
    annotations: &'a BTreeMap<String, String>,
    message: Option<&'a str>,
    context: &'a [String],
}

impl<'a> RuleJson<'a> {
    fn of(rule: &'a Rule) -> Self {
        let [domains, categories, controls] =
            ["domain", "category", "control"].map(|label| rule.listed(label).collect());
        Self {
            id: &rule.id,
            name: &rule.name,
            severity: rule.severity.name(),
            description: rule.description.as_deref(),
            rule: rule.statement.to_string(),
            params: rule.params.iter().map(|(name, value)| (name.as_str(), param(value))).collect(),
            domains,
            categories,
            controls,
            annotations: &rule.annotations,
            message: rule.signal.message.as_deref(),
            context: &rule.signal.context,
        }
    }
}

/// Writes rules as JSON, schema `betrace.rules/1`.
fn json(rules: &[&Rule], out: &mut impl Write) -> Result<(), Failure> {
    let rules = rules.iter().map(|rule| RuleJson::of(rule)).collect();
    let document = Document { schema: "betrace.rules/1", rules };
    let json = serde_json::to_string_pretty(&document).map_err(io::Error::from)?;
    writeln!(out, "{}", harmless(&json))?;
    Ok(())
}

fn list(args: &LibraryArgs, words: &[String], out: &mut impl Write) -> Result<Exit, Failure> {
    let library = RuleSet::library();
    let rules = library.rules.iter();
    let found: Vec<&Rule> =
        rules.filter(|rule| is_chosen(rule, args) && bears(rule, words)).collect();
    if args.format == Shape::Json {
        json(&found, out)?;
        return Ok(Exit::Clean);
    }
    let width = found.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    for rule in &found {
        let severity = rule.severity.name();
        writeln!(out, "{:<width$}  {severity:<8}  {}", rule.id, printable(&rule.name))?;
    }
    let count = plural(found.len() as u64, "rule");
    writeln!(out, "{count} of {} in the library", library.rules.len())?;
    Ok(Exit::Clean)
}

fn is_chosen(rule: &Rule, args: &LibraryArgs) -> bool {
    let listed = |label: &str, wanted: &Option<String>| {
        wanted.as_ref().is_none_or(|wanted| rule.listed(label).any(|own| own == wanted))
    };
    let is_for = |control: &str| {
        rule.listed("control").any(|own| {
            own == control
                || own.strip_prefix(control).is_some_and(|rest| rest.starts_with([':', '.', '(']))
        })
    };
    let looks_at = |name: &str| {
        rule.statement.operations().any(|operation| match operation {
            OperationName::Exact(own) => own == name,
            OperationName::Pattern(pieces) => {
                let pieces = pieces.iter().map(|piece| piece.as_str().into()).collect();
                ir::module::Operation::Wildcard(pieces).matches(name)
            }
        })
    };
    listed("domain", &args.domain)
        && listed("category", &args.category)
        && args.control.as_deref().is_none_or(is_for)
        && args.operation.as_deref().is_none_or(looks_at)
}

/// Whether all words stand somewhere in what a rule says and what is said of it, in either case.
fn bears(rule: &Rule, words: &[String]) -> bool {
    let notes = rule.annotations.values().chain(rule.labels.values()).map(String::as_str);
    let own = [rule.id.as_str(), &rule.name, rule.description.as_deref().unwrap_or_default()];
    let mut text = own.into_iter().chain(notes).collect::<Vec<_>>().join("\n");
    text.push_str(&rule.statement.to_string());
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(&word.to_lowercase()))
}

fn show(id: &str, format: Shape, out: &mut impl Write) -> Result<Exit, Failure> {
    let library = RuleSet::library();
    let rule = library.rule(id).ok_or_else(|| unknown(id, &library))?;
    if format == Shape::Json {
        json(&[rule], out)?;
        return Ok(Exit::Clean);
    }
    writeln!(out, "{} ({}): {}", rule.id, rule.severity.name(), printable(&rule.name))?;
    paragraph("", rule.description.as_deref().unwrap_or_default(), out)?;
    writeln!(out)?;
    let statement = &rule.statement;
    let clauses =
        [("when", statement.when), ("always", statement.always), ("never", statement.never)];
    for (word, clause) in clauses {
        if let Some(clause) = clause {
            writeln!(out, "{word} {{ {} }}", printable(&statement.condition_text(clause)))?;
        }
    }
    for (name, value) in &rule.params {
        writeln!(out, "  {} = {}", printable(name), printable(&param(value)))?;
    }
    for (key, title) in NOTES {
        if let Some(note) = rule.annotations.get(key) {
            paragraph(title, note, out)?;
        }
    }
    for label in ["domain", "category", "control"] {
        if let Some(text) = rule.labels.get(label) {
            paragraph(label, text, out)?;
        }
    }
    if let Some(message) = &rule.signal.message {
        paragraph("signal", message, out)?;
    }
    if !rule.signal.context.is_empty() {
        paragraph("context", &rule.signal.context.join(", "), out)?;
    }
    Ok(Exit::Clean)
}

/// A parameter's value as a rule would have it.
fn param(value: &ParamValue) -> String {
    match value {
        ParamValue::One(value) => value.to_string(),
        ParamValue::List(values) => {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            format!("[{}]", values.join(", "))
        }
    }
}

/// Writes text in lines that are not too long, below a title if there is one.
fn paragraph(title: &str, text: &str, out: &mut impl Write) -> io::Result<()> {
    if !title.is_empty() {
        writeln!(out, "\n{title}")?;
    }
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() + 3 > WIDTH {
            writeln!(out, "  {}", printable(&line))?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(out, "  {}", printable(&line))
}

/// A rule file of the rules that ids, domains or categories name, and how many there are.
fn copied(ids: &[String]) -> Result<(String, usize), Failure> {
    let library = RuleSet::library();
    if let Some(id) = ids.iter().find(|id| !library.rules.iter().any(|rule| rule.is_of(id))) {
        return Err(unknown(id, &library));
    }
    let mut text =
        "# Copied from the rule library of betrace: yours to change.\n\nrules:".to_owned();
    let mut count = 0;
    for rule in library.rules.iter().filter(|rule| ids.iter().any(|id| rule.is_of(id))) {
        count += 1;
        text.push_str(if count == 1 { "\n" } else { "\n\n" });
        text.push_str(library.text_of(rule));
    }
    text.push('\n');
    Ok((text, count))
}

/// Writes a file that must not be there yet.
fn create(path: &Path, text: &str) -> Result<(), Failure> {
    let cannot = |error| Failure::usage(format!("cannot write {}: {error}", path.display()));
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(cannot)?;
    file.write_all(text.as_bytes()).map_err(cannot)
}

fn unknown(id: &str, library: &RuleSet) -> Failure {
    let nearest = crate::program::nearest(id, library.rules.iter().map(|rule| rule.id.as_str()));
    let help = match &nearest[..] {
        [] => "; see `betrace rules list`".to_owned(),
        names => format!("; did you mean {}?", names.join(" or ")),
    };
    Failure::usage(format!("the library has no rule `{id}`{help}"))
}
