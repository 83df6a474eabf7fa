//! Files of rule tests: found, read and checked, with every error at its place.

use std::ops::Range;
use std::path::{Path, PathBuf};

use compiler::{Diagnostic, Placement, render};
use hashbrown::{HashMap, HashSet};
use rules::yaml::{NodeId, Yaml};
use rules::{
    Findings, LoadError, Reader, RuleSet, TEST_ENDINGS, first_line, library_part, read_text,
};

use super::model::{Case, Excuse, TestFile};
use crate::notation;
use crate::recorded::read_file;
use crate::span::Span;

impl TestFile {
    /// Reads a file and the rules that it tests.
    ///
    /// # Errors
    /// A file that cannot be read. What is wrong inside is in its diagnostics and its rules'.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let text = read_text(path)?;
        let name = path.display().to_string();
        let mut file = Self {
            name,
            text,
            diagnostics: Vec::new(),
            rules: RuleSet::default(),
            traces: Vec::new(),
            cases: Vec::new(),
            excuses: Vec::new(),
        };
        let source = std::mem::take(&mut file.text);
        let findings = match Yaml::parse(&source) {
            Ok(yaml) => read(&mut file, path, &yaml, &source),
            Err(error) => {
                let mut findings = Findings::default();
                findings.push(error);
                findings
            }
        };
        file.diagnostics = findings.into_list();
        file.text = source;
        Ok(file)
    }

    /// How many errors there are, in its rules too.
    pub fn errors(&self) -> usize {
        self.diagnostics.len() + self.rules.errors()
    }

    /// All errors as text for people, and what is to say of the rules; empty if there are none.
    pub fn render(&self, color: bool) -> String {
        let placement = Placement::identity();
        let own = render(&self.diagnostics, &self.name, &self.text, &placement, color);
        let parts = [self.rules.render(color), own];
        let parts: Vec<_> =
            parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect();
        parts.join("\n\n")
    }
}

/// Reads a file's nodes into `file`.
fn read(file: &mut TestFile, path: &Path, yaml: &Yaml, source: &str) -> Findings {
    let mut reader = Reader::new(yaml, source);
    let &[root] = &*yaml.roots else {
        reader.push(Diagnostic::error("empty-file", "a file of tests is one YAML document", 0..0));
        return reader.findings;
    };
    if !reader.is_map(root, "a file of tests") {
        return reader.findings;
    }
    let mut fields =
        reader.fields(root, "a file of tests", &["rules", "traces", "tests", "excused"]);
    let folder = path.parent().unwrap_or(Path::new(""));
    file.rules = load_rules(&mut reader, fields.take("rules"), path, folder);
    let mut draft = Draft { reader, file, folder, named: HashMap::new(), seen: HashSet::new() };
    if let Some(traces) = fields.take("traces") {
        draft.named_traces(traces);
    }
    match fields.take("tests") {
        Some(tests) => {
            draft.reader.list(tests, "`tests:`").into_iter().for_each(|test| draft.test(test));
        }
        None => draft.reader.error("missing-key", "`tests:` is missing", 0..0),
    }
    if let Some(excused) = fields.take("excused") {
        draft.reader.list(excused, "`excused:`").into_iter().for_each(|one| draft.excuse(one));
    }
    draft.reader.findings
}

/// The rules under `rules:`, or of the file that the tests stand beside.
fn load_rules(
    reader: &mut Reader<'_>,
    node: Option<NodeId>,
    path: &Path,
    folder: &Path,
) -> RuleSet {
    let mut place = 0..0;
    let paths: Vec<PathBuf> = match node {
        None => {
            let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            let stem = TEST_ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
            let endings = ["yaml", "yml"].iter().map(|ending| {
                let stem = stem.unwrap_or(&name);
                folder.join(format!("{stem}.{ending}"))
            });
            let paths: Vec<_> = endings.collect();
            let there = paths.iter().find(|path| path.is_file()).unwrap_or(&paths[0]);
            vec![there.clone()]
        }
        Some(node) => {
            place = first_line(reader.source, &reader.yaml.node(node).span);
            let nodes = match reader.yaml.node(node).text() {
                Some(_) => vec![node],
                None => reader.list(node, "`rules:`"),
            };
            let texts = nodes.into_iter().filter_map(|node| reader.text(node));
            let named = texts.map(|(text, _)| PathBuf::from(text));
            named
                .map(|path| if library_part(&path).is_some() { path } else { folder.join(path) })
                .collect()
        }
    };
    match RuleSet::from_paths(&paths) {
        Ok(set) => set,
        Err(error) => {
            let help = "say which rules these tests are for: `rules: payment.yaml`";
            reader.push(Diagnostic::error("no-rules", error.to_string(), place).help(help));
            RuleSet::default()
        }
    }
}

/// A file in the making.
pub(super) struct Draft<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) file: &'a mut TestFile,
    folder: &'a Path,
    /// Traces under `traces:`, by name.
    named: HashMap<String, usize>,
    /// Rules and names of the tests so far.
    seen: HashSet<(usize, String)>,
}

impl Draft<'_> {
    fn named_traces(&mut self, node: NodeId) {
        for (key, value) in self.reader.entries(node, "`traces:`") {
            let Some((name, _)) = self.reader.text(key) else { continue };
            if let Some(trace) = self.notation(value) {
                self.named.insert(name, trace);
            }
        }
    }

    /// The trace that a test names, writes or keeps in a file.
    pub(super) fn trace(
        &mut self,
        trace: Option<NodeId>,
        file: Option<NodeId>,
        trace_id: Option<NodeId>,
        owner: &Range<usize>,
    ) -> Option<usize> {
        let id = match trace_id {
            Some(node) => Some(self.trace_id(node)?),
            None => None,
        };
        match (trace, file) {
            (Some(node), None) => {
                if let Some(node) = trace_id {
                    let span = self.reader.yaml.node(node).span.clone();
                    self.reader.error("bad-value", "`trace_id:` goes with `file:`", span);
                }
                self.notation_or_name(node)
            }
            (None, Some(node)) => self.recorded(node, id),
            _ => {
                let title = "a test has either `trace:` or `file:`";
                self.reader.error("missing-key", title, owner.clone());
                None
            }
        }
    }

    fn notation_or_name(&mut self, node: NodeId) -> Option<usize> {
        let (text, span) = self.reader.text(node)?;
        let Some(name) = text.trim().strip_prefix('$') else { return self.notation(node) };
        let found = self.named.get(name).copied();
        if found.is_none() {
            let mut names: Vec<&str> = self.named.keys().map(String::as_str).collect();
            names.sort_unstable();
            let title = format!("no trace under `traces:` is called `{name}`");
            let help = match &names[..] {
                [] => "`traces:` holds none".to_owned(),
                names => format!("there are {}", names.join(", ")),
            };
            self.reader.push(Diagnostic::error("unknown-trace", title, span).help(help));
        }
        found
    }

    fn notation(&mut self, node: NodeId) -> Option<usize> {
        let (text, span) = self.reader.text(node)?;
        self.refuse_comment(node, span.end);
        match notation::read(&text) {
            Ok(spans) => Some(self.add(spans)),
            Err(error) => {
                let place = self.reader.yaml.placement(self.reader.source, node).range(&error.span);
                let place = place.start.min(span.end)..place.end.min(span.end);
                let diagnostic = Diagnostic::error("trace-notation", error.title, place);
                let help = error.help;
                self.reader.push(Diagnostic { help, ..diagnostic });
                None
            }
        }
    }

    /// Refuses what was meant as the id of a span and is a comment to YAML.
    fn refuse_comment(&mut self, node: NodeId, end: usize) {
        let line = self.reader.source[end..].lines().next().unwrap_or_default();
        let comment = line.trim_start();
        let is_id = comment
            .strip_prefix('#')
            .is_some_and(|id| id.starts_with(|c: char| c.is_ascii_digit()));
        if is_id && self.reader.yaml.node(node).is_plain() {
            let start = end + (line.len() - comment.len());
            let title = "`#` behind a blank starts a comment in YAML";
            let error = Diagnostic::error("value-is-comment", title, start..end + line.len());
            self.reader.push(
                error
                    .label("YAML ignores this")
                    .help("put the trace in quotes, or below `trace: |`"),
            );
        }
    }

    fn recorded(&mut self, node: NodeId, trace_id: Option<u128>) -> Option<usize> {
        let (path, span) = self.reader.text(node)?;
        match read_file(&self.folder.join(path), trace_id) {
            Ok(spans) => Some(self.add(spans)),
            Err(title) => {
                self.reader.error("trace-file", &title, span);
                None
            }
        }
    }

    fn trace_id(&mut self, node: NodeId) -> Option<u128> {
        let (text, span) = self.reader.text(node)?;
        let id = u128::from_str_radix(&text, 16).ok().filter(|_| text.len() == 32);
        if id.is_none() {
            self.reader.error("bad-value", "a trace id has 32 hex digits", span);
        }
        id
    }

    fn add(&mut self, spans: Vec<Span>) -> usize {
        self.file.traces.push(spans);
        self.file.traces.len() - 1
    }

    pub(super) fn add_case(&mut self, case: Case) {
        if self.seen.insert((case.rule, case.name.clone())) {
            self.file.cases.push(case);
            return;
        }
        let rule = &self.file.rules.rules[case.rule].id;
        let title = format!("the rule `{rule}` has two tests of this name");
        self.reader.error("repeated-name", &title, case.place);
    }

    /// The rule of an id, by its place in the set.
    pub(super) fn rule(&mut self, id: &str, span: Range<usize>) -> Option<usize> {
        let rules = &self.file.rules.rules;
        let found = rules.iter().position(|rule| rule.id == id);
        // Where rules are wrong, those that are missing are among them, and said to be wrong already.
        if found.is_none() && self.file.rules.errors() == 0 && !rules.is_empty() {
            let nearest = crate::program::nearest(id, rules.iter().map(|rule| rule.id.as_str()));
            let mut error =
                Diagnostic::error("unknown-rule", format!("no rule has the id `{id}`"), span);
            if !nearest.is_empty() {
                error = error.help(format!("did you mean {}?", nearest.join(" or ")));
            }
            self.reader.push(error);
        }
        found
    }

    fn excuse(&mut self, node: NodeId) {
        if !self.reader.is_map(node, "an excuse") {
            return;
        }
        let place = first_line(self.reader.source, &self.reader.yaml.node(node).span);
        let mut fields = self.reader.fields(node, "an excuse", &["rule", "mutant", "why"]);
        let mut required = |key| self.reader.required(&mut fields, key, &place);
        let (rule, mutant, why) = (required("rule"), required("mutant"), required("why"));
        let (Some((rule, span)), Some((mutant, _)), Some((why, _))) = (rule, mutant, why) else {
            return;
        };
        if self.rule(&rule, span).is_some() {
            self.file.excuses.push(Excuse { rule, mutant, why, place });
        }
    }
}
