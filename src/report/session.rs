//! Records read back: one pass for each capture.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::about::Stimulus;
use crate::logbook::{Sweep, records_of};
use crate::records;

/// `capture`, as far as a report needs it.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Capture {
    pub(crate) path: String,
    pub(crate) sample_rate_hz: f64,
    pub(crate) center_frequency_hz: Option<f64>,
    pub(crate) duration_s: Option<f64>,
    pub(crate) datatype: String,
    pub(crate) sha256: Option<String>,
}

/// `burst`.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Burst {
    pub(crate) id: u64,
    pub(crate) transmitter: Option<u64>,
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
    pub(crate) center_hz: f64,
    pub(crate) bandwidth_hz: f64,
    pub(crate) frequency_hz: Option<f64>,
    pub(crate) power_dbfs: f64,
    pub(crate) snr_db: f64,
    pub(crate) technology: String,
    pub(crate) channel: String,
    pub(crate) confidence: f64,
    pub(crate) clipped: bool,
    pub(crate) parameters: Value,
}

/// `transmitter`.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Transmitter {
    pub(crate) id: u64,
    pub(crate) technology: String,
    pub(crate) confidence: f64,
    pub(crate) bursts: u64,
    pub(crate) first_s: f64,
    pub(crate) last_s: f64,
    pub(crate) center_hz: f64,
    pub(crate) power_dbfs_max: f64,
    pub(crate) period_s: Option<f64>,
    pub(crate) known: bool,
    #[serde(default)]
    pub(crate) parameters: Value,
}

/// `summary`.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Summary {
    pub(crate) samples_processed: u64,
    pub(crate) samples_dropped: u64,
    pub(crate) blind_s: f64,
    pub(crate) clipped_s: f64,
}

/// What one capture gave.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Pass {
    pub(crate) capture: Capture,
    pub(crate) bursts: Vec<Burst>,
    pub(crate) transmitters: Vec<Transmitter>,
    /// Absent where the sweep ended without one.
    pub(crate) summary: Option<Summary>,
    /// What was done to provoke devices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) stimuli: Vec<Stimulus>,
}

impl Pass {
    /// Time on the air that was analysed.
    pub(crate) fn listened_s(&self) -> Option<f64> {
        let told = self.summary.as_ref().map(|s| s.samples_processed as f64 / self.capture.sample_rate_hz);
        told.or(self.capture.duration_s)
    }

    /// The bursts of one transmitter.
    pub(crate) fn bursts_of(&self, transmitter: u64) -> impl Iterator<Item = &Burst> {
        self.bursts.iter().filter(move |burst| burst.transmitter == Some(transmitter))
    }

    /// Radio frequency of an offset, where it is known.
    pub(crate) fn frequency_hz(&self, offset_hz: f64) -> Option<f64> {
        Some(self.capture.center_frequency_hz? + offset_hz)
    }
}

/// All passes, in the order of the file.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Session {
    pub(crate) passes: Vec<Pass>,
}

impl Session {
    /// Reads records.
    ///
    /// # Errors
    /// where the file cannot be read, a line is no record, or there is no capture in it; the message names the line.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self { passes: vec![Self::of_sweep(path)?] });
        }
        let text = std::fs::read_to_string(path).with_context(|| {
            format!("{}: cannot be read; name a file of records, made with: cellsweep analyze --output", path.display())
        })?;
        let passes = Self::passes(&text, path)?;
        if passes.is_empty() {
            bail!("{}: holds no records; make them with: cellsweep analyze --output", path.display());
        }
        Ok(Self { passes })
    }

    fn passes(text: &str, path: &Path) -> Result<Vec<Pass>> {
        let mut passes: Vec<Pass> = Vec::new();
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        for (index, line) in lines {
            Self::take(&mut passes, line).with_context(|| format!("{}, line {}", path.display(), index + 1))?;
        }
        Ok(passes)
    }

    /// The parts of a sweep in its directory as one pass. What an end that never came would have told is computed.
    fn of_sweep(directory: &Path) -> Result<Pass> {
        let sweep = Sweep::open(directory)?;
        let path = records_of(directory);
        let text = std::fs::read_to_string(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let whole = text.rfind('\n').map_or(0, |last| last + 1);
        let mut parts = Self::passes(&text[..whole], &path)?.into_iter();
        let Some(mut pass) = parts.next() else { bail!("{}: holds no records", path.display()) };
        for part in parts {
            pass.bursts.extend(part.bursts);
            pass.stimuli.extend(part.stimuli);
        }
        let transmitters = sweep.tracker(Arc::default(), 0.0).transmitters();
        let known: Vec<u64> = pass.transmitters.iter().filter(|t| t.known).map(|t| t.id).collect();
        let read = |t| serde_json::from_value(records::transmitter_value(t)?).context("is no transmitter record");
        pass.transmitters = transmitters.iter().map(read).collect::<Result<_>>()?;
        pass.transmitters.iter_mut().for_each(|t| t.known |= known.contains(&t.id));
        pass.capture.duration_s = sweep.stream.duration_s;
        pass.summary = sweep.is_whole.then(|| Summary {
            samples_processed: sweep.listened.samples,
            samples_dropped: sweep.listened.lost,
            blind_s: sweep.listened.lost as f64 / pass.capture.sample_rate_hz,
            clipped_s: sweep.listened.clipped_s,
        });
        Ok(pass)
    }

    fn take(passes: &mut Vec<Pass>, line: &str) -> Result<()> {
        let value: Value =
            serde_json::from_str(line).context("is no JSON: the file is no file of records, or cut short")?;
        let kind = value["record"].as_str().unwrap_or_default().to_owned();
        if kind == "capture" {
            let capture: Capture = serde_json::from_value(value).context("is no capture record")?;
            let (bursts, transmitters, stimuli) = (Vec::new(), Vec::new(), Vec::new());
            passes.push(Pass { capture, bursts, transmitters, summary: None, stimuli });
            return Ok(());
        }
        let Some(pass) = passes.last_mut() else { bail!("comes before any capture record") };
        match kind.as_str() {
            "burst" => pass.bursts.push(serde_json::from_value(value).context("is no burst record")?),
            "transmitter" => pass.transmitters.push(serde_json::from_value(value).context("is no transmitter record")?),
            "summary" => pass.summary = Some(serde_json::from_value(value).context("is no summary record")?),
            "stimulus" => pass.stimuli.push(stimulus(&value).context("is no stimulus record")?),
            // Records may be added to; a report does without what it does not know.
            _ => (),
        }
        Ok(())
    }
}

/// What a stimulus record says, in the words of the operator where there are any.
fn stimulus(value: &Value) -> Option<Stimulus> {
    let kind = value["kind"].as_str()?;
    let what = value["note"].as_str().map_or_else(|| kind.to_owned(), |note| format!("{kind}: {note}"));
    Some(Stimulus { time_s: value["time_s"].as_f64()?, what })
}
