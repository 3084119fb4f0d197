//! Captures as they are opened from outside: an HDF5 file only after a process of its own has survived it.
//!
//! libhdf5 breaks, or never returns, on some damaged files (1.10 reads the sizes in a global heap unchecked, and frees
//! an attribute twice whose type it cannot read). Whatever it does to that process, this one tells it as a sentence.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use captures::{Capture, OpenOptions};
use num_complex::Complex32;

/// Longer than any sound file takes to open and to read a block of.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Samples read at either end.
const NUM_SAMPLES: usize = 4096;

/// The command that tries a file; the command line hides it.
pub const TRY: &str = "try-capture";

/// Opens a capture.
///
/// # Errors
/// as [`captures::open`]; and where the library does not survive the file.
pub fn open(path: &Path, options: &OpenOptions) -> Result<Capture> {
    if path.extension().is_some_and(|extension| extension == "h5" || extension == "hdf5") && path.is_file() {
        survive(path)?;
    }
    Ok(captures::open(path, options)?)
}

fn survive(path: &Path) -> Result<()> {
    let tried = std::env::current_exe().and_then(|program| {
        let silent = || Stdio::null();
        Command::new(program).arg(TRY).arg(path).stdin(silent()).stdout(silent()).stderr(silent()).spawn()
    });
    // Where no process can be had, the library is trusted.
    let Ok(mut tried) = tried else { return Ok(()) };
    let begun = Instant::now();
    let end = loop {
        match tried.try_wait() {
            Ok(None) if begun.elapsed() < PATIENCE => std::thread::sleep(LOOK_EVERY),
            Ok(Some(status)) => break status.code(),
            _ => break None,
        }
    };
    if end.is_some() {
        return Ok(());
    }
    let _ = tried.kill();
    let _ = tried.wait();
    bail!("{}: is damaged in a way that libhdf5 does not survive; fetch or record it again", path.display())
}

/// Opens a capture in every way that it tells of, and reads at both ends: what [`open`] has another process do.
pub fn attempt(path: &Path) {
    let told = OpenOptions { sample_rate_hz: Some(1e6), center_frequency_hz: Some(1e9), ..OpenOptions::default() };
    for options in [OpenOptions::default(), told] {
        let Ok(mut capture) = captures::open(path, &options) else { continue };
        let mut samples = vec![Complex32::ZERO; NUM_SAMPLES];
        let last = capture.info().samples.saturating_sub(NUM_SAMPLES as u64);
        let _ = capture.read(&mut samples);
        let _ = capture.seek(last).and_then(|()| capture.read(&mut samples));
    }
}
