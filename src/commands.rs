//! The commands: what the words of the command line do.

mod analyze;
mod annotations;
mod bands;
mod convert;
#[cfg(feature = "soapy")]
mod devices;
mod info;
mod keep;
mod plot;
#[cfg(feature = "soapy")]
mod record;
mod replay;
mod report;
#[cfg(feature = "hdf5")]
mod results;
#[cfg(not(feature = "hdf5"))]
#[path = "commands/no_results.rs"]
mod results;
#[cfg(feature = "soapy")]
mod sweep;
mod welcome;

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::cli::{Cli, Command, ComputeArgs};
use crate::pipeline::Options;
#[cfg(feature = "soapy")]
use crate::pipeline::snapshot::Note;
use crate::records::RecordWriter;
use crate::source::vetted;
use crate::tracker::known::Known;

/// The status that clap ends with too.
const WRONG_COMMAND_LINE: u8 = 2;

/// Runs a command; what went wrong is a sentence on standard error.
pub fn run(cli: Cli) -> ExitCode {
    let Some(command) = cli.command else {
        let _ = io::stderr().write_all(welcome::text().as_bytes());
        return ExitCode::from(WRONG_COMMAND_LINE);
    };
    match carry_out(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "cellsweep: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn simulate(args: &crate::cli::SimulateArgs) -> Result<()> {
    let summary = crate::simulate::run(&args.scene, args.output.as_deref())?;
    tell(&format!(
        "{}: {} samples ({} beyond full scale) with {} transmissions; the truth is in {}",
        summary.meta_path.display(),
        summary.num_samples,
        summary.num_clipped,
        summary.num_bursts,
        summary.truth_path.display()
    ));
    Ok(())
}

/// Prints what a shell completes.
fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "cellsweep", &mut script);
    print(&script)
}

/// Prints the manual: the page of the program and of each command.
fn manual() -> Result<()> {
    let mut pages = Vec::new();
    let mut program = Cli::command();
    program.build();
    clap_mangen::Man::new(program.clone()).render(&mut pages)?;
    for command in program.get_subcommands().filter(|command| command.get_name() != "help" && !command.is_hide_set()) {
        clap_mangen::Man::new(command.clone()).render(&mut pages)?;
    }
    print(&pages)
}

/// Writes to standard output; who has closed it has read enough.
fn print(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(()),
    }
}

fn carry_out(command: Command) -> Result<()> {
    match command {
        Command::Analyze(args) => analyze::run(&args),
        Command::Replay(args) => replay::run(&args),
        #[cfg(feature = "soapy")]
        Command::Sweep(args) => sweep::run(&args),
        #[cfg(feature = "soapy")]
        Command::Record(args) => record::run(&args),
        #[cfg(feature = "soapy")]
        Command::Devices(args) => devices::run(&args),
        #[cfg(not(feature = "soapy"))]
        Command::Sweep(_) | Command::Record(_) | Command::Devices(_) => Err(anyhow::anyhow!(
            "this build has no radio support; install SoapySDR (apt install libsoapysdr-dev) and build with: \
             cargo build --release --features soapy"
        )),
        Command::Bands(args) => bands::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Simulate(args) => simulate(&args),
        Command::Report(args) => report::run(&args),
        Command::Plot(args) => plot::run(&args),
        Command::Completions(args) => completions(args.shell),
        Command::Man => manual(),
        Command::TryCapture { capture } => {
            vetted::attempt(&capture);
            Ok(())
        }
    }
}

/// How a pipeline computes.
fn options(compute: &ComputeArgs, speed: Option<f64>) -> Options {
    let default = Options::default();
    let threads = compute.threads.map_or(default.threads, usize::from);
    Options { threads, block_s: compute.block_ms / 1e3, speed, ..default }
}

/// Records to a file, or to standard output.
fn record_writer(output: Option<&Path>) -> Result<RecordWriter> {
    Ok(match output {
        Some(path) => {
            let file = File::create(path)
                .with_context(|| format!("{}: cannot be written; name another --output", path.display()))?;
            RecordWriter::new(Box::new(BufWriter::new(file)), path.display().to_string())
        }
        None => RecordWriter::new(Box::new(BufWriter::new(io::stdout())), "standard output".to_owned()),
    })
}

/// What the user knows of transmitters.
fn known(list: Option<&Path>) -> Result<Arc<Known>> {
    Ok(Arc::new(list.map(Known::read).transpose()?.unwrap_or_default()))
}

/// Tells something of the run on standard error, where a person reads it.
fn tell(sentence: &str) {
    if io::stderr().is_terminal() {
        let _ = writeln!(io::stderr(), "{sentence}");
    }
}

/// Writes the log on standard error.
#[cfg(feature = "soapy")]
fn log(note: &Note) {
    let _ = writeln!(io::stderr(), "cellsweep: {:.1} s: {}", note.at_s, note.text);
}
