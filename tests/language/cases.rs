//! Files of cases: a rule, what it is read as, and traces with their verdicts, beside each other.
//!
//! ```text
//! # Prose.
//! == title
//! key: invariant            optional: the YAML key, `condition` if absent
//! signal: yes               optional: the rule has a `signal:` block
//! params: N = 5; X = [a, b] optional
//! rule: trace.count(a) <= N
//! canonical: always { trace.count(a) <= 5 }
//! warnings: codes           if there are any
//! violated: a x6
//!   witness: 1, 2           optional: numbers of the spans that the verdict rests on
//! passed: a x5
//! ```
//!
//! A case has `canonical` or `error: codes`. Lines that begin with two blanks go on with the line
//! above. With `BLESS=1` in the environment the lines `canonical` are written anew, nothing else.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use compiler::ast::Value;
use compiler::{Diagnostic, Key, ParamValue, Params, ReadOptions, Severity, Statement, parse_rule};

use crate::engines::answers;
use crate::naive::Verdict;
use crate::traces::trace;

/// A case of a file.
pub struct Case {
    /// File and title, for messages.
    pub place: String,
    /// The rule as written.
    pub rule: String,
    /// Whether it stands beside a `signal:` block.
    pub has_signal: bool,
    key: Key,
    params: Params,
    canonical: Option<String>,
    errors: Vec<String>,
    warnings: Vec<String>,
    verdicts: Vec<Expected>,
}

struct Expected {
    verdict: Verdict,
    trace: String,
    witness: Option<String>,
}

/// All cases of the `.txt` files of a folder under `tests`, by file.
pub fn load(folder: &str) -> Vec<(PathBuf, Vec<Case>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files.into_iter().map(|file| (file.clone(), cases_of(&file))).collect()
}

/// Checks every case: reading, canonical form, verdicts and witnesses on every evaluator.
///
/// # Panics
/// With all differences.
pub fn check(files: &[(PathBuf, Vec<Case>)]) {
    let bless = std::env::var_os("BLESS").is_some();
    let mut failures = String::new();
    for (file, cases) in files {
        let mut blessed = std::fs::read_to_string(file).unwrap();
        for case in cases {
            match check_case(case) {
                Ok(()) => {}
                Err(Difference::Canonical(found)) if bless => {
                    blessed = with_canonical(&blessed, case, &found);
                }
                Err(difference) => writeln!(failures, "{}: {difference}", case.place).unwrap(),
            }
        }
        if bless {
            std::fs::write(file, blessed).unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

enum Difference {
    Canonical(String),
    Other(String),
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Canonical(found) => write!(f, "the canonical form is {found}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

fn check_case(case: &Case) -> Result<(), Difference> {
    let options = ReadOptions {
        key: case.key,
        has_signal: case.has_signal,
        params: &case.params,
        description: None,
    };
    let parsed = parse_rule(&case.rule, &options);
    let codes = |severity: Severity| {
        let of_it = |message: &&Diagnostic| message.severity == severity;
        let codes = parsed.diagnostics.iter().filter(of_it).map(|message| message.code.to_owned());
        codes.collect::<Vec<_>>()
    };
    for (what, found, expected) in [
        ("errors", codes(Severity::Error), &case.errors),
        ("warnings", codes(Severity::Warning), &case.warnings),
    ] {
        if found != *expected {
            return Err(Difference::Other(format!("{what} are {found:?}, not {expected:?}")));
        }
    }
    let Some(statement) = parsed.statement else {
        return match case.canonical.is_none() && case.verdicts.is_empty() {
            true => Ok(()),
            false => Err(Difference::Other("a rule with errors has no verdicts".to_owned())),
        };
    };
    let canonical = statement.to_string();
    if case.canonical.as_ref() != Some(&canonical) {
        return Err(Difference::Canonical(canonical));
    }
    check_verdicts(case, &statement).map_err(Difference::Other)
}

fn check_verdicts(case: &Case, statement: &Statement) -> Result<(), String> {
    let traces: Vec<_> = case.verdicts.iter().map(|expected| trace(&expected.trace)).collect();
    let found = answers(std::slice::from_ref(statement), &traces).remove(0);
    for (expected, (verdict, witness)) in case.verdicts.iter().zip(found) {
        if verdict != expected.verdict {
            return Err(format!("{verdict:?}, not {:?}: {}", expected.verdict, expected.trace));
        }
        let witness: Vec<String> =
            witness.iter().map(|id| u64::from_str_radix(id, 16).unwrap().to_string()).collect();
        let witness = witness.join(", ");
        if expected.witness.as_ref().is_some_and(|expected| *expected != witness) {
            return Err(format!("the witness is {witness}: {}", expected.trace));
        }
    }
    Ok(())
}

/// Whether the case shows each verdict that the form of its rule admits: one without `when`
/// applies to every trace.
pub fn shows_every_verdict(case: &Case) -> bool {
    let shows = |verdict| case.verdicts.iter().any(|expected| expected.verdict == verdict);
    let Some(canonical) = &case.canonical else { return true };
    shows(Verdict::Violated)
        && shows(Verdict::Passed)
        && shows(Verdict::NotApplicable) == canonical.starts_with("when ")
}

fn cases_of(file: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(file).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    let mut cases: Vec<Case> = Vec::new();
    for (field, content) in fields(&text) {
        if field == "==" {
            cases.push(Case::new(format!("{name}: {content}")));
            continue;
        }
        let case = cases.last_mut().unwrap_or_else(|| panic!("{name}: {field} before any case"));
        case.set(&field, content);
    }
    cases
}

/// The fields of a file with their content; a title's field is `==`.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        if let Some(title) = line.strip_prefix("== ") {
            fields.push(("==".to_owned(), title.to_owned()));
        } else if let Some(witness) = line.strip_prefix("  witness:") {
            fields.push(("witness".to_owned(), witness.trim().to_owned()));
        } else if let Some(more) = line.strip_prefix("  ") {
            let (_, content) = fields.last_mut().expect("something stands above");
            *content += &format!("\n{}", more.trim_end());
        } else {
            let (field, content) = line.split_once(':').unwrap_or_else(|| panic!("{line:?}"));
            fields.push((field.to_owned(), content.trim().to_owned()));
        }
    }
    fields
}

impl Case {
    fn new(place: String) -> Self {
        Self {
            place,
            rule: String::new(),
            has_signal: false,
            key: Key::Condition,
            params: Params::new(),
            canonical: None,
            errors: Vec::new(),
            warnings: Vec::new(),
            verdicts: Vec::new(),
        }
    }

    fn set(&mut self, field: &str, content: String) {
        let codes = || content.split(", ").map(str::to_owned).collect();
        let mut expect = |verdict, trace| {
            self.verdicts.push(Expected { verdict, trace, witness: None });
        };
        match field {
            "key" => {
                self.key = match content.as_str() {
                    "condition" => Key::Condition,
                    "invariant" => Key::Invariant,
                    "violation" => Key::Violation,
                    other => panic!("{}: no key {other}", self.place),
                }
            }
            "signal" => self.has_signal = content == "yes",
            "params" => self.params = content.split("; ").map(param).collect(),
            "rule" => self.rule = content,
            "canonical" => self.canonical = Some(content),
            "error" => self.errors = codes(),
            "warnings" => self.warnings = codes(),
            "violated" => expect(Verdict::Violated, content),
            "passed" => expect(Verdict::Passed, content),
            "not-applicable" => expect(Verdict::NotApplicable, content),
            "witness" => self.verdicts.last_mut().unwrap().witness = Some(content),
            other => panic!("{}: no field {other:?}", self.place),
        }
    }
}

fn param(binding: &str) -> (String, ParamValue) {
    let (name, value) = binding.split_once(" = ").unwrap_or_else(|| panic!("{binding:?}"));
    let one = |text: &str| match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(quoted) => Value::Text(quoted.to_owned()),
        None => Value::from_plain_scalar(text),
    };
    let value = match value.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
        Some(list) => ParamValue::List(list.split(", ").map(one).collect()),
        None => ParamValue::One(one(value)),
    };
    (name.to_owned(), value)
}

/// The file's text with the canonical form of one case written anew, added if it was absent.
fn with_canonical(text: &str, case: &Case, found: &str) -> String {
    let (_, title) = case.place.split_once(": ").expect("a place is file and title");
    let at = text.find(&format!("== {title}\n")).expect("the case stands in its file");
    let (before, rest) = text.split_at(at);
    let end = rest[1..].find("\n== ").map_or(rest.len(), |end| end + 1);
    let (own, after) = rest.split_at(end);
    let mut lines: Vec<&str> = own.lines().collect();
    let canonical = format!("canonical: {found}");
    match lines.iter().position(|line| line.starts_with("canonical:")) {
        Some(line) => lines[line] = &canonical,
        None => {
            let rule = lines.iter().position(|line| line.starts_with("rule:")).unwrap();
            let more = lines[rule + 1..].iter().take_while(|line| line.starts_with("  ")).count();
            lines.insert(rule + 1 + more, &canonical);
        }
    }
    format!("{before}{}\n{after}", lines.join("\n"))
}
