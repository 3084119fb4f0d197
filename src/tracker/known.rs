//! The transmitters a person knows: names, notes, what to ignore. A list in TOML that is written by hand.
//!
//! ```toml
//! [[transmitter]]
//! name = "parking meter at exit B"
//! note = "reports every 15 min"
//! ignore = true
//! technology = "nb-iot"
//! frequency_hz = 842.184e6      # anywhere in the band its bursts occupy, to within tolerance_hz
//! tolerance_hz = 100e3
//! cell_id = 145
//! frequency_error_hz = -492.0   # to within 50 Hz
//! ```
//! In: the list, and a transmitter. Out: the first entry that fits it. Every field that is given must fit; a field the
//! transmitter does not tell does not count, but one of frequency, cell and frequency error must be told and fit.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::pipeline::snapshot::Transmitter;

/// How far a frequency error may wander from what the list says.
const ERROR_REACH_HZ: f64 = 50.0;
const TOLERANCE_HZ: f64 = 100e3;

/// One transmitter a person knows.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What the person calls it.
    pub name: String,
    /// What else there is to say.
    pub note: Option<String>,
    /// It is not looked for.
    #[serde(default)]
    pub ignore: bool,
    technology: Option<String>,
    frequency_hz: Option<f64>,
    tolerance_hz: Option<f64>,
    cell_id: Option<u16>,
    frequency_error_hz: Option<f64>,
}

/// The list.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    #[serde(default, rename = "transmitter")]
    entries: Vec<Entry>,
}

impl Known {
    /// Reads the list at `path`.
    ///
    /// # Errors
    /// where the file cannot be read, is no such list, or an entry fits everything.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{}: cannot be read; name another --known", path.display()))?;
        Self::parse(&text).with_context(|| format!("{}: is no list of known transmitters", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let known: Self = toml::from_str(text)?;
        for entry in &known.entries {
            let tells = entry.frequency_hz.is_some() || entry.cell_id.is_some() || entry.frequency_error_hz.is_some();
            ensure!(tells, "{}: give frequency_hz, cell_id or frequency_error_hz to know it by", entry.name);
        }
        Ok(known)
    }

    /// The entry that fits a transmitter heard around this radio frequency.
    pub fn of(&self, transmitter: &Transmitter, center_frequency_hz: Option<f64>) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.fits(transmitter, center_frequency_hz))
    }
}

impl Entry {
    fn fits(&self, transmitter: &Transmitter, center_frequency_hz: Option<f64>) -> bool {
        let technology = self.technology.as_deref().is_none_or(|name| name == transmitter.technology.name());
        let frequency = self.frequency_hz.zip(center_frequency_hz).map(|(known_hz, radio_hz)| {
            let reach_hz = transmitter.bandwidth_hz / 2.0 + self.tolerance_hz.unwrap_or(TOLERANCE_HZ);
            (radio_hz + transmitter.center_hz - known_hz).abs() <= reach_hz
        });
        let cell = self.cell_id.zip(transmitter.cell_ids.as_ref()).map(|(id, ids)| ids.contains(&id));
        let error = self.frequency_error_hz.zip(transmitter.frequency_error_hz);
        let error = error.map(|(known_hz, hz)| (known_hz - hz).abs() <= ERROR_REACH_HZ);
        let told = [frequency, cell, error];
        technology && told.contains(&Some(true)) && !told.contains(&Some(false))
    }
}

#[cfg(test)]
mod tests {
    use dsp::finding::Channel;

    use super::*;
    use crate::tracker::testing::burst;

    fn heard() -> Transmitter {
        let first = burst(Channel::Npusch1, 0.0, 184e3, 180e3);
        Transmitter { cell_ids: Some(vec![145]), frequency_error_hz: Some(-490.0), ..Transmitter::of(&first) }
    }

    fn name(list: &str, center_frequency_hz: Option<f64>) -> Option<String> {
        let known = Known::parse(list).expect("a list");
        known.of(&heard(), center_frequency_hz).map(|entry| entry.name.clone())
    }

    #[test]
    fn every_field_that_is_given_must_fit() {
        let entry = |rest: &str| format!("[[transmitter]]\nname = \"meter\"\n{rest}\n");
        let radio = Some(842e6);
        for fits in [
            "frequency_hz = 842.2e6",
            "cell_id = 145",
            "cell_id = 145\nfrequency_error_hz = -470.0\ntechnology = \"nb-iot\"",
        ] {
            assert_eq!(name(&entry(fits), radio).as_deref(), Some("meter"), "{fits}");
        }
        for fails in
            ["frequency_hz = 843e6", "cell_id = 145\ntechnology = \"lte\"", "cell_id = 145\nfrequency_error_hz = 0.0"]
        {
            assert_eq!(name(&entry(fails), radio), None, "{fails}");
        }
        assert_eq!(name(&entry("frequency_hz = 842.2e6"), None), None, "nothing to compare with");
    }

    #[test]
    fn a_list_that_says_nothing_or_something_else_is_refused() {
        assert_eq!(Known::parse("").expect("an empty list"), Known::default());
        for wrong in
            ["[[transmitter]]\nname = \"all\"", "[[transmitter]]\ncell_id = 1", "[[device]]\nname = \"x\"", "= 3"]
        {
            assert!(Known::parse(wrong).is_err(), "{wrong}");
        }
    }
}
