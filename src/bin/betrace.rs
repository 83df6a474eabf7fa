//! The command line `betrace`.

use std::process::ExitCode;

fn main() -> ExitCode {
    betrace::cli::main()
}
