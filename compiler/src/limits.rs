//! The limits on rule text, one named constant each. A rule over a limit is refused with its place
//! and the limit, by the error that the constant's documentation names.

/// Bytes of one rule's text. Error `rule-too-long`.
pub const RULE_TEXT_BYTES: usize = 64 * 1024;

/// Open parentheses and `not`s around any place of a rule. Error `nesting-too-deep`.
pub const NESTING: usize = 64;

/// Comparisons of one rule: tests in `where`, trace tests and count comparisons.
/// Error `too-many-comparisons`.
pub const COMPARISONS: usize = 4_096;

/// Distinct operations one rule may name. Error `too-many-operations`.
pub const OPERATIONS: usize = 256;

/// Values of one list, written in the text or given as a parameter. Error `list-too-long`.
pub const LIST_VALUES: usize = 10_000;

/// Bytes of one regular expression as written. Error `pattern-too-long`.
pub const PATTERN_BYTES: usize = 1024;

/// Bytes a regular expression may compile to. Error `pattern-too-large`.
pub const PATTERN_PROGRAM_BYTES: usize = ir::module::Pattern::SIZE_LIMIT;

/// Nesting inside a regular expression. Error `pattern-invalid`, which says what is wrong with it.
pub const PATTERN_NESTING: u32 = ir::module::Pattern::NEST_LIMIT;

/// Bytes that the different regular expressions of one set may compile to in all, as
/// [`ir::module::Pattern::size`] counts them; the loader of rule files holds it.
/// Error `patterns-too-large`.
pub const PATTERN_PROGRAM_BYTES_PER_SET: usize = 64 << 20;

/// Context keys of one rule; the loader of rule files holds it. Error `too-many-context-keys`.
pub const CONTEXT_KEYS: usize = 64;

/// Rules of one set; the loader of rule files holds it. Error `too-many-rules`.
pub const RULES_PER_SET: usize = 10_000;

/// Diagnostics reported for one rule; a text with more is not worth reading on, and the last
/// diagnostic says so (`too-many-errors`).
pub const DIAGNOSTICS_PER_RULE: usize = 100;

/// Errors reported for one rule file, and warnings; behind them stands that there were more
/// (`too-many-errors`, `too-many-warnings`).
pub const DIAGNOSTICS_PER_FILE: usize = 1_000;
