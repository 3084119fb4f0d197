//! The one transform that serves everything: periodic Hann, 50 % overlap.
//!
//! In: `fft_len` consecutive samples, full scale 1. Out: `fft_len` complex amplitudes, lowest frequency first.
//! Method: unwindowed transform, the window applied as a three-tap sum over frequency.
//! A complex tone of amplitude 1 on a bin gives 1; white noise of variance `v` gives `1.5 v / fft_len` a bin in power.

use std::sync::Arc;

use num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

use crate::grid::Grid;

/// Equivalent noise bandwidth of the Hann window, bins.
pub const NOISE_BANDWIDTH_BINS: f64 = 1.5;

/// The transform for one grid, with its buffers.
pub struct Stft {
    fft: Arc<dyn Fft<f32>>,
    buffer: Vec<Complex32>,
    scratch: Vec<Complex32>,
    spectrum: Vec<Complex32>,
}

impl Stft {
    /// Plans the transform; the only allocation.
    pub fn new(grid: &Grid) -> Self {
        let len = grid.fft_len();
        let fft = FftPlanner::new().plan_fft_forward(len);
        let zero = Complex32::new(0.0, 0.0);
        Self {
            buffer: vec![zero; len],
            scratch: vec![zero; fft.get_inplace_scratch_len()],
            spectrum: vec![zero; len],
            fft,
        }
    }

    /// Windowed spectrum of one frame, lowest frequency first.
    ///
    /// # Panics
    /// if `samples.len() != fft_len`.
    pub fn transform(&mut self, samples: &[Complex32]) -> &mut [Complex32] {
        self.buffer.copy_from_slice(samples);
        self.fft.process_with_scratch(&mut self.buffer, &mut self.scratch);
        hann_in_frequency(&self.buffer, &mut self.spectrum);
        &mut self.spectrum
    }

    /// The spectrum last computed.
    pub fn spectrum(&self) -> &[Complex32] {
        &self.spectrum
    }
}

/// Applies the window and puts the lowest frequency first.
///
/// `w[n] = (1 - cos(2πn/N)) / 2` is, in frequency, half a bin's value minus a quarter of each neighbour's; the scale
/// `2 / N` makes a tone on a bin 1.
fn hann_in_frequency(bins: &[Complex32], out: &mut [Complex32]) {
    let (len, half) = (bins.len(), bins.len() / 2);
    // Bin `half + i` of the transform is the negative frequency that comes first.
    let (low, high) = out.split_at_mut(half);
    three_taps(&bins[half - 1..], len, &mut low[..half - 1]);
    three_taps(&bins[..half + 1], len, &mut high[1..]);
    low[half - 1] = tap(bins[len - 2], bins[len - 1], bins[0], len);
    high[0] = tap(bins[len - 1], bins[0], bins[1], len);
}

/// `out[i]` from the values `i`, `i + 1` and `i + 2` of a transform of `len`.
#[multiversion::multiversion(targets = "simd")]
fn three_taps(values: &[Complex32], len: usize, out: &mut [Complex32]) {
    let (centre, side) = (1.0 / len as f32, -0.5 / len as f32);
    for ((out, pair), after) in out.iter_mut().zip(values.windows(2)).zip(&values[2..]) {
        out.re = pair[1].re * centre + (pair[0].re + after.re) * side;
        out.im = pair[1].im * centre + (pair[0].im + after.im) * side;
    }
}

fn tap(before: Complex32, at: Complex32, after: Complex32, len: usize) -> Complex32 {
    at * (1.0 / len as f32) + (before + after) * (-0.5 / len as f32)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn tone(len: usize, cycles: f64) -> Vec<Complex32> {
        (0..len).map(|n| Complex32::cis((TAU * cycles * n as f64 / len as f64) as f32)).collect()
    }

    #[test]
    fn a_full_scale_tone_is_one_and_stands_at_its_bin() {
        let grid = Grid::new(1.92e6).unwrap();
        let mut stft = Stft::new(&grid);
        for offset in [-200i32, -1, 0, 1, 255] {
            let spectrum = stft.transform(&tone(512, f64::from(offset)));
            let k = (256 + offset) as usize;
            assert!((spectrum[k].norm() - 1.0).abs() < 1e-5);
            assert!((spectrum[k.saturating_sub(1)].norm() - 0.5).abs() < 1e-5 || k == 0);
            assert_eq!(grid.frequency_hz(k as f64), f64::from(offset) * 3750.0);
        }
    }

    #[test]
    fn the_window_in_frequency_is_the_window_in_time() {
        let grid = Grid::new(240e3).unwrap();
        let samples: Vec<Complex32> =
            (0..64).map(|n| Complex32::new((n * n % 17) as f32 - 8.0, (n * 7 % 13) as f32 - 6.0)).collect();
        let windowed: Vec<Complex32> = samples
            .iter()
            .enumerate()
            .map(|(n, s)| s * (0.5 - 0.5 * (TAU * n as f64 / 64.0).cos()) as f32 * (2.0 / 64.0))
            .collect();
        let spectrum = Stft::new(&grid).transform(&samples).to_vec();
        for (k, value) in spectrum.iter().enumerate() {
            let direct: Complex32 = windowed
                .iter()
                .enumerate()
                .map(|(n, w)| w * Complex32::cis((-TAU * (k as f64 - 32.0) * n as f64 / 64.0) as f32))
                .sum();
            assert!((direct - value).norm() < 1e-4, "bin {k}: {direct} against {value}");
        }
    }
}
