//! An unmodulated carrier: a spur, a beacon, or the reference tone of a test.

use num_complex::Complex64;

use super::Waveform;

/// A tone at the carrier.
#[derive(Debug, Clone, PartialEq)]
pub struct Tone {
    /// Length.
    pub duration_s: f64,
}

impl Tone {
    /// Bandwidth its SNR is counted in: it has none of its own, so one NPRACH subcarrier's.
    pub const REFERENCE_HZ: f64 = 3750.0;
}

impl Waveform for Tone {
    fn at(&self, _: f64) -> Complex64 {
        Complex64::ONE
    }

    fn duration_s(&self) -> f64 {
        self.duration_s
    }

    fn occupied_hz(&self) -> f64 {
        Self::REFERENCE_HZ
    }

    fn band_hz(&self) -> (f64, f64) {
        (-0.5, 0.5)
    }
}
