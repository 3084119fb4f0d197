//! Made-up bursts.

use dsp::finding::{Channel, Finding, Parameters, Segment, Technology};

/// A sure NB-IoT burst of 30 ms.
pub(crate) fn burst(channel: Channel, start_s: f64, center_hz: f64, bandwidth_hz: f64) -> Finding {
    Finding {
        extent: Segment { start_s, end_s: start_s + 0.03, center_hz, bandwidth_hz },
        segments: Vec::new(),
        power_dbfs: -40.0,
        snr_db: 20.0,
        technology: Technology::NbIot,
        channel,
        confidence: 0.9,
        clipped: false,
        parameters: Parameters { frequency_sigma_hz: Some(4.0), ..Parameters::default() },
    }
}

/// Seeded numbers (SplitMix64), so that a failing case can be had again.
pub(crate) struct Dice(pub(super) u64);

impl Dice {
    /// From 0 to 1.
    pub(super) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((word ^ (word >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// With mean 0 and deviation 1 (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.share()).cos()
    }

    /// Level of a look in Rayleigh fading against its mean power.
    pub(super) fn rayleigh_db(&mut self) -> f64 {
        10.0 * (-(1.0 - self.share()).ln()).max(1e-12).log10()
    }
}
