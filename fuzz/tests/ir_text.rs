//! IR text: modules print and parse to the same module; no damage to the text makes the parser
//! panic, and what it still accepts prints and parses to the same.

use betrace_fuzz::campaign::campaign;
use betrace_fuzz::segment::Draft;
use betrace_fuzz::{Bytes, module, mutate};

const TOKENS: [&str; 30] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    " ",
    "\n",
    "=",
    "==",
    "\"",
    "\\",
    "\\u{0}",
    "-",
    "0",
    "1",
    "99999999999999999999",
    "4294967296",
    "NaN",
    "inf",
    "-0.0",
    "1e999",
    "true",
    "not",
    "and",
    "rule",
    "#",
    "\u{0}",
    "é",
];

#[test]
fn modules_print_and_parse() {
    campaign("ir-text", 1_500, check);
}

#[test]
fn modules_of_a_fuzzer_print_and_parse() {
    bolero::check!().with_iterations(200).for_each(|input: &[u8]| {
        again(&String::from_utf8_lossy(input));
        check(&mut Bytes::new(input));
    });
}

fn check(bytes: &mut Bytes<'_>) {
    let draft = Draft::random(bytes);
    let module = module::random(bytes, &draft.values());
    let text = module.to_string();
    let parsed = ir::text::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(parsed, module, "{text}");
    assert_eq!(parsed.to_string(), text);
    for _ in 0..4 {
        let damaged = match bytes.chance(80) {
            true => mutate::text(bytes, &text, &TOKENS),
            false => String::from_utf8_lossy(&mutate::bytes(bytes, text.as_bytes())).into_owned(),
        };
        again(&damaged);
    }
}

/// What is accepted is what it prints as.
fn again(text: &str) {
    if let Ok(module) = ir::text::parse(text) {
        let printed = module.to_string();
        let parsed = ir::text::parse(&printed);
        assert_eq!(parsed.as_ref(), Ok(&module), "{text}\nprints as\n{printed}");
        let sound = ir::verify::verify(&module);
        if sound.is_ok() {
            let small = compiler::optimise(module);
            assert!(ir::verify::verify(&small).is_ok(), "{text}");
        }
    }
}
