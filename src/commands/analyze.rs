//! `analyze`: batch, records.

use anyhow::{Result, bail};

use crate::cli::AnalyzeArgs;
use crate::commands::{options, record_writer, tell};
use crate::pipeline::{self, Outputs};
use crate::source::capture_file::CaptureFile;

/// Captures up to this size have their hash in the record; hashing a larger one would delay its analysis.
const MAX_HASHED_BYTES: u64 = 1 << 30;

/// Analyses each capture in turn.
pub(super) fn run(args: &AnalyzeArgs) -> Result<()> {
    // All are opened before anything is written, so that a wrong name is told at once.
    let mut opened = Vec::new();
    for path in &args.captures {
        let capture = captures::open(path, &args.open.open_options())?;
        dsp::grid::Grid::new(capture.info().sample_rate_hz)
            .map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
        opened.push(capture);
    }
    let mut records = record_writer(args.output.as_deref())?;
    let mut cut_short = Vec::new();
    for capture in opened {
        let info = capture.info().clone();
        info.warnings.iter().for_each(|warning| tell(&format!("{}: {warning}", info.path.display())));
        let bytes = info.samples * info.format.bytes_per_sample() as u64;
        let sha256 = if bytes <= MAX_HASHED_BYTES { Some(capture.sha256()?) } else { None };
        if !records.capture(&info, sha256)? {
            return Ok(());
        }
        let source = Box::new(CaptureFile::new(capture));
        let outputs = Outputs { records: Some(records), snapshots: None };
        let outcome = pipeline::run(source, options(&args.compute, None), outputs, None)?;
        if let Some(failure) = outcome.failure {
            bail!(failure);
        }
        match outcome.records {
            Some(writer) => records = writer,
            None => return Ok(()),
        }
        let performance = &outcome.summary.performance;
        tell(&format!(
            "{}: {} bursts of {} transmitters in {:.3} s of air, {:.1} times real time",
            info.path.display(),
            outcome.summary.bursts,
            outcome.summary.transmitters,
            info.duration_s(),
            performance.realtime_factor
        ));
        if info.cut_short {
            cut_short.push(format!("{}: {}", info.path.display(), info.warnings.join("; ")));
        }
    }
    if !cut_short.is_empty() {
        bail!("{}; what is there was analysed: bring the whole file for the rest", cut_short.join("; "));
    }
    Ok(())
}
