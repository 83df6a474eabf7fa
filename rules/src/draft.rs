//! A rule set in the making: files one by one, then what can only be said of the set as a whole.

use compiler::{Diagnostic, Lines, limits};
use hashbrown::{HashMap, HashSet};
use ir::module::Pattern;

use crate::findings::Findings;
use crate::library::{FILES, LIBRARY};
use crate::model::{Alert, Rule};
use crate::read;
use crate::set::{RuleSet, SourceFile};

/// What was read of a set so far.
#[derive(Default)]
pub struct Draft {
    rules: Vec<Rule>,
    alerts: Vec<Alert>,
    files: Vec<DraftFile>,
}

struct DraftFile {
    name: String,
    text: String,
    findings: Findings,
}

impl Draft {
    /// Reads a file.
    pub fn add(&mut self, name: String, text: String) {
        let content = read::read(&text, self.files.len());
        self.rules.extend(content.rules);
        self.alerts.extend(content.alerts);
        self.files.push(DraftFile { name, text, findings: content.findings });
    }

    /// Adds the rules of the library that are wanted, with the files that hold them.
    pub fn add_library(&mut self, wanted: &mut dyn FnMut(&Rule) -> bool) {
        for (path, text) in FILES {
            let mut content = read::read(text, self.files.len());
            content.rules.retain(&mut *wanted);
            if !content.rules.is_empty() {
                self.rules.extend(content.rules);
                let (name, text) = (format!("{LIBRARY}{path}"), (*text).to_owned());
                self.files.push(DraftFile { name, text, findings: content.findings });
            }
        }
    }

    /// Checks the set as a whole; rules that do not fit into it are left out.
    pub fn finish(mut self) -> RuleSet {
        self.drop_repeated_ids();
        if let Some(rule) = self.rules.get(limits::RULES_PER_SET) {
            let title = format!("more than {} rules in one set", limits::RULES_PER_SET);
            let error = Diagnostic::error("too-many-rules", title, rule.source.span.clone());
            self.files[rule.source.file].findings.push(error.help("run them as several sets"));
            self.rules.truncate(limits::RULES_PER_SET);
        }
        self.drop_large_patterns();
        self.warn_of_idle_alerts();
        let files = self.files.into_iter().map(|DraftFile { name, text, findings }| SourceFile {
            name,
            text,
            diagnostics: findings.into_list(),
        });
        RuleSet { files: files.collect(), rules: self.rules, alerts: self.alerts }
    }

    fn warn_of_idle_alerts(&mut self) {
        let ids: HashSet<&str> = self.rules.iter().map(|rule| rule.id.as_str()).collect();
        for alert in self.alerts.iter().filter(|alert| !ids.contains(alert.rule_id.as_str())) {
            let title = format!("no rule of this set has the id `{}`", alert.rule_id);
            let span = alert.source.span.clone();
            let warning = Diagnostic::warning("alert-without-rule", title, span);
            self.files[alert.source.file].findings.push(warning);
        }
    }

    fn drop_repeated_ids(&mut self) {
        let mut first: HashMap<String, usize> = HashMap::new();
        let mut lines: HashMap<usize, Lines> = HashMap::new();
        let mut kept: Vec<Rule> = Vec::with_capacity(self.rules.len());
        for rule in std::mem::take(&mut self.rules) {
            let Some(&at) = first.get(&rule.id) else {
                first.insert(rule.id.clone(), kept.len());
                kept.push(rule);
                continue;
            };
            let other = &kept[at].source;
            let file = &self.files[other.file];
            let lines = lines.entry(other.file).or_insert_with(|| Lines::of(&file.text));
            let line = lines.line(other.span.start);
            let title = format!("the id `{}` is taken by {}:{line}", rule.id, file.name);
            let error = Diagnostic::error("repeated-id", title, rule.source.span.clone());
            let error = error.help("give each rule an id of its own");
            self.files[rule.source.file].findings.push(error);
        }
        self.rules = kept;
    }

    /// Leaves out rules whose patterns do not fit beside those of the rules before them.
    fn drop_large_patterns(&mut self) {
        let mut known: HashSet<String> = HashSet::new();
        let mut left = limits::PATTERN_PROGRAM_BYTES_PER_SET;
        let files = &mut self.files;
        self.rules.retain(|rule| {
            let patterns = rule.statement.patterns().filter(|&pattern| !known.contains(pattern));
            let new: HashSet<&str> = patterns.collect();
            // A pattern that is none has been refused with its rule.
            let sizes = new.iter().filter_map(|pattern| Pattern::new(pattern).ok());
            match left.checked_sub(sizes.map(|pattern| pattern.size()).sum()) {
                Some(rest) => {
                    left = rest;
                    let new: Vec<String> = new.into_iter().map(str::to_owned).collect();
                    known.extend(new);
                }
                None => files[rule.source.file].findings.push(patterns_too_large(rule)),
            }
            rule.statement.patterns().all(|pattern| known.contains(pattern))
        });
    }
}

fn patterns_too_large(rule: &Rule) -> Diagnostic {
    let limit = limits::PATTERN_PROGRAM_BYTES_PER_SET >> 20;
    let title = format!("the patterns of this set compile to more than {limit} MiB");
    Diagnostic::error("patterns-too-large", title, rule.source.span.clone())
        .help("run the rules as several sets")
}
