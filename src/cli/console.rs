//! Standard output for results, standard error for everything else.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};

use compiler::printable;

/// Where the program prints.
pub struct Console {
    /// Results.
    pub out: BufWriter<Output>,
    quiet: bool,
}

impl Console {
    /// Prints notes unless `quiet`.
    pub fn new(quiet: bool) -> Self {
        Self { out: BufWriter::with_capacity(1 << 16, Output::default()), quiet }
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

/// Standard output. Once its reader has gone, what is written is dropped: a reader that has seen
/// enough is no failure, other outputs stay whole, and the exit code still tells what was found.
#[derive(Debug, Default)]
pub struct Output {
    gone: bool,
}

impl Output {
    fn heard<T>(&mut self, result: io::Result<T>, unheard: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(unheard)
            }
            result => result,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gone {
            return Ok(bytes.len());
        }
        let result = io::stdout().write(bytes);
        self.heard(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = io::stdout().flush();
        self.heard(result, ())
    }
}

/// Prints lines without anything in them that a terminal would obey.
pub fn say(text: &str) {
    let lines: Vec<_> = text.lines().map(printable).collect();
    say_raw(&lines.join("\n"));
}

fn say_raw(text: &str) {
    // Nobody is left to hear that standard error is gone.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
