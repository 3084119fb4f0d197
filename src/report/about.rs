//! What only a person knows of a sweep: a TOML file, every key optional, nothing unknown tolerated.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct About {
    /// Number of the report.
    pub report_id: Option<String>,
    /// Who asked for it.
    pub client: Option<String>,
    /// Site or vehicle, with plate and VIN.
    pub subject: Option<String>,
    /// Who did it.
    pub examiner: Option<String>,
    /// Date and time it began, as the examiner writes it.
    pub date: Option<String>,
    /// A line at the top, such as "confidential: for the client only".
    pub confidentiality: Option<String>,
    /// Areas and zones that were swept.
    pub included: Vec<String>,
    /// Areas that were not, with the reason.
    pub excluded: Vec<String>,
    /// Who was there.
    pub present: Option<String>,
    /// How phones were controlled.
    pub phones: Option<String>,
    /// Model and serial number of the receiver.
    pub receiver: Option<String>,
    /// Antennas.
    pub antennas: Option<String>,
    /// Gain, attenuation, calibration.
    pub settings: Option<String>,
    /// A known module heard before the sweep: which, and how.
    pub positive_control: Option<String>,
    /// The reference place: where, when, how long, the rule for a difference.
    pub baseline: Option<String>,
    /// What was done to make a module transmit.
    pub stimulus: Vec<Stimulus>,
    /// What became of transmitters.
    pub finding: Vec<Verdict>,
}

/// `[[stimulus]]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Stimulus {
    /// When, in seconds from the first sample of the first capture.
    pub time_s: f64,
    /// What was done.
    pub what: String,
}

/// `[[finding]]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Number of the transmitter in the records.
    pub transmitter: u64,
    /// `known`, `review` or `high interest`.
    pub disposition: Option<String>,
    /// Where it was strongest.
    pub place: Option<String>,
    /// What the client should do.
    pub action: Option<String>,
    /// Anything else.
    pub note: Option<String>,
}

impl About {
    /// Reads the file.
    ///
    /// # Errors
    /// where it cannot be read, is no TOML, or has a key that is not known; the message names the place.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{}: cannot be read; name an existing TOML file", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{}: does not describe a sweep", path.display()))
    }

    /// What was said of a transmitter.
    pub fn verdict(&self, transmitter: u64) -> Option<&Verdict> {
        self.finding.iter().find(|verdict| verdict.transmitter == transmitter)
    }
}
