//! The `cellsweep` program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cellsweep::commands::run(cellsweep::cli::Cli::parse())
}
