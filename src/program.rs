//! Rules, chosen and compiled.

use std::sync::Arc;

use compiler::{Columns, Jit, JitOptions, LeftToLoops, LowerError, RuleSource, lower, optimise};
use ir::{Engine, Interpreter, Module, Schema};
use rules::{Rule, RuleSet};

/// A compiled rule set; cheap to clone, and shared by threads.
#[derive(Clone)]
pub struct Program {
    inner: Arc<Inner>,
}

struct Inner {
    module: Module,
    schema: Arc<Schema>,
    engine: Running,
}

/// The engine that was chosen.
enum Running {
    Interpreter,
    /// Loops, and why they stand in for machine code, if they do.
    Columns(Option<String>),
    Jit(Box<Jit>),
}

/// Which rules to compile, and how.
#[derive(Clone, Debug, Default)]
pub struct CompileOptions {
    /// Only the rules of these ids; all where it is empty.
    pub ids: Vec<String>,
    /// Only the rules with all of these labels.
    pub labels: Vec<(String, String)>,
    /// The attribute key to count violations by: `key`, `span.key` or `resource.key`.
    pub group_by: Option<String>,
    /// What runs the rules.
    pub engine: EngineChoice,
}

/// What runs the rules; all give the same verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// Whatever is fastest: machine code where it pays for its making, loops elsewhere.
    #[default]
    Auto,
    /// Machine code wherever it can be made.
    Jit,
    /// Loops over columns.
    Columns,
    /// The reference: one span at a time.
    Interpreter,
}

impl EngineChoice {
    /// The names of all engines.
    pub const NAMES: [&'static str; 4] = ["auto", "jit", "columns", "interpreter"];

    /// The engine of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let at = Self::NAMES.iter().position(|own| *own == name)?;
        Some([Self::Auto, Self::Jit, Self::Columns, Self::Interpreter][at])
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The engine; where this machine refuses to run code, loops instead, and the reason.
    fn engine(self) -> Running {
        let options = match self {
            Self::Columns => return Running::Columns(None),
            Self::Interpreter => return Running::Interpreter,
            Self::Auto => JitOptions::AUTO,
            Self::Jit => JitOptions::default(),
        };
        match Jit::new(options) {
            Ok(jit) => Running::Jit(Box::new(jit)),
            Err(error) => Running::Columns(Some(error.to_string())),
        }
    }
}

/// Why rules could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// No rule has this id.
    #[error("no rule has the id `{id}`{}", nearest_help(nearest))]
    UnknownRule {
        /// The id.
        id: String,
        /// Ids that look alike.
        nearest: Vec<String>,
    },
    /// Nothing is left to run.
    #[error("no rule is left to run: none is enabled and has the labels asked for")]
    Nothing,
    /// Violations are to be grouped by what is no attribute, such as `span:name`.
    #[error("cannot group by `{0}`: name an attribute, such as service.version")]
    GroupKey(String),
    /// A statement that no rule text gave.
    #[error(transparent)]
    Lower(#[from] LowerError),
}

impl Program {
    /// Compiles the rules of a set that are enabled and chosen.
    ///
    /// # Errors
    /// A chosen id that no rule has, a choice that leaves nothing, or a key to group by that is no
    /// attribute.
    pub fn compile(rules: &RuleSet, options: &CompileOptions) -> Result<Self, CompileError> {
        if let Some(id) = options.ids.iter().find(|id| rules.rule(id).is_none()) {
            let ids = rules.rules.iter().map(|rule| rule.id.as_str());
            return Err(CompileError::UnknownRule { id: id.clone(), nearest: nearest(id, ids) });
        }
        let chosen: Vec<_> = rules.rules.iter().filter(|rule| options.choose(rule)).collect();
        if chosen.is_empty() {
            return Err(CompileError::Nothing);
        }
        let intrinsic = |key: &&String| key.starts_with("span:") || key.starts_with("trace:");
        if let Some(key) = options.group_by.as_ref().filter(|key| key.is_empty() || intrinsic(key))
        {
            return Err(CompileError::GroupKey(key.clone()));
        }
        let module = lower(chosen.into_iter().map(source), options.group_by.as_deref())?;
        Ok(Self::of(module, options.engine))
    }

    /// Prepares a module for an engine.
    pub(crate) fn of(module: Module, engine: EngineChoice) -> Self {
        let module = optimise(module);
        let schema = Arc::new(Schema::of(&module));
        Self { inner: Arc::new(Inner { module, schema, engine: engine.engine() }) }
    }

    /// What the rules mean.
    pub fn module(&self) -> &Module {
        &self.inner.module
    }

    /// What the rules read of the traces.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.inner.schema
    }

    /// What runs the rules.
    pub fn engine(&self) -> &dyn Engine {
        match &self.inner.engine {
            Running::Interpreter => &Interpreter,
            Running::Columns(_) => &Columns,
            Running::Jit(jit) => &**jit,
        }
    }

    /// Why loops run the rules though machine code was asked for, if so.
    pub fn jit_refusal(&self) -> Option<&str> {
        match &self.inner.engine {
            Running::Columns(refusal) => refusal.as_deref(),
            Running::Interpreter | Running::Jit(_) => None,
        }
    }

    /// The rules that loops ran so far, at least in part, though machine code was asked for,
    /// because they are beyond a limit of it; by id. Verdicts are the same.
    pub fn left_to_loops(&self) -> Vec<LeftToLoops> {
        match &self.inner.engine {
            Running::Jit(jit) => jit.left_to_loops(),
            Running::Interpreter | Running::Columns(_) => Vec::new(),
        }
    }
}

impl CompileOptions {
    /// A rule that is named runs even where it is not enabled.
    fn choose(&self, rule: &Rule) -> bool {
        let named = self.ids.contains(&rule.id);
        let by_id = if self.ids.is_empty() { rule.enabled } else { named };
        by_id && self.labels.iter().all(|(label, value)| rule.labels.get(label) == Some(value))
    }
}

/// The module of some rules, not yet optimised.
pub(crate) fn lowered<'a>(rules: impl Iterator<Item = &'a Rule>) -> Result<Module, LowerError> {
    lower(rules.map(source), None)
}

/// A rule as it is lowered.
pub(crate) fn source(rule: &Rule) -> RuleSource<'_> {
    RuleSource {
        id: &rule.id,
        severity: rule.severity,
        signal_type: rule.signal.kind.as_deref(),
        message: rule.signal.message.as_ref().unwrap_or(&rule.name),
        statement: &rule.statement,
        context: &rule.signal.context,
    }
}

fn nearest_help(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}

/// The names most like `wanted`, at most three.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut scored: Vec<_> = names.map(|name| (strsim::jaro_winkler(wanted, name), name)).collect();
    scored.retain(|(score, _)| *score > 0.8);
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}
