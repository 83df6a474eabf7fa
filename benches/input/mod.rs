//! What the decoding benchmark reads: generated lines, the same lines written otherwise, and real
//! ones repeated.

mod json;
mod vary;

use std::fs::File;
use std::path::{Path, PathBuf};

use betrace::generate::{Workload, lines};
use betrace::{CompileOptions, Program, RuleSet};

use self::vary::{IRREGULAR, VARIABLE, vary};

/// About 100 MB: well beyond the caches.
const WORKLOAD: (u64, u32, u64) = (20_000, 2, 1);

/// Bytes that real lines are repeated to.
const REPEATED: usize = 100 << 20;

/// Lines, and rules to read them for.
pub struct Input {
    /// What they are like.
    pub name: &'static str,
    /// The lines.
    pub text: Vec<u8>,
    /// The rules.
    pub program: Program,
    /// Violations of all rules, where they are known.
    pub violated: Option<u64>,
}

/// Lines of the generator, and the same spans written otherwise.
pub fn generated() -> Vec<Input> {
    let (traces, days, seed) = WORKLOAD;
    let mut text = Vec::new();
    let truth = lines(&Workload::new(traces, days, seed), &mut |line| {
        text.extend_from_slice(line);
        Ok(())
    });
    let truth = truth.expect("a workload");
    let violated = truth.rules.iter().map(|rule| rule.total.violated).sum();
    let rules = RuleSet::from_paths([root().join("rules/omnicart.yaml")]).expect("rules are there");
    let input =
        |name, text| Input { name, text, program: compile(&rules), violated: Some(violated) };
    let regular = String::from_utf8(text).expect("JSON is UTF-8");
    vec![
        input("variable", vary(&regular, VARIABLE, seed).into_bytes()),
        input("irregular", vary(&regular, IRREGULAR, seed).into_bytes()),
        input("regular", regular.into_bytes()),
    ]
}

/// Rules that name common operations of the real lines.
const REAL: &str = "
rules:
  - { id: find, severity: low, invariant: 'never { trace.has(mongodb.find).where(db.operation == drop) }' }
  - { id: catalogue, severity: low, invariant: 'never { trace.has(\"/api/catalogue/\").where(http.status_code >= 500) }' }
  - { id: ingress, severity: low, invariant: 'never { trace.has(ingress).where(http.status_code >= 500) }' }
  - { id: get, severity: low, invariant: 'never { trace.has(GET).where(http.status_code >= 500) }' }
";

/// The real lines that are there, each set repeated to size.
pub fn real() -> Vec<Input> {
    let rules = RuleSet::from_text("real.yaml", REAL);
    assert_eq!(rules.errors(), 0, "{rules:?}");
    let folder = root().join("../shared/data/bulk");
    let files = [("robotshop", "robotshop.jsonl.zst"), ("oteldemo", "oteldemo.jsonl.zst")];
    let found = files.into_iter().filter_map(|(name, file)| {
        let lines = decompress(&folder.join(file))?;
        let text = lines.repeat(REPEATED.div_ceil(lines.len()));
        Some(Input { name, text, program: compile(&rules), violated: None })
    });
    found.collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn compile(rules: &RuleSet) -> Program {
    Program::compile(rules, &CompileOptions::default()).expect("the rules compile")
}

/// The lines of a file, the last one ended.
fn decompress(path: &Path) -> Option<Vec<u8>> {
    let mut text = zstd::decode_all(File::open(path).ok()?).ok()?;
    if text.last() != Some(&b'\n') {
        text.push(b'\n');
    }
    Some(text)
}
