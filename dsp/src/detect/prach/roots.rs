//! All roots at once: the differential search over frequency.
//!
//! In: the 839 bins of one transform of 0.8 ms. Out: how well each root fits, whatever the delay.
//! Method: the product of a bin with the conjugate of the bin `m` below turns a sequence of root `u` into a tone at
//! `m u⁻¹ mod 839`; the energies of the tones of several lags add up. Bins are limited to a multiple of their median,
//! so that neither another preamble nor a resource block decides over all products.

use std::sync::Arc;

use num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

use crate::spec::prach::{N_ZC, inverse};

/// Lags summed at first, and in the end.
const FIRST_LAGS: usize = 4;
const LAGS: usize = 16;
/// A sum over the first lags below this ends the search: 7 % of noise goes on (gamma of shape 4, 838 roots).
const FIRST_THRESHOLD: f32 = 16.0;
/// Roots above this sum over all lags are looked at exactly: 1 % of noise has one.
const THRESHOLD: f32 = 40.0;
/// Length of the transforms; padding keeps every tone within 0.2 of a bin.
const FFT_LEN: usize = 2048;
/// Bins are limited to this many times their median magnitude.
const LIMIT: f32 = 1.5;

/// A root with its sum over the lags.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scored {
    pub(super) root: usize,
    pub(super) score: f32,
}

/// The search with its buffers.
pub(super) struct Roots {
    fft: Arc<dyn Fft<f32>>,
    buffer: Vec<Complex32>,
    scratch: Vec<Complex32>,
    magnitudes: Vec<f32>,
    /// Bin of the transform nearest to each tone.
    nearest: Vec<u16>,
    /// Sum for each inverse root.
    sums: Vec<f32>,
    roots: Vec<u16>,
}

impl Roots {
    pub(super) fn new(planner: &mut FftPlanner<f32>) -> Self {
        let fft = planner.plan_fft_forward(FFT_LEN);
        Self {
            buffer: vec![Complex32::ZERO; FFT_LEN],
            scratch: vec![Complex32::ZERO; fft.get_inplace_scratch_len()],
            fft,
            magnitudes: Vec::with_capacity(N_ZC),
            nearest: (0..N_ZC).map(|tone| ((tone * FFT_LEN + N_ZC / 2) / N_ZC % FFT_LEN) as u16).collect(),
            sums: vec![0.0; N_ZC],
            roots: (0..N_ZC).map(|inverse_root| inverse(inverse_root) as u16).collect(),
        }
    }

    /// Limits the bins' magnitudes.
    pub(super) fn limit(&mut self, bins: &mut [Complex32]) {
        self.magnitudes.clear();
        self.magnitudes.extend(bins.iter().map(|bin| bin.norm()));
        let middle = self.magnitudes.len() / 2;
        let limit = LIMIT * *self.magnitudes.select_nth_unstable_by(middle, f32::total_cmp).1;
        for bin in bins {
            let magnitude = bin.norm();
            if magnitude > limit {
                *bin *= limit / magnitude;
            }
        }
    }

    /// Calls `found` with every root that stands out of limited bins; a `thorough` search looks at all lags of all.
    ///
    /// # Panics
    /// if there are not [`N_ZC`] bins.
    pub(super) fn search(&mut self, bins: &[Complex32], thorough: bool, mut found: impl FnMut(Scored)) {
        assert_eq!(bins.len(), N_ZC, "bins of one sequence");
        self.sums.fill(0.0);
        for lag in 1..=LAGS {
            self.add(bins, lag);
            if lag == FIRST_LAGS && !thorough && self.sums[1..].iter().all(|sum| *sum < FIRST_THRESHOLD) {
                return;
            }
        }
        for (root, sum) in self.roots.iter().zip(&self.sums).skip(1) {
            if *sum > THRESHOLD {
                found(Scored { root: usize::from(*root), score: *sum });
            }
        }
    }

    fn add(&mut self, bins: &[Complex32], lag: usize) {
        let mut power = 0.0;
        for ((product, upper), lower) in self.buffer.iter_mut().zip(&bins[lag..]).zip(bins) {
            *product = upper * lower.conj();
            power += product.norm_sqr();
        }
        self.buffer[N_ZC - lag..].fill(Complex32::ZERO);
        // Also turns away what is no number.
        if !(power > 0.0 && power.is_finite()) {
            return;
        }
        self.fft.process_with_scratch(&mut self.buffer, &mut self.scratch);
        let scale = power.recip();
        let mut tone = 0;
        for sum in &mut self.sums[1..] {
            tone += lag;
            if tone >= N_ZC {
                tone -= N_ZC;
            }
            *sum += self.buffer[usize::from(self.nearest[tone])].norm_sqr() * scale;
        }
    }
}
