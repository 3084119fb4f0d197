//! Bursts as annotations of the capture they were found in (`analyze --annotate`).

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use captures::{Annotation, CaptureInfo};
use serde_json::{Map, json};

use crate::pipeline::Listener;
use crate::pipeline::snapshot::{Burst, Transmitter};

/// By this name annotations of earlier runs are known.
const GENERATOR: &str = "cellsweep";

/// Gathers the bursts of one stream of a capture and adds them to `all` when it ends.
pub(super) struct Annotations {
    info: CaptureInfo,
    gathered: Vec<Annotation>,
    all: std::sync::mpsc::Sender<Vec<Annotation>>,
}

impl Annotations {
    /// A listener to the stream of `info`, that sends what it gathered to `all`.
    pub(super) fn new(info: &CaptureInfo, all: std::sync::mpsc::Sender<Vec<Annotation>>) -> Self {
        Self { info: info.clone(), gathered: Vec::new(), all }
    }

    fn annotation(&self, burst: &Burst) -> Annotation {
        let (info, finding) = (&self.info, &burst.finding);
        let at = |seconds: f64| info.sample_at((seconds.max(0.0) * info.sample_rate_hz).round() as u64);
        let (start, end) = (at(finding.extent.start_s), at(finding.extent.end_s));
        // Without a centre, edges are offsets from it.
        let center_hz = info.center_frequency_hz.unwrap_or(0.0) + finding.extent.center_hz;
        let half_hz = finding.extent.bandwidth_hz / 2.0;
        let mut extra = Map::from_iter([
            ("cellsweep:id".to_owned(), json!(burst.id)),
            ("cellsweep:transmitter".to_owned(), json!(burst.transmitter)),
            ("cellsweep:confidence".to_owned(), json!(finding.confidence)),
            ("cellsweep:snr_db".to_owned(), json!(finding.snr_db)),
            ("cellsweep:power_dbfs".to_owned(), json!(finding.power_dbfs)),
        ]);
        if info.num_channels > 1 {
            extra.insert("cellsweep:channel".to_owned(), json!(info.channel));
        }
        let transmitter = burst.transmitter.map_or_else(String::new, |id| format!(" of transmitter {id}"));
        Annotation {
            sample_start: start,
            sample_count: Some(end.saturating_sub(start)),
            freq_lower_edge_hz: Some(center_hz - half_hz),
            freq_upper_edge_hz: Some(center_hz + half_hz),
            label: Some(format!("{} {}", finding.technology.name(), finding.channel.name())),
            comment: Some(format!("SNR {:.1} dB, sure to {:.2}{transmitter}", finding.snr_db, finding.confidence)),
            extra,
        }
    }
}

impl Listener for Annotations {
    fn burst(&mut self, burst: &Burst) -> Result<()> {
        let annotation = self.annotation(burst);
        self.gathered.push(annotation);
        Ok(())
    }

    fn end(&mut self, _: &[Transmitter]) -> Result<()> {
        // Nobody receives where the analysis has been given up.
        let _ = self.all.send(std::mem::take(&mut self.gathered));
        Ok(())
    }
}

/// The metadata that are to be annotated; only a SigMF pair has some.
pub(super) fn metadata_of(capture: &Path) -> Result<PathBuf> {
    match capture.extension().and_then(|ending| ending.to_str()) {
        Some("sigmf-meta" | "sigmf-data") => Ok(capture.with_extension("sigmf-meta")),
        _ => bail!(
            "{}: only a SigMF pair takes annotations; make one of it first: cellsweep convert {} X.sigmf-meta",
            capture.display(),
            capture.display()
        ),
    }
}

/// Writes them, in place of those of earlier runs.
pub(super) fn write(metadata: &Path, annotations: &[Annotation]) -> Result<()> {
    Ok(captures::annotate(metadata, GENERATOR, annotations)?)
}
