//! Sequences as the detector wants them: by subcarrier, and as samples of one period.

use std::f64::consts::TAU;
use std::sync::Arc;

use num_complex::{Complex32, Complex64};
use rustfft::{Fft, FftPlanner};

use crate::spec::prach::{N_ZC, inverse};

/// Samples of one sequence at the refinement's rate: bins of its transform are subcarriers.
pub(super) const PERIOD: usize = 1536;
/// Subcarriers below the middle one.
pub(super) const HALF: usize = N_ZC / 2;
/// Length of the padded transform that delays are read from.
pub(super) const DELAY_LEN: usize = 2048;

/// Transforms of one period, with tables.
pub(super) struct Transforms {
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    delays: Arc<dyn Fft<f32>>,
    scratch: Vec<Complex32>,
    /// `exp(j 2π q / 839)`.
    circle: Vec<Complex32>,
    pub(super) padded: Vec<Complex32>,
}

impl Transforms {
    pub(super) fn new(planner: &mut FftPlanner<f32>) -> Self {
        let forward = planner.plan_fft_forward(PERIOD);
        let inverse = planner.plan_fft_inverse(PERIOD);
        let delays = planner.plan_fft_inverse(DELAY_LEN);
        let scratch_len = [&forward, &inverse, &delays].map(|fft| fft.get_inplace_scratch_len()).into_iter().max();
        let circle = (0..N_ZC).map(|q| Complex64::cis(TAU * q as f64 / N_ZC as f64)).map(narrow).collect();
        Self {
            forward,
            inverse,
            delays,
            scratch: vec![Complex32::ZERO; scratch_len.unwrap_or_default()],
            circle,
            padded: vec![Complex32::ZERO; DELAY_LEN],
        }
    }

    /// `X_u(k) / X_u(0)` for one root and a run of subcarriers that may begin below 0 or go on beyond 838: the
    /// sequence is periodic in frequency as well.
    pub(super) fn spectrum(&self, root: usize, first: i64) -> impl Iterator<Item = Complex32> + '_ {
        let step = inverse(root);
        let mut m = (first.rem_euclid(N_ZC as i64) as usize) * step % N_ZC;
        std::iter::repeat_with(move || {
            let value = self.circle[root * (m * (m + 1) / 2 % N_ZC) % N_ZC];
            m = (m + step) % N_ZC;
            value
        })
    }

    /// Spectrum of `samples` (one period) after turning them down by `shift_bins`; bin 0 is subcarrier `-reach` from
    /// the middle, `2 reach + 1` bins.
    pub(super) fn bins(&mut self, samples: &[Complex32], shift_bins: f64, reach: usize, out: &mut Vec<Complex32>) {
        let mut turner = Turner::new(-shift_bins / PERIOD as f64, 0.0);
        let mut buffer: Vec<Complex32> = samples.iter().take(PERIOD).map(|z| z * turner.next()).collect();
        buffer.resize(PERIOD, Complex32::ZERO);
        self.forward.process_with_scratch(&mut buffer, &mut self.scratch);
        out.clear();
        out.extend(buffer[PERIOD - reach..].iter().chain(&buffer[..=reach]));
    }

    /// One period of the sequence of `root`, delayed by `delay` of its own samples (1/839 of a period), its middle
    /// subcarrier at 0 Hz; mean power 1.
    pub(super) fn period(&mut self, root: usize, delay: f64) -> Vec<Complex32> {
        let mut turner = Turner::new(-delay / N_ZC as f64, 0.0);
        let values: Vec<Complex32> = self.spectrum(root, 0).take(N_ZC).map(|x| x * turner.next()).collect();
        let scale = (N_ZC as f32).sqrt().recip();
        let mut buffer = vec![Complex32::ZERO; PERIOD];
        for (k, value) in values.into_iter().enumerate() {
            buffer[(PERIOD + k - HALF) % PERIOD] = value * scale;
        }
        self.inverse.process_with_scratch(&mut buffer, &mut self.scratch);
        buffer
    }

    /// Delay (in samples of the sequence) at which `bins` fit `root` best, and the energy explained there over that of
    /// all bins, times their number: exponential of mean 1 in noise.
    pub(super) fn delay(&mut self, bins: &[Complex32], root: usize) -> (f64, f32) {
        let mut padded = std::mem::take(&mut self.padded);
        let mut energy = 0.0;
        for ((out, bin), x) in padded.iter_mut().zip(bins).zip(self.spectrum(root, 0)) {
            *out = bin * x.conj();
            energy += bin.norm_sqr();
        }
        padded[bins.len().min(DELAY_LEN)..].fill(Complex32::ZERO);
        self.delays.process_with_scratch(&mut padded, &mut self.scratch);
        let power = |i: usize| padded[i % DELAY_LEN].norm_sqr();
        let best = (0..DELAY_LEN).max_by(|&a, &b| power(a).total_cmp(&power(b))).unwrap_or_default();
        let (before, at, after) = (power(best + DELAY_LEN - 1), power(best), power(best + 1));
        let curvature = before - 2.0 * at + after;
        let offset = if curvature < 0.0 { (0.5 * (before - after) / curvature).clamp(-0.5, 0.5) } else { 0.0 };
        self.padded = padded;
        let delay = (best as f64 + f64::from(offset)) * N_ZC as f64 / DELAY_LEN as f64;
        (delay, if energy > 0.0 { at / energy } else { 0.0 })
    }
}

/// Successive values of a complex exponential.
pub(super) struct Turner {
    value: Complex64,
    step: Complex64,
}

impl Turner {
    /// `exp(j 2π (phase_turns + n turns_per_step))` for n = 0, 1, …
    pub(super) fn new(turns_per_step: f64, phase_turns: f64) -> Self {
        Self { value: Complex64::cis(TAU * phase_turns.fract()), step: Complex64::cis(TAU * turns_per_step.fract()) }
    }

    pub(super) fn next(&mut self) -> Complex32 {
        let value = narrow(self.value);
        self.value *= self.step;
        value
    }
}

pub(super) fn narrow(value: Complex64) -> Complex32 {
    Complex32::new(value.re as f32, value.im as f32)
}
