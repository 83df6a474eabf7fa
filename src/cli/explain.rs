//! `betrace explain`: how a rule is read, and what it will look at.

use std::io::{self, Write};

use compiler::{Jit, JitOptions, Placement, WordMeaning, printable, render};
use ir::module::Operation;

use super::args::{Common, ExplainArgs, Shape};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::explain_trace::Asked;
use super::settings::{Flags, Settings};
use super::table::{bytes, plural};
use super::{ingest, loading, traces};
use crate::{
    CompileOptions, Corpus, Outlook, PassedOver, Program, Rule, RuleSet, Touched, rfc3339,
};

/// The id of a rule that was given as text.
const TEXT_ID: &str = "rule";

/// Explains one rule, of a set by its id or given as text.
pub fn run(common: &Common, args: &ExplainArgs, console: &mut Console) -> Result<Exit, Failure> {
    let corpus = args.corpus.as_ref();
    let flags = Flags { rules: &args.rules, inputs: &args.inputs, corpus, ..Flags::default() };
    let settings = Settings::load(common, &flags)?;
    let color = console.colors(&settings.color.value);
    let is_text = args.rule.contains(['(', '{', ' ', '\n']);
    let (set, id) = if is_text {
        (from_text(&args.rule, color, console)?, TEXT_ID)
    } else {
        (loading::load(&settings.rules.value, true, color, console)?, args.rule.as_str())
    };
    let options = CompileOptions { ids: vec![id.to_owned()], ..CompileOptions::default() };
    let program = Program::compile(&set, &options).map_err(Failure::usage)?;
    let rule = set.rule(id).ok_or_else(|| Failure::usage(format!("no rule has the id `{id}`")))?;
    if let Some(trace) = &args.trace {
        let asked = Asked { rule, program: &program, trace, set: (!is_text).then_some(&set) };
        return asked.answer(args.format.unwrap_or(Shape::Table), &settings, console);
    }
    let corpus = match &args.corpus {
        Some(_) => Some(Corpus::open(ingest::folder(&settings.corpus)?.path())?),
        None => None,
    };
    let jit = (args.clif || args.asm).then(|| compiled(&program, corpus.as_ref())).transpose()?;
    let out = &mut console.out;
    if !is_text {
        title(rule, &set, out)?;
        writeln!(out)?;
    }
    writeln!(out, "canonical\n  {}", printable(&rule.statement.to_string()))?;
    words(rule, out)?;
    reads(&program, out)?;
    if let Some(corpus) = &corpus {
        touches(&program, corpus, out)?;
    }
    if args.ir {
        writeln!(out, "\nmodule")?;
        let text = program.module().to_string();
        text.lines().try_for_each(|line| writeln!(out, "{}", printable(line)))?;
    }
    if let Some(jit) = jit {
        code(&jit, corpus.is_some(), args, out)?;
    }
    Ok(Exit::Clean)
}

/// Which rule it is, and where it stands.
///
/// # Errors
/// What the system says.
pub fn title(rule: &Rule, set: &RuleSet, out: &mut impl Write) -> io::Result<()> {
    let file = &set.files[rule.source.file];
    let line = compiler::Position::of(&file.text, rule.source.span.start).line;
    writeln!(out, "{} ({}): {}", rule.id, rule.severity.name(), printable(&rule.name))?;
    writeln!(out, "  {}:{line}", printable(&file.name))
}

/// What a replay of the corpus will touch.
fn touches(program: &Program, corpus: &Corpus, out: &mut impl Write) -> Result<(), Failure> {
    let Outlook { segments, bytes: all, columns } =
        corpus.outlook(program).map_err(traces::failure)?;
    let (passed, touched): (Vec<Touched>, Vec<Touched>) =
        segments.into_iter().partition(|segment| segment.passed_over.is_some());
    let read: u64 = touched.iter().map(|segment| segment.bytes).sum();
    let looked_at = plural(touched.len() as u64, "segment");
    writeln!(out, "\ntouches in {looked_at} at most {} of {}", bytes(read), bytes(all))?;
    for (name, size) in &columns {
        writeln!(out, "  {}: {}", printable(name), bytes(*size))?;
    }
    list(&touched, out)?;
    for (why, words) in [
        (PassedOver::Operations, "without any operation of the rule"),
        (PassedOver::Bounds, "whose bounds tell that no span is one that the rule speaks of"),
    ] {
        let passed = passed.iter().filter(|segment| segment.passed_over == Some(why));
        let passed: Vec<Touched> = passed.cloned().collect();
        if !passed.is_empty() {
            writeln!(out, "passed over: {} {words}", plural(passed.len() as u64, "segment"))?;
            list(&passed, out)?;
        }
    }
    writeln!(out, "passed over: all other columns; ids, starts and context are read of violating")?;
    writeln!(out, "traces only, and a column not at all where bitmaps or dictionaries settle it")?;
    Ok(())
}

/// The first of some segments, each with its time and what is read of it.
fn list(segments: &[Touched], out: &mut impl Write) -> io::Result<()> {
    const SHOWN: usize = 8;
    for Touched { segment, bytes: read, .. } in segments.iter().take(SHOWN) {
        let [first, last] = [segment.first, segment.last].map(rfc3339);
        write!(out, "  {} of {first} to {last}", segment.file())?;
        match read {
            0 => writeln!(out)?,
            read => writeln!(out, ": {}", bytes(*read))?,
        }
    }
    match segments.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more"),
    }
}

/// The code of the rule's predicates: on the columns of a corpus, or on some that are assumed.
fn compiled(program: &Program, corpus: Option<&Corpus>) -> Result<Jit, Failure> {
    let refused = |error| Failure::usage(format!("no machine code: {error}"));
    let Some(corpus) = corpus else {
        return Jit::assuming(program.module()).map_err(refused);
    };
    let jit = Jit::new(JitOptions::default()).map_err(refused)?;
    corpus.compile(program, &jit).map_err(traces::failure)?;
    Ok(jit)
}

/// Lists that code.
fn code(
    jit: &Jit,
    of_corpus: bool,
    args: &ExplainArgs,
    out: &mut impl Write,
) -> Result<(), Failure> {
    if of_corpus {
        writeln!(out, "\ncode, for all shapes that the columns of the corpus have")?;
    } else {
        writeln!(
            out,
            "\ncode, if attributes compared by order are integers of two bytes, durations of"
        )?;
        writeln!(out, "four, all others texts of one byte a code, each missing on some spans")?;
    }
    for left in jit.left_to_loops() {
        writeln!(out, "  in part by loops: {}", left.why)?;
    }
    let listings = jit.listings();
    if listings.is_empty() {
        writeln!(out, "  none: presence, bounds and dictionaries settle all of it, or loops do")?;
    }
    for (number, listing) in listings.iter().enumerate() {
        writeln!(out, "\nkernel {number}: {}", listing.shape)?;
        let texts = [(args.clif, &listing.clif), (args.asm, &listing.asm)];
        for (_, text) in texts.iter().filter(|(wanted, _)| *wanted) {
            writeln!(out, "{}", text.trim_end())?;
        }
    }
    Ok(())
}

/// A set of one rule whose text is all there is.
fn from_text(text: &str, color: bool, console: &mut Console) -> Result<RuleSet, Failure> {
    let (set, diagnostics) = RuleSet::of_rule_text(TEXT_ID, text);
    let shown = render(&diagnostics, "<rule>", text, &Placement::identity(), color);
    console.diagnostics(&shown);
    if set.rules.is_empty() { Err(Failure::said(Exit::Usage)) } else { Ok(set) }
}

fn words(rule: &Rule, out: &mut impl Write) -> io::Result<()> {
    if rule.words.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nbare words")?;
    rule.words.iter().try_for_each(|word| {
        let meaning = match word.meaning {
            WordMeaning::Parameter => "the parameter of that name",
            WordMeaning::Attribute => "the attribute of that name on the same span",
            WordMeaning::Text => "the text itself",
            WordMeaning::Constant => "a word of the language",
            WordMeaning::OldSpelling => "part of an old spelling",
        };
        writeln!(out, "  {}: {meaning}", printable(&word.word))
    })
}

fn reads(program: &Program, out: &mut impl Write) -> io::Result<()> {
    let (module, schema) = (program.module(), program.schema());
    writeln!(out, "\nreads")?;
    let keys = |numbers: &[usize]| {
        let keys: Vec<_> = numbers.iter().map(|&key| printable(&schema.keys()[key])).collect();
        if keys.is_empty() { "no attributes".to_owned() } else { keys.join(", ") }
    };
    for (number, operation) in module.operations.iter().enumerate() {
        let name = match operation {
            Operation::Named(name) => name.to_string(),
            Operation::Wildcard(pieces) => pieces.join("*"),
        };
        writeln!(out, "  spans {}: {}", printable(&name), keys(&schema.keys_of_operation(number)))?;
    }
    let anywhere = schema.reads_anywhere();
    if !anywhere.is_empty() {
        writeln!(out, "  other spans of violating traces, for the context: {}", keys(anywhere))?;
    }
    if !schema.resource_keys().is_empty() {
        writeln!(out, "  their resources: {}", keys(schema.resource_keys()))?;
    }
    Ok(())
}
