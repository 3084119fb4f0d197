//! `--keep`: the directory of a sweep beside whatever a command does.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, ensure};
use captures::SampleFormat;

use crate::cli::KeepArgs;
use crate::logbook::{Logbook, Sweep, records_of};
use crate::pipeline::snapshot::Stream;
use crate::pipeline::{Outputs, Past};
use crate::tracker::baseline::Baseline;
use crate::tracker::zones::ZoneList;

/// The zones to be walked.
pub(super) fn zones(named: Option<&Path>) -> Result<Arc<ZoneList>> {
    Ok(Arc::new(named.map(ZoneList::named).transpose()?.unwrap_or_default()))
}

/// Lets the directory of a sweep hear of everything, and gives the pipeline the zones to be walked. `begun_unix_s` is when
/// the stream began, where that is known; where the sweep is continued, the outputs know what it came to.
///
/// # Errors
/// where the directory cannot be written, holds another sweep, or the zones are none.
pub(super) fn keep(
    args: &KeepArgs,
    outputs: Outputs,
    stream: &Stream,
    format: SampleFormat,
    begun_unix_s: Option<f64>,
) -> Result<Outputs> {
    let zones = zones(args.zones.as_deref())?;
    let baseline = args.baseline.as_deref().map(|directory| -> Result<Arc<Baseline>> {
        let reference = Sweep::open(directory)?;
        let transmitters = reference.tracker(Arc::default(), 0.0).transmitters();
        Ok(Arc::new(Baseline::new(transmitters, reference.stream.center_frequency_hz)))
    });
    let baseline = baseline.transpose()?;
    let mut outputs = Outputs { zones: Arc::clone(&zones), baseline: baseline.clone(), ..outputs };
    let Some(directory) = args.directory.as_deref() else { return Ok(outputs) };
    let mut logbook = if args.resume && records_of(directory).exists() {
        let sweep = Sweep::open(directory)?;
        ensure!(
            sweep.stream.center_frequency_hz == stream.center_frequency_hz,
            "{}: the sweep was at another --center; continue it there, or name another --keep",
            directory.display()
        );
        let apart_s = begun_unix_s.zip(sweep.begun_unix_s).map_or(0.0, |(now_s, begun_s)| now_s - begun_s);
        let offset_s = apart_s.max(sweep.listened.position_s);
        let tracker = sweep.tracker(Arc::clone(&outputs.known), offset_s).with_baseline(baseline);
        outputs.zones = Arc::clone(&sweep.zones);
        outputs.past = Some(Past { tracker, num_bursts: sweep.num_bursts() });
        Logbook::resume(directory, &sweep, offset_s)?
    } else {
        Logbook::begin(directory, &zones)?
    };
    logbook.stream(stream, format, begun_unix_s)?;
    outputs.listeners.push(Box::new(logbook));
    Ok(outputs)
}
