//! From YAML nodes to rules and alerts, with every error of a file.

use std::ops::Range;

use compiler::ast::Value;
use compiler::{Diagnostic, Key, ParamValue, Params, ReadOptions, limits};
use ir::module::Severity;

use crate::condition::Condition;
use crate::findings::Findings;
use crate::model::{Alert, Place, Rule, SignalSpec, allowed};
use crate::reader::{Reader, first_line};
use crate::written::written;
use crate::yaml::{Content, NodeId, Yaml};

/// What a file holds.
#[derive(Default)]
pub struct FileContent {
    /// Rules without errors.
    pub rules: Vec<Rule>,
    /// Alerts without errors.
    pub alerts: Vec<Alert>,
    /// Errors and warnings; places are bytes of the file.
    pub findings: Findings,
}

/// The keys of a rule, in the order of its layout.
pub(crate) const RULE_KEYS: [&str; 14] = [
    "id",
    "name",
    "description",
    "severity",
    "condition",
    "invariant",
    "violation",
    "params",
    "labels",
    "annotations",
    "runbook_url",
    "enabled",
    "owner",
    "signal",
];
/// The keys under which its text can stand.
pub(crate) const TEXT_KEYS: [(&str, Key); 3] =
    [("condition", Key::Condition), ("invariant", Key::Invariant), ("violation", Key::Violation)];
const SIGNAL_KEYS: [&str; 4] = ["type", "severity", "message", "context"];
const ALERT_KEYS: [&str; 4] = ["rule_id", "severity", "notification", "channels"];

/// Reads one file; `file` is its number in the set.
pub fn read(source: &str, file: usize) -> FileContent {
    let mut content = FileContent::default();
    let yaml = match Yaml::parse(source) {
        Ok(yaml) => yaml,
        Err(diagnostic) => {
            content.findings.push(diagnostic);
            return content;
        }
    };
    let mut reader = Reader::new(&yaml, source);
    if yaml.roots.is_empty() {
        let help = "start with `rules:` and a list of rules";
        let error = Diagnostic::error("empty-file", "the file holds no rules", 0..0).help(help);
        reader.push(error);
    }
    for &root in &yaml.roots {
        reader.document(root, file, &mut content);
    }
    content.findings = reader.findings;
    content
}

impl Reader<'_> {
    fn document(&mut self, root: NodeId, file: usize, content: &mut FileContent) {
        let mut fields = self.fields(root, "a rule file", &["rules", "alerts"]);
        let (rules, alerts) = (fields.take("rules"), fields.take("alerts"));
        if rules.is_none() && alerts.is_none() {
            let span = self.yaml.node(root).span.clone();
            let span = span.start..span.start;
            self.error("missing-key", "neither `rules:` nor `alerts:`", span);
        }
        for id in rules.map(|node| self.list(node, "`rules:`")).into_iter().flatten() {
            content.rules.extend(self.rule(id, file));
        }
        for id in alerts.map(|node| self.list(node, "`alerts:`")).into_iter().flatten() {
            content.alerts.extend(self.alert(id, file));
        }
    }

    fn rule(&mut self, node: NodeId, file: usize) -> Option<Rule> {
        let before = self.errors();
        if !self.is_map(node, "a rule") {
            return None;
        }
        let mut fields = self.fields(node, "a rule", &RULE_KEYS);
        let span = first_line(self.source, &self.yaml.node(node).span);
        let id = self.required(&mut fields, "id", &span);
        let id = id.and_then(|(id, place)| self.rule_id(id, place));
        let name = self.optional(&mut fields, "name");
        let description = self.optional(&mut fields, "description");
        let params = fields.take("params").map(|node| self.params(node)).unwrap_or_default();
        let labels = fields.take("labels").map(|node| self.texts(node)).unwrap_or_default();
        let annotations =
            fields.take("annotations").map(|node| self.texts(node)).unwrap_or_default();
        let enabled = fields.take("enabled").is_none_or(|node| self.boolean(node));
        let own_severity = fields.take("severity");
        let has_signal = fields.has("signal");
        let (signal, signal_severity) =
            fields.take("signal").map(|node| self.signal(node)).unwrap_or_default();
        let severity = self.agreed_severity(own_severity, signal_severity, &span);
        let texts: Vec<_> = TEXT_KEYS
            .into_iter()
            .filter_map(|(name, key)| fields.take(name).map(|node| (node, key)))
            .collect();
        let options = |key| ReadOptions {
            key,
            has_signal,
            params: &params,
            description: description.as_deref(),
        };
        let allowed: Vec<&str> = allowed(&annotations).collect();
        let condition = self.condition(&texts, &span, options, &allowed);
        let (runbook_url, owner) =
            (self.optional(&mut fields, "runbook_url"), self.optional(&mut fields, "owner"));
        let (Some(id), Some(severity), Some(condition)) = (id, severity, condition) else {
            return None;
        };
        let Condition { statement, words, parts, silenced } = condition;
        let written = written(self.yaml, node, parts);
        if self.errors() > before {
            return None;
        }
        let name = name.unwrap_or_else(|| id.clone());
        let source = Place { file, span };
        Some(Rule {
            id,
            name,
            description,
            severity,
            statement,
            words,
            params,
            signal,
            labels,
            annotations,
            runbook_url,
            owner,
            enabled,
            source,
            written,
            silenced,
        })
    }

    fn rule_id(&mut self, id: String, span: Range<usize>) -> Option<String> {
        let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !id.is_empty() && id.len() <= 128 && id.chars().all(fine) {
            return Some(id);
        }
        let help = "use 1 to 128 letters, digits, `-`, `_` and `.`";
        self.push(Diagnostic::error("bad-id", "not a rule id", span).help(help));
        None
    }

    fn signal(&mut self, node: NodeId) -> (SignalSpec, Option<NodeId>) {
        let mut fields = self.fields(node, "`signal:`", &SIGNAL_KEYS);
        let severity = fields.take("severity");
        let spec = SignalSpec {
            kind: self.optional(&mut fields, "type"),
            message: self.optional(&mut fields, "message"),
            context: fields.take("context").map(|node| self.context(node)).unwrap_or_default(),
        };
        (spec, severity)
    }

    fn context(&mut self, node: NodeId) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        for item in self.list(node, "`context:`") {
            let Some((key, span)) = self.text(item) else { continue };
            if keys.len() == limits::CONTEXT_KEYS {
                let title = format!("more than {} context keys in one rule", limits::CONTEXT_KEYS);
                self.error("too-many-context-keys", &title, span);
                break;
            }
            if key.is_empty() || keys.contains(&key) {
                self.error("bad-context", "a context key is empty or listed twice", span);
            } else if key.starts_with("span:") || key.starts_with("trace:") {
                let title = format!("`{key}` is no attribute; `context:` lists attribute keys");
                self.error("bad-context", &title, span);
            } else {
                keys.push(key);
            }
        }
        keys
    }

    /// The rule's severity: its own or its signal's, which must not contradict each other.
    fn agreed_severity(
        &mut self,
        own: Option<NodeId>,
        signal: Option<NodeId>,
        rule: &Range<usize>,
    ) -> Option<Severity> {
        let Some(node) = own.or(signal) else {
            let title = "the rule has no `severity:`";
            let error = Diagnostic::error("missing-key", title, rule.clone());
            self.push(error.help(severities()));
            return None;
        };
        let severity = self.severity(node)?;
        let other = signal.filter(|_| own.is_some());
        if let Some(other) = other
            && self.severity(other)? != severity
        {
            let title = format!("the signal's severity is not the rule's, {}", severity.name());
            let help = "keep one `severity:`; it is the rule's and its signals'";
            let span = self.yaml.node(other).span.clone();
            self.push(Diagnostic::error("severity-differs", title, span).help(help));
            return None;
        }
        Some(severity)
    }

    fn alert(&mut self, node: NodeId, file: usize) -> Option<Alert> {
        let before = self.errors();
        if !self.is_map(node, "an alert") {
            return None;
        }
        let mut fields = self.fields(node, "an alert", &ALERT_KEYS);
        let span = first_line(self.source, &self.yaml.node(node).span);
        let rule = self.required(&mut fields, "rule_id", &span);
        let severity = fields.take("severity").and_then(|node| self.severity(node));
        let notification = self.optional(&mut fields, "notification");
        let mut channels = Vec::new();
        for item in
            fields.take("channels").map(|node| self.list(node, "`channels:`")).into_iter().flatten()
        {
            channels.extend(self.texts(item));
        }
        let (rule_id, span) = rule.filter(|_| self.errors() == before)?;
        let source = Place { file, span };
        Some(Alert { rule_id, severity, notification, channels, source })
    }

    fn params(&mut self, node: NodeId) -> Params {
        let mut params = Params::new();
        for (key, value) in self.entries(node, "`params:`") {
            let Some((name, _)) = self.text(key) else { continue };
            let value = match &self.yaml.node(value).content {
                Content::List(items) => {
                    let items = items.iter().filter_map(|&item| self.constant(item));
                    Some(ParamValue::List(items.collect()))
                }
                _ => self.constant(value).map(ParamValue::One),
            };
            if let Some(value) = value {
                params.insert(name, value);
            }
        }
        params
    }

    fn constant(&mut self, node: NodeId) -> Option<Value> {
        let plain = self.yaml.node(node).is_plain();
        let (text, _) = self.text(node)?;
        Some(if plain { Value::from_plain_scalar(&text) } else { Value::Text(text) })
    }

    fn severity(&mut self, node: NodeId) -> Option<Severity> {
        let (text, span) = self.text(node)?;
        let severity = Severity::from_name(&text);
        if severity.is_none() {
            let title = format!("`{text}` is not a severity");
            self.push(Diagnostic::error("bad-severity", title, span).help(severities()));
        }
        severity
    }
}

fn severities() -> String {
    format!("one of {}", Severity::ALL.map(Severity::name).join(", "))
}
