//! The one grid of time and frequency that everything is sought on.

use thiserror::Error;

/// Spacing the grid aims at: one NPRACH tone, a quarter of an LTE subcarrier (TS 36.211 §10.1.6, §5.6).
pub const TARGET_BIN_HZ: f64 = 3750.0;

/// Lowest sample rate that holds a whole NB-IoT carrier.
pub const MIN_SAMPLE_RATE_HZ: f64 = 240e3;

/// Highest sample rate the analysis is built for.
pub const MAX_SAMPLE_RATE_HZ: f64 = 61.44e6;

/// A sample rate the analysis cannot work at.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error(
    "a sample rate of {sample_rate_hz} S/s cannot be analysed: it must lie between 240 kS/s (one NB-IoT carrier) and \
     61.44 MS/s; resample the capture, or give the true rate with --rate"
)]
pub struct UnsupportedRate {
    /// The rate asked for.
    pub sample_rate_hz: f64,
}

/// Frames of a short-time transform with 50 % overlap whose bins are as close to 3.75 kHz as a quick transform allows.
///
/// Bin `k` stands at `(k - fft_len / 2) * bin_hz`; frame `m` covers the samples from `m * hop` to `m * hop + fft_len`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    sample_rate_hz: f64,
    fft_len: usize,
}

impl Grid {
    /// The grid for a sample rate, integer ratio to 3.75 kHz or not.
    ///
    /// # Errors
    /// [`UnsupportedRate`] outside [`MIN_SAMPLE_RATE_HZ`] to [`MAX_SAMPLE_RATE_HZ`] (1 Hz of slack for rounded rates).
    pub fn new(sample_rate_hz: f64) -> Result<Self, UnsupportedRate> {
        if !(MIN_SAMPLE_RATE_HZ - 1.0..=MAX_SAMPLE_RATE_HZ + 1.0).contains(&sample_rate_hz) {
            return Err(UnsupportedRate { sample_rate_hz });
        }
        let ideal = sample_rate_hz / TARGET_BIN_HZ;
        let error = |len: usize| (len as f64 / ideal - 1.0).abs();
        let (low, high) = ((ideal * 0.96) as usize, (ideal * 1.04) as usize + 2);
        let fft_len = (low..=high)
            .filter(|len| len % 4 == 0 && is_smooth(*len))
            .min_by(|&a, &b| error(a).total_cmp(&error(b)))
            .unwrap_or(ideal.round() as usize / 4 * 4);
        Ok(Self { sample_rate_hz, fft_len })
    }

    /// Samples a second.
    pub const fn sample_rate_hz(&self) -> f64 {
        self.sample_rate_hz
    }

    /// Samples of one frame, and bins of its spectrum; a multiple of 4.
    pub const fn fft_len(&self) -> usize {
        self.fft_len
    }

    /// Samples from one frame to the next.
    pub const fn hop(&self) -> usize {
        self.fft_len / 2
    }

    /// Distance of neighbouring bins.
    pub fn bin_hz(&self) -> f64 {
        self.sample_rate_hz / self.fft_len as f64
    }

    /// Distance of neighbouring frames.
    pub fn hop_s(&self) -> f64 {
        self.hop() as f64 / self.sample_rate_hz
    }

    /// Offset from the centre of a (fractional) bin position.
    pub fn frequency_hz(&self, bin: f64) -> f64 {
        (bin - (self.fft_len / 2) as f64) * self.bin_hz()
    }

    /// Fractional bin position of an offset from the centre.
    pub fn bin(&self, frequency_hz: f64) -> f64 {
        frequency_hz / self.bin_hz() + (self.fft_len / 2) as f64
    }

    /// Instant of the middle of frame `index`, seconds from the first sample.
    pub fn middle_s(&self, index: u64) -> f64 {
        (index as f64 + 1.0) * self.hop_s()
    }
}

/// Only the factors 2, 3, 5 and 7, which the transform is quick for.
fn is_smooth(mut n: usize) -> bool {
    for factor in [2, 3, 5, 7] {
        while n > 1 && n.is_multiple_of(factor) {
            n /= factor;
        }
    }
    n == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_close_to_the_tones_at_every_rate() {
        for rate in [240e3, 960e3, 1.92e6, 2.4e6, 30.72e6, 61.44e6] {
            assert_eq!(Grid::new(rate).unwrap().bin_hz(), 3750.0, "{rate}");
        }
        for rate in [250e3, 640e3, 2.048e6, 2.555_904e6, 2.56e6, 3.2e6, 10e6, 19.2e6, 20e6, 56e6, 1.234_567e6] {
            let grid = Grid::new(rate).unwrap();
            assert!((grid.bin_hz() / TARGET_BIN_HZ - 1.0).abs() < 0.042, "{rate}: {} Hz", grid.bin_hz());
        }
    }

    #[test]
    fn rates_out_of_range_are_refused() {
        for rate in [0.0, -1.0, 200e3, 100e6, 1e300, f64::NAN, f64::INFINITY] {
            assert!(Grid::new(rate).is_err(), "{rate}");
        }
    }

    #[test]
    fn bins_and_frequencies_are_inverse() {
        let grid = Grid::new(2.4e6).unwrap();
        assert_eq!(grid.frequency_hz(320.0), 0.0);
        assert_eq!(grid.bin(grid.frequency_hz(17.25)), 17.25);
    }
}
