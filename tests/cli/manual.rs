//! What the manual shows is what happens: its files are written, its commands run, and what they print
//! is compared.
//!
//! A block of YAML that begins with `# NAME` is a file of that name. A block of text that begins with
//! `$ ` is a command and what it prints, with `exit CODE` behind it unless that is 0.

use std::fs;

use crate::sandbox::Sandbox;

#[test]
fn commands_print_what_the_manual_says() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
    let mut commands = 0;
    for entry in fs::read_dir(folder).expect("the manual") {
        let path = entry.expect("an entry").path();
        let page = fs::read_to_string(&path).expect("a text");
        let sandbox = Sandbox::new();
        for block in page.split("\n```").skip(1).step_by(2) {
            let (_, block) = block.split_once('\n').unwrap_or_default();
            if let Some(name) = block.strip_prefix("# ").and_then(|rest| rest.lines().next()) {
                sandbox.write(name, format!("{block}\n"));
            } else if let Some((command, printed)) =
                block.strip_prefix("$ ").and_then(|rest| rest.split_once('\n'))
            {
                commands += 1;
                let args: Vec<&str> = command.split(' ').skip(1).collect();
                let outcome = sandbox.run(&args);
                let mut found = outcome.out + &outcome.err;
                if outcome.code != Some(0) {
                    found += &format!("exit {}\n", outcome.code.expect("a code"));
                }
                assert_eq!(found, format!("{printed}\n"), "{}: {command}", path.display());
            }
        }
    }
    assert!(commands >= 2, "the manual shows nothing");
}
