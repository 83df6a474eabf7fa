//! What lints found: for people, JSON (schema `betrace.lint/1`), GitHub, SARIF 2.1.0.

use std::io::{self, Write};

use compiler::{Placement, Position, Severity, render};
use serde_json::{Value, json};

use super::json::harmless;
use super::table::plural;
use super::test_report::{data, property};
use crate::RuleSet;
use crate::lint::{Finding, LINTS, errors};

/// Shows each finding in its file, and how many there are.
///
/// # Errors
/// What the system says.
pub fn table(
    set: &RuleSet,
    findings: &[Finding],
    color: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let placement = Placement::identity();
    for (number, file) in set.files.iter().enumerate() {
        let own = findings.iter().filter(|finding| finding.file == number);
        let own: Vec<_> = own.map(|finding| finding.diagnostic.clone()).collect();
        if !own.is_empty() {
            writeln!(out, "{}\n", render(&own, &file.name, &file.text, &placement, color))?;
        }
    }
    let errors = errors(findings);
    writeln!(
        out,
        "{} in {}: {}, {}",
        plural(set.rules.len() as u64, "rule"),
        plural(set.files.len() as u64, "file"),
        plural(errors as u64, "error"),
        plural((findings.len() - errors) as u64, "warning"),
    )?;
    let fixes = findings.iter().filter_map(|finding| finding.diagnostic.fix.as_ref());
    let exact = fixes.clone().filter(|fix| fix.exact).count() as u64;
    let others = fixes.count() as u64 - exact;
    if exact > 0 {
        writeln!(out, "--fix mends {exact} of them and changes no verdict")?;
    }
    if others > 0 {
        writeln!(out, "--fix=all also mends {others} that may change verdicts")?;
    }
    Ok(())
}

/// Writes one JSON document.
///
/// # Errors
/// What the system says.
pub fn json(set: &RuleSet, findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    let found = findings.iter().map(|finding| {
        let Place { file, start, end } = place(set, finding);
        let diagnostic = &finding.diagnostic;
        let text = &set.files[finding.file].text;
        let edits = |edit: &compiler::Edit| {
            let at = |byte| Position::of(text, byte);
            let (start, end) = (at(edit.span.start), at(edit.span.end));
            json!({
                "line": start.line, "column": start.column,
                "end_line": end.line, "end_column": end.column, "text": edit.text,
            })
        };
        json!({
            "code": diagnostic.code,
            "severity": severity(diagnostic.severity),
            "file": file,
            "line": start.line, "column": start.column,
            "end_line": end.line, "end_column": end.column,
            "rule": finding.rule,
            "message": diagnostic.title,
            "help": diagnostic.help,
            "fix": diagnostic.fix.as_ref().map(|fix| json!({
                "exact": fix.exact,
                "edits": fix.edits.iter().map(edits).collect::<Vec<_>>(),
            })),
        })
    });
    let document = json!({
        "schema": "betrace.lint/1",
        "files": set.files.len(),
        "rules": set.rules.len(),
        "errors": errors(findings),
        "warnings": findings.len() - errors(findings),
        "findings": found.collect::<Vec<_>>(),
    });
    write(&document, out)
}

/// Writes workflow commands that GitHub shows beside the files.
///
/// # Errors
/// What the system says.
pub fn github(set: &RuleSet, findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    for finding in findings {
        let Place { file, start, end } = place(set, finding);
        let diagnostic = &finding.diagnostic;
        let help = diagnostic.help.iter().map(|help| format!("\n{help}"));
        let text = diagnostic.title.clone() + &help.collect::<String>();
        writeln!(
            out,
            "::{} file={},line={},endLine={},col={},title={}::{}",
            severity(diagnostic.severity),
            property(file),
            start.line,
            end.line,
            start.column,
            property(diagnostic.code),
            data(&text),
        )?;
    }
    Ok(())
}

/// Writes a log for tools that show findings of many programs.
///
/// # Errors
/// What the system says.
pub fn sarif(set: &RuleSet, findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    let rules = LINTS.iter().map(|(code, what)| {
        json!({
            "id": code,
            "shortDescription": { "text": what },
            "defaultConfiguration": { "level": "warning" },
        })
    });
    let results = findings.iter().map(|finding| {
        let Place { file, start, end } = place(set, finding);
        let diagnostic = &finding.diagnostic;
        let help = diagnostic.help.iter().map(|help| format!(". {help}"));
        let text = diagnostic.title.clone() + &help.collect::<String>();
        json!({
            "ruleId": diagnostic.code,
            "level": severity(diagnostic.severity),
            "message": { "text": text },
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": { "uri": file },
                    "region": {
                        "startLine": start.line, "startColumn": start.column,
                        "endLine": end.line, "endColumn": end.column,
                    },
                },
                "logicalLocations": finding.rule.iter().map(|id| json!({ "name": id }))
                    .collect::<Vec<_>>(),
            }],
        })
    });
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "betrace",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    });
    write(&document, out)
}

/// Where a finding stands: from, and to behind its last character.
struct Place<'a> {
    file: &'a str,
    start: Position,
    end: Position,
}

fn place<'a>(set: &'a RuleSet, finding: &Finding) -> Place<'a> {
    let file = &set.files[finding.file];
    let span = finding.diagnostic.labels.first().map_or(0..0, |label| label.span.clone());
    let [start, end] = [span.start, span.end].map(|byte| Position::of(&file.text, byte));
    Place { file: &file.name, start, end }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn write(document: &Value, out: &mut impl Write) -> io::Result<()> {
    let json = serde_json::to_string_pretty(document)?;
    writeln!(out, "{}", harmless(&json))
}
