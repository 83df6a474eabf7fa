//! Texts to start from: the rules that the documents print, rule files, and the pieces that rules
//! are made of.

use std::path::Path;

/// What a rule text is made of, and what does not belong into one.
pub const RULE_TOKENS: [&str; 64] = [
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ",",
    ".",
    "and",
    "or",
    "not ",
    "in",
    "when",
    "always",
    "never",
    "\"",
    "'",
    "==",
    "=",
    "!=",
    "!",
    "&&",
    "||",
    "<",
    ">=",
    "trace.has(",
    "trace.count(",
    "count(",
    "trace.count_distinct(",
    ".where(",
    ".by(",
    ".within(",
    "unique",
    "time_window == 1m",
    "X",
    "5",
    "1h",
    "5x",
    "-",
    "1e400",
    "9223372036854775808",
    "0x1f",
    "span.",
    "resource.",
    "span:kind",
    "span:duration",
    "trace:duration",
    "trace:root_name",
    "exists(",
    "contains",
    "starts_with",
    "matches",
    "true",
    "\\",
    "\n",
    "//",
    "#",
    "*",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "\r\n",
    "é",
    "\u{1f4a9}",
];

/// What YAML is made of.
pub const YAML_TOKENS: [&str; 44] = [
    "\n",
    "\n  ",
    "\n    - ",
    "- ",
    ": ",
    ":",
    "? ",
    "|",
    "|2-",
    ">",
    ">+",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!x ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "'",
    "\"",
    "\\x41",
    "\\u0000",
    "#",
    " #",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "\t",
    "\r\n",
    "\u{feff}",
    "\u{1b}[31m",
    "\u{85}",
    "\u{2028}",
    "~",
    "rules:",
    "id: x",
    "condition: ",
    "params:",
    "alerts:",
    "\u{202e}",
    "é",
];

/// Every rule text of the documents.
pub fn rules() -> Vec<String> {
    let mut rules = Vec::new();
    for document in folder("tests/documents") {
        let mut open: Option<String> = None;
        for line in document.lines() {
            match (line.strip_prefix("rule: "), &mut open) {
                (Some(first), _) => rules.extend(open.replace(first.to_owned())),
                (None, Some(rule)) if line.starts_with(' ') => {
                    rule.push('\n');
                    rule.push_str(line);
                }
                (None, _) => rules.extend(open.take()),
            }
        }
        rules.extend(open);
    }
    rules
}

/// Rule files with right and wrong content, without what is expected of them.
pub fn rule_files() -> Vec<String> {
    let cases = folder("rules/tests/cases").into_iter();
    let files =
        cases.map(|case| case.split_once("=====\n").map_or("", |(file, _)| file).to_owned());
    files.chain(folder("rules")).filter(|file| file.contains("rules:")).collect()
}

/// The text files of a folder of the workspace, by name.
fn folder(path: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let entries = std::fs::read_dir(path).expect("the folder is there");
    let mut paths: Vec<_> =
        entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|name| name == "txt" || name == "yaml"));
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).expect("the file is text")).collect()
}
