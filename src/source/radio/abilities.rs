//! What a device says it can do, and which uplink bands that lets it hear.

use dsp::spec::bands::{BANDS, Band};
use soapysdr::{Args, Device, Direction, Range};

use super::{CHANNEL, Found};

/// Ranges as a device tells them; empty where it does not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Abilities {
    /// Frequencies it can be tuned to.
    pub frequency_hz: Vec<(f64, f64)>,
    /// Sample rates.
    pub sample_rate_hz: Vec<(f64, f64)>,
    /// Gains.
    pub gain_db: Option<(f64, f64)>,
    /// Channels that receive.
    pub num_channels: usize,
}

impl Abilities {
    /// Opens the device and asks it.
    ///
    /// # Errors
    /// The driver's own words where it cannot be opened, as when another program uses it.
    pub fn of(found: &Found) -> Result<Self, String> {
        let args: Args = found.args.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let device = Device::new(args).map_err(|error| error.message)?;
        let pairs = |ranges: Result<Vec<Range>, soapysdr::Error>| -> Vec<(f64, f64)> {
            ranges.unwrap_or_default().iter().filter_map(sound).collect()
        };
        Ok(Self {
            frequency_hz: pairs(device.frequency_range(Direction::Rx, CHANNEL)),
            sample_rate_hz: pairs(device.get_sample_rate_range(Direction::Rx, CHANNEL)),
            gain_db: device.gain_range(Direction::Rx, CHANNEL).ok().as_ref().and_then(sound),
            num_channels: device.num_channels(Direction::Rx).unwrap_or(1),
        })
    }

    /// How much of a band's uplink it can be tuned to; `None` where it does not tell its range.
    pub fn share_of(&self, band: &Band) -> Option<f64> {
        let (low_hz, high_hz) = band.uplink_hz;
        let within = |(from_hz, to_hz): &(f64, f64)| (high_hz.min(*to_hz) - low_hz.max(*from_hz)).max(0.0);
        let most =
            self.frequency_hz.iter().map(within).fold(None, |most: Option<f64>, hz| Some(most.unwrap_or(0.0).max(hz)));
        most.map(|hz| hz / (high_hz - low_hz))
    }

    /// The part of a range that it can be tuned to: all where it does not tell its own.
    pub fn part_of(&self, low_hz: f64, high_hz: f64) -> Option<(f64, f64)> {
        if self.frequency_hz.is_empty() {
            return Some((low_hz, high_hz));
        }
        let part = |(from_hz, to_hz): &(f64, f64)| (low_hz.max(*from_hz), high_hz.min(*to_hz));
        let parts = self.frequency_hz.iter().map(part).filter(|(low_hz, high_hz)| low_hz < high_hz);
        parts.max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))
    }

    /// Bands it can hear whole, in part, and not at all, by number.
    pub fn bands(&self) -> [Vec<u16>; 3] {
        let mut sorted = [const { Vec::new() }; 3];
        for band in &BANDS {
            if let Some(share) = self.share_of(band) {
                let place = if share > 0.999 {
                    0
                } else if share > 0.0 {
                    1
                } else {
                    2
                };
                sorted[place].push(band.number);
            }
        }
        sorted
    }
}

/// Some drivers tell ranges of nothing, or of everything.
fn sound(range: &Range) -> Option<(f64, f64)> {
    (range.minimum.is_finite() && range.maximum.is_finite() && range.minimum <= range.maximum)
        .then_some((range.minimum, range.maximum))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An R820T is tuned from 24 to 1766 MHz: of band 3 (1710 to 1785 MHz) it hears three quarters, of band 1 nothing.
    #[test]
    fn a_cheap_tuner_ends_within_band_3() {
        let tuner = Abilities { frequency_hz: vec![(24e6, 1.766e9)], ..Abilities::default() };
        let [whole, part, none] = tuner.bands();
        assert!(whole.contains(&8) && whole.contains(&20) && whole.contains(&28));
        assert_eq!(part, [3, 66]);
        assert!(none.contains(&1) && none.contains(&7));
        assert_eq!(whole.len() + part.len() + none.len(), BANDS.len());
        assert_eq!(tuner.part_of(1.71e9, 1.785e9), Some((1.71e9, 1.766e9)));
        assert_eq!(tuner.part_of(1.92e9, 1.98e9), None);
    }

    #[test]
    fn of_what_is_not_told_nothing_is_said() {
        assert!(Abilities::default().bands().iter().all(Vec::is_empty));
    }
}
