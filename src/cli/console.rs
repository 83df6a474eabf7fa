//! Standard output for results, standard error for everything else.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use compiler::printable;

/// Where the program prints.
pub struct Console {
    /// Results.
    pub out: BufWriter<Stdout>,
    quiet: bool,
}

impl Console {
    /// Prints notes unless `quiet`.
    pub fn new(quiet: bool) -> Self {
        Self { out: BufWriter::with_capacity(1 << 16, io::stdout()), quiet }
    }

    /// Says something that is not a result.
    pub fn note(&mut self, text: &str) {
        if !self.quiet {
            say(text);
        }
    }

    /// Says what went wrong, even when quiet; nothing if there is nothing to say.
    pub fn error(&mut self, text: &str) {
        // What was printed before belongs before; if that fails, the reader is gone.
        let _ = self.out.flush();
        if !text.is_empty() {
            say(&format!("error: {text}"));
        }
    }

    /// Prints diagnostics as they are.
    pub fn diagnostics(&mut self, text: &str) {
        if !text.is_empty() {
            say_raw(text);
        }
    }

    /// Whether a progress bar makes sense.
    pub fn shows_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Whether to color what goes to standard error: `--color`, NO_COLOR, and what it is.
    pub fn colors(&self, choice: &str) -> bool {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        choice == "always" || choice == "auto" && wanted && io::stderr().is_terminal()
    }

    /// Writes out what was printed.
    ///
    /// # Errors
    /// What the system says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Prints lines without anything in them that a terminal would obey.
fn say(text: &str) {
    let lines: Vec<_> = text.lines().map(printable).collect();
    say_raw(&lines.join("\n"));
}

fn say_raw(text: &str) {
    // Nobody is left to hear that standard error is gone.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
