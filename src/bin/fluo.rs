//! The command line `fluo`, the name that the documents use: the same program as `betrace`.

use std::process::ExitCode;

fn main() -> ExitCode {
    betrace::cli::main()
}
