//! `betrace completions`: completion scripts.

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Cli;
use super::console::Console;
use super::exit::{Exit, Failure};

/// Prints the script for a shell.
pub fn print(shell: Shell, console: &mut Console) -> Result<Exit, Failure> {
    clap_complete::generate(shell, &mut Cli::command(), "betrace", &mut console.out);
    Ok(Exit::Clean)
}
