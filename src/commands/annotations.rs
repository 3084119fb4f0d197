//! Bursts as annotations of the capture they were found in (`analyze --annotate`).

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use captures::{Annotation, CaptureInfo};
use serde_json::json;

use crate::annotation::annotation;
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
        let (info, extent) = (&self.info, &burst.finding.extent);
        let at = |seconds: f64| info.sample_at((seconds.max(0.0) * info.sample_rate_hz).round() as u64);
        let mut annotation = annotation(burst, at(extent.start_s)..at(extent.end_s), info.center_frequency_hz);
        if info.num_channels > 1 {
            annotation.extra.insert("cellsweep:channel".to_owned(), json!(info.channel));
        }
        annotation
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
