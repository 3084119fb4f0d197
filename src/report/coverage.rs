//! What was listened to, how well, and what silence can therefore mean.

use dsp::spec::bands::{BANDS, Band};

use super::session::Pass;

/// Signal over noise that a preamble of one repetition needs, in its 3.75 kHz.
const NEEDED_SNR_DB: f64 = 4.5;
const TONE_HZ: f64 = 3750.0;

/// Reporting periods that a reader can judge: live tracking, driving, logging, parked, asleep, battery units.
pub(super) const PERIODS_S: [f64; 6] = [10.0, 60.0, 180.0, 900.0, 4.0 * 3600.0, 24.0 * 3600.0];

/// Coverage of one pass.
pub(super) struct Coverage {
    pub(super) low_hz: Option<f64>,
    pub(super) high_hz: Option<f64>,
    pub(super) listened_s: Option<f64>,
    pub(super) blind_share: Option<f64>,
    pub(super) noise_dbfs_hz: Option<f64>,
    /// Weakest access preamble that would have been heard.
    pub(super) least_dbfs: Option<f64>,
    /// Uplink bands within it, with the share of each.
    pub(super) bands: Vec<(&'static Band, f64)>,
}

impl Coverage {
    pub(super) fn of(pass: &Pass) -> Self {
        let half_hz = pass.capture.sample_rate_hz / 2.0;
        let (low_hz, high_hz) = (pass.frequency_hz(-half_hz), pass.frequency_hz(half_hz));
        let listened_s = pass.listened_s();
        let blind_share = pass.summary.as_ref().zip(listened_s).map(|(summary, listened_s)| {
            let all_s = listened_s + summary.blind_s;
            if all_s > 0.0 { (summary.blind_s / all_s).clamp(0.0, 1.0) } else { 0.0 }
        });
        let noise_dbfs_hz = noise_density(pass);
        let share = |band: &Band| -> f64 {
            let (Some(low_hz), Some(high_hz)) = (low_hz, high_hz) else { return 0.0 };
            let shared_hz = (band.uplink_hz.1.min(high_hz) - band.uplink_hz.0.max(low_hz)).max(0.0);
            shared_hz / (band.uplink_hz.1 - band.uplink_hz.0)
        };
        Self {
            low_hz,
            high_hz,
            listened_s,
            blind_share,
            noise_dbfs_hz,
            least_dbfs: noise_dbfs_hz.map(|density| density + 10.0 * TONE_HZ.log10() + NEEDED_SNR_DB),
            bands: BANDS.iter().map(|band| (band, share(band))).filter(|(_, share)| *share > 0.0).collect(),
        }
    }

    /// Probability that a device which reports every `period_s`, at a phase nobody knows, was on the air while this was
    /// listened to.
    pub(super) fn chance(&self, period_s: f64) -> Option<f64> {
        Some((self.listened_s? / period_s).clamp(0.0, 1.0))
    }
}

/// Median over the bursts of the noise that their levels and ratios tell.
fn noise_density(pass: &Pass) -> Option<f64> {
    let told =
        pass.bursts.iter().filter(|burst| burst.bandwidth_hz > 0.0 && burst.parameters["tones"].as_u64() != Some(1));
    let mut densities: Vec<f64> =
        told.map(|burst| burst.power_dbfs - burst.snr_db - 10.0 * burst.bandwidth_hz.log10()).collect();
    densities.retain(|density| density.is_finite());
    densities.sort_by(f64::total_cmp);
    densities.get(densities.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::session::{Capture, Summary};

    fn pass(duration_s: f64) -> Pass {
        let capture = Capture {
            path: "a".into(),
            sample_rate_hz: 2.4e6,
            center_frequency_hz: Some(833e6),
            duration_s: Some(duration_s),
            datatype: "ci8".into(),
            sha256: None,
        };
        let samples = (2.4e6 * duration_s) as u64;
        let summary = Summary {
            samples_processed: samples,
            samples_dropped: samples / 4,
            blind_s: duration_s / 4.0,
            clipped_s: 0.0,
        };
        Pass { capture, bursts: vec![], transmitters: vec![], summary: Some(summary), stimuli: vec![] }
    }

    /// Eighteen minutes catch what reports every minute surely, what reports every four hours in one of thirteen.
    #[test]
    fn silence_means_as_much_as_was_listened() {
        let coverage = Coverage::of(&pass(1080.0));
        assert_eq!(coverage.chance(60.0), Some(1.0));
        assert!((coverage.chance(4.0 * 3600.0).unwrap() - 0.075).abs() < 1e-9);
        assert_eq!(coverage.blind_share, Some(0.2));
        assert_eq!(coverage.least_dbfs, None);
    }

    #[test]
    fn bands_are_those_that_the_capture_meets() {
        let bands: Vec<u16> = Coverage::of(&pass(1.0)).bands.iter().map(|(band, _)| band.number).collect();
        assert_eq!(bands, [5, 19, 20, 26]);
        let mut blind = pass(1.0);
        blind.capture.center_frequency_hz = None;
        assert!(Coverage::of(&blind).bands.is_empty());
    }
}
